package app

import (
	"cmp"
	"fmt"

	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/c2pa"
	"github.com/cordonhq/cordon/inspect/capture"
	"github.com/cordonhq/cordon/inspect/dicom"
	"github.com/cordonhq/cordon/inspect/kind"
	"github.com/cordonhq/cordon/inspect/known"
	"github.com/cordonhq/cordon/inspect/layout"
	"github.com/cordonhq/cordon/inspect/marks"
	"github.com/cordonhq/cordon/inspect/mrz"
	"github.com/cordonhq/cordon/inspect/parts"
	"github.com/cordonhq/cordon/inspect/recording"
	"github.com/cordonhq/cordon/inspect/signed"
	"github.com/cordonhq/cordon/inspect/watermark"
)

// detectors is the list of what looks at every item: one folder and one line each.
func detectors(trust Trust, lists known.Lists, invisible watermark.Config) ([]inspect.Detector, error) {
	provenance, err := c2pa.New(c2pa.Config{Anchors: trust.Anchors, TSAAnchors: trust.TSAAnchors, Lists: trust.Lists, DenyList: trust.Denied, Now: trust.Now})
	if err != nil {
		return nil, fmt.Errorf("content credentials: %w", err)
	}
	watermarks, err := watermark.New(invisible)
	if err != nil {
		return nil, err
	}
	ears, _ := lists.(known.Listener)
	signatures, err := signed.New(signed.Config{Partners: trust.Partners, Now: trust.Now})
	if err != nil {
		return nil, err
	}
	content := []inspect.Detector{
		provenance,
		marks.New(marks.Config{}),
		watermarks,
		known.New(lists, ears),
		dicom.New(dicom.Config{}),
		signatures,
		layout.New(),
		mrz.New(),
		recording.New(recording.Config{Whole: invisible.Search}),
		capture.New(capture.Config{}),
	}
	var limits parts.Limits
	if invisible.Search { // nobody waits
		limits.Pixels, limits.Coded, limits.KeyFrames = 400e6, 400, 120
	}
	inside := make([]parts.Detector, len(content))
	for i, d := range content {
		inside[i] = d
	}
	return append(content,
		parts.New(inside, limits),
		kind.New(kind.Config{}),
	), nil
}

// nobody has the lists of known files of a scan: there are none.
var nobody known.None

// payloads are the marks that a tenant puts into its own pictures.
func payloads(declared []WatermarkConfig) (out []watermark.Payload) {
	for _, w := range declared {
		p := watermark.Payload{Name: w.Name, Says: cmp.Or(w.Says, w.Name), Method: watermark.Method(cmp.Or(w.Method, string(watermark.DwtDct))),
			Bits: watermark.Digits(w.Bits)}
		if w.Text != "" {
			p.Bits, p.Text = watermark.Text(w.Text), true
		}
		out = append(out, p)
	}
	return out
}
