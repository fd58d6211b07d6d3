package beside_test

import (
	archive "archive/zip"
	"bytes"
	"crypto/sha256"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/decide"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
	"github.com/cordonhq/cordon/samples"
)

// bundle is a ZIP file of samples.
func bundle(t *testing.T, name string, of ...samples.Sample) samples.Sample {
	t.Helper()
	var b bytes.Buffer
	z := archive.NewWriter(&b)
	for _, s := range of {
		f, err := z.Create("of jane doe/" + s.Name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(s.Bytes)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return samples.Sample{Name: name, Bytes: b.Bytes()}
}

// shadowed is an org of which every file was looked at and nothing held.
func shadowed(t *testing.T, files int, edit ...func(*app.Config)) (*world, sim.Truth) {
	t.Helper()
	set := e2e.Media
	media := set.All()
	w := newWorld(t, edit...)
	truth, err := sim.Generate(w.Org, sim.Population{Seed: 77, Files: files, Content: func(n int) (string, []byte) {
		if n%3 > 0 {
			return "", nil
		}
		s := media[n/3%len(media)]
		return s.Name[strings.LastIndexByte(s.Name, '.')+1:], s.Bytes
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := w.startBackfill(desk.BackfillPlan{})
	w.Until("the backfill is done", func() bool { return w.backfill(b.Name).State == "done" })
	return w, truth
}

// allItems lists every item through the API, page by page.
func (w *world) allItems() (all []desk.ShadowSample, verdicts map[cordon.ID]cordon.Verdict) {
	w.T.Helper()
	verdicts = map[cordon.ID]cordon.Verdict{}
	for after := ""; ; {
		var page struct {
			Items []struct {
				ID      cordon.ID
				Route   string
				Channel cordon.Channel
				Verdict *cordon.Verdict
			}
			Next string
		}
		w.API("GET", "/v1/items?limit=200&after="+after, nil, &page)
		for _, it := range page.Items {
			all = append(all, desk.ShadowSample{ID: it.ID, Route: it.Route, Channel: it.Channel})
			if it.Verdict != nil {
				verdicts[it.ID] = *it.Verdict
			}
		}
		if after = page.Next; after == "" {
			return all, verdicts
		}
	}
}

// The report on an org whose truth is known comes to the same as the truth, and looking has
// changed nothing in the org.
func TestShadowReportEqualsTheTruth(t *testing.T) {
	w, truth := shadowed(t, 240)
	var r desk.Shadow
	if status := w.API("GET", "/v1/reports/shadow?minutes_per_item=6", nil, &r); status != 200 {
		t.Fatal(status)
	}

	items, size, channels := 0, int64(0), map[cordon.Channel]int{}
	for _, m := range truth.Live() {
		items++
		size += m.Size
		switch m.Channel {
		case sim.MadeByEmail:
			channels[cordon.ChannelEmail]++
		case sim.MadeByPortal:
			channels[cordon.ChannelPortal]++
		case sim.MadeByAPI:
			channels[cordon.ChannelAPI]++
		default:
			channels[cordon.ChannelUI]++
		}
	}
	if r.Total.Items != items || r.Total.Bytes != size || r.Total.Held != 0 || r.Total.NotJudged != 0 {
		t.Errorf("total %+v, want %d items and %d bytes", r.Total, items, size)
	}
	for _, p := range r.Parts {
		if p.Mode != cordon.ModeBackfill || channels[p.Channel] != p.Count.Items || p.Timed != p.Count.Items {
			t.Errorf("part %+v, want %d", p, channels[p.Channel])
		}
		delete(channels, p.Channel)
	}
	if len(channels) > 0 {
		t.Errorf("not in the report: %v", channels)
	}

	all, verdicts := w.allItems()
	hold, reasons, outcomes := 0, map[cordon.Reason]int{}, map[cordon.Outcome]int{}
	for _, it := range all {
		v := verdicts[it.ID]
		outcomes[v.Outcome]++
		if !v.Action.Holds() {
			continue
		}
		hold++
		for _, reason := range v.Reasons {
			reasons[reason]++
		}
	}
	if hold == 0 || hold == items || r.Total.WouldHold != hold || r.Review.History != hold || r.Review.HistoryHours != float64(hold)*6/60 || r.Review.Days != 0 {
		t.Errorf("%d would be held, report: %+v %+v", hold, r.Total, r.Review)
	}
	for _, x := range r.Reasons {
		if x.Reason == cordon.ReasonShadow || reasons[x.Reason] != x.Items || len(x.Samples) != min(x.Items, 5) || x.Text == "" {
			t.Errorf("reason %+v, want %d", x, reasons[x.Reason])
		}
		for _, s := range x.Samples {
			if !slices.Contains(verdicts[s.ID].Reasons, x.Reason) {
				t.Errorf("%s is a sample for %s", s.ID, x.Reason)
			}
		}
	}
	if len(r.Reasons) != len(reasons)-1 {
		t.Errorf("%d reasons, want %v", len(r.Reasons), reasons)
	}
	for _, o := range r.Outcomes {
		if outcomes[o.Outcome] != o.Items {
			t.Errorf("outcome %+v, want %d", o, outcomes[o.Outcome])
		}
	}
	sum := 0
	for _, z := range r.Sizes {
		sum += z.Items
		if z.Timed != z.Items || z.Items > 0 && (z.P50 <= 0 || z.P95 < z.P50 || z.Most < z.P95) || z.Inline != 0 {
			t.Errorf("size class %+v", z)
		}
	}
	if sum != items {
		t.Errorf("%d items by size", sum)
	}
	if len(r.Policies) != 1 || r.Policies[0] != (desk.ShadowPolicy{Policy: decide.Default().Version(), Items: items}) {
		t.Errorf("policies %+v", r.Policies)
	}
	if r.Coverage.Known || r.Coverage.Share != nil || r.Recall.Known || r.Decision.First != nil {
		t.Errorf("what nobody knows is stated: %+v %+v %+v", r.Coverage, r.Recall, r.Decision)
	}
	spent := slices.IndexFunc(r.API.Spent, func(s desk.ShadowSpent) bool { return strings.HasPrefix(s.What, "backfill ") })
	poll := slices.IndexFunc(r.API.Spent, func(s desk.ShadowSpent) bool { return s.What == "polling" })
	if spent < 0 || r.API.Spent[spent].Calls == nil || *r.API.Spent[spent].Calls < int64(items) || poll < 0 || r.API.Spent[poll].Calls != nil {
		t.Errorf("API calls %+v", r.API)
	}

	for _, l := range w.Org.Log() {
		if l.Method != http.MethodGet && l.Path != "/services/oauth2/token" {
			t.Errorf("the org saw %s %s", l.Method, l.Path)
		}
	}

	// Two reports on the same items show the same samples; another seed, others.
	var again, other desk.Shadow
	w.API("GET", "/v1/reports/shadow", nil, &again)
	w.API("GET", "/v1/reports/shadow?seed=2", nil, &other)
	same := func(a, b desk.Shadow) bool {
		return slices.EqualFunc(a.Reasons, b.Reasons, func(a, b desk.ShadowReason) bool { return slices.Equal(a.Samples, b.Samples) })
	}
	if !same(r, again) || same(r, other) {
		t.Error("the seed does not decide on the samples")
	}

	// Nothing that points to a person is in the report, in no form.
	var raw, html []byte
	w.API("GET", "/v1/reports/shadow", nil, &raw)
	w.API("GET", "/v1/reports/shadow?format=html", nil, &html)
	for _, m := range truth.Files {
		if name := strings.TrimSpace(m.Name); len(name) > 5 && (strings.Contains(string(raw), name) || strings.Contains(string(html), name)) {
			t.Errorf("the report names the file %q", name)
		}
		if strings.Contains(string(raw), m.ID) || strings.Contains(string(html), m.ID) {
			t.Errorf("the report names the record %s", m.ID)
		}
	}
	if !strings.Contains(string(html), `<a href="/items/`+string(r.Reasons[0].Samples[0].ID)) {
		t.Error("the page does not lead to its samples")
	}
}

// Deciding again under the policy that decided gives exactly the verdicts on record, and under
// another exactly what that policy would have said.
func TestReplay(t *testing.T) {
	w, truth := shadowed(t, 200, func(c *app.Config) {
		c.Tenants[0].Routes = []cordon.Route{{Name: "quiet", Channel: cordon.ChannelPortal, Mode: cordon.ModeShadow, Match: []cordon.Match{{}}}}
	})
	set := e2e.Media
	passed := 0
	media := append(set.All(), bundle(t, "marked.zip", set.All()...))
	for _, s := range media { // in front of the CRM, on a route that only records
		if a, err := w.UploadMultipart(s.Name, s.Name, s.Bytes); err != nil || a.Status != 201 {
			t.Fatalf("%s: %+v, %v", s.Name, a, err)
		}
		passed++
	}
	all, verdicts := w.allItems()
	if len(all) != len(truth.Live())+passed {
		t.Fatalf("%d items", len(all))
	}

	r := w.Replayed(string(decide.DefaultYAML()))
	p := *r.Replay
	if p.Policy != decide.Default().Version() || p.Current != p.Policy || p.Decided != len(all) || p.SameVersion != len(all) ||
		p.Unchanged != len(all) || p.Changed != 0 || p.Differs != 0 || p.ToHold != 0 || p.ToPass != 0 || len(p.Reasons) != 0 || len(p.Wanting) != 0 {
		t.Errorf("the same policy: %+v", p)
	}
	if p.HoldFirst == 0 || p.HoldFirst != p.HoldAgain || p.HoldFirst != r.Total.WouldHold {
		t.Errorf("held %d and %d, in the report %d", p.HoldFirst, p.HoldAgain, r.Total.WouldHold)
	}

	// What declares itself passes, what no check looks into is held.
	text := "name: other\nevidence:\n  generator-declared: {action: pass}\n  generator-mark: {action: pass}\n  synthetic-tag: {action: pass}\nnot_covered: {other: hold, document: hold}\n"
	policy, err := decide.Parse("other", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	toPass, toHold, before, after := 0, 0, 0, 0
	for _, it := range all {
		var one struct {
			Findings []cordon.Finding
			Modality cordon.Modality
			Class    cordon.DataClass
			Mode     cordon.Mode
		}
		w.API("GET", "/v1/items/"+string(it.ID), nil, &one)
		now := policy.Decide(cordon.Item{Route: it.Route, Channel: it.Channel, Mode: one.Mode, Class: one.Class, Modality: one.Modality, Fail: cordon.FailHold}, one.Findings)
		was, is := verdicts[it.ID].Action.Holds(), now.Action.Holds()
		switch {
		case was && !is:
			toPass++
		case is && !was:
			toHold++
		}
		if was {
			before++
		}
		if is {
			after++
		}
	}
	p = *w.Replayed(text).Replay
	if p.Policy != policy.Version() || p.Decided != len(all) || p.SameVersion != 0 || p.ToPass != toPass || p.ToHold != toHold || p.HoldFirst != before || p.HoldAgain != after || toPass == 0 || toHold == 0 {
		t.Errorf("another policy: %+v, want %d to pass, %d to hold, %d and %d held", p, toPass, toHold, before, after)
	}
	parts := 0
	for _, x := range p.Parts {
		parts += x.ToPass + x.ToHold
	}
	if parts != toPass+toHold {
		t.Errorf("by channel: %+v", p.Parts)
	}
}

// What nobody could read has to be fetched again, and is counted as such.
func TestReplayOfWhatNobodyRead(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.Tenants[0].Poll = 20 * time.Millisecond })
	w.Org.Fail(sim.Fault{Verb: sim.Answer, Path: "/services/data/*/sobjects/ContentVersion/*/VersionData", Status: http.StatusNotFound, Times: -1})
	if _, _, err := w.Org.Upload("past.png", []byte("a text that came past the gateway")); err != nil {
		t.Fatal(err)
	}
	w.Until("it is on record", func() bool { return len(w.Items("kept")) == 1 })
	r := w.Replayed("name: other\n")
	if p := r.Replay; p.Decided != 0 || len(p.Wanting) != 1 || p.Wanting[0].Why != string(decide.WantBytes) || p.Wanting[0].Items != 1 || p.Wanting[0].Text == "" {
		t.Errorf("%+v", p)
	}
	w.Until("a poll that has ended is counted", func() bool {
		return slices.ContainsFunc(w.Replayed("name: other\n").API.Spent, func(s desk.ShadowSpent) bool {
			return s.What == "polling" && s.Calls != nil && *s.Calls > 0
		})
	})
	if len(r.Unexamined) != 1 || r.Unexamined[0].Reason != cordon.ReasonGone || r.Total.Unread != 1 || r.Sizes[0].Timed != 0 {
		t.Errorf("%+v of %+v", r.Unexamined, r.Total)
	}
}

// A route that only records lets everything through as it came, in the caller's own name, and
// its verdicts name the policy that would have held.
func TestShadowTouchesNothing(t *testing.T) {
	w := newWorld(t, func(c *app.Config) {
		c.Tenants[0].Routes = []cordon.Route{{Name: "quiet", Channel: cordon.ChannelPortal, Mode: cordon.ModeShadow, Match: []cordon.Match{{}}}}
	})
	set := e2e.Media
	sent, held := 0, 0
	for _, s := range append(set.All(), bundle(t, "all.zip", set.All()...)) {
		a, err := w.UploadMultipart(s.Name, s.Name, s.Bytes)
		if err != nil || a.Status != 201 {
			t.Fatalf("%s: %+v, %v", s.Name, a, err)
		}
		sent++
		it := w.Item(a.Receipt)
		if it.State != cordon.Delivered || it.Verdict == nil || it.Verdict.Policy != decide.Default().Version() || !slices.Contains(it.Verdict.Reasons, cordon.ReasonShadow) {
			t.Errorf("%s: %+v %+v", s.Name, it, it.Verdict)
		}
		if it.Verdict.Action.Holds() {
			held++
		}
		if files := w.Org.Files(); files[len(files)-1].SHA256 != sha256.Sum256(s.Bytes) {
			t.Errorf("%s did not arrive as it was sent", s.Name)
		}
	}
	writes := 0
	for _, l := range w.Org.Log() {
		if l.Method == http.MethodGet || strings.HasPrefix(l.Path, "/services/oauth2/") {
			continue
		}
		if writes++; l.User != "demo@example.com" {
			t.Errorf("%s %s by %s", l.Method, l.Path, l.User)
		}
	}
	if writes != sent {
		t.Errorf("%d writes for %d files", writes, sent)
	}
	var r desk.Shadow
	w.API("GET", "/v1/reports/shadow", nil, &r)
	if held == 0 || r.Total.WouldHold != held || r.Total.Held != 0 || r.Review.Items != held || r.Review.Days != 1 || len(r.Parts) != 1 || r.Parts[0].Days != 1 {
		t.Errorf("%d would be held: %+v, %+v, %+v", held, r.Total, r.Review, r.Parts)
	}
	timed, inline := 0, 0
	for _, z := range r.Sizes {
		timed, inline = timed+z.Timed, inline+z.Inline
		if z.Inline > 0 && (z.InlineP50 <= 0 || z.InlineP95 < z.InlineP50) {
			t.Errorf("times of %+v", z)
		}
	}
	if timed != sent || inline != sent {
		t.Errorf("%d and %d of %d files timed", timed, inline, sent)
	}
}

// What came in front of the CRM and was looked at again once it was there is decided again on
// what was found last, and comes out the same.
func TestReplayOfWhatWasLookedAtTwice(t *testing.T) {
	w := newWorld(t)
	set := e2e.Media
	delivered, held, parts := 0, 0, 0
	media := append(set.All(), bundle(t, "plain.zip", set.All()[0]))
	for _, s := range media {
		a, err := w.UploadMultipart(s.Name, s.Name, s.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != 201 {
			held++
			continue
		}
		delivered++
		if alert, status := w.report(map[string]any{"id": a.ID(), "again": true}); status >= 300 || alert.Count != 1 {
			t.Fatalf("%d %+v", status, alert)
		}
		var it struct{ Findings []cordon.Finding }
		w.API("GET", "/v1/items/"+a.Receipt, nil, &it)
		for _, f := range it.Findings {
			if f.Part != "" { // its name dies with the item's key, which may have happened by now
				parts++
			}
		}
		looks := 0 // a late look may have come in between
		for _, f := range it.Findings {
			if f.Detector == "c2pa" && f.Part == "" {
				looks++
			}
		}
		if looks != 2 {
			t.Errorf("%s was looked at %d times, want twice", s.Name, looks)
		}
	}
	r := w.Replayed(string(decide.DefaultYAML()))
	if parts == 0 {
		t.Error("nothing was found inside of a file")
	}
	stored, err := filepath.Glob(filepath.Join(w.Dir, "data", "cordon.db*"))
	if err != nil || len(stored) == 0 {
		t.Fatal(stored, err)
	}
	for _, path := range stored {
		if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("jane doe")) {
			t.Errorf("%s has the name of a file inside of another in clear (%v)", filepath.Base(path), err)
		}
	}
	if p := r.Replay; delivered == 0 || held == 0 || p.Decided != delivered+held || p.SameVersion != p.Decided || p.Differs != 0 || p.Changed != 0 || p.HoldFirst != held || r.Total.Held != held {
		t.Errorf("%d delivered, %d held: %+v", delivered, held, p)
	}
}
