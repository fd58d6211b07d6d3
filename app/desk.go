package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/ledger"
	"github.com/cordonhq/cordon/store"
)

// deskClerk answers what the doors ask, from the store, the line and the ledger.
type deskClerk struct {
	db        *store.DB
	flow      *flow.Flow
	sequencer *ledger.Sequencer
	tenants   *tenants
}

func (d *deskClerk) Ask(ctx context.Context, a cordon.Arrival, body io.Reader, wait time.Duration) (cordon.Item, error) {
	return d.flow.Ask(ctx, a, body, wait)
}

func (d *deskClerk) Items(ctx context.Context, tenant cordon.TenantID, q desk.Query) ([]cordon.Item, error) {
	return d.db.Items(ctx, tenant, store.ItemQuery{States: q.States, Owes: q.Owes, Route: q.Route, Limit: q.Limit, After: q.After, Oldest: q.Oldest})
}

func (d *deskClerk) Census(ctx context.Context, tenant cordon.TenantID) (cordon.Census, error) {
	return d.db.Census(ctx, tenant, time.Now().UTC())
}

func (d *deskClerk) Open(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (desk.View, error) {
	var v desk.View
	var err error
	if v.Item, err = d.db.Item(ctx, tenant, id); err != nil {
		return v, err
	}
	v.Personal, err = d.flow.Personal(ctx, v.Item)
	if v.PersonalGone = errors.Is(err, cordon.ErrShredded); err != nil && !v.PersonalGone {
		return v, err
	}
	sealed, err := d.db.Findings(ctx, tenant, id)
	if err != nil {
		return v, err
	}
	v.Findings = d.flow.OpenFindings(ctx, v.Item, sealed)
	if v.Removal, err = d.removalOf(ctx, v.Item); err != nil {
		return v, err
	}
	lines, err := d.db.History(ctx, tenant, id)
	for _, l := range lines {
		v.History = append(v.History, desk.Line{Entry: l.Entry, Index: l.Index})
	}
	return v, err
}

func (d *deskClerk) Release(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, dec desk.Decision) (cordon.Item, error) {
	return d.flow.Release(ctx, tenant, id, by, dec.Outcome, dec.Note)
}

func (d *deskClerk) Reject(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, dec desk.Decision) (cordon.Item, error) {
	return d.flow.Reject(ctx, tenant, id, by, dec.Outcome, dec.Note)
}

func (d *deskClerk) Settle(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, s desk.Settlement) (cordon.Item, error) {
	return d.flow.Settle(ctx, tenant, id, by, s.As, s.UpstreamID, s.Note)
}

func (d *deskClerk) Preview(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor) ([]byte, string, error) {
	return d.flow.Preview(ctx, tenant, id, by)
}

// Receipt proves every entry of an item so far.
func (d *deskClerk) Receipt(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (doc []byte, ready bool, err error) {
	lines, err := d.db.History(ctx, tenant, id)
	if err != nil {
		return nil, false, err
	}
	if len(lines) == 0 {
		return nil, false, cordon.ErrNotFound
	}
	ids := make([]cordon.ID, len(lines))
	for i, l := range lines {
		ids[i] = l.Entry.ID
	}
	doc, err = ledger.MakeReceipt(ctx, d.db, tenant, ids)
	if errors.Is(err, ledger.ErrPending) {
		return nil, false, nil
	}
	return doc, err == nil, err
}

func (d *deskClerk) Checkpoint(ctx context.Context, tenant cordon.TenantID) ([]byte, error) {
	h, err := d.db.Head(ctx, tenant)
	if err == nil && h.Checkpoint == nil {
		err = cordon.ErrNotFound
	}
	return h.Checkpoint, err
}

func (d *deskClerk) Proof(ctx context.Context, tenant cordon.TenantID, entry cordon.ID) ([]byte, error) {
	p, err := ledger.Prove(ctx, d.db, tenant, entry)
	if errors.Is(err, ledger.ErrPending) {
		return nil, cordon.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(p)
}

// Routes lists the declared routes, then "unknown" if anything came that way, with counts.
func (d *deskClerk) Routes(ctx context.Context, tenant cordon.TenantID) ([]desk.RouteLine, error) {
	uses, err := d.db.RouteUse(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var out []desk.RouteLine
	at := map[string]int{}
	for _, r := range append(d.tenants.routesOf(tenant), cordon.UnknownRoute()) {
		at[r.Name] = len(out)
		out = append(out, desk.RouteLine{Route: r})
	}
	for _, u := range uses {
		i, declared := at[u.Route]
		if !declared {
			continue // a route of an earlier configuration
		}
		l := &out[i]
		switch u.What {
		case "inspected":
			l.Inspected += u.Count
		case "passed":
			l.Passed += u.Count
		case "not-inspected":
			l.NotInspected += u.Count
		case "refused":
			l.Refused += u.Count
		}
		if u.Last.After(l.LastSeen) {
			l.LastSeen = u.Last
		}
		if l.Since.IsZero() || u.First.Before(l.Since) {
			l.Since = u.First
		}
	}
	if last := len(out) - 1; out[last].LastSeen.IsZero() {
		out = out[:last]
	}
	return out, nil
}

// System says how the checks and the record stand.
func (d *deskClerk) System(ctx context.Context, tenant cordon.TenantID) (desk.System, error) {
	s := desk.System{Detectors: d.tenants.detectorsOf(tenant)}
	if st, ok := d.sequencer.Status(tenant); ok {
		s.Ledger = desk.Ledger{Size: st.Size, Checkpoint: st.At}
	}
	return s, nil
}
