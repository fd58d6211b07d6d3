package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

var everyFail = []cordon.FailMode{cordon.FailHold, cordon.FailRefuse, cordon.FailPassAndRescan}

// Without room for its checks a file is not taken in: no record, no bytes.
func TestFileWithoutRoomLeavesNothing(t *testing.T) {
	for _, fail := range everyFail {
		l, ctx := newLine(), t.Context()
		l.eye.full = fmt.Errorf("%w: later", cordon.ErrBusy)
		_, _, err := l.upload(ctx, "camera photo", func(a *cordon.Arrival) { a.Route.Fail = fail })
		if !errors.Is(err, cordon.ErrBusy) {
			t.Errorf("fail mode %s: %v", fail, err)
		}
		if len(l.bytes.b) != 0 || len(l.store.items) != 0 || len(l.store.entries) != 0 {
			t.Errorf("fail mode %s: %d blobs, %d items and %d entries are left", fail, len(l.bytes.b), len(l.store.items), len(l.store.entries))
		}
	}
}

// What starved before its checks began is never held, and never passed, whatever the route says
// of silent checks: it is turned away and forgotten.
func TestStarvedFileIsTurnedAway(t *testing.T) {
	for _, starve := range []error{cordon.ErrBusy, context.DeadlineExceeded} {
		for _, fail := range everyFail {
			l, ctx := newLine(), t.Context()
			l.eye.starve = fmt.Errorf("checks: %w", starve)
			it, _, err := l.upload(ctx, "generated portrait", func(a *cordon.Arrival) { a.Route.Fail = fail })
			if err != nil || it.State != cordon.Erased || it.Verdict != nil {
				t.Errorf("%v, fail mode %s: %v, %s with verdict %+v; want erased, without one", starve, fail, err, it.State, it.Verdict)
			}
			l.work(ctx)
			if len(l.bytes.b) != 0 || len(l.store.lookups) != 0 || len(l.org.writes) != 0 {
				t.Errorf("%v, fail mode %s: %d blobs, %d look-ups and %d files are left", starve, fail, len(l.bytes.b), len(l.store.lookups), len(l.org.writes))
			}
			if got := kinds(l.store.entries); !slices.Contains(got, cordon.EntryTurned) || slices.Contains(got, cordon.EntryHeld) {
				t.Errorf("%v, fail mode %s: the record says %v", starve, fail, got)
			}
			l.eye.starve = nil
			if again, repeated, err := l.upload(ctx, "generated portrait"); err != nil || repeated || again.State != cordon.Held {
				t.Errorf("sent again: %v, repeated %v, %s; want a new item, held", err, repeated, again.State)
			}
			if l.eye.kept != 0 {
				t.Errorf("%d places were not given back", l.eye.kept)
			}
		}
	}
}

// A shadow route keeps nothing back, overload or not.
func TestShadowRoutePassesWithoutRoom(t *testing.T) {
	l, ctx := newLine(), t.Context()
	l.eye.full, l.eye.starve = cordon.ErrBusy, cordon.ErrBusy
	sp, err := l.Spool(ctx, tenant, strings.NewReader("camera photo"))
	if err != nil {
		t.Fatal(err)
	}
	it, _, err := l.Receive(ctx, arrival(func(a *cordon.Arrival) { a.Route.Mode = cordon.ModeShadow }), sp)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Judge(ctx, it); !errors.Is(err, cordon.ErrBusy) || l.store.one().State != cordon.Received {
		t.Errorf("judge: %v, the item is %s; want it free to be passed on unjudged", err, l.store.one().State)
	}
}

// Where nobody waits, starved means later: what the CRM has is observed when there is time, what
// was asked about waits for its turn, and what a dead process left is judged at the next round.
func TestStarvedMeansLaterWhereNobodyWaits(t *testing.T) {
	t.Run("observed", func(t *testing.T) {
		l, ctx := newLine(), t.Context()
		l.eye.starve = cordon.ErrBusy
		if _, _, err := l.Observe(ctx, observation(), (&opener{body: "camera photo"}).open); !errors.Is(err, cordon.ErrBusy) {
			t.Errorf("starved: %v", err)
		}
		if len(l.store.items) != 0 {
			t.Error("something was recorded of a file that nobody looked at")
		}
		l.eye.starve = nil
		if _, _, err := l.Observe(ctx, observation(), (&opener{body: "camera photo"}).open); err != nil || l.store.one().State != cordon.Kept {
			t.Errorf("later: %v", err)
		}
	})
	t.Run("asked", func(t *testing.T) {
		l, ctx := newLine(), t.Context()
		l.eye.starve = cordon.ErrBusy // until it has patience
		it, err := l.Ask(ctx, arrival(func(a *cordon.Arrival) { a.Op = cordon.OpAsk }), strings.NewReader("camera photo"), time.Minute)
		if err != nil || it.State != cordon.Kept {
			t.Errorf("%v, %s; want kept", err, it.State)
		}
	})
	t.Run("left behind", func(t *testing.T) {
		l, ctx := newLine(), t.Context()
		sp, err := l.Spool(ctx, tenant, strings.NewReader("generated portrait"))
		if err != nil {
			t.Fatal(err)
		}
		it, _, err := l.Receive(ctx, arrival(), sp)
		if err != nil {
			t.Fatal(err)
		}
		l.places.take(it.ID) // as in another process
		l.eye.starve = cordon.ErrBusy
		if err := l.Recover(ctx, true); !errors.Is(err, cordon.ErrBusy) || l.store.one().State != cordon.Received {
			t.Errorf("starved: %v, %s; want received still", err, l.store.one().State)
		}
		l.eye.starve = nil
		if err := l.Recover(ctx, true); err != nil || l.store.one().State != cordon.Held {
			t.Errorf("later: %v, %s; want held", err, l.store.one().State)
		}
	})
}
