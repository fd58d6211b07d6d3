package app

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/blob"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/removal"
	"github.com/cordonhq/cordon/store"
)

// figures are what /metrics says. Those of a tenant carry its name in the label "tenant".
type figures struct{ registry *prometheus.Registry }

// of returns the figures of one tenant and of the machine; for "" of the machine alone.
func (f figures) of(tenant cordon.TenantID) http.Handler {
	gather := func() ([]*dto.MetricFamily, error) {
		families, err := f.registry.Gather()
		return slices.DeleteFunc(families, func(family *dto.MetricFamily) bool {
			family.Metric = slices.DeleteFunc(family.Metric, func(m *dto.Metric) bool {
				return slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool {
					return l.GetName() == "tenant" && (tenant == "" || l.GetValue() != string(tenant))
				})
			})
			return len(family.Metric) == 0
		}), err
	}
	return promhttp.HandlerFor(prometheus.GathererFunc(gather), promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// all returns the figures of every tenant, for a listener that only operators reach.
func (f figures) all() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(f.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

// signIns counts how attempts to sign in ended. It names no tenant: most fit none.
type signIns struct {
	book *account.Book
	desc *prometheus.Desc
}

func newSignIns(book *account.Book) signIns {
	return signIns{book, prometheus.NewDesc("cordon_sign_ins_total", "Attempts to sign in, by how they ended: signed-in, wrong, slowed or busy.", []string{"result"}, nil)}
}

func (s signIns) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

func (s signIns) Collect(ch chan<- prometheus.Metric) {
	for result, n := range s.book.SignIns() {
		ch <- prometheus.MustNewConstMetric(s.desc, prometheus.CounterValue, float64(n), result)
	}
}

// checking shows the queue in front of the checks.
type checking struct {
	queue               *inspect.Queue
	running, kept, took *prometheus.Desc
}

func newChecking(q *inspect.Queue) checking {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return checking{q, desc("cordon_checks_running", "Files that are looked at."),
		desc("cordon_checks_kept", "Files that are looked at or wait for it."),
		desc("cordon_checks_seconds", "How long the checks of a file take, a moving mean.")}
}

func (c checking) Describe(ch chan<- *prometheus.Desc) { ch <- c.running; ch <- c.kept; ch <- c.took }

func (c checking) Collect(ch chan<- prometheus.Metric) {
	s := c.queue.Standing()
	for desc, v := range map[*prometheus.Desc]float64{c.running: float64(s.Running), c.kept: float64(s.Kept), c.took: s.Took.Seconds()} {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v)
	}
}

// gauges counts items by tenant and state when they are asked for, so that the figures are
// the store's own and not a copy that can drift.
type gauges struct {
	db      *store.DB
	tenants []cordon.TenantID
	items   *prometheus.Desc
	owed    *prometheus.Desc
	removed *prometheus.Desc
	late    *prometheus.CounterVec
	gaveUp  *prometheus.CounterVec
	aside   *prometheus.Desc
	blobs   *blob.Files
	moved   *prometheus.CounterVec
}

func newGauges(db *store.DB, blobs *blob.Files, tenants []TenantConfig) *gauges {
	g := &gauges{db: db, blobs: blobs,
		aside:   prometheus.NewDesc("cordon_bytes_aside", "Files of bytes without a record that were set aside.", nil, nil),
		removed: prometheus.NewDesc("cordon_removals", "Proposals to take a file out of the CRM, by state.", []string{"tenant", "state"}, nil),
		late: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cordon_late_looks_total",
			Help: "Late looks at what was passed on, by how they ended: looked or given-up."}, []string{"tenant", "ended"}),
		items: prometheus.NewDesc("cordon_items", "Items by state. What is owed for them depends on what they are for: see cordon_items_owed.",
			[]string{"tenant", "state"}, nil),
		moved: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cordon_upstream_moved_total",
			Help: "Answers of the org that sent a caller to another host, and were refused."}, []string{"tenant"}),
		gaveUp: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cordon_given_up_total",
			Help: "What was owed for an item and could not be done, or failed too often, by kind and cause."}, []string{"tenant", "owed", "cause"}),
		owed: prometheus.NewDesc("cordon_items_owed", "Items for which something is owed, by what, and by whom: cordon or person.",
			[]string{"tenant", "owed", "by"}, nil)}
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
	ch <- g.owed
	ch <- g.removed
	ch <- g.aside
	g.late.Describe(ch)
	g.moved.Describe(ch)
	g.gaveUp.Describe(ch)
}

// upstreamMoved counts a redirect past the gateway.
func (g *gauges) upstreamMoved(tenant cordon.TenantID) {
	g.moved.WithLabelValues(string(tenant)).Inc()
}

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
	g.moved.Collect(ch)
	for _, t := range g.tenants {
		census, err := g.db.Census(ctx, t, time.Now())
		if err != nil {
			for _, d := range []*prometheus.Desc{g.items, g.owed, g.removed} {
				ch <- prometheus.NewInvalidMetric(d, err)
			}
			continue
		}
		for _, s := range removal.States() {
			ch <- prometheus.MustNewConstMetric(g.removed, prometheus.GaugeValue, float64(census.Removals[s]), string(t), string(s))
		}
		for _, s := range cordon.States() {
			ch <- prometheus.MustNewConstMetric(g.items, prometheus.GaugeValue, float64(census.In(s)), string(t), string(s))
		}
		for _, d := range cordon.Debts() {
			ch <- prometheus.MustNewConstMetric(g.owed, prometheus.GaugeValue, float64(census.Owing(d)), string(t), string(d), string(d.By()))
		}
	}
}
