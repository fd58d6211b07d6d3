package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// view is a shadow report in words, the same for a terminal and a page.
type view struct {
	desk.Shadow
	base string // of the console, "" if unknown

	Period, MadeAt   string
	Share, ShareText string
	HoldText         string
	Review           []string
	Sizes            []sizeView
	Spent            []spentView
	Allowance        string
	Replay           []string
}

type sizeView struct {
	Name                                      string
	Items                                     int
	P50, P95, Most, InlineP50, InlineP95, All string
}

type spentView struct{ What, About, Calls, Since string }

const (
	unknown = "unknown"
	instant = "2006-01-02 15:04"
)

// date writes a time, without the hour where it is midnight.
func date(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(instant)
}

// look puts a report into words.
func look(r desk.Shadow, base string) view {
	v := view{Shadow: r, base: strings.TrimRight(base, "/"), Period: fmt.Sprintf("%s to %s UTC", date(r.From.UTC()), date(r.To.UTC())), MadeAt: r.Made.UTC().Format(instant) + " UTC"}

	v.Share, v.ShareText = unknown, "Nobody has compared the org's own lists with what is on record, so it is not known what was never seen."
	if c := r.Coverage; c.Known && c.Share != nil {
		v.Share = percent(*c.Share)
		v.ShareText = fmt.Sprintf("%s of the %s that the org gained were examined; %s on record could not be read.", number(c.Examined), plural(c.Gained, "file"), number(c.Tried))
	} else if c.Known {
		v.Share, v.ShareText = "none to examine", "The org gained no file in this period."
	}
	if c := r.Coverage; c.Known && c.AsOf != nil {
		v.ShareText += " The org was asked at " + c.AsOf.UTC().Format(instant) + " UTC."
	}

	if judged := r.Total.Items - r.Total.NotJudged; judged > 0 {
		v.HoldText = percent(float64(r.Total.WouldHold)/float64(judged)) + " of what was judged"
	} else {
		v.HoldText = "nothing was judged"
	}
	if r.Total.Held > 0 {
		v.HoldText += fmt.Sprintf("; %s more were held in front of the CRM", number(r.Total.Held))
	}
	v.Review = reviewers(r.Review)
	for i, z := range r.Sizes {
		s := sizeView{Name: "over " + size(last(r.Sizes, i)), Items: z.Items, P50: unknown, P95: unknown, Most: unknown, InlineP50: unknown, InlineP95: unknown}
		if z.UpTo > 0 {
			s.Name = "up to " + size(z.UpTo)
		}
		if z.Timed > 0 {
			s.P50, s.P95, s.Most = millis(z.P50), millis(z.P95), millis(z.Most)
		}
		if z.Inline > 0 {
			s.InlineP50, s.InlineP95 = millis(z.InlineP50), millis(z.InlineP95)
		}
		v.Sizes = append(v.Sizes, s)
	}
	for _, x := range r.API.Spent {
		s := spentView{What: x.What, About: x.About, Calls: unknown}
		if x.Calls != nil {
			s.Calls = number(*x.Calls)
		}
		if x.Since != nil {
			s.Since = x.Since.UTC().Format(instant)
		}
		v.Spent = append(v.Spent, s)
	}
	v.Allowance = "The org's daily allowance is unknown."
	if r.API.Used != nil && r.API.Limit != nil {
		v.Allowance = fmt.Sprintf("The org last said that %s of %s calls were used in 24 hours, by everybody.", number(*r.API.Used), number(*r.API.Limit))
	}
	if r.Replay != nil {
		v.Replay = replayed(*r.Replay)
	}
	return v
}

// last is the bound of the class before.
func last(sizes []desk.ShadowSize, i int) int64 {
	if i == 0 {
		return 0
	}
	return sizes[i-1].UpTo
}

func reviewers(r desk.ShadowReview) []string {
	out := []string{fmt.Sprintf("At %s an item, which is what was given and not what was measured:", minutes(r.Minutes))}
	if r.Days == 0 {
		out = append(out, "How much review a day asks for is unknown: nothing came in this period but by a backfill.")
	} else {
		out = append(out, fmt.Sprintf("%s of review a day in the middle, %s on the quietest and %s on the busiest of %s; %s a day can be spent.",
			hours(r.Median), hours(r.Least), hours(r.Most), plural(r.Days, "day"), hours(r.Hours)))
	}
	if r.History > 0 {
		out = append(out, fmt.Sprintf("What backfills went through would ask for %s once, for %s.", hours(r.HistoryHours), plural(r.History, "item")))
	}
	return out
}

func replayed(r desk.ShadowReplay) []string {
	out := []string{
		fmt.Sprintf("%s were decided again from what was found then, and nothing was fetched: %s would change and %s would not.", plural(r.Decided, "file"), number(r.Changed), number(r.Unchanged)),
		fmt.Sprintf("Held before: %s. Held under this policy: %s. From hold to pass: %s. From pass to hold: %s.", number(r.HoldFirst), number(r.HoldAgain), number(r.ToPass), number(r.ToHold)),
	}
	if r.Policy == r.Current {
		out = append(out, "This is the policy in force.")
	} else {
		out = append(out, "The policy in force is "+r.Current+".")
	}
	if r.SameVersion > 0 {
		out = append(out, fmt.Sprintf("%s of the verdicts on record are of this very version; %s came out otherwise this time, and there should be none.", number(r.SameVersion), number(r.Differs)))
	}
	return out
}

// path is where the console shows an item.
func (v view) path(id cordon.ID) string { return v.base + "/items/" + string(id) }

// link is where the console shows an item, or its id where no console is known.
func (v view) link(id cordon.ID) string {
	if v.base == "" {
		return string(id)
	}
	return v.path(id)
}

// answerWord is the answer as it is shown.
func answerWord(a desk.Answer) string { return words(a) }
