package store

import (
	"context"
	"errors"
	"time"

	"github.com/cordonhq/cordon"
)

// KnownFile is a file on a list.
type KnownFile struct {
	List  string // for example "blocked" or "lawful"
	Label string
	At    time.Time // when it was put there
}

// PutKnown puts a file on a list, taking it off any other. value is a keyed digest.
func (db *DB) PutKnown(ctx context.Context, tenant cordon.TenantID, list string, value []byte, label string) error {
	_, err := db.exec(ctx, asApp, tenant, `
		INSERT INTO known (tenant, value, list, label, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, value) DO UPDATE SET list = excluded.list, label = excluded.label, at = excluded.at`,
		tenant, value, list, label, ns(time.Now()))
	return err
}

// Known reports whether a file is on a list, and which.
func (db *DB) Known(ctx context.Context, tenant cordon.TenantID, value []byte) (KnownFile, bool, error) {
	var k KnownFile
	var when int64
	err := db.one(ctx, asApp, tenant, []any{&k.List, &k.Label, &when},
		`SELECT list, label, at FROM known WHERE tenant = $1 AND value = $2`, tenant, value)
	if errors.Is(err, cordon.ErrNotFound) {
		return KnownFile{}, false, nil
	}
	k.At = at(when)
	return k, err == nil, err
}

// DeleteKnown takes a file off its list. Deleting what is not there is no error.
func (db *DB) DeleteKnown(ctx context.Context, tenant cordon.TenantID, value []byte) error {
	_, err := db.exec(ctx, asApp, tenant, `DELETE FROM known WHERE tenant = $1 AND value = $2`, tenant, value)
	if err == nil {
		db.scrub()
	}
	return err
}
