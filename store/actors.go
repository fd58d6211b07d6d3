package store

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// ActorFor returns the pseudonym of an account or a client, making a random one on first
// use. It is the same ever after. The name is kept in this table alone.
func (db *DB) ActorFor(ctx context.Context, tenant cordon.TenantID, kind cordon.ActorKind, name string) (cordon.Actor, error) {
	if kind == cordon.Self {
		return cordon.Cordon, nil
	}
	if kind == "" || name == "" {
		return cordon.Actor{}, fmt.Errorf("%w: an actor needs a kind and a name", cordon.ErrInvalid)
	}
	const lookUp = `SELECT id FROM actors WHERE tenant = $1 AND kind = $2 AND name = $3`
	a := cordon.Actor{Kind: kind}
	err := db.read(ctx, asApp, tenant, func(row scan) error { return row(&a.ID) }, lookUp, tenant, kind, name)
	if err != nil || a.ID != "" {
		return a, err
	}
	err = db.write(ctx, asApp, tenant, func(tx txn) error {
		if err := tx.send(-1, nil, `
			INSERT INTO actors (tenant, id, kind, name, created_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (tenant, kind, name) DO NOTHING`,
			tenant, cordon.NewID(cordon.PrefixActor), kind, name, ns(time.Now())); err != nil {
			return err
		}
		return tx.query(func(row scan) error { return row(&a.ID) }, lookUp, tenant, kind, name)
	})
	return a, err
}

// ActorName returns the name behind a pseudonym, or cordon.ErrNotFound.
func (db *DB) ActorName(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (string, error) {
	if id == cordon.Cordon.ID {
		return string(id), nil
	}
	var name string
	err := db.one(ctx, asApp, tenant, []any{&name}, `SELECT name FROM actors WHERE tenant = $1 AND id = $2`, tenant, id)
	if err != nil {
		return "", fmt.Errorf("actor %s: %w", id, err)
	}
	return name, nil
}
