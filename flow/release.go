package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/hold"
)

// Release lets a held item go after checking that its uploader may still edit the target.
// If not, the hold stays and the error wraps cordon.ErrForbidden. Delivery follows as an
// effect; the returned item is released, not yet delivered.
func (f *Flow) Release(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, review cordon.Review, note string) (cordon.Item, error) {
	it, err := f.Store.Item(ctx, tenant, id)
	if err != nil {
		return it, err
	}
	c, err := hold.Release(it, by, review, f.Now().UTC())
	if err != nil {
		return it, err
	}
	if it.Op != cordon.OpAsk {
		if err := f.mayStillEdit(ctx, it, by); err != nil {
			return it, err
		}
	}
	return f.decide(ctx, it, c, by, note)
}

// Reject keeps a held item out and tells its route. The bytes stay as evidence.
func (f *Flow) Reject(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, review cordon.Review, note string) (cordon.Item, error) {
	it, err := f.Store.Item(ctx, tenant, id)
	if err != nil {
		return it, err
	}
	c, err := hold.Reject(it, by, review, f.Now().UTC())
	if err != nil {
		return it, err
	}
	return f.decide(ctx, it, c, by, note)
}

// maxAttempts bounds how often a decision is committed anew while senders try again.
const maxAttempts = 100

// decide commits what a person decided about a held item. Entries about the item that leave
// it on hold, such as who looked at it and who was told, are no reason to refuse the person.
func (f *Flow) decide(ctx context.Context, it cordon.Item, c cordon.Change, by cordon.Actor, note string) (cordon.Item, error) {
	if f.Tells(it.Tenant, it.Route) {
		c.Effects = append(c.Effects, cordon.NewEffect(cordon.EffectCallback, it.Ref))
	}
	for attempt := 1; ; attempt++ {
		if note != "" {
			if err := f.addNote(ctx, &it, by, note); cordon.IsPermanent(err) {
				c.Entries[0].Facts["note"] = string(cordon.CauseOf(err)) // a decision does not wait for what nobody can seal
			} else if err != nil {
				return it, err
			} else {
				c.Item = &it
			}
		}
		err := f.Store.Commit(ctx, c)
		if err == nil {
			return f.Store.Item(ctx, it.Tenant, it.ID)
		}
		now, readErr := f.Store.Item(ctx, it.Tenant, it.ID)
		if !errors.Is(err, cordon.ErrConflict) || readErr != nil || now.State != cordon.Held || attempt == maxAttempts {
			return it, err
		}
		it = now
	}
}

// addNote seals what a person wrote with the item.
func (f *Flow) addNote(ctx context.Context, it *cordon.Item, by cordon.Actor, note string) error {
	key, p, err := f.open(ctx, *it)
	if err != nil {
		return err
	}
	p.Notes = append(p.Notes, cordon.Note{At: f.Now().UTC(), By: by.ID, Text: note})
	return f.seal(it, key, p)
}

// mayStillEdit re-checks the uploader's right to the target with Cordon's own identity.
func (f *Flow) mayStillEdit(ctx context.Context, it cordon.Item, by cordon.Actor) error {
	_, p, err := f.open(ctx, it)
	if err != nil {
		return err
	}
	if p.UserID == "" {
		return nil // nobody whose rights could be asked for
	}
	may := true
	for _, target := range targets(p) {
		ok, err := f.CRM.MayEdit(ctx, it.Tenant, p.UserID, target)
		if err != nil {
			return fmt.Errorf("ask the CRM whether the uploader may still edit the target (the hold stays): %w", err)
		}
		may = may && ok
	}
	if may {
		return nil
	}
	stay := hold.Stay(it, cordon.ReasonTargetNotPermitted, by, f.Now().UTC())
	if it.Mode == cordon.ModeShadow { // sent again; nothing is held there
		stay = ended(it, cordon.CauseRefused, f.Now().UTC())
		stay.Entries[0].Facts["reasons"] = []string{string(cordon.ReasonTargetNotPermitted)}
	}
	if err := f.Store.Commit(ctx, stay); err != nil && !errors.Is(err, cordon.ErrConflict) {
		return err
	}
	return fmt.Errorf("%w: %s; the hold stays", cordon.ErrForbidden, cordon.ReasonTargetNotPermitted)
}

// targets are the records that a write touches. A new document in the caller's own library
// touches none.
func targets(p cordon.Personal) []string {
	switch id := p.Staged.RecordID; {
	case strings.Contains(id, "/"): // named by an external id, and perhaps not there yet
		named := []string{p.Staged.Object + "/" + id}
		if p.Subject != "" {
			named = append(named, p.Subject)
		}
		return named
	case id != "":
		return []string{id}
	case p.Staged.Op == cordon.OpNewVersion && documentOf(p) != "":
		return []string{documentOf(p)}
	case p.Subject != "":
		return []string{p.Subject}
	}
	return nil
}

// documentOf is the ContentDocument that a new version belongs to.
func documentOf(p cordon.Personal) (id string) {
	v, ok := p.Staged.Field("ContentDocumentId")
	if !ok || json.Unmarshal(v, &id) != nil {
		return ""
	}
	return id
}

// Deliver carries out a release: it writes a released item upstream with Cordon's identity,
// exactly once. After a crash it looks before it writes.
func (f *Flow) Deliver(ctx context.Context, e cordon.Effect) error {
	it, err := f.Store.Item(ctx, e.Of.Tenant, e.Of.ID)
	if err != nil {
		return err
	}
	switch it.State {
	case cordon.Released:
	case cordon.Forwarding:
		// The process that committed the intent has gone: the effect's lease says so.
		return f.settle(ctx, it, e.ID)
	default:
		return f.finish(ctx, it, e.ID)
	}
	switch err := f.mayStillEdit(ctx, it, cordon.Cordon); {
	case errors.Is(err, cordon.ErrForbidden):
		// mayStillEdit has moved it back to held.
		if it, err = f.Store.Item(ctx, it.Tenant, it.ID); err != nil {
			return err
		}
		return f.finish(ctx, it, e.ID)
	case err != nil:
		return err
	}
	c, p, err := f.verified(ctx, it)
	if err != nil {
		return err
	}
	c.Close()
	p = keyed(it, p)
	it, err = f.forward(ctx, it, cordon.Cordon, func(ctx context.Context, c cordon.Content) (cordon.Delivery, error) {
		return f.CRM.Write(ctx, e.Of.Tenant, p.Staged, c)
	}, e.ID)
	if it.State == cordon.Released || it.State == cordon.Forwarding {
		return err // still owed: not sent, or the outcome could not be recorded
	}
	return nil
}

// finish records that an effect has nothing left to do.
func (f *Flow) finish(ctx context.Context, it cordon.Item, effect cordon.ID) error {
	return f.Store.Commit(ctx, cordon.Change{
		Of: it.Ref, From: it.State, To: it.State, Done: []cordon.ID{effect},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntrySettled, it.Ref, f.Now().UTC(), cordon.Cordon, nil)},
	})
}
