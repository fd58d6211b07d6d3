// Package hold keeps the rules of items that wait for a person: how one is placed, who may
// decide what, and what a sender who tries again is told.
//
// No rule here rejects by itself and no timeout approves. flow commits what hold returns.
package hold

import (
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// Place returns the change that keeps an inspected item back.
func Place(it cordon.Item, v cordon.Verdict, now time.Time) cordon.Change {
	return cordon.Change{
		Of: it.Ref, From: cordon.Inspected, To: cordon.Held,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryHeld, it.Ref, now, cordon.Cordon, map[string]any{
			"action": string(v.Action), "outcome": string(v.Outcome), "reasons": Codes(v.Reasons),
		})},
	}
}

// Release returns the change by which a person lets a held item go. Delivery is owed from
// then on, unless the item was only asked about.
func Release(it cordon.Item, by cordon.Actor, review cordon.Review, now time.Time) (cordon.Change, error) {
	if err := mayDecide(it, by); err != nil {
		return cordon.Change{}, err
	}
	if !review.Releases() {
		return cordon.Change{}, fmt.Errorf("%w: an item is released as %q or %q, not as %q",
			cordon.ErrInvalid, cordon.Genuine, cordon.LawfulSynthetic, review)
	}
	c := decision(it, cordon.Released, cordon.EntryReleased, by, review, now)
	if it.Op != cordon.OpAsk {
		c.Effects = append(c.Effects, cordon.NewEffect(cordon.EffectRelease, it.Ref))
	} else {
		c.Effects = append(c.Effects, cordon.NewEffect(cordon.EffectShred, it.Ref))
	}
	return c, nil
}

// Reject returns the change by which a person keeps a held item out. Its bytes stay as
// evidence.
func Reject(it cordon.Item, by cordon.Actor, review cordon.Review, now time.Time) (cordon.Change, error) {
	if err := mayDecide(it, by); err != nil {
		return cordon.Change{}, err
	}
	if !review.Rejects() {
		return cordon.Change{}, fmt.Errorf("%w: an item is kept out as %q, not as %q", cordon.ErrInvalid, cordon.Harmful, review)
	}
	return decision(it, cordon.Rejected, cordon.EntryRejected, by, review, now), nil
}

// Stay returns the change that notes why a release did not happen; the item stays held.
func Stay(it cordon.Item, why cordon.Reason, by cordon.Actor, now time.Time) cordon.Change {
	return cordon.Change{
		Of: it.Ref, From: it.State, To: cordon.Held,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryHeld, it.Ref, now, by, map[string]any{"reasons": []string{string(why)}})},
	}
}

// Return returns the change by which a released item that cannot be delivered is held again. A
// person decides anew, or gives up.
func Return(it cordon.Item, cause cordon.Cause, now time.Time) cordon.Change {
	c := Stay(it, cordon.ReasonCannotDeliver, cordon.Cordon, now)
	c.Entries[0].Facts["cause"] = string(cause)
	return c
}

func decision(it cordon.Item, to cordon.State, kind cordon.EntryKind, by cordon.Actor, review cordon.Review, now time.Time) cordon.Change {
	return cordon.Change{
		Of: it.Ref, From: cordon.Held, To: to,
		Entries: []cordon.Entry{cordon.NewEntry(kind, it.Ref, now, by, map[string]any{"review": string(review)})},
	}
}

// mayDecide refuses what no role may do: to decide what is not waiting, or as anything but
// a person.
func mayDecide(it cordon.Item, by cordon.Actor) error {
	if by.Kind != cordon.Person {
		return fmt.Errorf("%w: only a person decides about a held item", cordon.ErrForbidden)
	}
	if it.State != cordon.Held {
		return fmt.Errorf("%w: item %s is %s, not held", cordon.ErrNotNow, it.ID, it.State)
	}
	return nil
}

// Answers reports whether an earlier item answers for the same request sent again without an
// Idempotency-Key: while it is kept back or on its way, and for a time after it came. A write
// that was delivered is done; the same again is a new one, as it would be without Cordon. So is
// one after an item that never reached the CRM and is not held any more.
func Answers(earlier cordon.Item, within time.Duration, now time.Time) bool {
	if now.Sub(earlier.ReceivedAt) > within {
		return false
	}
	switch earlier.State {
	case cordon.Held, cordon.Rejected, cordon.Released, cordon.Forwarding, cordon.Unsettled:
		return true
	}
	return false
}

// Codes turns reasons into a fact of an entry.
func Codes(reasons []cordon.Reason) []string {
	out := make([]string, len(reasons))
	for i, r := range reasons {
		out[i] = string(r)
	}
	return out
}
