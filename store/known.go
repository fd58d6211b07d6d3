package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/rowmac"
)

const knownSelect = `SELECT id, list, kind, value, sealed, key_id, actor_kind, actor, item, expires, at, number, mac FROM known `

func (m *marks) scanKnown(tenant cordon.TenantID, row scan) (cordon.Known, error) {
	var k cordon.Known
	var expires, when int64
	var mark []byte
	err := row(&k.ID, &k.List, &k.Kind, &k.Value, &k.Sealed, &k.Key, &k.By.Kind, &k.By.ID, &k.Item, &expires, &when, &k.Number, &mark)
	k.Expires, k.At = at(expires), at(when)
	if err == nil {
		err = m.check("known", k.ID, mark, markKnown(tenant, &k))
	}
	return k, err
}

func markKnown(tenant cordon.TenantID, k *cordon.Known) *rowmac.Row {
	return rowmac.Of("known").Text(string(tenant)).Text(string(k.ID)).Text(string(k.List)).Text(string(k.Kind)).Bytes(k.Value).
		Bytes(k.Sealed).Text(string(k.Key)).Text(string(k.By.Kind)).Text(string(k.By.ID)).Text(string(k.Item)).
		Int(ns(k.Expires)).Int(ns(k.At)).Int(k.Number)
}

func (db *DB) known(ctx context.Context, tenant cordon.TenantID, sql string, args ...any) ([]cordon.Known, error) {
	out := []cordon.Known{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		k, err := db.marks.scanKnown(tenant, row)
		out = append(out, k)
		return err
	}, knownSelect+sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read the lists of known files: %w", err)
	}
	return out, nil
}

// Known returns the entry with a keyed value, and whether there is one. It may have expired. The
// error is cordon.ErrForged where something else than Cordon put entries on the lists, changed
// them, or took them away: that there is none is believed only of lists that check out.
func (db *DB) Known(ctx context.Context, tenant cordon.TenantID, value []byte) (cordon.Known, bool, error) {
	found, err := db.knownPart(ctx, tenant, value)
	if err != nil {
		return cordon.Known{}, false, err
	}
	for _, k := range found {
		if bytes.Equal(k.Value, value) {
			return k, true, nil
		}
	}
	return cordon.Known{}, false, nil
}

// KnownEntries returns the entries that are there of those asked for, in no particular order.
func (db *DB) KnownEntries(ctx context.Context, tenant cordon.TenantID, ids ...cordon.ID) ([]cordon.Known, error) {
	if len(ids) == 0 {
		return []cordon.Known{}, nil
	}
	found, err := db.known(ctx, tenant, `WHERE tenant = $1 AND id IN (SELECT v FROM unnest($2::text[]) WITH ORDINALITY AS x(v, ord))`, tenant, texts(ids))
	if err == nil && len(found) < len(ids) { // taken off a moment ago, or by somebody else
		err = db.checkKnown(ctx, tenant)
	}
	return found, err
}

// KnownQuery chooses entries of the lists of known files. Zero fields do not restrict.
type KnownQuery struct {
	List  cordon.KnownList
	Kind  cordon.KnownKind
	After cordon.ID // those behind this one
	Limit int
}

// KnownPage lists entries, the latest id first.
func (db *DB) KnownPage(ctx context.Context, tenant cordon.TenantID, q KnownQuery) ([]cordon.Known, error) {
	return db.known(ctx, tenant, `
		WHERE tenant = $1 AND ($2 = '' OR list = $2) AND ($3 = '' OR kind = $3) AND ($4 = '' OR id < $4)
		ORDER BY id DESC LIMIT $5`, tenant, q.List, q.Kind, q.After, q.Limit)
}

// KnownSince returns up to limit entries that recognise files by likeness and that changed after
// the change with a number, in the order of changes, and the number of the tenant's last change
// of any entry at that time. All entries of one change may be more than limit.
func (db *DB) KnownSince(ctx context.Context, tenant cordon.TenantID, number int64, limit int) ([]cordon.Known, error) {
	if number == 0 { // everything is read anyhow
		if err := db.checkKnown(ctx, tenant); err != nil {
			return nil, err
		}
	}
	return db.known(ctx, tenant, `WHERE tenant = $1 AND number > $2 AND kind <> 'sha256' AND number <= coalesce((
		SELECT max(number) FROM (SELECT number FROM known WHERE tenant = $1 AND number > $2 AND kind <> 'sha256' ORDER BY number LIMIT $3) AS first), 0)
		ORDER BY number, id`, tenant, number, limit)
}

// KnownNumber is the number of the last change of the tenant's lists; 0 before the first. Who
// sees it sees that change and all before it.
func (db *DB) KnownNumber(ctx context.Context, tenant cordon.TenantID) (n int64, err error) {
	t, err := db.Thing(ctx, knownRef(tenant))
	if errors.Is(err, cordon.ErrNotFound) {
		return 0, nil
	}
	return t.Version, err
}

func knownRef(tenant cordon.TenantID) cordon.Ref {
	return cordon.Ref{Tenant: tenant, Kind: cordon.KindSetting, ID: cordon.KnownFiles}
}

// KnownLikeIDs returns the ids of all entries that recognise files by likeness.
func (db *DB) KnownLikeIDs(ctx context.Context, tenant cordon.TenantID) ([]cordon.ID, error) {
	var out []cordon.ID
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var id cordon.ID
		err := row(&id)
		out = append(out, id)
		return err
	}, `SELECT id FROM known WHERE tenant = $1 AND kind <> 'sha256'`, tenant)
	return out, err
}

// KnownExpired returns up to limit entries that had come to their end at a time.
func (db *DB) KnownExpired(ctx context.Context, tenant cordon.TenantID, at time.Time, limit int) ([]cordon.Known, error) {
	return db.known(ctx, tenant, `WHERE tenant = $1 AND expires > 0 AND expires <= $2 ORDER BY expires LIMIT $3`, tenant, ns(at), limit)
}

// KnownCounts counts the tenant's entries. Lists without any are absent.
func (db *DB) KnownCounts(ctx context.Context, tenant cordon.TenantID) ([]cordon.KnownCount, error) {
	out := []cordon.KnownCount{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var c cordon.KnownCount
		err := row(&c.List, &c.Kind, &c.Count)
		out = append(out, c)
		return err
	}, `SELECT list, kind, count(*) FROM known WHERE tenant = $1 GROUP BY list, kind ORDER BY list, kind`, tenant)
	return out, err
}

// changeKnown puts entries on lists, each value off any other, and takes entries off. The move
// of the setting holds its row, so changes of one tenant's lists come one after the other and
// their numbers are seen in order.
func (p *plan) changeKnown(m *marks, tx txn) error {
	if p.Forget {
		return p.forgetKnown(m, tx)
	}
	if p.Of != knownRef(p.Of.Tenant) {
		return nil
	}
	sums, err := m.lockSums(tx, p.Of.Tenant)
	if err != nil {
		return err
	}
	for _, k := range p.Known {
		by, arg := "value", any(k.Value)
		if k.Remove && k.ID != "" {
			by, arg = "id", k.ID
		}
		old, err := sums.takeOut(m, tx, by, arg)
		switch {
		case err != nil:
			return err
		case k.Remove && len(old) == 0 && k.ID != "":
			return fmt.Errorf("%w: the entry %s is not on the lists any more", cordon.ErrConflict, k.ID)
		case k.Remove:
			err = tx.send(-1, nil, `DELETE FROM known WHERE tenant = $1 AND `+by+` = $2`, p.Of.Tenant, arg)
		default:
			if len(old) > 0 { // a value stays the entry it is
				k.ID, k.Kind = old[0].ID, old[0].Kind
			}
			k.At, k.Number = at(p.at), p.version
			sums.add(m, &k)
			err = tx.send(1, nil, `
				INSERT INTO known (tenant, id, list, kind, value, sealed, key_id, actor_kind, actor, item, expires, at, number, mac)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
				ON CONFLICT (tenant, value) DO UPDATE SET list = excluded.list, sealed = excluded.sealed, key_id = excluded.key_id,
					actor_kind = excluded.actor_kind, actor = excluded.actor, item = excluded.item, expires = excluded.expires, at = excluded.at,
					number = excluded.number, mac = excluded.mac`,
				p.Of.Tenant, k.ID, k.List, k.Kind, k.Value, orNull(k.Sealed), k.Key, k.By.Kind, k.By.ID, k.Item, ns(k.Expires), p.at, k.Number,
				m.of(markKnown(p.Of.Tenant, &k)))
		}
		if err != nil {
			return err
		}
	}
	sums.number = p.version
	return sums.write(m, tx)
}

// forgetKnown takes off the lists what was made from an item that is forgotten.
func (p *plan) forgetKnown(m *marks, tx txn) error {
	there := false
	if err := tx.query(func(row scan) error {
		there = true
		return nil
	}, `SELECT 1 FROM known WHERE tenant = $1 AND item = $2 AND item <> '' LIMIT 1`, p.Of.Tenant, p.Of.ID); err != nil || !there {
		return err
	}
	sums, err := m.lockSums(tx, p.Of.Tenant)
	if err != nil {
		return err
	}
	if _, err := sums.takeOut(m, tx, "item <> '' AND item", p.Of.ID); err != nil {
		return err
	}
	if err := tx.send(-1, nil, `DELETE FROM known WHERE tenant = $1 AND item = $2 AND item <> ''`, p.Of.Tenant, p.Of.ID); err != nil {
		return err
	}
	return sums.write(m, tx)
}
