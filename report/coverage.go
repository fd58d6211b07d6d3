package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// coverageCount is a count as the API writes it.
type coverageCount struct {
	Gained, Examined, Partly, Tried, Elsewhere int
}

func (c coverageCount) count() desk.CoverageCount { return desk.CoverageCount(c) }

// ReadCoverage reads what GET /v1/coverage answers. An error means that it is no such answer.
func ReadCoverage(b []byte) (c desk.Coverage, err error) {
	var in struct {
		Schema   int
		From, To string
		AsOf     time.Time `json:"as_of"` // null leaves it zero
		coverageCount
		Why []struct {
			Reason cordon.Reason
			Files  int
		}
		Days []struct {
			coverageCount
			Day       string
			Final     bool
			CountedAt time.Time `json:"counted_at"`
		}
		Parts []struct {
			coverageCount
			Channel         cordon.Channel
			Creator, Client string
		}
		Unexamined []desk.Unexamined
		More       int
		Alarm      *struct {
			Day          string
			Cause        desk.CoverageCause
			Share, Bound float64
			Raised       time.Time
		}
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return c, fmt.Errorf("%w: not a coverage report: %v", cordon.ErrInvalid, err)
	}
	if in.Schema != 1 {
		return c, fmt.Errorf("%w: a coverage report of schema %d; this program reads 1", cordon.ErrInvalid, in.Schema)
	}
	day := func(text string) (t time.Time) {
		if text == "" || err != nil {
			return t
		}
		t, err = time.Parse(time.DateOnly, text)
		return t
	}
	c = desk.Coverage{From: day(in.From), To: day(in.To), AsOf: in.AsOf, CoverageCount: in.count(), Unexamined: in.Unexamined, More: in.More}
	for _, y := range in.Why {
		c.Why = append(c.Why, desk.CoverageWhy(y))
	}
	for _, d := range in.Days {
		c.Days = append(c.Days, desk.CoverageDay{Day: day(d.Day), CoverageCount: d.count(), Final: d.Final, Counted: d.CountedAt})
	}
	for _, p := range in.Parts {
		c.Parts = append(c.Parts, desk.CoveragePart{Channel: p.Channel, Creator: p.Creator, Client: p.Client, CoverageCount: p.count()})
	}
	if a := in.Alarm; a != nil {
		c.Alarm = &desk.CoverageAlarm{Day: day(a.Day), Cause: a.Cause, Share: a.Share, Bound: a.Bound, Raised: a.Raised}
	}
	if err != nil {
		return c, fmt.Errorf("%w: not a coverage report: %v", cordon.ErrInvalid, err)
	}
	return c, nil
}

// CoverageText writes coverage for a terminal of 100 columns, the share first.
func CoverageText(w io.Writer, c desk.Coverage) error {
	p := &printer{w: w}
	if c.AsOf.IsZero() {
		p.line("Examined: unknown. What the org gained was never counted in these days.")
		p.prose(0, "Counting begins a minute after the gateway starts, if the org can be reached (see \"cordon doctor\") and the tenant's coverage is not off.")
		return p.err
	}
	p.line("%s", headline(c))
	p.line("counted %s by the org's own lists, days in UTC", c.AsOf.UTC().Format("2006-01-02 15:04 UTC"))
	if c.Partly > 0 {
		p.line("of the examined, %s not looked at as a whole", plural(c.Partly, "file"))
	}
	if c.Elsewhere > 0 {
		p.line("%s besides: the org holds no bytes of them", plural(c.Elsewhere, "link"))
	}
	if a := c.Alarm; a != nil {
		p.line("")
		p.prose(0, "ALARM: "+alarmed(*a))
	}
	if c.NotExamined() > 0 {
		p.head("Not examined, and why")
		rows := [][]string{}
		for _, y := range c.Why {
			rows = append(rows, []string{desk.Missed(y.Reason), number(y.Files)})
		}
		p.table([]string{"WHY", "FILES"}, rows)
	}
	p.head("By day")
	rows := [][]string{}
	for _, d := range c.Days {
		day := d.Day.Format(time.DateOnly)
		if !d.Final {
			day += ", so far"
		}
		rows = append(rows, counts(day, d.CoverageCount))
	}
	p.table([]string{"DAY", "EXAMINED", "OF", "SHARE", "NOT EXAMINED"}, rows)
	for _, by := range []struct {
		head string
		name func(desk.CoveragePart) string
	}{
		{"By channel", func(x desk.CoveragePart) string { return string(x.Channel) }},
		{"By creator", func(x desk.CoveragePart) string { return cmp.Or(x.Creator, "not told apart") }},
		{"By client", func(x desk.CoveragePart) string { return cmp.Or(x.Client, "unknown: not through Cordon") }},
	} {
		p.head(by.head)
		p.parts(by.head, c.Parts, by.name)
	}
	if len(c.Unexamined) > 0 {
		p.head("Files that nobody looked at, newest first")
		rows := [][]string{}
		for _, u := range c.Unexamined {
			rows = append(rows, []string{u.ID, u.Created.UTC().Format("02 Jan 15:04"), string(u.Channel), size(u.Size), desk.Missed(u.Why)})
		}
		p.table([]string{"FILE", "CREATED", "CHANNEL", "SIZE", "WHY"}, rows)
	}
	if c.More > 0 {
		p.line("")
		p.line("%s more; --all asks the org and lists them.", number(c.More))
	}
	return p.err
}

// mostNames is how many creators or clients are listed apart.
const mostNames = 20

// parts writes the parts added up by one of their names.
func (p *printer) parts(head string, parts []desk.CoveragePart, name func(desk.CoveragePart) string) {
	named := make([]desk.CoveragePart, len(parts))
	for i, x := range parts {
		named[i] = desk.CoveragePart{Creator: name(x), CoverageCount: x.CoverageCount}
	}
	rows := [][]string{}
	var others desk.CoverageCount
	for i, x := range desk.MergeParts(named) {
		if i < mostNames {
			rows = append(rows, counts(x.Creator, x.CoverageCount))
		} else {
			others.Add(x.CoverageCount)
		}
	}
	if others != (desk.CoverageCount{}) {
		rows = append(rows, counts("all others", others))
	}
	p.table([]string{strings.ToUpper(strings.TrimPrefix(head, "By ")), "EXAMINED", "OF", "SHARE", "NOT EXAMINED"}, rows)
}

func counts(name string, c desk.CoverageCount) []string {
	return []string{name, number(c.Examined), number(c.Gained), shareWord(c), number(c.NotExamined())}
}

// shareWord is the share in words. What is not all is never "100 %".
func shareWord(c desk.CoverageCount) string {
	share, ok := c.Share()
	if !ok {
		return "-"
	}
	return percent(share)
}

// headline is the first line: the share, of how many, gained when.
func headline(c desk.Coverage) string {
	days := span(c.From, c.To.AddDate(0, 0, -1))
	if len(c.Days) > 0 {
		days = span(c.Days[0].Day, c.Days[len(c.Days)-1].Day)
	}
	if c.Gained == 0 {
		return "The org gained no files " + days
	}
	return fmt.Sprintf("Examined %s of %s gained %s", shareWord(c.CoverageCount), plural(c.Gained, "file"), days)
}

// span says from which day to which.
func span(first, last time.Time) string {
	switch {
	case first.Equal(last):
		return "on " + last.Format("2 Jan 2006")
	case first.Year() == last.Year() && first.Month() == last.Month():
		return first.Format("2") + "-" + last.Format("2 Jan 2006")
	case first.Year() == last.Year():
		return first.Format("2 Jan") + " - " + last.Format("2 Jan 2006")
	}
	return first.Format("2 Jan 2006") + " - " + last.Format("2 Jan 2006")
}

func alarmed(a desk.CoverageAlarm) string {
	against := "the configuration asks for " + percent(a.Bound)
	if a.Cause == desk.CoverageFell {
		against = "by the week before it should have been " + percent(a.Bound)
	}
	return fmt.Sprintf("%s of the files gained on %s were examined; %s. Look below where the others came from: a new app or page that goes past Cordon, "+
		"polling that stopped, or a permission that was taken away. The next good day ends the alarm.", percent(a.Share), a.Day.Format("2 Jan 2006"), against)
}
