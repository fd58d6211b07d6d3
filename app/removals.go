package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/removal"
)

// removalOf returns what is proposed about an item, nil if nothing ever was.
func (d *deskClerk) removalOf(ctx context.Context, it cordon.Item) (*desk.Removal, error) {
	thing, err := d.db.Thing(ctx, removal.Of(it.Ref))
	if errors.Is(err, cordon.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := removal.Read(thing)
	if err != nil {
		return nil, err
	}
	out, err := d.removalView(ctx, r, it)
	return &out, err
}

func (d *deskClerk) removalView(ctx context.Context, r removal.Removal, it cordon.Item) (desk.Removal, error) {
	out := desk.Removal{ID: r.ID, State: r.State, Version: r.Version, Cause: string(r.Cause), Outcome: r.Outcome, Reasons: r.Reasons, At: r.At,
		DecidedAt: r.DecidedAt, By: r.By, Review: r.Review, Item: it}
	if at := it.DocumentID; it.Op != cordon.OpAsk {
		if at == "" {
			at = it.UpstreamID
		}
		if at != "" {
			out.Link = strings.TrimSuffix(d.tenants.configs[it.Tenant].Upstream, "/") + "/" + at
		}
	}
	var err error
	if out.Note, err = d.flow.RemovalNote(ctx, r); errors.Is(err, cordon.ErrShredded) {
		out.NoteGone, err = true, nil
	}
	return out, err
}

// Removals lists removals of one state, or of any, the one that changed last first.
func (d *deskClerk) Removals(ctx context.Context, tenant cordon.TenantID, state cordon.State, after cordon.ID, limit int) ([]desk.Removal, error) {
	things, err := d.db.ThingsIn(ctx, tenant, cordon.KindRemoval, state, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]desk.Removal, 0, len(things))
	for _, thing := range things {
		r, err := d.opened(ctx, thing)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (d *deskClerk) opened(ctx context.Context, thing cordon.Thing) (desk.Removal, error) {
	r, err := removal.Read(thing)
	if err != nil {
		return desk.Removal{}, err
	}
	it, err := d.db.Item(ctx, r.Tenant, r.Item)
	if err != nil {
		return desk.Removal{}, fmt.Errorf("what removal %s is about: %w", r.ID, err)
	}
	return d.removalView(ctx, r, it)
}

// Removal returns one removal, or cordon.ErrNotFound.
func (d *deskClerk) Removal(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (desk.Removal, error) {
	thing, err := d.db.Thing(ctx, cordon.Ref{Tenant: tenant, Kind: cordon.KindRemoval, ID: id})
	if err != nil {
		return desk.Removal{}, err
	}
	return d.opened(ctx, thing)
}

// CountRemovals returns how many removals stand in each state.
func (d *deskClerk) CountRemovals(ctx context.Context, tenant cordon.TenantID) (map[cordon.State]int, error) {
	return d.db.CountThings(ctx, tenant, cordon.KindRemoval)
}

// DecideRemoval carries a person's decision on a proposal out.
func (d *deskClerk) DecideRemoval(ctx context.Context, tenant cordon.TenantID, id cordon.ID, by cordon.Actor, dec desk.Decision) (desk.Removal, error) {
	r, err := d.flow.DecideRemoval(ctx, tenant, id, dec.Version, by, dec.Outcome, strings.TrimSpace(dec.Note))
	if err != nil {
		return desk.Removal{}, err
	}
	return d.Removal(ctx, tenant, r.ID)
}
