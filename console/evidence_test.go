package console

import (
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// What a finding rests on stands beside it, and goes when an indicator does.
func TestEvidenceOfAFinding(t *testing.T) {
	mark := func(indicator string, weight float64) map[string]any {
		return map[string]any{"indicator": indicator, "weight": weight, "means": "Means " + indicator + ".", "where": "png text Software", "evidence": "the words of a person"}
	}
	lines := func(marks ...map[string]any) string {
		var b strings.Builder
		for _, l := range evidence(cordon.Finding{Detector: "marks", Detail: map[string]any{"marks": marks}}) {
			b.WriteString(l.What + " " + l.Means + "\n")
		}
		return b.String()
	}
	both := lines(mark("graph of steps", 1), mark("named as the program", 0.6))
	if want := "graph of steps, in png text Software: conclusive (1.0) Means graph of steps.\nnamed as the program, in png text Software: strong (0.6) Means named as the program.\n"; both != want {
		t.Errorf("%q", both)
	}
	if one := lines(mark("named as the program", 0.6)); strings.Contains(one, "graph") || !strings.Contains(one, "strong (0.6)") {
		t.Errorf("%q", one)
	}
	if strings.Contains(both, "words of a person") {
		t.Error("what was found in the file is repeated")
	}
	if got := evidence(cordon.Finding{Detail: map[string]any{"marks": "of another shape"}}); got != nil {
		t.Errorf("%v", got)
	}
}
