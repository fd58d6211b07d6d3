package store

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/rowmac"
)

// ActorFor returns the pseudonym of an account or a client, making a random one on first
// use. It is the same ever after. The name is kept in this table alone. The error is
// cordon.ErrForged if something else than Cordon wrote the row.
func (db *DB) ActorFor(ctx context.Context, tenant cordon.TenantID, kind cordon.ActorKind, name string) (cordon.Actor, error) {
	if kind == cordon.Self {
		return cordon.Cordon, nil
	}
	if kind == "" || name == "" {
		return cordon.Actor{}, fmt.Errorf("%w: an actor needs a kind and a name", cordon.ErrInvalid)
	}
	const lookUp = `SELECT id, created_at, mac FROM actors WHERE tenant = $1 AND kind = $2 AND name = $3`
	a := cordon.Actor{Kind: kind}
	stands := func(row scan) error {
		var created int64
		var mark []byte
		if err := row(&a.ID, &created, &mark); err != nil {
			return err
		}
		return db.marks.check("actors", a.ID, mark, markActor(tenant, a, name, created))
	}
	err := db.read(ctx, asApp, tenant, stands, lookUp, tenant, kind, name)
	if err != nil {
		return cordon.Actor{}, err
	}
	if a.ID != "" {
		return a, nil
	}
	fresh, now := cordon.Actor{Kind: kind, ID: cordon.NewID(cordon.PrefixActor)}, ns(time.Now())
	err = db.write(ctx, asApp, tenant, func(tx txn) error {
		if err := tx.send(-1, nil, `
			INSERT INTO actors (tenant, id, kind, name, created_at, mac) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, kind, name) DO NOTHING`,
			tenant, fresh.ID, kind, name, now, db.marks.of(markActor(tenant, fresh, name, now))); err != nil {
			return err
		}
		return tx.query(stands, lookUp, tenant, kind, name)
	})
	if err != nil {
		return cordon.Actor{}, err
	}
	return a, nil
}

func markActor(tenant cordon.TenantID, a cordon.Actor, name string, created int64) *rowmac.Row {
	return rowmac.Of("actors").Text(string(tenant)).Text(string(a.ID)).Text(string(a.Kind)).Text(name).Int(created)
}

// ActorName returns the name behind a pseudonym, cordon.ErrNotFound if there is none, or
// cordon.ErrForged if something else than Cordon wrote the row.
func (db *DB) ActorName(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (string, error) {
	if id == cordon.Cordon.ID {
		return string(id), nil
	}
	a := cordon.Actor{ID: id}
	var name string
	var created int64
	var mark []byte
	err := db.one(ctx, asApp, tenant, []any{&a.Kind, &name, &created, &mark},
		`SELECT kind, name, created_at, mac FROM actors WHERE tenant = $1 AND id = $2`, tenant, id)
	if err == nil {
		err = db.marks.check("actors", id, mark, markActor(tenant, a, name, created))
	}
	if err != nil {
		return "", fmt.Errorf("actor %s: %w", id, err)
	}
	return name, nil
}
