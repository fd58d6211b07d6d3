package report

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

var update = flag.Bool("update", false, "write testdata anew")

// The report on a terminal says the share first, and everything it says is in testdata.
func TestCoverageText(t *testing.T) {
	week := desktest.Week(time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC))
	week.More += len(week.Unexamined) - 6
	week.Unexamined = week.Unexamined[:6]
	week.Parts[1].Creator = "\x1b[31m\u202eevil" // a stranger's name
	var b strings.Builder
	if err := CoverageText(&b, week); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/coverage.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || b.String() != string(want) {
		t.Errorf("%v; go test ./report -run TestCoverageText -update writes it anew. It says now:\n%s", err, b.String())
	}
	if first, _, _ := strings.Cut(b.String(), "\n"); first != "Examined 94.8 % of "+number(1070)+" files gained 13-20 Nov 2026" {
		t.Errorf("the first line is %q", first)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width || strings.ContainsAny(line, "\x1b\u202e") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

func TestCoverageTextOfNothing(t *testing.T) {
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for want, c := range map[string]desk.Coverage{
		"Examined: unknown.":                       {From: at, To: at.AddDate(0, 0, 7)},
		"The org gained no files on 20 Nov 2026":   {From: at, To: at.AddDate(0, 0, 1), AsOf: at, Days: []desk.CoverageDay{{Day: at}}},
		"Examined > 99.9 % of " + number(5000):     {From: at, To: at.AddDate(0, 2, 0), AsOf: at, CoverageCount: desk.CoverageCount{Gained: 5000, Examined: 4999}},
		"gained 20 Nov 2026 - 18 Jan 2027":         {From: at, To: at.AddDate(0, 0, 60), AsOf: at, CoverageCount: desk.CoverageCount{Gained: 1, Examined: 1}},
		"Examined 100 % of 1 file gained 20 Nov -": {From: at, To: at.AddDate(0, 0, 30), AsOf: at, CoverageCount: desk.CoverageCount{Gained: 1, Examined: 1}},
	} {
		var b strings.Builder
		if err := CoverageText(&b, c); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("want %q in:\n%s", want, b.String())
		}
	}
}

func TestReadCoverageRefuses(t *testing.T) {
	for _, text := range []string{"", "[]", "{}", `{"schema":2}`, `{"schema":1,"from":"yesterday"}`, `{"schema":1,"days":[{"day":"x"}]}`} {
		if c, err := ReadCoverage([]byte(text)); err == nil {
			t.Errorf("%s is read as %+v", text, c)
		}
	}
	if _, err := ReadCoverage([]byte(`{"schema":1}`)); err != nil {
		t.Error(err)
	}
}
