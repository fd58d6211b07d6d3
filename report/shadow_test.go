package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

// sample is a report with every field filled and its decision made.
func sample() desk.Shadow {
	r := desktest.SampleShadow()
	r.From, r.To, r.Made = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 15, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 15, 8, 30, 0, 0, time.UTC)
	Advise(&r)
	return r
}

// examined says that nearly all of what the org gained was examined.
func examined(r *desk.Shadow) {
	share, at := 0.98, r.Made
	r.Coverage = desk.ShadowCoverage{Known: true, Share: &share, Gained: 1000, Examined: 980, Tried: 10, AsOf: &at}
}

func page(t *testing.T, r desk.Shadow, base, back string) string {
	t.Helper()
	var b bytes.Buffer
	if err := ShadowHTML(&b, r, base, back); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func text(t *testing.T, r desk.Shadow) string {
	t.Helper()
	var b bytes.Buffer
	if err := ShadowText(&b, r, "https://cordon.example"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// With CORDON_SHOTS set to a folder, the sample report is written into it.
func TestShadowSample(t *testing.T) {
	r := sample()
	html, plain := page(t, r, "https://cordon.example", ""), text(t, r)
	if dir := os.Getenv("CORDON_SHOTS"); dir != "" {
		for name, content := range map[string]string{"shadow.html": html, "shadow.txt": plain} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, what := range []string{"4 180", "portal-uploads", "itm_01kqsample", "other@ba9876543210", "unknown until detectors are connected and audited", "Share examined"} {
		if !strings.Contains(html, what) {
			t.Errorf("the page does not say %q", what)
		}
		if !strings.Contains(strings.Join(strings.Fields(plain), " "), what) {
			t.Errorf("the text does not say %q", what)
		}
	}
	for line := range strings.Lines(plain) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if i, j := strings.Index(html, "Share examined"), strings.Index(html, "Files on record"); i < 0 || j < i {
		t.Error("the share examined is not the first number")
	}
}

// The page needs nothing but itself: no script, nothing loaded from anywhere.
func TestPageStandsAlone(t *testing.T) {
	html := page(t, sample(), "https://cordon.example", "/")
	for _, re := range []string{`(?i)<script`, `(?i)<link`, `(?i)<img`, `(?i)<iframe`, `(?i)<object`, `(?i)\bsrc\s*=`, `(?i)@import`, `(?i)\bon[a-z]+\s*=\s*"`, `(?i)url\(\s*['"]?[a-z]+:`, `(?i)javascript:`, `ZgotmplZ`} {
		if found := regexp.MustCompile(re).FindString(html); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	for _, a := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !strings.HasPrefix(a[1], "https://cordon.example/items/itm_") && a[1] != "/" {
			t.Errorf("the page leads to %q", a[1])
		}
	}
}

// Names that strangers chose stay text.
func TestHostileNames(t *testing.T) {
	const hostile = `"><script>alert(1)</script>{{.}}` + "\x1b[31m\u202e"
	r := sample()
	for i := range r.Parts {
		r.Parts[i].Route, r.Parts[i].Channel = hostile, cordon.Channel(hostile)
	}
	r.Tenant = hostile
	r.Kinds[0].MediaType, r.Policies[0].Policy, r.Checks[0].Detector = hostile, hostile, hostile
	r.Reasons[0].Text, r.Unexamined[0].Text, r.Reasons[0].Samples[0].ID, r.Reasons[0].Samples[0].Route = hostile, hostile, hostile, hostile
	r.Replay.Policy, r.Replay.Parts[0].Route, r.Replay.Wanting[0].Text, r.API.Spent[0].What = hostile, hostile, hostile, hostile
	Advise(&r)
	html := page(t, r, "https://cordon.example", "")
	if strings.Contains(html, "<script") || strings.Contains(html, "onerror") || strings.Contains(html, "<script>alert") {
		t.Error("a name became markup")
	}
	if plain := text(t, r); strings.Contains(plain, "\x1b") {
		t.Error("a name reaches the terminal's controls")
	}
}

// Words that accuse somebody are not in a report.
func TestPlainWords(t *testing.T) {
	for _, said := range []string{page(t, sample(), "", ""), text(t, sample())} {
		said = regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAllString(said, "")
		for _, word := range []string{"fake", "fraud", "deepfake", "suspicious", "manipulated", "rejected", "violation"} {
			if strings.Contains(strings.ToLower(said), word) {
				t.Errorf("the report says %q", word)
			}
		}
	}
}

// docs/shadow-report.md states the rules as they are.
func TestRulesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/shadow-report.md")
	if err != nil {
		t.Fatal(err)
	}
	r := desk.Shadow{Review: desk.ShadowReview{Minutes: desk.DefaultMinutes, Hours: desk.DefaultHours}}
	Advise(&r)
	for _, rule := range r.Decision.Rules {
		if line := "- `" + rule.Rule + "`: " + rule.Text + "\n"; !strings.Contains(string(doc), line) {
			t.Errorf("docs/shadow-report.md does not say %s", line)
		}
	}
}

func TestAdvice(t *testing.T) {
	type want struct {
		answer desk.Answer
		lacks  string
	}
	for name, c := range map[string]struct {
		edit func(*desk.Shadow)
		want map[string]want // by route
		says string
	}{
		"coverage unknown": {func(*desk.Shadow) {}, map[string]want{"portal-uploads": {desk.AnswerNotYet, "coverage"}, "beside": {desk.AnswerBeside, ""}, "partner-api": {desk.AnswerNotYet, "days items coverage"}},
			"Nowhere yet. Closest is portal-uploads (portal), which lacks 1 condition."},
		"all is well": {examined, map[string]want{"portal-uploads": {desk.AnswerGo, ""}, "partner-api": {desk.AnswerNotYet, "days items"}}, "Begin with portal-uploads (portal)"},
		"its own channel lags": {func(r *desk.Shadow) {
			examined(r)
			r.Coverage.Channels = []desk.ShadowCoverageChannel{{Channel: cordon.ChannelPortal, Gained: 100, Examined: 90}}
		}, map[string]want{"portal-uploads": {desk.AnswerNotYet, "coverage"}}, "Nowhere yet"},
		"two can go": {func(r *desk.Shadow) {
			examined(r)
			r.Parts[2].Days, r.Parts[2].Count.Items = 12, 400
		}, map[string]want{"portal-uploads": {desk.AnswerGo, ""}, "partner-api": {desk.AnswerGo, ""}}, "All 2 that meet every rule would together ask for up to 1.1 h"},
		"too few people": {func(r *desk.Shadow) {
			examined(r)
			r.Review.Hours = 0.5
		}, map[string]want{"portal-uploads": {desk.AnswerNotYet, "people"}}, ""},
		"too slow": {func(r *desk.Shadow) {
			examined(r)
			r.Parts[0].P95 = 1001
		}, map[string]want{"portal-uploads": {desk.AnswerNotYet, "speed"}}, ""},
		"never timed": {func(r *desk.Shadow) {
			examined(r)
			r.Parts[0].Timed, r.Parts[0].P95 = 0, 0
		}, map[string]want{"portal-uploads": {desk.AnswerNotYet, "speed"}}, ""},
		"a check that fails": {func(r *desk.Shadow) {
			examined(r)
			r.Parts[0].Failed = 59
		}, map[string]want{"portal-uploads": {desk.AnswerNotYet, "checks"}}, ""},
		"not read": {func(r *desk.Shadow) {
			examined(r)
			r.Parts[0].Count.Unread = 59
		}, map[string]want{"portal-uploads": {desk.AnswerNotYet, "read"}}, ""},
		"nothing that a check examines": {func(r *desk.Shadow) {
			examined(r)
			r.Parts[0].Count.NotTested = 1451
		}, map[string]want{"portal-uploads": {desk.AnswerNotYet, "tested"}}, ""},
		"in force": {func(r *desk.Shadow) {
			for i := range r.Parts {
				r.Parts[i].Mode = cordon.ModeInline
			}
		}, map[string]want{"portal-uploads": {desk.AnswerLive, ""}}, "There is no way in here"},
		"only the past": {func(r *desk.Shadow) {
			for i := range r.Parts {
				r.Parts[i].Mode = cordon.ModeBackfill
			}
		}, map[string]want{"beside": {desk.AnswerHistory, ""}}, "There is no way in here"},
		"nothing": {func(r *desk.Shadow) { r.Parts = nil }, nil, "Nothing came in this period"},
	} {
		r := sample()
		c.edit(&r)
		Advise(&r)
		if !strings.Contains(r.Decision.Text, c.says) {
			t.Errorf("%s: says %q", name, r.Decision.Text)
		}
		for _, a := range r.Decision.Answers {
			w, ok := c.want[a.Route]
			if !ok {
				continue
			}
			lacks := []string{}
			for _, m := range a.Checks {
				if m.Met == nil || !*m.Met {
					lacks = append(lacks, m.Rule)
				}
			}
			if got := strings.Join(lacks, " "); a.Answer != w.answer || (w.answer == desk.AnswerGo || w.answer == desk.AnswerNotYet) && got != w.lacks {
				t.Errorf("%s: %s is %s and lacks %q, want %+v", name, a.Route, a.Answer, got, w)
			}
			if len(a.Checks) != len(r.Decision.Rules) {
				t.Errorf("%s: %d rules checked", name, len(a.Checks))
			}
		}
		if (r.Decision.First != nil) != strings.HasPrefix(r.Decision.Text, "Begin with") {
			t.Errorf("%s: first is %v and %q", name, r.Decision.First, r.Decision.Text)
		}
		page(t, r, "", "")
		text(t, r)
	}
}

// A report on nothing at all is a report, and says what is unknown.
func TestEmptyReport(t *testing.T) {
	r := desk.Shadow{Schema: 1}
	Advise(&r)
	html, plain := page(t, r, "", ""), text(t, r)
	if !strings.Contains(html, "unknown") || !strings.Contains(plain, "unknown") || !strings.Contains(plain, "Nothing came in this period") {
		t.Errorf("%s", plain)
	}
	b, err := json.Marshal(r.Decision)
	if err != nil || strings.Contains(string(b), `"answers":null`) {
		t.Errorf("%s %v", b, err)
	}
}

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(999): "999", number(1000): "1 000", number(int64(1234567)): "1 234 567", number(-1234): "-1 234",
		percent(0): "0 %", percent(0.0001): "< 0.1 %", percent(0.98): "98 %", percent(0.9999): "> 99.9 %", percent(1): "100 %",
		millis(0.01): "< 0.1 ms", millis(12.34): "12 ms", millis(3.14): "3.1 ms", millis(1500): "1.5 s",
		size(12): "12 B", size(100 << 10): "100 KB", size(5 << 19): "2.5 MB", hours(0): "0 h", hours(0.01): "< 0.1 h", plural(1, "day"): "1 day", plural(2, "day"): "2 days",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
