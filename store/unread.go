package store

import (
	"context"
	"time"

	"github.com/cordonhq/cordon"
)

// Unread returns up to limit items that the CRM has and did not give out, and that are due to
// be asked for again at a time, those first that wait longest. An item is due an hour after it
// was recorded; each entry about it since doubles the wait, and after nine it is never due
// again. The result is never nil.
func (db *DB) Unread(ctx context.Context, tenant cordon.TenantID, now time.Time, limit int) ([]cordon.Item, error) {
	// observed, inspected and kept are three changes.
	return db.items(ctx, asApp, tenant, `
		SELECT `+itemColumns+` FROM items
		WHERE tenant = $1 AND verdict LIKE '%"not-readable"%' AND state = $2 AND version < 12 AND changed_at <= $3
			AND changed_at + (CAST($4 AS bigint) << CAST(CASE WHEN version < 3 THEN 0 ELSE version - 3 END AS integer)) <= $3
		ORDER BY changed_at, id LIMIT $5`, tenant, cordon.Kept, ns(now), time.Hour.Nanoseconds(), limit)
}

// CountUnread returns how many items the CRM has and did not give out.
func (db *DB) CountUnread(ctx context.Context, tenant cordon.TenantID) (n int, err error) {
	// The last condition is true of all, and shows SQLite which index is meant.
	err = db.one(ctx, asApp, tenant, []any{&n}, `
		SELECT count(*) FROM items WHERE tenant = $1 AND verdict LIKE '%"not-readable"%' AND changed_at >= 0`, tenant)
	return n, err
}
