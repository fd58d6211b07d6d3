package app_test

import (
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// What the org held before Cordon came is looked at by the real detectors, beside the
// running gateway, and nothing of it is kept.
func TestBackfillOfAnOrg(t *testing.T) {
	w := newWorld(t)
	truth, err := sim.Generate(w.org, sim.Population{Seed: 31, Files: 120})
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.app.Backfill("clinic", events.BackfillConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start(t.Context(), events.Filter{}); err != nil {
		t.Fatal(err)
	}
	p, err := b.Run(t.Context())
	if err != nil || p.State != events.Done || p.Observed != len(truth.Live()) {
		t.Fatalf("%+v, %v", p, err)
	}
	kept := map[string]int{}
	for _, it := range w.items("kept") {
		kept[it.UpstreamID]++
		if it.Verdict == nil {
			t.Errorf("no verdict on %s", it.ID)
		}
	}
	for _, m := range truth.Live() {
		if kept[m.ID] != 1 {
			t.Errorf("%s %s is there %d times", m.Object, m.ID, kept[m.ID])
		}
	}
	if _, err := w.app.Backfill("nobody", events.BackfillConfig{}); err == nil {
		t.Error("a tenant that is not configured has a backfill")
	}
}

// A file that came past the gateway is observed beside it, and what came through it is not
// taken for another.
func TestPollBesideTheGateway(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Tenants[0].Poll = 20 * time.Millisecond })
	through, err := w.uploadJSON("through", "through.png", []byte("a text that came through the gateway"))
	if err != nil || through.Status != 201 {
		t.Fatalf("%+v, %v", through, err)
	}
	past, _, err := w.org.Upload("past.png", []byte("a text that came past it"))
	if err != nil {
		t.Fatal(err)
	}
	seen := func() (states map[string]cordon.State) {
		states = map[string]cordon.State{}
		for _, it := range w.items("") {
			if _, twice := states[it.UpstreamID]; twice {
				t.Fatalf("%s is there twice", it.UpstreamID)
			}
			states[it.UpstreamID] = it.State
		}
		return states
	}
	w.until("the file that came past is observed", func() bool { return seen()[past] == cordon.Kept })
	if s := seen(); len(s) != 2 || s[through.id()] != cordon.Delivered {
		t.Errorf("on record: %v", s)
	}
}
