package cordon

import (
	"errors"
	"fmt"
	"time"
)

// Change moves one thing from one state to another and says so in the ledger. Changes are
// the only way anything under control is written: the store's Commit applies several of
// them together or not at all, in the order given.
type Change struct {
	Of   Ref
	From State // "" creates
	To   State

	// Item is the whole item: required when From is "". On later moves it may carry a
	// changed item; Version must then be the one that was read. Nil leaves all but the
	// state as it is.
	Item *Item
	// Findings are added to what was found before.
	Findings []Finding
	// Verdict becomes the item's verdict.
	Verdict *Verdict
	// Lookups are added or, with Forget, taken away.
	Lookups []Lookup
	// Forget removes every look-up value of the item, every link, by what its look-alikes are
	// told, and the entries of the lists of known files that were made from it.
	Forget bool
	// Unlinks are the ids of links of the item that are taken away, and Links are those added
	// after that: one that changes is in both.
	Unlinks []string
	Links   []Link
	// Value becomes the value of a thing other than an item; nil leaves it. Nothing in it
	// names a person. Version is then that of the thing as it was read, 0 for one that nobody
	// had ever said anything of, so that of two who read the same thing one is told: of a thing
	// whose last word simply stands it is AnyVersion. Without a Value, 0 asks for the state alone.
	Value   []byte
	Version int64
	// Subject and DueAt become those of the thing together with Value: whom or what it is about,
	// and until when somebody has to see to it.
	Subject ID
	DueAt   time.Time

	// Known puts entries on the lists of known files, or takes them off. Only for KnownFiles.
	Known []Known
	// Seen is by what look-alikes of the item are found.
	Seen *Seen

	Entries []Entry  // at least one
	Effects []Effect // owed from now on
	Done    []ID     // effects that this change completes; ErrConflict if one is done already
}

// Lookup is a keyed value by which an item can be found again. It is an HMAC under a tenant
// key and lives in a table that can be deleted from.
type Lookup struct {
	Kind  string // "digest", "retry", "idempotency", "keyed" or "observed"
	Value []byte // 32 bytes
}

// Check reports what would make the change unfit to be committed.
func (c Change) Check() error {
	switch {
	case c.Of.Tenant == "" || c.Of.Kind == "" || c.Of.ID == "":
		return fmt.Errorf("%w: change without tenant, kind or id", ErrInvalid)
	case c.Of.Kind == KindItem && !c.From.CanBecome(c.To):
		return fmt.Errorf("%w: an item cannot go from %q to %q", ErrInvalid, c.From, c.To)
	case c.To == "":
		return fmt.Errorf("%w: change of %s goes nowhere", ErrInvalid, c.Of)
	case c.Of.Kind == KindItem && c.From == "" && c.Item == nil:
		return fmt.Errorf("%w: %s is created without its item", ErrInvalid, c.Of)
	case c.Item != nil && c.Item.Ref != c.Of:
		return fmt.Errorf("%w: change of %s carries item %s", ErrInvalid, c.Of, c.Item.Ref)
	case c.Value != nil && (c.Of.Kind == KindItem || len(c.Value) > MaxValue):
		return fmt.Errorf("%w: change of %s carries a value of %d bytes", ErrInvalid, c.Of, len(c.Value))
	case c.Of.Kind == KindItem && (c.Version != 0 || c.Subject != "" || !c.DueAt.IsZero()):
		return fmt.Errorf("%w: change of %s carries what only other things have", ErrInvalid, c.Of)
	case c.Value == nil && (c.Subject != "" || !c.DueAt.IsZero()):
		return fmt.Errorf("%w: change of %s carries a subject or a time without a value", ErrInvalid, c.Of)
	case c.Of.Kind != KindItem && !c.Of.Kind.MayMove(c.From, c.To):
		return fmt.Errorf("%w: a thing of kind %q cannot go from %q to %q", ErrInvalid, c.Of.Kind, c.From, c.To)
	case len(c.Entries) == 0:
		return fmt.Errorf("%w: change of %s without an entry", ErrInvalid, c.Of)
	case len(c.Known) > 0 && (c.Of.Kind != KindSetting || c.Of.ID != KnownFiles):
		return fmt.Errorf("%w: change of %s carries known files", ErrInvalid, c.Of)
	}
	var errs []error
	if c.Item != nil && c.From != c.To {
		if _, err := StandOf(c.To, c.Item.Op, c.Item.Mode); err != nil {
			errs = append(errs, fmt.Errorf("change of %s: %w", c.Of, err))
		}
	}
	for _, k := range c.Known {
		errs = append(errs, k.check())
	}
	for _, e := range c.Entries {
		if e.Of != c.Of {
			errs = append(errs, fmt.Errorf("%w: entry of %s in a change of %s", ErrInvalid, e.Of, c.Of))
		}
		errs = append(errs, e.Check())
	}
	for _, l := range c.Links {
		errs = append(errs, l.check())
	}
	for _, e := range c.Effects {
		if e.ID == "" || e.Kind == "" || e.Of.Tenant != c.Of.Tenant {
			errs = append(errs, fmt.Errorf("%w: effect %q of %s is incomplete", ErrInvalid, e.Kind, c.Of))
		}
	}
	return errors.Join(errs...)
}

// EffectKind says what must happen elsewhere.
type EffectKind string

// Kinds of effects.
const (
	EffectRelease  EffectKind = "release"   // write a released item upstream
	EffectShred    EffectKind = "shred"     // destroy the bytes and the key of an item
	EffectRescan   EffectKind = "rescan"    // inspect what passed unscanned
	EffectCallback EffectKind = "callback"  // tell a route or an asker, signed
	EffectAdopt    EffectKind = "adopt"     // look at what somebody reported
	EffectLate     EffectKind = "late-look" // look with what was too dear while somebody waited
)

// EffectKinds are all of them.
func EffectKinds() []EffectKind {
	return []EffectKind{EffectRelease, EffectShred, EffectRescan, EffectCallback, EffectAdopt, EffectLate}
}

// Slow reports whether effects of the kind take seconds of a processor: they are carried out
// one at a time, beside the others, so that none of these waits for them.
func (k EffectKind) Slow() bool { return k == EffectLate }

// Effect is something that must now happen elsewhere, retried until it has. Its row is the
// truth; queues only point at it.
type Effect struct {
	ID        ID
	Kind      EffectKind
	Of        Ref
	NotBefore time.Time // zero: at once
	Payload   []byte    // JSON without anything personal
	Attempts  int       // set by the store
}

// NewEffect returns an effect with a fresh id.
func NewEffect(kind EffectKind, of Ref) Effect {
	return Effect{ID: NewID(PrefixEffect), Kind: kind, Of: of}
}
