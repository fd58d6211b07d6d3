package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/deliver"
)

// Send writes content upstream on behalf of a caller. Its error wraps
// cordon.ErrRefusedUpstream or cordon.ErrNotSent when that is certain.
type Send = func(ctx context.Context, body cordon.Content) (cordon.Delivery, error)

// Forward commits the intent, calls send once, and commits how it ended. The error is
// send's own; the item's state says what is known of the CRM.
func (f *Flow) Forward(ctx context.Context, it cordon.Item, send Send) (cordon.Item, error) {
	open := it.Mode == cordon.ModeShadow || it.Fail == cordon.FailPassAndRescan
	switch {
	case it.State == cordon.Received && open:
		// Judging itself failed; delivery owes a second look.
	case it.State != cordon.Inspected:
		return it, fmt.Errorf("%w: item %s is %s, not inspected", cordon.ErrConflict, it.ID, it.State)
	case it.Verdict == nil || it.Verdict.Action.Holds() && it.Mode != cordon.ModeShadow:
		return it, fmt.Errorf("%w: item %s was not decided to pass", cordon.ErrForbidden, it.ID)
	}
	return f.forward(ctx, it, cordon.Cordon, send)
}

func (f *Flow) forward(ctx context.Context, it cordon.Item, by cordon.Actor, send Send, done ...cordon.ID) (cordon.Item, error) {
	c, p, err := f.content(ctx, it)
	if err != nil {
		return it, err
	}
	defer c.Close()
	after, release := deliver.After, it.State == cordon.Released
	if release {
		after, p = deliver.AfterRelease, keyed(it, p)
	}
	if release && it.Mode == cordon.ModeShadow {
		after = deliver.AfterRecord
	}
	intent := deliver.Intent(it, by, f.Now().UTC())
	if err := f.Store.Commit(ctx, intent); err != nil {
		return it, fmt.Errorf("record the intent to deliver item %s: %w", it.ID, err)
	}
	started := f.Now()
	it = moved(it, intent)
	d, sendErr := send(ctx, c)

	// From here on the outcome is recorded whatever becomes of the caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	o := after(sendErr)
	// A write that an earlier process made and could not record is refused as a duplicate of itself.
	refused := o.To == cordon.Held || o.To == cordon.RefusedUpstream
	again := release && refused && o.Cause == cordon.CauseDuplicate
	if o.To == cordon.Unsettled || again {
		found, certain, err := f.find(ctx, it, p, started)
		switch {
		case err == nil && len(found) == 1:
			d, o, sendErr = found[0], after(nil), nil
		case again && err != nil:
			o = after(errLost) // it may be there: nobody is to decide on it as if it were not
		case err == nil && len(found) == 0 && certain && release && !again:
			// The key is unique in the org: should the lost write arrive after all, the
			// next attempt is refused as a duplicate and settled by looking.
			o = after(cordon.ErrNotSent)
		}
	}
	fin := deliver.Finish(it, o, d, f.KeepPassed, f.Now().UTC())
	if o.To != cordon.Released {
		fin.Done = done
	}
	f.owe(ctx, &fin, it)
	if err := f.Store.Commit(ctx, fin); err != nil {
		// The intent stands in the record, so Recover settles it by looking.
		return it, errors.Join(fmt.Errorf("record the outcome for item %s: %w", it.ID, err), sendErr)
	}
	if release && (o.To == cordon.Held || o.To == cordon.RefusedUpstream) {
		f.gaveUp(it, cordon.EffectRelease, o.Cause, o.To, 0, sendErr)
	}
	return moved(it, fin), sendErr
}

// owe adds what a delivery owes before its bytes go: a second look at what passed unscanned, or
// one with what was too dear while the sender waited.
func (f *Flow) owe(ctx context.Context, c *cordon.Change, it cordon.Item) {
	if c.To != cordon.Delivered {
		return
	}
	if unscanned(it) {
		c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectRescan, it.Ref)}
		return
	}
	for i, e := range c.Effects {
		if e.Kind == cordon.EffectShred {
			c.Effects[i] = f.afterwards(it, f.metLimits(ctx, it), e, c.Entries[len(c.Entries)-1].At)
		}
	}
}

// keyed gives a release its own key, where the sender's write had none: Cordon may set it
// even when the sender may not.
func keyed(it cordon.Item, p cordon.Personal) cordon.Personal {
	if p.Staged.Key == "" {
		p.Staged.Key = string(it.ID)
	}
	return p
}
