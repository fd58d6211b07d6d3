package declared_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/declared"
	"github.com/cordonhq/cordon/media/mediatest"
)

var update = flag.Bool("update", false, "rewrite the table of generators in docs/detection.md")

// docs/detection.md lists every rule of the release.
func TestTableInDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString("| Recognised | Says | Indicator | Weight | Where | What is looked for |\n|---|---|---|---|---|---|\n")
	escape := strings.NewReplacer("|", `\|`, "`", "'", "\n", " ")
	for _, g := range declared.Generators() {
		for _, r := range g.Rules {
			fmt.Fprintf(&b, "| %s | %s | %s | %g %s | %s | `%s` |\n", g.Name, g.Strength, r.Name, r.Weight, r.Weight.Word(), escape.Replace(r.Where), escape.Replace(r.Says))
		}
	}
	mediatest.Table(t, "generators", b.String(), *update)

	b.Reset()
	b.WriteString("| Indicator | Weight | What the reviewer reads |\n|---|---|---|\n")
	seen := map[string]bool{}
	for _, g := range declared.Generators() {
		for _, r := range g.Rules {
			if line := fmt.Sprintf("| %s | %g %s | %s |\n", r.Name, r.Weight, r.Weight.Word(), r.Means); !seen[line] {
				seen[line] = true
				b.WriteString(line)
			}
		}
	}
	mediatest.Table(t, "indicators", b.String(), *update)

	b.Reset()
	b.WriteString("| Value | Class | Says | Held by default |\n|---|---|---|---|\n")
	for _, v := range declared.Vocabulary() {
		code, held := "`"+v.Code+"`", "no"
		if v.Retired {
			code += " (retired)"
		}
		switch v.Class {
		case declared.Trained:
			held = "yes, `synthetic-tag`"
		case declared.PartlyTrained:
			held = "yes, `composite-tag`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code, v.Class, v.Says, held)
	}
	mediatest.Table(t, "source types", b.String(), *update)
}
