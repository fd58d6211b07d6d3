package c2pa

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
)

var update = flag.Bool("update", false, "rewrite the tables in docs/c2pa.md")

// TestTablesInDocs keeps the lists of differences from the reference in docs/c2pa.md. That they
// are complete is what TestCorpus and TestReferenceMade check.
func TestTablesInDocs(t *testing.T) {
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	_, index := readIndex(t)
	answers := map[string]corpusFile{}
	for _, f := range index.Files {
		answers[f.File] = f
	}
	var b strings.Builder
	b.WriteString("| Trust lists | File | The reference says | Cordon says | Reason |\n|---|---|---|---|---|\n")
	for _, k := range slices.SortedFunc(maps.Keys(known), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[1], b[1]), cmp.Compare(a[0], b[0])) }) {
		d, want := known[k], answers[k[1]].Expected.Profiles[k[0]]
		state := string(answers[k[1]].state(k[0]))
		theirs := strings.TrimSpace(state + " " + strings.Join(want.Failure, " "))
		ours := strings.TrimSpace(cmp.Or(string(d.state), state) + " " + d.failures)
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", k[0], k[1], cell.Replace(theirs), cell.Replace(ours), cell.Replace(d.reason))
	}
	mediatest.TableIn(t, "c2pa.md", "corpus", b.String(), *update)

	b.Reset()
	b.WriteString("| Made file | Reason |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(stricter)) {
		if reason := stricter[name]; !strings.HasPrefix(reason, "codes: ") {
			fmt.Fprintf(&b, "| %s | %s |\n", cell.Replace(name), cell.Replace(reason))
		}
	}
	mediatest.TableIn(t, "c2pa.md", "stricter", b.String(), *update)

	b.Reset()
	b.WriteString("| Made file, invalid in both | Why the codes differ |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(stricter)) {
		if reason, ok := strings.CutPrefix(stricter[name], "codes: "); ok {
			fmt.Fprintf(&b, "| %s | %s |\n", cell.Replace(name), cell.Replace(reason))
		}
	}
	mediatest.TableIn(t, "c2pa.md", "codes", b.String(), *update)
}
