package store

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Things lists what is under control of one kind other than items, what changed last first,
// behind the thing with the id after where one is given. The result is never nil.
func (db *DB) Things(ctx context.Context, tenant cordon.TenantID, kind cordon.Kind, after cordon.ID, limit int) ([]cordon.Thing, error) {
	return db.ThingsIn(ctx, tenant, kind, "", after, limit)
}

// ThingsIn is Things of one state, or of any where it is "".
func (db *DB) ThingsIn(ctx context.Context, tenant cordon.TenantID, kind cordon.Kind, state cordon.State, after cordon.ID, limit int) ([]cordon.Thing, error) {
	out := []cordon.Thing{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		t := cordon.Thing{Ref: cordon.Ref{Tenant: tenant, Kind: kind}}
		var changed int64
		err := row(&t.ID, &t.State, &t.Version, &t.Value, &changed)
		t.ChangedAt = at(changed)
		out = append(out, t)
		return err
	}, `
		SELECT id, state, version, value, changed_at FROM things
		WHERE tenant = $1 AND kind = $2 AND ($3 = '' OR (changed_at, id) < (
			SELECT changed_at, id FROM things WHERE tenant = $1 AND kind = $2 AND id = $3))
			AND ($5 = '' OR state = $5)
		ORDER BY changed_at DESC, id DESC LIMIT $4`, tenant, kind, after, limit, state)
	if err != nil {
		return nil, fmt.Errorf("list things of kind %s: %w", kind, err)
	}
	return out, nil
}

// CountThings returns how many things of a kind stand in each state. States without any are
// absent.
func (db *DB) CountThings(ctx context.Context, tenant cordon.TenantID, kind cordon.Kind) (map[cordon.State]int, error) {
	out := map[cordon.State]int{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var s cordon.State
		var n int
		err := row(&s, &n)
		out[s] = n
		return err
	}, `SELECT state, count(*) FROM things WHERE tenant = $1 AND kind = $2 GROUP BY state`, tenant, kind)
	if err != nil {
		return nil, fmt.Errorf("count things of kind %s: %w", kind, err)
	}
	return out, nil
}
