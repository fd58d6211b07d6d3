package decide

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/cordonhq/cordon"
)

// maxPolicy bounds a policy file. The default has two kilobytes.
const maxPolicy = 1 << 20

// Parse reads a policy file. What it does not mention is as in the default policy; keys and
// values that Cordon does not know are refused with the line that has them. name is used
// where the file gives none, and in errors.
func Parse(name string, text []byte) (*Policy, error) {
	return parse(name, text, Default().says)
}

// file is what may be written. Pointers and nil maps tell what is not.
type file struct {
	Name        word[nameWord]                        `yaml:"name"`
	Evidence    table[labelWord, ruleFile]            `yaml:"evidence"`
	KnownLawful *[]word[labelWord]                    `yaml:"known_lawful"`
	NotCovered  table[modalityWord, word[actionWord]] `yaml:"not_covered"`
	Overrides   []overrideFile                        `yaml:"overrides"`
}

type ruleFile struct {
	Outcome word[outcomeWord] `yaml:"outcome"`
	Action  word[actionWord]  `yaml:"action"`
	Reason  word[reasonWord]  `yaml:"reason"`
}

func (r ruleFile) rule() Rule {
	return Rule{cordon.Outcome(r.Outcome.text), cordon.Action(r.Action.text), cordon.Reason(r.Reason.text)}
}

type overrideFile struct {
	For struct {
		Class    []word[classWord]    `yaml:"class"`
		Route    []word[nameWord]     `yaml:"route"`
		Channel  []word[channelWord]  `yaml:"channel"`
		Modality []word[modalityWord] `yaml:"modality"`
	} `yaml:"for"`
	Evidence   table[labelWord, ruleFile]            `yaml:"evidence"`
	NotCovered table[modalityWord, word[actionWord]] `yaml:"not_covered"`
}

func parse(name string, text []byte, base document) (*Policy, error) {
	fail := func(err error) (*Policy, error) {
		return nil, fmt.Errorf("policy %q: %w: %w (see docs/policy.md)", name, cordon.ErrInvalid, err)
	}
	if len(text) > maxPolicy {
		return fail(fmt.Errorf("%d bytes, the limit is %d", len(text), maxPolicy))
	}
	var f file
	dec := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return fail(withLine(err))
	}
	if err := dec.Decode(&file{}); !errors.Is(err, io.EOF) {
		return fail(errors.New("more than one document in the file"))
	}

	says := document{Name: f.Name.text, Evidence: map[cordon.Label]Rule{}, NotCovered: map[cordon.Modality]cordon.Action{},
		KnownLawful: slices.Clone(base.KnownLawful), Overrides: []Override{}}
	maps.Copy(says.Evidence, base.Evidence)
	maps.Copy(says.NotCovered, base.NotCovered)
	if says.Name == "" {
		says.Name = strings.ReplaceAll(name, "@", "-")
	}
	if err := fill(says.Evidence, says.NotCovered, f.Evidence, f.NotCovered, true); err != nil {
		return fail(err)
	}
	says.Overrides = append(says.Overrides, yielding(base.Overrides, f.Evidence)...)
	if f.KnownLawful != nil {
		says.KnownLawful = texts[cordon.Label](*f.KnownLawful)
	}
	slices.Sort(says.KnownLawful)
	if i := slices.Index(says.KnownLawful, cordon.LabelManifestBroken); i >= 0 {
		return fail(fmt.Errorf("known_lawful: %s: a list entry cannot excuse a file that was changed after it was signed", cordon.LabelManifestBroken))
	}
	for _, o := range f.Overrides {
		made := Override{
			For: For{texts[cordon.DataClass](o.For.Class), texts[string](o.For.Route),
				texts[cordon.Channel](o.For.Channel), texts[cordon.Modality](o.For.Modality)},
			Evidence: map[cordon.Label]Rule{}, NotCovered: map[cordon.Modality]cordon.Action{},
		}
		if err := fill(made.Evidence, made.NotCovered, o.Evidence, o.NotCovered, false); err != nil {
			return fail(err)
		}
		for label, r := range made.Evidence {
			if whole := r.over(says.Evidence[label]); whole.Action == "" || whole.Outcome == "" || whole.Reason == "" {
				return fail(fmt.Errorf("overrides: %s is neutral in the rest of the policy, so it needs outcome, action and reason here", label))
			}
		}
		says.Overrides = append(says.Overrides, made)
	}
	return newPolicy(says), nil
}

// yielding returns the overrides less the rules for labels of which a file has its own: what is
// written there is meant for every item.
func yielding(overrides []Override, own table[labelWord, ruleFile]) []Override {
	out := make([]Override, 0, len(overrides))
	for _, o := range overrides {
		o.Evidence = maps.Clone(o.Evidence)
		for _, row := range own.rows {
			delete(o.Evidence, cordon.Label(row.key.text))
		}
		if len(o.Evidence)+len(o.NotCovered) > 0 {
			out = append(out, o)
		}
	}
	return out
}

// fill adds what a file says to what stands. A whole rule names outcome and action.
func fill(evidence map[cordon.Label]Rule, notCovered map[cordon.Modality]cordon.Action,
	e table[labelWord, ruleFile], n table[modalityWord, word[actionWord]], whole bool) error {
	for _, row := range e.rows {
		label := cordon.Label(row.key.text)
		r := row.value.rule().over(evidence[label])
		if whole && (r.Outcome == "" || r.Action == "") {
			return fmt.Errorf("line %d: %s needs outcome and action", row.key.line, label)
		}
		if r.Reason == "" && whole && cordon.Reason(label).Valid() {
			r.Reason = cordon.Reason(label)
		}
		if r.Reason == "" && whole {
			return fmt.Errorf("line %d: %s needs a reason, as no reason code has its name", row.key.line, label)
		}
		if label == cordon.LabelTimeout || label == cordon.LabelCrashed {
			return fmt.Errorf("line %d: what %s means is declared per route as its fail mode, not here", row.key.line, label)
		}
		evidence[label] = r
	}
	for _, row := range n.rows {
		notCovered[cordon.Modality(row.key.text)] = cordon.Action(row.value.text)
	}
	return nil
}

// table is a mapping that remembers lines and refuses a key that comes twice.
type table[K vocabulary, V any] struct {
	rows []row[K, V]
}

type row[K vocabulary, V any] struct {
	key   word[K]
	value V
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (t *table[K, V]) UnmarshalYAML(n ast.Node) error {
	if _, ok := n.(*ast.NullNode); ok {
		return nil
	}
	m, ok := n.(ast.MapNode)
	if !ok {
		return fmt.Errorf("line %d: a mapping belongs here", line(n))
	}
	seen := map[string]bool{}
	for it := m.MapRange(); it.Next(); {
		var r row[K, V]
		if err := r.key.UnmarshalYAML(it.Key()); err != nil {
			return err
		}
		if seen[r.key.text] {
			return fmt.Errorf("line %d: %q comes twice", r.key.line, r.key.text)
		}
		seen[r.key.text] = true
		if err := yaml.NodeToValue(it.Value(), &r.value, yaml.Strict()); err != nil {
			return withLine(err)
		}
		t.rows = append(t.rows, r)
	}
	return nil
}

// vocabulary is a list of permitted words.
type vocabulary interface {
	// words returns what is permitted; nil permits any text.
	words() []string
	noun() string
}

// word is one of a vocabulary, with the line it stands on.
type word[V vocabulary] struct {
	text string
	line int
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (w *word[V]) UnmarshalYAML(n ast.Node) error {
	var v V
	w.line = line(n)
	if err := yaml.NodeToValue(n, &w.text); err != nil {
		return fmt.Errorf("line %d: a %s belongs here", w.line, v.noun())
	}
	if permitted := v.words(); permitted != nil && !slices.Contains(permitted, w.text) {
		return fmt.Errorf("line %d: %q is no %s; known are %s", w.line, w.text, v.noun(), strings.Join(permitted, ", "))
	}
	if strings.Contains(w.text, "@") || strings.TrimSpace(w.text) == "" || len(w.text) > 100 {
		return fmt.Errorf("line %d: %q is no %s: up to 100 letters without @", w.line, w.text, v.noun())
	}
	return nil
}

type (
	nameWord     struct{}
	labelWord    struct{}
	outcomeWord  struct{}
	actionWord   struct{}
	reasonWord   struct{}
	modalityWord struct{}
	classWord    struct{}
	channelWord  struct{}
)

func (nameWord) words() []string    { return nil }
func (nameWord) noun() string       { return "name" }
func (labelWord) words() []string   { return plain(cordon.Labels()) }
func (labelWord) noun() string      { return "label" }
func (outcomeWord) words() []string { return plain(outcomes) }
func (outcomeWord) noun() string    { return "outcome" }
func (actionWord) words() []string {
	return plain([]cordon.Action{cordon.Pass, cordon.Watch, cordon.Hold, cordon.Page})
}
func (actionWord) noun() string    { return "action" }
func (reasonWord) words() []string { return plain(cordon.Reasons()) }
func (reasonWord) noun() string    { return "reason" }
func (modalityWord) words() []string {
	return plain([]cordon.Modality{cordon.Image, cordon.Video, cordon.Audio, cordon.Document, cordon.Clinical, cordon.Other})
}
func (modalityWord) noun() string { return "modality" }
func (classWord) words() []string {
	return plain([]cordon.DataClass{cordon.ClassIdentity, cordon.ClassClinicalImage, cordon.ClassClinicalDocument,
		cordon.ClassRecording, cordon.ClassConsent, cordon.ClassOther})
}
func (classWord) noun() string { return "data class" }
func (channelWord) words() []string {
	return plain([]cordon.Channel{cordon.ChannelPortal, cordon.ChannelTelehealth, cordon.ChannelSync, cordon.ChannelAPI, cordon.ChannelBulk,
		cordon.ChannelProvisioning, cordon.ChannelEmail, cordon.ChannelAppointment, cordon.ChannelBackfill, cordon.ChannelUnknown})
}
func (channelWord) noun() string { return "channel" }

func plain[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

func texts[S ~string, V vocabulary](in []word[V]) []S {
	out := make([]S, len(in))
	for i, w := range in {
		out[i] = S(w.text)
	}
	return out
}

func line(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// withLine rewrites an error of the YAML reader to say the line in words.
func withLine(err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		if strings.HasPrefix(y.GetMessage(), "line ") {
			return errors.New(y.GetMessage())
		}
		return fmt.Errorf("line %d: %s", y.GetToken().Position.Line, y.GetMessage())
	}
	return err
}
