package exchange_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/exchange"
	"github.com/cordonhq/cordon/media/mediatest"
)

// TestExamples reads the examples of docs/known-files.md.
func TestExamples(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(mediatest.Root(t), "docs", "known-files.md"))
	if err != nil {
		t.Fatal(err)
	}
	for form, want := range map[exchange.Format]int{exchange.CSV: 2, exchange.STIX: 2, exchange.ThreatExchange: 1} {
		_, rest, ok := strings.Cut(string(doc), "<!-- example: "+string(form)+" -->\n```")
		_, rest, ok2 := strings.Cut(rest, "\n")
		text, _, ok3 := strings.Cut(rest, "```")
		if !ok || !ok2 || !ok3 {
			t.Fatalf("docs/known-files.md has no example of %s", form)
		}
		o := exchange.Options{Now: now}
		if form == exchange.STIX { // whose indicators name no list
			o.List = cordon.KnownBlocked
		}
		got, err := exchange.Read(form, strings.NewReader(text), o)
		if err != nil || got.Mistakes() > 0 || len(got.Rows) != want {
			t.Errorf("%s: %v %+v", form, err, got)
		}
	}
}
