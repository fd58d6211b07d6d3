package coverage

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// values are the codes that a fact may have, which stand behind it; they are no facts.
var values = regexp.MustCompile(": `[a-z-]+`( or `[a-z-]+`)?")

// What the law writes down is what docs/ledger-format.md says, fact by fact.
func TestLedgerDocument(t *testing.T) {
	w := newWorld(t)
	w.count(monday)
	w.brings(1, 1, 9)
	w.brings(2, 10, 0)
	w.days(3)
	w.days(keepDetail)
	wrote := map[string][]string{}
	for _, e := range w.entries {
		wrote[string(e.Kind)] = slices.Sorted(maps.Keys(e.Facts))
	}
	if len(wrote) != 4 {
		t.Errorf("wrote %v", wrote)
	}
	doc, err := os.ReadFile("../docs/ledger-format.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind, facts := range wrote {
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(kind) + "` \\|[^|]*\\|([^|]*)\\|$").FindSubmatch(doc)
		if row == nil {
			t.Errorf("docs/ledger-format.md does not list %s, which carries: %s", kind, strings.Join(facts, " "))
			continue
		}
		var says []string
		for _, f := range regexp.MustCompile("`([a-z_]+)`").FindAllSubmatch(values.ReplaceAll(row[1], nil), -1) {
			says = append(says, string(f[1]))
		}
		if kind == "setting.changed" { // of other settings it says more
			says = slices.DeleteFunc(says, func(f string) bool { return !slices.Contains(facts, f) })
		}
		if slices.Sort(says); !slices.Equal(slices.Compact(says), facts) {
			t.Errorf("%s carries %q; docs/ledger-format.md says %q", kind, facts, says)
		}
	}
}
