package events_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

func (w *world) backfill(edit ...func(*events.BackfillConfig)) *events.Backfill {
	c := events.BackfillConfig{Config: w.config(), Name: "first"}
	for _, e := range edit {
		e(&c)
	}
	return events.NewBackfill(c)
}

// someone starts and pauses.
var someone = cordon.Actor{Kind: cordon.Person, ID: "act_00000000000000000000000000"}

// fill begins a backfill and runs it to its end.
func (w *world) fill(b *events.Backfill, f events.Filter) events.Progress {
	w.Helper()
	_, err := b.Start(w.Context(), events.Plan{Filter: f}, someone)
	must(w.T, err)
	p, err := b.Run(w.Context())
	must(w.T, err)
	return p
}

// The estimate is the truth, a backfill observes all of it, and costs what was said.
func TestBackfillObservesEverything(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 21, Files: population(5000)})
	b := w.backfill()
	live, bytes, empty := w.truth.Live(), int64(0), 0
	for _, m := range live {
		if bytes += m.Size; m.Size == 0 {
			empty++
		}
	}
	e, err := b.Estimate(t.Context(), events.Plan{})
	must(t, err)
	if e.Files != len(live) || e.Take != len(live) || e.Bytes != bytes || e.Least <= 0 || e.Most < e.Least {
		t.Errorf("estimate %+v; the truth is %d files of %d bytes", e, len(live), bytes)
	}
	began := time.Now()
	p := w.fill(b, events.Filter{})
	took := time.Since(began)
	w.rates("backfill", events.Seen{Observed: p.Observed, Calls: p.Calls, Bytes: p.Bytes}, took)
	t.Logf("speed %+v", p.Speed())
	if p.State != events.Done || p.Observed != len(live) || p.Listed != len(live) || p.Taken != len(live) || p.Bytes != bytes {
		t.Errorf("%+v", p)
	}
	// Counts were taken twice: by Estimate and by Start.
	if want := e.Calls - int64(empty) + 3; p.Calls != want {
		t.Errorf("%d calls, want %d", p.Calls, want)
	}
	w.matches(live)
	if again, err := b.Run(t.Context()); err != nil || again.Calls != p.Calls {
		t.Errorf("a backfill that is done runs again: %+v, %v", again, err)
	}
	// A second one, under another name, downloads nothing again.
	if p = w.fill(w.backfill(func(c *events.BackfillConfig) { c.Name = "second" }), events.Filter{}); p.Known != len(live) || p.Observed != 0 || p.Calls > 100 {
		t.Errorf("the second time: %+v", p)
	}
}

func TestBackfillFilters(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 22, Files: 900})
	live := w.truth.Live()
	middle := live[len(live)/2].CreatedAt
	is := func(m sim.Made, ext string) bool {
		name := m.Path
		if m.Object != "ContentVersion" {
			name = m.Name
		}
		return strings.HasSuffix(strings.ToLower(name), "."+ext)
	}
	for i, c := range []struct {
		filter events.Filter
		want   func(sim.Made) bool
	}{
		{events.Filter{Objects: []string{"Attachment"}}, func(m sim.Made) bool { return m.Object == "Attachment" }},
		{events.Filter{To: middle}, func(m sim.Made) bool { return m.CreatedAt.Before(middle) }},
		{events.Filter{From: middle, Types: []string{"png"}}, func(m sim.Made) bool { return !m.CreatedAt.Before(middle) && is(m, "png") }},
		{events.Filter{Types: []string{"jpg", "PDF"}}, func(m sim.Made) bool { return is(m, "jpg") || is(m, "pdf") }},
	} {
		fresh := newWorld(t, sim.Population{Seed: 22, Files: 1})
		fresh.org, fresh.client, fresh.truth, fresh.url = w.org, w.client, w.truth, w.url // the same org, another store
		p := fresh.fill(fresh.backfill(), c.filter)
		want := slices.DeleteFunc(slices.Clone(live), func(m sim.Made) bool { return !c.want(m) })
		if len(want) == 0 || p.Observed != len(want) || p.Estimate.Files != len(want) {
			t.Errorf("%d: %d files, estimated %d, want %d", i, p.Observed, p.Estimate.Files, len(want))
		}
		fresh.matches(want)
	}
	for _, f := range []events.Filter{{Objects: []string{"Account"}}, {Types: []string{"x' OR Id != '"}}, {Sample: -1}, {From: middle, To: middle}} {
		if _, err := w.backfill().Start(t.Context(), events.Plan{Filter: f}, someone); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

// A sample has as many files as were asked for, the same ones for the same seed, also when
// it was interrupted.
func TestBackfillSample(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 23, Files: 1200})
	take := func(seed uint64, kill bool) []string {
		fresh := newWorld(t, sim.Population{Seed: 1, Files: 1})
		fresh.org, fresh.client, fresh.truth, fresh.url = w.org, w.client, w.truth, w.url
		small := func(c *events.BackfillConfig) { c.Batch, c.Page = 30, 200 }
		b := fresh.backfill(small)
		_, err := b.Start(t.Context(), events.Plan{Filter: events.Filter{Sample: 100, Seed: seed}}, someone)
		must(t, err)
		if kill {
			line := &mortal{Line: fresh.flow}
			line.left.Store(60)
			if _, err := fresh.backfill(small, func(c *events.BackfillConfig) { c.Line = line }).Run(t.Context()); !errors.Is(err, errDied) {
				t.Fatal(err)
			}
		}
		p, err := b.Run(t.Context())
		must(t, err)
		if p.Taken != 100 {
			t.Errorf("seed %d: %d files", seed, p.Taken)
		}
		ids := []string{}
		for id := range fresh.items() {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		return ids
	}
	one, same, other := take(7, false), take(7, true), take(8, false)
	if len(one) != 100 || !slices.Equal(one, same) {
		t.Errorf("%d and %d files of the same seed", len(one), len(same))
	}
	if slices.Equal(one, other) {
		t.Error("two seeds take the same files")
	}
}

// Killed at random while the org fails at random, a backfill goes on where it was: nothing
// is missed, nothing is there twice, and nothing is fetched again beyond the last batch.
func TestBackfillSurvives(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 24, Files: population(2000)})
	const batch, workers = 20, 4
	_, err := w.backfill().Start(t.Context(), events.Plan{}, someone)
	must(t, err)
	r := rand.New(rand.NewPCG(24, 24))
	deaths := 0
	for range 4000 {
		w.trouble(r)
		line := &mortal{Line: w.flow, persists: r.IntN(2) == 0}
		line.left.Store(1 + int64(r.IntN(len(w.truth.Files)/50)))
		ctx, cancel := context.WithCancel(t.Context())
		if r.IntN(4) == 0 {
			time.AfterFunc(time.Duration(r.IntN(200))*time.Millisecond, cancel)
		}
		_, err := w.backfill(func(c *events.BackfillConfig) { c.Line, c.Batch, c.Workers = line, batch, workers }).Run(ctx)
		cancel()
		if err == nil {
			break
		}
		deaths++
	}
	w.org.Heal()
	p, err := w.backfill().Run(t.Context())
	must(t, err)
	t.Logf("%d deaths, %d calls for %d files", deaths, p.Calls, p.Taken)
	if p.State != events.Done {
		t.Errorf("%+v", p)
	}
	w.matches(w.truth.Live())
	if len(w.truth.Files) > 5000 {
		return // the org has forgotten the first requests
	}
	again, byID := 0, map[string]int{}
	for _, line := range w.org.Log() {
		whole := line.Status == http.StatusOK && (line.Fault == "" || line.Fault == string(sim.ExpireToken))
		if whole && (strings.HasSuffix(line.Path, "/VersionData") || strings.HasSuffix(line.Path, "/Body")) {
			byID[line.Path]++
		}
	}
	for _, n := range byID {
		again += n - 1
	}
	t.Logf("%d downloads were made again", again)
	if again > deaths*batch {
		t.Errorf("%d downloads were made again after %d deaths in batches of %d", again, deaths, batch)
	}
}

// Paused from elsewhere, it ends behind its batch; a new process does not run it before it
// is resumed.
func TestBackfillPause(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 25, Files: 300})
	small := func(c *events.BackfillConfig) { c.Batch = 10 }
	b, desk := w.backfill(small), w.backfill()
	_, err := b.Start(t.Context(), events.Plan{}, someone)
	must(t, err)
	if _, err := desk.Start(t.Context(), events.Plan{}, someone); !errors.Is(err, cordon.ErrConflict) {
		t.Errorf("started twice: %v", err)
	}
	done := make(chan error)
	go func() { _, err := b.Run(t.Context()); done <- err }()
	for {
		if p, err := desk.Progress(t.Context()); err != nil || p.Taken > 0 {
			must(t, err)
			break
		}
	}
	must(t, desk.Pause(t.Context(), someone))
	if err := <-done; !errors.Is(err, events.ErrPaused) {
		t.Fatalf("the end of a paused run is %v", err)
	}
	stood := len(w.items())
	if _, err := w.backfill().Run(t.Context()); !errors.Is(err, events.ErrPaused) || len(w.items()) != stood {
		t.Errorf("it runs though paused: %v", err)
	}
	p, err := desk.Progress(t.Context())
	must(t, err)
	if p.State != events.Paused || p.Taken != stood {
		t.Errorf("%+v, %d items", p, stood)
	}
	must(t, desk.Resume(t.Context(), someone))
	if err := desk.Resume(t.Context(), someone); !errors.Is(err, cordon.ErrConflict) {
		t.Errorf("resumed twice: %v", err)
	}
	_, err = w.backfill().Run(t.Context())
	must(t, err)
	w.matches(w.truth.Live())
}

// It keeps to its share of the org's calls of a day and goes on the next.
func TestBackfillBudget(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 26, Files: 300})
	now := time.Now()
	b := w.backfill(func(c *events.BackfillConfig) {
		c.Batch, c.Now = 10, func() time.Time { return now }
	})
	_, err := b.Start(t.Context(), events.Plan{Share: 120.0 / (1 << 30)}, someone)
	must(t, err)
	days := 0
	for ; days < 10; days++ {
		p, err := b.Run(t.Context())
		if err == nil {
			break
		}
		if !errors.Is(err, events.ErrBudget) || p.DayCalls > 120 || p.DayCalls < 100 {
			t.Fatalf("day %d: %d calls, %v", days, p.DayCalls, err)
		}
		tomorrow := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		if p.Waiting == nil || p.Waiting.Why != events.WaitBudget || !p.Waiting.Until.Equal(tomorrow) {
			t.Errorf("day %d: it waits for %+v", days, p.Waiting)
		}
		now = now.Add(24 * time.Hour)
	}
	if days != 2 {
		t.Errorf("it took %d days beyond the first", days)
	}
	w.matches(w.truth.Live())
}

// A poller and a backfill meet the same files and observe each once.
func TestBackfillBesidePoller(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 27, Files: 500})
	polled := make(chan error)
	go func() {
		_, err := events.NewPoller(events.PollConfig{Config: w.config()}).Poll(t.Context())
		polled <- err
	}()
	p := w.fill(w.backfill(func(c *events.BackfillConfig) { c.Batch = 20 }), events.Filter{})
	must(t, <-polled)
	if p.State != events.Done {
		t.Errorf("%+v", p)
	}
	w.matches(w.truth.Files)
}
