package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/media"
)

// tally counts how files of a burst ended.
type tally struct {
	mu                     sync.Mutex
	refused, late, checked int
	longest                time.Duration // before checks began
}

// burst sends files of one caller at once, each of which takes so long, and waits for all.
func burst(q *inspect.Queue, n int, took time.Duration) *tally {
	var t tally
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			p, err := q.Keep("clinic", "caller")
			if err != nil {
				t.mu.Lock()
				t.refused++
				t.mu.Unlock()
				return
			}
			defer p.Leave()
			kept := time.Now()
			_, err = p.Enter(context.Background(), false)
			waited := time.Since(kept)
			if err == nil {
				time.Sleep(took)
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			if err != nil {
				t.late++
				return
			}
			t.checked++
			t.longest = max(t.longest, waited)
		})
	}
	all.Wait()
	return &t
}

// Whatever comes at once, checks that begin have their share of the budget left, and most of
// those who cannot be in time are told at once.
func TestQueueAdmitsWhatCanBeginInTime(t *testing.T) {
	for _, took := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 300 * time.Millisecond, 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			const share = 5 * time.Second
			q := inspect.NewQueue(inspect.QueueConfig{Slots: 8, Share: share})
			for round := range 3 {
				got := burst(q, 500, took)
				if got.refused+got.late+got.checked != 500 || got.checked == 0 || got.longest > share {
					t.Errorf("checks of %s, round %d: %+v", took, round, got)
				}
				// By the third round it has measured, and nobody waits in vain for long checks.
				if round == 2 && took > time.Second && got.late > 40 {
					t.Errorf("checks of %s: %d waited in vain", took, got.late)
				}
				if round == 2 && took < 100*time.Millisecond && got.checked < 450 {
					t.Errorf("checks of %s: only %d of 500 were looked at", took, got.checked)
				}
			}
			if s := q.Standing(); s.Running != 0 || s.Kept != 0 {
				t.Errorf("afterwards: %+v", s)
			}
		})
	}
}

// One who sends much waits behind himself: another tenant, and another caller of the same one,
// get their turn next.
func TestQueueIsSharedByTenantAndCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := inspect.NewQueue(inspect.QueueConfig{Slots: 4, Share: 5 * time.Second})
		go burst(q, 1000, time.Second)
		synctest.Wait()
		if s := q.Standing(); s.Running != 2 {
			t.Errorf("one caller has %d of 4 slots, want half", s.Running)
		}
		if _, err := q.Keep("clinic", "caller"); !errors.Is(err, cordon.ErrBusy) {
			t.Errorf("one more of the sender of a thousand: %v", err)
		}
		for _, who := range [][2]string{{"clinic", "somebody else"}, {"surgery", "caller"}} {
			p, err := q.Keep(cordon.TenantID(who[0]), who[1])
			if err != nil {
				t.Errorf("%s of %s: %v", who[1], who[0], err)
				continue
			}
			start := time.Now()
			if _, err := p.Enter(t.Context(), false); err != nil || time.Since(start) > time.Second {
				t.Errorf("%s of %s: %v after %s", who[1], who[0], err, time.Since(start))
			}
			p.Leave()
		}
		time.Sleep(time.Minute)
	})
}

// Tenants take turns, however many callers one has.
func TestQueueTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := inspect.NewQueue(inspect.QueueConfig{Slots: 2, Share: time.Hour})
		var mu sync.Mutex
		var order []string
		send := func(tenant, caller string) {
			p, err := q.Keep(cordon.TenantID(tenant), caller)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := p.Enter(context.Background(), false); err != nil {
				t.Error(err)
			}
			mu.Lock()
			order = append(order, tenant)
			mu.Unlock()
			time.Sleep(time.Second)
			p.Leave()
		}
		for i := range 6 {
			go send("many", fmt.Sprint(i))
		}
		synctest.Wait() // two of them run
		for range 2 {
			go send("few", "one")
		}
		time.Sleep(time.Minute)
		if at := slices.Index(order, "few"); at < 0 || at > 3 {
			t.Errorf("the order was %v", order)
		}
		if last := len(order) - 1 - slices.Index(order, "few"); last < 3 {
			t.Errorf("the order was %v", order)
		}
	})
}

// Work that nobody waits for is never refused, has a slot at any time, and half of them at most.
func TestQueueBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := inspect.NewQueue(inspect.QueueConfig{Slots: 4, Share: 5 * time.Second})
		var began, ended int
		var mu sync.Mutex
		for range 6 {
			go func() {
				p := q.Beside()
				defer p.Leave()
				if _, err := p.Enter(context.Background(), false); err != nil {
					t.Error(err)
				}
				mu.Lock()
				began++
				mu.Unlock()
				time.Sleep(time.Hour)
				mu.Lock()
				ended++
				mu.Unlock()
			}()
		}
		synctest.Wait()
		if began != 2 {
			t.Errorf("%d run, want half of the slots", began)
		}
		if got := burst(q, 2, time.Second); got.checked != 2 {
			t.Errorf("beside them: %+v", got)
		}
		time.Sleep(4 * time.Hour)
		if ended != 6 {
			t.Errorf("%d of 6 ended", ended)
		}
	})
}

// Whoever leaves the queue leaves nothing behind.
func TestQueueIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := inspect.NewQueue(inspect.QueueConfig{Slots: 1, Share: time.Second})
		first, err := q.Keep("clinic", "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := first.Enter(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		kept, err := q.Keep("clinic", "b") // and never entered
		if err != nil {
			t.Fatal(err)
		}
		kept.Leave()
		kept.Leave()
		late, err := q.Keep("clinic", "c")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := late.Enter(t.Context(), false); !errors.Is(err, cordon.ErrBusy) {
			t.Errorf("past its share: %v", err)
		}
		late.Leave()
		patient, err := q.Keep("clinic", "d")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := patient.Enter(ctx, true); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with patience: %v", err)
		}
		patient.Leave()
		first.Leave()
		if s := q.Standing(); s.Running != 0 || s.Kept != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

// A check that had no chance says something of the machine, and of the file nothing.
func TestBeginSaysWhoStarved(t *testing.T) {
	never := detector{"never", func(context.Context, *media.Media) ([]cordon.Finding, error) {
		t.Error("it began without time")
		return []cordon.Finding{fine}, nil
	}}
	slow := detector{"slow", func(ctx context.Context, _ *media.Media) ([]cordon.Finding, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	hungry := fails("hungry", fmt.Errorf("%w: no memory: %w", cordon.ErrBusy, context.DeadlineExceeded))
	for _, c := range []struct {
		name     string
		d        detector
		admitted time.Duration // ago
		busy     bool
	}{
		{"looked", says("fine", fine), 0, false},
		{"slow by itself", slow, 0, false},
		{"failed by itself", fails("broken", errors.New("broken")), 0, false},
		{"no memory", hungry, 0, true},
		{"no time", never, time.Hour, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := inspect.New([]inspect.Detector{c.d}, inspect.Config{Budget: time.Minute})
			m := open(t, "x")
			if c.admitted > 0 {
				m.Admitted = time.Now().Add(-c.admitted)
			}
			found, err := i.Begin(t.Context(), m)
			if errors.Is(err, cordon.ErrBusy) != c.busy || len(found) != 1 {
				t.Errorf("%s: %v, %+v", c.name, err, found)
			}
			time.Sleep(time.Hour) // until the goroutines are gone
		})
	}
}

// Whether others wanted the machine while a file was looked at decides what it means that a
// check did not end.
func TestQueueKnowsWhenItIsCrowded(t *testing.T) {
	keep := func(q *inspect.Queue) *inspect.Place {
		p, err := q.Keep("clinic", "caller")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	enter := func(p *inspect.Place) *inspect.Place {
		if _, err := p.Enter(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		return p
	}
	q := inspect.NewQueue(inspect.QueueConfig{Slots: 100, Share: time.Hour})
	alone := enter(keep(q))
	if alone.Crowded() {
		t.Error("alone, and crowded")
	}
	var others []*inspect.Place
	for range runtime.GOMAXPROCS(0) {
		others = append(others, keep(q))
	}
	if !alone.Crowded() || !enter(keep(q)).Crowded() {
		t.Error("more files than processors, and not crowded")
	}
	for _, p := range others {
		p.Leave()
	}
	if !alone.Crowded() {
		t.Error("that it was crowded is forgotten")
	}
}
