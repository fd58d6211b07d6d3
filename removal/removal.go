// Package removal keeps the rules of taking something out that the CRM has. In this release
// that is the proposal: a check that came late, or a list that grew, says of a file which was
// passed on that it would have been held. A person accepts or dismisses it.
//
// Nothing here takes anything out of the CRM, and no time that passes decides. flow commits
// what removal returns.
package removal

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// States of a removal.
const (
	Proposed  cordon.State = "proposed"  // a person decides
	Accepted  cordon.State = "accepted"  // a person wants it taken out of the CRM
	Dismissed cordon.State = "dismissed" // a person lets it stay
)

// States lists them in the order in which one may meet them.
func States() []cordon.State { return []cordon.State{Proposed, Accepted, Dismissed} }

// Cause says what came to light after an item had been passed on.
type Cause string

// Causes of proposals.
const (
	LateLook Cause = "late-look"   // a check that was too dear while somebody waited
	Rescan   Cause = "rescan"      // a check that had been silent
	Listed   Cause = "known-later" // the file was put on a list of files that must not pass
)

// Removal is a proposal and what became of it. It holds ids of the CRM and codes, and nothing
// that names a person; a note is sealed.
type Removal struct {
	cordon.Ref `json:"-"`
	State      cordon.State `json:"-"`
	Version    int64        `json:"-"`
	ChangedAt  time.Time    `json:"-"`

	Item    cordon.ID       `json:"item"`
	Cause   Cause           `json:"cause"`
	Outcome cordon.Outcome  `json:"outcome"`
	Reasons []cordon.Reason `json:"reasons"` // that came to light, sorted
	Policy  string          `json:"policy"`
	At      time.Time       `json:"at"` // of the proposal

	DecidedAt  time.Time     `json:"decided_at,omitzero"`
	By         cordon.Actor  `json:"by,omitzero"`
	Review     cordon.Review `json:"review,omitempty"`
	KeyID      cordon.ID     `json:"key_id,omitempty"` // of the note
	WrappedKey []byte        `json:"wrapped_key,omitempty"`
	Sealed     []byte        `json:"sealed,omitempty"`
}

// Of names the removal of an item: there is at most one that Cordon proposes, whatever comes
// to light how often.
func Of(item cordon.Ref) cordon.Ref {
	_, letters, _ := strings.Cut(string(item.ID), "_")
	return cordon.Ref{Tenant: item.Tenant, Kind: cordon.KindRemoval, ID: cordon.ID(cordon.PrefixRemoval + "_" + letters)}
}

// Read reads a removal from the thing that holds it.
func Read(thing cordon.Thing) (Removal, error) {
	var r Removal
	if err := json.Unmarshal(thing.Value, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", thing.Ref, err)
	}
	r.Ref, r.State, r.Version, r.ChangedAt = thing.Ref, thing.State, thing.Version, thing.ChangedAt
	return r, nil
}

// InCRM reports whether an item is where a removal could take it from: the CRM has it, or
// whoever asked for a verdict on it.
func InCRM(it cordon.Item) bool {
	return it.State == cordon.Delivered || it.State == cordon.Kept || it.State == cordon.Restored
}

// News returns the reasons for which an item would be held now and that nobody knew when it was
// let through: what alone, a verdict on nothing but what came to light, holds for, and what the
// verdict on everything, v, holds for as well. Items that are only recorded have none.
func News(it cordon.Item, alone, v cordon.Verdict) []cordon.Reason {
	if it.Mode == cordon.ModeShadow || !alone.Action.Holds() || !v.Action.Holds() ||
		it.Verdict != nil && slices.Contains(it.Verdict.Reasons, cordon.ReasonShadow) {
		return nil
	}
	var out []cordon.Reason
	for _, r := range alone.Reasons {
		known := it.Verdict != nil && slices.Contains(it.Verdict.Reasons, r)
		if !known && slices.Contains(v.Reasons, r) {
			out = append(out, r)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Propose returns the change that proposes to take an item out of the CRM. earlier is the
// removal of the item as it stands, nil if there is none. There is no change where one is
// accepted already, or is proposed for the same reasons.
func Propose(it cordon.Item, earlier *Removal, v cordon.Verdict, news []cordon.Reason, cause Cause, now time.Time) (*cordon.Change, error) {
	r := Removal{Item: it.ID, Cause: cause, Outcome: v.Outcome, Reasons: news, Policy: v.Policy, At: now}
	c := cordon.Change{Of: Of(it.Ref), To: Proposed}
	if earlier != nil {
		if earlier.State == Accepted {
			return nil, nil
		}
		if earlier.State == Proposed {
			r.Reasons = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(earlier.Reasons), news...))))
			if len(r.Reasons) == len(earlier.Reasons) {
				return nil, nil
			}
			r.At = earlier.At
		}
		c.From, c.Version = earlier.State, earlier.Version
	}
	value, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	c.Value, c.Subject = value, it.ID
	c.Entries = []cordon.Entry{cordon.NewEntry(cordon.EntryProposed, c.Of, now, cordon.Cordon, map[string]any{
		"item": string(it.ID), "cause": string(cause), "outcome": string(v.Outcome), "reasons": codes(r.Reasons), "policy": v.Policy})}
	return &c, nil
}

// Decide returns the change by which a person accepts or dismisses a proposal, and the removal
// as it then stands. The review says which: harmful accepts, genuine and lawful-synthetic
// dismiss.
func (r Removal) Decide(by cordon.Actor, review cordon.Review, now time.Time) (cordon.Change, Removal, error) {
	c := cordon.Change{Of: r.Ref, From: r.State, Version: r.Version, Subject: r.Item}
	kind := cordon.EntryDismissed
	switch {
	case by.Kind != cordon.Person:
		return c, r, fmt.Errorf("%w: only a person decides about a removal", cordon.ErrForbidden)
	case r.State != Proposed:
		return c, r, fmt.Errorf("%w: removal %s is %s, not proposed", cordon.ErrNotNow, r.ID, r.State)
	case review.Rejects():
		c.To, kind = Accepted, cordon.EntryAccepted
	case review.Releases():
		c.To = Dismissed
	default:
		return c, r, fmt.Errorf("%w: a proposal is accepted as %q, or dismissed as %q or %q, not as %q",
			cordon.ErrInvalid, cordon.Harmful, cordon.Genuine, cordon.LawfulSynthetic, review)
	}
	r.State, r.DecidedAt, r.By, r.Review = c.To, now, by, review
	c.Entries = []cordon.Entry{cordon.NewEntry(kind, r.Ref, now, by, map[string]any{"item": string(r.Item), "review": string(review)})}
	return c, r, nil
}

func codes(reasons []cordon.Reason) []string {
	out := make([]string, len(reasons))
	for i, r := range reasons {
		out[i] = string(r)
	}
	return out
}
