package flow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/intake"
)

// lookupObserved finds an item by the record, and the version of it, that it was seen in.
const lookupObserved = "observed"

// inMemory is the size up to which observed content is inspected without touching a disk.
const inMemory = 1 << 20

// Open opens content that the CRM has, from its start.
type Open = func() (io.ReadCloser, error)

// Observe records content that the CRM has already: it is read once, inspected, decided on
// and stays where it is (observed → inspected → kept). The verdict says what the policy
// would have done had the content come in front. No byte of it is kept. The result is false
// if this content was observed before, or Cordon itself delivered it; it is then not opened
// where that can be told without.
func (f *Flow) Observe(ctx context.Context, o cordon.Observation, open Open) (cordon.Item, bool, error) {
	for range 3 {
		s, err := f.Sight(ctx, o, open)
		if err != nil {
			return s.Item, false, err
		}
		if err = f.Note(ctx, []cordon.Sighting{s}); err == nil {
			it, err := f.Store.Item(ctx, o.Tenant, s.Item.ID)
			return it, s.New, err
		} else if !errors.Is(err, cordon.ErrConflict) {
			return s.Item, false, err
		}
		// Somebody else observed it at the same time, or moved it.
	}
	return cordon.Item{}, false, fmt.Errorf("%w: others keep observing %s %s", cordon.ErrConflict, o.Object, o.UpstreamID)
}

// Note commits sightings of one tenant, all or none, together with further changes, such as
// how far an observer has read. With cordon.ErrConflict nothing is on record and the
// sightings have to be made again.
func (f *Flow) Note(ctx context.Context, sightings []cordon.Sighting, more ...cordon.Change) error {
	var changes []cordon.Change
	for _, s := range sightings {
		changes = append(changes, s.Changes...)
	}
	changes = append(changes, more...)
	if len(changes) == 0 {
		return nil
	}
	if err := f.Store.Commit(ctx, changes...); err != nil {
		return err
	}
	for _, s := range sightings {
		if s.Then != nil {
			s.Then()
		}
	}
	return nil
}

// Sight is Observe without the commit. An error means that the content could not be read now
// and may be read later.
func (f *Flow) Sight(ctx context.Context, o cordon.Observation, open Open) (cordon.Sighting, error) {
	value, err := f.Keys.Lookup(ctx, o.Tenant, lookupObserved, []byte(o.Object), []byte(o.UpstreamID), []byte(o.Version))
	if err != nil {
		return cordon.Sighting{}, err
	}
	lookup := cordon.Lookup{Kind: lookupObserved, Value: value}
	seen, err := f.Store.ItemByLookup(ctx, o.Tenant, lookupObserved, value)
	if err != nil {
		return cordon.Sighting{}, err
	}
	if len(seen) > 0 {
		if o.Again && o.Unread == "" && restsInCRM(seen[0]) {
			return f.anew(ctx, o, open, seen[0], lookup, true)
		}
		return f.onRecord(ctx, o, seen[0])
	}
	earlier, err := f.earlier(ctx, o)
	if err != nil {
		return cordon.Sighting{}, err
	}
	if s, done := f.known(o, earlier, lookup); done && o.Again && o.Unread == "" && restsInCRM(s.Item) {
		return f.anew(ctx, o, open, s.Item, lookup, false)
	} else if done && len(s.Changes) == 0 {
		return f.onRecord(ctx, o, s.Item)
	} else if done {
		return s, nil
	}
	if o.Unread != "" {
		return f.unread(ctx, o, lookup)
	}
	return f.read(ctx, o, open, earlier, lookup)
}

// earlier returns the items of the same record, newest first.
func (f *Flow) earlier(ctx context.Context, o cordon.Observation) ([]cordon.Item, error) {
	all, err := f.Store.ItemsUpstream(ctx, o.Tenant, o.UpstreamID)
	return slices.DeleteFunc(all, func(it cordon.Item) bool { return it.Object != o.Object }), err
}

// known answers an observation that adds nothing to what is on record of the same record.
func (f *Flow) known(o cordon.Observation, earlier []cordon.Item, lookup cordon.Lookup) (s cordon.Sighting, done bool) {
	if len(earlier) == 0 {
		return s, false
	}
	last := earlier[0]
	switch {
	case slices.ContainsFunc(earlier, func(it cordon.Item) bool { return it.State == cordon.Erased }):
		return cordon.Sighting{Item: last}, true // nothing may find it again
	case o.Unread == cordon.ReasonGone:
		return f.again(last, cordon.EntryGone, lookup), true
	case o.Unread != "":
		return cordon.Sighting{Item: last}, true
	case o.Immutable && !unseen(last):
		return cordon.Sighting{Item: last}, true
	}
	return s, false
}

// onRecord answers an observation of content that is on record: at most it hangs elsewhere now.
func (f *Flow) onRecord(ctx context.Context, o cordon.Observation, it cordon.Item) (cordon.Sighting, error) {
	c := cordon.Change{Of: it.Ref, From: it.State, To: it.State}
	if o.Retry && unseen(it) {
		c.Entries = append(c.Entries, cordon.NewEntry(cordon.EntryRetried, it.Ref, f.Now().UTC(), cordon.Cordon, nil))
	}
	err := f.moved(ctx, o, it, &c)
	if err != nil || len(c.Entries) == 0 {
		return cordon.Sighting{Item: it}, err
	}
	return cordon.Sighting{Item: it, Changes: []cordon.Change{c}}, nil
}

// again returns a sighting that adds an entry and a look-up value to an item.
func (f *Flow) again(it cordon.Item, kind cordon.EntryKind, lookup cordon.Lookup) cordon.Sighting {
	return cordon.Sighting{Item: it, Changes: []cordon.Change{{Of: it.Ref, From: it.State, To: it.State, Lookups: []cordon.Lookup{lookup},
		Entries: []cordon.Entry{cordon.NewEntry(kind, it.Ref, f.Now().UTC(), cordon.Cordon, nil)}}}}
}

// unseen reports whether an observed item stands for content that could not be read.
func unseen(it cordon.Item) bool {
	return it.State == cordon.Kept && it.Verdict != nil && (slices.Contains(it.Verdict.Reasons, cordon.ReasonGone) ||
		slices.Contains(it.Verdict.Reasons, cordon.ReasonNotReadable))
}

// unread records content that nobody could look at: a gap in the record would hide it.
func (f *Flow) unread(ctx context.Context, o cordon.Observation, lookup cordon.Lookup) (cordon.Sighting, error) {
	now := f.Now().UTC()
	it, p := f.admit(o, cordon.Spooled{Size: max(0, o.Size)}, now)
	it.Commitment, p.SHA256 = nil, ""
	v := f.Policy(o.Tenant).Decide(it, nil)
	v.Outcome, v.Action, v.At = cordon.NotTested, cordon.Watch, now
	v.Reasons = []cordon.Reason{o.Unread, cordon.ReasonShadow}
	slices.Sort(v.Reasons)
	key := f.Keys.NewDataKey()
	if err := f.wrap(ctx, &it, key, p); err != nil {
		return cordon.Sighting{}, err
	}
	s := sighting(it, v, nil, nil, []cordon.Lookup{lookup})
	return s, f.moved(ctx, o, s.Item, &s.Changes[len(s.Changes)-1])
}

// read opens the content, looks, and returns what it makes of it.
func (f *Flow) read(ctx context.Context, o cordon.Observation, open Open, earlier []cordon.Item, lookup cordon.Lookup) (cordon.Sighting, error) {
	c, sum, done, err := f.borrow(ctx, o, open)
	if err != nil {
		return cordon.Sighting{}, err
	}
	defer done()

	digest, err := f.Keys.Lookup(ctx, o.Tenant, lookupDigest, sum[:])
	if err != nil {
		return cordon.Sighting{}, err
	}
	same, err := f.Store.ItemsSame(ctx, o.Tenant, lookupDigest, digest, o.UpstreamID)
	if err != nil {
		return cordon.Sighting{}, err
	}
	for _, it := range same {
		if slices.ContainsFunc(earlier, func(e cordon.Item) bool { return e.ID == it.ID }) {
			s := f.again(it, cordon.EntryRepeated, lookup) // touched, with the same bytes
			return s, f.moved(ctx, o, it, &s.Changes[0])
		}
		if it.Object != o.Object {
			continue
		}
		// What Cordon is writing at this moment has no id of the CRM's on record yet, or has
		// got it since we looked. Its bytes are those of other records, too.
		mine := it.UpstreamID == o.UpstreamID
		if it.UpstreamID == "" && (it.State == cordon.Forwarding || it.State == cordon.Unsettled) {
			if mine, err = f.wrote(ctx, it, o.UpstreamID); err != nil {
				return cordon.Sighting{}, err
			}
		}
		if mine {
			return f.onRecord(ctx, o, it)
		}
	}

	now := f.Now().UTC()
	it, p := f.admit(o, cordon.Spooled{SHA256: sum, Size: c.Size()}, now)
	look, found, err := f.Examiner.Examine(ctx, c, hintOf(it, p))
	if err = errors.Join(err, ctx.Err()); err != nil {
		return cordon.Sighting{}, errNoRoom(err) // a check that was cut short says nothing
	}
	it.MediaType, it.Modality = look.MediaType, look.Modality
	if len(earlier) > 0 && unseen(earlier[0]) {
		it.ID = earlier[0].ID
	}
	found, note, err := f.compare(ctx, it, p, look, found, observedAs(o))
	if err != nil {
		return cordon.Sighting{}, err
	}
	v := f.Policy(o.Tenant).Decide(it, found)
	v.At = f.Now().UTC()
	if !slices.Contains(v.Reasons, cordon.ReasonShadow) {
		v.Reasons = append(slices.Clone(v.Reasons), cordon.ReasonShadow)
		slices.Sort(v.Reasons)
	}
	var back *cordon.Item
	key := f.Keys.NewDataKey()
	if err := f.wrap(ctx, &it, key, p); err != nil {
		return cordon.Sighting{}, err
	}
	if len(earlier) > 0 && unseen(earlier[0]) {
		back = &earlier[0]
		it.Version, it.State = back.Version, back.State
		// The key stays, where there is one: links are sealed under it.
		if old, err := f.keyOf(ctx, *back); err == nil {
			key, it.KeyID, it.WrappedKey = old, back.KeyID, back.WrappedKey
		}
		if err := f.seal(&it, key, p); err != nil {
			return cordon.Sighting{}, err
		}
	}
	sealed, err := f.sealFindings(key, it, found)
	if err != nil {
		return cordon.Sighting{}, err
	}
	lookups := []cordon.Lookup{{Kind: lookupDigest, Value: digest}, lookup}
	if back != nil { // what could not be read at first is there now
		it.Verdict = &v
		s := cordon.Sighting{Item: it, Changes: []cordon.Change{{Of: it.Ref, From: it.State, To: it.State, Item: &it,
			Findings: sealed, Verdict: &v, Lookups: lookups, Seen: note.record,
			Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryRescanned, it.Ref, v.At, cordon.Cordon, inspected(it, v, found))}}},
			Then: func() { f.saw(it, note) }}
		return s, f.moved(ctx, o, it, &s.Changes[0])
	}
	s := sighting(it, v, found, sealed, lookups)
	s.Changes[1].Seen, s.Then = note.record, func() { f.saw(it, note) }
	return s, f.moved(ctx, o, s.Item, &s.Changes[len(s.Changes)-1])
}

// observedAs names an observation, so that one that is made again is not taken for another.
func observedAs(o cordon.Observation) string { return o.Object + "/" + o.UpstreamID + "/" + o.Version }

// sighting returns the moves of a new item: observed, inspected, kept.
func sighting(it cordon.Item, v cordon.Verdict, found, sealed []cordon.Finding, lookups []cordon.Lookup) cordon.Sighting {
	observed := intake.Entry(it, cordon.Cordon, it.ReceivedAt)
	observed.Kind = cordon.EntryObserved
	delete(observed.Facts, "op")
	created := it
	after := it
	after.State, after.Verdict, after.Version, after.ChangedAt = cordon.Kept, &v, 3, v.At
	return cordon.Sighting{Item: after, New: true, Changes: []cordon.Change{
		{Of: it.Ref, To: cordon.Observed, Item: &created, Lookups: lookups, Entries: []cordon.Entry{observed}},
		{Of: it.Ref, From: cordon.Observed, To: cordon.Inspected, Findings: sealed, Verdict: &v,
			Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryInspected, it.Ref, v.At, cordon.Cordon, inspected(it, v, found))}},
		{Of: it.Ref, From: cordon.Inspected, To: cordon.Kept,
			Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryKept, it.Ref, v.At, cordon.Cordon, nil)}},
	}}
}

// admit returns the item that an observation becomes, and its personal part.
func (f *Flow) admit(o cordon.Observation, sp cordon.Spooled, now time.Time) (cordon.Item, cordon.Personal) {
	it, p := intake.Admit(cordon.Arrival{Tenant: o.Tenant, Route: o.Route, DeclaredType: o.DeclaredType, Object: o.Object, Personal: o.Personal},
		sp, "application/octet-stream", "", now)
	it.State, it.UpstreamID, it.DocumentID = cordon.Observed, o.UpstreamID, o.DocumentID
	return it, p
}

// wrap seals the personal part under the item's key, and that under the subject's.
func (f *Flow) wrap(ctx context.Context, it *cordon.Item, key cordon.DataKey, p cordon.Personal) (err error) {
	if it.KeyID, it.WrappedKey, err = f.Keys.Wrap(ctx, it.Tenant, p.Subject, key); err != nil {
		return fmt.Errorf("wrap the item's key: %w", err)
	}
	return f.seal(it, key, p)
}

// borrow reads content to its end and lets it be looked at until done is called: in memory
// when it is small, else encrypted on disk under a key that is nowhere else and is forgotten
// with the bytes.
func (f *Flow) borrow(ctx context.Context, o cordon.Observation, open Open) (c cordon.Content, sum [32]byte, done func(), err error) {
	r, err := open()
	if err != nil {
		return nil, sum, nil, fmt.Errorf("open %s %s: %w", o.Object, o.UpstreamID, err)
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, inMemory+1))
	if err != nil {
		return nil, sum, nil, fmt.Errorf("read %s %s: %w", o.Object, o.UpstreamID, err)
	}
	if len(head) <= inMemory {
		c, sum, done = inHand{bytes.NewReader(head)}, sha256.Sum256(head), func() {}
	} else {
		sp, err := f.Spool(ctx, o.Tenant, io.MultiReader(bytes.NewReader(head), r))
		if err != nil {
			return nil, sum, nil, fmt.Errorf("read %s %s: %w", o.Object, o.UpstreamID, err)
		}
		opened, err := f.Blobs.Open(ctx, sp.Key, sp.Blob)
		if err != nil {
			f.Discard(ctx, sp)
			return nil, sum, nil, fmt.Errorf("read back what was spooled: %w", err)
		}
		c, sum, done = opened, sp.SHA256, func() {
			opened.Close()
			f.Discard(ctx, sp)
		}
	}
	if o.Size >= 0 && c.Size() < o.Size {
		done()
		return nil, sum, nil, fmt.Errorf("read %s %s: %d of %d bytes came: %w", o.Object, o.UpstreamID, c.Size(), o.Size, io.ErrUnexpectedEOF)
	}
	return c, sum, done, nil
}

// inHand is content in memory.
type inHand struct{ *bytes.Reader }

// NewReader reads from the start, independently of other readers.
func (c inHand) NewReader() io.Reader { return io.NewSectionReader(c.Reader, 0, c.Size()) }
