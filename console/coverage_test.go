package console

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

// The share examined is the first number on the start page, and the alarm stands above it and
// says where most of what nobody looked at came from.
func TestCoverageIsTheFirstNumber(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	page := v.get("/")
	wants(t, page, "On 19 November only 80.7 % of the new files were examined; it should be 90 %.", "Most came by api, made by 0055g000009LabAAAT: 47 of 47.",
		`<p class="big">94.8 %</p>`, "of 1\u202f070 files that the org gained since 13 November were examined. Nobody looked at 56.", "yesterday 80.7 %", `href="/coverage"`)
	if share, held := strings.Index(page, "94.8 %"), strings.Index(page, "on hold"); share < 0 || held < strings.Index(page, "<main") || share > strings.Index(page, `<section class="tally"`) {
		t.Errorf("the share is not the first number: %d, %d", share, held)
	}
	// Who made files is not shown to those who may not see what points to a person.
	for _, path := range []string{"/", "/coverage"} {
		lacks(t, c.signedIn(t, "otto", auditorPassword).get(path), "0055g0000", "Made by")
	}
	// Nothing is known of another tenant: not 0, and not 100 %.
	page = c.signedIn(t, "other", "green-anvil-rain").get("/")
	wants(t, page, `<p class="big">unknown</p>`)
	lacks(t, page, "100 %", "94.8 %", "role=\"alert\"")
	wants(t, c.signedIn(t, "other", "green-anvil-rain").get("/coverage"), "<b>Unknown.</b>")
}

func TestCoveragePage(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	page := v.get("/coverage")
	wants(t, page, "<h1 class=\"head\">Coverage</h1>", "What to do", "Thu 19 Nov 2026", "80.7 %", "so far", "on no record", "of a kind that no check covers",
		"portal-connected-app", "0685g0000004200AAA", "deleted before it could be examined", "3 more are links to files elsewhere", "16 more.", `value="2026-11-13"`)
	// A file can be had looked at by those who may, and no button says so to the others.
	wants(t, page, `action="/alerts"`, `name="named" value="0685g0000004200AAA"`)
	lacks(t, c.signedIn(t, "otto", auditorPassword).get("/coverage"), `action="/alerts"`)
	if v.post("/alerts", url.Values{"token": {v.token()}, "named": {"0685g0000004200AAA"}}); v.last.StatusCode != 200 || !strings.HasPrefix(v.last.Request.URL.Path, "/alerts/") {
		t.Errorf("having it looked at ends at %s with %d", v.last.Request.URL, v.last.StatusCode)
	}
	lacks(t, strings.ToLower(page), "fake", "fraud", "suspicious", "manipulated", "rejected", "violation")

	for path, status := range map[string]int{"/coverage?from=2026-11-14&to=2026-11-15": 200, "/coverage?from=x": 400} {
		if v.get(path); v.last.StatusCode != status {
			t.Errorf("%s: %d", path, v.last.StatusCode)
		}
	}
}

// Everything examined, nothing gained, one day alone: each is said as it is.
func TestCoverageSentences(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	day := morning.Truncate(24 * time.Hour)
	for want, n := range map[string]desk.CoverageCount{
		"All 12 files that the org gained since 20 November were examined.": {Gained: 12, Examined: 12},
		"The org gained no files since 20 November.":                        {},
		"&gt; 99.9 %": {Gained: 5000, Examined: 4999},
		"&lt; 0.1 %":  {Gained: 5000, Examined: 1},
		"0 %":         {Gained: 3},
	} {
		c.desk.SetCoverage(desktest.Tenant, desk.Coverage{From: day, To: day.AddDate(0, 0, 1), AsOf: morning, CoverageCount: n,
			Days: []desk.CoverageDay{{Day: day, CoverageCount: n}}, More: n.NotExamined()})
		for _, path := range []string{"/", "/coverage"} {
			page := v.get(path)
			wants(t, page, want)
			lacks(t, page, `class="problem"`, "yesterday")
		}
	}
	fell := desk.CoverageAlarm{Day: day, Cause: desk.CoverageFell, Share: 0.9, Bound: 0.94}
	c.desk.SetCoverage(desktest.Tenant, desk.Coverage{AsOf: morning, Alarm: &fell})
	wants(t, v.get("/"), "On 20 November only 90 % of the new files were examined; after the week before it should have been 94 %.")
}

// A name from the org is text, whatever it holds.
func TestCoverageEscapes(t *testing.T) {
	c := newConsole(t)
	evil := `<script>alert(1)</script>`
	n := desk.CoverageCount{Gained: 1}
	c.desk.SetCoverage(desktest.Tenant, desk.Coverage{AsOf: morning, CoverageCount: n, Why: []desk.CoverageWhy{{Reason: cordon.Reason(evil), Files: 1}},
		Parts:      []desk.CoveragePart{{Channel: cordon.Channel(evil), Creator: evil, Client: evil, CoverageCount: n}},
		Unexamined: []desk.Unexamined{{ID: evil, Object: evil, Channel: cordon.Channel(evil)}}, Alarm: &desk.CoverageAlarm{Day: morning}})
	v := c.signedIn(t, "rhea", reviewerPassword)
	for _, path := range []string{"/", "/coverage"} {
		lacks(t, v.get(path), "<script")
	}
}

// The start page is there when coverage cannot be read: what waits does not wait for it.
func TestStartPageWithoutCoverage(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	c.Coverage = broken{}
	page := v.get("/")
	wants(t, page, "Look and decide", `<p class="big">unknown</p>`)
	if !strings.Contains(c.log.String(), "without coverage") {
		t.Error("nobody is told")
	}
	c.Coverage = nil
	wants(t, v.get("/"), `<p class="big">unknown</p>`)
}

type broken struct{}

func (broken) Coverage(context.Context, cordon.TenantID, desk.CoverageQuery) (desk.Coverage, error) {
	return desk.Coverage{}, errors.New("the disk is gone")
}
