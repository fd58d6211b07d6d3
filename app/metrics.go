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
	removed *prometheus.Desc
	late    *prometheus.CounterVec
}

func newGauges(db *store.DB, tenants []TenantConfig) *gauges {
	g := &gauges{db: db,
		removed: prometheus.NewDesc("cordon_removals", "Proposals to take a file out of the CRM, by state.", []string{"tenant", "state"}, nil),
		late: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cordon_late_looks_total",
			Help: "Late looks at what was passed on, by how they ended: looked or given-up."}, []string{"tenant", "ended"}),
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
	g.late.Describe(ch)
}

// lateEnded counts a late look.
func (g *gauges) lateEnded(tenant cordon.TenantID, ended string) {
	g.late.WithLabelValues(string(tenant), ended).Inc()
}

func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	g.late.Collect(ch)
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
