package desk

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"

	"github.com/cordonhq/cordon"
)

// ShadowQuery asks for a shadow report.
type ShadowQuery struct {
	From, To time.Time // items received at or after From and before To; zero: the last 30 days
	// Minutes is what a reviewer needs for one item. Default: 4.
	Minutes float64
	// Hours is what reviewers can spend in a day. Default: 2.
	Hours float64
	// Seed decides which items are shown as samples: the same seed shows the same. Default: 1.
	Seed int64
	// Policy, if any, is the text of a policy under which everything is decided again.
	Policy []byte
}

// Defaults of a ShadowQuery.
const (
	DefaultMinutes = 4
	DefaultHours   = 2
	DefaultDays    = 30
	maxDays        = 3660
)

// Filled returns the query with its defaults, by the time now.
func (q ShadowQuery) Filled(now time.Time) ShadowQuery {
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.UTC().AddDate(0, 0, -DefaultDays)
	}
	if q.Minutes == 0 {
		q.Minutes = DefaultMinutes
	}
	if q.Hours == 0 {
		q.Hours = DefaultHours
	}
	if q.Seed == 0 {
		q.Seed = 1
	}
	q.From, q.To = q.From.UTC(), q.To.UTC()
	return q
}

// ReadShadowQuery reads a query from the parameters from, to, minutes_per_item,
// reviewer_hours and seed. What is absent stays zero.
func ReadShadowQuery(v url.Values) (q ShadowQuery, err error) {
	for name, into := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		if *into, err = instant(name, v.Get(name)); err != nil {
			return q, err
		}
	}
	for name, into := range map[string]*float64{"minutes_per_item": &q.Minutes, "reviewer_hours": &q.Hours} {
		text := v.Get(name)
		if text == "" {
			continue
		}
		// Zero would count as not given.
		if *into, err = strconv.ParseFloat(text, 64); err != nil || *into == 0 {
			return q, fmt.Errorf("%w: %s is a number such as 4 or 2.5", cordon.ErrInvalid, name)
		}
	}
	if text := v.Get("seed"); text != "" {
		if q.Seed, err = strconv.ParseInt(text, 10, 64); err != nil || q.Seed == 0 {
			return q, fmt.Errorf("%w: seed is a whole number other than 0", cordon.ErrInvalid)
		}
	}
	return q, nil
}

// instant reads a date, which is its midnight in UTC, or a time.
func instant(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 && t.Year() < 2200 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s is a date such as 2026-01-31 or a time such as 2026-01-31T08:00:00Z", cordon.ErrInvalid, name)
}

// Check says what is wrong with a filled query.
func (q ShadowQuery) Check() error {
	switch {
	case !q.From.Before(q.To):
		return fmt.Errorf("%w: the period of a report begins before it ends; from is included, to is not", cordon.ErrInvalid)
	case q.To.Sub(q.From) > maxDays*24*time.Hour:
		return fmt.Errorf("%w: the period of a report is ten years at most", cordon.ErrInvalid)
	case math.IsNaN(q.Minutes) || q.Minutes < 0.1 || q.Minutes > 480:
		return fmt.Errorf("%w: minutes per item is a number from 0.1 to 480", cordon.ErrInvalid)
	case math.IsNaN(q.Hours) || q.Hours < 0.1 || q.Hours > 10_000:
		return fmt.Errorf("%w: reviewer hours per day is a number from 0.1 to 10000", cordon.ErrInvalid)
	}
	return nil
}

// Shadow says what came in a period, what the policy would have done with it, and what that
// would have asked of people and of the CRM. Times are in UTC. Arrays are never null; a
// number that is null is unknown.
type Shadow struct {
	Schema int             `json:"schema" doc:"1."`
	Tenant cordon.TenantID `json:"tenant"`
	From   time.Time       `json:"from"`
	To     time.Time       `json:"to" doc:"Excluded."`
	Made   time.Time       `json:"made"`

	Coverage   ShadowCoverage     `json:"coverage" doc:"The first number of every report."`
	Total      ShadowCount        `json:"total"`
	Parts      []ShadowPart       `json:"parts" doc:"By channel, route and mode; most items first."`
	Days       []ShadowDay        `json:"days" doc:"Every day of the period on which something came, oldest first."`
	Sizes      []ShadowSize       `json:"sizes" doc:"By size class, smallest first."`
	Kinds      []ShadowKind       `json:"kinds" doc:"By media type, most items first."`
	Outcomes   []ShadowOutcome    `json:"outcomes" doc:"Most items first."`
	Policies   []ShadowPolicy     `json:"policies" doc:"Under which policies the verdicts were given; most items first."`
	Reasons    []ShadowReason     `json:"reasons" doc:"Why items would have been held; most items first."`
	Unexamined []ShadowUnexamined `json:"unexamined" doc:"What could not be examined, and why; most items first."`
	Checks     []ShadowCheck      `json:"checks" doc:"Which checks looked, and how often they did not finish."`
	Review     ShadowReview       `json:"review"`
	Latency    ShadowLatency      `json:"latency"`
	API        ShadowAPI          `json:"api"`
	Recall     ShadowRecall       `json:"recall"`
	Decision   ShadowDecision     `json:"decision"`
	Replay     *ShadowReplay      `json:"replay" doc:"Null unless a policy was given."`
}

// ShadowCoverage is the share of the files the org gained that were examined.
type ShadowCoverage struct {
	Known    bool       `json:"known" doc:"False: the org was never asked, and nothing below is known."`
	Share    *float64   `json:"share" doc:"From 0 to 1; null where nothing was gained or nothing is known."`
	Gained   int        `json:"gained"`
	Examined int        `json:"examined"`
	Tried    int        `json:"tried" doc:"On record, but not to be read."`
	AsOf     *time.Time `json:"as_of" doc:"When the org was asked last."`

	Channels []ShadowCoverageChannel `json:"channels" doc:"The same by channel."`
}

// ShadowCoverageChannel is ShadowCoverage of one channel.
type ShadowCoverageChannel struct {
	Channel  cordon.Channel `json:"channel"`
	Gained   int            `json:"gained"`
	Examined int            `json:"examined"`
}

// ShadowCount counts items.
type ShadowCount struct {
	Items     int   `json:"items" doc:"Everything on record, without what was erased or turned away."`
	Bytes     int64 `json:"bytes"`
	WouldHold int   `json:"would_hold" doc:"Would have been held: on routes that only record."`
	Held      int   `json:"held" doc:"Was held, on routes that do hold."`
	Watched   int   `json:"watched" doc:"Passed, and listed."`
	NotTested int   `json:"not_tested" doc:"No check of this release examines this kind."`
	Unread    int   `json:"unread" doc:"Could not be read, or not to the end of a check."`
	NotJudged int   `json:"not_judged" doc:"No verdict yet."`
}

// ShadowPart is what came by one channel and route in one mode.
type ShadowPart struct {
	Channel cordon.Channel `json:"channel"`
	Route   string         `json:"route"`
	Mode    cordon.Mode    `json:"mode"`
	Count   ShadowCount    `json:"count"`
	Clients int            `json:"clients" doc:"How many clients that are known by a pseudonym."`
	Days    int            `json:"days" doc:"On how many days something came."`
	MostDay int            `json:"most_day" doc:"The most items of one day that would have been, or were, held."`
	P50     float64        `json:"p50_ms" doc:"Inspection, median, in milliseconds."`
	P95     float64        `json:"p95_ms"`
	Timed   int            `json:"timed" doc:"Items of which the inspection was timed; without any, the times are unknown."`
	Failed  int            `json:"failed" doc:"Findings that say that a check did not finish."`
	Checked int            `json:"checked" doc:"Findings in all."`
}

// ShadowDay is one day in UTC.
type ShadowDay struct {
	Day     string `json:"day" doc:"A date such as 2026-11-30."`
	Items   int    `json:"items" doc:"Without what a backfill went through."`
	Hold    int    `json:"hold" doc:"Of these, would have been or were held."`
	History int    `json:"history" doc:"Items that a backfill went through on that day."`
}

// ShadowSize is one size class.
type ShadowSize struct {
	UpTo      int64   `json:"up_to" doc:"Bytes; 0: no bound."`
	Items     int     `json:"items"`
	Bytes     int64   `json:"bytes"`
	WouldHold int     `json:"would_hold" doc:"Would have been or were held."`
	Timed     int     `json:"timed"`
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	Most      float64 `json:"max_ms"`
	Inline    int     `json:"inline" doc:"Items that came in front of the CRM and were timed from admission to verdict."`
	InlineP50 float64 `json:"inline_p50_ms"`
	InlineP95 float64 `json:"inline_p95_ms"`
}

// ShadowKind is one media type, by content.
type ShadowKind struct {
	MediaType string          `json:"media_type"`
	Modality  cordon.Modality `json:"modality"`
	Items     int             `json:"items"`
	Bytes     int64           `json:"bytes"`
	WouldHold int             `json:"would_hold" doc:"Would have been or were held."`
	NotTested int             `json:"not_tested"`
}

// ShadowOutcome is how many items had an outcome.
type ShadowOutcome struct {
	Outcome cordon.Outcome `json:"outcome"`
	Items   int            `json:"items"`
}

// ShadowPolicy is how many verdicts were given under one policy.
type ShadowPolicy struct {
	Policy string `json:"policy" doc:"Name and digest."`
	Items  int    `json:"items"`
}

// ShadowReason is one reason to hold, with samples of the items it was given for.
type ShadowReason struct {
	Reason  cordon.Reason  `json:"reason"`
	Text    string         `json:"text"`
	Items   int            `json:"items" doc:"Items that would have been or were held, for this reason among others."`
	Samples []ShadowSample `json:"samples" doc:"Drawn by the seed."`
}

// ShadowSample is one item. It names nobody: the console shows more to whoever may see it.
type ShadowSample struct {
	ID       cordon.ID       `json:"id"`
	Route    string          `json:"route"`
	Channel  cordon.Channel  `json:"channel"`
	Modality cordon.Modality `json:"modality"`
}

// ShadowUnexamined is why items could not be examined.
type ShadowUnexamined struct {
	Reason cordon.Reason `json:"reason"`
	Text   string        `json:"text"`
	Items  int           `json:"items"`
	Bytes  int64         `json:"bytes"`
}

// ShadowCheck is one version of a check.
type ShadowCheck struct {
	Detector string `json:"detector"`
	Version  string `json:"version"`
	Findings int    `json:"findings"`
	Failed   int    `json:"failed" doc:"Findings that say that the check did not finish."`
}

// ShadowReview is what reviewing would ask of people.
type ShadowReview struct {
	Minutes      float64 `json:"minutes_per_item" doc:"As given, or the default: a guess and no measurement."`
	Hours        float64 `json:"hours_per_day" doc:"What reviewers can spend in a day, as given or the default."`
	Days         int     `json:"days" doc:"Days on which something came, without backfills."`
	Items        int     `json:"items" doc:"Items to review, without backfills."`
	Least        float64 `json:"least_hours" doc:"On the quietest of these days."`
	Median       float64 `json:"median_hours"`
	Most         float64 `json:"most_hours" doc:"On the busiest."`
	History      int     `json:"history_items" doc:"Items to review once, from backfills."`
	HistoryHours float64 `json:"history_hours"`
}

// ShadowLatency says what the times of a report are.
type ShadowLatency struct {
	About  string `json:"about" doc:"What was measured, and what is not in it."`
	Inline string `json:"inline" doc:"The same of what came in front of the CRM."`
}

// ShadowAPI is what looking cost of the org's API calls.
type ShadowAPI struct {
	Spent []ShadowSpent `json:"spent"`
	Used  *int64        `json:"used" doc:"By everybody in 24 hours, as the org last said."`
	Limit *int64        `json:"limit" doc:"API calls in 24 hours, as the org last said."`
}

// ShadowSpent is what one reader of the org spent.
type ShadowSpent struct {
	What  string     `json:"what"`
	Calls *int64     `json:"calls"`
	Since *time.Time `json:"since" doc:"Since when they are counted."`
	About string     `json:"about"`
}

// ShadowRecall says what is known of what was missed.
type ShadowRecall struct {
	Known bool   `json:"known"`
	Text  string `json:"text"`
}

// Answer is what a report advises for one way in.
type Answer string

// Answers.
const (
	AnswerGo      Answer = "go"           // every rule is met
	AnswerNotYet  Answer = "not-yet"      // a rule is not met, or nobody knows
	AnswerLive    Answer = "live"         // it holds already
	AnswerBeside  Answer = "stays-beside" // nothing can stand in front of it
	AnswerHistory Answer = "history"      // a backfill: no way in
)

// ShadowDecision helps to decide where to hold, and when.
type ShadowDecision struct {
	Rules   []ShadowRule   `json:"rules" doc:"The same for every way in."`
	Answers []ShadowAnswer `json:"answers" doc:"For every way in; those to begin with first."`
	First   *int           `json:"first" doc:"Index in answers of where to begin; null: nowhere yet."`
	Text    string         `json:"text"`
}

// ShadowRule is a condition for holding.
type ShadowRule struct {
	Rule string `json:"rule" doc:"Short name."`
	Text string `json:"text"`
}

// ShadowAnswer is what is advised for one way in, and why.
type ShadowAnswer struct {
	Channel cordon.Channel `json:"channel"`
	Route   string         `json:"route"`
	Mode    cordon.Mode    `json:"mode"`
	Answer  Answer         `json:"answer"`
	Text    string         `json:"text"`
	Checks  []ShadowMet    `json:"checks" doc:"One a rule, in the order of the rules."`
}

// ShadowMet is how one rule stands.
type ShadowMet struct {
	Rule string `json:"rule"`
	Met  *bool  `json:"met" doc:"Null: unknown, which is not enough to go."`
	Text string `json:"text" doc:"The figure it rests on."`
}

// ShadowReplay is what would change if everything was decided again under another policy.
type ShadowReplay struct {
	Policy  string `json:"policy" doc:"Name and digest of the policy that decided again."`
	Current string `json:"current" doc:"The policy in force."`

	Decided   int `json:"decided" doc:"Items that were decided again."`
	Unchanged int `json:"unchanged" doc:"Same outcome, action and reasons."`
	Changed   int `json:"changed"`
	HoldFirst int `json:"hold_before" doc:"Of those decided again, held by the verdict on record."`
	HoldAgain int `json:"hold_after" doc:"Of those decided again, held under this policy."`
	ToPass    int `json:"hold_to_pass"`
	ToHold    int `json:"pass_to_hold"`
	// SameVersion counts verdicts that this very policy gave, and Differs those that came out
	// otherwise this time; there should be none.
	SameVersion int `json:"same_version" doc:"Items whose verdict on record is of this very policy."`
	Differs     int `json:"differs" doc:"Of these, decided otherwise this time. There should be none."`

	Parts   []ShadowReplayPart   `json:"parts" doc:"By channel and route, most changes first."`
	Reasons []ShadowReplayReason `json:"reasons" doc:"Where holding changes, most first."`
	Wanting []ShadowWanting      `json:"wanting" doc:"What would have to be fetched again, and why."`
}

// ShadowReplayPart is what would change by one channel and route.
type ShadowReplayPart struct {
	Channel cordon.Channel `json:"channel"`
	Route   string         `json:"route"`
	Decided int            `json:"decided"`
	Changed int            `json:"changed"`
	ToPass  int            `json:"hold_to_pass"`
	ToHold  int            `json:"pass_to_hold"`
}

// ShadowReplayReason counts changes of holding by a reason of the side that holds.
type ShadowReplayReason struct {
	Reason  cordon.Reason  `json:"reason"`
	Text    string         `json:"text"`
	ToPass  int            `json:"hold_to_pass" doc:"Held for this reason by the verdict on record, passed under this policy."`
	ToHold  int            `json:"pass_to_hold" doc:"Passed by the verdict on record, held for this reason under this policy."`
	Samples []ShadowSample `json:"samples"`
}

// ShadowWanting is why items could not be decided again.
type ShadowWanting struct {
	Why      string `json:"why" doc:"never-read, not-judged, erased or check-absent."`
	Detector string `json:"detector" doc:"The check that had not looked, for check-absent."`
	Text     string `json:"text"`
	Items    int    `json:"items"`
}
