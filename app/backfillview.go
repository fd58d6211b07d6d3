package app

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce/events"
)

func planOf(p desk.BackfillPlan) events.Plan {
	plan := events.Plan{Share: p.Share, Workers: p.Workers, Rate: p.Rate,
		Filter: events.Filter{Objects: p.Objects, From: p.From, To: p.To, Types: p.Types, Sample: p.Sample, Seed: p.Seed}}
	if n := p.Night; n != nil {
		plan.Night = &events.Night{Window: n.Window, Zone: n.Zone, DayRate: n.DayRate}
	}
	return plan
}

func planView(p events.Plan) desk.BackfillPlan {
	f := p.Filter
	out := desk.BackfillPlan{Objects: list(f.Objects), From: f.From, To: f.To, Types: list(f.Types), Sample: f.Sample, Seed: f.Seed,
		BackfillPace: desk.BackfillPace{Share: p.Share, Workers: p.Workers, Rate: p.Rate}}
	if n := p.Night; n != nil {
		out.Night = &desk.BackfillNight{Window: n.Window, Zone: n.Zone, DayRate: n.DayRate}
	}
	return out
}

// list is a list that is never null.
func list(in []string) []string { return append([]string{}, in...) }

func (s *backfills) estimate(e events.Estimate) desk.BackfillEstimate {
	out := desk.BackfillEstimate{Files: e.Files, Take: e.Take, Bytes: e.Bytes, Calls: e.Calls, LeastHours: e.Least.Hours(), MostHours: e.Most.Hours(),
		Days: e.Days, DailyCalls: e.DailyCalls, Objects: []desk.BackfillObject{}, Money: money(s.costs, e.Take, e.Bytes)}
	for _, o := range e.Objects {
		out.Objects = append(out.Objects, desk.BackfillObject{Object: o.Object, Files: o.Files, Bytes: o.Bytes})
	}
	return out
}

// view is a backfill as it stands at a moment.
func (s *backfills) view(name string, p events.Progress, now time.Time) desk.Backfill {
	v := desk.Backfill{Name: name, State: string(p.State), Plan: planView(p.Plan), Estimate: s.estimate(p.Estimate), Started: p.Started, AsOf: p.At,
		Taken: p.Taken, Observed: p.Observed, WouldHold: p.WouldHold, Known: p.Known, Bytes: p.Bytes,
		Calls: p.Calls, CallsUnsure: p.Unsure, CallsLeast: p.LeastCalls(), Spent: money(s.costs, p.Observed, p.Bytes), Worked: p.Worked.Seconds()}
	v.NotExamined = counts(map[string]int{string(cordon.ReasonGone): p.Gone, string(cordon.ReasonNotReadable): p.NotReadable, "elsewhere": p.Elsewhere})
	if p.Observed > 0 {
		per := func(calls int64) *float64 { n := 1000 * float64(calls) / float64(p.Observed); return &n }
		v.Per1000, v.LeastPer = per(p.Calls), per(p.LeastCalls())
	}
	until := now
	switch p.State {
	case events.Done:
		v.Ended = p.Ended
	case events.Stopped:
		v.Ended = p.Turned
	}
	if events.Ended(p.State) {
		until = v.Ended
	}
	v.Wall = until.Sub(p.Started).Seconds()
	if p.State == events.Running && p.Waiting != nil {
		v.Waiting = &desk.BackfillWaiting{Why: string(p.Waiting.Why), Since: p.Waiting.Since, Until: p.Waiting.Until}
	}
	v.Waits = waits(p, until)
	if speed := p.Speed(); speed.FilesPerSecond > 0 && !events.Ended(p.State) {
		v.Speed = &desk.BackfillSpeed{FilesPerSecond: speed.FilesPerSecond, LeastLeft: speed.Least.Seconds(), MostLeft: speed.Most.Seconds()}
		if p.Estimate.DailyCalls > 0 {
			v.Speed.DaysLeft = float64(max(0, p.Estimate.Take-p.Taken)) / (p.Share * float64(p.Estimate.DailyCalls))
		}
	}
	v.ByObject, v.ByChannel = partsOf(p, "object/"), partsOf(p, "channel/")
	v.Outcomes, v.Reasons = counts(coded(p.Outcomes)), counts(coded(p.Reasons))
	return v
}

// waits adds what a wait that goes on has taken so far.
func waits(p events.Progress, now time.Time) []desk.BackfillWait {
	all := map[string]events.Waited{"paused": p.Pauses}
	for why, w := range p.Waits {
		all[string(why)] = w
	}
	going := func(why string, since time.Time) {
		w := all[why]
		all[why] = events.Waited{Times: w.Times + 1, For: w.For + max(0, now.Sub(since))}
	}
	if p.State == events.Paused {
		going("paused", p.Turned)
	}
	if p.State == events.Running && p.Waiting != nil {
		going(string(p.Waiting.Why), p.Waiting.Since)
	}
	out := []desk.BackfillWait{}
	for _, why := range slices.Sorted(maps.Keys(all)) {
		if w := all[why]; w.Times > 0 {
			out = append(out, desk.BackfillWait{Why: why, Times: w.Times, Seconds: w.For.Seconds()})
		}
	}
	return out
}

func partsOf(p events.Progress, kind string) []desk.BackfillPart {
	out := []desk.BackfillPart{}
	for _, key := range slices.Sorted(maps.Keys(p.Parts)) {
		if name, ok := strings.CutPrefix(key, kind); ok {
			part := p.Parts[key]
			out = append(out, desk.BackfillPart{Name: name, Files: part.Files, WouldHold: part.WouldHold, NotExamined: part.NotExamined, Bytes: part.Bytes})
		}
	}
	return out
}

func coded[K ~string](m map[K]int) map[string]int {
	out := make(map[string]int, len(m))
	for k, n := range m {
		out[string(k)] = n
	}
	return out
}

// counts lists what there is, the most first.
func counts(m map[string]int) []desk.BackfillCount {
	out := []desk.BackfillCount{}
	for code, n := range m {
		if n > 0 {
			out = append(out, desk.BackfillCount{Code: code, Count: n})
		}
	}
	slices.SortFunc(out, func(a, b desk.BackfillCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
	})
	return out
}

func newestFirst(all []desk.Backfill) {
	slices.SortFunc(all, func(a, b desk.Backfill) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.Name, b.Name))
	})
}

// money is what the detectors that cost take for so many files and bytes; bytes may be
// unknown (-1).
func money(costs []CostConfig, files int, bytes int64) desk.Money {
	m := desk.Money{Sums: []desk.Sum{}}
	for _, c := range costs {
		sum := desk.Sum{Detector: c.Detector, Currency: c.Currency, Amount: c.PerItem*float64(files) + c.PerMB*float64(bytes)/1e6}
		if bytes < 0 && c.PerMB > 0 {
			sum.Amount = -1
		}
		m.Sums = append(m.Sums, sum)
	}
	return m
}
