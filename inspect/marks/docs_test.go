package marks_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/inspect/marks"
	"github.com/cordonhq/cordon/media/mediatest"
)

var update = flag.Bool("update", false, "rewrite the table of generators in docs/detection.md")

// docs/detection.md lists every rule of the release.
func TestTableInDocs(t *testing.T) {
	path := filepath.Join(mediatest.Root(t), "docs", "detection.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| Recognised | Says | Where | What is looked for |\n|---|---|---|---|\n")
	escape := strings.NewReplacer("|", `\|`, "`", "'", "\n", " ")
	for _, g := range marks.Generators() {
		for _, r := range g.Rules {
			fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", g.Name, g.Strength, escape.Replace(r.Where), escape.Replace(r.Says))
		}
	}
	const mark, end = "<!-- generators:", "<!-- end -->"
	before, rest, ok := strings.Cut(string(old), mark)
	head, rest, ok2 := strings.Cut(rest, "\n")
	_, after, ok3 := strings.Cut(rest, end)
	if !ok || !ok2 || !ok3 {
		t.Fatal("docs/detection.md has no place for the table")
	}
	want := before + mark + head + "\n" + b.String() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if want != string(old) {
		t.Error("docs/detection.md is out of date; run go test ./inspect/marks -update")
	}
}
