package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// owedGauges says what is owed elsewhere, and how large the log of commits is. It asks the store
// when it is asked, so that the figures are its own.
type owedGauges struct {
	db                                  *store.DB
	tenants                             []cordon.TenantID
	owed, age, stuck, logLength, forged *prometheus.Desc
}

func newOwedGauges(db *store.DB, tenants []TenantConfig) *owedGauges {
	labels := []string{"tenant", "kind"}
	g := &owedGauges{db: db,
		owed: prometheus.NewDesc("cordon_effects_owed",
			`Effects owed elsewhere, by kind. when="due": to be carried out now; when="later": their time has not come.`,
			append(labels, "when"), nil),
		age: prometheus.NewDesc("cordon_effects_due_age_seconds",
			"How long the effect that waits longest has been due; 0 while none is. It grows while nothing of the kind gets through.", labels, nil),
		stuck:     prometheus.NewDesc("cordon_effects_stuck", "Effects set aside for a person, because trying again will not help.", labels, nil),
		logLength: prometheus.NewDesc("cordon_store_log_bytes", "Size of SQLite's write-ahead log. What was shredded lies in it until it is emptied.", nil, nil),
		forged: prometheus.NewDesc("cordon_rows_not_authentic_total",
			"How often a row was met that something else than Cordon wrote, by table. Nothing acted on it. More than none: find out who writes to the database.", []string{"table"}, nil),
	}
	for _, t := range tenants {
		g.tenants = append(g.tenants, t.ID)
	}
	return g
}

func (g *owedGauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.owed, g.age, g.stuck, g.logLength, g.forged} {
		ch <- d
	}
}

func (g *owedGauges) Collect(ch chan<- prometheus.Metric) {
	if n, has := g.db.LogSize(); has {
		ch <- prometheus.MustNewConstMetric(g.logLength, prometheus.GaugeValue, float64(n))
	}
	for table, n := range g.db.Forged() {
		ch <- prometheus.MustNewConstMetric(g.forged, prometheus.CounterValue, float64(n), table)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	counted, err := g.db.Owed(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(g.owed, err)
		return
	}
	type key struct {
		tenant cordon.TenantID
		kind   cordon.EffectKind
	}
	all := map[key]store.Owed{}
	for _, t := range g.tenants {
		for _, k := range cordon.EffectKinds() {
			all[key{t, k}] = store.Owed{} // none is a figure, too
		}
	}
	for _, o := range counted {
		all[key{o.Tenant, o.Kind}] = o
	}
	for k, o := range all {
		say := func(d *prometheus.Desc, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{string(k.tenant), string(k.kind)}, labels...)...)
		}
		say(g.owed, float64(o.Due), "due")
		say(g.owed, float64(o.Later), "later")
		say(g.stuck, float64(o.Stuck))
		age := 0.0
		if !o.Since.IsZero() {
			age = max(0, time.Since(o.Since).Seconds())
		}
		say(g.age, age)
	}
}
