package app_test

import (
	"testing"

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
