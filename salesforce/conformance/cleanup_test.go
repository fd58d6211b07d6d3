package conformance

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// counted counts requests to an org and calls at before each.
func counted(n *atomic.Int64, at func(n int64) bool) func(http.Handler) http.Handler {
	return func(org http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if at(n.Add(1)) {
				org.ServeHTTP(w, r)
				return
			}
			panic(http.ErrAbortHandler) // the connection is cut
		})
	}
}

// An interrupt between any two calls leaves the org as it was.
func TestInterruptCleansUp(t *testing.T) {
	for _, c := range []struct {
		after int64
		only  []string
	}{{4, nil}, {27, nil}, {60, nil}, {110, nil}, {150, nil}, {4, []string{"bulk", "errors-path"}}, {5, []string{"bulk", "errors-path"}}} {
		after := c.after
		var n atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w := open(t, sim.Demo(), counted(&n, func(n int64) bool {
			if n == after {
				cancel()
			}
			return true
		}))
		w.only(c.only...)
		before := w.counts()
		report, err := w.run.Do(ctx)
		if err != nil {
			t.Fatalf("after %d: %v", after, err)
		}
		if !report.Interrupted || !report.Removal.Clean() || w.counts() != before {
			t.Errorf("after %d calls: interrupted %v, %+v\n%s", after, report.Interrupted, report.Removal, w.counts())
		}
		if last := report.Scripts[len(report.Scripts)-1]; last.State != NotRun || len(report.Scripts) != len(w.run.Scripts) {
			t.Errorf("after %d: %+v", after, last)
		}
		if _, err := os.Stat(w.run.Journal); !os.IsNotExist(err) {
			t.Errorf("after %d: the journal is still there: %v", after, err)
		}
	}
}

// When the org cannot be reached any more, the journal says what is left, and cleaning up
// later finds it, also what was made by a call whose answer never came.
func TestCleanupFromTheJournal(t *testing.T) {
	for _, after := range []int64{27, 95, 150} {
		var n atomic.Int64
		var gone atomic.Bool
		w := open(t, sim.Demo(), counted(&n, func(n int64) bool {
			if n == after {
				gone.Store(true)
			}
			return !gone.Load()
		}))
		before := w.counts()
		w.org.Fail(sim.Fault{Verb: sim.LoseAnswer, Method: "POST", Object: "Attachment"})
		report, err := w.run.Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if report.Removal.Clean() || w.counts() == before {
			t.Fatalf("after %d: nothing is left, so that this tests nothing", after)
		}
		if info, err := os.Stat(w.run.Journal); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v %v", info, err)
		}
		if _, err := w.run.Do(t.Context()); !errors.Is(err, cordon.ErrConflict) && !strings.Contains(err.Error(), "did not answer") {
			t.Errorf("a second run begins over the first one's journal: %v", err)
		}
		gone.Store(false)
		if _, err := w.run.Do(t.Context()); !errors.Is(err, cordon.ErrConflict) || !strings.Contains(err.Error(), "--cleanup") {
			t.Errorf("a second run begins over the first one's journal: %v", err)
		}
		elsewhere := w.run.Org
		elsewhere.Base = w.run.Simulator.Base
		if _, err := Cleanup(t.Context(), elsewhere, w.run.Journal, nil); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("another org is cleaned up: %v", err)
		}
		// The last line of a journal may be cut off.
		f, err := os.OpenFile(w.run.Journal, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString(`{"at":"2026-`)
		f.Close()
		removal, err := Cleanup(t.Context(), w.run.Org, w.run.Journal, &w.notes)
		if err != nil || !removal.Clean() || w.counts() != before {
			t.Errorf("after %d: %v %+v\n%s\n%s", after, err, removal, w.counts(), w.notes.String())
		}
		if _, err := os.Stat(w.run.Journal); !os.IsNotExist(err) {
			t.Errorf("the journal is still there: %v", err)
		}
	}
}

// No budget is exceeded, and none is too small to clean up with.
func TestBudgetIsKept(t *testing.T) {
	least := preflight + reserve(0) + 1
	for budget := least; budget < Estimate(Scripts())+10; budget += 41 {
		var n atomic.Int64
		w := open(t, sim.Demo(), counted(&n, func(int64) bool { return true }))
		before := w.counts()
		w.run.Budget = budget
		report := w.do()
		if int(n.Load()) > budget || report.Calls != int(n.Load()) {
			t.Errorf("%d calls were made and %d reported of at most %d", n.Load(), report.Calls, budget)
		}
		if !report.Removal.Clean() || w.counts() != before || len(report.Differences) > 0 {
			t.Errorf("budget %d: %+v %+v", budget, report.Removal, report.Differences)
		}
		if all := budget >= Estimate(Scripts()); all != (report.state("errors-path").State == Same) && all {
			t.Errorf("a budget of the estimate leaves out %+v", report.state("errors-path"))
		}
	}
}

// What does not carry the marker is not removed, whatever id the org gave for it.
func TestOthersRecordsStay(t *testing.T) {
	var theirs string
	w := open(t, sim.Demo(), rewriting(func(r *http.Request, a *httptest.ResponseRecorder) []byte {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/sobjects/Account") && a.Code == 201 {
			return []byte(`{"id":"` + theirs + `","success":true,"errors":[]}`)
		}
		return a.Body.Bytes()
	}))
	var err error
	if theirs, err = w.org.Create("demo@example.com", "Account", map[string]any{"Name": "St Mary"}); err != nil {
		t.Fatal(err)
	}
	w.only("query", "attachment")
	before := w.counts()
	report := w.do()
	if w.counts() == "" || report.Removal.Clean() || report.Removal.Left[0].Count != 1 {
		t.Errorf("%+v", report.Removal)
	}
	if w.counts() != before {
		t.Errorf("%s\n%s", before, w.counts())
	}
	r := httptest.NewRequest(http.MethodGet, "/services/data/v64.0/sobjects/Account/"+theirs, nil)
	r.Header.Set("Authorization", "Bearer "+w.run.Org.Token)
	a := httptest.NewRecorder()
	w.org.Handler().ServeHTTP(a, r)
	if a.Code != 200 {
		t.Errorf("an account of the org is gone: %d", a.Code)
	}
}

func TestNoJournalOfOurs(t *testing.T) {
	path := t.TempDir() + "/journal"
	for _, text := range []string{"", "x\n", "{}\n", `{"host":"h","marker":"%"}` + "\n", `{"host":"h","marker":"cordon-conformance-"}` + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readJournal(path); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
