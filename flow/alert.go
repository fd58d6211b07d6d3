package flow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// States of an alert.
const (
	AlertAccepted cordon.State = "accepted" // on record; what it names is being looked at
	AlertAnswered cordon.State = "answered" // what came of it is on record
)

// Alert is what somebody reported, and what came of it. Ids of files and codes are all it has
// in clear; what may point to a person is sealed under a key of the subject.
type Alert struct {
	cordon.Ref   `json:"-"`
	State        cordon.State `json:"-"`
	Version      int64        `json:"-"`
	At           time.Time    `json:"at"`
	By           cordon.Actor `json:"by"`
	Source       string       `json:"source,omitempty"` // code of the tool that reported, "" for a person
	What         string       `json:"what"`             // kind of thing that was named
	Again        bool         `json:"again,omitempty"`
	Versions     bool         `json:"versions,omitempty"`
	Effect       cordon.ID    `json:"effect"` // that answers it if nobody does at once
	AnsweredAt   time.Time    `json:"answered_at,omitzero"`
	Answer       Answer       `json:"answer"`
	KeyID        cordon.ID    `json:"key_id,omitempty"`
	WrappedKey   []byte       `json:"wrapped_key,omitempty"`
	Sealed       []byte       `json:"sealed,omitempty"`
	AlertReport  `json:"-"`   // the sealed part
	ReportIsGone bool         `json:"-"` // with its key
}

// AlertReport is the personal part of an alert.
type AlertReport struct {
	Named string `json:"named"`          // as it was pasted
	Note  string `json:"note,omitempty"` // until it is sealed with an item
	// Request is the digest of everything that was reported. It lies with what it is of.
	Request []byte `json:"request,omitempty"`
}

// Answer is what came of an alert.
type Answer struct {
	Items     []cordon.ID            `json:"items,omitempty"`
	Further   int                    `json:"further,omitempty"`
	Elsewhere int                    `json:"elsewhere,omitempty"`
	Missing   int                    `json:"missing,omitempty"`
	Untold    bool                   `json:"untold,omitempty"`
	Picture   bool                   `json:"picture,omitempty"` // a picture of a rich-text field, which is not read
	Around    map[string][]Neighbour `json:"around,omitempty"`
	More      map[string]int         `json:"more,omitempty"`
	Unknown   []string               `json:"unknown,omitempty"`
	Window    time.Duration          `json:"window,omitempty"`
	Calls     int64                  `json:"calls,omitempty"` // API calls it took
}

// Neighbour is a file of the org near one that was reported.
type Neighbour struct {
	Object     string    `json:"object"`
	ID         string    `json:"id"`
	DocumentID string    `json:"document_id,omitempty"`
	Size       int64     `json:"size"`
	Created    time.Time `json:"created"`
}

// lookupAlert makes the id of an alert from what its reporter calls it.
const lookupAlert = "alert"

// lower spells 26 letters of an identifier.
var lower = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// AcceptAlert puts a report on record, with the effect that will answer it in a while if nobody
// does before. External, if given, names the report for its reporter: the same name gets the
// alert that is there, and repeated is true, if it is the same report; the name of another report
// is cordon.ErrNamedTwice. Where the key of the first is gone nobody can tell, and it answers.
func (f *Flow) AcceptAlert(ctx context.Context, a Alert, external, subject string, later time.Duration) (_ Alert, repeated bool, err error) {
	now := f.Now().UTC()
	a.Kind, a.ID, a.State, a.At = cordon.KindAlert, cordon.NewID(cordon.PrefixAlert), AlertAccepted, now
	a.Version = 1
	if external != "" {
		value, err := f.Keys.Lookup(ctx, a.Tenant, lookupAlert, []byte(a.By.ID), []byte(external))
		if err != nil {
			return a, false, err
		}
		a.ID = cordon.ID(cordon.PrefixAlert + "_" + lower.EncodeToString(value)[:26])
	}
	if a.Request, err = requestOf(a); err != nil {
		return a, false, err
	}
	if a, err = f.sealAlert(ctx, a, subject); err != nil {
		return a, false, err
	}
	adopt := cordon.NewEffect(cordon.EffectAdopt, a.Ref)
	adopt.NotBefore = now.Add(later)
	a.Effect = adopt.ID
	value, err := json.Marshal(a)
	if err != nil {
		return a, false, err
	}
	err = f.Store.Commit(ctx, cordon.Change{Of: a.Ref, To: AlertAccepted, Value: value, DueAt: adopt.NotBefore, Effects: []cordon.Effect{adopt},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryAlert, a.Ref, now, a.By, map[string]any{"by": string(a.By.Kind), "what": a.What, "again": a.Again})}})
	if external != "" && errors.Is(err, cordon.ErrConflict) {
		return a, true, f.sameReport(ctx, a) // the caller reads what is there
	}
	return a, false, err
}

func requestOf(a Alert) ([]byte, error) {
	text, err := json.Marshal([]any{a.Named, a.Note, a.Source, a.Again, a.Versions})
	sum := sha256.Sum256(text)
	return sum[:], err
}

// sameReport refuses a report under the name of another.
func (f *Flow) sameReport(ctx context.Context, a Alert) error {
	thing, err := f.Store.Thing(ctx, a.Ref)
	if err != nil {
		return fmt.Errorf("read the alert of that name: %w", err)
	}
	first, err := f.OpenAlert(ctx, thing)
	if err != nil {
		return err
	}
	if first.ReportIsGone || len(first.Request) == 0 || bytes.Equal(first.Request, a.Request) {
		return nil
	}
	return fmt.Errorf("%w: external_id names %s already, which reported something else; give this report an external_id of its own", cordon.ErrNamedTwice, a.ID)
}

// sealAlert seals the report under a key of the subject, or of the day where there is none.
func (f *Flow) sealAlert(ctx context.Context, a Alert, subject string) (_ Alert, err error) {
	key := f.Keys.NewDataKey()
	if a.KeyID, a.WrappedKey, err = f.Keys.Wrap(ctx, a.Tenant, subject, key); err != nil {
		return a, fmt.Errorf("wrap the key of an alert: %w", err)
	}
	plain, err := json.Marshal(a.AlertReport)
	if err != nil {
		return a, err
	}
	a.Sealed, err = f.Keys.Seal(key, []byte(a.ID), plain)
	return a, err
}

// OpenAlert reads an alert from the thing that holds it.
func (f *Flow) OpenAlert(ctx context.Context, thing cordon.Thing) (Alert, error) {
	var a Alert
	if err := json.Unmarshal(thing.Value, &a); err != nil {
		return a, fmt.Errorf("read %s: %w", thing.Ref, err)
	}
	a.Ref, a.State, a.Version = thing.Ref, thing.State, thing.Version
	key, err := f.Keys.Unwrap(ctx, a.Tenant, a.KeyID, a.WrappedKey)
	if errors.Is(err, cordon.ErrShredded) {
		a.ReportIsGone = true
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("unwrap the key of %s: %w", thing.Ref, err)
	}
	plain, err := f.Keys.OpenSealed(key, []byte(a.ID), a.Sealed)
	if err != nil {
		return a, fmt.Errorf("open the sealed part of %s: %w", thing.Ref, err)
	}
	return a, json.Unmarshal(plain, &a.AlertReport)
}

// Notes are what the reporter wrote, to be sealed with each file.
func (a Alert) Notes() []cordon.Note {
	if a.Note == "" {
		return nil
	}
	return []cordon.Note{{At: a.At, By: a.By.ID, Text: a.Note}}
}

// AnswerAlert commits what came of an alert: the sightings, an entry on each of the items, and
// the answer, all or none. Once there is an item the note lies with it and no longer with the
// alert, whose report is sealed under the subject. cordon.ErrConflict: somebody was first.
func (f *Flow) AnswerAlert(ctx context.Context, a Alert, sightings []cordon.Sighting, answer Answer, subject string) error {
	now := f.Now().UTC()
	var more []cordon.Change
	told := map[cordon.ID]bool{}
	for _, s := range sightings {
		if told[s.Item.ID] {
			continue
		}
		told[s.Item.ID] = true
		answer.Items = append(answer.Items, s.Item.ID)
		c, err := f.reported(ctx, a, s, now)
		if err != nil {
			return err
		}
		more = append(more, c)
	}
	if len(answer.Items) > 0 {
		a.Note = ""
	}
	a, err := f.sealAlert(ctx, a, subject)
	if err != nil {
		return err
	}
	a.AnsweredAt, a.Answer = now, answer
	value, err := json.Marshal(a)
	if err != nil {
		return err
	}
	around := 0
	for _, list := range answer.Around {
		around += len(list)
	}
	return f.Note(ctx, sightings, append(more, cordon.Change{Of: a.Ref, From: AlertAccepted, To: AlertAnswered, Value: value, Version: a.Version, Done: []cordon.ID{a.Effect},
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryAnswered, a.Ref, now, cordon.Cordon, map[string]any{
			"items": len(answer.Items), "further": answer.Further, "missing": answer.Missing, "around": around})}})...)
}

// reported is the change that says of an item that somebody pointed at it.
func (f *Flow) reported(ctx context.Context, a Alert, s cordon.Sighting, now time.Time) (cordon.Change, error) {
	it := s.Item
	c := cordon.Change{Of: it.Ref, From: it.State, To: it.State,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntryReported, it.Ref, now, a.By, map[string]any{"by": string(a.By.Kind), "alert": string(a.ID)})}}
	admitted := s.New
	for _, change := range s.Changes {
		admitted = admitted || change.Item != nil
	}
	if a.Note == "" || admitted { // sealed with it already
		return c, nil
	}
	key, p, err := f.open(ctx, it)
	if errors.Is(err, cordon.ErrShredded) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	p.Notes = append(p.Notes, a.Notes()...)
	if err := f.seal(&it, key, p); err != nil {
		return c, err
	}
	c.Item = &it
	return c, nil
}

// Copies returns the other items with the same bytes as an item, newest first; known is false
// where that cannot be told any more.
func (f *Flow) Copies(ctx context.Context, it cordon.Item) (same []cordon.Item, known bool, err error) {
	_, p, err := f.open(ctx, it)
	if errors.Is(err, cordon.ErrShredded) || err == nil && p.SHA256 == "" {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	sum, err := digestOf(p)
	if err != nil {
		return nil, false, err
	}
	value, err := f.Keys.Lookup(ctx, it.Tenant, lookupDigest, sum)
	if err != nil {
		return nil, false, err
	}
	all, err := f.Store.ItemByLookup(ctx, it.Tenant, lookupDigest, value)
	for _, other := range all {
		if other.ID != it.ID {
			same = append(same, other)
		}
	}
	return same, true, err
}
