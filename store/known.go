package store

import (
	"context"
	"errors"
	"time"

	"github.com/cordonhq/cordon"
)

// KnownFile is a file on a list.
type KnownFile struct {
	List cordon.KnownList
	At   time.Time // when it was put there
}

// Known reports whether a file is on a list, and which.
func (db *DB) Known(ctx context.Context, tenant cordon.TenantID, value []byte) (KnownFile, bool, error) {
	var k KnownFile
	var when int64
	err := db.one(ctx, asApp, tenant, []any{&k.List, &when},
		`SELECT list, at FROM known WHERE tenant = $1 AND value = $2`, tenant, value)
	if errors.Is(err, cordon.ErrNotFound) {
		return KnownFile{}, false, nil
	}
	k.At = at(when)
	return k, err == nil, err
}

// changeKnown puts files on lists, each off any other, and takes files off.
func (p *plan) changeKnown(tx txn) error {
	for _, k := range p.Known {
		var err error
		if k.Remove {
			err = tx.send(-1, nil, `DELETE FROM known WHERE tenant = $1 AND value = $2`, p.Of.Tenant, k.Value)
		} else {
			err = tx.send(1, nil, `
				INSERT INTO known (tenant, value, list, at) VALUES ($1, $2, $3, $4)
				ON CONFLICT (tenant, value) DO UPDATE SET list = excluded.list, at = excluded.at`,
				p.Of.Tenant, k.Value, k.List, p.at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
