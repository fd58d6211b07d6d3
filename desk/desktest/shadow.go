package desktest

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// Shadow answers with SampleShadow, of the period and with the figures that were asked for.
func (d *Desk) Shadow(_ context.Context, tenant cordon.TenantID, q desk.ShadowQuery) (desk.Shadow, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Err != nil {
		return desk.Shadow{}, d.Err
	}
	now := d.Now()
	q = q.Filled(now)
	if err := q.Check(); err != nil {
		return desk.Shadow{}, err
	}
	r := SampleShadow()
	r.Tenant, r.From, r.To, r.Made, r.Review.Minutes, r.Review.Hours = tenant, q.From, q.To, now.UTC(), q.Minutes, q.Hours
	if q.Policy == nil {
		r.Replay = nil
	}
	return r, nil
}

// SampleShadow is a report of two weeks as a clinic may see it, without its decision, with
// every field filled.
func SampleShadow() desk.Shadow {
	calls, used, limit := int64(1204), int64(18_204), int64(100_000)
	yes, no := true, false
	count := func(items, hold, notTested, unread int) desk.ShadowCount {
		return desk.ShadowCount{Items: items, Bytes: int64(items) * 811_000, WouldHold: hold, Watched: items / 20, NotTested: notTested, Unread: unread}
	}
	sample := func(n, route string, c cordon.Channel) desk.ShadowSample {
		return desk.ShadowSample{ID: cordon.ID("itm_01kqsample000000000000000" + n), Route: route, Channel: c, Modality: cordon.Image}
	}
	r := desk.Shadow{
		Schema: 1, Tenant: Tenant,
		Coverage: desk.ShadowCoverage{Channels: []desk.ShadowCoverageChannel{}},
		Total:    count(4180, 151, 402, 21),
		Parts: []desk.ShadowPart{
			{Channel: cordon.ChannelPortal, Route: "portal-uploads", Mode: cordon.ModeShadow, Count: count(2900, 120, 210, 4), Clients: 2, Days: 14, MostDay: 14, P50: 3.1, P95: 18.4, Timed: 2900, Failed: 2, Checked: 11_600},
			{Channel: cordon.ChannelUI, Route: "beside", Mode: cordon.ModeEvent, Count: count(1100, 25, 180, 16), Days: 12, MostDay: 5, P50: 2.2, P95: 9.8, Timed: 1084, Checked: 4336},
			{Channel: cordon.ChannelAPI, Route: "partner-api", Mode: cordon.ModeShadow, Count: count(180, 6, 12, 1), Clients: 1, Days: 6, MostDay: 3, P50: 4.9, P95: 31, Timed: 179, Checked: 716},
		},
		Sizes: []desk.ShadowSize{
			{UpTo: 100 << 10, Items: 1210, Bytes: 60_000_000, WouldHold: 22, Timed: 1210, P50: 0.4, P95: 1.9, Most: 14, Inline: 900, InlineP50: 4.2, InlineP95: 8.8},
			{UpTo: 1 << 20, Items: 2100, Bytes: 980_000_000, WouldHold: 98, Timed: 2098, P50: 3.2, P95: 11, Most: 92, Inline: 1700, InlineP50: 7.5, InlineP95: 19},
			{UpTo: 10 << 20, Items: 870, Bytes: 2_300_000_000, WouldHold: 31, Timed: 866, P50: 12.6, P95: 44, Most: 310},
			{UpTo: 100 << 20}, {},
		},
		Kinds: []desk.ShadowKind{
			{MediaType: "image/jpeg", Modality: cordon.Image, Items: 2600, Bytes: 2_100_000_000, WouldHold: 112},
			{MediaType: "application/pdf", Modality: cordon.Document, Items: 1020, Bytes: 700_000_000, WouldHold: 4, NotTested: 402},
			{MediaType: "image/png", Modality: cordon.Image, Items: 560, Bytes: 540_000_000, WouldHold: 35},
		},
		Outcomes: []desk.ShadowOutcome{{Outcome: cordon.NoSign, Items: 3620}, {Outcome: cordon.NotTested, Items: 409}, {Outcome: cordon.Synthetic, Items: 110}, {Outcome: cordon.CannotTell, Items: 28}, {Outcome: cordon.Altered, Items: 13}},
		Policies: []desk.ShadowPolicy{{Policy: "default@0123456789ab", Items: 4180}},
		Reasons: []desk.ShadowReason{
			{Reason: cordon.ReasonGeneratorMark, Text: cordon.ReasonGeneratorMark.Text(), Items: 96, Samples: []desk.ShadowSample{sample("1", "portal-uploads", cordon.ChannelPortal), sample("2", "beside", cordon.ChannelUI)}},
			{Reason: cordon.ReasonTypeMismatch, Text: cordon.ReasonTypeMismatch.Text(), Items: 55, Samples: []desk.ShadowSample{sample("3", "partner-api", cordon.ChannelAPI)}},
		},
		Unexamined: []desk.ShadowUnexamined{
			{Reason: cordon.ReasonNotCovered, Text: cordon.ReasonNotCovered.Text(), Items: 402, Bytes: 310_000_000},
			{Reason: cordon.ReasonNotReadable, Text: cordon.ReasonNotReadable.Text(), Items: 16, Bytes: 9_000_000},
			{Reason: cordon.ReasonDetectorSilent, Text: cordon.ReasonDetectorSilent.Text(), Items: 5, Bytes: 60_000_000},
		},
		Checks:  []desk.ShadowCheck{{Detector: "c2pa", Version: "1.0", Findings: 4163}, {Detector: "kind", Version: "1.0", Findings: 4163}, {Detector: "known", Version: "1.0", Findings: 4163}, {Detector: "marks", Version: "1.0", Findings: 4163, Failed: 2}},
		Review:  desk.ShadowReview{Minutes: desk.DefaultMinutes, Hours: desk.DefaultHours, Days: 14, Items: 151, Least: 0.2, Median: 0.7, Most: 1.3},
		Latency: desk.ShadowLatency{About: "Inspection is the time of the slowest check of each item.", Inline: "From the moment the bytes were safe to the verdict."},
		API: desk.ShadowAPI{Spent: []desk.ShadowSpent{{What: "backfill", Calls: &calls, About: "a backfill, from its beginning"}, {What: "polling", About: "polling keeps no count of its own calls"}},
			Used: &used, Limit: &limit},
		Recall: desk.ShadowRecall{Text: "unknown until detectors are connected and audited"},
		Decision: desk.ShadowDecision{Rules: []desk.ShadowRule{{Rule: "days", Text: "Something came on at least 10 days."}, {Rule: "items", Text: "At least 200 files came."}, {Rule: "coverage", Text: "At least 95 % was examined."}},
			Answers: []desk.ShadowAnswer{{Channel: cordon.ChannelPortal, Route: "portal-uploads", Mode: cordon.ModeShadow, Answer: desk.AnswerNotYet, Text: "Not yet, because of coverage: unknown.",
				Checks: []desk.ShadowMet{{Rule: "days", Met: &yes, Text: "14 days"}, {Rule: "items", Met: &no, Text: "20 files"}, {Rule: "coverage", Text: "unknown"}}}},
			Text: "Nowhere yet."},
		Replay: &desk.ShadowReplay{Policy: "other@ba9876543210", Current: "default@0123456789ab", Decided: 4140, Unchanged: 4080, Changed: 60, HoldFirst: 151, HoldAgain: 131, ToPass: 40, ToHold: 20,
			Parts:   []desk.ShadowReplayPart{{Channel: cordon.ChannelPortal, Route: "portal-uploads", Decided: 2880, Changed: 60, ToPass: 40, ToHold: 20}},
			Reasons: []desk.ShadowReplayReason{{Reason: cordon.ReasonTypeMismatch, Text: cordon.ReasonTypeMismatch.Text(), ToPass: 40, Samples: []desk.ShadowSample{sample("3", "partner-api", cordon.ChannelAPI)}}},
			Wanting: []desk.ShadowWanting{{Why: "never-read", Text: "Nobody has read it.", Items: 16}, {Why: "check-absent", Detector: "marks", Text: "The check marks had not looked at it.", Items: 24}}},
	}
	for i := range 14 {
		r.Days = append(r.Days, desk.ShadowDay{Day: fmt.Sprintf("2026-11-%02d", i+1), Items: 180 + 37*(i%5), Hold: 3 + i*7%17})
	}
	return r
}
