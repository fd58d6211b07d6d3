package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// Coverage says what an org gained and how much of it was examined.
type Coverage interface {
	// Coverage answers with a zero AsOf where nothing was ever counted. Without days in the
	// query it takes the last seven and today.
	Coverage(ctx context.Context, tenant cordon.TenantID, q desk.CoverageQuery) (desk.Coverage, error)
}

// How many files that nobody looked at are listed.
const (
	defaultMissed = 100
	maxMissed     = 2000
)

// coverageEndpoint is the line of the table.
func (s *Server) coverageEndpoint() endpoint {
	return endpoint{method: "GET", path: "/v1/coverage", summary: "What the org gained, and how much of it was examined", handle: s.coverage,
		takes: []account.Permission{account.Read},
		about: "By the org's own lists, day by day in UTC by the files' CreatedDate: each file is on record as examined, or counted under `why`, and listed. " +
			"Who made files is named for accounts that may see personal data.",
		params: []param{
			{"query", "from", "The first day, as 2026-11-14. Default: seven days ago.", schema{"type": "string", "format": "date"}},
			{"query", "to", "The day after the last. Default: tomorrow.", schema{"type": "string", "format": "date"}},
			{"query", "limit", "How many files that nobody looked at are listed at most; `more` counts the others.", schema{"type": "integer", "minimum": 0, "maximum": maxMissed, "default": defaultMissed}},
			{"query", "fresh", "Ask the org now, for at most 31 days, and list every file that nobody looked at. It costs three calls of the org's API a day and one more for each 2 000 files, and changes nothing on record.", schema{"type": "boolean", "default": false}},
		},
		answers: []reply{{200, "Where `as_of` is null nothing was ever counted, and coverage is unknown.", jsonOf(coverageBody{}), nil}}}
}

type coverageBody struct {
	Schema      int                  `json:"schema" doc:"1."`
	From        string               `json:"from" doc:"The first day."`
	To          string               `json:"to" doc:"The day after the last."`
	AsOf        *time.Time           `json:"as_of" doc:"When the org was asked last; null: never."`
	Share       *float64             `json:"share" doc:"Examined of gained, from 0 to 1; null where nothing was gained or counted."`
	Gained      int                  `json:"gained"`
	Examined    int                  `json:"examined" doc:"With a verdict that rests on their content."`
	Partly      int                  `json:"partly" doc:"Of the examined, those of which something was not looked at: beyond a limit, encrypted, damaged, without a decoder."`
	Tried       int                  `json:"tried" doc:"On record without such a verdict: gone, withheld by the org, of a kind that no check covers."`
	NotExamined int                  `json:"not_examined" doc:"Gained less examined."`
	Elsewhere   int                  `json:"elsewhere" doc:"Links and files of other systems, of which the org holds no bytes. Not among the gained."`
	Why         []coverageWhyBody    `json:"why" doc:"Files that nobody looked at, by reason, most first."`
	Days        []coverageDayBody    `json:"days" doc:"Oldest first; days that were never counted are absent."`
	Parts       []coveragePartBody   `json:"parts" doc:"By channel, creator and client; those first of which most was not examined. What is older than 35 days has no parts."`
	Unexamined  []unexaminedBody     `json:"unexamined" doc:"Files that nobody looked at, newest first."`
	More        int                  `json:"more" doc:"How many files that nobody looked at are not listed."`
	Alarm       *coverageAlarmedBody `json:"alarm" doc:"Set while coverage is lower than it has to be."`
}

type coverageWhyBody struct {
	Reason *cordon.Reason `json:"reason" doc:"Null: on no record at all."`
	Files  int            `json:"files"`
}

type coverageDayBody struct {
	Day         string    `json:"day"`
	Share       *float64  `json:"share"`
	Gained      int       `json:"gained"`
	Examined    int       `json:"examined"`
	Partly      int       `json:"partly"`
	Tried       int       `json:"tried"`
	NotExamined int       `json:"not_examined"`
	Elsewhere   int       `json:"elsewhere"`
	Final       bool      `json:"final" doc:"Whether the day was over when it was counted."`
	CountedAt   time.Time `json:"counted_at"`
}

type coveragePartBody struct {
	Channel     cordon.Channel `json:"channel"`
	Creator     string         `json:"creator" doc:"Id of the org's user; empty for several who are not told apart, and for accounts that may not see it."`
	Client      string         `json:"client" doc:"The connected app, where the file came through Cordon; empty where nobody knows."`
	Share       *float64       `json:"share"`
	Gained      int            `json:"gained"`
	Examined    int            `json:"examined"`
	Partly      int            `json:"partly"`
	Tried       int            `json:"tried"`
	NotExamined int            `json:"not_examined"`
	Elsewhere   int            `json:"elsewhere"`
}

type unexaminedBody struct {
	Object  string         `json:"object"`
	ID      string         `json:"id" doc:"Of the org's record."`
	Channel cordon.Channel `json:"channel"`
	Creator string         `json:"creator"`
	Created time.Time      `json:"created"`
	Size    int64          `json:"size" doc:"Bytes, as the org states it."`
	Why     *cordon.Reason `json:"why" doc:"Null: on no record at all."`
}

type coverageAlarmedBody struct {
	Day    string             `json:"day"`
	Cause  desk.CoverageCause `json:"cause" doc:"below-floor: less than the configuration asks for. fell: less than the median of the days before."`
	Share  float64            `json:"share"`
	Bound  float64            `json:"bound" doc:"What the share had to reach."`
	Raised time.Time          `json:"raised"`
}

var errOrgNotAsked = &failure{http.StatusBadGateway, "org-not-asked",
	"The org could not be asked. What was counted before is there without fresh=true; ask the org again later, or see \"cordon doctor\"."}

func (s *Server) coverage(w http.ResponseWriter, r *request) error {
	q, err := coverageQuery(r.URL.Query())
	if err != nil {
		return err
	}
	c := desk.Coverage{From: q.From, To: q.To}
	if s.Coverage != nil {
		c, err = s.Coverage.Coverage(r.Context(), r.account.Tenant, q)
	}
	switch {
	case err == nil:
	case q.Fresh && !errors.Is(err, cordon.ErrInvalid) && !errors.Is(err, cordon.ErrBusy) && r.Context().Err() == nil:
		return fmt.Errorf("%w (%w)", errOrgNotAsked, err)
	default:
		return fmt.Errorf("read the coverage: %w", err)
	}
	if !r.account.May(account.Personal) {
		c = c.WithoutPeople()
	}
	return answer(w, http.StatusOK, coverageOf(c))
}

func coverageQuery(v url.Values) (q desk.CoverageQuery, err error) {
	q.Limit = defaultMissed
	for _, d := range []struct {
		name string
		into *time.Time
	}{{"from", &q.From}, {"to", &q.To}} {
		if text := v.Get(d.name); text != "" {
			if *d.into, err = time.Parse(time.DateOnly, text); err != nil {
				return q, fmt.Errorf("%w: %s is a day such as 2026-11-14", cordon.ErrInvalid, d.name)
			}
		}
	}
	if text := v.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 0 || q.Limit > maxMissed {
			return q, fmt.Errorf("%w: limit is a number from 0 to %d", cordon.ErrInvalid, maxMissed)
		}
	}
	if text := v.Get("fresh"); text != "" {
		if q.Fresh, err = strconv.ParseBool(text); err != nil {
			return q, fmt.Errorf("%w: fresh is true or false", cordon.ErrInvalid)
		}
	}
	return q, nil
}

func coverageOf(c desk.Coverage) coverageBody {
	out := coverageBody{Schema: 1, From: dayOf(c.From), To: dayOf(c.To), Share: shareOf(c.CoverageCount),
		Gained: c.Gained, Examined: c.Examined, Partly: c.Partly, Tried: c.Tried, NotExamined: c.NotExamined(), Elsewhere: c.Elsewhere,
		Why: []coverageWhyBody{}, Days: []coverageDayBody{}, Parts: []coveragePartBody{}, Unexamined: []unexaminedBody{}, More: c.More}
	if !c.AsOf.IsZero() {
		out.AsOf = new(c.AsOf.UTC())
	}
	for _, y := range c.Why {
		out.Why = append(out.Why, coverageWhyBody{reasonOf(y.Reason), y.Files})
	}
	for _, d := range c.Days {
		out.Days = append(out.Days, coverageDayBody{Day: dayOf(d.Day), Share: shareOf(d.CoverageCount), Gained: d.Gained, Examined: d.Examined, Partly: d.Partly,
			Tried: d.Tried, NotExamined: d.NotExamined(), Elsewhere: d.Elsewhere, Final: d.Final, CountedAt: d.Counted.UTC()})
	}
	for _, p := range c.Parts {
		out.Parts = append(out.Parts, coveragePartBody{Channel: p.Channel, Creator: p.Creator, Client: p.Client, Share: shareOf(p.CoverageCount),
			Gained: p.Gained, Examined: p.Examined, Partly: p.Partly, Tried: p.Tried, NotExamined: p.NotExamined(), Elsewhere: p.Elsewhere})
	}
	for _, u := range c.Unexamined {
		out.Unexamined = append(out.Unexamined, unexaminedBody{Object: u.Object, ID: u.ID, Channel: u.Channel, Creator: u.Creator,
			Created: u.Created.UTC(), Size: u.Size, Why: reasonOf(u.Why)})
	}
	if a := c.Alarm; a != nil {
		out.Alarm = &coverageAlarmedBody{Day: dayOf(a.Day), Cause: a.Cause, Share: a.Share, Bound: a.Bound, Raised: a.Raised.UTC()}
	}
	return out
}

// dayOf is a day as text, "" for none.
func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// shareOf is the share, nil where there is none.
func shareOf(c desk.CoverageCount) *float64 {
	if share, ok := c.Share(); ok {
		return &share
	}
	return nil
}

// reasonOf is the reason, nil for none.
func reasonOf(r cordon.Reason) *cordon.Reason {
	if r == "" {
		return nil
	}
	return &r
}
