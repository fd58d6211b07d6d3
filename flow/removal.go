package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/removal"
)

// removalOf returns the removal of an item, nil if none was ever proposed.
func (f *Flow) removalOf(ctx context.Context, it cordon.Item) (*removal.Removal, error) {
	thing, err := f.Store.Thing(ctx, removal.Of(it.Ref))
	if errors.Is(err, cordon.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := removal.Read(thing)
	return &r, err
}

// wanted reports whether the bytes of an item that was let through are needed all the same:
// somebody has to decide whether it is taken out of the CRM, or wants it to be.
func (f *Flow) wanted(ctx context.Context, it cordon.Item) (bool, error) {
	if it.Blob == "" || !removal.InCRM(it) {
		return false, nil
	}
	r, err := f.removalOf(ctx, it)
	return r != nil && r.State != removal.Dismissed, err
}

// propose returns the changes that propose to take an item out of the CRM, none if there is no
// news. proposed says that a proposal stands, this one or an earlier one.
func (f *Flow) propose(ctx context.Context, it cordon.Item, v cordon.Verdict, news []cordon.Reason, cause removal.Cause, now time.Time) (changes []cordon.Change, proposed bool, err error) {
	earlier, err := f.removalOf(ctx, it)
	if err != nil {
		return nil, false, err
	}
	proposed = earlier != nil && earlier.State != removal.Dismissed
	if len(news) == 0 {
		return nil, proposed, nil
	}
	c, err := removal.Propose(it, earlier, v, news, cause, now)
	if err != nil || c == nil {
		return nil, proposed, err
	}
	if f.Tells(it.Tenant, it.Route) {
		c.Effects = append(c.Effects, cordon.NewEffect(cordon.EffectCallback, it.Ref))
	}
	return []cordon.Change{*c}, true, nil
}

// sayProposed writes an alert line for each proposal that was committed.
func (f *Flow) sayProposed(changes []cordon.Change) {
	for _, c := range changes {
		facts := c.Entries[0].Facts
		f.Log.Warn("a file that was passed on would be held now; a person decides whether it is taken out of the CRM",
			"removal", c.Of.ID, "item", facts["item"], "cause", facts["cause"], "reasons", facts["reasons"])
	}
}

// DecideRemoval commits a person's decision on a proposal, with a note that is sealed. Nothing
// in the CRM changes by it. What was dismissed needs its bytes no longer. read is the version of the
// proposal that the person saw, 0 if nobody says: of another one the error is cordon.ErrConflict.
func (f *Flow) DecideRemoval(ctx context.Context, tenant cordon.TenantID, id cordon.ID, read int64, by cordon.Actor, review cordon.Review, note string) (removal.Removal, error) {
	thing, err := f.Store.Thing(ctx, cordon.Ref{Tenant: tenant, Kind: cordon.KindRemoval, ID: id})
	if err != nil {
		return removal.Removal{}, err
	}
	r, err := removal.Read(thing)
	if err != nil {
		return r, err
	}
	if read != 0 && read != r.Version {
		return r, fmt.Errorf("%w: the reasons of %s changed since they were read; look at them again", cordon.ErrConflict, id)
	}
	c, decided, err := r.Decide(by, review, f.Now().UTC())
	if err != nil {
		return r, err
	}
	it, err := f.Store.Item(ctx, tenant, r.Item)
	if err != nil {
		return r, err
	}
	if note != "" {
		if err := f.sealRemovalNote(ctx, &decided, it, note); err != nil {
			return r, err
		}
	}
	if c.Value, err = json.Marshal(decided); err != nil {
		return r, err
	}
	if decided.State == removal.Dismissed && it.Blob != "" {
		c.Effects = append(c.Effects, cordon.NewEffect(cordon.EffectShred, it.Ref))
	}
	if f.Tells(tenant, it.Route) {
		c.Effects = append(c.Effects, cordon.NewEffect(cordon.EffectCallback, it.Ref))
	}
	if err := f.Store.Commit(ctx, c); err != nil {
		return r, err
	}
	if thing, err = f.Store.Thing(ctx, r.Ref); err != nil {
		return decided, err
	}
	return removal.Read(thing)
}

// sealRemovalNote seals a note under the subject of the item, or the day where that is gone: the
// item's own key may be destroyed before the note is of no more use.
func (f *Flow) sealRemovalNote(ctx context.Context, r *removal.Removal, it cordon.Item, note string) error {
	p, err := f.Personal(ctx, it)
	if err != nil && !errors.Is(err, cordon.ErrShredded) {
		return err
	}
	key := f.Keys.NewDataKey()
	if r.KeyID, r.WrappedKey, err = f.Keys.Wrap(ctx, it.Tenant, p.Subject, key); err != nil {
		return fmt.Errorf("wrap the key of a note: %w", err)
	}
	r.Sealed, err = f.Keys.Seal(key, []byte(r.ID), []byte(note))
	return err
}

// RemovalNote opens the note of a decision, "" if there is none; cordon.ErrShredded when it is gone.
func (f *Flow) RemovalNote(ctx context.Context, r removal.Removal) (string, error) {
	if len(r.Sealed) == 0 {
		return "", nil
	}
	key, err := f.Keys.Unwrap(ctx, r.Tenant, r.KeyID, r.WrappedKey)
	if err != nil {
		return "", fmt.Errorf("unwrap the key of the note of %s: %w", r.ID, err)
	}
	note, err := f.Keys.OpenSealed(key, []byte(r.ID), r.Sealed)
	return string(note), err
}

// mostListed is how many items the store returns for one file.
const mostListed = 1000

// ProposeListed returns the changes that propose to take out of the CRM what was passed on with
// the bytes of a file that a list of known files now has. They are committed together with the
// list.
func (f *Flow) ProposeListed(ctx context.Context, tenant cordon.TenantID, sum [32]byte, now time.Time) ([]cordon.Change, error) {
	value, err := f.Keys.Lookup(ctx, tenant, lookupDigest, sum[:])
	if err != nil {
		return nil, err
	}
	items, err := f.Store.ItemByLookup(ctx, tenant, lookupDigest, value)
	if err != nil {
		return nil, fmt.Errorf("look for what was passed on with the same bytes: %w", err)
	}
	if len(items) >= mostListed {
		f.Log.Warn("a listed file was passed on more often than can be proposed at once; only the newest are", "proposed", mostListed)
	}
	return f.proposeKnown(ctx, tenant, items, cordon.LabelKnownFile, now)
}

// proposeAlike is ProposeListed for what was passed on lately and looks like a listed picture.
func (f *Flow) proposeAlike(ctx context.Context, tenant cordon.TenantID, print [32]byte, now time.Time) ([]cordon.Change, error) {
	if f.Alike == nil {
		return nil, nil
	}
	near, err := f.Alike.Near(ctx, tenant, print)
	if err != nil {
		return nil, fmt.Errorf("look for what was passed on and looks the same: %w", err)
	}
	ids := make([]cordon.ID, 0, len(near))
	for _, n := range near[:min(len(near), mostAlike)] {
		ids = append(ids, n.Item)
	}
	rows, err := f.Store.SeenItems(ctx, tenant, ids...)
	if err != nil {
		return nil, err
	}
	var items []cordon.Item
	for _, s := range rows {
		it, err := f.Store.Item(ctx, tenant, s.Item)
		if err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	return f.proposeKnown(ctx, tenant, items, cordon.LabelKnownNear, now)
}

// proposeKnown proposes to take those of the items out of the CRM that are there.
func (f *Flow) proposeKnown(ctx context.Context, tenant cordon.TenantID, items []cordon.Item, label cordon.Label, now time.Time) ([]cordon.Change, error) {
	known := []cordon.Finding{{Detector: "known", Version: "2", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: label}}
	var out []cordon.Change
	for _, it := range items {
		if !removal.InCRM(it) {
			continue
		}
		v := f.Policy(tenant).Decide(it, known)
		changes, _, err := f.propose(ctx, it, v, removal.News(it, v, v), removal.Listed, now)
		if err != nil {
			return nil, err
		}
		out = append(out, changes...)
	}
	return out, nil
}
