package conformance

import (
	"os"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// An org of the same build differs in nothing, and is left as it was.
func TestSameBuildDiffersInNothing(t *testing.T) {
	w := open(t, sim.Demo(), nil)
	report := w.do()
	for _, d := range report.Differences {
		t.Errorf("%+v", d)
	}
	for _, s := range report.Scripts {
		if s.State != Same || s.Calls == 0 {
			t.Errorf("%+v", s)
		}
	}
	if len(report.Scripts) != len(Scripts()) || report.Kind != "sandbox" || report.Calls > Estimate(Scripts()) || Estimate(Scripts()) > DefaultBudget {
		t.Errorf("%d scripts, %s, %d calls, estimate %d, default budget %d", len(report.Scripts), report.Kind, report.Calls, Estimate(Scripts()), DefaultBudget)
	}
	if n := len(w.org.Files()); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if r := report.Removal; !r.Clean() || r.Made < 220 || r.Removed != r.Made || r.Purged != r.Made {
		t.Errorf("%+v\n%s", r, w.notes.String())
	}
	if _, err := os.Stat(w.run.Journal); !os.IsNotExist(err) {
		t.Errorf("the journal is still there: %v", err)
	}
}
