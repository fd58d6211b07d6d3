package flow

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/hold"
)

// KeyLife is how long an Idempotency-Key names its request. After that it is as if it had
// never been used.
const KeyLife = 24 * time.Hour

// namedRequest is what is known of a request under an Idempotency-Key.
type namedRequest struct {
	// now and before are the look-up values of the key in this day and in the one before. A
	// request is entered under both, so that two of them on either side of midnight collide;
	// whoever looks finds what came since the day before began, and the age of it decides.
	now, before []byte
	request     []byte // of the key and the request together
}

// nameRequest returns the look-up values of an Idempotency-Key, nil without one.
func (f *Flow) nameRequest(ctx context.Context, a cordon.Arrival, request []byte, now time.Time) (*namedRequest, error) {
	if a.IdempotencyKey == "" {
		return nil, nil
	}
	n := &namedRequest{}
	key := [][]byte{[]byte("key 2"), []byte(a.CallerKey), []byte(a.IdempotencyKey)}
	day := now.UnixNano() / int64(KeyLife)
	for _, v := range []struct {
		into *[]byte
		kind string
		more []byte
	}{
		{&n.now, lookupIdempotency, binary.BigEndian.AppendUint64(nil, uint64(day))},
		{&n.before, lookupIdempotency, binary.BigEndian.AppendUint64(nil, uint64(day-1))},
		{&n.request, lookupKeyed, request},
	} {
		value, err := f.Keys.Lookup(ctx, a.Tenant, v.kind, append(key[:len(key):len(key)], v.more)...)
		if err != nil {
			return nil, err
		}
		*v.into = value
	}
	return n, nil
}

// sameKey finds the item of an earlier request with the same Idempotency-Key. The same key
// with another request is a mistake of the caller's. free are the look-up values under which
// a new item is to be entered.
func (f *Flow) sameKey(ctx context.Context, tenant cordon.TenantID, n *namedRequest, now time.Time) (it cordon.Item, found bool, free []cordon.Lookup, err error) {
	free = []cordon.Lookup{{Kind: lookupKeyed, Value: n.request}}
	for _, value := range [][]byte{n.now, n.before} {
		earlier, err := f.Store.ItemByLookup(ctx, tenant, lookupIdempotency, value)
		if err != nil {
			return it, false, nil, err
		}
		if len(earlier) == 0 {
			free = append(free, cordon.Lookup{Kind: lookupIdempotency, Value: value})
			continue
		}
		if now.Sub(earlier[0].ReceivedAt) >= KeyLife {
			continue
		}
		same, err := f.Store.ItemByLookup(ctx, tenant, lookupKeyed, n.request)
		if err != nil {
			return it, false, nil, err
		}
		for _, s := range same {
			if s.ID == earlier[0].ID {
				s, err = f.Store.Item(ctx, tenant, s.ID) // which checks what the list does not
				return s, err == nil, nil, err
			}
		}
		return it, false, nil, fmt.Errorf("%w; use a new key", cordon.ErrKeyReused)
	}
	return it, false, free, nil
}

// judgedWithin is for how long a request waits to learn what became of the same one before it.
// An item takes seconds; what takes longer was left behind by a process that ended.
const judgedWithin = time.Minute

// maxTurns bounds how often a request gives way to the same one in other processes.
const maxTurns = 100

// takeTurn makes the same requests that arrive at once one after the other, whichever process
// they come to: it waits until the one before has its verdict, and finds the item that answers,
// if that was kept back. Otherwise it returns the look-up values for a new item, one of which
// only the next item of this request can have: cordon.ErrConflict says that somebody else has it.
// What only asks for a verdict gets that of the one before without waiting.
func (f *Flow) takeTurn(ctx context.Context, a cordon.Arrival, request []byte, now time.Time) (it cordon.Item, found bool, turn []cordon.Lookup, err error) {
	for range maxTurns {
		it, turn, err = f.nextTurn(ctx, a, request, now)
		if err != nil || it.ID != "" || turn != nil {
			return it, it.ID != "" && err == nil, turn, err
		}
	}
	return it, false, nil, fmt.Errorf("%w: the same request arrives many times at this moment", cordon.ErrBusy)
}

// nextTurn is one try of takeTurn; it returns nothing where another process came between its
// questions.
func (f *Flow) nextTurn(ctx context.Context, a cordon.Arrival, request []byte, now time.Time) (it cordon.Item, turn []cordon.Lookup, err error) {
	all, err := f.Store.ItemByLookup(ctx, a.Tenant, lookupRequest, request)
	if err != nil {
		return it, nil, err
	}
	for _, before := range all {
		if before.State != cordon.Received || before.Mode == cordon.ModeShadow || now.Sub(before.ReceivedAt) > judgedWithin {
			continue
		}
		if before.Op == cordon.OpAsk {
			return before, nil, nil
		}
		if err := f.untilJudged(ctx, before); err != nil {
			return it, nil, err
		}
	}
	if again, found, err := f.sameAgain(ctx, a.Tenant, request, now); err != nil || found {
		return again, nil, err
	}
	turn = []cordon.Lookup{{Kind: lookupRequest, Value: request}}
	// Ids are in order of time as far as clocks are, so the newest is nearly always the last.
	for _, after := range append(all[:len(all):len(all)], cordon.Item{}) {
		value, err := f.Keys.Lookup(ctx, a.Tenant, lookupIdempotency, []byte("after"), request, []byte(after.ID))
		if err != nil {
			return it, nil, err
		}
		taken, err := f.Store.ItemByLookup(ctx, a.Tenant, lookupIdempotency, value)
		if err != nil {
			return it, nil, err
		}
		if len(taken) == 0 {
			return it, append(turn, cordon.Lookup{Kind: lookupIdempotency, Value: value}), nil
		}
	}
	return it, nil, nil
}

// untilJudged waits until an item has its verdict, or for as long as it may take.
func (f *Flow) untilJudged(ctx context.Context, it cordon.Item) error {
	ends := time.NewTimer(judgedWithin)
	defer ends.Stop()
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		now, err := f.Store.Item(ctx, it.Tenant, it.ID)
		if err != nil || now.State != cordon.Received {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ends.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sameAgain finds the item of the same request that Cordon has kept back, or is just letting go.
func (f *Flow) sameAgain(ctx context.Context, tenant cordon.TenantID, request []byte, now time.Time) (cordon.Item, bool, error) {
	earlier, err := f.Store.ItemByLookup(ctx, tenant, lookupRetry, request)
	if err != nil {
		return cordon.Item{}, false, err
	}
	for _, it := range earlier {
		if it.Forged || !hold.Answers(it, f.RepeatWithin, now) {
			continue
		}
		err := f.Store.Commit(ctx, cordon.Change{
			Of: it.Ref, From: it.State, To: it.State,
			Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryRepeated, it.Ref, f.Now().UTC(), cordon.Cordon, nil)},
		})
		if err != nil && !errors.Is(err, cordon.ErrConflict) {
			return it, false, err
		}
		it, err = f.Store.Item(ctx, tenant, it.ID)
		return it, err == nil, err
	}
	return cordon.Item{}, false, nil
}
