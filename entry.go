package cordon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// EntryKind says what an entry records.
type EntryKind string

// Kinds of entries. docs/ledger-format.md lists the facts each of them carries.
const (
	EntryReceived  EntryKind = "item.received"
	EntryObserved  EntryKind = "item.observed"
	EntryInspected EntryKind = "item.inspected"
	EntryHeld      EntryKind = "item.held"
	EntryStaged    EntryKind = "item.staged" // a placeholder stands upstream
	EntryReleased  EntryKind = "item.released"
	EntryRejected  EntryKind = "item.rejected"
	EntryForward   EntryKind = "item.forwarding"
	EntryDelivered EntryKind = "item.delivered"
	EntryRefused   EntryKind = "item.refused-upstream"
	EntryUnsettled EntryKind = "item.unsettled"
	EntryKept      EntryKind = "item.kept"
	EntryShredded  EntryKind = "item.shredded"
	EntryRescanned EntryKind = "item.rescanned"
	EntryLate      EntryKind = "item.looked-late" // what was too dear while somebody waited has looked, or was given up
	EntryTold      EntryKind = "item.told"        // a callback was answered
	EntryReturned  EntryKind = "item.returned"    // a delivery certainly did not happen; the item is back where it was
	EntrySettled   EntryKind = "item.superseded"  // something owed had nothing left to do
	EntryGaveUp    EntryKind = "item.given-up"    // something owed could not be done, or failed too often
	EntryResolved  EntryKind = "item.settled"     // a person said what became of a write whose answer was lost
	EntryOwedAgain EntryKind = "item.owed-again"  // what the state of the item owes was missing
	EntryViewed    EntryKind = "item.viewed"      // a person looked at the preview
	EntryRepeated  EntryKind = "item.repeated"
	EntryTurned    EntryKind = "item.turned-away" // a check was silent and the route refuses, or the CRM would not take the write: nothing was kept
	EntryAbandoned EntryKind = "item.abandoned"   // Cordon stopped before its sender got an answer: nothing was kept
	EntryGone      EntryKind = "item.gone"        // the CRM deleted the file; it may come back
	EntryLinked    EntryKind = "item.linked"      // the CRM shows the file on a record, or in another way than before
	EntryUnlinked  EntryKind = "item.unlinked"    // the CRM no longer shows the file there
	EntryRetried   EntryKind = "item.retried"     // what could not be read was asked for again, in vain
	EntryReported  EntryKind = "item.reported"    // a person or another tool pointed at it
	EntryAlert     EntryKind = "alert.received"   // somebody reported a file or a record
	EntryAnswered  EntryKind = "alert.answered"   // what came of it
	EntrySignIn    EntryKind = "account.sign-in"
	EntrySignOut   EntryKind = "account.sign-out" // a session was ended; it never comes back
	EntrySetting   EntryKind = "setting.changed"

	EntryProposed  EntryKind = "removal.proposed"  // a later check found what would have held it
	EntryAccepted  EntryKind = "removal.accepted"  // a person wants it taken out
	EntryDismissed EntryKind = "removal.dismissed" // a person lets it stay

	EntryCoverage      EntryKind = "coverage.counted" // what the org gained in a day, and how much of it was examined
	EntryCoverageAlarm EntryKind = "coverage.alarm"   // less of a day was examined than has to be
	EntryCoverageClear EntryKind = "coverage.cleared" // and that is over
)

// FactVersion is the fact by which an entry names the version of the thing that its change made. The
// store adds it, and nobody else does.
const FactVersion = "version"

// FactDone is the fact by which an entry names what was owed and is done with its change. The store
// adds it as well: an effect whose row is put back is not carried out twice.
const FactDone = "done"

// MaxEntry is the largest encoded entry in bytes.
const MaxEntry = 4 << 10

// Entry is one line of the ledger. It holds codes, counts and commitments: no free text, no
// name, no digest that a holder of the file could match.
type Entry struct {
	ID    ID
	Kind  EntryKind
	Of    Ref
	At    time.Time
	Actor Actor
	// Facts are codes (short printable ASCII), integers, booleans and lists of codes.
	Facts map[string]any
}

// NewEntry returns an entry with a fresh id.
func NewEntry(kind EntryKind, of Ref, at time.Time, by Actor, facts map[string]any) Entry {
	return Entry{ID: NewID(PrefixEntry), Kind: kind, Of: of, At: at, Actor: by, Facts: facts}
}

// Check refuses facts that are not codes, counts or lists of codes: free text is where
// names slip in.
func (e Entry) Check() error {
	if e.ID == "" || e.Kind == "" || e.At.IsZero() || e.Actor.Kind == "" || e.Actor.ID == "" {
		return fmt.Errorf("%w: entry %q lacks id, kind, time or actor", ErrInvalid, e.Kind)
	}
	if e.Of.Tenant == "" || e.Of.Kind == "" || e.Of.ID == "" {
		return fmt.Errorf("%w: entry %q does not say what it is of", ErrInvalid, e.Kind)
	}
	for _, s := range []string{string(e.ID), string(e.Kind), e.Of.String(), e.Actor.String()} {
		if !isText(s) || len(s) > maxName {
			return fmt.Errorf("%w: entry %s names %.40q, which is not a code", ErrInvalid, e.Kind, s)
		}
	}
	// A slash parts kind and id, so a kind cannot hold one.
	if strings.Contains(string(e.Of.Kind)+string(e.Actor.Kind), "/") {
		return fmt.Errorf("%w: entry %s has a slash in the kind of %s or %s", ErrInvalid, e.Kind, e.Of, e.Actor)
	}
	if y := e.At.UTC().Year(); y < 1970 || y > 9999 {
		return fmt.Errorf("%w: entry %s is of the year %d", ErrInvalid, e.Kind, y)
	}
	for k, v := range e.Facts {
		if k == "" || !isCode(k) {
			return fmt.Errorf("%w: fact name %.40q of entry %s", ErrInvalid, k, e.Kind)
		}
		switch v := v.(type) {
		case bool:
		case int:
			if !isExact(int64(v)) {
				return fmt.Errorf("%w: fact %q of entry %s is beyond ±(2^53−1)", ErrInvalid, k, e.Kind)
			}
		case int64:
			if !isExact(v) {
				return fmt.Errorf("%w: fact %q of entry %s is beyond ±(2^53−1)", ErrInvalid, k, e.Kind)
			}
		case string:
			if !isCode(v) {
				return fmt.Errorf("%w: fact %q of entry %s is not a code", ErrInvalid, k, e.Kind)
			}
		case []string:
			if slices.ContainsFunc(v, func(s string) bool { return !isCode(s) }) {
				return fmt.Errorf("%w: fact %q of entry %s holds what is not a code", ErrInvalid, k, e.Kind)
			}
		default:
			return fmt.Errorf("%w: fact %q of entry %s has type %T", ErrInvalid, k, e.Kind, v)
		}
	}
	return nil
}

// maxName bounds the names of an entry: kind and id of a thing, with its tenant.
const maxName = 512

// isCode allows what identifiers, media types, versions and hex need, and nothing that
// could hold a sentence.
func isCode(s string) bool { return len(s) <= 128 && isText(s) }

func isText(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-_.:/@+;=", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// isExact reports whether every JSON reader keeps the number as it is. RFC 8785 knows
// numbers as IEEE doubles, which are exact up to 2^53−1.
func isExact(n int64) bool { return -1<<53 < n && n < 1<<53 }

// Canonical returns the entry as RFC 8785 JSON. All text in it is printable ASCII and all
// numbers are integers, so sorted keys and the standard encoder are enough; a test holds it
// against an independent implementation.
func (e Entry) Canonical() ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	facts := make(map[string]any, len(e.Facts))
	for k, v := range e.Facts {
		if list, ok := v.([]string); ok && list == nil {
			v = []string{} // a list is never null
		}
		facts[k] = v
	}
	b, err := json.Marshal(map[string]any{
		"v":      1,
		"id":     string(e.ID),
		"kind":   string(e.Kind),
		"tenant": string(e.Of.Tenant),
		"of":     string(e.Of.Kind) + "/" + string(e.Of.ID),
		"at":     e.At.UTC().Format(time.RFC3339Nano),
		"actor":  e.Actor.String(),
		"facts":  facts,
	})
	if err != nil {
		return nil, err
	}
	if len(b) > MaxEntry {
		return nil, fmt.Errorf("%w: entry %s is %d bytes, the limit is %d", ErrTooLarge, e.Kind, len(b), MaxEntry)
	}
	return b, nil
}

// ParseEntry reads what Canonical wrote, and nothing else: any other spelling of the same
// JSON is refused. Numbers come back as int64, lists as []string.
func ParseEntry(b []byte) (Entry, error) {
	if len(b) > MaxEntry {
		return Entry{}, fmt.Errorf("%w: an entry of %d bytes, the limit is %d", ErrTooLarge, len(b), MaxEntry)
	}
	var w struct {
		V      int            `json:"v"`
		ID     ID             `json:"id"`
		Kind   EntryKind      `json:"kind"`
		Tenant TenantID       `json:"tenant"`
		Of     string         `json:"of"`
		At     time.Time      `json:"at"`
		Actor  string         `json:"actor"`
		Facts  map[string]any `json:"facts"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&w); err != nil || w.V != 1 {
		return Entry{}, fmt.Errorf("%w: not an entry of version 1", ErrInvalid)
	}
	for k, v := range w.Facts {
		exact, err := factOf(v)
		if err != nil {
			return Entry{}, fmt.Errorf("fact %.40q: %w", k, err)
		}
		w.Facts[k] = exact
	}
	kind, id, _ := strings.Cut(w.Of, "/")
	ak, aid, _ := strings.Cut(w.Actor, "/")
	e := Entry{ID: w.ID, Kind: w.Kind, Of: Ref{w.Tenant, Kind(kind), ID(id)}, At: w.At,
		Actor: Actor{ActorKind(ak), ID(aid)}, Facts: w.Facts}
	again, err := e.Canonical()
	if err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(again, b) {
		return Entry{}, fmt.Errorf("%w: entry %.40q is not in canonical form", ErrInvalid, w.ID)
	}
	return e, nil
}

// factOf turns what encoding/json makes of a fact into the types that Check permits.
func factOf(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		return v.Int64()
	case []any:
		list := make([]string, len(v))
		for i, x := range v {
			s, ok := x.(string)
			if !ok {
				return nil, fmt.Errorf("%w: a list of other things than codes", ErrInvalid)
			}
			list[i] = s
		}
		return list, nil
	}
	return v, nil
}
