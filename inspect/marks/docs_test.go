package marks_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/inspect/marks"
	"github.com/cordonhq/cordon/media/mediatest"
)

var update = flag.Bool("update", false, "rewrite the table of generators in docs/detection.md")

// docs/detection.md lists every rule of the release.
func TestTableInDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString("| Recognised | Says | Where | What is looked for |\n|---|---|---|---|\n")
	escape := strings.NewReplacer("|", `\|`, "`", "'", "\n", " ")
	for _, g := range marks.Generators() {
		for _, r := range g.Rules {
			fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", g.Name, g.Strength, escape.Replace(r.Where), escape.Replace(r.Says))
		}
	}
	mediatest.Table(t, "generators", b.String(), *update)
}
