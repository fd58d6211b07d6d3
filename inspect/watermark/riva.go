package watermark

import (
	"context"
	"fmt"
	"image"
	"image/draw"
	"math"

	"github.com/cordonhq/cordon"
)

// RivaGan is a mark that a small neural network puts into a picture and another one reads, 32
// bits of it. No known image generator uses it: it is for an organisation's own marks.
const RivaGan Method = "rivaGan"

// rivaBits is the length of every payload of RivaGan.
const rivaBits = 32

// RivaDecoder reads the scores of the 32 bits from a picture: its channels blue, green and red,
// one after the other, each w×h rows first, from −1 to 1. A score is near 0 or 1 where a mark is,
// and anything where none is.
type RivaDecoder func(ctx context.Context, frame []float32, w, h int) ([]float32, error)

// Pieces of a picture are read, not all of it: a mark is everywhere in it, and the network takes
// some tenths of a second for each piece.
const (
	rivaSide   = 192 // pixels
	rivaLeast  = 96  // a smaller picture says nothing
	rivaPieces = 3
)

// rivaMark is the threshold for a mark to be there. docs/detection.md has the pictures it was set
// on.
var rivaMark = RivaMatch{Right: 28, T: 6.5}

// RivaMatch is how well the scores of a picture fit a payload.
type RivaMatch struct {
	Right int     // bits that read as in the payload, of 32
	T     float64 // correlation of the scores with the payload, as Student's t
}

func (m RivaMatch) reaches(t RivaMatch) bool { return m.Right >= t.Right && m.T >= t.T }

// rivaScores reads the mean scores of some pieces of a picture; nil where it is too small.
func rivaScores(ctx context.Context, decode RivaDecoder, m image.Image) ([]float64, error) {
	b := m.Bounds()
	if b.Dx() < rivaLeast || b.Dy() < rivaLeast {
		return nil, nil
	}
	w, h := min(rivaSide, b.Dx()), min(rivaSide, b.Dy())
	pieces := rivaPieces
	if w == b.Dx() && h == b.Dy() {
		pieces = 1
	}
	sum := make([]float64, rivaBits)
	for i := range pieces {
		// Along the diagonal: corners are often plain.
		at := b.Min.Add(image.Pt((b.Dx()-w)*(i+1)/(pieces+1), (b.Dy()-h)*(i+1)/(pieces+1)))
		scores, err := decode(ctx, rivaFrame(m, image.Rectangle{at, at.Add(image.Pt(w, h))}), w, h)
		if err != nil {
			return nil, err
		}
		if len(scores) != rivaBits {
			return nil, fmt.Errorf("the model gives %d scores, not %d", len(scores), rivaBits)
		}
		for k, v := range scores {
			if math.IsNaN(float64(v)) {
				v = 0.5
			}
			// Where no mark is, single scores can be huge; one must not outweigh the others.
			sum[k] += min(1.5, max(-0.5, float64(v))) / float64(pieces)
		}
	}
	return sum, nil
}

// rivaFrame is a piece of a picture as the network takes it.
func rivaFrame(m image.Image, r image.Rectangle) []float32 {
	w, h := r.Dx(), r.Dy()
	piece := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(piece, piece.Rect, m, r.Min, draw.Src)
	out := make([]float32, 3*w*h)
	for i := range w * h {
		for c := range 3 {
			out[c*w*h+i] = float32(piece.Pix[4*i+2-c])/127.5 - 1
		}
	}
	return out
}

// matchRiva compares scores with a payload.
func matchRiva(scores []float64, bits []bool) RivaMatch {
	var out RivaMatch
	var mean, ones float64
	for k, s := range scores {
		mean += s / rivaBits
		if bits[k] {
			ones++
		}
		if (s > 0.52) == bits[k] { // the threshold of the library that makes the marks
			out.Right++
		}
	}
	var both, spread, shape float64
	for k, s := range scores {
		p := -ones / rivaBits
		if bits[k] {
			p++
		}
		both += p * (s - mean)
		spread += (s - mean) * (s - mean)
		shape += p * p
	}
	if spread < 1e-9 || shape < 1e-9 {
		return out
	}
	fit := both / math.Sqrt(spread*shape)
	out.T = fit * math.Sqrt((rivaBits-2)/max(1e-9, 1-fit*fit))
	return out
}

// riva looks for the marks of RivaGan. why says what kept it from looking, "" if nothing did.
func (d *Detector) riva(ctx context.Context, img image.Image) (out []cordon.Finding, why string, err error) {
	if d.decode == nil {
		return nil, d.absent, nil
	}
	scores, err := rivaScores(ctx, d.decode, img)
	if ctx.Err() != nil {
		return nil, "", ctx.Err()
	}
	if err != nil {
		return nil, "", fmt.Errorf("read a RivaGAN mark: %w", err)
	}
	if scores == nil {
		return nil, "the picture is too small for it", nil
	}
	for _, p := range d.rivas {
		r := matchRiva(scores, p.Bits)
		if !r.reaches(rivaMark) {
			continue
		}
		out = append(out, cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelOwnWatermark,
			Sentence: fmt.Sprintf("The picture carries the invisible mark of %s.", p.Says),
			Detail: map[string]any{"payload": p.Name, "method": string(p.Method), "bits": rivaBits, "right": r.Right,
				"t": math.Round(100*r.T) / 100}})
	}
	return out, "", nil
}
