package store

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Things lists what is under control of one kind other than items, what changed last first,
// behind the thing with the id after where one is given. The result is never nil.
func (db *DB) Things(ctx context.Context, tenant cordon.TenantID, kind cordon.Kind, after cordon.ID, limit int) ([]cordon.Thing, error) {
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
		ORDER BY changed_at DESC, id DESC LIMIT $4`, tenant, kind, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list things of kind %s: %w", kind, err)
	}
	return out, nil
}
