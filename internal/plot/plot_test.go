package plot

import (
	"encoding/xml"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
)

const hostile = `"><script>alert(1)</script><b onclick='x'>&`

// Labels, titles and links may come from strangers: none of them becomes markup.
func TestStrangersWordsStayWords(t *testing.T) {
	rows := []Row{{Label: hostile, Link: "javascript:alert(1)", Value: 3, Text: hostile}, {Label: "b", Link: `/x?a="onload=1`, Value: 2}}
	for name, html := range map[string]string{
		"bars":    string(Bars(hostile, rows)),
		"share":   string(Share(hostile, rows)),
		"columns": string(Columns(hostile, []string{hostile, "b", "c"}, []Series{{hostile, []float64{1, 2, 3}}, {"d", []float64{1}}})),
	} {
		for _, bad := range []string{"<script", "<b onclick", "javascript:", `"onload`} {
			if strings.Contains(html, bad) {
				t.Errorf("%s: %q is in the page:\n%s", name, bad, html)
			}
		}
		wellFormed(t, name, html)
	}
}

// Pages forbid styles and scripts of their own, so a plot has neither.
func TestNothingThatAPageForbids(t *testing.T) {
	for _, html := range []string{
		string(Bars("t", []Row{{Label: "a", Value: 1}})),
		string(Share("t", []Row{{Label: "a", Value: 1}})),
		string(Columns("t", []string{"a"}, []Series{{"s", []float64{1}}})),
	} {
		if m := regexp.MustCompile(`style=|<style|<script| on[a-z]+=|https?:`).FindString(html); m != "" {
			t.Errorf("%q in %s", m, html)
		}
	}
	if strings.Contains(CSS, "url(") || strings.Contains(CSS, "@import") {
		t.Error("the style loads something")
	}
}

func TestBarsAreAsLongAsTheirPart(t *testing.T) {
	html := string(Bars("By object", []Row{{Label: "a", Value: 4000}, {Label: "b", Value: 1000, Text: "1 kB"}, {Label: "c", Unknown: true, Value: 9e9}, {Label: "d", Value: math.NaN()}, {Label: "e", Value: -5}, {Label: "f", Value: math.Inf(1), Unknown: true}}))
	for _, want := range []string{`width="100%" height="100%"`, `width="25%"`, "4\u202f000", "1 kB", "unknown", "<caption>By object</caption>"} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is not in %s", want, html)
		}
	}
	if n := strings.Count(html, "<rect"); n != 2 {
		t.Errorf("%d rows have a bar, want two: the others are unknown, not a number or negative", n)
	}
	if strings.Contains(html, "9000") || strings.Contains(html, "9\u202f000") {
		t.Error("the value of an unknown row is shown")
	}
}

func TestOfAnUnknownPartThereIsNoWhole(t *testing.T) {
	html := string(Share("t", []Row{{Label: "seen", Value: 5}, {Label: "other", Unknown: true}}))
	if strings.Contains(html, "plot-share") || strings.Contains(html, "100") || !strings.Contains(html, "unknown") {
		t.Errorf("a part of something unknown is drawn: %s", html)
	}
	html = string(Share("t", []Row{{Label: "a", Value: 1}, {Label: "b", Value: 3}}))
	if !strings.Contains(html, `x="25%" width="75%"`) || !strings.Contains(html, "(25 %)") {
		t.Errorf("the parts are not where they should be: %s", html)
	}
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		part, whole float64
		want        string
	}{{1, 2, "50 %"}, {1, 1000, "< 1 %"}, {999, 1000, "> 99 %"}, {0, 7, "0 %"}, {7, 7, "100 %"}, {0, 0, "–"}} {
		if got := Percent(c.part, c.whole); got != c.want {
			t.Errorf("Percent(%v, %v) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}

func TestColumnsStackFromTheBottom(t *testing.T) {
	html := string(Columns("Files", []string{"2026-01", "2026-02"}, []Series{{"kept", []float64{30, 10}}, {"new", []float64{20}}}))
	for _, want := range []string{
		`y="40%" width="40%" height="60%"`,                 // 30 of 50
		`y="0%" width="40%" height="40%" fill="url(#plot-`, // 20 on top of them
		"2026-01 to 2026-02; most in 2026-01: 50.", "<td class=\"plot-value\">20</td>",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is not in %s", want, html)
		}
	}
}

func TestScale(t *testing.T) {
	for most, want := range map[float64]float64{0: 1, 1: 1, 3: 1, 7: 2, 10: 2, 50: 10, 99: 20, 100: 20, 1234: 500, 100000: 20000} {
		if got := stepFor(most); got != want {
			t.Errorf("stepFor(%v) = %v, want %v", most, got, want)
		}
	}
}

func TestNothingToShow(t *testing.T) {
	for _, html := range []string{string(Bars("t", nil)), string(Share("t", nil)), string(Columns("t", nil, nil)), string(Columns("t", nil, []Series{{"a", []float64{1}}}))} {
		if !strings.Contains(html, "Nothing to show") {
			t.Errorf("empty, and does not say so: %s", html)
		}
		wellFormed(t, "empty", html)
	}
	wellFormed(t, "zeros", string(Columns("t", []string{"a", "b"}, []Series{{"s", nil}})))
	wellFormed(t, "one", string(Share("t", []Row{{Label: "a"}})))
}

// wellFormed reads a plot as XML, which templates with a forgotten end do not survive.
func wellFormed(t *testing.T, name, html string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(html))
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Errorf("%s: %v in\n%s", name, err, html)
			return
		}
	}
}
