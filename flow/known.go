package flow

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
)

// LookupKnown is the kind of look-up value under which exact bytes are listed.
const LookupKnown = "known"

// Limits of the lists of a tenant. What recognises by likeness is held in memory.
const (
	MaxKnownExact    = 5_000_000
	MaxKnownPictures = 1_000_000
	MaxKnownSounds   = 5_000
	// MaxKnownBatch is how many entries are put on lists together, all or none.
	MaxKnownBatch = 10_000
)

// knownSealed is the sealed part of an entry.
type knownSealed struct {
	Value      []byte `json:"value"`
	Source     string `json:"source,omitempty"`
	Ref        string `json:"ref,omitempty"`
	Note       string `json:"note,omitempty"`
	Severity   string `json:"severity,omitempty"`
	Confidence int    `json:"confidence,omitempty"`

	Reason cordon.KnownReason `json:"reason,omitempty"`
}

func sealedOf(k cordon.KnownFile) knownSealed {
	return knownSealed{k.Value, k.Source, k.Ref, k.Note, k.Severity, k.Confidence, k.Reason}
}

// AddKnown puts entries on lists, all or none, each value off any other list. What is there as
// it is given stays untouched: adding the same once more changes nothing. What lets something
// pass takes somebody who decides; else nothing is done and the error wraps cordon.ErrForbidden.
// try only counts.
func (f *Flow) AddKnown(ctx context.Context, tenant cordon.TenantID, given []cordon.KnownFile, by cordon.KnownBy, try bool) (cordon.KnownChange, error) {
	var out cordon.KnownChange
	if len(given) > MaxKnownBatch {
		return out, fmt.Errorf("%w: %d entries at once; give at most %d", cordon.ErrTooLarge, len(given), MaxKnownBatch)
	}
	of := cordon.Ref{Tenant: tenant, Kind: cordon.KindSetting, ID: cordon.KnownFiles}
	var known []cordon.Known
	var blocked []cordon.KnownFile
	fresh := map[cordon.KnownKind]int{}
	at := map[string]int{} // places in known by value
	var left []string      // lists that something leaves for another
	var why []string       // reasons given
	for _, k := range given {
		if err := k.Check(f.Now()); err != nil {
			return out, err
		}
		k.Expires = k.Expires.UTC().Truncate(time.Second)
		value, err := f.knownValue(ctx, tenant, k.Kind, k.Value)
		if err != nil {
			return out, err
		}
		if i, twice := at[string(value)]; twice {
			if known[i].List != k.List {
				return out, fmt.Errorf("%w: %s %x is given for two lists, %s and %s", cordon.ErrInvalid, k.Kind, k.Value[:4], known[i].List, k.List)
			}
			out.Same++
			out.IDs = append(out.IDs, known[i].ID)
			continue
		}
		c := cordon.Known{ID: cordon.NewID(cordon.PrefixKnown), List: k.List, Kind: k.Kind, Value: value, By: by.Actor, Item: k.Item, Expires: k.Expires}
		old, there, err := f.Store.Known(ctx, tenant, value)
		if err != nil {
			return out, err
		}
		if there {
			c.ID = old.ID
			if k.Item == "" { // what was made from an item goes with it, whoever names it again
				k.Item, c.Item = old.Item, old.Item
			}
			if same, err := f.sameKnown(ctx, tenant, old, k); err != nil {
				return out, err
			} else if same {
				out.Same++
				out.IDs = append(out.IDs, c.ID)
				if k.List == cordon.KnownBlocked && len(given) == 1 { // somebody says so once more
					blocked = append(blocked, k)
				}
				continue
			}
			out.Changed++
			if old.List != k.List {
				left = append(left, string(old.List))
			}
		} else {
			out.Added++
			fresh[k.Kind]++
		}
		if err := by.MayKnow(old, c); err != nil {
			return out, err
		}
		why = append(why, string(cmp.Or(k.Reason, cordon.KnownUnstated)))
		plain, err := json.Marshal(sealedOf(k))
		if err != nil {
			return out, err
		}
		if c.Key, c.Sealed, err = f.Keys.SealList(ctx, tenant, knownBound(value), plain); err != nil {
			return out, err
		}
		if k.List == cordon.KnownBlocked {
			blocked = append(blocked, k)
		}
		at[string(value)] = len(known)
		known, out.IDs = append(known, c), append(out.IDs, c.ID)
	}
	if err := f.knownFits(ctx, tenant, fresh); err != nil {
		return out, err
	}
	if try {
		return out, nil
	}
	proposals, err := f.proposeBlocked(ctx, tenant, blocked)
	if err != nil {
		return out, err
	}
	if len(known) == 0 {
		if len(proposals) > 0 {
			err = f.Store.Commit(ctx, proposals...)
		}
		f.sayProposed(proposals)
		return out, err
	}
	facts := map[string]any{"setting": string(cordon.KnownFiles), "act": "add", "reasons": distinct(why)}
	if len(left) > 0 {
		facts["from"] = distinct(left)
	}
	if len(known) == 1 {
		facts["list"], facts["kind"], facts["entry"] = string(known[0].List), string(known[0].Kind), string(known[0].ID)
		if known[0].Item != "" {
			facts["item"] = string(known[0].Item)
		}
	} else {
		facts["act"], facts["count"] = "import", len(known)
		facts["lists"] = codesOf(known, func(k cordon.Known) string { return string(k.List) })
		facts["kinds"] = codesOf(known, func(k cordon.Known) string { return string(k.Kind) })
	}
	if err := f.changeKnown(ctx, of, by.Actor, facts, known, proposals...); err != nil {
		return out, err
	}
	f.sayProposed(proposals)
	return out, nil
}

// proposeBlocked proposes what was passed on and has the bytes of newly blocked files, or looks
// like one, each item once.
func (f *Flow) proposeBlocked(ctx context.Context, tenant cordon.TenantID, blocked []cordon.KnownFile) (out []cordon.Change, err error) {
	there := map[cordon.Ref]bool{}
	for _, k := range blocked {
		var more []cordon.Change
		switch k.Kind {
		case cordon.KnownSHA256:
			more, err = f.ProposeListed(ctx, tenant, [sha256.Size]byte(k.Value), f.Now().UTC())
		case cordon.KnownPDQ:
			more, err = f.proposeAlike(ctx, tenant, [32]byte(k.Value), f.Now().UTC())
		case cordon.KnownChromaprint: // what was passed on is not kept by its sound
		}
		if err != nil {
			return nil, err
		}
		for _, c := range more {
			if !there[c.Of] {
				out = append(out, c)
			}
		}
		for _, c := range more {
			there[c.Of] = true
		}
	}
	return out, nil
}

// codesOf lists the different codes, sorted.
func codesOf(known []cordon.Known, code func(cordon.Known) string) []string {
	var out []string
	for _, k := range known {
		out = append(out, code(k))
	}
	return distinct(out)
}

// distinct returns the different codes, sorted.
func distinct(codes []string) []string {
	slices.Sort(codes)
	return slices.Compact(codes)
}

func (f *Flow) changeKnown(ctx context.Context, of cordon.Ref, by cordon.Actor, facts map[string]any, known []cordon.Known, more ...cordon.Change) error {
	return f.Store.Commit(ctx, append([]cordon.Change{{Of: of, From: "set", To: "set", Known: known,
		Entries: []cordon.Entry{cordon.NewEntry(cordon.EntrySetting, of, f.Now().UTC(), by, facts)}}}, more...)...)
}

// knownFits refuses more entries than memory is made for.
func (f *Flow) knownFits(ctx context.Context, tenant cordon.TenantID, fresh map[cordon.KnownKind]int) error {
	if len(fresh) == 0 {
		return nil
	}
	counts, err := f.Store.KnownCounts(ctx, tenant)
	if err != nil {
		return err
	}
	for _, c := range counts {
		if fresh[c.Kind] > 0 {
			fresh[c.Kind] += c.Count
		}
	}
	for kind, most := range map[cordon.KnownKind]int{cordon.KnownSHA256: MaxKnownExact, cordon.KnownPDQ: MaxKnownPictures, cordon.KnownChromaprint: MaxKnownSounds} {
		if fresh[kind] > most {
			return fmt.Errorf("%w: that would be %d entries of kind %s, and a tenant has at most %d; take off what is no longer needed", cordon.ErrTooLarge, fresh[kind], kind, most)
		}
	}
	return nil
}

func (f *Flow) sameKnown(ctx context.Context, tenant cordon.TenantID, old cordon.Known, k cordon.KnownFile) (bool, error) {
	if old.Sealed == nil || old.List != k.List || old.Item != k.Item || !old.Expires.Equal(k.Expires) {
		return false, nil
	}
	was, err := f.OpenKnown(ctx, tenant, old)
	a, b := sealedOf(was), sealedOf(k)
	same := bytes.Equal(a.Value, b.Value)
	a.Value, b.Value = nil, nil
	x, _ := json.Marshal(a) // texts do not fail
	y, _ := json.Marshal(b)
	return same && bytes.Equal(x, y), err
}

func (f *Flow) knownValue(ctx context.Context, tenant cordon.TenantID, kind cordon.KnownKind, value []byte) ([]byte, error) {
	lookup := LookupKnown
	if kind != cordon.KnownSHA256 {
		lookup += "/" + string(kind)
	}
	return f.Keys.Lookup(ctx, tenant, lookup, value)
}

// knownBound ties what is sealed to its value, so that no row's can be given to another.
func knownBound(value []byte) []byte { return append([]byte("known/"), value...) }

// OpenKnown returns what is said of an entry. Value is nil for entries of earlier releases, of
// which only a keyed value is on record.
func (f *Flow) OpenKnown(ctx context.Context, tenant cordon.TenantID, k cordon.Known) (cordon.KnownFile, error) {
	out := cordon.KnownFile{ID: k.ID, List: k.List, Kind: k.Kind, Item: k.Item, By: k.By, At: k.At, Expires: k.Expires}
	if k.Sealed == nil {
		return out, nil
	}
	plain, err := f.Keys.OpenBy(ctx, tenant, k.Key, knownBound(k.Value), k.Sealed)
	if err != nil {
		return out, fmt.Errorf("open entry %s of the lists of known files: %w", k.ID, err)
	}
	var s knownSealed
	if err := json.Unmarshal(plain, &s); err != nil {
		return out, fmt.Errorf("read entry %s of the lists of known files: %w", k.ID, err)
	}
	out.Value, out.Source, out.Ref, out.Note, out.Severity, out.Confidence = s.Value, s.Source, s.Ref, s.Note, s.Severity, s.Confidence
	out.Reason = s.Reason
	return out, nil
}

// KnownExact returns the entry that names a value and has not expired; cordon.ErrNotFound if
// there is none.
func (f *Flow) KnownExact(ctx context.Context, tenant cordon.TenantID, kind cordon.KnownKind, value []byte) (cordon.KnownFile, error) {
	keyed, err := f.knownValue(ctx, tenant, kind, value)
	if err != nil {
		return cordon.KnownFile{}, err
	}
	k, ok, err := f.Store.Known(ctx, tenant, keyed)
	switch {
	case err != nil:
		return cordon.KnownFile{}, err
	case !ok || k.Expired(f.Now()):
		return cordon.KnownFile{}, cordon.ErrNotFound
	}
	return f.OpenKnown(ctx, tenant, k)
}

// RemoveKnown takes entries off the lists, all or none; cordon.ErrConflict if one is not there,
// and cordon.ErrForbidden if something could pass by it and who acts does not decide.
func (f *Flow) RemoveKnown(ctx context.Context, tenant cordon.TenantID, by cordon.KnownBy, ids ...cordon.ID) error {
	return f.takeOff(ctx, tenant, by, "remove", ids)
}

func (f *Flow) takeOff(ctx context.Context, tenant cordon.TenantID, by cordon.KnownBy, act string, ids []cordon.ID) error {
	if len(ids) == 0 {
		return nil
	}
	there, err := f.Store.KnownEntries(ctx, tenant, ids...)
	if err != nil {
		return err
	}
	var left []string
	for _, k := range there {
		if err := by.MayKnow(k, cordon.Known{}); err != nil {
			return err
		}
		left = append(left, string(k.List))
	}
	of := cordon.Ref{Tenant: tenant, Kind: cordon.KindSetting, ID: cordon.KnownFiles}
	var known []cordon.Known
	for _, id := range ids {
		known = append(known, cordon.Known{ID: id, Remove: true})
	}
	facts := map[string]any{"setting": string(cordon.KnownFiles), "act": act, "from": distinct(left)}
	if len(ids) == 1 {
		facts["entry"] = string(ids[0])
	} else {
		facts["count"] = len(ids)
	}
	return f.changeKnown(ctx, of, by.Actor, facts, known)
}

// EndKnown takes off the entries that have come to their end, and says how many. They have not
// matched since; this writes it down.
func (f *Flow) EndKnown(ctx context.Context, tenant cordon.TenantID) (n int, err error) {
	const batch = 500
	for {
		ended, err := f.Store.KnownExpired(ctx, tenant, f.Now(), batch)
		if err != nil || len(ended) == 0 {
			return n, err
		}
		ids := make([]cordon.ID, len(ended))
		for i, k := range ended {
			ids[i] = k.ID
		}
		if err := f.takeOff(ctx, tenant, cordon.KnownBy{Actor: cordon.Cordon, Decides: true}, "expire", ids); errors.Is(err, cordon.ErrConflict) {
			return n, nil // another process is at it
		} else if err != nil {
			return n, err
		}
		if n += len(ids); len(ids) < batch {
			return n, nil
		}
	}
}

// Know puts a file on a list by the SHA-256 of its exact bytes, or with remove takes it off
// whatever list it is on.
func (f *Flow) Know(ctx context.Context, tenant cordon.TenantID, sum [sha256.Size]byte, list cordon.KnownList, remove bool, by cordon.KnownBy) error {
	if !remove {
		_, err := f.AddKnown(ctx, tenant, []cordon.KnownFile{{List: list, Kind: cordon.KnownSHA256, Value: sum[:]}}, by, false)
		return err
	}
	value, err := f.knownValue(ctx, tenant, cordon.KnownSHA256, sum[:])
	if err != nil {
		return err
	}
	k, there, err := f.Store.Known(ctx, tenant, value)
	if err != nil || !there {
		return err
	}
	return f.RemoveKnown(ctx, tenant, by, k.ID)
}
