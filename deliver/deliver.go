// Package deliver knows how a write to the CRM may end, and carries out what is owed
// elsewhere until it is done.
//
// Delivery is at least once by attempt and exactly once by effect: the intent is committed
// before anything is sent, and an attempt whose answer was lost is settled by looking, never
// by sending again.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// Intent returns the change that commits to a write before it is sent.
func Intent(it cordon.Item, by cordon.Actor, now time.Time) cordon.Change {
	return cordon.Change{
		Of: it.Ref, From: it.State, To: cordon.Forwarding,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryForward, it.Ref, now, by, nil)},
	}
}

// Outcome is how a write ended, in the terms of the ledger.
type Outcome struct {
	To   cordon.State
	Kind cordon.EntryKind
	Why  string // a code, "" when delivered
	// Cause is why the CRM did not take it, or was not reached.
	Cause cordon.Cause
}

// After tells the outcome of a write from the error of the attempt.
func After(err error) Outcome {
	switch {
	case err == nil:
		return Outcome{To: cordon.Delivered, Kind: cordon.EntryDelivered}
	case errors.Is(err, cordon.ErrRefusedUpstream):
		return Outcome{To: cordon.RefusedUpstream, Kind: cordon.EntryRefused, Why: "refused", Cause: cordon.CauseOf(err)}
	case errors.Is(err, cordon.ErrNotSent):
		return Outcome{To: cordon.RefusedUpstream, Kind: cordon.EntryRefused, Why: "not-sent", Cause: cordon.CauseOf(err)}
	default:
		return Outcome{To: cordon.Unsettled, Kind: cordon.EntryUnsettled, Why: "answer-lost"}
	}
}

// AfterRelease is After for what a person has let go: what was not written now and may be later
// is still owed, and what the CRM does not take goes back to the people who decide.
func AfterRelease(err error) Outcome {
	o := After(err)
	if o.To != cordon.RefusedUpstream {
		return o
	}
	o.Kind, o.To = cordon.EntryReturned, cordon.Held
	later := errors.Is(err, cordon.ErrNotSent) || errors.Is(err, cordon.ErrTransient)
	if later && !cordon.IsPermanent(err) {
		o.To = cordon.Released
	}
	return o
}

// AfterRecord is AfterRelease for what is recorded only: there nobody decides, so that what the CRM
// does not take ends.
func AfterRecord(err error) Outcome {
	o := AfterRelease(err)
	if o.To == cordon.Held {
		o.Kind, o.To = cordon.EntryRefused, cordon.RefusedUpstream
	}
	return o
}

// Finish returns the change that records the outcome. What was delivered, and what the CRM
// refused, needs its bytes no longer.
func Finish(it cordon.Item, o Outcome, d cordon.Delivery, keep time.Duration, now time.Time) cordon.Change {
	facts := map[string]any{}
	if o.Why != "" {
		facts["why"] = o.Why
	}
	if o.Cause != "" {
		facts["cause"] = string(o.Cause)
	}
	if o.Kind == cordon.EntryReturned && o.To == cordon.Held {
		facts["reasons"] = []string{string(cordon.ReasonCannotDeliver)}
	}
	c := cordon.Change{
		Of: it.Ref, From: it.State, To: o.To,
		Entries: []cordon.Entry{cordon.NewEntry(o.Kind, it.Ref, now, cordon.Cordon, facts)},
	}
	switch o.To {
	case cordon.Delivered:
		it.UpstreamID, it.DocumentID = d.ID, d.DocumentID
		c.Item = &it
		fallthrough
	case cordon.RefusedUpstream:
		shred := cordon.NewEffect(cordon.EffectShred, it.Ref)
		if keep > 0 {
			shred.NotBefore = now.Add(keep)
		}
		c.Effects = append(c.Effects, shred)
	}
	return c
}

// Handler carries out one kind of effect. It commits the outcome itself, with the effect
// among the change's Done; an error means try again later.
type Handler func(ctx context.Context, e cordon.Effect) error

// Carrier carries out effects by kind.
type Carrier map[cordon.EffectKind]Handler

// Handle carries out one effect. Panics of a handler become errors, so that one bad item
// cannot stop the others.
func (c Carrier) Handle(ctx context.Context, e cordon.Effect) (err error) {
	h, ok := c[e.Kind]
	if !ok {
		return fmt.Errorf("%w: no handler for effects of kind %q; was this written by a newer version?", cordon.ErrInvalid, e.Kind)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("effect %s of %s: panic: %v", e.Kind, e.Of, p)
		}
	}()
	return h(ctx, e)
}
