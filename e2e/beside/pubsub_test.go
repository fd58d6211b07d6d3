package beside_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// A gateway whose tenant polls once an hour looks at a file as soon as the org tells of it,
// and says in figures what came of events; after a restart it goes on where it stopped.
func TestEventsBesideTheGateway(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldWith(t, e2e.WorldOptions{
		Org: func(c *sim.Config) { c.ChangeEvents = []string{"ContentVersion"} },
		App: func(c *app.Config) {
			c.Tenants[0].Poll, c.Tenants[0].PubSubAddress = time.Hour, "http://"+ln.Addr().String()
		},
	})
	server := w.Org.PubSub()
	go server.Serve(ln)
	t.Cleanup(server.Stop)

	w.Until("the subscription stands", func() bool {
		return w.metric(`cordon_events_live{object="ContentVersion",tenant="clinic"}`) == "1"
	})
	observed := func(id string) func() bool {
		return func() bool {
			for _, it := range w.Items("") {
				if it.UpstreamID == id {
					return true
				}
			}
			return false
		}
	}
	first, _, err := w.Org.Upload("first.png", []byte("a text that came past it"))
	if err != nil {
		t.Fatal(err)
	}
	w.Until("the file is observed", observed(first))
	if n := w.metric(`cordon_events_first_total{object="ContentVersion",tenant="clinic"}`); n != "1" {
		t.Errorf("%q files were looked at first", n)
	}
	if n := w.metric(`cordon_events_live{object="Attachment",tenant="clinic"}`); n != "0" {
		t.Errorf("events of attachments, which the org does not offer, are live: %q", n)
	}
	w.Stop()
	second, _, err := w.Org.Upload("second.png", []byte("a text that came while nobody listened"))
	if err != nil {
		t.Fatal(err)
	}
	w.Start()
	w.Until("the file that came meanwhile is observed", observed(second))
	w.Until("nothing was missed", func() bool {
		return w.metric(`cordon_events_missed_total{object="ContentVersion",tenant="clinic"}`) == "0"
	})
}

// metric returns the figure of a line of /metrics, "" if there is none.
func (w *world) metric(name string) string {
	w.T.Helper()
	for line := range strings.Lines(w.Metrics()) {
		if value, has := strings.CutPrefix(strings.TrimSpace(line), name+" "); has {
			return value
		}
	}
	return ""
}

func TestEventsConfig(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		events, address, want string
	}{
		{"auto", "http://127.0.0.1:7443", ""},
		{"off", "api.deu.pubsub.salesforce.com:7443", ""},
		{"sometimes", "", `events: "sometimes" is not one of`},
		{"auto", "http://pubsub.example:7443", "in the clear"},
		{"auto", "pubsub.example", "host:port"},
	} {
		conf := w.Conf
		conf.Tenants = []app.TenantConfig{conf.Tenants[0]}
		conf.Tenants[0].Events, conf.Tenants[0].PubSubAddress = c.events, c.address
		if err := conf.Check(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
