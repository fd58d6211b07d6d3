package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon/desk"
)

// coverageGauges reads what was counted when it is asked for. A day without files has no share,
// and a tenant that was never counted has no figures at all.
type coverageGauges struct {
	laws                                               laws
	share, gained, examined, unexamined, counted, bell *prometheus.Desc
}

func newCoverageGauges(l laws) *coverageGauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("cordon_coverage_"+name, help, append([]string{"tenant"}, labels...), nil)
	}
	const which = ` day="full" is the newest day that is over and brought files, day="today" the one that lasts.`
	return &coverageGauges{laws: l,
		share:      desc("share", "Share of the files that the org gained which were examined, from 0 to 1."+which, "day"),
		gained:     desc("gained", "Files that the org gained, by its own lists."+which, "day"),
		examined:   desc("examined", "Of these, files that were examined."+which, "day"),
		unexamined: desc("unexamined", "Of these, files that nobody looked at."+which, "day"),
		counted:    desc("counted_timestamp_seconds", "When the org was asked last.", "day"),
		bell:       desc("alarm", "1 while coverage is lower than it has to be, else 0."),
	}
}

func (g *coverageGauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.share, g.gained, g.examined, g.unexamined, g.counted, g.bell} {
		ch <- d
	}
}

func (g *coverageGauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for tenant, law := range g.laws {
		full, today, hasFull, hasToday, err := law.Latest(ctx)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(g.share, err)
			continue
		}
		say := func(d *prometheus.Desc, value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{string(tenant)}, labels...)...)
		}
		day := func(name string, d desk.CoverageDay) {
			if share, ok := d.Share(); ok {
				say(g.share, share, name)
			}
			say(g.gained, float64(d.Gained), name)
			say(g.examined, float64(d.Examined), name)
			say(g.unexamined, float64(d.NotExamined()), name)
			say(g.counted, float64(d.Counted.Unix()), name)
		}
		if hasFull {
			day("full", full)
		}
		if hasToday {
			day("today", today)
		}
		if !hasFull && !hasToday {
			continue // never counted: no alarm is not the same as all being well
		}
		alarm, err := law.Alarm(ctx)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(g.bell, err)
			continue
		}
		if alarm != nil {
			say(g.bell, 1)
		} else {
			say(g.bell, 0)
		}
	}
}
