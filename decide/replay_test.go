package decide

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cordonhq/cordon"
)

func finding(detector string, status cordon.FindingStatus, label cordon.Label) cordon.Finding {
	return cordon.Finding{Detector: detector, Version: "1", Status: status, Class: cordon.Deterministic, Label: label}
}

func nothing() []cordon.Finding {
	return []cordon.Finding{finding("c2pa", cordon.StatusNone, cordon.LabelManifestAbsent), finding("kind", cordon.StatusNone, cordon.LabelKindFine),
		finding("known", cordon.StatusNone, cordon.LabelNotKnown), finding("marks", cordon.StatusNone, cordon.LabelNoMarks),
		finding("parts", cordon.StatusNone, cordon.LabelPartsSeen), finding("watermark", cordon.StatusNone, cordon.LabelNoWatermark)}
}

func with(found []cordon.Finding, f cordon.Finding) []cordon.Finding {
	out := slices.Clone(found)
	out[slices.IndexFunc(out, func(o cordon.Finding) bool { return o.Detector == f.Detector })] = f
	return out
}

// inside is an inspection that also found something in a part.
func inside(found []cordon.Finding, f cordon.Finding) []cordon.Finding {
	at := 1 + slices.IndexFunc(found, func(o cordon.Finding) bool { return o.Detector == "parts" })
	first := finding("c2pa", cordon.StatusNone, cordon.LabelManifestAbsent)
	first.Part, f.Part = "1", "1"
	return slices.Insert(slices.Clone(found), at, first, f)
}

func without(detector string) []cordon.Finding {
	return slices.DeleteFunc(nothing(), func(f cordon.Finding) bool { return f.Detector == detector })
}

func TestReplay(t *testing.T) {
	lenient, err := Parse("lenient", []byte("evidence:\n  generator-mark: {action: pass}\n"))
	if err != nil {
		t.Fatal(err)
	}
	on := cordon.Item{Route: "beside", Channel: cordon.ChannelUI, Mode: cordon.ModeEvent, Fail: cordon.FailHold, Modality: cordon.Image, State: cordon.Kept}
	mark := finding("marks", cordon.StatusFound, cordon.LabelGeneratorMark)
	decided := func(policy string, reasons ...cordon.Reason) *cordon.Verdict {
		return &cordon.Verdict{Policy: policy, Reasons: reasons}
	}
	item := func(edit func(*cordon.Item)) cordon.Item {
		it := on
		it.Verdict = decided(Default().Version(), cordon.ReasonShadow)
		edit(&it)
		return it
	}
	same := func(*cordon.Item) {}
	for name, c := range map[string]struct {
		policy *Policy
		item   cordon.Item
		found  []cordon.Finding
		want   Want
		absent string
		action cordon.Action
		why    []cordon.Reason
	}{
		"held":                  {Default(), item(same), with(nothing(), mark), "", "", cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorMark, cordon.ReasonShadow}},
		"lenient":               {lenient, item(same), with(nothing(), mark), "", "", cordon.Pass, []cordon.Reason{cordon.ReasonGeneratorMark, cordon.ReasonShadow}},
		"in front":              {Default(), item(func(i *cordon.Item) { i.Mode, i.Verdict = cordon.ModeInline, decided(Default().Version()) }), with(nothing(), mark), "", "", cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorMark}},
		"in front, and again":   {Default(), item(func(i *cordon.Item) { i.Mode = cordon.ModeInline }), with(nothing(), mark), "", "", cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorMark, cordon.ReasonShadow}},
		"shadow route":          {Default(), item(func(i *cordon.Item) { i.Mode = cordon.ModeShadow }), with(nothing(), mark), "", "", cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorMark, cordon.ReasonShadow}},
		"only the last look":    {Default(), item(same), append(with(nothing(), finding("marks", cordon.StatusFailed, cordon.LabelTimeout)), nothing()...), "", "", cordon.Pass, []cordon.Reason{cordon.ReasonShadow}},
		"a picture inside":      {Default(), item(same), inside(nothing(), mark), "", "", cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorMark, cordon.ReasonShadow}},
		"inside, then no more":  {Default(), item(same), append(inside(nothing(), mark), nothing()...), "", "", cordon.Pass, []cordon.Reason{cordon.ReasonShadow}},
		"inside, and twice":     {Default(), item(same), append(nothing(), inside(nothing(), mark)...), "", "", cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorMark, cordon.ReasonShadow}},
		"a document":            {lenient, item(func(i *cordon.Item) { i.Modality = cordon.Document }), nothing(), WantDetector, "layout", "", nil},
		"only in a part":        {lenient, item(same), inside(without("marks"), mark), WantDetector, "marks", "", nil},
		"a silent check":        {lenient, item(same), with(nothing(), finding("kind", cordon.StatusFailed, cordon.LabelCrashed)), "", "", cordon.Hold, []cordon.Reason{cordon.ReasonDetectorSilent, cordon.ReasonShadow}},
		"a check absent":        {lenient, item(same), without("marks"), WantDetector, "marks", "", nil},
		"two checks absent":     {lenient, item(same), nothing()[2:], WantDetector, "c2pa", "", nil},
		"absent then as now":    {Default(), item(same), without("marks"), "", "", cordon.Pass, []cordon.Reason{cordon.ReasonShadow}},
		"gone":                  {lenient, item(func(i *cordon.Item) { i.Verdict = decided("x@1", cordon.ReasonGone) }), nil, WantBytes, "", "", nil},
		"not readable":          {lenient, item(func(i *cordon.Item) { i.Verdict = decided("x@1", cordon.ReasonNotReadable) }), nil, WantBytes, "", "", nil},
		"not judged":            {lenient, item(func(i *cordon.Item) { i.Verdict = nil }), nil, WantVerdict, "", "", nil},
		"erased":                {lenient, item(func(i *cordon.Item) { i.State = cordon.Erased }), nothing(), WantErased, "", "", nil},
		"nothing but a failure": {lenient, item(same), []cordon.Finding{finding("media", cordon.StatusFailed, cordon.LabelUnreadable)}, WantDetector, "c2pa", "", nil},
	} {
		v, want, absent := c.policy.Replay(c.item, c.found)
		if want != c.want || absent != c.absent || v.Action != c.action {
			t.Errorf("%s: %+v, wanting %q of %q", name, v, want, absent)
		}
		if want == WantNothing && v.Policy != c.policy.Version() {
			t.Errorf("%s: decided by %s", name, v.Policy)
		}
		if d := cmp.Diff(c.why, v.Reasons); d != "" {
			t.Errorf("%s: reasons (-want +got):\n%s", name, d)
		}
	}
}

// Every kind of evidence is known to come from a check, or may come from any.
func TestEvidenceHasItsCheck(t *testing.T) {
	anyone := []cordon.Label{cordon.LabelNotCovered, cordon.LabelTimeout, cordon.LabelCrashed, cordon.LabelLimit, cordon.LabelNotLookedAt,
		cordon.LabelSeenBefore, cordon.LabelSeenForOthers, cordon.LabelBurst, cordon.LabelNotSeen}
	for _, l := range cordon.Labels() {
		if yields[l] == "" && !slices.Contains(anyone, l) {
			t.Errorf("nothing says which check finds %q", l)
		}
	}
}
