package flow

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// memory is a Store that applies changes as the real one does and can have accidents.
type memory struct {
	mu      sync.Mutex
	items   map[cordon.ID]cordon.Item
	lookups map[string][]cordon.ID
	entries []cordon.Entry
	links   map[cordon.ID][]cordon.Link
	found   map[cordon.ID][]cordon.Finding
	things  map[cordon.Ref]cordon.Thing
	seen    map[cordon.ID]cordon.Seen
	known   []cordon.Known
	owed    map[cordon.ID]cordon.Effect
	done    map[cordon.ID]bool
	commits int
	// accident is called with the number of the commit; persisted says whether the failed
	// commit took place all the same.
	accident func(n int) (persisted bool, err error)
}

func newMemory() *memory {
	return &memory{items: map[cordon.ID]cordon.Item{}, lookups: map[string][]cordon.ID{}, links: map[cordon.ID][]cordon.Link{}, seen: map[cordon.ID]cordon.Seen{},
		found: map[cordon.ID][]cordon.Finding{}, things: map[cordon.Ref]cordon.Thing{},
		owed: map[cordon.ID]cordon.Effect{}, done: map[cordon.ID]bool{}}
}

func (m *memory) Commit(_ context.Context, changes ...cordon.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commits++
	if m.accident != nil {
		if persisted, err := m.accident(m.commits); err != nil {
			if persisted {
				_ = m.apply(changes)
			}
			return err
		}
	}
	return m.apply(changes)
}

func (m *memory) apply(changes []cordon.Change) error {
	next := map[cordon.ID]cordon.Item{}
	at := func(id cordon.ID) (cordon.Item, bool) {
		if it, ok := next[id]; ok {
			return it, true
		}
		it, ok := m.items[id]
		return it, ok
	}
	for _, c := range changes {
		if err := c.Check(); err != nil {
			return err
		}
		for _, l := range c.Lookups {
			if owners := m.lookups[l.Kind+string(l.Value)]; l.Kind == lookupObserved && len(owners) > 0 {
				return fmt.Errorf("observed already: %w", cordon.ErrConflict)
			}
		}
		if c.Of.Kind != cordon.KindItem {
			// As the real store: what stays where it is is made where it is not there.
			if now, ok := m.things[c.Of]; ok && (now.State != c.From || c.From == "") || !ok && c.From != "" && c.From != c.To {
				return fmt.Errorf("%s is %q, not %q: %w", c.Of, now.State, c.From, cordon.ErrConflict)
			} else if c.Value != nil && c.Version != now.Version && c.Version != cordon.AnyVersion {
				return fmt.Errorf("%s was written since it was read: %w", c.Of, cordon.ErrConflict)
			}
			continue
		}
		it, ok := at(c.Of.ID)
		if ok != (c.From != "") || it.State != c.From {
			return fmt.Errorf("%s is %q, not %q: %w", c.Of, it.State, c.From, cordon.ErrConflict)
		}
		for _, l := range c.Lookups {
			if l.Kind == lookupIdempotency && len(m.lookups[l.Kind+string(l.Value)]) > 0 {
				return fmt.Errorf("the key of %s is taken: %w", c.Of, cordon.ErrConflict)
			}
		}
		for _, id := range c.Done {
			if m.done[id] {
				return fmt.Errorf("effect %s is done: %w", id, cordon.ErrConflict)
			}
		}
		version := it.Version
		if c.Item != nil && c.From != "" && c.Item.Version != m.items[c.Of.ID].Version {
			return fmt.Errorf("%s was changed: %w", c.Of, cordon.ErrConflict)
		}
		if c.Item != nil {
			it = *c.Item
		}
		if c.Verdict != nil {
			it.Verdict = c.Verdict
		}
		it.State, it.Version, it.ChangedAt = c.To, version+1, c.Entries[0].At
		next[c.Of.ID] = it
	}
	for id, it := range next {
		m.items[id] = it
	}
	for _, c := range changes {
		if c.Of.Kind != cordon.KindItem {
			thing := m.things[c.Of]
			thing.Ref, thing.State, thing.Version = c.Of, c.To, thing.Version+1
			if c.Value != nil {
				thing.Value = c.Value
			}
			m.things[c.Of] = thing
		}
		m.found[c.Of.ID] = append(m.found[c.Of.ID], c.Findings...)
		if c.Forget {
			for k, ids := range m.lookups {
				if len(ids) > 0 && ids[0] == c.Of.ID {
					delete(m.lookups, k)
				}
			}
		}
		for _, l := range c.Lookups {
			k := l.Kind + string(l.Value)
			m.lookups[k] = append([]cordon.ID{c.Of.ID}, m.lookups[k]...)
		}
		for _, id := range c.Unlinks {
			m.links[c.Of.ID] = slices.DeleteFunc(slices.Clone(m.links[c.Of.ID]), func(l cordon.Link) bool { return l.ID == id })
		}
		m.links[c.Of.ID] = append(m.links[c.Of.ID], c.Links...)
		if c.Seen != nil {
			s := *c.Seen
			s.Item = c.Of.ID
			m.seen[c.Of.ID] = s
		}
		if c.Forget {
			delete(m.seen, c.Of.ID)
		}
		m.applyKnown(c.Known)
		m.entries = append(m.entries, c.Entries...)
		for _, e := range c.Effects {
			m.owed[e.ID] = e
		}
		for _, id := range c.Done {
			m.done[id] = true
			delete(m.owed, id)
		}
	}
	return nil
}

func (m *memory) applyKnown(known []cordon.Known) {
	for _, k := range known {
		m.known = slices.DeleteFunc(m.known, func(o cordon.Known) bool { return o.ID == k.ID || bytes.Equal(o.Value, k.Value) })
		if !k.Remove {
			m.known = append(m.known, k)
		}
	}
}

func (m *memory) Known(_ context.Context, _ cordon.TenantID, value []byte) (cordon.Known, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.known, func(k cordon.Known) bool { return bytes.Equal(k.Value, value) })
	if i < 0 {
		return cordon.Known{}, false, nil
	}
	return m.known[i], true, nil
}

func (m *memory) KnownEntries(_ context.Context, _ cordon.TenantID, ids ...cordon.ID) ([]cordon.Known, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.known), func(k cordon.Known) bool { return !slices.Contains(ids, k.ID) }), nil
}

// decider may let files pass by a list.
var decider = cordon.KnownBy{Actor: reviewer, Decides: true}

func (m *memory) KnownExpired(_ context.Context, _ cordon.TenantID, at time.Time, limit int) ([]cordon.Known, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cordon.Known
	for _, k := range m.known {
		if k.Expired(at) && len(out) < limit {
			out = append(out, k)
		}
	}
	return out, nil
}

func (m *memory) KnownCounts(context.Context, cordon.TenantID) ([]cordon.KnownCount, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []cordon.KnownCount{{List: cordon.KnownBlocked, Kind: cordon.KnownChromaprint, Count: MaxKnownSounds - 1}}, nil
}

func (m *memory) SeenSame(_ context.Context, tenant cordon.TenantID, kind string, value []byte, since time.Time, limit int) ([]cordon.Seen, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cordon.Seen
	for _, id := range m.lookups[kind+string(value)] {
		if s, ok := m.seen[id]; ok && !s.At.Before(since) && m.items[id].Tenant == tenant && len(out) < limit {
			out = append(out, s)
		}
	}
	return out, nil
}

func (m *memory) SeenItems(_ context.Context, tenant cordon.TenantID, items ...cordon.ID) ([]cordon.Seen, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cordon.Seen
	for _, id := range items {
		if s, ok := m.seen[id]; ok && m.items[id].Tenant == tenant {
			out = append(out, s)
		}
	}
	return out, nil
}

func (m *memory) Item(_ context.Context, tenant cordon.TenantID, id cordon.ID) (cordon.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[id]
	if !ok || it.Tenant != tenant {
		return it, cordon.ErrNotFound
	}
	return it, nil
}

func (m *memory) Findings(_ context.Context, _ cordon.TenantID, id cordon.ID) ([]cordon.Finding, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.found[id]), nil
}

func (m *memory) Entries(_ context.Context, of cordon.Ref) ([]cordon.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.entries), func(e cordon.Entry) bool { return e.Of != of }), nil
}

func (m *memory) Thing(_ context.Context, of cordon.Ref) (cordon.Thing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	thing, ok := m.things[of]
	if !ok {
		return thing, cordon.ErrNotFound
	}
	return thing, nil
}

func (m *memory) ItemByLookup(_ context.Context, tenant cordon.TenantID, kind string, value []byte) ([]cordon.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cordon.Item
	for _, id := range m.lookups[kind+string(value)] {
		if it := m.items[id]; it.Tenant == tenant {
			out = append(out, it)
		}
	}
	return out, nil
}

func (m *memory) ItemsSame(ctx context.Context, tenant cordon.TenantID, kind string, value []byte, upstreamID string) ([]cordon.Item, error) {
	all, err := m.ItemByLookup(ctx, tenant, kind, value)
	return slices.DeleteFunc(all, func(it cordon.Item) bool {
		writing := it.UpstreamID == "" && (it.State == cordon.Forwarding || it.State == cordon.Unsettled)
		return !writing && (it.UpstreamID != upstreamID || upstreamID == "")
	}), err
}

func (m *memory) ItemsUpstream(_ context.Context, tenant cordon.TenantID, upstreamID string) ([]cordon.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cordon.Item
	for _, it := range m.items {
		if it.Tenant == tenant && it.UpstreamID == upstreamID {
			out = append(out, it)
		}
	}
	slices.SortFunc(out, func(a, b cordon.Item) int { return strings.Compare(string(b.ID), string(a.ID)) })
	return out, nil
}

func (m *memory) ItemsOfDocuments(_ context.Context, tenant cordon.TenantID, documents ...string) ([]cordon.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cordon.Item
	for _, it := range m.items {
		if it.Tenant == tenant && slices.Contains(documents, it.DocumentID) {
			out = append(out, it)
		}
	}
	return out, nil
}

func (m *memory) Links(_ context.Context, _ cordon.TenantID, items ...cordon.ID) (map[cordon.ID][]cordon.Link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[cordon.ID][]cordon.Link{}
	for _, id := range items {
		if links := m.links[id]; len(links) > 0 {
			out[id] = slices.Clone(links)
		}
	}
	return out, nil
}

func (m *memory) ItemsIn(_ context.Context, s cordon.State, _ int) ([]cordon.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cordon.Item
	for _, it := range m.items {
		if it.State == s {
			out = append(out, it)
		}
	}
	return out, nil
}

func (m *memory) ItemsOwing(_ context.Context, states []cordon.State, withBytes bool, kinds []cordon.EffectKind, _ int) ([]cordon.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cordon.Item
	for _, it := range m.items {
		if !slices.Contains(states, it.State) || withBytes && it.Blob == "" {
			continue
		}
		owed := false
		for _, e := range m.owed {
			owed = owed || e.Of == it.Ref && slices.Contains(kinds, e.Kind)
		}
		if !owed {
			out = append(out, it)
		}
	}
	return out, nil
}

func (m *memory) ActorFor(_ context.Context, _ cordon.TenantID, kind cordon.ActorKind, name string) (cordon.Actor, error) {
	return cordon.Actor{Kind: kind, ID: cordon.ID("act_" + name)}, nil
}

// one returns the only item.
func (m *memory) one() cordon.Item {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.items) != 1 {
		panic(fmt.Sprintf("%d items, want one", len(m.items)))
	}
	for _, it := range m.items {
		return it
	}
	panic("unreachable")
}

func (m *memory) effects() []cordon.Effect {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cordon.Effect
	for _, e := range m.owed {
		out = append(out, e)
	}
	return out
}

// bag is a Blobs in memory.
type bag struct {
	mu sync.Mutex
	b  map[cordon.BlobRef][]byte
}

func (b *bag) Put(_ context.Context, _ cordon.DataKey, r Reader) (cordon.BlobRef, [32]byte, int64, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return "", [32]byte{}, 0, err
	}
	ref := cordon.BlobRef(cordon.NewID(cordon.PrefixBlob))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b[ref] = data
	return ref, sha256.Sum256(data), int64(len(data)), nil
}

func (b *bag) Open(_ context.Context, _ cordon.DataKey, ref cordon.BlobRef) (Content, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.b[ref]
	if !ok {
		return nil, cordon.ErrNotFound
	}
	return opened{bytes.NewReader(data)}, nil
}

func (b *bag) Delete(_ context.Context, ref cordon.BlobRef) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.b, ref)
	return nil
}

type opened struct{ *bytes.Reader }

func (opened) Close() error           { return nil }
func (o opened) NewReader() io.Reader { return io.NewSectionReader(o.Reader, 0, o.Size()) }

// plainKeys does what a keyring does, without secrecy.
type plainKeys struct{}

func (plainKeys) NewDataKey() cordon.DataKey { return cordon.NewDataKey([]byte("k")) }
func (plainKeys) Wrap(_ context.Context, _ cordon.TenantID, _ string, k cordon.DataKey) (cordon.ID, []byte, error) {
	return "key_1", k.Bytes(), nil
}
func (plainKeys) Unwrap(_ context.Context, _ cordon.TenantID, _ cordon.ID, w []byte) (cordon.DataKey, error) {
	return cordon.NewDataKey(w), nil
}
func (plainKeys) Lookup(_ context.Context, t cordon.TenantID, kind string, parts ...[]byte) ([]byte, error) {
	m := hmac.New(sha256.New, []byte(t))
	fmt.Fprintf(m, "%s", kind)
	for _, p := range parts {
		fmt.Fprintf(m, "%d:%s", len(p), p)
	}
	return m.Sum(nil), nil
}
func (plainKeys) Seal(_ cordon.DataKey, _, plain []byte) ([]byte, error)   { return plain, nil }
func (plainKeys) OpenSealed(_ cordon.DataKey, _, s []byte) ([]byte, error) { return s, nil }

func (plainKeys) SealFor(_ context.Context, _ cordon.TenantID, _ string, aad, plain []byte) (cordon.ID, []byte, error) {
	return "key_2", slices.Concat(aad, plain), nil
}
func (plainKeys) SealList(_ context.Context, _ cordon.TenantID, aad, plain []byte) (cordon.ID, []byte, error) {
	return "key_3", slices.Concat(aad, plain), nil
}
func (plainKeys) OpenBy(_ context.Context, _ cordon.TenantID, _ cordon.ID, aad, sealed []byte) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, aad)
	if !ok {
		return nil, errors.New("sealed elsewhere")
	}
	return plain, nil
}

// marked finds a generator's mark in content that says so, and is silent when told.
type marked struct {
	mu     sync.Mutex // of what is counted, and of waited and starve
	silent bool
	waited bool  // somebody waited for the last look
	full   error // what Keep says
	starve error // what Examine says to whoever has no patience
	kept   int   // places that were not given back

	late         bool // there is something that is looked at late
	lateTries    int  // so many late looks do not finish
	lateLooks    int
	lateBeside   bool // another check does not finish
	furtherLooks int  // of them, those with more room
}

func (m *marked) Late(_ cordon.TenantID, mediaType string) bool {
	return m.late && mediaType == "image/png"
}

// ExamineLate finds the mark of what says "hidden".
func (m *marked) ExamineLate(_ context.Context, c cordon.Content, hint Hint) []cordon.Finding {
	m.mu.Lock()
	m.lateLooks++
	if hint.Further {
		m.furtherLooks++
	}
	m.mu.Unlock()
	b, _ := io.ReadAll(c.NewReader())
	f := cordon.Finding{Detector: "watermark", Version: "1+search", Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoWatermark, Sentence: "Looked late.", Detail: map[string]any{}}
	switch {
	case m.lateTries > 0:
		m.lateTries--
		f.Status, f.Label = cordon.StatusFailed, cordon.LabelTimeout
	case bytes.Contains(b, []byte("hidden")):
		f.Status, f.Label = cordon.StatusFound, cordon.LabelGeneratorWatermark
	}
	if m.lateBeside {
		return []cordon.Finding{{Detector: "parts", Version: "1", Status: cordon.StatusFailed, Class: cordon.Deterministic, Label: cordon.LabelTimeout, Detail: map[string]any{}}, f}
	}
	return []cordon.Finding{f}
}

// slot is a place of the fake: it counts those that are kept.
type slot struct{ m *marked }

func (s *slot) Enter(context.Context, bool) (time.Time, error) { return time.Time{}, nil }
func (s *slot) Crowded() bool                                  { return false }

func (s *slot) Leave() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.kept--
}

func (m *marked) Keep(cordon.TenantID, string) (Place, error) {
	if m.full != nil {
		return nil, m.full
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept++
	return &slot{m}, nil
}

func (m *marked) Examine(_ context.Context, c cordon.Content, hint Hint) (Look, []cordon.Finding, error) {
	m.mu.Lock()
	m.waited = hint.Waited
	starve := m.starve
	if hint.Patience { // its turn comes later
		m.starve = nil
	}
	m.mu.Unlock()
	if starve != nil && !hint.Patience {
		return Look{}, nil, starve
	}
	b, _ := io.ReadAll(c.NewReader())
	f := cordon.Finding{Detector: "marks", Version: "1", Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks, Detail: map[string]any{}}
	switch {
	case m.silent:
		f.Status, f.Label = cordon.StatusFailed, cordon.LabelTimeout
	case bytes.Contains(b, []byte("generated")):
		f.Status, f.Label = cordon.StatusFound, cordon.LabelGeneratorMark
	case bytes.Contains(b, []byte("locked")):
		f.Look = cordon.LookEncrypted
	case bytes.Contains(b, []byte("packed")):
		f.Look = cordon.LookUnopened
	case bytes.Contains(b, []byte("large")):
		f.Look = cordon.LookBeyondLimits
	}
	return Look{MediaType: "image/png", Modality: cordon.Image}, []cordon.Finding{f}, nil
}
func (*marked) Sniff([]byte) string { return "image/png" }
func (*marked) Preview(context.Context, cordon.Content) ([]byte, string, error) {
	return []byte("preview"), "image/png", nil
}

type rule struct{}

func (rule) Decide(it cordon.Item, found []cordon.Finding) cordon.Verdict {
	v := cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass, Reasons: []cordon.Reason{}, Policy: "test@000000000000"}
	for _, f := range found {
		switch {
		case f.Status == cordon.StatusFailed && it.Fail == cordon.FailPassAndRescan:
			v.Outcome, v.Reasons = cordon.CannotTell, append(v.Reasons, cordon.ReasonPassedUnscanned)
		case f.Status == cordon.StatusFailed:
			v.Outcome, v.Action, v.Reasons = cordon.CannotTell, cordon.Hold, append(v.Reasons, cordon.ReasonDetectorSilent)
		case f.Further():
			v.Outcome, v.Action, v.Reasons = cordon.CannotTell, cordon.Watch, append(v.Reasons, cordon.ReasonLimit)
		case f.Label == cordon.LabelGeneratorMark, f.Label == cordon.LabelGeneratorWatermark, f.Label == cordon.LabelKnownFile:
			v.Outcome, v.Action, v.Reasons = cordon.Synthetic, cordon.Hold, append(v.Reasons, cordon.Reason(f.Label))
		}
	}
	if it.Mode == cordon.ModeShadow {
		v.Reasons = append(v.Reasons, cordon.ReasonShadow)
	}
	slices.Sort(v.Reasons)
	return v
}

// org is a CRM that remembers what was written by key.
type org struct {
	mu       sync.Mutex
	writes   []cordon.Staged
	sums     []string // of the bytes of the writes, hex
	may      bool
	writeErr error // returned instead of writing
	loseErr  error // returned after writing
	keyed    bool  // carries Cordon_Key__c, so that an empty look is certain
	blind    bool  // cannot be searched
}

var errBlind = errors.New("the org does not answer")

func (o *org) MayEdit(context.Context, cordon.TenantID, string, string) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.may, nil
}

func (o *org) Write(_ context.Context, _ cordon.TenantID, s cordon.Staged, c cordon.Content) (cordon.Delivery, error) {
	h := sha256.New()
	if _, err := io.Copy(h, c.NewReader()); err != nil {
		return cordon.Delivery{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writeErr != nil {
		return cordon.Delivery{}, o.writeErr
	}
	o.writes, o.sums = append(o.writes, s), append(o.sums, hex.EncodeToString(h.Sum(nil)))
	if err := o.loseErr; err != nil {
		return cordon.Delivery{}, err
	}
	return cordon.Delivery{ID: fmt.Sprintf("068%015d", len(o.writes))}, nil
}

func (o *org) Find(_ context.Context, _ cordon.TenantID, q Traces) ([]cordon.Delivery, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.blind {
		return nil, false, errBlind
	}
	var out []cordon.Delivery
	for i, w := range o.writes {
		if o.keyed && w.Key == q.Staged.Key || !o.keyed && o.sums[i] == q.SHA256 {
			out = append(out, cordon.Delivery{ID: fmt.Sprintf("068%015d", i+1)})
		}
	}
	return out, o.keyed, nil
}

func (o *org) Shows(_ context.Context, _ cordon.TenantID, q Traces, id string) (cordon.Delivery, cordon.Proof, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.blind {
		return cordon.Delivery{}, "", errBlind
	}
	for i := range o.writes {
		if at := fmt.Sprintf("068%015d", i+1); at == id && (q.SHA256 == "" || o.sums[i] == q.SHA256) {
			return cordon.Delivery{ID: id}, cordon.ByDigest, nil
		}
	}
	return cordon.Delivery{}, "", fmt.Errorf("%w: the CRM shows no such record", cordon.ErrInvalid)
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Millisecond)
	return c.t
}
