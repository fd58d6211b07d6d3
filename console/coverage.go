package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/internal/plot"
)

// Coverage says what the org gained and how much of it was examined; AsOf is zero where
// nothing was ever counted.
type Coverage interface {
	Coverage(ctx context.Context, tenant cordon.TenantID, q desk.CoverageQuery) (desk.Coverage, error)
}

// missedShown is how many files that nobody looked at the page lists, and partsShown how many
// parts.
const (
	missedShown = 100
	partsShown  = 50
)

// covered is coverage as pages say it.
type covered struct {
	Known     bool
	Share     string // of all days, "–" where nothing was gained
	Sentence  string
	Yesterday string // "" unless yesterday was counted for good
	Alarm     *coveredAlarm
	AsOf      moment
}

// coveredAlarm is the banner: what is wrong, and where most of it comes from.
type coveredAlarm struct {
	Sentence string
	From     string // "" where nothing is known of it
}

type coveragePage struct {
	covered
	From, To   string // the days asked for, both included
	Plot       template.HTML
	Days       []coveredDay
	Why        template.HTML
	Parts      []coveredPart
	MoreParts  int
	Files      []coveredFile
	More       int
	Elsewhere  int
	MayLook    bool // there is a form to have a file looked at
	People     bool // whoever reads may see who made files
	NoOneToSee bool // everything was examined
}

type coveredDay struct {
	Day, Share                    string
	Gained, Examined, NotExamined int
	Final                         bool
}

type coveredPart struct {
	Channel, Creator, Client, Share string
	Gained, Examined, NotExamined   int
}

type coveredFile struct {
	ID, Object, Channel, Creator, Why string
	Created                           moment
	Size                              int64
}

// readCoverage asks for coverage; where nobody counts, nothing is known.
func (s *Server) readCoverage(r *request, q desk.CoverageQuery) (desk.Coverage, error) {
	if s.Coverage == nil {
		return desk.Coverage{From: q.From, To: q.To}, nil
	}
	c, err := s.Coverage.Coverage(r.Context(), r.account.Tenant, q)
	if err != nil {
		return c, fmt.Errorf("read the coverage: %w", err)
	}
	if !r.account.May(account.Personal) {
		c = c.WithoutPeople()
	}
	return c, nil
}

// lastWeek asks for the last seven days and today.
func (s *Server) lastWeek(limit int) desk.CoverageQuery {
	today := s.now().UTC().Truncate(24 * time.Hour)
	return desk.CoverageQuery{From: today.AddDate(0, 0, -7), To: today.AddDate(0, 0, 1), Limit: limit}
}

func (s *Server) coverageIn(c desk.Coverage) covered {
	out := covered{Known: !c.AsOf.IsZero(), AsOf: s.moment(c.AsOf)}
	if !out.Known {
		return out
	}
	out.Share = sharePercent(c.CoverageCount)
	days := "in the days counted"
	if len(c.Days) > 0 {
		days = "since " + c.Days[0].Day.Format("2 January")
	}
	switch n := c.NotExamined(); {
	case c.Gained == 0:
		out.Sentence = "The org gained no files " + days + "."
	case n == 0:
		out.Sentence = fmt.Sprintf("All %s files that the org gained %s were examined.", count(c.Gained), days)
	default:
		out.Sentence = fmt.Sprintf("of %s files that the org gained %s were examined. Nobody looked at %s.", count(c.Gained), days, count(n))
	}
	if c.Partly > 0 {
		out.Sentence += fmt.Sprintf(" Of the examined, %s not looked at as a whole.", map[bool]string{true: "1 was", false: count(c.Partly) + " were"}[c.Partly == 1])
	}
	yesterday := s.now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	for _, d := range c.Days {
		if d.Day.Equal(yesterday) && d.Final && d.Gained > 0 {
			out.Yesterday = sharePercent(d.CoverageCount)
		}
	}
	if a := c.Alarm; a != nil {
		out.Alarm = &coveredAlarm{Sentence: alarmSentence(*a), From: mostFrom(c.Parts)}
	}
	return out
}

func alarmSentence(a desk.CoverageAlarm) string {
	share, bound := inPercent(a.Share), inPercent(a.Bound)
	if a.Cause == desk.CoverageFell {
		return fmt.Sprintf("On %s only %s of the new files were examined; after the week before it should have been %s.", a.Day.Format("2 January"), share, bound)
	}
	return fmt.Sprintf("On %s only %s of the new files were examined; it should be %s.", a.Day.Format("2 January"), share, bound)
}

// mostFrom says where most of what nobody looked at came from.
func mostFrom(parts []desk.CoveragePart) string {
	if len(parts) == 0 || parts[0].NotExamined() == 0 {
		return ""
	}
	p := parts[0] // they come in this order
	text := fmt.Sprintf("Most came by %s", words(p.Channel))
	if p.Creator != "" {
		text += ", made by " + p.Creator
	}
	if p.Client != "" {
		text += ", through " + p.Client
	}
	return fmt.Sprintf("%s: %s of %s.", text, count(p.NotExamined()), count(p.Gained))
}

// sharePercent is the share in words, "–" where nothing was gained.
func sharePercent(c desk.CoverageCount) string {
	share, ok := c.Share()
	if !ok {
		return "–"
	}
	return inPercent(share)
}

// inPercent says a share with one decimal: what is not nothing is never "0 %", and what is not
// all is never "100 %".
func inPercent(share float64) string {
	switch {
	case share > 0 && share < 0.001:
		return "< 0.1 %"
	case share > 0.999 && share < 1:
		return "> 99.9 %"
	}
	return strconv.FormatFloat(math.Round(share*1000)/10, 'f', -1, 64) + " %"
}

func (s *Server) coveragePage(w http.ResponseWriter, r *request) error {
	q := s.lastWeek(missedShown)
	for _, d := range []struct {
		name  string
		into  *time.Time
		later int
	}{{"from", &q.From, 0}, {"to", &q.To, 1}} {
		if text := r.URL.Query().Get(d.name); text != "" {
			at, err := time.Parse(time.DateOnly, text)
			if err != nil {
				return fmt.Errorf("%w: %.40q is no day such as 2026-11-14", cordon.ErrInvalid, text)
			}
			*d.into = at.AddDate(0, 0, d.later)
		}
	}
	c, err := s.readCoverage(r, q)
	if err != nil {
		return err
	}
	p := coveragePage{covered: s.coverageIn(c), From: q.From.Format(time.DateOnly), To: q.To.AddDate(0, 0, -1).Format(time.DateOnly),
		More: c.More, Elsewhere: c.Elsewhere, People: r.account.May(account.Personal),
		MayLook: r.account.May(account.Report) && s.has("POST /alerts"), NoOneToSee: c.NotExamined() == 0}
	p.Days, p.Plot = coverageDays(c.Days)
	p.Why = coverageWhy(c.Why)
	for i, x := range c.Parts {
		if i == partsShown {
			p.MoreParts = len(c.Parts) - i
			break
		}
		p.Parts = append(p.Parts, coveredPart{Channel: words(x.Channel), Creator: x.Creator, Client: x.Client, Share: sharePercent(x.CoverageCount),
			Gained: x.Gained, Examined: x.Examined, NotExamined: x.NotExamined()})
	}
	for _, u := range c.Unexamined {
		p.Files = append(p.Files, coveredFile{ID: u.ID, Object: u.Object, Channel: words(u.Channel), Creator: u.Creator, Why: desk.Missed(u.Why),
			Created: s.moment(u.Created), Size: u.Size})
	}
	return s.render(w, r, http.StatusOK, "coverage", "Coverage", p)
}

// coverageDays are the days as a plot and as a table, newest first.
func coverageDays(days []desk.CoverageDay) (lines []coveredDay, columns template.HTML) {
	labels := make([]string, len(days))
	series := []plot.Series{{Name: "examined"}, {Name: "on record, not examined"}, {Name: "on no record"}}
	for i, d := range days {
		labels[i] = d.Day.Format("2 Jan")
		for j, n := range []int{d.Examined, d.Tried, d.Gained - d.Examined - d.Tried} {
			series[j].Values = append(series[j].Values, float64(n))
		}
		lines = append(lines, coveredDay{Day: d.Day.Format("Mon 2 Jan 2006"), Share: sharePercent(d.CoverageCount), Gained: d.Gained,
			Examined: d.Examined, NotExamined: d.NotExamined(), Final: d.Final})
	}
	slices.Reverse(lines)
	return lines, plot.Columns("Files gained a day", labels, series)
}

func coverageWhy(why []desk.CoverageWhy) template.HTML {
	rows := make([]plot.Row, len(why))
	for i, y := range why {
		rows[i] = plot.Row{Label: cmp.Or(desk.Missed(y.Reason), "unknown"), Value: float64(y.Files)}
	}
	return plot.Bars("Files that nobody looked at, and why", rows)
}

// has reports whether the console has a page.
func (s *Server) has(pattern string) bool {
	return slices.ContainsFunc(s.pages(), func(p page) bool { return p.pattern == pattern })
}

// coverageNow is the first number of the start page. If it cannot be read the page is shown
// without it.
func (s *Server) coverageNow(r *request) covered {
	c, err := s.readCoverage(r, s.lastWeek(0))
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			s.Log.Warn("the start page is shown without coverage", "tenant", r.account.Tenant, "err", err)
		}
		return covered{}
	}
	return s.coverageIn(c)
}
