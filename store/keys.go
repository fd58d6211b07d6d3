package store

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// refers asks whether there is data under a key of which a tenant has one for all time. Such a key is
// never made anew: what is under the old one would be as good as forgotten, and nobody would notice.
var refers = map[string]string{
	"lookup": `SELECT EXISTS (SELECT 1 FROM lookups WHERE tenant = $1) OR EXISTS (SELECT 1 FROM known WHERE tenant = $1)`,
	"lists":  `SELECT EXISTS (SELECT 1 FROM known WHERE tenant = $1 AND key_id <> '')`,
}

// PutKey stores the key unless the tenant has one of the same kind and name, and returns
// the row that stands. The error is cordon.ErrForged where there is none any more and data refers
// to it.
func (db *DB) PutKey(ctx context.Context, k cordon.KeyRow) (cordon.KeyRow, error) {
	var stands cordon.KeyRow
	err := db.write(ctx, asApp, k.Tenant, func(tx txn) error {
		if sql := refers[k.Kind]; sql != "" {
			there, used := false, false
			if err := tx.ask(func(scan) error { there = true; return nil },
				`SELECT 1 FROM keys WHERE tenant = $1 AND kind = $2 AND name = $3`, k.Tenant, k.Kind, k.Name); err != nil {
				return err
			}
			if err := tx.query(func(row scan) error { return row(&used) }, sql, k.Tenant); err != nil {
				return err
			}
			if used && !there {
				return db.marks.forged("keys", cordon.ID(k.Kind), "data refers to it and it is gone")
			}
		}
		if err := tx.send(-1, nil, `
			INSERT INTO keys (tenant, id, kind, name, wrapped, created_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, kind, name) DO NOTHING`,
			k.Tenant, k.ID, k.Kind, k.Name, k.Wrapped, ns(k.CreatedAt)); err != nil {
			return err
		}
		return tx.query(func(row scan) (err error) {
			stands, err = scanKey(row)
			return err
		}, keySelect+`tenant = $1 AND kind = $2 AND name = $3`, k.Tenant, k.Kind, k.Name)
	})
	return stands, err
}

const keySelect = `SELECT tenant, id, kind, name, wrapped, created_at FROM keys WHERE `

func scanKey(row scan) (cordon.KeyRow, error) {
	var k cordon.KeyRow
	var created int64
	err := row(&k.Tenant, &k.ID, &k.Kind, &k.Name, &k.Wrapped, &created)
	k.CreatedAt = at(created)
	return k, err
}

func (db *DB) keys(ctx context.Context, as login, tenant cordon.TenantID, sql string, args ...any) ([]cordon.KeyRow, error) {
	out := []cordon.KeyRow{}
	err := db.read(ctx, as, tenant, func(row scan) error {
		k, err := scanKey(row)
		out = append(out, k)
		return err
	}, sql, args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Key returns a key by its id, or cordon.ErrNotFound.
func (db *DB) Key(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (cordon.KeyRow, error) {
	return onlyKey(db.keys(ctx, asApp, tenant, keySelect+`tenant = $1 AND id = $2`, tenant, id))
}

// KeyNamed returns a key by its kind and name, or cordon.ErrNotFound.
func (db *DB) KeyNamed(ctx context.Context, tenant cordon.TenantID, kind, name string) (cordon.KeyRow, error) {
	return onlyKey(db.keys(ctx, asApp, tenant, keySelect+`tenant = $1 AND kind = $2 AND name = $3`, tenant, kind, name))
}

func onlyKey(found []cordon.KeyRow, err error) (cordon.KeyRow, error) {
	if err != nil {
		return cordon.KeyRow{}, err
	}
	if len(found) == 0 {
		return cordon.KeyRow{}, fmt.Errorf("key: %w", cordon.ErrNotFound)
	}
	return found[0], nil
}

// DeleteKey destroys a key and with it everything it wraps. Deleting what is not there is
// no error.
func (db *DB) DeleteKey(ctx context.Context, tenant cordon.TenantID, id cordon.ID) error {
	_, err := db.exec(ctx, asApp, tenant, `DELETE FROM keys WHERE tenant = $1 AND id = $2`, tenant, id)
	if err == nil {
		db.scrub()
	}
	return err
}

// StaleIntakeKeys returns the intake keys of all tenants that were made before the time
// and wrap no item any more. It is for Cordon's own housekeeping.
func (db *DB) StaleIntakeKeys(ctx context.Context, before time.Time) ([]cordon.KeyRow, error) {
	return db.keys(ctx, asWorker, "", keySelect+`kind = 'intake' AND created_at < $1 AND NOT EXISTS (
		SELECT 1 FROM items WHERE items.tenant = keys.tenant AND items.key_id = keys.id AND items.wrapped_key IS NOT NULL)
		AND NOT EXISTS (
		SELECT 1 FROM seen WHERE seen.tenant = keys.tenant AND seen.key_id = keys.id AND seen.print IS NOT NULL)
		ORDER BY created_at LIMIT 1000`, ns(before))
}
