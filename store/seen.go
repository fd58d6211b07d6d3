package store

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// changeSeen notes that an item was looked at, once, or forgets it.
func (p *plan) changeSeen(tx txn) error {
	if p.Forget {
		return tx.send(-1, nil, `DELETE FROM seen WHERE tenant = $1 AND item = $2`, p.Of.Tenant, p.Of.ID)
	}
	if p.Seen == nil {
		return nil
	}
	s, past := p.Seen, 0
	if s.Past {
		past = 1
	}
	return tx.send(1, nil, `
		INSERT INTO seen (tenant, item, at, past, record, print, key_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, item) DO UPDATE SET record = excluded.record, print = excluded.print, key_id = excluded.key_id`,
		p.Of.Tenant, p.Of.ID, ns(s.At), past, orNull(s.Record), orNull(s.Print), s.Key)
}

const seenSelect = `SELECT s.item, s.at, s.past, s.record, s.print, s.key_id `

func (db *DB) seen(ctx context.Context, tenant cordon.TenantID, sql string, args ...any) ([]cordon.Seen, error) {
	out := []cordon.Seen{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var s cordon.Seen
		var when, past int64
		err := row(&s.Item, &when, &past, &s.Record, &s.Print, &s.Key)
		s.At, s.Past = at(when), past != 0
		out = append(out, s)
		return err
	}, seenSelect+sql, args...)
	if err != nil {
		return nil, fmt.Errorf("look for what was seen before: %w", err)
	}
	return out, nil
}

// SeenSame returns of the limit newest items with a look-up value those that were looked at since
// a time, the latest first. It costs the same however many older ones there are, such as a logo
// that comes with every mail.
func (db *DB) SeenSame(ctx context.Context, tenant cordon.TenantID, kind string, value []byte, since time.Time, limit int) ([]cordon.Seen, error) {
	// The order of the joins is fixed: left to itself, SQLite goes through all that was seen since.
	return db.seen(ctx, tenant, `
		FROM (SELECT item FROM lookups WHERE tenant = $1 AND kind = $2 AND value = $3 ORDER BY item DESC LIMIT $5) l CROSS JOIN seen s
		WHERE s.tenant = $1 AND s.item = l.item AND s.at >= $4 ORDER BY s.at DESC, s.item DESC`,
		tenant, kind, value, ns(since), limit)
}

// SeenItems returns what is there of the items asked for: those that were forgotten, or that
// aged out, are absent.
func (db *DB) SeenItems(ctx context.Context, tenant cordon.TenantID, items ...cordon.ID) ([]cordon.Seen, error) {
	if len(items) == 0 {
		return []cordon.Seen{}, nil
	}
	return db.seen(ctx, tenant, `FROM seen s WHERE s.tenant = $1 AND s.item IN (SELECT v FROM unnest($2::text[]) WITH ORDINALITY AS x(v, ord))`, tenant, texts(items))
}

// SeenPrints returns up to limit items with a perceptual hash that were looked at since a time,
// the latest first.
func (db *DB) SeenPrints(ctx context.Context, tenant cordon.TenantID, since time.Time, limit int) ([]cordon.Seen, error) {
	return db.seen(ctx, tenant, `FROM seen s WHERE s.tenant = $1 AND s.at >= $2 AND s.print IS NOT NULL ORDER BY s.at DESC, s.item DESC LIMIT $3`,
		tenant, ns(since), limit)
}

// DropSeen forgets what was looked at before a time, and the earliest of what is beyond keep
// items. It says how many rows went.
func (db *DB) DropSeen(ctx context.Context, tenant cordon.TenantID, before time.Time, keep int) (int64, error) {
	n, err := db.exec(ctx, asApp, tenant, `
		DELETE FROM seen WHERE tenant = $1 AND at < (SELECT max(at) FROM (
			SELECT CAST($2 AS bigint) AS at UNION ALL
			SELECT at FROM (SELECT at FROM seen WHERE tenant = $1 ORDER BY at DESC LIMIT 1 OFFSET $3) AS last) AS first)`, tenant, ns(before), keep-1)
	if n > 0 {
		db.scrub()
	}
	return n, err
}
