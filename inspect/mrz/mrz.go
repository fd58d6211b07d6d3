// Package mrz checks the check digits of machine-readable zones of travel documents (ICAO Doc
// 9303) that stand in text files and in the text layer of PDF documents.
//
// A wrong check digit says that the zone was not read off a document without a mistake:
// somebody mistyped it, a program misread it, or it was made up. Which of these cannot be told
// from the zone, so it is never held for that alone. No character of a zone leaves the package.
package mrz

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// Limits of what is read and told.
const (
	maxRead  = 32 << 20 // bytes of the file
	maxZones = 50       // zones in the evidence
)

// MRZ implements inspect.Detector.
type MRZ struct{}

// New returns the detector.
func New() MRZ { return MRZ{} }

// Name implements inspect.Detector.
func (MRZ) Name() string { return "mrz" }

// Version implements inspect.Detector.
func (MRZ) Version() string { return "1" }

// Inspect implements inspect.Detector.
func (MRZ) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	f := cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic}
	if m.Type != media.Text && m.Type != media.PDF {
		f.Status, f.Label, f.Sentence = cordon.StatusNotApplicable, cordon.LabelNotCovered, "Machine-readable zones are read in text files and PDF documents only."
		return []cordon.Finding{f}, nil
	}
	text, err := io.ReadAll(io.LimitReader(m.Reader(ctx), maxRead))
	if err == nil && m.Type == media.PDF {
		text, err = textOf(ctx, text)
	}
	if err != nil {
		return nil, err
	}
	found := zones(lines(text))
	f.Detail = map[string]any{"zones": append([]zone{}, found[:min(len(found), maxZones)]...), "read": min(m.Size(), maxRead)}
	f.Label, f.Sentence = cordon.LabelNoMRZ, "There is no machine-readable zone of a travel document in the text, as in most."
	for _, z := range found {
		f.Status, f.Label = cordon.StatusFound, cordon.LabelMRZConsistent
		f.Sentence = "The check digits of the machine-readable zone in the text fit. That proves nothing."
		if len(z.Wrong) > 0 {
			f.Label = cordon.LabelMRZInconsistent
			f.Sentence = fmt.Sprintf("In the machine-readable zone on line %d of the text (%s), check digits do not fit: %s. A mistake in typing or reading does that as well.",
				z.Line, z.Format, strings.Join(z.Wrong, ", "))
			break
		}
	}
	return []cordon.Finding{f}, nil
}

// line is a line of text that may belong to a zone.
type line struct {
	number int // from 1
	text   string
}

// lines returns the lines that have the length and the letters of a zone, without the blanks
// around and inside of them: programs that read pages put them there.
func lines(text []byte) (out []line) {
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		if raw = bytes.TrimSpace(raw); len(raw) < 30 || len(raw) > 100 {
			continue
		}
		one := strings.ReplaceAll(string(raw), " ", "")
		if n := len(one); (n == 30 || n == 36 || n == 44) && regular.MatchString(one) {
			out = append(out, line{number, one})
		}
	}
	return out
}
