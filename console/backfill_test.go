package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// halfway is a backfill under way that has met everything there is to meet.
func halfway() desk.Backfill {
	per, least := 1009.2, 1002.1
	return desk.Backfill{Name: "2026-11-20", State: "running", Started: morning.Add(-3 * time.Hour), AsOf: morning.Add(-2 * time.Second),
		Plan: desk.BackfillPlan{Objects: []string{"ContentVersion"}, Types: []string{},
			BackfillPace: desk.BackfillPace{Share: 0.25, Workers: 6, Night: &desk.BackfillNight{Window: "22:00-06:00", Zone: "Europe/Berlin", DayRate: 2}}},
		Estimate: desk.BackfillEstimate{Files: 41_200, Take: 41_200, Bytes: 96e9, Calls: 41_223, LeastHours: 3.8, MostHours: 29.5, Days: 2.1, DailyCalls: 100_000,
			Objects: []desk.BackfillObject{}, Money: desk.Money{Sums: []desk.Sum{{Detector: "vendor", Amount: 82.4, Currency: "EUR"}}}},
		Waiting: &desk.BackfillWaiting{Why: "budget", Since: morning.Add(-time.Hour), Until: morning.Add(15 * time.Hour)},
		Taken:   12_300, Observed: 12_000, WouldHold: 37, Known: 258, Bytes: 31_500_000_000, Calls: 12_110, CallsUnsure: 101, CallsLeast: 12_025, Per1000: &per, LeastPer: &least,
		NotExamined: []desk.BackfillCount{{Code: "not-readable", Count: 30}, {Code: "gone", Count: 11}, {Code: "elsewhere", Count: 1}},
		Speed:       &desk.BackfillSpeed{FilesPerSecond: 3.4, LeastLeft: 7000, MostLeft: 12_500, DaysLeft: 1.4},
		Spent:       desk.Money{Sums: []desk.Sum{{Detector: "vendor", Amount: 24, Currency: "EUR"}}}, Worked: 3600, Wall: 10_800,
		Waits:     []desk.BackfillWait{{Why: "budget", Times: 1, Seconds: 3600}, {Why: "paused", Times: 2, Seconds: 3600}},
		ByObject:  []desk.BackfillPart{{Name: "ContentVersion", Files: 12_000, WouldHold: 37, NotExamined: 41, Bytes: 31_500_000_000}},
		ByChannel: []desk.BackfillPart{{Name: "email", Files: 4000, WouldHold: 30, Bytes: 9e9}, {Name: "ui", Files: 8000, WouldHold: 7, NotExamined: 41, Bytes: 22.5e9}},
		Outcomes:  []desk.BackfillCount{{Code: "no-sign", Count: 11_900}, {Code: "synthetic", Count: 37}, {Code: "not-tested", Count: 63}},
		Reasons:   []desk.BackfillCount{{Code: "generator-mark", Count: 37}}}
}

// Estimate, start, pause, resume, stop, as an operator does it with forms alone.
func TestOperatorBackfills(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "ada", operatorPassword)
	wants(t, v.get("/backfill"), "There was no backfill yet", "Estimate", "Slow-night mode")
	page := v.get("/backfill?estimate=yes&object=Attachment&sample=2000&share=30&workers=4&night_from=22:00&night_to=06:00&zone=Europe/Berlin&types=jpg,+png")
	wants(t, page, "What it would meet and cost", "<b>2\u202f000</b>, a sample of", "0, because no connected check costs anything", "Start this backfill", `name="zone" value="Europe/Berlin"`)
	if all, _ := c.desk.Backfills(t.Context(), "acme"); len(all) != 0 {
		t.Error("an estimate has started something")
	}
	page = v.post("/backfill", url.Values{"token": {v.token()}, "object": {"Attachment"}, "sample": {"2000"}, "share": {"30"}, "night_from": {"22:00"}, "night_to": {"06:00"},
		"zone": {"Europe/Berlin"}, "types": {"jpg, .png"}, "name": {"first"}})
	wants(t, page, `<h1 class="head break">first</h1>`, "Pause", "unknown until some files are read")
	all, _ := c.desk.Backfills(t.Context(), "acme")
	plan := all[0].Plan
	if plan.Share != 0.3 || plan.Sample != 2000 || fmt.Sprint(plan.Objects, plan.Types) != "[Attachment] [jpg png]" || plan.Night == nil || plan.Night.Window != "22:00-06:00" {
		t.Errorf("started was %+v", plan)
	}
	wants(t, v.get("/backfill"), `href="/backfill/first"`, "running")
	wants(t, v.post("/backfill/first/pause", url.Values{"token": {v.token()}}), "Let it go on", "paused")
	v.post("/backfill/first/pace", url.Values{"token": {v.token()}, "share": {"10"}, "workers": {"2"}, "rate": {"0.5"}})
	if all, _ = c.desk.Backfills(t.Context(), "acme"); all[0].Plan.Rate != 0.5 || all[0].Plan.Night != nil {
		t.Errorf("the pace is %+v", all[0].Plan.BackfillPace)
	}
	wants(t, v.post("/backfill/first/resume", url.Values{"token": {v.token()}}), "Pause")
	page = v.post("/backfill/first/stop", url.Values{"token": {v.token()}})
	wants(t, page, "stopped", "How it went")
	lacks(t, page, "Steer it")
	v.post("/backfill/first/resume", url.Values{"token": {v.token()}})
	if v.last.StatusCode != http.StatusConflict {
		t.Errorf("resuming what was stopped: %d", v.last.StatusCode)
	}
	v.get("/backfill/nothing")
	if v.last.StatusCode != http.StatusNotFound {
		t.Errorf("one that there never was: %d", v.last.StatusCode)
	}
}

func TestBackfillPlanMistakes(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "ada", operatorPassword)
	wants(t, v.get("/backfill?estimate=yes&from=yesterday&sample=many"), "is not a date", "is not a number", `value="yesterday"`)
	c.desk.Err = fmt.Errorf("the org: %w", cordon.ErrBusy)
	if page := v.get("/backfill?estimate=yes"); !strings.Contains(page, "too much to do") && !strings.Contains(page, "The org did not answer") {
		t.Errorf("an org that is away:\n%s", page)
	}
}

// Whoever may read sees everything about a backfill and no button.
func TestBackfillIsShownWhole(t *testing.T) {
	c := newConsole(t)
	c.desk.PutBackfill(halfway())
	v := c.signedIn(t, "otto", auditorPassword)
	page := v.get("/backfill/2026-11-20")
	wants(t, page, "waits for API calls", "12\u202f300", "of 41\u202f200 files, 29 %", "37</b> would have been held", "up to 101 more", "1009.2; the least possible is 1002.1",
		"24.00 EUR for vendor", "1 h 56 min to 3 h 28 min", "1.4 days at least", "paused by a person", "email", "likely synthetic", "gone when they were to be read", "in 15 h", "31.5 GB")
	lacks(t, page, "<form method=\"post\" action=\"/backfill", "Steer it")
	lacks(t, v.get("/backfill?estimate=yes"), "What it would meet", "Start this backfill")
	v.post("/backfill", url.Values{"token": {v.token()}})
	if v.last.StatusCode != http.StatusForbidden {
		t.Errorf("an auditor starts one: %d", v.last.StatusCode)
	}
}
