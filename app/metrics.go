package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/removal"
	"github.com/cordonhq/cordon/store"
)

// gauges counts items by tenant and state when they are asked for, so that the figures are
// the store's own and not a copy that can drift.
type gauges struct {
	db      *store.DB
	tenants []cordon.TenantID
	items   *prometheus.Desc
	removed *prometheus.Desc
	late    *prometheus.CounterVec
	moved   *prometheus.CounterVec
}

func newGauges(db *store.DB, tenants []TenantConfig) *gauges {
	g := &gauges{db: db,
		removed: prometheus.NewDesc("cordon_removals", "Proposals to take a file out of the CRM, by state.", []string{"tenant", "state"}, nil),
		late: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cordon_late_looks_total",
			Help: "Late looks at what was passed on, by how they ended: looked or given-up."}, []string{"tenant", "ended"}),
		moved: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cordon_upstream_moved_total",
			Help: "Answers of the org that sent a caller to another host, and were refused."}, []string{"tenant"}),
		items: prometheus.NewDesc("cordon_items", "Items by state.", []string{"tenant", "state"}, nil)}
	for _, t := range tenants {
		g.tenants = append(g.tenants, t.ID)
		g.moved.WithLabelValues(string(t.ID))
		for _, ended := range []string{"looked", "given-up"} { // none is a figure, too
			g.late.WithLabelValues(string(t.ID), ended)
		}
	}
	return g
}

func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.items
	ch <- g.removed
	g.late.Describe(ch)
	g.moved.Describe(ch)
}

// upstreamMoved counts a redirect past the gateway.
func (g *gauges) upstreamMoved(tenant cordon.TenantID) {
	g.moved.WithLabelValues(string(tenant)).Inc()
}

// lateEnded counts a late look.
func (g *gauges) lateEnded(tenant cordon.TenantID, ended string) {
	g.late.WithLabelValues(string(tenant), ended).Inc()
}

func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	g.late.Collect(ch)
	g.moved.Collect(ch)
	for _, t := range g.tenants {
		if removals, err := g.db.CountThings(ctx, t, cordon.KindRemoval); err != nil {
			ch <- prometheus.NewInvalidMetric(g.removed, err)
		} else {
			for _, s := range removal.States() {
				ch <- prometheus.MustNewConstMetric(g.removed, prometheus.GaugeValue, float64(removals[s]), string(t), string(s))
			}
		}
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
