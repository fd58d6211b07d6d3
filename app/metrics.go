package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
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
	gaveUp  *prometheus.CounterVec
	aside   *prometheus.Desc
	stuck   *prometheus.Desc
	blobs   *blob.Files
}

func newGauges(db *store.DB, blobs *blob.Files, tenants []TenantConfig) *gauges {
	g := &gauges{db: db, blobs: blobs,
		aside:   prometheus.NewDesc("cordon_bytes_aside", "Files of bytes without a record that were set aside.", nil, nil),
		removed: prometheus.NewDesc("cordon_removals", "Proposals to take a file out of the CRM, by state.", []string{"tenant", "state"}, nil),
		late: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cordon_late_looks_total",
			Help: "Late looks at what was passed on, by how they ended: looked or given-up."}, []string{"tenant", "ended"}),
		gaveUp: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cordon_given_up_total",
			Help: "What was owed for an item and could not be done, or failed too often, by kind and cause."}, []string{"tenant", "owed", "cause"}),
		stuck: prometheus.NewDesc("cordon_effects_stuck", "What is owed and is set aside for a person.", []string{"tenant"}, nil),
		items: prometheus.NewDesc("cordon_items", "Items by state.", []string{"tenant", "state"}, nil)}
	for _, t := range tenants {
		g.tenants = append(g.tenants, t.ID)
		for _, ended := range []string{"looked", "given-up"} { // none is a figure, too
			g.late.WithLabelValues(string(t.ID), ended)
		}
	}
	return g
}

func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.items
	ch <- g.removed
	ch <- g.aside
	ch <- g.stuck
	g.late.Describe(ch)
	g.gaveUp.Describe(ch)
}

// mostStuck bounds what is counted of effects set aside: as many are no figure but a fault.
const mostStuck = 1000

// gaveUpOn counts what could not be done.
func (g *gauges) gaveUpOn(tenant cordon.TenantID, owed cordon.EffectKind, cause cordon.Cause) {
	g.gaveUp.WithLabelValues(string(tenant), string(owed), string(cause)).Inc()
}

// lateEnded counts a late look.
func (g *gauges) lateEnded(tenant cordon.TenantID, ended string) {
	g.late.WithLabelValues(string(tenant), ended).Inc()
}

func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	g.late.Collect(ch)
	g.gaveUp.Collect(ch)
	if aside, err := g.blobs.ListAside(ctx); err != nil {
		ch <- prometheus.NewInvalidMetric(g.aside, err)
	} else {
		ch <- prometheus.MustNewConstMetric(g.aside, prometheus.GaugeValue, float64(len(aside)))
	}
	for _, t := range g.tenants {
		if stuck, err := g.db.StuckEffects(ctx, t, mostStuck); err != nil {
			ch <- prometheus.NewInvalidMetric(g.stuck, err)
		} else {
			ch <- prometheus.MustNewConstMetric(g.stuck, prometheus.GaugeValue, float64(len(stuck)), string(t))
		}
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
