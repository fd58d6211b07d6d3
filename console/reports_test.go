package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Whoever may read finds the reports, chooses a period and a policy, and sees a page that
// brings nothing but its own style.
func TestReports(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "otto", auditorPassword)
	if page := v.get("/"); !strings.Contains(page, `href="/reports"`) {
		t.Error("nothing leads to the reports")
	}
	page := v.get("/reports")
	for _, want := range []string{`name="from" type="text" inputmode="numeric" value="2026-10-22"`, `value="2026-11-21"`, `name="minutes_per_item"`, "<textarea"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	token := regexp.MustCompile(`action="/reports/shadow">\s*<input type="hidden" name="token" value="([^"]+)"`).FindStringSubmatch(page)
	if token == nil {
		t.Fatal("the form proves nothing")
	}
	form := url.Values{"token": {token[1]}, "from": {"2026-11-01"}, "to": {"2026-11-15"}, "minutes_per_item": {"3"}, "reviewer_hours": {"1"}, "policy": {"name: other\n"}}
	page = v.post("/reports/shadow", form)
	if v.last.StatusCode != http.StatusOK || !strings.Contains(page, "Shadow report of acme from 2026-11-01") {
		t.Errorf("%d: %s", v.last.StatusCode, page)
	}
	if csp := v.last.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src") || !strings.Contains(csp, "form-action 'none'") {
		t.Errorf("policy of the report: %s", csp)
	}
	if page = v.get("/reports/shadow?from=2026-11-03"); !strings.Contains(page, "from 2026-11-03") {
		t.Errorf("%d: %s", v.last.StatusCode, page)
	}
	for _, query := range []string{"from=yesterday", "from=2026-11-03&to=2026-11-03", "minutes_per_item=many"} {
		if page = v.get("/reports/shadow?" + query); v.last.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", query, v.last.StatusCode)
		}
	}
	form.Set("token", "other")
	if v.post("/reports/shadow", form); v.last.StatusCode == http.StatusOK {
		t.Error("a form that did not come from our page is taken")
	}
	stranger := c.visitor(t)
	if page := stranger.get("/reports/shadow"); strings.Contains(page, "Shadow report of") {
		t.Error("somebody who is not signed in sees a report")
	}
	clerk := c.visitor(t)
	clerk.post("/sign-in", url.Values{"login": {"flow"}, "password": {"slow-copper-wave"}, "next": {"/"}})
	if page := clerk.get("/reports/shadow"); strings.Contains(page, "Shadow report of") {
		t.Error("an account without the permission sees a report")
	}
}
