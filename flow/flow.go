// Package flow moves items along the line. It is the only mover: every state change of
// every item is committed here, together with its ledger entry and what it owes.
//
//	Spool → Receive → Judge → Forward            inline, decided to pass
//	                        → (held) → Release   a person lets it go; Deliver carries it out
//	                                 → Reject    a person keeps it out
//	Observe                                      the CRM has it already; it stays
//	LateLook, DecideRemoval                      what was let through is looked at once more
//
// A crash between any two steps leaves an item that Recover settles at the next start.
package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/cordonhq/cordon"
)

// Store keeps the record. Commit applies all changes or none and is durable when it returns;
// it returns cordon.ErrConflict if someone else moved an item first.
type Store interface {
	Commit(ctx context.Context, changes ...cordon.Change) error
	Item(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (cordon.Item, error)
	ItemByLookup(ctx context.Context, tenant cordon.TenantID, kind string, value []byte) ([]cordon.Item, error)
	// ItemsSame returns the items with the look-up value that are of one record of the CRM, or
	// on their way there without an id of it yet.
	ItemsSame(ctx context.Context, tenant cordon.TenantID, kind string, value []byte, upstreamID string) ([]cordon.Item, error)
	// ItemsUpstream returns the items of one record of the CRM, newest first.
	ItemsUpstream(ctx context.Context, tenant cordon.TenantID, upstreamID string) ([]cordon.Item, error)
	// ItemsOfDocuments returns the items of ContentDocuments, every version's.
	ItemsOfDocuments(ctx context.Context, tenant cordon.TenantID, documents ...string) ([]cordon.Item, error)
	// Links returns where items hang, by item.
	Links(ctx context.Context, tenant cordon.TenantID, items ...cordon.ID) (map[cordon.ID][]cordon.Link, error)
	ItemsIn(ctx context.Context, state cordon.State, limit int) ([]cordon.Item, error)
	// ItemsOwing returns items in one of the states for which none of the kinds of effects is
	// owed, or set aside for a person; withBytes asks for those alone whose bytes are kept.
	ItemsOwing(ctx context.Context, states []cordon.State, withBytes bool, kinds []cordon.EffectKind, limit int) ([]cordon.Item, error)
	// Findings returns what was ever found of an item, in the order it was added.
	Findings(ctx context.Context, tenant cordon.TenantID, id cordon.ID) ([]cordon.Finding, error)
	// Entries returns what the ledger says of something, oldest first.
	Entries(ctx context.Context, of cordon.Ref) ([]cordon.Entry, error)
	// Thing returns something other than an item, or cordon.ErrNotFound.
	Thing(ctx context.Context, of cordon.Ref) (cordon.Thing, error)
	ActorFor(ctx context.Context, tenant cordon.TenantID, kind cordon.ActorKind, name string) (cordon.Actor, error)
	KnownStore
	SeenStore
}

// KnownStore has the lists of known files.
type KnownStore interface {
	// Known returns the entry with a keyed value, and whether there is one.
	Known(ctx context.Context, tenant cordon.TenantID, value []byte) (cordon.Known, bool, error)
	// KnownExpired returns entries that had come to their end at a time.
	KnownExpired(ctx context.Context, tenant cordon.TenantID, at time.Time, limit int) ([]cordon.Known, error)
	// KnownEntries returns the entries that are there of those asked for.
	KnownEntries(ctx context.Context, tenant cordon.TenantID, ids ...cordon.ID) ([]cordon.Known, error)
	KnownCounts(ctx context.Context, tenant cordon.TenantID) ([]cordon.KnownCount, error)
}

// SeenStore says which items were looked at when, and for which record.
type SeenStore interface {
	// SeenSame returns items with a look-up value that were looked at since a time, the latest
	// first.
	SeenSame(ctx context.Context, tenant cordon.TenantID, kind string, value []byte, since time.Time, limit int) ([]cordon.Seen, error)
	// SeenItems returns what is there of the items asked for.
	SeenItems(ctx context.Context, tenant cordon.TenantID, items ...cordon.ID) ([]cordon.Seen, error)
}

// Blobs keeps the bytes of items, encrypted. Put returns once the bytes would survive
// losing power. Safe for concurrent use.
type Blobs interface {
	Put(ctx context.Context, key cordon.DataKey, r Reader) (cordon.BlobRef, [32]byte, int64, error)
	Open(ctx context.Context, key cordon.DataKey, ref cordon.BlobRef) (Content, error)
	Delete(ctx context.Context, ref cordon.BlobRef) error
}

// Keys wraps data keys, computes keyed look-up values and seals personal columns.
type Keys interface {
	NewDataKey() cordon.DataKey
	Wrap(ctx context.Context, tenant cordon.TenantID, subject string, k cordon.DataKey) (cordon.ID, []byte, error)
	Unwrap(ctx context.Context, tenant cordon.TenantID, keyID cordon.ID, wrapped []byte) (cordon.DataKey, error)
	Lookup(ctx context.Context, tenant cordon.TenantID, kind string, parts ...[]byte) ([]byte, error)
	Seal(k cordon.DataKey, aad, plain []byte) ([]byte, error)
	OpenSealed(k cordon.DataKey, aad, sealed []byte) ([]byte, error)
	// SealFor and SealList seal a few bytes under the key of a subject, and of the tenant's
	// lists; OpenBy opens both, while the key stands.
	SealFor(ctx context.Context, tenant cordon.TenantID, subject string, aad, plain []byte) (cordon.ID, []byte, error)
	SealList(ctx context.Context, tenant cordon.TenantID, aad, plain []byte) (cordon.ID, []byte, error)
	OpenBy(ctx context.Context, tenant cordon.TenantID, key cordon.ID, aad, sealed []byte) ([]byte, error)
}

// Examiner looks at content. What goes wrong with content is a finding. An error means that there
// was no chance to look, and says nothing of the content: cordon.ErrBusy, or that of ctx.
type Examiner interface {
	// Keep keeps a place among the files whose senders wait, or returns cordon.ErrBusy where the
	// checks of one more could not begin in time. The place is given back by Leave.
	Keep(tenant cordon.TenantID, caller string) (Place, error)
	Examine(ctx context.Context, c cordon.Content, hint Hint) (Look, []cordon.Finding, error)
	// Late reports whether content of the media type has something to be looked at that takes too
	// long while somebody waits, and ExamineLate looks at nothing else.
	Late(tenant cordon.TenantID, mediaType string) bool
	// With hint.Further it looks at everything again, with ten times the limits, one file at a time.
	ExamineLate(ctx context.Context, c cordon.Content, hint Hint) []cordon.Finding
	// Sniff tells the media type from the first bytes.
	Sniff(head []byte) string
	// Preview returns a fresh encoding of at most a screen's size, without metadata.
	Preview(ctx context.Context, c cordon.Content) (data []byte, mediaType string, err error)
}

// Place is kept for a file until its checks have ended.
type Place interface {
	// Enter waits for the turn, with patience for as long as ctx allows, and returns since when
	// the budget counts.
	Enter(ctx context.Context, patience bool) (since time.Time, err error)
	// Crowded reports whether others wanted the machine since the turn came.
	Crowded() bool
	// Leave gives the place up. Calling it again does nothing.
	Leave()
}

// Hint is what the sender says of the content. None of it is trusted.
type Hint struct {
	Tenant       cordon.TenantID
	Name         string
	DeclaredType string
	SHA256       [32]byte
	// Waited says that somebody waits for the verdict.
	Waited bool
	// Further says that more than usual may be spent on it, because the first look met limits.
	Further bool
	// Place is what Keep gave. Nil where nobody waits any more.
	Place Place
	// Patience says that an answer was given already, and the file may wait for its turn.
	Patience bool
	// Uploaded is when the sender gave it to us; zero for what the CRM had before.
	Uploaded time.Time
}

// Look is what the content is, decided from its bytes.
type Look struct {
	MediaType string
	Modality  cordon.Modality
	Print     *Print // nil: no picture, or one that says nothing
}

// Policy decides. It has no clock, no network and no database.
type Policy interface {
	Decide(item cordon.Item, found []cordon.Finding) cordon.Verdict
}

// CRM writes with Cordon's own identity.
type CRM interface {
	// MayEdit reports whether the user may edit the record now. record is an id, or
	// Object/Field/value for one named by an external id, which may not exist yet.
	MayEdit(ctx context.Context, tenant cordon.TenantID, userID, record string) (bool, error)
	// Write delivers. Errors wrap cordon.ErrRefusedUpstream or cordon.ErrNotSent when that
	// is certain; any other error means that the answer was lost.
	Write(ctx context.Context, tenant cordon.TenantID, s cordon.Staged, c cordon.Content) (cordon.Delivery, error)
	// Find looks for what a write may have made. certain means that it was looked for by a key
	// that is unique in the CRM: nothing else was found, and an empty answer proves that the CRM
	// has nothing of it.
	Find(ctx context.Context, tenant cordon.TenantID, q Traces) (found []cordon.Delivery, certain bool, err error)
	// Shows says by what a record with an id is what a write has made. It returns
	// cordon.ErrInvalid where there is none, or it is something else.
	Shows(ctx context.Context, tenant cordon.TenantID, q Traces, id string) (cordon.Delivery, cordon.Proof, error)
}

// Traces is what a lost write can be recognised by.
type Traces struct {
	Staged cordon.Staged
	SHA256 string // lower-case hex; "": not known any more
	Size   int64  // bytes
	UserID string // creator, "" if unknown
	From   time.Time
	To     time.Time
}

// Callback tells a route's owner, or who asked, what became of an item.
type Callback interface {
	Tell(ctx context.Context, it cordon.Item) error
}

// Config is what a Flow works with. All fields but Callback, Alike, AlikeConfig and Log are required.
type Config struct {
	Store    Store
	Blobs    Blobs
	Keys     Keys
	Examiner Examiner
	CRM      CRM
	Policy   func(cordon.TenantID) Policy
	// Callback is told about decisions on routes that declare an address. Nil: nobody is.
	Callback Callback
	// Tells reports whether the route wants to be told. Nil: none does.
	Tells func(tenant cordon.TenantID, route string) bool
	// Alike finds items that look alike. Nil: only exact bytes are compared.
	Alike       Alike
	AlikeConfig AlikeConfig
	// KeepPassed is how long bytes stay after a confirmed delivery. Default: not at all.
	KeepPassed time.Duration
	// LateWithin is how long after it was let through an item may wait for its late look; one
	// that has not ended then is given up. Default: 1 hour. Negative: there are no late looks.
	LateWithin time.Duration
	// LateEnded, if set, is told of each late look how it ended: looked or given-up.
	LateEnded func(tenant cordon.TenantID, ended string)
	// GaveUp, if set, is told of what was owed and could not be done, by kind and cause.
	GaveUp func(tenant cordon.TenantID, owed cordon.EffectKind, cause cordon.Cause)
	// ForwardWithin is how long a write upstream may take before another process may settle
	// it. Default: 15 minutes.
	ForwardWithin time.Duration
	// RepeatWithin is for how long after it came a held item answers for the same request sent
	// again without an Idempotency-Key. Default: 1 hour.
	RepeatWithin time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Flow moves items. Safe for concurrent use.
type Flow struct {
	Config
	receiving keyedLock
	places    places
	looking   looking
}

// New returns a Flow.
func New(c Config) *Flow {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.ForwardWithin <= 0 {
		c.ForwardWithin = 15 * time.Minute
	}
	if c.RepeatWithin <= 0 {
		c.RepeatWithin = time.Hour
	}
	if c.LateWithin == 0 {
		c.LateWithin = time.Hour
	}
	if c.Tells == nil {
		c.Tells = func(cordon.TenantID, string) bool { return false }
	}
	return &Flow{Config: c}
}

// open returns the item's data key and personal part; cordon.ErrShredded when they are gone.
func (f *Flow) open(ctx context.Context, it cordon.Item) (cordon.DataKey, cordon.Personal, error) {
	var p cordon.Personal
	key, err := f.keyOf(ctx, it)
	if err != nil {
		return cordon.DataKey{}, p, err
	}
	plain, err := f.Keys.OpenSealed(key, []byte(it.ID), it.Sealed)
	if err != nil {
		return cordon.DataKey{}, p, fmt.Errorf("open the sealed part of item %s: %w", it.ID, err)
	}
	if err := json.Unmarshal(plain, &p); err != nil {
		return cordon.DataKey{}, p, fmt.Errorf("read the sealed part of item %s: %w", it.ID, err)
	}
	return key, p, nil
}

// keyOf returns the item's data key; cordon.ErrShredded when it is gone.
func (f *Flow) keyOf(ctx context.Context, it cordon.Item) (cordon.DataKey, error) {
	if it.WrappedKey == nil {
		return cordon.DataKey{}, fmt.Errorf("item %s: %w", it.ID, cordon.ErrShredded)
	}
	key, err := f.Keys.Unwrap(ctx, it.Tenant, it.KeyID, it.WrappedKey)
	if err != nil {
		return cordon.DataKey{}, fmt.Errorf("unwrap the key of item %s: %w", it.ID, err)
	}
	return key, nil
}

// Personal returns the sealed part of an item; cordon.ErrShredded when it is gone.
func (f *Flow) Personal(ctx context.Context, it cordon.Item) (cordon.Personal, error) {
	_, p, err := f.open(ctx, it)
	return p, err
}

// seal puts the personal part into the item.
func (f *Flow) seal(it *cordon.Item, key cordon.DataKey, p cordon.Personal) error {
	plain, err := json.Marshal(p)
	if err != nil {
		return err
	}
	it.Sealed, err = f.Keys.Seal(key, []byte(it.ID), plain)
	return err
}

// content opens the item's bytes. The caller closes them.
func (f *Flow) content(ctx context.Context, it cordon.Item) (Content, cordon.Personal, error) {
	key, p, err := f.open(ctx, it)
	if err != nil {
		return nil, p, err
	}
	if it.Blob == "" { // observed where the CRM has it: no byte was kept
		return nil, p, fmt.Errorf("item %s: %w", it.ID, cordon.ErrShredded)
	}
	c, err := f.bytes(ctx, it, key)
	return c, p, err
}

// bytes opens the item's bytes with the key that open gave. The caller closes them.
func (f *Flow) bytes(ctx context.Context, it cordon.Item, key cordon.DataKey) (Content, error) {
	c, err := f.Blobs.Open(ctx, key, it.Blob)
	if errors.Is(err, cordon.ErrNotFound) {
		err = fmt.Errorf("%w: %w", errMissing, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the bytes of item %s: %w", it.ID, err)
	}
	return c, nil
}

var (
	errMissing = cordon.Permanent(cordon.CauseBytesMissing, "the record is there and its bytes are not")
	errDigest  = cordon.Permanent(cordon.CauseDigest, "the bytes are others than those that were received")
)

// verified opens the item's bytes and reads them once to their end, so that nothing is begun
// with bytes that cannot be read or are others. The caller closes them.
func (f *Flow) verified(ctx context.Context, it cordon.Item) (Content, cordon.Personal, error) {
	c, p, err := f.content(ctx, it)
	if err != nil {
		return nil, p, err
	}
	h := sha256.New()
	if _, err = io.Copy(h, c.NewReader()); err == nil && hex.EncodeToString(h.Sum(nil)) != p.SHA256 {
		err = errDigest
	}
	if err != nil {
		c.Close()
		return nil, p, fmt.Errorf("read the bytes of item %s: %w", it.ID, err)
	}
	return c, p, nil
}

// moved returns the item as a commit of the changes has left it, so that it need not be read
// again. All of them are of this item.
func moved(it cordon.Item, changes ...cordon.Change) cordon.Item {
	for _, c := range changes {
		version := it.Version
		if c.Item != nil {
			it = *c.Item
		}
		if c.Verdict != nil {
			it.Verdict = c.Verdict
		}
		it.State, it.Version, it.ChangedAt = c.To, version+1, c.Entries[len(c.Entries)-1].At
	}
	return it
}
