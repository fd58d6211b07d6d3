package api

import (
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/desk"
)

func TestShadowReport(t *testing.T) {
	a := newAPI(t, Config{})
	const path = "/v1/reports/shadow"

	r := decode[desk.Shadow](t, a.call("otto", "GET", path+"?from=2026-11-01&to=2026-11-15T12:00:00Z&minutes_per_item=2.5&reviewer_hours=3&seed=7", ""))
	if r.Schema != 1 || !r.From.Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) || !r.To.Equal(time.Date(2026, 11, 15, 12, 0, 0, 0, time.UTC)) ||
		r.Review.Minutes != 2.5 || r.Review.Hours != 3 || r.Replay != nil {
		t.Errorf("%+v", r)
	}
	if r := decode[desk.Shadow](t, a.call("otto", "POST", path, "evidence:\n  truncated: {action: hold}\n")); r.Replay == nil {
		t.Error("a policy that was sent is not tried")
	}
	for _, how := range [][]string{{path + "?format=html"}, {path, "Accept", "text/html,application/xhtml+xml"}} {
		w := a.call("otto", "GET", how[0], "", how[1:]...)
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || !strings.Contains(w.Body.String(), "<h1>") {
			t.Errorf("%v: %d %s", how, w.Code, w.Header())
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src") {
			t.Errorf("policy of the page: %s", csp)
		}
	}
	if w := a.call("otto", "GET", path, "", "Accept", "application/json, text/html"); !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		t.Error("whoever takes JSON gets HTML")
	}

	for _, query := range []string{"from=yesterday", "to=2026-13-01", "minutes_per_item=x", "minutes_per_item=0", "minutes_per_item=NaN", "minutes_per_item=-1",
		"reviewer_hours=1e9", "seed=1.5", "format=pdf", "from=2026-11-02&to=2026-11-02", "from=1900-01-01", "from=1971-01-01"} {
		a.refused(a.call("otto", "GET", path+"?"+query, ""), 400, "invalid")
	}
	a.refused(a.call("otto", "POST", path, " \n"), 400, "invalid")
	a.refused(a.call("otto", "POST", path, strings.Repeat("#", maxPolicy+1)), 400, "invalid")
	a.refused(a.call("mule", "GET", path, ""), 403, "not-permitted")
	a.refused(a.call("", "POST", path, "x"), 401, "no-token")
	if r := decode[desk.Shadow](t, a.call("other", "GET", path, "")); r.Tenant != "globex" {
		t.Errorf("the report of %s for another", r.Tenant)
	}
}
