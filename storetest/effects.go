package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// owe commits an item that owes one effect.
func owe(t *testing.T, db *store.DB, tenant cordon.TenantID, notBefore time.Time) cordon.Effect {
	t.Helper()
	c := Receive(NewItem(tenant))
	e := cordon.NewEffect(cordon.EffectShred, c.Of)
	e.NotBefore = notBefore
	c.Effects = []cordon.Effect{e}
	commit(t, db, c)
	return e
}

// finish is the change with which a handler says that its effect is done.
func finish(e cordon.Effect) cordon.Change {
	return cordon.Change{Of: e.Of, From: cordon.Received, To: cordon.Received,
		Entries: []cordon.Entry{Entry(cordon.EntryShredded, e.Of)}, Done: []cordon.ID{e.ID}}
}

func effect(t *testing.T, db *store.DB, e cordon.Effect) store.EffectLine {
	t.Helper()
	return must(db.Effect(context.WithoutCancel(t.Context()), e.Of.Tenant, e.ID))(t)
}

func testEffectClaims(t *testing.T, db *store.DB) {
	ctx := t.Context()
	e := owe(t, db, acme, time.Time{})
	got := must(db.ClaimEffect(ctx, acme, e.ID, "one", time.Minute))(t)
	if got.ID != e.ID || got.Kind != e.Kind || got.Of != e.Of || got.Attempts != 1 {
		t.Fatalf("claimed %+v", got)
	}
	for _, holder := range []string{"one", "two"} {
		_, err := db.ClaimEffect(ctx, acme, e.ID, holder, time.Minute)
		wantErr(t, err, cordon.ErrConflict)
	}
	_, err := db.ClaimEffect(ctx, other, e.ID, "one", time.Minute)
	wantErr(t, err, cordon.ErrConflict)
	wantErr(t, db.RetryEffect(ctx, acme, e.ID, "two", time.Now(), "failed"), cordon.ErrConflict)
	wantErr(t, db.RetryEffect(ctx, acme, e.ID, "", time.Now(), "asked"), cordon.ErrConflict)

	// Given back, it is free at once and the attempt does not count.
	wantErr(t, db.GiveBack(ctx, acme, e.ID, "one"), nil)
	wantEqual(t, "attempts", must(db.ClaimEffect(ctx, acme, e.ID, "two", time.Millisecond))(t).Attempts, 1)
	eventually(t, "the lease ends", func() bool {
		_, err := db.ClaimEffect(ctx, acme, e.ID, "three", time.Minute)
		return err == nil
	})

	// Retried, it waits for its time.
	wantErr(t, db.RetryEffect(ctx, acme, e.ID, "three", time.Now().Add(time.Hour), "failed"), nil)
	_, err = db.ClaimEffect(ctx, acme, e.ID, "four", time.Minute)
	wantErr(t, err, cordon.ErrConflict)
	line := effect(t, db, e)
	if line.State != store.EffectOwed || line.Code != "failed" || line.Attempts != 2 || line.Holder != "" {
		t.Fatalf("effect is %+v", line)
	}
	wantErr(t, db.RetryEffect(ctx, acme, e.ID, "", time.Time{}, "asked"), nil) // a person asks for it now
	must(db.ClaimEffect(ctx, acme, e.ID, "four", time.Minute))(t)
	commit(t, db, finish(e))
	_, err = db.ClaimEffect(ctx, acme, e.ID, "five", time.Minute)
	wantErr(t, err, cordon.ErrConflict)
	wantErr(t, db.RetryEffect(ctx, acme, e.ID, "", time.Time{}, "asked"), cordon.ErrConflict)
	wantEqual(t, "owed", len(must(db.OwedEffects(ctx, 10))(t)), 0)

	// Of many who want one, one gets it.
	e = owe(t, db, acme, time.Time{})
	var got1 atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := db.ClaimEffect(ctx, acme, e.ID, fmt.Sprint("h", i), time.Minute); err == nil {
				got1.Add(1)
			} else {
				wantErrIn(t, err, cordon.ErrConflict)
			}
		})
	}
	wg.Wait()
	wantEqual(t, "claims", got1.Load(), 1)
}

func testEffectDoneOnce(t *testing.T, db *store.DB) {
	e := owe(t, db, acme, time.Time{})
	commit(t, db, finish(e))
	again := finish(e)
	wantErr(t, db.Commit(t.Context(), again), cordon.ErrConflict)
	_, err := db.EntryIndex(t.Context(), acme, again.Entries[0].ID)
	wantErr(t, err, cordon.ErrNotFound)
	if line := effect(t, db, e); line.State != store.EffectDone || line.DoneAt.IsZero() {
		t.Fatalf("effect is %+v", line)
	}
}

// work starts a runner that is quick to retry and stops it with the test.
func work(t *testing.T, db *store.DB, c store.WorkConfig) *store.Runner {
	t.Helper()
	if c.Node == "" {
		c.Node = "test"
	}
	if c.FirstRetry == 0 {
		c.FirstRetry, c.LastRetry = time.Millisecond, 20*time.Millisecond
	}
	if c.Sweep == 0 {
		c.Sweep = 50 * time.Millisecond
	}
	r := must(db.Work(t.Context(), c))(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stop: %v", err)
		}
	})
	return r
}

// commitIn commits for a handler, whose test may be ending.
func commitIn(ctx context.Context, db *store.DB, c cordon.Change) error {
	return db.Commit(context.WithoutCancel(ctx), c)
}

func testWorkCarriesOut(t *testing.T, db *store.DB) {
	var mu sync.Mutex
	seen := map[cordon.ID]int{}
	early := owe(t, db, acme, time.Time{}) // before anyone works
	later := owe(t, db, acme, time.Now().Add(time.Hour))
	work(t, db, store.WorkConfig{Handle: func(ctx context.Context, e cordon.Effect) error {
		mu.Lock()
		seen[e.ID]++
		mu.Unlock()
		return commitIn(ctx, db, finish(e))
	}})
	all := []cordon.Effect{early}
	for i := range 40 {
		all = append(all, owe(t, db, []cordon.TenantID{acme, other}[i%2], time.Time{}))
	}
	eventually(t, "every effect is done", func() bool {
		for _, e := range all {
			if effect(t, db, e).State != store.EffectDone {
				return false
			}
		}
		return true
	})
	mu.Lock()
	defer mu.Unlock()
	for _, e := range all {
		wantEqual(t, "times handled", seen[e.ID], 1)
	}
	wantEqual(t, "times the later one was handled", seen[later.ID], 0)
}

func testWorkRetries(t *testing.T, db *store.DB) {
	e := owe(t, db, acme, time.Time{})
	var calls atomic.Int32
	work(t, db, store.WorkConfig{Handle: func(ctx context.Context, got cordon.Effect) error {
		switch n := calls.Add(1); {
		case got.Attempts != int(n):
			t.Errorf("attempt %d is call %d", got.Attempts, n)
			fallthrough
		case n == 1:
			return errors.New("nobody answers")
		case n == 2:
			return nil // and nothing done
		case n == 3:
			panic("a bug")
		case n < 8:
			return errors.New("still nobody")
		}
		return commitIn(ctx, db, finish(got))
	}})
	codes := map[string]bool{}
	eventually(t, "it is done in the end", func() bool {
		line := effect(t, db, e)
		codes[line.Code] = true
		return line.State == store.EffectDone
	})
	wantEqual(t, "calls", calls.Load(), 8)
	if !codes["failed"] {
		t.Errorf("codes seen are %v, want failed among them", codes)
	}
}

func testWorkSetsAside(t *testing.T, db *store.DB) {
	e := owe(t, db, acme, time.Time{})
	var hopeless atomic.Bool
	hopeless.Store(true)
	work(t, db, store.WorkConfig{Handle: func(ctx context.Context, got cordon.Effect) error {
		if hopeless.Load() {
			return fmt.Errorf("the record is gone: %w", cordon.ErrPermanent)
		}
		return commitIn(ctx, db, finish(got))
	}})
	eventually(t, "it is set aside", func() bool { return effect(t, db, e).State == store.EffectStuck })
	stuck := must(db.StuckEffects(t.Context(), acme, 10))(t)
	if len(stuck) != 1 || stuck[0].ID != e.ID || stuck[0].Attempts != 1 {
		t.Fatalf("stuck are %+v", stuck)
	}
	wantEqual(t, "owed", len(must(db.OwedEffects(t.Context(), 10))(t)), 0)
	wantEqual(t, "stuck elsewhere", len(must(db.StuckEffects(t.Context(), other, 10))(t)), 0)

	hopeless.Store(false)
	wantErr(t, db.RetryEffect(t.Context(), acme, e.ID, "", time.Time{}, "asked"), nil)
	eventually(t, "it is done after a person asked", func() bool { return effect(t, db, e).State == store.EffectDone })
}

// An effect whose job is gone while nobody is at it is found by the sweeper.
func testWorkSweeps(t *testing.T, db *store.DB) {
	e := owe(t, db, acme, time.Time{})
	var handled atomic.Int32
	work(t, db, store.WorkConfig{Handle: func(ctx context.Context, got cordon.Effect) error {
		handled.Add(1)
		return commitIn(ctx, db, finish(got))
	}})
	eventually(t, "the first is done", func() bool { return effect(t, db, e).State == store.EffectDone })

	// Someone claims an effect and vanishes without a word; its job comes to nothing. Whether the
	// runner is quicker is not what this is about: then there is another one.
	owed := int32(1)
	var lost cordon.Effect
	for vanished := false; !vanished; {
		lost = owe(t, db, acme, time.Time{})
		owed++
		_, err := db.ClaimEffect(t.Context(), acme, lost.ID, "vanished", 300*time.Millisecond)
		vanished = err == nil
	}
	eventually(t, "the lost one is done", func() bool { return effect(t, db, lost).State == store.EffectDone })
	wantEqual(t, "attempts", effect(t, db, lost).Attempts, 2)
	eventually(t, "all are handled", func() bool { return handled.Load() >= owed })
	wantEqual(t, "times handled", handled.Load(), owed)
}

func testWorkTwoNodes(t *testing.T, db *store.DB) {
	var mu sync.Mutex
	running := map[cordon.ID]bool{}
	times := map[cordon.ID]int{}
	handle := func(ctx context.Context, e cordon.Effect) error {
		mu.Lock()
		if running[e.ID] {
			t.Errorf("effect %s is handled twice at once", e.ID)
		}
		running[e.ID] = true
		times[e.ID]++
		first := times[e.ID] == 1
		mu.Unlock()
		defer func() {
			mu.Lock()
			running[e.ID] = false
			mu.Unlock()
		}()
		time.Sleep(2 * time.Millisecond)
		if first {
			return errors.New("once more")
		}
		return commitIn(ctx, db, finish(e))
	}
	for _, node := range []string{"a", "b"} {
		work(t, db, store.WorkConfig{Node: node, Handle: handle, Sweep: 10 * time.Millisecond})
	}
	var all []cordon.Effect
	for range 40 {
		all = append(all, owe(t, db, acme, time.Time{}))
	}
	eventually(t, "every effect is done", func() bool {
		for _, e := range all {
			if effect(t, db, e).State != store.EffectDone {
				return false
			}
		}
		return true
	})
	mu.Lock()
	defer mu.Unlock()
	for id, n := range times {
		if n != 2 {
			t.Errorf("effect %s was handled %d times, want 2", id, n)
		}
	}
}

// A handler that takes longer than the lease keeps it, because it is renewed.
func testWorkKeepsLease(t *testing.T, db *store.DB) {
	e := owe(t, db, acme, time.Time{})
	began, goOn := make(chan struct{}), make(chan struct{})
	const lease = 10 * time.Second
	work(t, db, store.WorkConfig{Lease: lease, Handle: func(ctx context.Context, got cordon.Effect) error {
		close(began) // panics if it is called twice
		<-goOn
		return errors.Join(ctx.Err(), commitIn(ctx, db, finish(got)))
	}})
	<-began
	until := effect(t, db, e).Until
	eventually(t, "the lease is renewed before it ends", func() bool { return effect(t, db, e).Until.After(until) })
	_, err := db.ClaimEffect(t.Context(), acme, e.ID, "thief", lease)
	wantErr(t, err, cordon.ErrConflict)
	close(goOn)
	eventually(t, "it is done", func() bool { return effect(t, db, e).State == store.EffectDone })
	wantEqual(t, "attempts", effect(t, db, e).Attempts, 1)
}

func testEffectsCounted(t *testing.T, db *store.DB) {
	wantEqual(t, "before any", len(must(db.Owed(t.Context()))(t)), 0)
	first := owe(t, db, acme, time.Time{})
	owe(t, db, acme, time.Time{})
	owe(t, db, acme, time.Now().Add(time.Hour))
	owe(t, db, other, time.Now().Add(time.Hour))
	commit(t, db, finish(owe(t, db, acme, time.Time{})))
	aside := owe(t, db, acme, time.Time{})
	work(t, db, store.WorkConfig{Handle: func(_ context.Context, e cordon.Effect) error {
		if e.ID == aside.ID {
			return cordon.ErrPermanent
		}
		return errors.New("not yet")
	}, FirstRetry: time.Millisecond, LastRetry: time.Millisecond})
	eventually(t, "one is set aside", func() bool { return effect(t, db, aside).State == store.EffectStuck })
	got := must(db.Owed(t.Context()))(t)
	if len(got) != 2 || got[0].Tenant != acme || got[1] != (store.Owed{Tenant: other, Kind: cordon.EffectShred, Later: 1}) {
		t.Fatalf("counted %+v", got)
	}
	o := got[0]
	if o.Kind != cordon.EffectShred || o.Due+o.Later != 3 || o.Stuck != 1 {
		t.Fatalf("counted %+v", o)
	}
	if oldest := effect(t, db, first).CreatedAt; o.Due > 0 && o.Since.Before(oldest) {
		t.Fatalf("due since %v, before %v", o.Since, oldest)
	}
}

// A runner stopped the hard way gives its effect back.
func testWorkStops(t *testing.T, db *store.DB) {
	e := owe(t, db, acme, time.Time{})
	began := make(chan struct{})
	r := work(t, db, store.WorkConfig{Handle: func(ctx context.Context, _ cordon.Effect) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	}})
	<-began
	if err := r.Stop(ctxDone); !errors.Is(err, context.Canceled) && err != nil {
		t.Fatal(err)
	}
	line := effect(t, db, e)
	if line.State != store.EffectOwed || line.Holder != "" || line.Attempts != 0 {
		t.Fatalf("effect is %+v", line)
	}
	work(t, db, store.WorkConfig{Node: "next", Handle: func(ctx context.Context, got cordon.Effect) error {
		return commitIn(ctx, db, finish(got))
	}})
	eventually(t, "the next runner does it", func() bool { return effect(t, db, e).State == store.EffectDone })
}
