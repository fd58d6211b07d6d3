package app_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// A gateway whose tenant polls once an hour looks at a file as soon as the org tells of it,
// and says in figures what came of events; after a restart it goes on where it stopped.
func TestEventsBesideTheGateway(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldWith(t, worldOptions{
		org: func(c *sim.Config) { c.ChangeEvents = []string{"ContentVersion"} },
		app: func(c *app.Config) {
			c.Tenants[0].Poll, c.Tenants[0].PubSubAddress = time.Hour, "http://"+ln.Addr().String()
		},
	})
	server := w.org.PubSub()
	go server.Serve(ln)
	t.Cleanup(server.Stop)

	w.until("the subscription stands", func() bool {
		return w.metric(`cordon_events_live{object="ContentVersion",tenant="clinic"}`) == "1"
	})
	observed := func(id string) func() bool {
		return func() bool {
			for _, it := range w.items("") {
				if it.UpstreamID == id {
					return true
				}
			}
			return false
		}
	}
	first, _, err := w.org.Upload("first.png", []byte("a text that came past it"))
	if err != nil {
		t.Fatal(err)
	}
	w.until("the file is observed", observed(first))
	if n := w.metric(`cordon_events_first_total{object="ContentVersion",tenant="clinic"}`); n != "1" {
		t.Errorf("%q files were looked at first", n)
	}
	if n := w.metric(`cordon_events_live{object="Attachment",tenant="clinic"}`); n != "0" {
		t.Errorf("events of attachments, which the org does not offer, are live: %q", n)
	}
	w.stop()
	second, _, err := w.org.Upload("second.png", []byte("a text that came while nobody listened"))
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	w.until("the file that came meanwhile is observed", observed(second))
	w.until("nothing was missed", func() bool {
		return w.metric(`cordon_events_missed_total{object="ContentVersion",tenant="clinic"}`) == "0"
	})
}

// metric returns the figure of a line of /metrics, "" if there is none.
func (w *world) metric(name string) string {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.console+"/metrics", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatal(fmt.Errorf("metrics: %s, %w", resp.Status, err))
	}
	for line := range strings.Lines(string(b)) {
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
		conf := w.conf
		conf.Tenants = []app.TenantConfig{conf.Tenants[0]}
		conf.Tenants[0].Events, conf.Tenants[0].PubSubAddress = c.events, c.address
		if err := conf.Check(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
