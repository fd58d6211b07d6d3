package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// gauges counts items by tenant and state when they are asked for, so that the figures are
// the store's own and not a copy that can drift.
type gauges struct {
	db      *store.DB
	tenants []cordon.TenantID
	items   *prometheus.Desc
}

func newGauges(db *store.DB, tenants []TenantConfig) *gauges {
	g := &gauges{db: db, items: prometheus.NewDesc("cordon_items", "Items by state.", []string{"tenant", "state"}, nil)}
	for _, t := range tenants {
		g.tenants = append(g.tenants, t.ID)
	}
	return g
}

func (g *gauges) Describe(ch chan<- *prometheus.Desc) { ch <- g.items }

func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, t := range g.tenants {
		counts, err := g.db.CountItems(ctx, t)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(g.items, err)
			continue
		}
		for _, s := range cordon.States() {
			ch <- prometheus.MustNewConstMetric(g.items, prometheus.GaugeValue, float64(counts[s]), string(t), string(s))
		}
	}
}
