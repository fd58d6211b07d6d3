package app

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/store"
)

var (
	_ events.Source = (*salesforce.Client)(nil)
	_ events.Line   = (*flow.Flow)(nil)
	_ events.Things = (*store.DB)(nil)
	_ events.Places = (*flow.Flow)(nil)
	_ events.Known  = (*store.DB)(nil)
	_ events.Unread = (*store.DB)(nil)
)

// Backfill returns the backfill of a tenant's org, which needs no listener. Tenant, Source,
// Line, Things and Log of c are filled in.
func (a *App) Backfill(tenant cordon.TenantID, c events.BackfillConfig) (*events.Backfill, error) {
	client := a.clients[tenant]
	if client == nil {
		return nil, fmt.Errorf("%w: the configuration has no tenant %q", cordon.ErrNotFound, tenant)
	}
	c.Tenant, c.Source, c.Line, c.Things, c.Log = tenant, client, a.flow, a.db, a.log
	return events.NewBackfill(c), nil
}

// leaseTime is how long what one node does for a tenant stays with it after it has stopped
// answering.
const leaseTime = 30 * time.Second

// poll follows each tenant's org that is to be polled, until ctx ends. Of several nodes one
// does; the others ask now and then whether they should.
func (a *App) poll(ctx context.Context) {
	for _, t := range a.conf.Tenants {
		if t.Poll <= 0 {
			continue
		}
		p := events.NewPoller(events.PollConfig{FromNow: true, Places: a.flow, Known: a.db, Unread: a.db, Config: events.Config{
			Tenant: t.ID, Source: a.clients[t.ID], Line: a.flow, Things: a.db, Log: a.log}})
		a.polling.Go(func() { a.alone(ctx, t.ID, "poll", func(ctx context.Context) { p.Run(ctx, t.Poll) }) })
	}
}

// alone does work for the tenant while no other node does, again and again until ctx ends.
func (a *App) alone(ctx context.Context, tenant cordon.TenantID, name string, work func(context.Context)) {
	for ctx.Err() == nil {
		_, err := a.db.Hold(ctx, tenant, name, leaseTime, func(ctx context.Context) error {
			work(ctx)
			return nil
		})
		if err != nil && ctx.Err() == nil {
			a.log.Warn("the records did not say which node is to work; asked again", "tenant", tenant, "lease", name, "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(leaseTime / 6):
		}
	}
}
