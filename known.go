package cordon

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// KnownFiles is the setting under which the lists of known files change.
const KnownFiles ID = "known-files"

// Known is an entry of the lists of known files: a file that is to be recognised, by its exact
// bytes or by what it looks or sounds like. A value is on one list of a tenant at most.
type Known struct {
	ID    ID
	List  KnownList
	Kind  KnownKind
	Value []byte // 32 bytes: an HMAC of the value under a tenant key, by which it is found again
	// Sealed is the value itself and where it is from, under the key Key. Nil for entries
	// of earlier releases: they are found by exact bytes, and nobody can tell of what.
	Sealed  []byte
	Key     ID
	By      Actor     // who put it there
	Item    ID        // that it was made from, and with which it is forgotten; "" for none
	Expires time.Time // from when on it does not match any more; zero: never

	At     time.Time // when it was put there or last changed; set by the store
	Number int64     // of the change that did so, growing within a tenant; set by the store

	// Remove takes it off: by ID, which must be there, or else by Value, which may be.
	Remove bool
}

func (k Known) check() error {
	switch {
	case k.Remove && (k.ID != "" || len(k.Value) == 32):
	case k.Remove:
		return fmt.Errorf("%w: a known file that is to be taken off has neither id nor value", ErrInvalid)
	case k.ID == "" || len(k.Value) != 32 || !k.List.Valid() || !k.Kind.Valid():
		return fmt.Errorf("%w: a known file without id, list, kind or value", ErrInvalid)
	}
	return nil
}

// Expired reports whether the entry had come to its end at a time.
func (k Known) Expired(at time.Time) bool { return !k.Expires.IsZero() && !k.Expires.After(at) }

// KnownList says what being on a list means.
type KnownList string

// Lists of known files.
const (
	KnownBlocked  KnownList = "blocked"  // must not pass
	KnownWatched  KnownList = "watched"  // passes, and is listed
	KnownLawful   KnownList = "lawful"   // generated or altered, and rightly so: may pass; exact bytes only
	KnownOrdinary KnownList = "ordinary" // a logo, a blank form: that much looks like it says nothing
)

// KnownLists returns every list.
func KnownLists() []KnownList {
	return []KnownList{KnownBlocked, KnownWatched, KnownLawful, KnownOrdinary}
}

// Valid reports whether the list is one of the four.
func (l KnownList) Valid() bool {
	return l == KnownBlocked || l == KnownWatched || l == KnownLawful || l == KnownOrdinary
}

// KnownKind says by what an entry recognises files.
type KnownKind string

// Kinds of entries.
const (
	KnownSHA256      KnownKind = "sha256"      // the exact bytes
	KnownPDQ         KnownKind = "pdq"         // what a picture looks like
	KnownChromaprint KnownKind = "chromaprint" // what a recording sounds like
)

// KnownKinds returns every kind.
func KnownKinds() []KnownKind { return []KnownKind{KnownSHA256, KnownPDQ, KnownChromaprint} }

// Valid reports whether the kind is one of the three.
func (k KnownKind) Valid() bool {
	return k == KnownSHA256 || k == KnownPDQ || k == KnownChromaprint
}

// KnownFile is an entry of the lists of known files, opened: with everything that is said of it.
type KnownFile struct {
	ID         ID // of what is on a list; "" of what is to be
	List       KnownList
	Kind       KnownKind
	Value      []byte // the digest or the hash itself; nil where it cannot be told
	Source     string // who named it, "" for the organisation itself
	Ref        string // what the source calls it
	Note       string
	Reason     KnownReason // why it is there; "" counts as unstated
	Severity   string      // as the source says it, "" if it does not
	Confidence int         // of the source, 1 to 100; 0 if it does not say
	Item       ID          // that it was made from
	By         Actor
	At         time.Time
	Expires    time.Time // zero: never; in whole seconds
}

// Check reports what would make an entry unfit to be put on a list.
func (k KnownFile) Check(now time.Time) error {
	const text, note = 200, 2000
	long := len(k.Source) > text || len(k.Ref) > text || len(k.Severity) > text || len(k.Note) > note
	utf := utf8.ValidString(k.Source + k.Ref + k.Severity + k.Note)
	switch {
	case !k.List.Valid():
		return fmt.Errorf("%w: the list is blocked, watched, lawful or ordinary, not %.20q", ErrInvalid, k.List)
	case !k.Kind.Valid():
		return fmt.Errorf("%w: the kind is sha256, pdq or chromaprint, not %.20q", ErrInvalid, k.Kind)
	case k.Kind != KnownChromaprint && len(k.Value) != 32:
		return fmt.Errorf("%w: a value of kind %s has 64 hexadecimal digits", ErrInvalid, k.Kind)
	case k.Kind == KnownChromaprint && (len(k.Value) == 0 || len(k.Value)%4 != 0 || len(k.Value) > 4096):
		return fmt.Errorf("%w: a value of kind chromaprint has 8 hexadecimal digits for each of at most 1024 numbers", ErrInvalid)
	case k.Kind != KnownSHA256 && k.List == KnownLawful:
		return fmt.Errorf("%w: only exact bytes can be lawful: what merely looks or sounds like a lawful file is exempt from nothing", ErrInvalid)
	case long || !utf:
		return fmt.Errorf("%w: source, source_id and severity have at most %d bytes of UTF-8 text, the note %d", ErrInvalid, text, note)
	case k.Reason != "" && !k.Reason.Valid():
		return fmt.Errorf("%w: the reason is one of %v, not %.20q", ErrInvalid, KnownReasons(), k.Reason)
	case k.Confidence < 0 || k.Confidence > 100:
		return fmt.Errorf("%w: confidence is 1 to 100, not %d", ErrInvalid, k.Confidence)
	case !k.Expires.IsZero() && !k.Expires.After(now):
		return fmt.Errorf("%w: the entry had expired on %s", ErrInvalid, k.Expires.UTC().Format(time.DateOnly))
	case k.Expires.Year() > 9999:
		return fmt.Errorf("%w: the entry expires after the year 9999", ErrInvalid)
	}
	return nil
}

// KnownChange counts what came of putting entries on lists.
type KnownChange struct {
	Added, Changed, Same int
	IDs                  []ID // of the entries as they stand, in the order given
}

// KnownCount is how many entries of one kind are on one list.
type KnownCount struct {
	List  KnownList
	Kind  KnownKind
	Count int
}

// Seen is by what later files that look like an item are told. It goes when the item is
// forgotten, and ages out.
type Seen struct {
	Item   ID
	At     time.Time // when the item was looked at
	Past   bool      // it had lain in the CRM for long: At says nothing of when it came
	Record []byte    // keyed value of the record the item is for; nil if there is none
	Print  []byte    // the perceptual hash, sealed; nil if there is none
	Key    ID        // that Print is under
}
