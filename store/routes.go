package store

import (
	"context"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// RouteUse counts what came by a route.
type RouteUse struct {
	Route       string
	What        string // for example inspected, passed, not-inspected or refused
	Count       int64
	First, Last time.Time
}

// uses are counts that wait to be written.
type uses struct {
	mu sync.Mutex
	m  map[useKey]useCount
}

type useKey struct {
	tenant      cordon.TenantID
	route, what string
}

type useCount struct{ n, first, last int64 }

func (u *uses) add(k useKey, c useCount) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.m == nil {
		u.m = map[useKey]useCount{}
	}
	if have, ok := u.m[k]; ok {
		c = useCount{have.n + c.n, min(have.first, c.first), max(have.last, c.last)}
	}
	u.m[k] = c
}

func (u *uses) take() map[useKey]useCount {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := u.m
	u.m = nil
	return m
}

// TouchRoute counts a use of a route. It is written within a second or so, or at Close; a
// crash loses what was counted since.
func (db *DB) TouchRoute(_ context.Context, tenant cordon.TenantID, route, what string, when time.Time) error {
	t := ns(when)
	db.uses.add(useKey{tenant, route, what}, useCount{1, t, t})
	return nil
}

// flushUses writes the counts; what cannot be written is kept for the next time.
func (db *DB) flushUses(ctx context.Context) {
	byTenant := map[cordon.TenantID]map[useKey]useCount{}
	for k, c := range db.uses.take() {
		if byTenant[k.tenant] == nil {
			byTenant[k.tenant] = map[useKey]useCount{}
		}
		byTenant[k.tenant][k] = c
	}
	for tenant, counts := range byTenant {
		err := db.write(ctx, asApp, tenant, func(tx txn) error {
			for k, c := range counts {
				if err := tx.send(1, nil, `
					INSERT INTO route_use (tenant, route, what, n, first_at, last_at) VALUES ($1, $2, $3, $4, $5, $6)
					ON CONFLICT (tenant, route, what) DO UPDATE SET n = route_use.n + excluded.n,
						first_at = CASE WHEN excluded.first_at < route_use.first_at THEN excluded.first_at ELSE route_use.first_at END,
						last_at = CASE WHEN excluded.last_at > route_use.last_at THEN excluded.last_at ELSE route_use.last_at END`,
					tenant, k.route, k.what, c.n, c.first, c.last); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			for k, c := range counts {
				db.uses.add(k, c)
			}
			if ctx.Err() == nil {
				db.log.Warn("route use not written, it will be tried again", "tenant", tenant, "err", err)
			}
		}
	}
}

// RouteUse returns the written counts, by route and what. The result is never nil.
func (db *DB) RouteUse(ctx context.Context, tenant cordon.TenantID) ([]RouteUse, error) {
	db.flushUses(ctx) // whoever asks sees what this process has counted
	out := []RouteUse{}
	err := db.read(ctx, asApp, tenant, func(row scan) error {
		var u RouteUse
		var first, last int64
		err := row(&u.Route, &u.What, &u.Count, &first, &last)
		u.First, u.Last = at(first), at(last)
		out = append(out, u)
		return err
	}, `SELECT route, what, n, first_at, last_at FROM route_use WHERE tenant = $1 ORDER BY route, what`, tenant)
	if err != nil {
		return nil, err
	}
	return out, nil
}
