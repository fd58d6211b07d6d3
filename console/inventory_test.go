package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

func TestInventoryShowsWhatIsKnownAndWhatIsNot(t *testing.T) {
	c := newConsole(t)
	rhea := c.signedIn(t, "rhea", reviewerPassword)
	if page := rhea.get("/inventory"); !strings.Contains(page, "Nothing was counted yet") || !strings.Contains(page, "Count now") {
		t.Errorf("before the first count:\n%s", page)
	}
	stock := desktest.Stock(morning)
	stock.Apps[0].Name = `<script>alert(1)</script>`
	c.desk.SetInventory(desk.InventoryState{Last: &stock, Failed: "no-calls-left"})
	page := rhea.get("/inventory")
	for _, want := range []string{"48\u202f210", "61.4 GB", "before the CRM has it", "not at all", "not known", "On_ContentVersion", "Network: Patient Portal",
		"no API calls left", "ContentDocumentLink, groups", "unknown", "005Si0000000001AAA", "61 more", `href="/holds?route=`, "<title>2026-11"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	for _, bad := range []string{"<script", "<b>odd", "style="} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is on the page", bad)
		}
	}
	if n := strings.Count(page, "MALFORMED_QUERY"); n > 0 {
		t.Errorf("a code that has words is shown %d times", n)
	}
	otto := c.signedIn(t, "otto", auditorPassword)
	if page := otto.get("/inventory"); strings.Contains(page, "005Si") || !strings.Contains(page, "On_ContentVersion") {
		t.Error("an auditor sees who brought what, or not the rest")
	}
}

// Counting is asked for with a form of our own page, and the page then says that it runs.
func TestInventoryIsAskedForByForm(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "otto", auditorPassword)
	if v.post("/inventory", url.Values{"token": {"guessed"}}); v.last.StatusCode != http.StatusForbidden {
		t.Errorf("a form of nobody's is answered with %d", v.last.StatusCode)
	}
	page := v.post("/inventory", url.Values{"token": {v.token()}})
	if v.last.Request.URL.Path != "/inventory" || !strings.Contains(page, "A count is under way, now ContentVersion") || strings.Contains(page, "Count now") {
		t.Errorf("after asking, %s says:\n%s", v.last.Request.URL, page)
	}
}

// Months in which nothing came are drawn, or a gap of years would look like a day.
func TestMonthsAreToScale(t *testing.T) {
	if got := monthsBetween([]string{"2025-11", "2026-02"}); !slices.Equal(got, []string{"2025-11", "2025-12", "2026-01", "2026-02"}) {
		t.Errorf("%v", got)
	}
	if html := string(monthsPlot(nil)); !strings.Contains(html, "Nothing to show") {
		t.Errorf("%s", html)
	}
	old := []desk.InventoryMonth{{Month: "2001-01", Channel: "ui", Files: 7}, {Month: "2026-02", Channel: "ui", Files: 1}}
	if html := string(monthsPlot(old)); !strings.Contains(html, "the last 60 months") || strings.Contains(html, "2001-01") {
		t.Errorf("%s", html)
	}
}
