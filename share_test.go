package cordon_test

import (
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// What was looked at is said as it was: nothing less than all is all, a sample is one, and what
// stands in a record says the same as what a check has just said.
func TestShare(t *testing.T) {
	kind := func(bytes any) cordon.Finding {
		return cordon.Finding{Detector: "kind", Status: cordon.StatusNone, Detail: map[string]any{"bytes": bytes}}
	}
	marks := cordon.Finding{Detector: "marks", Status: cordon.StatusNone}
	for name, c := range map[string]struct {
		found   []cordon.Finding
		percent string
		whole   bool
		says    []string
	}{
		"all of it": {[]cordon.Finding{kind(map[string]int64{"read": 100, "opaque": 899, "padding": 1}), marks}, "100 %", true,
			[]string{"100 % of its bytes", "all that is theirs: 2"}},
		"from a record": {[]cordon.Finding{kind(map[string]any{"read": 100.0, "opaque": 900.0}), marks}, "100 %", true, nil},
		"all but a byte": {[]cordon.Finding{kind(map[string]int64{"opaque": 1e9 - 1, "unknown": 1}), marks}, "99.9 %", false,
			[]string{"1 bytes are unknown"}},
		"encrypted": {[]cordon.Finding{kind(map[string]int64{"read": 250, "encrypted": 750})}, "25 %", false, []string{"750 bytes are encrypted"}},
		"a sample": {[]cordon.Finding{kind(map[string]int64{"opaque": 10}), {Detector: "parts", Status: cordon.StatusNone, Look: cordon.LookedSample,
			Detail: map[string]any{"frames_looked_at": 4, "not_looked_at": int64(996)}}}, "100 %", true,
			[]string{"At a sample: parts (4 pictures of recordings looked at, 996 frames left out)."}},
		"beyond a limit inside": {[]cordon.Finding{kind(map[string]int64{"opaque": 10}), marks, {Detector: "marks", Part: "a.png", Status: cordon.StatusFound, Look: cordon.LookBeyondLimits}},
			"100 %", false, []string{"Not all by marks: something is more than one file may cost."}},
		"what does not apply": {[]cordon.Finding{kind(map[string]int64{"read": 10}), {Detector: "mrz", Status: cordon.StatusNotApplicable}}, "100 %", true, []string{"theirs: 1"}},
		"a check did not finish": {[]cordon.Finding{kind(map[string]int64{"read": 10}), {Detector: "c2pa", Status: cordon.StatusFailed, Label: cordon.LabelTimeout}}, "100 %", false,
			[]string{"Not all by c2pa: it did not finish."}},
		"nobody knows": {[]cordon.Finding{marks}, "an unknown part", true, []string{"is not known"}},
	} {
		s := cordon.ShareOf(c.found)
		said := strings.Join(s.Sentences(func(name string) string { return name }), " ")
		if s.Percent() != c.percent || s.Whole() != c.whole {
			t.Errorf("%s: %s, whole %v: %s", name, s.Percent(), s.Whole(), said)
		}
		for _, want := range c.says {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q is not in %q", name, want, said)
			}
		}
	}
}

// A verdict that rests on a part of the file says so by its reasons.
func TestPartly(t *testing.T) {
	for reason, want := range map[cordon.Reason]bool{cordon.ReasonLimit: true, cordon.ReasonPartsUnread: true, cordon.ReasonNotLookedAt: true, cordon.ReasonBytesUnknown: true,
		cordon.ReasonGeneratorMark: false, cordon.ReasonManifestUntrusted: false} {
		if got := (cordon.Verdict{Reasons: []cordon.Reason{cordon.ReasonBurst, reason}}).Partly(); got != want {
			t.Errorf("%s: %v", reason, got)
		}
	}
}
