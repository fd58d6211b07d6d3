package app

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/api"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/inspect/known"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/pdq"
	"github.com/cordonhq/cordon/store"
)

var _ api.Lists = (*deskClerk)(nil)

func (d *deskClerk) AddKnown(ctx context.Context, tenant cordon.TenantID, files []cordon.KnownFile, by cordon.KnownBy, try bool) (cordon.KnownChange, error) {
	return d.flow.AddKnown(ctx, tenant, files, by, try)
}

func (d *deskClerk) RemoveKnown(ctx context.Context, tenant cordon.TenantID, by cordon.KnownBy, ids ...cordon.ID) error {
	return d.flow.RemoveKnown(ctx, tenant, by, ids...)
}

func (d *deskClerk) Know(ctx context.Context, tenant cordon.TenantID, sum [32]byte, list cordon.KnownList, remove bool, by cordon.KnownBy) error {
	return d.flow.Know(ctx, tenant, sum, list, remove, by)
}

func (d *deskClerk) KnownFiles(ctx context.Context, tenant cordon.TenantID, q desk.KnownQuery) ([]cordon.KnownFile, error) {
	rows, err := d.db.KnownPage(ctx, tenant, store.KnownQuery{List: q.List, Kind: q.Kind, After: q.After, Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	out := make([]cordon.KnownFile, len(rows))
	for i, row := range rows {
		if out[i], err = d.flow.OpenKnown(ctx, tenant, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d *deskClerk) KnownCounts(ctx context.Context, tenant cordon.TenantID) ([]cordon.KnownCount, error) {
	return d.db.KnownCounts(ctx, tenant)
}

// KnownMatches asks as the detector does, so that what it answers is what an upload would meet.
func (d *deskClerk) KnownMatches(ctx context.Context, tenant cordon.TenantID, kind cordon.KnownKind, value []byte) (out []desk.KnownMatch, err error) {
	if kind == cordon.KnownSHA256 {
		k, err := d.flow.KnownExact(ctx, tenant, kind, value)
		if errors.Is(err, cordon.ErrNotFound) {
			return nil, nil
		}
		return []desk.KnownMatch{{KnownFile: k, Exact: true}}, err
	}
	lists := knownLists{tenant, d.tenants.likes}
	var found []known.Match
	if kind == cordon.KnownPDQ {
		found, err = lists.Looks(ctx, pdq.Hash(value))
	} else {
		var p chromaprint.Print
		if p, err = chromaprint.Decode(value); err == nil {
			found, err = lists.Sounds(ctx, p)
		}
	}
	if err != nil {
		return nil, err
	}
	ids, at := make([]cordon.ID, len(found)), map[cordon.ID]known.Match{}
	for i, m := range found {
		ids[i], at[m.ID] = m.ID, m
	}
	rows, err := d.db.KnownEntries(ctx, tenant, ids...)
	if err != nil {
		return nil, err
	}
	opened := map[cordon.ID]cordon.KnownFile{}
	for _, row := range rows {
		if opened[row.ID], err = d.flow.OpenKnown(ctx, tenant, row); err != nil {
			return nil, err
		}
	}
	for _, m := range found {
		if k, ok := opened[m.ID]; ok {
			out = append(out, desk.KnownMatch{KnownFile: k, Exact: string(k.Value) == string(value), Distance: m.Distance, Likeness: m.Likeness, Overlap: m.Overlap})
		}
	}
	return out, nil
}

// KnownOfItem returns what is on record of an item by which it can be recognised.
func (d *deskClerk) KnownOfItem(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (out []cordon.KnownFile, err error) {
	it, err := d.db.Item(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	p, err := d.flow.Personal(ctx, it)
	if err != nil && !errors.Is(err, cordon.ErrShredded) {
		return nil, err
	}
	if sum, err := hex.DecodeString(p.SHA256); err == nil && len(sum) == 32 {
		out = append(out, cordon.KnownFile{Kind: cordon.KnownSHA256, Value: sum})
	}
	seen, err := d.db.SeenItems(ctx, tenant, id)
	if err != nil || len(seen) == 0 {
		return out, err
	}
	hash, err := d.flow.OpenSeen(ctx, tenant, seen[0])
	switch {
	case errors.Is(err, cordon.ErrNotFound), errors.Is(err, cordon.ErrShredded):
		return out, nil
	case err != nil:
		return nil, err
	}
	return append(out, cordon.KnownFile{Kind: cordon.KnownPDQ, Value: hash[:]}), nil
}
