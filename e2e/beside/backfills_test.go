package beside_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// operator does something as whoever keeps Cordon running.
func (w *world) operator(method, path string, in, out any) int {
	w.T.Helper()
	defer func(was string) { w.Token = was }(w.Token)
	w.Token = e2e.OperatorToken
	return w.API(method, path, in, out)
}

func (w *world) backfill(name string) (b desk.Backfill) {
	w.T.Helper()
	if status := w.API("GET", "/v1/backfills/"+name, nil, &b); status != http.StatusOK {
		w.T.Fatalf("backfill %s: %d", name, status)
	}
	return b
}

// startBackfill starts one of the whole org.
func (w *world) startBackfill(plan desk.BackfillPlan) (b desk.Backfill) {
	w.T.Helper()
	var raw []byte
	if status := w.operator("POST", "/v1/backfills", plan, &raw); status != http.StatusCreated {
		w.T.Fatalf("start: %d %s", status, raw)
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		w.T.Fatal(err)
	}
	return b
}

// smallBatches make a backfill commit often.
func smallBatches(o *app.Options) {
	o.TuneBackfill = func(c *events.BackfillConfig) { c.Batch, c.Page, c.Backoff = 10, 50, time.Millisecond }
}

// What the org held before Cordon came is looked at by the real detectors in the running
// gateway, and nothing of it is kept. The summary stays, also after a restart.
func TestBackfillOfAnOrg(t *testing.T) {
	w := newWorldWith(t, e2e.WorldOptions{App: func(c *app.Config) {
		c.Inspect.Costs = []app.CostConfig{{Detector: "c2pa", PerItem: 0.5, Currency: "EUR"}}
	}})
	truth, err := sim.Generate(w.Org, sim.Population{Seed: 31, Files: 120})
	if err != nil {
		t.Fatal(err)
	}
	live := truth.Live()
	var e desk.BackfillEstimate
	if status := w.operator("POST", "/v1/backfills/estimate", nil, &e); status != http.StatusOK || e.Files != len(live) || e.Take != len(live) || e.Calls < int64(len(live)) ||
		len(e.Money.Sums) != 1 || e.Money.Sums[0].Amount != float64(len(live))/2 || e.DailyCalls == 0 {
		t.Errorf("estimate: %d %+v; the org has %d files", status, e, len(live))
	}
	for _, path := range []string{"", "/estimate", "/x/pause"} {
		if status := w.API("POST", "/v1/backfills"+path, nil, nil); status != http.StatusForbidden {
			t.Errorf("a reviewer may POST %q: %d", path, status)
		}
	}
	b := w.startBackfill(desk.BackfillPlan{})
	w.Until("the backfill is done", func() bool { b = w.backfill(b.Name); return b.State == "done" })
	if b.Observed != len(live) || b.Taken != len(live) || b.Ended.IsZero() || b.Waiting != nil || b.CallsUnsure != 0 || b.Per1000 == nil || b.Spent.Sums[0].Amount != float64(len(live))/2 {
		t.Errorf("%+v", b)
	}
	if b.Calls < b.CallsLeast || b.Calls > b.CallsLeast+6 { // the counts of the estimate and of the start
		t.Errorf("%d calls, the least is %d", b.Calls, b.CallsLeast)
	}
	sum := func(parts []desk.BackfillPart) (files int) {
		for _, p := range parts {
			files += p.Files
		}
		return files
	}
	outcomes := 0
	for _, c := range b.Outcomes {
		outcomes += c.Count
	}
	if sum(b.ByObject) != len(live) || sum(b.ByChannel) != len(live) || outcomes != len(live) {
		t.Errorf("the summary does not add up: %+v", b)
	}
	kept := map[string]int{}
	for _, it := range w.Items("kept") {
		kept[it.UpstreamID]++
		if it.Verdict == nil {
			t.Errorf("no verdict on %s", it.ID)
		}
	}
	for _, m := range live {
		if kept[m.ID] != 1 {
			t.Errorf("%s %s is there %d times", m.Object, m.ID, kept[m.ID])
		}
	}
	w.Restart()
	if again := w.backfill(b.Name); again.Calls != b.Calls || again.Observed != b.Observed || again.State != "done" {
		t.Errorf("after a restart: %+v", again)
	}
	second := w.startBackfill(desk.BackfillPlan{Sample: 10})
	if second.Name == b.Name || !strings.HasPrefix(second.Name, b.Name) {
		t.Errorf("the second is called %s, the first %s", second.Name, b.Name)
	}
	w.Until("the sample is taken", func() bool { second = w.backfill(second.Name); return second.State == "done" })
	if second.Known != 10 || second.Observed != 0 {
		t.Errorf("a sample of what is on record: %+v", second)
	}
	var all struct{ Backfills []desk.Backfill }
	if w.API("GET", "/v1/backfills", nil, &all); len(all.Backfills) != 2 || all.Backfills[0].Name != second.Name {
		t.Errorf("list: %+v", all)
	}
}

// A price for what is not connected is most likely misspelt.
func TestCostsOfWhatIsNotConnected(t *testing.T) {
	w := newWorld(t)
	w.Stop()
	conf := w.Conf
	conf.Inspect.Costs = []app.CostConfig{{Detector: "c2ap", PerItem: 0.5, Currency: "EUR"}}
	if a, err := app.New(t.Context(), conf, w.Options); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("%v, %v", a, err)
	}
	w.Start()
}

// A backfill goes on by itself after the gateway was stopped, is paused, resumed and ended by
// people, whose acts are in the ledger under their names, and fetches nothing twice.
func TestBackfillGoesOnAfterRestarts(t *testing.T) {
	w := newWorldWith(t, e2e.WorldOptions{Options: smallBatches})
	truth, err := sim.Generate(w.Org, sim.Population{Seed: 32, Files: 300})
	if err != nil {
		t.Fatal(err)
	}
	live := truth.Live()
	b := w.startBackfill(desk.BackfillPlan{BackfillPace: desk.BackfillPace{Rate: 60}})
	if status := w.operator("POST", "/v1/backfills", nil, nil); status != http.StatusConflict {
		t.Errorf("a second one beside it: %d", status)
	}
	restarts := 0
	for ; restarts < 3; restarts++ {
		until := 30 * (restarts + 1)
		w.Until("some files are read", func() bool { return w.backfill(b.Name).Taken >= until })
		w.Restart()
	}
	if status := w.operator("POST", "/v1/backfills/"+b.Name+"/pause", nil, nil); status != http.StatusOK {
		t.Fatalf("pause: %d", status)
	}
	if status := w.operator("POST", "/v1/backfills/"+b.Name+"/pause", nil, nil); status != http.StatusConflict {
		t.Errorf("paused twice: %d", status)
	}
	w.Restart() // a paused one stays so
	stood := w.backfill(b.Name)
	if stood.State != "paused" || stood.Taken == len(live) {
		t.Fatalf("paused: %+v", stood)
	}
	w.operator("PUT", "/v1/backfills/"+b.Name+"/pace", desk.BackfillPace{Workers: 2}, nil)
	if status := w.operator("POST", "/v1/backfills/"+b.Name+"/resume", nil, nil); status != http.StatusOK {
		t.Errorf("resume: %d", status)
	}
	w.Until("the backfill is done", func() bool { b = w.backfill(b.Name); return b.State == "done" })
	if b.Observed != len(live) || b.Plan.Workers != 2 || b.Plan.Rate != 0 {
		t.Errorf("%+v", b)
	}
	waited := map[string]int{}
	for _, wait := range b.Waits {
		waited[wait.Why] = wait.Times
	}
	if waited["paused"] != 1 || waited["down"] == 0 {
		t.Errorf("waits: %+v", b.Waits)
	}
	downloads, again := map[string]int{}, 0
	for _, line := range w.Org.Log() {
		if line.Status == http.StatusOK && (strings.HasSuffix(line.Path, "/VersionData") || strings.HasSuffix(line.Path, "/Body")) {
			downloads[line.Path]++
		}
	}
	for _, n := range downloads {
		again += n - 1
	}
	// A clean stop cuts the batch under way short: what it had read by then is read again.
	if again > 10*restarts {
		t.Errorf("%d downloads were made again after %d restarts in batches of 10", again, restarts)
	}
	if b.CallsUnsure != 0 {
		t.Errorf("%d calls are unsure, though every process ended cleanly", b.CallsUnsure)
	}
	w.actsOn(b.Name, "start", "pause", "pace", "resume")
}

// actsOn checks what people did to a backfill, as the ledger has it, with an actor each.
func (w *world) actsOn(name string, want ...string) {
	w.T.Helper()
	db := w.Records()
	w.Until("every entry to have its place", func() bool {
		p, err := db.Pending(w.T.Context(), "clinic", 1)
		return err == nil && len(p) == 0
	})
	head, err := db.Head(w.T.Context(), "clinic")
	if err != nil {
		w.T.Fatal(err)
	}
	leaves, err := db.LeafEntries(w.T.Context(), "clinic", 0, head.Size)
	if err != nil {
		w.T.Fatal(err)
	}
	var got []string
	for _, leaf := range leaves {
		e, err := cordon.ParseEntry(leaf)
		if err != nil {
			w.T.Fatal(err)
		}
		act, ok := e.Facts["act"].(string)
		if e.Of.Kind != cordon.KindBackfill || string(e.Of.ID) != name || !ok {
			continue
		}
		if e.Actor.Kind != cordon.Person {
			w.T.Errorf("%s was done by %s", act, e.Actor)
		}
		got = append(got, act)
	}
	if !slices.Equal(got, want) {
		w.T.Errorf("the ledger has the acts %v, want %v", got, want)
	}
}
