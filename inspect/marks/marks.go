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
	"github.com/cordonhq/cordon/declared"
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
func (*Detector) Version() string { return "4" }

// labels, in the order in which findings are reported.
var labels = []struct {
	strength declared.Strength
	label    cordon.Label
	sentence string
}{
	{declared.Declares, cordon.LabelGeneratorMark, "The file carries metadata as it is written by %s."},
	{declared.Synthetic, cordon.LabelSyntheticTag, "The file's metadata says that a trained model made it (%s)."},
	{declared.Composite, cordon.LabelCompositeTag, "The file's metadata says that a trained model made parts of it (%s)."},
	{declared.Possible, cordon.LabelPossibleTag, "The file's metadata says that a trained model may have been at work (%s)."},
	{declared.Editor, cordon.LabelEditorMark, "A program says that it saved the file (%s). That is common and says nothing of its content."},
	{declared.Camera, cordon.LabelCameraMark, "A camera or telephone is named as the origin (%s). Anyone can write that."},
	{declared.Stated, cordon.LabelOriginStated, "The file states something of its origin or history (%s). Anyone can write that."},
}

// Inspect implements inspect.Detector.
func (d *Detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	all, over, covered, err := Fields(ctx, m)
	if err != nil {
		return nil, err
	}
	notCovered := func(sentence string) ([]cordon.Finding, error) {
		return []cordon.Finding{{
			Status: cordon.StatusNotApplicable, Class: cordon.Deterministic, Label: cordon.LabelNotCovered,
			Sentence: sentence, Detail: map[string]any{"type": string(m.Type)},
		}}, nil
	}
	if !covered {
		return notCovered("The metadata of this kind of file is not read.")
	}
	found, whole := declared.Match(ctx, all, int(m.Room(1)))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !whole && over == "" {
		over = "more of its text looks like a mark than is compared with what generators write"
	}
	var out []cordon.Finding
	for _, l := range labels {
		var marks []declared.Mark
		for _, mark := range found {
			if mark.Strength == l.strength {
				marks = append(marks, mark)
			}
		}
		if len(marks) == 0 || slices.Contains(beside, m.Type) && !says(l.strength) {
			continue
		}
		slices.SortStableFunc(marks, func(a, b declared.Mark) int { return cmp.Compare(b.Weight, a.Weight) })
		out = append(out, cordon.Finding{
			Status: cordon.StatusFound, Class: cordon.Deterministic, Label: l.label,
			Sentence: fmt.Sprintf(l.sentence, names(marks)) + explained(marks),
			Detail:   map[string]any{"marks": marks},
		})
	}
	if len(out) == 0 && over == "" && slices.Contains(beside, m.Type) {
		return notCovered("Nothing of how it was made stands where such a file says it. Its content is another matter.")
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

// says reports whether marks of a strength say something of how the content was made. Others would
// make of files whose content nobody looks at some that were looked at.
func says(s declared.Strength) bool {
	return s != declared.Editor && s != declared.Camera && s != declared.Stated
}

// explained names the indicators that say something, the weightiest first.
func explained(marks []declared.Mark) string {
	var out []string
	for _, m := range marks {
		if one := fmt.Sprintf("%s (%s)", m.Indicator, m.Weight.Word()); m.Weight > declared.None && !slices.Contains(out, one) {
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

func names(marks []declared.Mark) string {
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
