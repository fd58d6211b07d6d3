package decide_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/decide"
)

var update = flag.Bool("update", false, "rewrite the verdicts in testdata and the generated parts of docs")

// question is the item of a golden file.
type question struct {
	Route    string
	Channel  cordon.Channel
	Class    cordon.DataClass
	Mode     cordon.Mode
	Fail     cordon.FailMode
	Modality cordon.Modality
}

// Each file in testdata holds a story, the item, the findings, a policy where it is not the
// default, and the verdict.
func TestVerdicts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d golden files: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := answer(t, ar)
			i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == "verdict" })
			if *update {
				if i < 0 {
					ar.Files = append(ar.Files, txtar.File{Name: "verdict"})
					i = len(ar.Files) - 1
				}
				ar.Files[i].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(ar), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if i < 0 {
				t.Fatal("no verdict in the file; run with -update")
			}
			if want := string(ar.Files[i].Data); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// answer decides the question of a golden file.
func answer(t *testing.T, ar *txtar.Archive) string {
	t.Helper()
	if len(bytes.TrimSpace(ar.Comment)) == 0 {
		t.Error("the file does not say what it is about")
	}
	policy := decide.Default()
	q := question{Route: "portal", Channel: cordon.ChannelPortal, Class: cordon.ClassOther, Mode: cordon.ModeInline, Fail: cordon.FailHold, Modality: cordon.Image}
	var found []cordon.Finding
	for _, f := range ar.Files {
		switch f.Name {
		case "policy":
			var err error
			if policy, err = decide.Parse("golden", f.Data); err != nil {
				t.Fatal(err)
			}
		case "item":
			if err := yaml.UnmarshalWithOptions(f.Data, &q, yaml.Strict()); err != nil {
				t.Fatal(err)
			}
		case "findings":
			for line := range strings.Lines(string(f.Data)) {
				w := strings.Fields(line)
				if len(w) != 4 && len(w) != 5 {
					t.Fatalf("a finding is: detector status class label [look]; got %q", line)
				}
				one := cordon.Finding{Detector: w[0], Status: cordon.FindingStatus(w[1]), Class: cordon.Class(w[2]), Label: cordon.Label(w[3])}
				if len(w) == 5 {
					one.Look = cordon.Look(w[4])
				}
				found = append(found, one)
			}
		case "verdict":
		default:
			t.Fatalf("what is %q?", f.Name)
		}
	}
	item := cordon.Item{Route: q.Route, Channel: q.Channel, Class: q.Class, Mode: q.Mode, Fail: q.Fail, Modality: q.Modality}
	v := policy.Decide(item, found)
	if v.Reasons == nil || !slices.IsSorted(v.Reasons) || len(slices.Compact(slices.Clone(v.Reasons))) != len(v.Reasons) {
		t.Errorf("reasons %#v: want sorted, each once, never nil", v.Reasons)
	}
	for _, r := range v.Reasons {
		if !r.Valid() {
			t.Errorf("reason %q is not on the list", r)
		}
	}
	if !v.At.IsZero() {
		t.Error("Decide has no clock, yet set a time")
	}
	slices.Reverse(found)
	if again := policy.Decide(item, found); again.Outcome != v.Outcome || again.Action != v.Action || !slices.Equal(again.Reasons, v.Reasons) {
		t.Errorf("the order of findings matters: %+v, reversed %+v", v, again)
	}
	words := make([]string, len(v.Reasons))
	for i, r := range v.Reasons {
		words[i] = string(r)
	}
	name, _, _ := strings.Cut(v.Policy, "@")
	return fmt.Sprintf("outcome: %s\naction: %s\nreasons: [%s]\npolicy: %s\n", v.Outcome, v.Action, strings.Join(words, ", "), name)
}

// Every label and every status together: nothing that failed passes on a holding route, and
// nothing that is evidence passes without a reason.
func TestLaws(t *testing.T) {
	policy := decide.Default()
	item := cordon.Item{Route: "r", Channel: cordon.ChannelAPI, Mode: cordon.ModeInline, Fail: cordon.FailHold, Modality: cordon.Image}
	looked := cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks}
	for _, label := range append(cordon.Labels(), "never-heard-of") {
		for _, status := range []cordon.FindingStatus{cordon.StatusFound, cordon.StatusNone, cordon.StatusNotApplicable, cordon.StatusFailed} {
			for _, class := range []cordon.Class{cordon.Deterministic, cordon.Statistical, cordon.Context} {
				f := cordon.Finding{Status: status, Class: class, Label: label}
				v := policy.Decide(item, []cordon.Finding{looked, f})
				name := fmt.Sprintf("%s %s %s: %+v", label, status, class, v)
				switch {
				case status == cordon.StatusFailed && label != cordon.LabelLimit && !v.Action.Holds(), status == cordon.StatusFailed && v.Action == cordon.Pass:
					t.Errorf("a failed check passed: %s", name)
				case status == cordon.StatusFound && class != cordon.Deterministic && v.Action.Holds():
					t.Errorf("a score or a context alone held: %s", name)
				case (status == cordon.StatusNone || status == cordon.StatusNotApplicable) && v.Action != cordon.Pass:
					t.Errorf("nothing was found and yet: %s", name)
				case v.Action != cordon.Pass && len(v.Reasons) == 0:
					t.Errorf("no reason: %s", name)
				}
			}
		}
	}
}

// No look that fell short is neutral, whatever else was found and whoever says it: "no sign" is
// said only where every check has looked. Identity documents are held for all of them.
func TestNoLookIsNeutralButAWholeOne(t *testing.T) {
	policy := decide.Default()
	looked := cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks}
	want := map[cordon.Look]cordon.Action{cordon.Looked: cordon.Pass, cordon.LookedSample: cordon.Pass, cordon.LookNothing: cordon.Pass,
		cordon.LookDamaged: cordon.Hold, cordon.LookFailed: cordon.Hold, cordon.LookEncrypted: cordon.Watch, cordon.LookUnopened: cordon.Watch,
		cordon.LookBeyondLimits: cordon.Watch, cordon.LookNoDecoder: cordon.Watch, "never-heard-of": cordon.Hold}
	for _, look := range append(cordon.Looks(), "never-heard-of") {
		for _, status := range []cordon.FindingStatus{cordon.StatusFound, cordon.StatusNone, cordon.StatusNotApplicable} {
			for _, label := range []cordon.Label{cordon.LabelNoWatermark, cordon.LabelNotCovered, cordon.LabelNotKnown} {
				for _, class := range []cordon.DataClass{cordon.ClassOther, cordon.ClassIdentity} {
					item := cordon.Item{Route: "r", Channel: cordon.ChannelAPI, Mode: cordon.ModeInline, Fail: cordon.FailHold, Modality: cordon.Image, Class: class}
					v := policy.Decide(item, []cordon.Finding{looked, {Status: status, Class: cordon.Deterministic, Label: label, Look: look}})
					action, outcome := want[look], cordon.CannotTell
					if action == cordon.Pass {
						outcome = cordon.NoSign
					} else if class == cordon.ClassIdentity {
						action = cordon.Hold
					}
					if v.Action != action || v.Outcome != outcome {
						t.Errorf("%s %s %s for %s: %+v, want %s, %s", look, status, label, class, v, outcome, action)
					}
				}
			}
		}
	}
}

// What a file says of a label stands for every item; what it leaves out keeps the changes that the
// default policy makes for some.
func TestDefaultOverridesYieldToAFile(t *testing.T) {
	item := cordon.Item{Route: "r", Channel: cordon.ChannelAPI, Fail: cordon.FailHold, Modality: cordon.Image, Class: cordon.ClassIdentity}
	p, err := decide.Parse("mine", []byte("evidence:\n  limit: {action: pass}\n"))
	if err != nil {
		t.Fatal(err)
	}
	looked := cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks}
	for look, want := range map[cordon.Look]cordon.Action{cordon.LookBeyondLimits: cordon.Pass, cordon.LookEncrypted: cordon.Hold} {
		looked.Look = look
		if v := p.Decide(item, []cordon.Finding{looked}); v.Action != want {
			t.Errorf("%s: %+v, want %s", look, v, want)
		}
	}
}

// A known lawful file may carry a generator's mark, but a broken manifest holds it as ever.
func TestLawfulNeverExcusesABrokenManifest(t *testing.T) {
	if _, err := decide.Parse("lenient", []byte("known_lawful: [manifest-broken]\n")); err == nil {
		t.Error("a policy may excuse a broken manifest")
	}
}

func TestVersion(t *testing.T) {
	a, b := decide.Default().Version(), decide.Default().Version()
	name, digest, ok := strings.Cut(a, "@")
	if a != b || name != "default" || !ok || len(digest) != 12 || strings.Trim(digest, "0123456789abcdef") != "" {
		t.Fatalf("version %q, again %q", a, b)
	}
	// Comments, order and spelling do not matter; what is said does.
	same, err := decide.Parse("default", []byte("# nothing new\nnot_covered: {other: pass}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if same.Version() != a {
		t.Errorf("the same policy has versions %s and %s", a, same.Version())
	}
	other, err := decide.Parse("default", []byte("not_covered: {other: watch}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if other.Version() == a {
		t.Error("another policy has the same version")
	}
}

func TestRefused(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "name: x\nevidense: {}\n", "line 2: unknown field"},
		{"unknown label", "name: x\n\nevidence:\n  looks-odd: {outcome: synthetic, action: hold}\n", `line 4: "looks-odd" is no label`},
		{"unknown key in a rule", "evidence:\n  truncated:\n    outcome: no-sign\n    action: watch\n    colour: red\n", "line 5: unknown field"},
		{"no such action", "evidence:\n  truncated: {action: reject}\n", `line 2: "reject" is no action`},
		{"no such outcome", "evidence:\n  truncated: {outcome: fake}\n", `line 2: "fake" is no outcome`},
		{"no such reason", "evidence:\n  truncated: {reason: because}\n", `line 2: "because" is no reason`},
		{"neutral label, half a rule", "evidence:\n  camera-mark: {action: watch}\n", "line 2: camera-mark needs outcome and action"},
		{"neutral label, no reason", "evidence:\n  camera-mark: {outcome: no-sign, action: watch}\n", "line 2: camera-mark needs a reason"},
		{"fail mode in the policy", "evidence:\n  timeout: {outcome: no-sign, action: pass, reason: limit}\n", "line 2: what timeout means is declared per route"},
		{"no such modality", "not_covered:\n  smell: hold\n", `line 2: "smell" is no modality`},
		{"twice", "evidence:\n  truncated: {action: hold}\n  truncated: {action: pass}\n", "truncated"},
		{"no such class", "overrides:\n- for: {class: [secret]}\n", `line 2: "secret" is no data class`},
		{"neutral in an override", "overrides:\n- for: {route: [a]}\n  evidence:\n    editor-mark: {action: watch}\n", "editor-mark is neutral"},
		{"at sign", "name: a@b\n", "line 1"},
		{"list for a mapping", "evidence: [a]\n", "line 1: a mapping belongs here"},
		{"two documents", "name: a\n---\nname: b\n", "more than one document"},
		{"no YAML", "name: [\n", "line"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := decide.Parse("mine.yaml", []byte(test.text))
			if err == nil {
				t.Fatalf("accepted: %s", p.Canonical())
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "mine.yaml") {
				t.Errorf("got %q, want %q in it", err, test.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("name: x\nevidence:\n  truncated: {action: hold}\n"))
	f.Add(decide.DefaultYAML())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decide.Parse("fuzz", b)
		if err != nil {
			return
		}
		p.Decide(cordon.Item{}, nil)
		if len(p.Canonical()) == 0 || p.Version() == "" {
			t.Error("an empty policy")
		}
	})
}
