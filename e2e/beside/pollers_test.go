package beside_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/app"
)

// An operator sees that polling goes on, how far it has come and what it costs; a tenant that
// is not polled has no figures.
func TestPollMetrics(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Tenants[0].Poll = 20 * time.Millisecond })
	if _, _, err := w.Org.Upload("past.png", []byte("a text that came past it")); err != nil {
		t.Fatal(err)
	}
	has := func(what string) func() bool {
		return func() bool { return strings.Contains(w.Metrics(), what) }
	}
	w.Until("this node polls", has(`cordon_poll_leads{tenant="clinic"} 1`))
	for _, what := range []string{
		`cordon_poll_files_total{outcome="observed",tenant="clinic"} `,
		`cordon_poll_interval_seconds{tenant="clinic"} 0.02`,
		`cordon_poll_last_complete_timestamp_seconds{tenant="clinic"} `,
		`cordon_poll_newest_timestamp_seconds{object="ContentVersion",tenant="clinic"} `,
		`cordon_poll_lag_seconds{tenant="clinic"} `,
		`cordon_poll_org_clock_ahead_seconds{tenant="clinic"} `,
		`cordon_poll_unread_items{tenant="clinic"} 0`,
		`cordon_poll_polls_total{ended="cut-short",tenant="clinic"} 0`,
	} {
		w.Until(what, has(what))
	}
}

func TestPollMetricsWithoutPolling(t *testing.T) {
	if m := newWorld(t).Metrics(); strings.Contains(m, "cordon_poll_") {
		t.Errorf("nobody polls, and there are figures:\n%s", m)
	}
}

// Beside the process that polls, cordon doctor tells from the records that it does.
func TestDoctorOfPolling(t *testing.T) {
	var conf app.Config
	w := newWorld(t, func(c *app.Config) {
		c.Tenants[0].Poll = 20 * time.Millisecond
		conf = *c
	})
	if _, _, err := w.Org.Upload("past.png", []byte("a text that came past it")); err != nil {
		t.Fatal(err)
	}
	d, err := conf.Doctor()
	if err != nil {
		t.Fatal(err)
	}
	w.Until("doctor sees that somebody polls", func() bool {
		p, err := d.Orgs[0].Polling(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return p.Every > 0 && p.LeasedUntil.After(time.Now()) && !p.ReadTo.IsZero() && p.Unread == 0
	})
}
