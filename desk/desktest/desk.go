// Package desktest is a desk for the tests of the doors: it keeps everything in memory, behaves
// as the interfaces of console and api ask, and can be filled with a day's worth of items.
package desktest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// Desk is the whole back office in memory. It is safe for concurrent use.
type Desk struct {
	Now func() time.Time
	// Judge decides what is asked; nil answers no-sign and passes.
	Judge func(cordon.Arrival, []byte) (*cordon.Verdict, []cordon.Finding)
	// Slow makes every wait for a verdict too short.
	Slow bool
	// Behind keeps receipts from being covered by a checkpoint.
	Behind bool
	// Err, if set, is what every call fails with.
	Err error

	mu       sync.Mutex
	items    map[cordon.ID]*record
	previews map[cordon.ID][]byte // PNG
	actors   map[string]cordon.Actor
	routes   []desk.RouteLine
	system   desk.System
	covers   map[cordon.TenantID]desk.Coverage
	index    int64
	alerts   []alert // oldest first

	backfills []desk.Backfill // newest first
	inventory desk.InventoryState
	known     []known // oldest first
}

type record struct {
	desk.View
	key string // caller and Idempotency-Key
}

// New returns an empty desk.
func New() *Desk {
	return &Desk{Now: time.Now, items: map[cordon.ID]*record{}, previews: map[cordon.ID][]byte{}, actors: map[string]cordon.Actor{}}
}

// Put adds an item as it is, with a preview (PNG) if there is one.
func (d *Desk) Put(v desk.View, preview []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.items[v.Item.ID] = &record{View: v}
	if preview != nil {
		d.previews[v.Item.ID] = preview
	}
	for _, l := range v.History {
		d.index = max(d.index, l.Index+1)
	}
}

// SetRoutes declares routes.
func (d *Desk) SetRoutes(lines ...desk.RouteLine) { d.routes = lines }

// SetSystem says how Cordon is doing.
func (d *Desk) SetSystem(s desk.System) { d.system = s }

// ActorFor implements Actors of both doors.
func (d *Desk) ActorFor(_ context.Context, tenant cordon.TenantID, kind cordon.ActorKind, name string) (cordon.Actor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.actor(tenant, kind, name), nil
}

func (d *Desk) actor(tenant cordon.TenantID, kind cordon.ActorKind, name string) cordon.Actor {
	k := string(tenant) + "\x00" + string(kind) + "\x00" + name
	if _, ok := d.actors[k]; !ok {
		d.actors[k] = cordon.Actor{Kind: kind, ID: cordon.NewID(cordon.PrefixActor)}
	}
	return d.actors[k]
}

// Ask implements api.Desk.
func (d *Desk) Ask(_ context.Context, a cordon.Arrival, body io.Reader, wait time.Duration) (cordon.Item, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return cordon.Item{}, fmt.Errorf("spool: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Err != nil {
		return cordon.Item{}, d.Err
	}
	key := a.CallerKey + "\x00" + a.IdempotencyKey
	if a.IdempotencyKey != "" {
		for _, r := range d.items {
			if r.key == key && r.Item.Tenant == a.Tenant {
				return r.Item, nil
			}
		}
	}
	now := d.Now()
	sum := sha256.Sum256(data)
	a.Personal.SHA256 = hex.EncodeToString(sum[:])
	r := &record{key: key}
	r.Personal = a.Personal
	r.Item = cordon.Item{
		Ref: cordon.Ref{Tenant: a.Tenant, Kind: cordon.KindItem, ID: cordon.NewID(cordon.PrefixItem)}, State: cordon.Received, Version: 1,
		Route: a.Route.Name, Channel: a.Route.Channel, Mode: a.Route.Mode, Fail: a.Route.Fail, WhenHeld: a.Route.WhenHeld, Class: a.Route.Class,
		Size: int64(len(data)), MediaType: a.DeclaredType, DeclaredType: a.DeclaredType, Modality: cordon.Other,
		Op: a.Op, Object: a.Object, Client: string(d.actor(a.Tenant, cordon.Client, a.Client).ID), ReceivedAt: now, ChangedAt: now,
	}
	d.items[r.Item.ID] = r
	d.note(r, cordon.EntryReceived, cordon.Cordon, nil)
	if d.Slow || wait == 0 {
		return r.Item, nil
	}
	verdict, findings := &cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass, Policy: "default@0123456789ab"}, []cordon.Finding(nil)
	if d.Judge != nil {
		verdict, findings = d.Judge(a, data)
	}
	verdict.At = now
	r.Item.Verdict, r.Findings = verdict, findings
	r.Item.State = cordon.Kept
	if verdict.Action.Holds() {
		r.Item.State = cordon.Held
	}
	d.note(r, cordon.EntryInspected, cordon.Cordon, map[string]any{"outcome": string(verdict.Outcome)})
	return r.Item, nil
}

// wanted reports whether a query asks for an item as it stands.
func wanted(q desk.Query, it cordon.Item) bool {
	if q.Owes != "" {
		return it.Stand().Owes == q.Owes
	}
	return len(q.States) == 0 || slices.Contains(q.States, it.State)
}

// Items implements the desks of both doors.
func (d *Desk) Items(_ context.Context, tenant cordon.TenantID, q desk.Query) ([]cordon.Item, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Err != nil {
		return nil, d.Err
	}
	var out []cordon.Item
	for _, r := range d.items {
		if r.Item.Tenant == tenant && wanted(q, r.Item) && (q.Route == "" || q.Route == r.Item.Route) {
			out = append(out, r.Item)
		}
	}
	before := func(a, b cordon.Item) int {
		c := cmp.Or(a.ReceivedAt.Compare(b.ReceivedAt), cmp.Compare(a.ID, b.ID))
		if !q.Oldest {
			c = -c
		}
		return c
	}
	slices.SortFunc(out, before)
	if q.After != "" {
		if after, ok := d.items[q.After]; ok {
			out = slices.DeleteFunc(out, func(i cordon.Item) bool { return before(i, after.Item) <= 0 })
		}
	}
	return out[:min(len(out), q.Limit)], nil
}

// Open implements the desks of both doors.
func (d *Desk) Open(_ context.Context, tenant cordon.TenantID, id cordon.ID) (desk.View, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.find(tenant, id)
	if err != nil {
		return desk.View{}, err
	}
	v := r.View
	v.History = slices.Clone(r.History)
	return v, nil
}

func (d *Desk) find(tenant cordon.TenantID, id cordon.ID) (*record, error) {
	if d.Err != nil {
		return nil, d.Err
	}
	if r := d.items[id]; r != nil && r.Item.Tenant == tenant {
		return r, nil
	}
	return nil, fmt.Errorf("item %s: %w", id, cordon.ErrNotFound)
}

// Release implements the desks of both doors.
func (d *Desk) Release(_ context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, dec desk.Decision) (cordon.Item, error) {
	return d.decide(tenant, id, by, dec, cordon.Released, cordon.EntryReleased)
}

// Reject implements the desks of both doors.
func (d *Desk) Reject(_ context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, dec desk.Decision) (cordon.Item, error) {
	return d.decide(tenant, id, by, dec, cordon.Rejected, cordon.EntryRejected)
}

func (d *Desk) decide(tenant cordon.TenantID, id cordon.ID, by cordon.Actor, dec desk.Decision, to cordon.State, kind cordon.EntryKind) (cordon.Item, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.find(tenant, id)
	if err != nil {
		return cordon.Item{}, err
	}
	if err := dec.Check(to == cordon.Released); err != nil {
		return cordon.Item{}, err
	}
	if r.Item.State != cordon.Held {
		return cordon.Item{}, fmt.Errorf("%w: the item is %s, not held", cordon.ErrNotNow, r.Item.State)
	}
	r.Item.State, r.Item.ChangedAt = to, d.Now()
	r.Item.Version++
	r.Personal.Notes = append(r.Personal.Notes, cordon.Note{Text: dec.Note})
	d.note(r, kind, by, map[string]any{"review": string(dec.Outcome)})
	return r.Item, nil
}

// Settle implements the desks of both doors. The CRM shows it whatever record a person names.
func (d *Desk) Settle(_ context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, s desk.Settlement) (cordon.Item, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.find(tenant, id)
	if err != nil {
		return cordon.Item{}, err
	}
	if err := s.Check(); err != nil {
		return cordon.Item{}, err
	}
	if r.Item.State != cordon.Unsettled {
		return cordon.Item{}, fmt.Errorf("%w: the item is %s, not unsettled", cordon.ErrNotNow, r.Item.State)
	}
	to := map[cordon.Settlement]cordon.State{cordon.IsThere: cordon.Delivered, cordon.SendAgain: cordon.Released, cordon.GiveUp: cordon.Erased}
	r.Item.State, r.Item.ChangedAt, r.Item.UpstreamID = to[s.As], d.Now(), s.UpstreamID
	r.Item.Version++
	d.note(r, cordon.EntryResolved, by, map[string]any{"as": string(s.As)})
	return r.Item, nil
}

// Preview implements console.Desk.
func (d *Desk) Preview(_ context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor) ([]byte, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.find(tenant, id)
	if err != nil {
		return nil, "", err
	}
	data := d.previews[id]
	if data == nil {
		return nil, "", fmt.Errorf("preview of %s: %w", id, cordon.ErrNotFound)
	}
	if by != cordon.Cordon {
		d.note(r, cordon.EntryViewed, by, nil)
	}
	return bytes.Clone(data), "image/png", nil
}

func (d *Desk) note(r *record, kind cordon.EntryKind, by cordon.Actor, facts map[string]any) {
	r.History = append(r.History, desk.Line{Entry: cordon.NewEntry(kind, r.Item.Ref, d.Now(), by, facts), Index: d.index})
	d.index++
}

// Receipt implements the desks of both doors.
func (d *Desk) Receipt(_ context.Context, tenant cordon.TenantID, id cordon.ID) ([]byte, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.find(tenant, id)
	if err != nil || d.Behind {
		return nil, false, err
	}
	entries := []map[string]any{}
	for _, l := range r.History {
		body, err := l.Entry.Canonical()
		if err != nil {
			return nil, false, err
		}
		entries = append(entries, map[string]any{"entry": string(body), "index": l.Index})
	}
	doc, err := json.Marshal(map[string]any{"item": id, "entries": entries, "checkpoint": d.checkpoint(tenant)})
	return doc, true, err
}

func (d *Desk) checkpoint(tenant cordon.TenantID) string {
	return fmt.Sprintf("cordon.%s/ledger\n%d\n%s\n\n— cordon.%s/ledger dGhlIGZha2UgZGVzayBzaWducyBub3RoaW5n\n", tenant, d.index, "q1FQW1ZQAAvVAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", tenant)
}

// Checkpoint implements api.Ledger.
func (d *Desk) Checkpoint(_ context.Context, tenant cordon.TenantID) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Err != nil || d.index == 0 {
		return nil, cmp.Or(d.Err, cordon.ErrNotFound)
	}
	return []byte(d.checkpoint(tenant)), nil
}

// Proof implements api.Ledger.
func (d *Desk) Proof(_ context.Context, tenant cordon.TenantID, entry cordon.ID) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.items {
		for _, l := range r.History {
			if l.Entry.ID == entry && r.Item.Tenant == tenant && !d.Behind {
				return json.Marshal(map[string]any{"entry": entry, "index": l.Index, "checkpoint": d.checkpoint(tenant)})
			}
		}
	}
	return nil, fmt.Errorf("entry %s: %w", entry, cordon.ErrNotFound)
}

// Census implements the desks of both doors.
func (d *Desk) Census(_ context.Context, tenant cordon.TenantID) (cordon.Census, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := cordon.Census{At: d.Now(), Removals: map[cordon.State]int{}}
	for r := range maps.Values(d.items) {
		if r.Item.Tenant == tenant {
			out = counted(out, r.Item)
		}
	}
	for _, r := range d.proposed(tenant) {
		out.Removals[r.State]++
	}
	slices.SortFunc(out.Held, func(a, b cordon.HeldCount) int { return a.Oldest.Compare(b.Oldest) })
	return out, d.Err
}

// counted adds an item to a census.
func counted(c cordon.Census, it cordon.Item) cordon.Census {
	purpose, _ := cordon.PurposeOf(it.Op, it.Mode)
	c.Stands = append(c.Stands, cordon.StandCount{State: it.State, Purpose: purpose, Items: 1})
	if it.Stand().Owes == cordon.OweRescan {
		c.Unexamined++
	}
	if it.State != cordon.Held {
		return c
	}
	i := slices.IndexFunc(c.Held, func(h cordon.HeldCount) bool { return h.Route == it.Route && h.Channel == it.Channel })
	if i < 0 {
		i = len(c.Held)
		c.Held = append(c.Held, cordon.HeldCount{Route: it.Route, Channel: it.Channel, Oldest: it.ReceivedAt})
	}
	h := &c.Held[i]
	if it.ReceivedAt.Before(h.Oldest) {
		h.Oldest = it.ReceivedAt
	}
	switch waited := c.At.Sub(it.ReceivedAt); {
	case waited < time.Hour:
		h.Hour++
	case waited < 8*time.Hour:
		h.Shift++
	case waited < 24*time.Hour:
		h.Day++
	default:
		h.Up++
	}
	return c
}

// Routes implements the desks of both doors.
func (d *Desk) Routes(context.Context, cordon.TenantID) ([]desk.RouteLine, error) {
	return d.routes, d.Err
}

// System implements console.Desk.
func (d *Desk) System(context.Context, cordon.TenantID) (desk.System, error) { return d.system, d.Err }

// Standing puts an item of every operation and mode in every state in which it can be, and
// returns them.
func (d *Desk) Standing() (all []cordon.Item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, op := range append(cordon.Operations(), "") {
		for _, mode := range cordon.Modes() {
			for _, s := range cordon.States() {
				if _, err := cordon.StandOf(s, op, mode); err != nil {
					continue
				}
				it := cordon.Item{Ref: cordon.Ref{Tenant: Tenant, Kind: cordon.KindItem, ID: cordon.NewID(cordon.PrefixItem)},
					State: s, Version: 2, Route: "portal-uploads", Channel: cordon.ChannelPortal, Op: op, Mode: mode, Size: 1,
					MediaType: "image/png", Modality: cordon.Image, Verdict: &cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass},
					ReceivedAt: d.Now(), ChangedAt: d.Now()}
				if op != cordon.OpAsk {
					it.Object = "ContentVersion"
				}
				d.items[it.ID] = &record{View: desk.View{Item: it}}
				all = append(all, it)
			}
		}
	}
	return all
}
