// Package watermark looks for invisible marks that image generators put into what they
// make: those of the library invisible-watermark, whose payloads are publicly known.
//
// A mark that is found is evidence anyone can check again. That none is found says nothing:
// most programs put none in, and scaling a picture, turning it or saving it with coarse
// colours takes it out. docs/detection.md says what was measured to survive.
package watermark

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// Config of a Detector. The zero value looks for the payloads of Generators, without a search.
type Config struct {
	// Own are payloads of the tenant's, which say nothing about how a picture was made.
	Own []Payload
	// Search looks into pictures that were cut out of larger ones as well. It takes some
	// tenths of a second, so it is not for a lane where somebody waits.
	Search bool
	// Riva reads the marks of RivaGan; nil where that cannot be done, for the reason RivaAbsent.
	// They are looked for together with the search only.
	Riva       RivaDecoder
	RivaAbsent string
}

// Detector implements inspect.Detector.
type Detector struct {
	payloads  []Payload
	templates []template
	own       int // payloads[own:] are the tenant's
	search    bool

	rivas  []Payload // of RivaGan
	decode RivaDecoder
	absent string
}

// New checks the payloads.
func New(conf Config) (*Detector, error) {
	d := &Detector{search: conf.Search, decode: conf.Riva, absent: conf.RivaAbsent}
	known := Generators()
	d.own = len(known)
	names := map[string]bool{}
	for _, p := range append(known, conf.Own...) {
		if err := p.check(); err != nil {
			return nil, err
		}
		if names[p.Name] {
			return nil, fmt.Errorf("watermark: two payloads are called %s", p.Name)
		}
		names[p.Name] = true
		if p.Method == RivaGan {
			d.rivas = append(d.rivas, p)
			continue
		}
		d.payloads, d.templates = append(d.payloads, p), append(d.templates, templateOf(p))
	}
	return d, nil
}

// Name implements inspect.Detector.
func (*Detector) Name() string { return "watermark" }

// Version implements inspect.Detector.
func (d *Detector) Version() string {
	switch {
	case d.search && len(d.rivas) > 0 && d.decode != nil:
		return "2+search+rivagan"
	case d.search:
		return "2+search"
	}
	return "2"
}

// Late implements inspect.Late: the search takes too long while somebody waits.
func (d *Detector) Late(t media.Type) bool {
	return d.search && t.Modality() == cordon.Image && t != media.SVG
}

// Thresholds for a mark to be there. docs/detection.md has the pictures they were set on.
var (
	inPlace = Match{Z: 8, T: 5.5}
	cutOut  = Match{Z: 9, T: 8.5} // many places are tried
)

func (m Match) reaches(t Match) bool { return m.Z >= t.Z && m.T >= t.T }

// nativePixels bounds the pixels that are read of a picture without a search.
const nativePixels = 1 << 20

// Inspect implements inspect.Detector.
func (d *Detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	img, err := m.Pixels(ctx)
	switch {
	case errors.Is(err, media.ErrNoPixels), errors.Is(err, cordon.ErrTooLarge):
		f := cordon.Finding{Status: cordon.StatusNotApplicable, Class: cordon.Deterministic, Label: cordon.LabelNotCovered, Look: media.LookOf(err),
			Sentence: "There are no pixels to look for an invisible mark in.", Detail: map[string]any{"why": err.Error()}}
		if f.Look != cordon.LookNothing {
			f.Sentence = "The pixels were not decoded, so no invisible mark was looked for in them."
		}
		out := []cordon.Finding{f}
		if f.Look != cordon.LookBeyondLimits {
			return out, nil
		}
		// What stands in the upper rows is found; the rest stays beyond the limits.
		upper, release, err := m.Upper(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return out, nil
		}
		defer release()
		found, err := d.look(ctx, upper)
		for _, one := range found {
			if one.Status == cordon.StatusFound {
				out = append(out, one)
			}
		}
		return out, err
	case err != nil:
		return nil, err
	}
	return d.look(ctx, img)
}

// look looks for every mark in a picture.
func (d *Detector) look(ctx context.Context, img image.Image) ([]cordon.Finding, error) {
	var err error
	var out []cordon.Finding
	if f, found := lowBits(img); found {
		out = append(out, f)
	}
	best := d.inPlace(img)
	for i, r := range best {
		if r.reaches(inPlace) {
			out = append(out, d.found(i, r, "in place"))
		}
	}
	if len(out) == 0 && d.search {
		if best, err = search(ctx, img, d.payloads, d.templates); err != nil {
			return nil, err
		}
		for i, r := range best {
			if r.reaches(cutOut) {
				out = append(out, d.found(i, r, "cut out of a larger picture"))
			}
		}
	}
	if d.search && len(d.rivas) > 0 {
		found, why, err := d.riva(ctx, img)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		if why != "" {
			out = append(out, cordon.Finding{Status: cordon.StatusNotApplicable, Class: cordon.Deterministic, Label: cordon.LabelNotCovered,
				Sentence: "Marks made with RivaGAN were not looked for: " + why + ".", Detail: map[string]any{"method": string(RivaGan)}})
		}
	}
	if slices.ContainsFunc(out, func(f cordon.Finding) bool { return f.Status == cordon.StatusFound }) {
		return out, nil
	}
	return append(out, cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoWatermark,
		Sentence: "None of the invisible marks that Cordon knows was found. Most generated pictures carry none.",
		Detail:   map[string]any{"payloads": len(d.payloads), "searched": d.search}}), nil
}

// inPlace tests each payload where the programs that mark put it.
func (d *Detector) inPlace(img image.Image) []Match {
	rows := spread(img.Bounds().Dx(), img.Bounds().Dy())
	p := planeOf(img, rows)
	blocks := map[Method]soft{}
	out := make([]Match, len(d.payloads))
	for i, pay := range d.payloads {
		s, done := blocks[pay.Method]
		if !done {
			s = softOf(p, pay.Method, 0, 0, rows)
			blocks[pay.Method] = s
		}
		out[i] = d.templates[i].correlate(s, 0, s.w)
	}
	return out
}

// spread chooses rows of blocks over the whole height so that at most nativePixels are
// read; nil means all.
func spread(w, h int) func(row int) bool {
	rows, most := h/(2*blockSide), nativePixels/(2*blockSide)/max(1, w)
	if rows <= most {
		return nil
	}
	most = max(most, 1)
	return func(row int) bool { return row*most/rows != (row-1)*most/rows || row == 0 }
}

func (d *Detector) found(i int, r Match, how string) cordon.Finding {
	p := d.payloads[i]
	f := cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelGeneratorWatermark,
		Sentence: fmt.Sprintf("The picture carries the invisible mark of %s.", p.Says),
		Detail: map[string]any{"payload": p.Name, "method": string(p.Method), "bits": len(p.Bits), "where": how,
			"z": math.Round(100*r.Z) / 100, "fit": math.Round(1000*r.Fit) / 1000, "t": math.Round(100*r.T) / 100}}
	if i >= d.own {
		f.Label = cordon.LabelOwnWatermark
	}
	return f
}
