package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/deliver"
	"github.com/cordonhq/cordon/removal"
)

// Carrier returns the handlers of every effect that flow commits. None of them fails without end
// and unseen: see carry.
func (f *Flow) Carrier() deliver.Carrier {
	return deliver.Carrier{
		cordon.EffectRelease:  f.carry(f.Deliver),
		cordon.EffectShred:    f.carry(f.Shred),
		cordon.EffectRescan:   f.carry(f.Rescan),
		cordon.EffectLate:     f.carry(f.LateLook),
		cordon.EffectCallback: f.carry(f.Tell),
	}
}

// Shred destroys the bytes and the key of an item that needs them no longer, and writes the
// entry that says so. Bytes go first: a crash in between is repeated, and deleting what is
// gone is no error.
func (f *Flow) Shred(ctx context.Context, e cordon.Effect) error {
	it, err := f.Store.Item(ctx, e.Of.Tenant, e.Of.ID)
	if err != nil {
		return err
	}
	if wanted, err := f.wanted(ctx, it); err != nil {
		return err
	} else if wanted {
		return f.finish(ctx, it, e.ID) // the decision on the removal sees to it
	}
	if it.Blob != "" {
		if err := f.Blobs.Delete(ctx, it.Blob); err != nil {
			return fmt.Errorf("delete the bytes of item %s: %w", it.ID, err)
		}
	}
	it.Blob, it.KeyID, it.WrappedKey, it.Sealed = "", "", nil, nil
	return f.Store.Commit(ctx, cordon.Change{
		Of: it.Ref, From: it.State, To: it.State, Item: &it, Done: []cordon.ID{e.ID},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryShredded, it.Ref, f.Now().UTC(), cordon.Cordon, nil)},
	})
}

// unscanned reports whether the item passed although a check was silent.
func unscanned(it cordon.Item) bool {
	if it.Verdict == nil {
		return true
	}
	for _, r := range it.Verdict.Reasons {
		if r == cordon.ReasonPassedUnscanned {
			return true
		}
	}
	return false
}

// Rescan looks again at what passed unscanned. What it finds is recorded as a new verdict; where
// that holds, a removal is proposed. Nothing is taken out of the CRM by itself.
func (f *Flow) Rescan(ctx context.Context, e cordon.Effect) error {
	it, err := f.Store.Item(ctx, e.Of.Tenant, e.Of.ID)
	if err != nil {
		return err
	}
	key, p, err := f.open(ctx, it)
	if errors.Is(err, cordon.ErrShredded) {
		return f.finish(ctx, it, e.ID)
	} else if err != nil {
		return err
	}
	c, err := f.bytes(ctx, it, key)
	if err != nil {
		return err
	}
	defer c.Close()
	look, found, err := f.Examiner.Examine(ctx, c, hintOf(it, p))
	if err != nil {
		return errNoRoom(err)
	}
	found, note, err := f.compare(ctx, it, p, look, found, string(it.ID))
	if err != nil {
		return err
	}
	asHeld := it
	asHeld.Fail = cordon.FailHold // silence a second time is not a pass
	v := f.Policy(it.Tenant).Decide(asHeld, found)
	v.At = f.Now().UTC()
	for _, r := range v.Reasons {
		if r == cordon.ReasonDetectorSilent {
			return fmt.Errorf("item %s: %w", it.ID, errSilent)
		}
	}
	sealed, err := f.sealFindings(key, it, found)
	if err != nil {
		return err
	}
	looked := cordon.Change{
		Of: it.Ref, From: it.State, To: it.State, Findings: sealed, Verdict: &v, Seen: note.record, Done: []cordon.ID{e.ID},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryRescanned, it.Ref, v.At, cordon.Cordon, inspected(it, v, found))},
	}
	changes, proposed, err := f.propose(ctx, it, v, removal.News(it, v, v), removal.Rescan, v.At)
	if err != nil {
		return err
	}
	then := f.afterwards(it, false, cordon.NewEffect(cordon.EffectShred, it.Ref), v.At)
	if !proposed || then.Kind != cordon.EffectShred {
		looked.Effects = append(looked.Effects, then)
	}
	if err := f.Store.Commit(ctx, append([]cordon.Change{looked}, changes...)...); err != nil {
		return err
	}
	f.saw(it, note)
	f.sayProposed(changes)
	return nil
}

var errSilent error = &cordon.Failure{Kind: cordon.ErrTransient, Cause: cordon.CauseSilent, Text: "a check is still silent"}

// Tell tells the route's owner what became of an item.
func (f *Flow) Tell(ctx context.Context, e cordon.Effect) error {
	it, err := f.Store.Item(ctx, e.Of.Tenant, e.Of.ID)
	if err != nil {
		return err
	}
	if f.Callback != nil && f.Tells(it.Tenant, it.Route) {
		if err := f.Callback.Tell(ctx, it); err != nil {
			return fmt.Errorf("tell route %s about item %s: %w", it.Route, it.ID, err)
		}
	}
	return f.Store.Commit(ctx, cordon.Change{
		Of: it.Ref, From: it.State, To: it.State, Done: []cordon.ID{e.ID},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryTold, it.Ref, f.Now().UTC(), cordon.Cordon, map[string]any{"state": string(it.State)})},
	})
}

// Preview returns a fresh encoding of an item and writes down who looked. By cordon.Cordon
// nobody looks: the console asks so for what it blurs beyond recognition.
func (f *Flow) Preview(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor) ([]byte, string, error) {
	it, err := f.Store.Item(ctx, tenant, id)
	if err != nil {
		return nil, "", err
	}
	c, _, err := f.content(ctx, it)
	if err != nil {
		return nil, "", err
	}
	defer c.Close()
	data, mediaType, err := f.Examiner.Preview(ctx, c)
	if err != nil || by == cordon.Cordon {
		return data, mediaType, err
	}
	err = f.Store.Commit(ctx, cordon.Change{Of: it.Ref, From: it.State, To: it.State,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryViewed, it.Ref, f.Now().UTC(), by, nil)}})
	if err != nil {
		return nil, "", fmt.Errorf("write down who looked, so nothing is shown: %w", err)
	}
	return data, mediaType, nil
}
