package cordon

import (
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
	EntryTold      EntryKind = "item.told"       // a callback was answered
	EntryReturned  EntryKind = "item.returned"   // a delivery certainly did not happen; the item is back where it was
	EntrySettled   EntryKind = "item.superseded" // something owed had nothing left to do
	EntryViewed    EntryKind = "item.viewed"     // a person looked at the preview
	EntryRepeated  EntryKind = "item.repeated"
	EntryTurned    EntryKind = "item.turned-away" // a check was silent and the route refuses: nothing was kept
	EntryAbandoned EntryKind = "item.abandoned"   // Cordon stopped before its sender got an answer: nothing was kept
	EntrySignIn    EntryKind = "account.sign-in"
	EntrySetting   EntryKind = "setting.changed"
)

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
	if e.ID == "" || e.Kind == "" || e.At.IsZero() || e.Actor.ID == "" {
		return fmt.Errorf("%w: entry %q lacks id, kind, time or actor", ErrInvalid, e.Kind)
	}
	for k, v := range e.Facts {
		if !isCode(k) {
			return fmt.Errorf("%w: fact name %.40q of entry %s", ErrInvalid, k, e.Kind)
		}
		switch v := v.(type) {
		case bool, int, int64:
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

// isCode allows what identifiers, media types, versions and hex need, and nothing that
// could hold a sentence.
func isCode(s string) bool {
	return len(s) <= 128 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@+;=") == ""
}

// Canonical returns the entry as RFC 8785 JSON. All text in it is printable ASCII and all
// numbers are integers, so sorted keys and the standard encoder are enough; a test holds it
// against an independent implementation.
func (e Entry) Canonical() ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	facts := e.Facts
	if facts == nil {
		facts = map[string]any{}
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

// ParseEntry reads what Canonical wrote.
func ParseEntry(b []byte) (Entry, error) {
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
	if err := json.Unmarshal(b, &w); err != nil || w.V != 1 {
		return Entry{}, fmt.Errorf("%w: not an entry of version 1", ErrInvalid)
	}
	kind, id, _ := strings.Cut(w.Of, "/")
	ak, aid, _ := strings.Cut(w.Actor, "/")
	return Entry{ID: w.ID, Kind: w.Kind, Of: Ref{w.Tenant, Kind(kind), ID(id)}, At: w.At,
		Actor: Actor{ActorKind(ak), ID(aid)}, Facts: w.Facts}, nil
}
