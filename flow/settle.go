package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/deliver"
)

var errLost = errors.New("the CRM's answer was lost")

// find looks for what a write of an item has made, begun at a time. A record that is another
// item's is never this one's, however alike the two are; where others with the same bytes are
// still on their way and no unique key tells them apart, nothing is found, so that a person
// looks. certain means that an empty answer proves that the CRM has nothing.
func (f *Flow) find(ctx context.Context, it cordon.Item, p cordon.Personal, begun time.Time) (found []cordon.Delivery, certain bool, err error) {
	found, certain, err = f.CRM.Find(ctx, it.Tenant, f.traces(it, p, begun))
	if err != nil || certain || len(found) == 0 || p.Staged.Op == cordon.OpUpdate {
		return found, certain, err
	}
	var free []cordon.Delivery
	for _, d := range found {
		owners, err := f.Store.ItemsUpstream(ctx, it.Tenant, d.ID)
		if err != nil {
			return nil, false, err
		}
		if !slices.ContainsFunc(owners, func(o cordon.Item) bool { return o.ID != it.ID && o.Op != "" }) { // "": only seen there
			free = append(free, d)
		}
	}
	rivals, err := f.rivals(ctx, it, p)
	if err != nil || rivals {
		return nil, false, err
	}
	return free, false, nil
}

// rivals reports whether other items with the same bytes are being written, or may have been.
func (f *Flow) rivals(ctx context.Context, it cordon.Item, p cordon.Personal) (bool, error) {
	sum, err := digestOf(p)
	if err != nil {
		return false, fmt.Errorf("the digest of item %s: %w", it.ID, err)
	}
	value, err := f.Keys.Lookup(ctx, it.Tenant, lookupDigest, sum)
	if err != nil {
		return false, err
	}
	same, err := f.Store.ItemsSame(ctx, it.Tenant, lookupDigest, value, "")
	return slices.ContainsFunc(same, func(o cordon.Item) bool { return o.ID != it.ID && o.Object == it.Object }), err
}

// wrote reports whether a record that the CRM shows is what an item is being written as. The
// bytes are the same; that alone says nothing of whose record it is.
func (f *Flow) wrote(ctx context.Context, it cordon.Item, upstreamID string) (bool, error) {
	_, p, err := f.open(ctx, it)
	if err != nil {
		f.Log.Warn("whether the CRM has an item cannot be told", "item", it.ID, "err", err)
		return false, nil
	}
	if decidedOn(it) {
		p = keyed(it, p)
	}
	found, _, err := f.CRM.Find(ctx, it.Tenant, f.traces(it, p, it.ReceivedAt))
	if err != nil {
		return false, fmt.Errorf("look whether %s is item %s: %w", upstreamID, it.ID, err)
	}
	return slices.ContainsFunc(found, func(d cordon.Delivery) bool { return d.ID == upstreamID }), nil
}

// decidedOn reports whether an item that is being written was released by a person.
func decidedOn(it cordon.Item) bool {
	return it.Verdict != nil && it.Verdict.Action.Holds() && it.Mode != cordon.ModeShadow
}

// traces is what a write that began at a time can be recognised by. Looking takes place from
// then until the longest time after the item last moved.
func (f *Flow) traces(it cordon.Item, p cordon.Personal, begun time.Time) Traces {
	const skew = 2 * time.Minute // clocks differ
	end := begun
	if it.ChangedAt.After(end) {
		end = it.ChangedAt
	}
	return Traces{Staged: p.Staged, SHA256: p.SHA256, Size: it.Size, UserID: p.UserID,
		From: begun.Add(-skew), To: end.Add(f.ForwardWithin + skew)}
}

// settle finds out what became of a write whose process died: one trace means delivered,
// none that is certain means that it may be written again, anything else asks a person.
func (f *Flow) settle(ctx context.Context, it cordon.Item, done ...cordon.ID) error {
	_, p, err := f.open(ctx, it)
	if err != nil {
		return err
	}
	if len(done) > 0 {
		p = keyed(it, p)
	}
	found, certain, err := f.find(ctx, it, p, it.ChangedAt)
	if err != nil {
		return fmt.Errorf("look for item %s in the CRM: %w", it.ID, err)
	}
	now := f.Now().UTC()
	switch {
	case len(found) == 1:
		c := deliver.Finish(it, deliver.After(nil), found[0], f.KeepPassed, now)
		c.Done = done
		f.owe(ctx, &c, it)
		return f.Store.Commit(ctx, c)
	case len(found) == 0 && certain && len(done) > 0:
		// A release that certainly left nothing behind: owed again under the same effect.
		return f.Store.Commit(ctx, cordon.Change{Of: it.Ref, From: it.State, To: cordon.Released,
			Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryReturned, it.Ref, now, cordon.Cordon, map[string]any{"why": "not-sent"})}})
	case len(found) == 0 && certain:
		c := deliver.Finish(it, deliver.After(cordon.ErrNotSent), cordon.Delivery{}, 0, now)
		return f.Store.Commit(ctx, c)
	default:
		c := deliver.Finish(it, deliver.After(errLost), cordon.Delivery{}, 0, now)
		c.Done = done
		return f.Store.Commit(ctx, c)
	}
}
