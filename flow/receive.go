package flow

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/intake"
)

// Look-up kinds.
const (
	lookupDigest      = "digest"      // items with the same bytes: of any record
	lookupRetry       = "retry"       // held items of the same request
	lookupRequest     = "request"     // all items of the same request
	lookupIdempotency = "idempotency" // only one item has it: the item of an Idempotency-Key
	lookupKeyed       = "keyed"       // the item of an Idempotency-Key and one request
)

// Spool stores bytes under a key of their own and promises nothing about them: a process
// that ends before Receive leaves bytes that nobody can read any more.
func (f *Flow) Spool(ctx context.Context, tenant cordon.TenantID, r io.Reader) (cordon.Spooled, error) {
	key := f.Keys.NewDataKey()
	ref, sum, size, err := f.Blobs.Put(ctx, key, r)
	if err != nil {
		return cordon.Spooled{}, err
	}
	return cordon.Spooled{Blob: ref, Key: key, SHA256: sum, Size: size}, nil
}

// Discard forgets spooled bytes.
func (f *Flow) Discard(ctx context.Context, sp cordon.Spooled) {
	if sp.Blob == "" {
		return
	}
	if err := f.Blobs.Delete(context.WithoutCancel(ctx), sp.Blob); err != nil {
		f.Log.Warn("spooled bytes were not deleted; their key is gone", "err", err)
	}
}

// Receive makes spooled bytes an item under control. repeated means that an earlier item
// answers: that of the same Idempotency-Key, or, without one, the held item of the same
// request. The new bytes are then discarded. A request is the same if everything that would be
// written is, see intake.Request. An Idempotency-Key that was used for another request is
// cordon.ErrKeyReused. Whoever gets a new item calls Judge, for which
// a place among the checks is kept; without room for one more it is cordon.ErrBusy.
func (f *Flow) Receive(ctx context.Context, a cordon.Arrival, sp cordon.Spooled) (it cordon.Item, repeated bool, err error) {
	recorded, fresh := false, false // fresh: a new item, which Judge looks at next
	defer func() {
		if !recorded {
			f.Discard(ctx, sp)
		}
	}()
	now := f.Now().UTC()

	head := make([]byte, 4096)
	c, err := f.Blobs.Open(ctx, sp.Key, sp.Blob)
	if err != nil {
		return it, false, fmt.Errorf("read back what was stored: %w", err)
	}
	n, err := c.ReadAt(head, 0)
	c.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		return it, false, fmt.Errorf("read back what was stored: %w", err)
	}

	by, client := cordon.Actor{Kind: cordon.Client, ID: "unknown"}, cordon.ID("")
	if a.Client != "" {
		if by, err = f.Store.ActorFor(ctx, a.Tenant, cordon.Client, a.Client); err != nil {
			return it, false, err
		}
		client = by.ID
	}
	it, p := intake.Admit(a, sp, f.Examiner.Sniff(head[:n]), client, now)

	digest, err := f.Keys.Lookup(ctx, a.Tenant, lookupDigest, sp.SHA256[:])
	if err != nil {
		return it, false, err
	}
	request, err := f.Keys.Lookup(ctx, a.Tenant, lookupRetry, intake.Request(a, p)...)
	if err != nil {
		return it, false, err
	}
	named, err := f.nameRequest(ctx, a, request, now)
	if err != nil {
		return it, false, err
	}
	lookups := []cordon.Lookup{{Kind: lookupDigest, Value: digest}}
	if named != nil {
		// Who gives keys says which requests are one: nothing else is asked.
		defer f.receiving.lock(string(named.now))()
		earlier, found, free, err := f.sameKey(ctx, a.Tenant, named, now)
		if err != nil || found {
			return earlier, found, err
		}
		lookups = append(lookups, free...)
	} else {
		defer f.receiving.lock(string(request))()
		earlier, found, turn, err := f.takeTurn(ctx, a, request, now)
		if err != nil || found {
			return earlier, found, err
		}
		lookups = append(lookups, turn...)
	}

	// What cannot be looked at in time is not taken in: no record, no bytes. On a shadow route it
	// passes all the same, and the record says that nobody looked.
	place, err := f.Examiner.Keep(a.Tenant, a.CallerKey)
	if err != nil && a.Route.Mode != cordon.ModeShadow {
		return it, false, errNoRoom(err)
	}
	if place != nil {
		defer func() {
			if !fresh {
				place.Leave()
			}
		}()
	}
	if it.KeyID, it.WrappedKey, err = f.Keys.Wrap(ctx, a.Tenant, p.Subject, sp.Key); err != nil {
		return it, false, fmt.Errorf("wrap the item's key: %w", err)
	}
	p.RetryKey = request
	if err := f.seal(&it, sp.Key, p); err != nil {
		return it, false, err
	}
	received := cordon.Change{
		Of: it.Ref, To: cordon.Received, Item: &it, Lookups: lookups,
		Entries: []cordon.Entry{intake.Entry(it, by, now)},
	}
	if err = f.Store.Commit(ctx, received); err == nil {
		recorded, fresh = true, true
		if place != nil {
			f.places.keep(it.ID, place)
		}
		return moved(it, received), false, nil
	}
	stored, readErr := f.Store.Item(context.WithoutCancel(ctx), it.Tenant, it.ID)
	// A commit may fail after it took place. The bytes go only when it is certain that no
	// item needs them.
	recorded = !errors.Is(readErr, cordon.ErrNotFound)
	if !recorded && named != nil && errors.Is(err, cordon.ErrConflict) {
		// Another process was quicker with the same key: its item answers.
		if earlier, found, _, err := f.sameKey(ctx, a.Tenant, named, now); err != nil || found {
			return earlier, found, err
		}
	}
	if !recorded && named == nil && errors.Is(err, cordon.ErrConflict) {
		// Another process was quicker with the same request. Its item answers if it is kept back;
		// else this one comes after it.
		for tries := 0; !recorded && errors.Is(err, cordon.ErrConflict) && tries < maxTurns; tries++ {
			earlier, found, turn, turnErr := f.takeTurn(ctx, a, request, now)
			if turnErr != nil || found {
				return earlier, found, turnErr
			}
			received.Lookups = append([]cordon.Lookup{{Kind: lookupDigest, Value: digest}}, turn...)
			if err = f.Store.Commit(ctx, received); err == nil {
				stored, readErr = moved(it, received), nil
			} else {
				stored, readErr = f.Store.Item(context.WithoutCancel(ctx), it.Tenant, it.ID)
			}
			recorded = !errors.Is(readErr, cordon.ErrNotFound)
		}
	}
	if readErr != nil {
		return it, false, fmt.Errorf("record the item: %w", errors.Join(err, readErr))
	}
	if place != nil {
		fresh = true
		f.places.keep(stored.ID, place)
	}
	return stored, false, nil
}
