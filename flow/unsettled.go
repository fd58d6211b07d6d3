package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/deliver"
	"github.com/cordonhq/cordon/hold"
)

// Settle ends what nobody knew the outcome of, as a person says. What they say is held against
// the CRM before it is believed: a record must be there, be the item's and no other's, and what
// is to be sent again must not be found. Errors wrap cordon.ErrNotNow where the item, or the CRM,
// stands otherwise, and cordon.ErrInvalid where a record is not the item's.
func (f *Flow) Settle(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, as cordon.Settlement, upstreamID, note string) (cordon.Item, error) {
	for attempt := 1; ; attempt++ {
		it, err := f.Store.Item(ctx, tenant, id)
		if err != nil {
			return it, err
		}
		c, err := f.settlement(ctx, it, by, as, upstreamID, note)
		if err != nil {
			return it, err
		}
		err = f.Store.Commit(ctx, c)
		if err == nil {
			return f.Store.Item(ctx, tenant, id)
		}
		// A sender who asks again writes an entry; that is no reason to refuse the person.
		if !errors.Is(err, cordon.ErrConflict) || attempt == maxAttempts {
			return it, err
		}
	}
}

// settlement returns the change by which a person settles an item.
func (f *Flow) settlement(ctx context.Context, it cordon.Item, by cordon.Actor, as cordon.Settlement, upstreamID, note string) (cordon.Change, error) {
	if err := errors.Join(as.Check(upstreamID), hold.MaySettle(it, by)); err != nil {
		return cordon.Change{}, err
	}
	said := cordon.NewEntry(cordon.EntryResolved, it.Ref, f.Now().UTC(), by, map[string]any{"as": string(as)})
	if note != "" && as != cordon.GiveUp { // there it would die with the item
		if err := f.addNote(ctx, &it, by, note); cordon.IsPermanent(err) || errors.Is(err, cordon.ErrShredded) {
			said.Facts["note"] = string(cordon.CauseOf(err))
		} else if err != nil {
			return cordon.Change{}, err
		}
	}
	var c cordon.Change
	var err error
	switch as {
	case cordon.IsThere:
		var proof cordon.Proof
		c, proof, err = f.isThere(ctx, it, upstreamID)
		said.Facts["by"] = string(proof)
	case cordon.SendAgain:
		c, err = f.sendAgain(ctx, it)
	case cordon.GiveUp:
		c = f.leave(it, cordon.Unsettled, cordon.EntryResolved)
		c.Entries = nil // what the person said is the whole of it
	}
	if err != nil {
		return c, err
	}
	c.Entries = append([]cordon.Entry{said}, c.Entries...)
	if f.Tells(it.Tenant, it.Route) {
		c.Effects = append(c.Effects, cordon.NewEffect(cordon.EffectCallback, it.Ref))
	}
	return c, nil
}

// isThere takes an item for delivered as a record that a person names, if it is that.
func (f *Flow) isThere(ctx context.Context, it cordon.Item, upstreamID string) (cordon.Change, cordon.Proof, error) {
	t, err := f.lost(ctx, it)
	if err != nil {
		return cordon.Change{}, "", err
	}
	d, proof, err := f.CRM.Shows(ctx, it.Tenant, t, upstreamID)
	if err != nil {
		return cordon.Change{}, "", fmt.Errorf("look whether %.40s is item %s: %w", upstreamID, it.ID, err)
	}
	owners, err := f.Store.ItemsUpstream(ctx, it.Tenant, d.ID)
	if err != nil {
		return cordon.Change{}, "", err
	}
	for _, o := range owners {
		if o.ID != it.ID && o.Op != "" && it.Op != cordon.OpUpdate { // "": only seen there
			return cordon.Change{}, "", fmt.Errorf("%w: the record %s is item %s, which is another upload", cordon.ErrInvalid, d.ID, o.ID)
		}
	}
	c := deliver.Finish(it, deliver.After(nil), d, f.KeepPassed, f.Now().UTC())
	f.owe(ctx, &c, it)
	return c, proof, nil
}

// sendAgain owes the CRM an item that it does not have. It is looked for first, and from then on
// the write has a key of its own, by which it is found where the org has the field.
func (f *Flow) sendAgain(ctx context.Context, it cordon.Item) (cordon.Change, error) {
	if it.Blob == "" {
		return cordon.Change{}, fmt.Errorf("send item %s again: %w", it.ID, cordon.ErrShredded)
	}
	key, p, err := f.open(ctx, it)
	if err != nil {
		return cordon.Change{}, err
	}
	tried := p
	if decidedOn(it) {
		tried = keyed(it, p)
	}
	found, _, err := f.find(ctx, it, tried, it.ReceivedAt)
	if err != nil {
		return cordon.Change{}, fmt.Errorf("look for item %s in the CRM before it is sent again: %w", it.ID, err)
	}
	if len(found) > 0 {
		ids := make([]string, len(found))
		for i, d := range found {
			ids[i] = d.ID
		}
		return cordon.Change{}, fmt.Errorf("%w: the CRM has item %s as %s; settle it as %q, with that id, or give up",
			cordon.ErrNotNow, it.ID, strings.Join(ids, " or "), cordon.IsThere)
	}
	if err := f.seal(&it, key, keyed(it, p)); err != nil {
		return cordon.Change{}, err
	}
	return owedAgain(it, f.Now().UTC()), nil
}

// owedAgain makes a write that certainly left nothing behind a delivery that is owed.
func owedAgain(it cordon.Item, now time.Time) cordon.Change {
	return cordon.Change{Of: it.Ref, From: it.State, To: cordon.Released, Item: &it,
		Effects: []cordon.Effect{cordon.NewEffect(cordon.EffectRelease, it.Ref)},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryReturned, it.Ref, now, cordon.Cordon, map[string]any{"why": "not-there"})}}
}

// ended ends what was to be sent again and cannot be, where nothing is ever held.
func ended(it cordon.Item, cause cordon.Cause, now time.Time) cordon.Change {
	return deliver.Finish(it, deliver.Outcome{To: cordon.RefusedUpstream, Kind: cordon.EntryRefused, Why: "not-sent", Cause: cause},
		cordon.Delivery{}, 0, now)
}

// letGo reports whether the delivery of an item is a person's: a release, or a write that is sent
// again. Its effect carries it out, and no sender waits.
func letGo(it cordon.Item, history []cordon.Entry) bool {
	return decidedOn(it) || slices.ContainsFunc(history, func(e cordon.Entry) bool {
		return e.Kind == cordon.EntryReleased || e.Kind == cordon.EntryResolved
	})
}

// lost is what the lost write of an item is recognised by. Once its key was destroyed only its
// size is known.
func (f *Flow) lost(ctx context.Context, it cordon.Item) (Traces, error) {
	_, p, err := f.open(ctx, it)
	switch {
	case errors.Is(err, cordon.ErrShredded) || cordon.IsPermanent(err):
		p = cordon.Personal{Staged: cordon.Staged{Op: it.Op, Object: it.Object}}
	case err != nil:
		return Traces{}, err
	case decidedOn(it):
		p = keyed(it, p)
	}
	return f.traces(it, p, it.ReceivedAt), nil
}

// lookAgain settles an item that the CRM shows now. Where the CRM has a unique key for writes and
// shows nothing under it for as long as a write may take, nothing of it is there: a sender who
// waited was told to ask, and may send it again; what a person let go is owed again.
func (f *Flow) lookAgain(ctx context.Context, it cordon.Item) error {
	_, p, err := f.open(ctx, it)
	if err != nil {
		return err
	}
	if decidedOn(it) {
		p = keyed(it, p)
	}
	found, certain, err := f.find(ctx, it, p, it.ReceivedAt)
	if err != nil {
		return err
	}
	now := f.Now().UTC()
	switch {
	case len(found) == 1:
		c := deliver.Finish(it, deliver.After(nil), found[0], f.KeepPassed, now)
		f.owe(ctx, &c, it)
		return f.Store.Commit(ctx, c)
	case len(found) > 1 || !certain:
		return nil // a person looks
	}
	history, err := f.Store.Entries(ctx, it.Ref)
	if err != nil {
		return err
	}
	// The item's own time will not do: whoever asks about it moves that.
	var since time.Time
	for _, e := range history {
		if e.Kind == cordon.EntryUnsettled {
			since = e.At
		}
	}
	if since.IsZero() || now.Sub(since) < f.ForwardWithin {
		return nil
	}
	if letGo(it, history) {
		return f.Store.Commit(ctx, owedAgain(it, now))
	}
	return f.Store.Commit(ctx, deliver.Finish(it,
		deliver.Outcome{To: cordon.RefusedUpstream, Kind: cordon.EntryRefused, Why: "not-there"}, cordon.Delivery{}, 0, now))
}
