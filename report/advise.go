package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// What a way in has to reach before it is advised to hold. They are stated in the report.
const (
	leastDays     = 10
	leastItems    = 200
	leastExamined = 0.95
	mostUnread    = 0.02
	mostNotTested = 0.5
	mostFailed    = 0.005
	mostMillis    = 1000
)

// rule is one condition: met is nil where nobody knows.
type rule struct {
	desk.ShadowRule
	met func(*desk.Shadow, desk.ShadowPart) (met *bool, text string)
}

func whether(b bool) *bool { return &b }

// share compares part/whole with a bound; without a whole it is unknown.
func share(part, whole int, ok func(float64) bool) (*bool, string) {
	if whole == 0 {
		return nil, "unknown"
	}
	return whether(ok(float64(part) / float64(whole))), fmt.Sprintf("%s (%s of %s)", percent(float64(part)/float64(whole)), number(part), number(whole))
}

// rules are in the order in which somebody would ask.
func rules(r *desk.Shadow) []rule {
	return []rule{
		{desk.ShadowRule{Rule: "days", Text: fmt.Sprintf("Something came on at least %d days.", leastDays)},
			func(_ *desk.Shadow, p desk.ShadowPart) (*bool, string) {
				return whether(p.Days >= leastDays), plural(p.Days, "day")
			}},
		{desk.ShadowRule{Rule: "items", Text: fmt.Sprintf("At least %d files came.", leastItems)},
			func(_ *desk.Shadow, p desk.ShadowPart) (*bool, string) {
				return whether(p.Count.Items >= leastItems), plural(p.Count.Items, "file")
			}},
		{desk.ShadowRule{Rule: "coverage", Text: fmt.Sprintf("At least %s of what the org gained by this channel was examined.", percent(leastExamined))}, covered},
		{desk.ShadowRule{Rule: "read", Text: fmt.Sprintf("At most %s could not be read, or not to the end of a check.", percent(mostUnread))},
			func(_ *desk.Shadow, p desk.ShadowPart) (*bool, string) {
				return share(p.Count.Unread, p.Count.Items, func(s float64) bool { return s <= mostUnread })
			}},
		{desk.ShadowRule{Rule: "tested", Text: fmt.Sprintf("At most %s is of a kind that no check examines.", percent(mostNotTested))},
			func(_ *desk.Shadow, p desk.ShadowPart) (*bool, string) {
				return share(p.Count.NotTested, p.Count.Items, func(s float64) bool { return s <= mostNotTested })
			}},
		{desk.ShadowRule{Rule: "checks", Text: fmt.Sprintf("At most %s of the checks did not finish.", percent(mostFailed))},
			func(_ *desk.Shadow, p desk.ShadowPart) (*bool, string) {
				return share(p.Failed, p.Checked, func(s float64) bool { return s <= mostFailed })
			}},
		{desk.ShadowRule{Rule: "speed", Text: fmt.Sprintf("95 %% of the inspections took at most %s.", millis(mostMillis))},
			func(_ *desk.Shadow, p desk.ShadowPart) (*bool, string) {
				if p.Timed == 0 {
					return nil, "unknown"
				}
				return whether(p.P95 <= mostMillis), millis(p.P95)
			}},
		{desk.ShadowRule{Rule: "people", Text: fmt.Sprintf("Reviewing the busiest day takes at most %s, at %s an item.", hours(r.Review.Hours), minutes(r.Review.Minutes))},
			func(r *desk.Shadow, p desk.ShadowPart) (*bool, string) {
				need := float64(p.MostDay) * r.Review.Minutes / 60
				return whether(need <= r.Review.Hours), hours(need)
			}},
	}
}

// covered looks at the channel's own share, or at that of all where it is not counted apart.
func covered(r *desk.Shadow, p desk.ShadowPart) (*bool, string) {
	if !r.Coverage.Known {
		return nil, "unknown: the org's own lists were not compared"
	}
	enough := func(s float64) bool { return s >= leastExamined }
	for _, c := range r.Coverage.Channels {
		if c.Channel == p.Channel {
			return share(c.Examined, c.Gained, enough)
		}
	}
	met, text := share(r.Coverage.Examined, r.Coverage.Gained, enough)
	return met, text + " over all channels"
}

// Advise fills in the decision: for every way in whether to go, and where to begin. It rests
// on the other figures of the report and nothing else, and what is unknown never suffices.
func Advise(r *desk.Shadow) {
	all := rules(r)
	d := desk.ShadowDecision{Rules: []desk.ShadowRule{}, Answers: []desk.ShadowAnswer{}}
	for _, rule := range all {
		d.Rules = append(d.Rules, rule.ShadowRule)
	}
	type ranked struct {
		desk.ShadowAnswer
		part   desk.ShadowPart
		lacks  []string
		worth  int
		unmet  int
		likely int
	}
	var rank []ranked
	for _, p := range r.Parts {
		a := ranked{part: p, ShadowAnswer: desk.ShadowAnswer{Channel: p.Channel, Route: p.Route, Mode: p.Mode, Checks: []desk.ShadowMet{}}}
		for _, rule := range all {
			met, text := rule.met(r, p)
			a.Checks = append(a.Checks, desk.ShadowMet{Rule: rule.Rule, Met: met, Text: text})
			if met == nil || !*met {
				a.lacks = append(a.lacks, rule.Rule+": "+text)
			}
		}
		a.Answer, a.Text = answer(p, a.lacks)
		a.worth, a.unmet = p.Count.WouldHold, len(a.lacks)
		a.likely = slices.Index([]desk.Answer{desk.AnswerGo, desk.AnswerNotYet, desk.AnswerBeside, desk.AnswerLive, desk.AnswerHistory}, a.Answer)
		rank = append(rank, a)
	}
	// To begin with: what can go, most would-be holds first, because there it changes most;
	// then what lacks least.
	slices.SortStableFunc(rank, func(a, b ranked) int {
		if c := cmp.Compare(a.likely, b.likely); c != 0 || a.Answer != desk.AnswerNotYet {
			return cmp.Or(c, cmp.Compare(b.worth, a.worth))
		}
		return cmp.Or(cmp.Compare(a.unmet, b.unmet), cmp.Compare(b.worth, a.worth))
	})
	for _, a := range rank {
		d.Answers = append(d.Answers, a.ShadowAnswer)
	}
	switch {
	case len(rank) == 0:
		d.Text = "Nothing came in this period, so there is nothing to decide on yet."
	case rank[0].Answer == desk.AnswerGo:
		d.First = new(int)
		goes, need := 0, 0.0
		for _, a := range rank {
			if a.Answer == desk.AnswerGo {
				goes++
				need += float64(a.part.MostDay) * r.Review.Minutes / 60
			}
		}
		d.Text = fmt.Sprintf("Begin with %s: of the ways in that meet every rule, most would be held there.", way(rank[0].part))
		if goes > 1 {
			d.Text += fmt.Sprintf(" All %d that meet every rule would together ask for up to %s of review on the busiest days; %s a day were given.", goes, hours(need), hours(r.Review.Hours))
		}
	case rank[0].Answer == desk.AnswerNotYet:
		d.Text = fmt.Sprintf("Nowhere yet. Closest is %s, which lacks %s.", way(rank[0].part), plural(rank[0].unmet, "condition"))
	default:
		d.Text = "There is no way in here that only records and could hold."
	}
	r.Decision = d
}

// way names a way in.
func way(p desk.ShadowPart) string { return fmt.Sprintf("%s (%s)", p.Route, p.Channel) }

// answer says what is advised for a way in that lacks something, or nothing.
func answer(p desk.ShadowPart, lacks []string) (desk.Answer, string) {
	switch {
	case p.Mode == cordon.ModeInline:
		return desk.AnswerLive, "It holds already."
	case p.Mode == cordon.ModeBackfill:
		return desk.AnswerHistory, "A backfill shows what was there, and not what comes in a day."
	case p.Channel == cordon.ChannelUI || p.Channel == cordon.ChannelEmail:
		return desk.AnswerBeside, "Pages of the CRM and e-mail never cross a gateway: files that come this way are seen once the CRM has them."
	case len(lacks) == 0:
		return desk.AnswerGo, "Every rule is met."
	}
	text := "Not yet, because of " + lacks[0]
	for _, l := range lacks[1:] {
		text += "; " + l
	}
	return desk.AnswerNotYet, text + "."
}
