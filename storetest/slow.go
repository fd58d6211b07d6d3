package storetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// testWorkSlowBeside has more slow effects owed than anybody carries out, and all others are
// done meanwhile; slow ones come one at a time, also when they are tried again.
func testWorkSlowBeside(t *testing.T, db *store.DB) {
	var slow []cordon.Effect
	for range 3 {
		c := Receive(NewItem(acme))
		e := cordon.NewEffect(cordon.EffectLate, c.Of)
		c.Effects = []cordon.Effect{e}
		commit(t, db, c)
		slow = append(slow, e)
	}
	var at, most, calls atomic.Int32
	others := make(chan struct{})
	work(t, db, store.WorkConfig{Workers: 1, Handle: func(ctx context.Context, e cordon.Effect) error {
		if !e.Kind.Slow() {
			return commitIn(ctx, db, finish(e))
		}
		most.Store(max(most.Load(), at.Add(1)))
		defer at.Add(-1)
		calls.Add(1)
		select {
		case <-others:
		case <-ctx.Done():
			return ctx.Err()
		}
		if e.Attempts == 1 {
			return errors.New("not yet")
		}
		return commitIn(ctx, db, finish(e))
	}})
	eventually(t, "a slow one is under way", func() bool { return calls.Load() == 1 })
	for range 10 {
		e := owe(t, db, acme, time.Time{})
		eventually(t, "it is done beside the slow ones", func() bool { return effect(t, db, e).State == store.EffectDone })
	}
	wantEqual(t, "slow ones under way", calls.Load(), 1)
	close(others)
	eventually(t, "the slow ones are done", func() bool {
		for _, e := range slow {
			if effect(t, db, e).State != store.EffectDone {
				return false
			}
		}
		return true
	})
	wantEqual(t, "slow ones at once", most.Load(), 1)
	wantEqual(t, "calls", calls.Load(), 6)
}
