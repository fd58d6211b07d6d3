// Package desk holds what passes over the desk between the doors (console, api) and whoever
// answers them: plain structs without behaviour, so that neither door needs to know the other.
//
// Each door declares the interface it calls; the structs here are the questions and answers.
package desk

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cordonhq/cordon"
)

// Query asks for items of one tenant.
type Query struct {
	States []cordon.State // empty: any
	Owes   cordon.Debt    // instead of States: items that owe this
	Route  string         // empty: any
	Limit  int            // at most this many; the doors always set it
	After  cordon.ID      // the last item of the page before; "" for the first page
	Oldest bool           // oldest first; otherwise newest first
}

// View is one item with all that is known of it.
type View struct {
	Item cordon.Item
	// Personal is what may point to a person. The doors show it to reviewers only.
	Personal cordon.Personal
	// PersonalGone says that the item's key was destroyed, and Personal with it.
	PersonalGone bool
	Findings     []cordon.Finding
	History      []Line // oldest first
	// Removal is the proposal to take the item out of the CRM, nil if there never was one.
	Removal *Removal
}

// Line is one entry of an item's history. Index is its place in the ledger, -1 while it has none.
type Line struct {
	Entry cordon.Entry
	Index int64
}

// RouteLine is a declared route and what it has carried since the counters began.
type RouteLine struct {
	Route        cordon.Route
	Inspected    int64     // looked at before they went on
	Passed       int64     // requests without media, streamed through
	NotInspected int64     // could carry media, on a path Cordon does not look into yet
	Refused      int64     // answered with an error by Cordon itself
	Since        time.Time // when the first of them came; zero: none did
	LastSeen     time.Time // zero: never
}

// Path is a way in that can carry media and is not looked into by this release.
type Path struct {
	Pattern string `json:"pattern" doc:"A glob over the canonical path."`
	Carries string `json:"carries" doc:"What such a request can carry."`
}

// System is how Cordon itself is doing, for one tenant.
type System struct {
	Detectors []Detector
	Ledger    Ledger
}

// Detector is one check that takes part in inspections.
type Detector struct {
	Name    string
	Version string
	Problem string // "" while it works
}

// Ledger is how far the record has got.
type Ledger struct {
	Size       int64     // entries covered by the last checkpoint
	Checkpoint time.Time // zero: none yet
	Anchored   time.Time // when a checkpoint was last published outside; zero: never
}

// MaxNote is the longest note in bytes.
const MaxNote = 2000

// Settlement is what a person says of a write whose answer was lost.
type Settlement struct {
	As cordon.Settlement
	// UpstreamID is the record that it is there as.
	UpstreamID string
	// Note is free text, as that of a Decision. It is not kept with cordon.GiveUp.
	Note string
}

// Check reports whether the settlement can be taken.
func (s Settlement) Check() error {
	if err := s.As.Check(s.UpstreamID); err != nil {
		return err
	}
	return checkNote(s.Note)
}

// Decision is a person's conclusion about a held item.
type Decision struct {
	Outcome cordon.Review
	// Note is free text. It is sealed with the item's personal data, dies with it, and
	// never enters the ledger. Required with Harmful.
	Note string
	// Version is that of the proposal as it was read, so that nobody decides on reasons that have
	// changed since; 0 if it is not said. Only proposals have it.
	Version int64
}

// Check reports whether the decision can be taken: release says which of the two acts it is for.
func (d Decision) Check(release bool) error {
	switch {
	case release && !d.Outcome.Releases():
		return fmt.Errorf("%w: to release an item, say whether it is %q or %q", cordon.ErrInvalid, cordon.Genuine, cordon.LawfulSynthetic)
	case !release && d.Outcome != cordon.Harmful:
		return fmt.Errorf("%w: to keep an item out, the outcome must be %q", cordon.ErrInvalid, cordon.Harmful)
	case !release && strings.TrimSpace(d.Note) == "":
		return fmt.Errorf("%w: to keep an item out, write in a sentence why", cordon.ErrInvalid)
	}
	return checkNote(d.Note)
}

func checkNote(note string) error {
	switch {
	case len(note) > MaxNote:
		return fmt.Errorf("%w: the note is longer than %d bytes; shorten it", cordon.ErrInvalid, MaxNote)
	case !utf8.ValidString(note):
		return fmt.Errorf("%w: the note is not UTF-8 text", cordon.ErrInvalid)
	}
	return nil
}
