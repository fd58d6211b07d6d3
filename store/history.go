package store

import (
	"context"

	"github.com/cordonhq/cordon"
)

// HistoryLine is one entry about a thing and where it stands in the log.
type HistoryLine struct {
	Entry cordon.Entry
	Body  []byte // canonical JSON, as it was committed
	Index int64  // in the Merkle log; -1: not sequenced yet
}

// History returns what the ledger says of an item, oldest first. The result is never nil.
func (db *DB) History(ctx context.Context, tenant cordon.TenantID, id cordon.ID) ([]HistoryLine, error) {
	return db.HistoryOf(ctx, cordon.Ref{Tenant: tenant, Kind: cordon.KindItem, ID: id})
}

// Entries returns what the ledger says of anything under control, oldest first.
func (db *DB) Entries(ctx context.Context, of cordon.Ref) ([]cordon.Entry, error) {
	lines, err := db.HistoryOf(ctx, of)
	out := make([]cordon.Entry, len(lines))
	for i, l := range lines {
		out[i] = l.Entry
	}
	return out, err
}

// HistoryOf returns what the ledger says of anything under control, oldest first. The
// result is never nil.
func (db *DB) HistoryOf(ctx context.Context, of cordon.Ref) ([]HistoryLine, error) {
	out := []HistoryLine{}
	err := db.read(ctx, asApp, of.Tenant, func(row scan) error {
		var l HistoryLine
		if err := row(&l.Body, &l.Index); err != nil {
			return err
		}
		var err error
		l.Entry, err = cordon.ParseEntry(l.Body)
		if err == nil && l.Entry.Of != of { // the row says so, and what was signed does not
			err = db.marks.forged("entries", l.Entry.ID, "its row says that it is of "+of.String())
		}
		out = append(out, l)
		return err
	}, `
		SELECT e.body, coalesce(l.idx, -1) FROM entries e
		LEFT JOIN leaves l ON l.tenant = e.tenant AND l.seq = e.seq
		WHERE e.tenant = $1 AND e.of_kind = $2 AND e.of_id = $3 ORDER BY e.seq`, of.Tenant, of.Kind, of.ID)
	if err != nil {
		return nil, err
	}
	return out, nil
}
