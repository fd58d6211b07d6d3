package store

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Things lists all of a tenant's things of one kind, in the order of their ids. The result is
// never nil.
func (db *DB) Things(ctx context.Context, tenant cordon.TenantID, kind cordon.Kind) ([]cordon.Thing, error) {
	out := []cordon.Thing{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		t := cordon.Thing{Ref: cordon.Ref{Tenant: tenant, Kind: kind}}
		if err := row(&t.ID, &t.State, &t.Version, &t.Value); err != nil {
			return err
		}
		out = append(out, t)
		return nil
	}, `SELECT id, state, version, value FROM things WHERE tenant = $1 AND kind = $2 ORDER BY id`, tenant, kind)
	if err != nil {
		return nil, fmt.Errorf("list %s of %s: %w", kind, tenant, err)
	}
	return out, nil
}
