package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/deliver"
)

// Recover settles what a process that has ended left in mid-move. alone says that no other
// process works on the same store, as with the embedded engine; otherwise only items that
// nobody can still be working on are touched.
//
//   - received: nobody got a receipt. It is judged; what would be held is held, so that the
//     sender's retry finds it, and anything else is dropped, because its sender was told by a
//     cut connection that it did not arrive.
//   - inspected: the same, without looking again.
//   - forwarding: settled by looking into the CRM.
//   - whatever state owes something elsewhere that nobody is going to do: it is owed again.
//   - unsettled: looked for again, since the CRM may have been away or slow. It is delivered
//     if it is found, and ends where a unique key proves that nothing is there: see lookAgain.
//     Otherwise it waits for a person: see Settle.
func (f *Flow) Recover(ctx context.Context, alone bool) error {
	before := f.Now()
	if !alone {
		before = before.Add(-f.ForwardWithin)
	}
	var errs []error
	for _, s := range []cordon.State{cordon.Received, cordon.Inspected, cordon.Forwarding, cordon.Unsettled} {
		items, err := f.Store.ItemsIn(ctx, s, 10_000)
		if err != nil {
			return fmt.Errorf("list what was in mid-move: %w", err)
		}
		for _, it := range items {
			if it.Forged {
				continue // what does not check out has been said, and is nobody's to settle but a person's
			}
			// What is unsettled is nobody's any more, however often somebody asks about it.
			if s != cordon.Unsettled && !it.ChangedAt.Before(before) {
				continue
			}
			err := f.recover(ctx, it)
			if cordon.IsPermanent(err) {
				err = f.abandon(ctx, it, err)
			}
			if err != nil && !errors.Is(err, cordon.ErrConflict) {
				f.Log.Error("an item could not be settled and is tried again", "item", it.ID, "state", it.State, "err", err)
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(append(errs, f.reconcile(ctx))...)
}

// abandon ends what can never be settled, since its bytes or its key cannot be read any more. What
// nobody has a receipt for is dropped; what may have been written waits for a person.
func (f *Flow) abandon(ctx context.Context, it cordon.Item, why error) error {
	now, err := f.Store.Item(ctx, it.Tenant, it.ID)
	if err != nil {
		return errors.Join(why, err)
	}
	cause := cordon.CauseOf(why)
	var c cordon.Change
	switch now.State {
	case cordon.Received, cordon.Inspected:
		c = f.leave(now, now.State, cordon.EntryAbandoned)
		c.Entries[0].Facts = map[string]any{"cause": string(cause)}
	case cordon.Forwarding:
		c = deliver.Finish(now, deliver.Outcome{To: cordon.Unsettled, Kind: cordon.EntryUnsettled, Why: "answer-lost", Cause: cause}, cordon.Delivery{}, 0, f.Now().UTC())
	default:
		return nil // it waits for a person already
	}
	f.Log.Error("an item can never be settled", "item", it.ID, "tenant", it.Tenant, "state", now.State, "cause", cause, "err", why)
	return f.Store.Commit(ctx, c)
}

func (f *Flow) recover(ctx context.Context, it cordon.Item) error {
	switch it.State {
	case cordon.Received:
		judged, err := f.Judge(ctx, it)
		if err != nil || judged.State != cordon.Inspected {
			return err
		}
		it = judged
		fallthrough
	case cordon.Inspected:
		return f.Store.Commit(ctx, f.leave(it, cordon.Inspected, cordon.EntryAbandoned))
	case cordon.Forwarding:
		history, err := f.Store.Entries(ctx, it.Ref)
		if err != nil || letGo(it, history) {
			return err // its effect settles it
		}
		return f.settle(ctx, it)
	case cordon.Unsettled:
		return f.lookAgain(ctx, it)
	}
	return nil
}

// Watch calls Recover again and again until ctx ends, so that what could not be settled at
// start is settled when the CRM answers.
func (f *Flow) Watch(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := f.Recover(ctx, false); err != nil {
				f.Log.Warn("some items are not settled yet", "err", err)
			}
		}
	}
}
