package app

import (
	"context"
	"slices"
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

// integrations returns the users whose files count as coming by the API. A poller asks for
// them itself.
func (a *App) integrations(ctx context.Context, tenant cordon.TenantID) []string {
	i := slices.IndexFunc(a.conf.Tenants, func(t TenantConfig) bool { return t.ID == tenant })
	if i < 0 {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ids, _, err := events.Integrations(asking, a.clients[tenant], a.conf.Tenants[i].Integrations)
	if err != nil && ctx.Err() == nil {
		a.log.Warn("the org did not say who its integrations are; their files count as made at its pages", "tenant", tenant, "err", err)
	}
	return ids
}

// leaseTime is how long what one node does for a tenant stays with it after it has stopped
// answering.
const leaseTime = 30 * time.Second

// poll follows each tenant's org that is to be polled, until ctx ends. Of several nodes one
// does; the others ask now and then whether they should.
func (a *App) poll(ctx context.Context) {
	for _, p := range a.pollers {
		a.polling.Go(func() {
			defer p.hangUp()
			a.alone(ctx, p.tenant, "poll", func(ctx context.Context) {
				p.leads.Store(true)
				defer p.leads.Store(false)
				follow(ctx, p.every, p.Poller, p.told)
			})
		})
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
