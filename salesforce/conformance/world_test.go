package conformance

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// world is an org that is taken for a foreign one, and the simulator beside it.
type world struct {
	*testing.T
	org   *sim.Org
	run   *Run
	notes bytes.Buffer
}

// open returns a world in which the foreign org is the simulator as conf says, behind wrap.
func open(t *testing.T, conf sim.Config, wrap func(http.Handler) http.Handler) *world {
	t.Helper()
	serve := func(conf sim.Config, wrap func(http.Handler) http.Handler) (*sim.Org, Org) {
		o := sim.NewOrg(conf)
		h := o.Handler()
		if wrap != nil {
			h = wrap(h)
		}
		server := httptest.NewServer(h)
		t.Cleanup(func() { server.Close(); o.Close() })
		base, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		return o, Org{Base: base, Token: o.Token(conf.Users[0].Username), Version: "64.0"}
	}
	w := &world{T: t}
	foreign, org := serve(conf, wrap)
	_, beside := serve(sim.Demo(), nil)
	w.org = foreign
	w.run = &Run{Org: org, Simulator: beside, Scripts: Scripts(), Journal: filepath.Join(t.TempDir(), "journal"), Notes: &w.notes,
		Pause: func(context.Context, time.Duration) {}}
	return w
}

// do runs, and fails the test if there is no report.
func (w *world) do() *Report {
	w.Helper()
	report, err := w.run.Do(w.Context())
	if err != nil {
		w.Fatalf("%v\n%s", err, w.notes.String())
	}
	return report
}

// only leaves the scripts of these names.
func (w *world) only(names ...string) {
	w.Helper()
	var err error
	if w.run.Scripts, err = Find(names); err != nil {
		w.Fatal(err)
	}
}
