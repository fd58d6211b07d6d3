// Package layout looks at how the pages of a PDF document are drawn, for places where something
// was put over, between or beside what the document was made with: text over covered text, digits
// of one number in two fonts, pages that a later revision changed.
//
// All of it can have an innocent reason, and programs do all of it every day. It is an aid for
// the person who looks at the document: it points at the page, the object and the place, and
// never quotes what stands there. Nothing is held for it.
package layout

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/pdf"
)

// Limits of one document.
const (
	maxFile    = 64 << 20
	maxPages   = 200
	maxHints   = 32
	maxRuns    = 100_000  // texts of one page
	maxContent = 32 << 20 // bytes of content of one document, expanded
)

// Layout implements inspect.Detector.
type Layout struct{}

// New returns the detector.
func New() Layout { return Layout{} }

// Name implements inspect.Detector.
func (Layout) Name() string { return "layout" }

// Version implements inspect.Detector.
func (Layout) Version() string { return "1" }

// Hint is one place that a person should compare with the source of the document.
type Hint struct {
	Kind     string     `json:"kind"`
	Page     int        `json:"page"`   // from 1
	Object   int64      `json:"object"` // that draws it, or that the page is in
	Rect     [4]float64 `json:"rect"`   // left, bottom, right, top, in points from the lower left of the page; zeros: the page
	Revision int        `json:"revision,omitempty"`
	From     int64      `json:"from,omitempty"` // bytes of the file, of a later revision
	To       int64      `json:"to,omitempty"`
	Means    string     `json:"means"` // one sentence for the reviewer
}

// Kinds of hints, and what a reviewer reads of each.
var kinds = map[string]string{
	"text-over-text":        "Text was covered, and other text was written over it.",
	"picture-over-text":     "A picture covers text of the page.",
	"note-over-text":        "A note with text of its own lies over text of the page.",
	"number-spliced":        "One number is drawn with two fonts or sizes.",
	"number-other-subset":   "A number is drawn with another copy of the font than the text around it.",
	"number-other-font":     "A number is drawn with another font than the numbers around it.",
	"number-other-size":     "A number is drawn in a slightly other size than the numbers around it.",
	"text-changed-later":    "A later revision of the file changed the text of the page.",
	"drawing-changed-later": "A later revision of the file changed what the page shows.",
}

// Inspect implements inspect.Detector.
func (Layout) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	say := func(status cordon.FindingStatus, label cordon.Label, sentence string, detail map[string]any) ([]cordon.Finding, error) {
		return []cordon.Finding{{Status: status, Class: cordon.Deterministic, Label: label, Sentence: sentence, Detail: detail}}, nil
	}
	switch {
	case m.Type != media.PDF:
		return say(cordon.StatusNotApplicable, cordon.LabelNotCovered, "The layout of PDF documents only is looked at.", nil)
	case m.Size() > maxFile:
		out, err := say(cordon.StatusNotApplicable, cordon.LabelNotCovered, fmt.Sprintf("The layout of documents of more than %d MiB is not looked at.", maxFile>>20), nil)
		out[0].Look = cordon.LookBeyondLimits
		return out, err
	}
	file, err := m.PDF(ctx)
	if err != nil && file == nil {
		return nil, err
	}
	d := &look{File: file, fonts: map[int64]*font{}}
	if err == nil {
		err = d.run()
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, pdf.ErrUnread), errors.Is(err, pdf.ErrDamaged), errors.Is(err, errLimit):
	case err != nil:
		return nil, err
	}
	detail := map[string]any{"hints": append([]Hint{}, d.hints...), "pages": d.pages, "revisions": append([]int64{}, d.Revisions...)}
	if len(d.producers) > 1 {
		detail["producers"] = len(d.producers)
	}
	if err != nil {
		detail["error"] = err.Error()
	}
	if len(d.hints) == 0 {
		sentence := "The pages are drawn in one piece, as far as can be seen."
		if err != nil {
			sentence = "How the pages are drawn could not be looked at, or not all of it."
		}
		return say(cordon.StatusNone, cordon.LabelDocumentPlain, sentence, detail)
	}
	h := d.hints[0]
	more := ""
	if n := len(d.hints) - 1; n > 0 {
		more = fmt.Sprintf(" There are %d more such places.", n)
	}
	return say(cordon.StatusFound, cordon.LabelDocumentPatched, fmt.Sprintf("Page %d, object %d%s: %s Compare it with the source; programs do this for innocent reasons, too.%s",
		h.Page, h.Object, place(h.Rect), h.Means, more), detail)
}

// place says where on the page, for a reviewer.
func place(r [4]float64) string {
	if r == [4]float64{} {
		return ""
	}
	return fmt.Sprintf(", at %.0f to the right and %.0f up (points)", r[0], r[1])
}

var errLimit = errors.New("the document has more than is looked at")

// look is the look at one document.
type look struct {
	*pdf.File
	fonts     map[int64]*font
	hints     []Hint
	pages     int
	producers map[string]bool
	expanded  int64
	compared  int
}

func (d *look) run() error {
	d.producers = d.makers()
	now := d.Now()
	drawn, err := d.draw(now)
	for _, p := range drawn {
		d.overlays(p)
		d.numbers(p)
	}
	d.pages = len(drawn)
	if err != nil {
		return err
	}
	return d.revisions(drawn)
}

func (d *look) hint(kind string, p *page, object int64, r rect) {
	if len(d.hints) < maxHints {
		d.hints = append(d.hints, Hint{Kind: kind, Page: p.number, Object: object, Rect: r.rounded(), Means: kinds[kind]})
	}
}

// rect is left, bottom, right, top.
type rect [4]float64

func (r rect) rounded() (out [4]float64) {
	for i, v := range r {
		out[i] = math.Round(v*10) / 10
	}
	return out
}

func (r rect) area() float64 { return max(0, r[2]-r[0]) * max(0, r[3]-r[1]) }

func (r rect) has(x, y float64) bool { return x >= r[0] && x <= r[2] && y >= r[1] && y <= r[3] }

func (r rect) with(o rect) rect {
	if r == (rect{}) {
		return o
	}
	return rect{min(r[0], o[0]), min(r[1], o[1]), max(r[2], o[2]), max(r[3], o[3])}
}
