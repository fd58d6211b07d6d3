// Package marks reads what a file says of its own making: text that image, video and voice
// generators leave in their output, the IPTC digital source type, and the signatures of
// editors and cameras.
//
// What it finds is deterministic: anyone can open the same field and read the same words.
// What it does not find proves nothing, because metadata is gone after one screenshot.
// Content credentials (C2PA) are another detector's matter.
package marks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// Config of the detector. The zero value works.
type Config struct{}

// Detector implements inspect.Detector.
type Detector struct{}

// New returns the detector.
func New(Config) *Detector { return &Detector{} }

// Name implements inspect.Detector.
func (*Detector) Name() string { return "marks" }

// Version implements inspect.Detector. It changes with the table of generators.
func (*Detector) Version() string { return "3" }

// Mark is one match, as it stands in a finding's Detail under "marks".
type Mark struct {
	Generator string   `json:"generator"`
	Strength  Strength `json:"strength"`
	Indicator string   `json:"indicator"` // its name
	Weight    Weight   `json:"weight"`    // 1 conclusive, 0.6 strong, 0.2 weak, 0 none; no probability
	Means     string   `json:"means"`     // one sentence for the reviewer
	Where     string   `json:"where"`     // place and key of the field
	Evidence  string   `json:"evidence"`  // the words that matched, at most 120 bytes
}

// maxMarks bounds what one finding lists.
const maxMarks = 16

// labels, in the order in which findings are reported.
var labels = []struct {
	strength Strength
	label    cordon.Label
	sentence string
}{
	{Declares, cordon.LabelGeneratorMark, "The file carries metadata as it is written by %s."},
	{Synthetic, cordon.LabelSyntheticTag, "The file's metadata says that a trained model made it (%s)."},
	{Composite, cordon.LabelCompositeTag, "The file's metadata says that a trained model made parts of it (%s)."},
	{Possible, cordon.LabelPossibleTag, "The file's metadata says that a trained model may have been at work (%s)."},
	{Editor, cordon.LabelEditorMark, "A program says that it saved the file (%s). That is common and says nothing of its content."},
	{Camera, cordon.LabelCameraMark, "A camera or telephone is named as the origin (%s). Anyone can write that."},
	{Stated, cordon.LabelOriginStated, "The file states something of its origin or history (%s). Anyone can write that."},
}

// Inspect implements inspect.Detector.
func (d *Detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	all, over, covered, err := Fields(ctx, m)
	if err != nil {
		return nil, err
	}
	if !covered {
		return []cordon.Finding{{
			Status: cordon.StatusNotApplicable, Class: cordon.Deterministic, Label: cordon.LabelNotCovered,
			Sentence: "The metadata of this kind of file is not read.",
			Detail:   map[string]any{"type": string(m.Type)},
		}}, nil
	}
	search := newSearch(ctx, rules)
	found := weaken(match(search, all))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if search.over && over == "" {
		over = "more of its text looks like a mark than is compared with what generators write"
	}
	var out []cordon.Finding
	for _, l := range labels {
		var marks []Mark
		for _, mark := range found {
			if mark.Strength == l.strength {
				marks = append(marks, mark)
			}
		}
		if len(marks) == 0 {
			continue
		}
		slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Compare(b.Weight, a.Weight) })
		out = append(out, cordon.Finding{
			Status: cordon.StatusFound, Class: cordon.Deterministic, Label: l.label,
			Sentence: fmt.Sprintf(l.sentence, names(marks)) + explained(marks),
			Detail:   map[string]any{"marks": marks},
		})
	}
	if over != "" {
		out = append(out, cordon.Finding{
			Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelLimit,
			Sentence: "The file holds more metadata than is read: " + over + ".",
			Detail:   map[string]any{"limit": over}, Look: cordon.LookBeyondLimits,
		})
	}
	if len(out) == 0 {
		out = append(out, cordon.Finding{
			Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks,
			Sentence: "No known mark was found in the metadata. That is common and proves nothing.",
			Detail:   map[string]any{"fields": len(all)},
		})
	}
	return out, nil
}

// explained names the indicators that say something, the weightiest first.
func explained(marks []Mark) string {
	var out []string
	for _, m := range marks {
		if one := fmt.Sprintf("%s (%s)", m.Indicator, m.Weight.Word()); m.Weight > None && !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	if len(out) == 0 {
		return ""
	}
	if len(out) > 4 {
		out = append(out[:4], "and others")
	}
	return " What shows it: " + strings.Join(out, ", ") + "."
}

// generators are all that is known, and rules where their literals stand.
var (
	generators = slices.Concat(table, further)
	rules      = newIndex(generators)
)

// match holds every field against every indicator. Each is listed once a generator, by the first
// field that shows it; editors, cameras and what is stated once a field.
func match(s *search, all []Field) []Mark {
	found := make([][]Mark, len(generators))
	seen := make([]map[string]bool, len(generators))
	for i := range seen {
		seen[i] = map[string]bool{}
	}
	madeUp := false // the maker is a generator, so what else is said of the device is too
	for i := range all {
		field := all[i]
		field.Value = withoutNotice(field.Value)
		f := s.take(field)
		for n, g := range generators {
			if s.over || s.ctx.Err() != nil {
				break
			}
			if len(seen[n]) >= maxMarks {
				continue
			}
			mark, ok := g.says(s, f, seen[n])
			if !ok {
				continue
			}
			found[n] = append(found[n], mark)
			madeUp = madeUp || g.Strength == Declares && f.role == roleMaker
		}
	}
	out := slices.Concat(found...)
	out = out[:min(len(out), 4*maxMarks)]
	if madeUp {
		out = slices.DeleteFunc(out, func(m Mark) bool { return m.Strength == Camera })
	}
	return out
}

// says returns the first indicator of the generator that a field shows, unless it is among those seen.
func (g *Generator) says(s *search, f *text, seen map[string]bool) (Mark, bool) {
	for _, r := range g.Rules {
		evidence, ok := r.match(s, f)
		if !ok {
			continue
		}
		evidence = shorten(evidence)
		name, once := g.Name, r.Name
		if r.Weight == None {
			name, once = evidence, evidence
		}
		if seen[once] {
			return Mark{}, false
		}
		seen[once] = true
		return Mark{shorten(name), g.Strength, r.Name, r.Weight, r.Means, f.Place + " " + shorten(f.Key), evidence}, true
	}
	return Mark{}, false
}

func names(marks []Mark) string {
	var out []string
	for _, m := range marks {
		if !slices.Contains(out, m.Generator) {
			out = append(out, m.Generator)
		}
	}
	if len(out) > 3 {
		out = append(out[:3], "and others")
	}
	return strings.Join(out, ", ")
}

// maxShown is how much of a text is looked at to show 120 bytes of it.
const maxShown = 1024

func shorten(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown]
	}
	s = strings.TrimSpace(strings.ReplaceAll(s, "\n", " "))
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:117], "") + "…"
	}
	return s
}

// Generators returns the table for the reference.
func Generators() []Generator { return slices.Clone(generators) }
