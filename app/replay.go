package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/decide"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/store"
)

// other reads the policy under which a report is to decide again, nil for none. One that has
// no name of its own gets that of the policy in force, so that the same text is the same version.
func (s *shadower) other(tenant cordon.TenantID, q desk.ShadowQuery) (*decide.Policy, error) {
	const unnamed = "the policy given"
	if q.Policy == nil {
		return nil, nil
	}
	p, err := decide.Parse(unnamed, q.Policy)
	if err == nil && p.Name() == unnamed {
		p, err = decide.Parse(s.tenants.policies[tenant].Name(), q.Policy)
	}
	return p, err
}

// wantWords say why an item cannot be decided again.
var wantWords = map[decide.Want]string{
	decide.WantBytes:    "The CRM had deleted it or did not give it out, so nobody has read it.",
	decide.WantVerdict:  "Nobody has looked at it yet.",
	decide.WantErased:   "It was erased, or turned away without being kept.",
	decide.WantDetector: "The check %s had not looked at it, and this policy rests on what that finds.",
}

// replay decides on every item of the period again, from what is on record.
func (s *shadower) replay(ctx context.Context, tenant cordon.TenantID, q desk.ShadowQuery, policy *decide.Policy) (*desk.ShadowReplay, error) {
	out := newReplay(q.Seed)
	out.Policy, out.Current = policy.Version(), s.tenants.policies[tenant].Version()
	err := s.db.Judged(ctx, tenant, q.From, q.To, func(j store.Judged) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		v, want, detector := policy.Replay(j.Item, j.Findings)
		if want != decide.WantNothing {
			out.wanting[wanted{want, detector}]++
			return nil
		}
		out.add(j.Item, v)
		return nil
	})
	return out.done(), err
}

type wanted struct {
	want     decide.Want
	detector string
}

// replay adds up what changes.
type replay struct {
	desk.ShadowReplay
	seed    int64
	parts   map[partKey]*desk.ShadowReplayPart
	reasons map[cordon.Reason]*turned
	wanting map[wanted]int
}

type turned struct {
	desk.ShadowReplayReason
	draw
}

func newReplay(seed int64) *replay {
	return &replay{seed: seed, parts: map[partKey]*desk.ShadowReplayPart{}, reasons: map[cordon.Reason]*turned{}, wanting: map[wanted]int{}}
}

// add compares the verdict on record with another.
func (r *replay) add(it cordon.Item, v cordon.Verdict) {
	was := *it.Verdict
	k := partKey{channel: it.Channel, route: it.Route}
	p := r.parts[k]
	if p == nil {
		p = &desk.ShadowReplayPart{Channel: it.Channel, Route: it.Route}
		r.parts[k] = p
	}
	changed := was.Outcome != v.Outcome || was.Action != v.Action || !slices.Equal(was.Reasons, v.Reasons)
	r.Decided++
	p.Decided++
	if changed {
		r.Changed++
		p.Changed++
	} else {
		r.Unchanged++
	}
	if was.Policy == v.Policy {
		r.SameVersion++
		if changed {
			r.Differs++
		}
	}
	before, after := was.Action.Holds(), v.Action.Holds()
	if before {
		r.HoldFirst++
	}
	if after {
		r.HoldAgain++
	}
	switch {
	case before && !after:
		r.ToPass++
		p.ToPass++
		r.because(it, was.Reasons, func(t *turned) { t.ToPass++ })
	case after && !before:
		r.ToHold++
		p.ToHold++
		r.because(it, v.Reasons, func(t *turned) { t.ToHold++ })
	}
}

func (r *replay) because(it cordon.Item, reasons []cordon.Reason, count func(*turned)) {
	for _, code := range reasons {
		if code == cordon.ReasonShadow {
			continue
		}
		t := r.reasons[code]
		if t == nil {
			t = &turned{desk.ShadowReplayReason{Reason: code, Text: code.Text()}, draw{seed: r.seed}}
			r.reasons[code] = t
		}
		count(t)
		t.draw.add(desk.ShadowSample{ID: it.ID, Route: it.Route, Channel: it.Channel, Modality: it.Modality})
	}
}

// done returns the sums as a report has them.
func (r *replay) done() *desk.ShadowReplay {
	out := r.ShadowReplay
	out.Parts = []desk.ShadowReplayPart{}
	for _, p := range r.parts {
		out.Parts = append(out.Parts, *p)
	}
	slices.SortFunc(out.Parts, func(a, b desk.ShadowReplayPart) int {
		return cmp.Or(cmp.Compare(b.Changed, a.Changed), cmp.Compare(b.Decided, a.Decided), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Route, b.Route))
	})
	out.Reasons = sorted(r.reasons, func(_ cordon.Reason, t *turned) desk.ShadowReplayReason {
		t.Samples = t.list()
		return t.ShadowReplayReason
	}, func(x desk.ShadowReplayReason) int { return x.ToPass + x.ToHold })
	out.Wanting = []desk.ShadowWanting{}
	for w, n := range r.wanting {
		text := wantWords[w.want]
		if w.detector != "" {
			text = fmt.Sprintf(text, w.detector)
		}
		out.Wanting = append(out.Wanting, desk.ShadowWanting{Why: string(w.want), Detector: w.detector, Text: text, Items: n})
	}
	slices.SortFunc(out.Wanting, func(a, b desk.ShadowWanting) int {
		return cmp.Or(cmp.Compare(b.Items, a.Items), cmp.Compare(a.Why, b.Why), cmp.Compare(a.Detector, b.Detector))
	})
	return &out
}
