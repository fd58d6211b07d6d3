package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/store"
)

// poller follows one tenant's org.
type poller struct {
	*events.Poller
	tenant cordon.TenantID
	every  time.Duration
	client *salesforce.Client
	leads  atomic.Bool        // of several nodes, this one polls
	told   *events.Subscriber // nil: nothing tells of changes
	hangUp func()
}

// openPollers makes a poller for each tenant that is to be polled, and what says of them how
// they get on.
func (a *App) openPollers() prometheus.Collector {
	for _, t := range a.conf.Tenants {
		if t.Poll <= 0 {
			continue
		}
		client := a.clients[t.ID]
		conf := events.Config{Tenant: t.ID, Source: client, Line: a.flow, Things: a.db, Log: a.log}
		told, hangUp := a.subscribe(t, conf)
		p := events.NewPoller(events.PollConfig{FromNow: true, Learn: true, Named: t.Integrations, Places: a.flow, Known: a.db, Unread: a.db,
			Config: conf, Events: told})
		a.pollers = append(a.pollers, &poller{Poller: p, tenant: t.ID, every: t.Poll, client: client, told: told, hangUp: hangUp})
	}
	return pollGauges{a.pollers, a.db}
}

// pollGauges says how polling gets on. Counts are of this process, since it started. Of several
// nodes only the one that polls has anything to say beyond that it does not.
type pollGauges struct {
	pollers []*poller
	db      *store.DB
}

func pollDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("cordon_poll_"+name, help, append([]string{"tenant"}, labels...), nil)
}

var (
	pollLeads    = pollDesc("leads", "1 where this node polls the tenant's org, 0 where another does.")
	pollEvery    = pollDesc("interval_seconds", "How often the org is polled.")
	pollComplete = pollDesc("last_complete_timestamp_seconds", "When the last poll began that came to its end: all that the org showed then is on record.")
	pollTook     = pollDesc("duration_seconds", "How long the last poll took that came to its end.")
	pollNewest   = pollDesc("newest_timestamp_seconds", "The newest SystemModstamp that a list of the org has shown, by the org's clock.", "object")
	pollLag      = pollDesc("lag_seconds", "How far the newest SystemModstamp of all lists lies behind the org's clock. It grows while nobody changes a file.")
	pollAhead    = pollDesc("org_clock_ahead_seconds", "How far the org's clock is ahead of this machine's, to the second.")
	pollUnread   = pollDesc("unread_items", "Files on record that the org has not given out; they are asked for again.")
	pollPolls    = pollDesc("polls_total", "Polls, by how they ended.", "ended")
	pollCalls    = pollDesc("api_calls_total", "API calls that polling has made, failed ones included.")
	pollBytes    = pollDesc("bytes_total", "Bytes downloaded of what was inspected.")
	pollRows     = pollDesc("rows_total", "Rows that the org's lists have shown.")
	pollFiles    = pollDesc("files_total", "What came of the files that lists have shown. What is read back counts as known; would-hold is part of observed, and read-later of retried.", "outcome")
)

func (g pollGauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pollLeads, pollEvery, pollComplete, pollTook, pollNewest, pollLag, pollAhead, pollUnread, pollPolls, pollCalls, pollBytes, pollRows, pollFiles} {
		ch <- d
	}
}

func (g pollGauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, p := range g.pollers {
		g.collect(ctx, p, ch)
	}
}

func (g pollGauges) collect(ctx context.Context, p *poller, ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{string(p.tenant)}, labels...)...)
	}
	count := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{string(p.tenant)}, labels...)...)
	}
	s := p.Status()
	leads := 0.0
	if p.leads.Load() {
		leads = 1
	}
	gauge(pollLeads, leads)
	gauge(pollEvery, p.every.Seconds())
	// What is not known yet is absent and not 0.
	if !s.Complete.IsZero() {
		gauge(pollComplete, seconds(s.Complete))
		gauge(pollTook, s.Took.Seconds())
	}
	var newest time.Time
	for object, at := range s.Newest {
		gauge(pollNewest, seconds(at), object)
		if at.After(newest) {
			newest = at
		}
	}
	if ahead, known := p.client.Ahead(); known {
		gauge(pollAhead, ahead.Seconds())
		if !newest.IsZero() {
			gauge(pollLag, time.Since(newest).Seconds()+ahead.Seconds())
		}
	}
	if n, err := g.db.CountUnread(ctx, p.tenant); err != nil {
		ch <- prometheus.NewInvalidMetric(pollUnread, err)
	} else {
		gauge(pollUnread, float64(n))
	}
	count(pollPolls, s.Polls, "complete")
	count(pollPolls, s.Failures, "cut-short")
	count(pollCalls, s.Seen.Calls)
	count(pollBytes, s.Seen.Bytes)
	count(pollRows, int64(s.Seen.Listed))
	for outcome, n := range map[string]int{"observed": s.Seen.Observed, "would-hold": s.Seen.WouldHold, "known": s.Seen.Known, "gone": s.Seen.Gone,
		"not-readable": s.Seen.NotReadable, "retried": s.Seen.Retried, "read-later": s.Seen.Read, "linked": s.Seen.Linked, "elsewhere": s.Seen.Elsewhere} {
		count(pollFiles, int64(n), outcome)
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
