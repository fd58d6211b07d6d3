package app

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/salesforce/pubsub"
)

var (
	_ events.Feed     = (*pubsub.Client)(nil)
	_ pubsub.Sessions = (*salesforce.Client)(nil)
)

func checkEvents(t TenantConfig, bad func(string, ...any)) {
	oneOf(func(format string, args ...any) { bad("tenant %s: "+format, append([]any{t.ID}, args...)...) }, "events", t.Events, "auto", "off", "")
	if t.PubSubAddress == "" {
		return
	}
	if _, _, err := pubsub.ParseAddress(t.PubSubAddress); err != nil {
		bad("tenant %s: pubsub_address: %w", t.ID, err)
	}
}

// pubsubAddress is where a tenant's org tells of changes, "" if it is not to be asked. An org
// that is spoken to in the clear is a simulator, of which Salesforce's own service knows nothing.
func (t TenantConfig) pubsubAddress() string {
	switch {
	case t.Events == "off":
		return ""
	case t.PubSubAddress == "" && strings.HasPrefix(t.Upstream, "http://"):
		return ""
	case t.PubSubAddress == "":
		return pubsub.DefaultAddress
	}
	return t.PubSubAddress
}

// subscribe returns what listens to a tenant's org, nil if nothing does, and what ends its
// connection.
func (a *App) subscribe(t TenantConfig, conf events.Config) (*events.Subscriber, func()) {
	address := t.pubsubAddress()
	if address == "" {
		return nil, func() {}
	}
	client, err := pubsub.New(pubsub.Config{Sessions: a.clients[t.ID], Address: address, Log: a.log})
	if err != nil {
		a.log.Warn("events cannot be followed; polling alone finds what is new", "tenant", t.ID, "err", err)
		return nil, func() {}
	}
	s := events.NewSubscriber(events.SubscribeConfig{Config: conf, Feed: client, Learn: true, Named: t.Integrations})
	a.heard.add(t.ID, s)
	return s, func() { client.Close() }
}

// follow polls a tenant's org, and listens to it where something does, until ctx ends.
func follow(ctx context.Context, every time.Duration, p *events.Poller, told *events.Subscriber) {
	var listening sync.WaitGroup
	if told != nil {
		listening.Go(func() { told.Run(ctx) })
	}
	p.Run(ctx, every)
	listening.Wait()
}

// heard says in figures what came of events. They are read from the records, where every
// node counts together; only whether a subscription stands is this node's own.
type heard struct {
	things events.Things

	mu          sync.Mutex
	subscribers map[cordon.TenantID]*events.Subscriber
}

func (h *heard) add(tenant cordon.TenantID, s *events.Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subscribers == nil {
		h.subscribers = map[cordon.TenantID]*events.Subscriber{}
	}
	h.subscribers[tenant] = s
}

var (
	heardLabels = []string{"tenant", "object"}
	heardLive   = prometheus.NewDesc("cordon_events_live", "1 while this node is told of changes of the object as they happen.", heardLabels, nil)
	heardCounts = []struct {
		desc *prometheus.Desc
		of   func(events.Heard) int64
	}{
		{prometheus.NewDesc("cordon_events_total", "Records that events named.", heardLabels, nil), func(h events.Heard) int64 { return h.Events }},
		{prometheus.NewDesc("cordon_events_first_total", "Files looked at because of an event, before a poll found them.", heardLabels, nil), func(h events.Heard) int64 { return h.First }},
		{prometheus.NewDesc("cordon_events_missed_total", "Files that polling found and that no event named in time.", heardLabels, nil), func(h events.Heard) int64 { return h.Missed }},
		{prometheus.NewDesc("cordon_events_gaps_total", "Times that events were lost, as the org or a break said.", heardLabels, nil), func(h events.Heard) int64 { return h.Gaps }},
	}
)

func (h *heard) Describe(ch chan<- *prometheus.Desc) {
	ch <- heardLive
	for _, c := range heardCounts {
		ch <- c.desc
	}
}

func (h *heard) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	for tenant, s := range h.subscribers {
		for _, st := range s.Standing() {
			live := 0.0
			if st.Offered == events.Live {
				live = 1
			}
			ch <- prometheus.MustNewConstMetric(heardLive, prometheus.GaugeValue, live, string(tenant), st.Object)
			got, err := events.ReadHeard(ctx, h.things, tenant, st.Object)
			for _, c := range heardCounts {
				if err != nil {
					ch <- prometheus.NewInvalidMetric(c.desc, err)
					continue
				}
				ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(c.of(got)), string(tenant), st.Object)
			}
		}
	}
}
