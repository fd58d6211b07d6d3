package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

func testLease(t *testing.T, db *store.DB) {
	lease := func(tenant cordon.TenantID, name string, ttl time.Duration) bool {
		t.Helper()
		return must(db.Lease(t.Context(), tenant, name, ttl))(t)
	}
	holds := func(tenant cordon.TenantID, name string) (held bool) {
		t.Helper()
		held, err := db.Hold(t.Context(), tenant, name, time.Minute, func(context.Context) error { return nil })
		wantErr(t, err, nil)
		return held
	}
	wantEqual(t, "the first", lease(acme, "poll", time.Minute), true)
	wantEqual(t, "renewed", lease(acme, "poll", time.Minute), true)
	wantEqual(t, "what another has", holds(acme, "poll"), false)
	wantEqual(t, "of another name", holds(acme, "backfill"), true)
	wantEqual(t, "of another tenant", holds(other, "poll"), true)
	if until := must(db.Leased(t.Context(), acme, "poll"))(t); time.Until(until) <= 0 || time.Until(until) > time.Hour {
		t.Fatalf("leased until %v", until)
	}
	wantEqual(t, "never leased", must(db.Leased(t.Context(), other, "backfill"))(t).IsZero(), true)
	wantEqual(t, "given up", lease(acme, "poll", 0), true)
	wantEqual(t, "what was given up", holds(acme, "poll"), true)
	// What nobody renews is free after its time, as after a crash.
	wantEqual(t, "a short one", lease(acme, "poll", time.Millisecond), true)
	eventually(t, "a lease that nobody renews is free", func() bool { return holds(acme, "poll") })
}

func testLeaseHeld(t *testing.T, db *store.DB) {
	// Many want to do it, one does at a time, for longer than its ttl lasts: until it is renewed.
	const ttl = 6 * time.Second
	var mu sync.Mutex
	var turns atomic.Int64
	var works context.Context // of who works
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for turns.Load() < 2 {
				_, err := db.Hold(t.Context(), acme, "work", ttl, func(ctx context.Context) error {
					mu.Lock()
					if works != nil && works.Err() == nil {
						t.Error("two have the same lease")
					}
					works = ctx
					mu.Unlock()
					until, err := db.Leased(t.Context(), acme, "work")
					for renewed := until; err == nil && ctx.Err() == nil && !renewed.After(until); time.Sleep(5 * time.Millisecond) {
						renewed, err = db.Leased(t.Context(), acme, "work")
					}
					if err != nil {
						t.Error(err)
					}
					turns.Add(1)
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	wg.Wait()

	// An error of the work comes back, and the lease is given up after it.
	spoiled := errors.New("spoiled")
	held, err := db.Hold(t.Context(), acme, "work", time.Hour, func(context.Context) error { return spoiled })
	wantErr(t, err, spoiled)
	wantEqual(t, "held", held, true)
	wantEqual(t, "free again", must(db.Lease(t.Context(), acme, "work", time.Hour))(t), true)

	// Work ends with the caller's context.
	ctx, cancel := context.WithCancel(t.Context())
	held, err = db.Hold(ctx, acme, "ends", time.Hour, func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	wantErr(t, err, context.Canceled)
	wantEqual(t, "held", held, true)
	wantEqual(t, "free again", must(db.Lease(t.Context(), acme, "ends", time.Hour))(t), true)
}
