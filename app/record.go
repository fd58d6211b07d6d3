package app

import (
	"context"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/ledger"
	"github.com/cordonhq/cordon/store"
)

// record is the store as the ledger sees it.
type record struct{ *store.DB }

var (
	_ ledger.Log    = record{}
	_ ledger.Reader = record{}
)

func (r record) LeafEntries(ctx context.Context, tenant cordon.TenantID, from, to int64) ([][]byte, error) {
	leaves, err := r.DB.LeafEntries(ctx, tenant, from, to)
	out := make([][]byte, len(leaves))
	for i, l := range leaves {
		out[i] = l.Body
	}
	return out, err
}

func (r record) Checkpoints(ctx context.Context, tenant cordon.TenantID, after int64, limit int) ([]cordon.LedgerHead, error) {
	notes, err := r.DB.Checkpoints(ctx, tenant)
	var out []cordon.LedgerHead
	for _, c := range notes {
		if c.Size > after && len(out) < limit {
			out = append(out, cordon.LedgerHead{Size: c.Size, Checkpoint: c.Note, At: c.At})
		}
	}
	return out, err
}
