package events_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// gained lists what the org says it gained, each record once or the test fails.
func (w *world) gained(c *events.Census, from, to time.Time) map[string]events.Gained {
	w.Helper()
	out := map[string]events.Gained{}
	_, err := c.Gained(w.Context(), from, to, func(page []events.Gained) error {
		for _, g := range page {
			if _, twice := out[g.ID]; twice {
				w.Errorf("%s is listed twice", g.ID)
			}
			out[g.ID] = g
		}
		return nil
	})
	must(w.T, err)
	return out
}

// Day by day the lists hold exactly what the org gained: hundreds at one instant across the
// edge of a page, what was deleted since, and nothing of the days beside it. Whatever fails on
// the way is asked again.
func TestGainedIsTheTruth(t *testing.T) {
	now := time.Now().UTC().Truncate(24 * time.Hour)
	w := newWorld(t, sim.Population{Seed: 71, Files: population(3000), From: now.AddDate(0, 0, -12), To: now.Add(-time.Second)})
	for i := range 30 {
		verbs := []sim.Verb{sim.Answer, sim.Truncate, sim.Cut, sim.ExpireToken, sim.LoseAnswer}
		w.org.Fail(sim.Fault{Verb: verbs[i%len(verbs)], Path: "/services/data/*/queryAll", After: 2 * i, Status: http.StatusServiceUnavailable})
	}
	conf := w.config()
	conf.Line, conf.Things, conf.Page, conf.Attempts = nil, nil, 50, 8
	census := events.NewCensus(conf)
	found, deleted := 0, 0
	for day := now.AddDate(0, 0, -13); day.Before(now); day = day.AddDate(0, 0, 1) {
		got := w.gained(census, day, day.AddDate(0, 0, 1))
		for _, m := range w.truth.Files {
			g, listed := got[m.ID]
			on := !m.CreatedAt.Before(day) && m.CreatedAt.Before(day.AddDate(0, 0, 1))
			if on != listed {
				t.Fatalf("%s %s of %v: listed %v on %v", m.Object, m.ID, m.CreatedAt, listed, day)
			}
			if !listed {
				continue
			}
			found++
			if m.Deleted {
				deleted++
			}
			if g.Object != m.Object || string(g.Channel) != m.Channel || g.CreatedBy != m.CreatedBy || !g.Created.Equal(m.CreatedAt) ||
				g.Size != m.Size || g.Deleted != m.Deleted || g.Elsewhere {
				t.Errorf("%s is %+v, the truth is %+v", m.ID, g, m)
			}
			delete(got, m.ID)
		}
		if len(got) > 0 {
			t.Errorf("%v: %d files are listed that nobody made", day, len(got))
		}
	}
	if left := len(w.org.Faults()); left > 0 {
		t.Errorf("%d faults were not met", left)
	}
	if found != len(w.truth.Files) || deleted == 0 {
		t.Errorf("%d of %d files were listed, %d of them deleted", found, len(w.truth.Files), deleted)
	}
}

// One call lists 2 000 files, and a day without any costs one call an object.
func TestGainedIsCheap(t *testing.T) {
	now := time.Now().UTC().Truncate(24 * time.Hour)
	w := newWorld(t, sim.Population{Seed: 72, Files: 900, From: now.AddDate(0, 0, -1), To: now.Add(-time.Second)})
	census := events.NewCensus(w.config())
	for _, days := range []int{-1, -3} {
		calls, err := census.Gained(t.Context(), now.AddDate(0, 0, days), now.AddDate(0, 0, days+1), func([]events.Gained) error { return nil })
		if err != nil || calls != 3 {
			t.Errorf("%d calls, %v", calls, err)
		}
	}
	stop := errors.New("enough")
	if _, err := census.Gained(t.Context(), now.AddDate(0, 0, -1), now, func([]events.Gained) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of whoever reads ends it with %v", err)
	}
}

// A link to a file of another system is listed, and named as what it is.
func TestGainedElsewhere(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 73, Files: 40})
	id, err := w.org.Create("demo@example.com", "ContentVersion", map[string]any{"Title": "a link", "ContentUrl": "https://example.com/", "ContentLocation": "L"})
	if err != nil {
		t.Fatal(err)
	}
	got := w.gained(events.NewCensus(w.config()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if g, there := got[id]; !there || !g.Elsewhere || g.Channel != cordon.ChannelAPI {
		t.Errorf("it is %+v", g)
	}
}
