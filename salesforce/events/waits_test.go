package events_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// metered counts what the org has charged.
func (w *world) metered() (calls int64) {
	for _, line := range w.org.Log() {
		if strings.HasPrefix(line.Path, "/services/data/") {
			calls++
		}
	}
	return calls
}

// Killed at random, it says of its calls what it knows: those that it booked, and how many
// more it may have made. It says what time went where.
func TestBackfillBooksCalls(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 51, Files: 1500})
	const batch = 20
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	_, err := w.backfill(func(c *events.BackfillConfig) { c.Now = func() time.Time { return now } }).Start(t.Context(), events.Plan{}, someone)
	must(t, err)
	r := rand.New(rand.NewPCG(51, 51))
	deaths := 0
	// A call that is cut short before it is sent is booked all the same: one a worker.
	cut := func(deaths int) int64 { return 4 * int64(deaths) }
	for {
		line := &mortal{Line: w.flow, persists: r.IntN(2) == 0}
		line.left.Store(1 + int64(r.IntN(200)))
		_, err := w.backfill(func(c *events.BackfillConfig) {
			c.Line, c.Batch, c.Page, c.Now = line, batch, 250, func() time.Time { return now }
		}).Run(t.Context())
		if err == nil {
			break
		}
		if !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		deaths++
		now = now.Add(time.Minute)
		p, err := w.backfill().Progress(t.Context())
		must(t, err)
		if made := w.metered(); p.Calls > made+cut(deaths) || p.Calls+p.Unsure+p.Ahead < made {
			t.Fatalf("booked are %d calls, %d unsure and %d ahead; the org counted %d", p.Calls, p.Unsure, p.Ahead, made)
		}
	}
	p, err := w.backfill().Progress(t.Context())
	must(t, err)
	made := w.metered()
	t.Logf("%d deaths: %d calls booked and %d unsure, the org counted %d", deaths, p.Calls, p.Unsure, made)
	if deaths < 5 || p.Calls > made+cut(deaths) || p.Calls+p.Unsure < made || p.Ahead != 0 || p.Unsure > int64(deaths*(batch+1)) {
		t.Errorf("%d deaths, booked are %d calls and %d unsure; the org counted %d", deaths, p.Calls, p.Unsure, made)
	}
	if down := p.Waits[events.WaitDown]; down.Times == 0 || down.Times > deaths || down.For > time.Duration(deaths)*time.Minute {
		t.Errorf("down for %+v in %d deaths", down, deaths)
	}
	w.matches(w.truth.Live())
}

// An org that is away is waited for, and that is on record; so is what the calls in vain cost.
func TestBackfillOrgAway(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 52, Files: 200})
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	b := w.backfill(func(c *events.BackfillConfig) {
		c.Batch, c.Now = 20, func() time.Time { return now }
	})
	_, err := b.Start(t.Context(), events.Plan{}, someone)
	must(t, err)
	w.org.Fail(sim.Fault{Verb: sim.Answer, Status: 503, Path: "/services/data", After: 60, Times: -1})
	for range 3 {
		if _, err = b.Run(t.Context()); err == nil {
			t.Fatal("it ran through without an org")
		}
		now = now.Add(time.Minute)
	}
	p, err := b.Progress(t.Context())
	must(t, err)
	if p.Waiting == nil || p.Waiting.Why != events.WaitAway || now.Sub(p.Waiting.Since) != 3*time.Minute || p.State != events.Running || p.Unsure+p.Ahead != 0 {
		t.Errorf("%+v", p)
	}
	// A call that is cut short before it is sent is booked all the same.
	if made := w.metered(); p.Calls < made || p.Calls > made+3*4 {
		t.Errorf("%d calls are booked, the org counted %d", p.Calls, made)
	}
	w.org.Heal()
	p, err = b.Run(t.Context())
	must(t, err)
	if away := p.Waits[events.WaitAway]; away.Times != 1 || away.For != 3*time.Minute || p.Waiting != nil || p.State != events.Done {
		t.Errorf("%+v", p)
	}
	w.matches(w.truth.Live())
}

// By day it waits, says until when, and goes on by night.
func TestBackfillByNight(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 53, Files: 50})
	now := time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)
	b := w.backfill(func(c *events.BackfillConfig) { c.Now = func() time.Time { return now } })
	_, err := b.Start(t.Context(), events.Plan{Night: &events.Night{Window: "22:00-06:00", Zone: "America/New_York"}}, someone)
	must(t, err)
	made := w.metered()
	if _, err := b.Run(t.Context()); !errors.Is(err, events.ErrNight) {
		t.Fatalf("by day it ends with %v", err)
	}
	p, err := b.Progress(t.Context())
	must(t, err)
	if until := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC); p.Waiting == nil || p.Waiting.Why != events.WaitNight || !p.Waiting.Until.Equal(until) || w.metered() != made {
		t.Errorf("%+v", p)
	}
	now = p.Waiting.Until
	p, err = b.Run(t.Context())
	must(t, err)
	if p.State != events.Done || p.Waits[events.WaitNight].For != 13*time.Hour {
		t.Errorf("%+v", p)
	}
}

// What the org did not give out is asked for once more when everything else is done.
func TestBackfillTriesAgain(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 54, Files: 300})
	small := func(c *events.BackfillConfig) { c.Batch, c.Workers = 10, 1 }
	b := w.backfill(small)
	_, err := b.Start(t.Context(), events.Plan{Workers: 1}, someone)
	must(t, err)
	denied := sim.Fault{Verb: sim.Answer, Status: 403, Body: noAccess, Method: http.MethodGet, Path: "/services/data/*/sobjects/contentversion/*/versiondata", After: 20, Times: 12}
	w.org.Fail(denied)
	p, err := b.Run(t.Context())
	must(t, err)
	if p.NotReadable != 0 || p.Observed != len(w.truth.Live()) || len(p.Later) != 0 || p.State != events.Done {
		t.Errorf("%d not readable, %d of %d observed", p.NotReadable, p.Observed, len(w.truth.Live()))
	}
	unseen, files := 0, 0
	for _, part := range p.Parts {
		unseen, files = unseen+part.NotExamined, files+part.Files
	}
	if unseen != 0 || files != 2*p.Observed { // by object and by channel
		t.Errorf("the parts are %+v", p.Parts)
	}
	if extra := p.Calls - p.LeastCalls(); extra < 13 || extra > 20 { // 12 downloads, one list or two, three counts
		t.Errorf("%d calls more than the least", extra)
	}
	w.matches(w.truth.Live())

	// What stays away stays counted, and it ends.
	w = newWorld(t, sim.Population{Seed: 55, Files: 100})
	w.org.Fail(sim.Fault{Verb: sim.Answer, Status: 403, Body: noAccess, Path: "/services/data/*/sobjects/attachment/*/body", Times: -1})
	p = w.fill(w.backfill(small), events.Filter{Objects: []string{"Attachment"}})
	if p.NotReadable == 0 || p.NotReadable+p.Observed != p.Estimate.Take || p.Parts["object/Attachment"].NotExamined != p.NotReadable {
		t.Errorf("%+v", p)
	}
}

// Two processes that run the same backfill, which a lease should prevent, do not count twice.
func TestBackfillTwice(t *testing.T) {
	w := newWorld(t, sim.Population{Seed: 56, Files: 400})
	small := func(c *events.BackfillConfig) { c.Batch = 10 }
	_, err := w.backfill(small).Start(t.Context(), events.Plan{}, someone)
	must(t, err)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for {
				_, err := w.backfill(small).Run(t.Context())
				if err == nil {
					return
				}
				if !errors.Is(err, events.ErrElsewhere) && !errors.Is(err, cordon.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	both.Wait()
	p, err := w.backfill().Progress(t.Context())
	must(t, err)
	if n := len(w.truth.Live()); p.State != events.Done || p.Taken != n || p.Observed != n {
		t.Errorf("%d files: %+v", n, p)
	}
	w.matches(w.truth.Live())
}
