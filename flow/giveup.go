package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/deliver"
	"github.com/cordonhq/cordon/hold"
)

// tries is how often what is owed is tried while trying again may help. The waits between
// double up to ten minutes, so that 30 are some hours, and 150 a day.
var tries = map[cordon.EffectKind]int{
	cordon.EffectRelease:  30,
	cordon.EffectCallback: 30,
	cordon.EffectShred:    30,
	cordon.EffectRescan:   150,
	cordon.EffectLate:     lateAttempts,
}

// carry makes a handler of effects end where people see it: what can never succeed, or failed
// too often, is given up with its cause on record, in the log and in the figures.
func (f *Flow) carry(h deliver.Handler) deliver.Handler {
	return func(ctx context.Context, e cordon.Effect) error {
		err := deliver.Carrier{e.Kind: h}.Handle(ctx, e) // a panic is a failure like others
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, cordon.ErrConflict):
			return err
		case !cordon.IsPermanent(err) && e.Attempts < tries[e.Kind]:
			return err
		}
		return f.giveUp(ctx, e, err)
	}
}

// giveUp ends what is owed. A released item is held again, so that people decide anew; what
// may have been written is unsettled, which is shown as well. Bytes that are to be destroyed
// stay owed: that is said once and tried on.
func (f *Flow) giveUp(ctx context.Context, e cordon.Effect, why error) error {
	it, err := f.Store.Item(ctx, e.Of.Tenant, e.Of.ID)
	switch {
	case errors.Is(err, cordon.ErrNotFound):
		return fmt.Errorf("%w: %w", cordon.ErrPermanent, why)
	case errors.Is(err, cordon.ErrForged): // nothing can be written about it; it is set aside
		if f.GaveUp != nil {
			f.GaveUp(e.Of.Tenant, e.Kind, cordon.CauseForged)
		}
		return err
	case err != nil:
		return errors.Join(why, err)
	}
	cause, now := cordon.CauseOf(why), f.Now().UTC()
	c := cordon.Change{Of: it.Ref, From: it.State, To: it.State, Done: []cordon.ID{e.ID},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryGaveUp, it.Ref, now, cordon.Cordon, map[string]any{"owed": string(e.Kind), "cause": string(cause)})}}
	switch e.Kind {
	case cordon.EffectRelease:
		switch it.State {
		case cordon.Released:
			if c = hold.Return(it, cause, now); it.Mode == cordon.ModeShadow {
				c = ended(it, cause, now)
			}
		case cordon.Forwarding:
			c = deliver.Finish(it, deliver.Outcome{To: cordon.Unsettled, Kind: cordon.EntryUnsettled, Why: "answer-lost", Cause: cause}, cordon.Delivery{}, 0, now)
		}
		c.Done = []cordon.ID{e.ID}
	case cordon.EffectRescan:
		if wanted, err := f.wanted(ctx, it); err != nil {
			return errors.Join(why, err)
		} else if !wanted {
			c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectShred, it.Ref)}
		}
	case cordon.EffectLate:
		var plan latePlan
		_ = json.Unmarshal(e.Payload, &plan) // without a plan the bytes go at once
		c.Effects = []cordon.Effect{shredAt(it, plan.Shred)}
		f.lateEnded(it, lateGivenUp)
	case cordon.EffectShred:
		c.Done = nil
		if e.Attempts > tries[e.Kind] { // it was said
			return why
		}
	}
	if err := f.Store.Commit(context.WithoutCancel(ctx), c); err != nil {
		return errors.Join(why, err)
	}
	f.gaveUp(it, e.Kind, cause, c.To, e.Attempts, why)
	if c.Done == nil {
		return why
	}
	return nil
}

// gaveUp says in the log and the figures what the ledger says.
func (f *Flow) gaveUp(it cordon.Item, owed cordon.EffectKind, cause cordon.Cause, now cordon.State, attempts int, why error) {
	f.Log.Error("what was owed could not be done; a person has to look", "item", it.ID, "tenant", it.Tenant, "owed", owed,
		"cause", cause, "attempts", attempts, "state", now, "err", why)
	if f.GaveUp != nil {
		f.GaveUp(it.Tenant, owed, cause)
	}
}
