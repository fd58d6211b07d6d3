package watermark

import (
	"context"
	"image"
	"math"

	"github.com/cordonhq/cordon/media"
)

// searchRows bounds the rows of blocks that a search looks at.
const searchRows = 96

// search looks for a payload in a picture that was cut out of a larger one, so that the
// grid of blocks begins anywhere, the payload with any bit, and rows are as far apart in it
// as nobody knows.
func search(ctx context.Context, m image.Image, payloads []Payload, templates []template) (best []Match, err error) {
	best = make([]Match, len(payloads))
	for dy := range 2 {
		for dx := range 2 {
			if haarIsFixed(m) && (dx > 0 || dy > 0) {
				continue
			}
			p := planeOf(shifted(m, dx, dy), func(block int) bool { return block <= searchRows })
			for y := range blockSide {
				for x := range blockSide {
					if err := media.Pace(ctx); err != nil {
						return nil, err
					}
					blocks := map[Method]soft{}
					for i, pay := range payloads {
						s, done := blocks[pay.Method]
						if !done {
							s = softOf(p, pay.Method, x, y, func(i int) bool { return i < searchRows })
							s.h = min(s.h, searchRows)
							s.rows = nil
							blocks[pay.Method] = s
						}
						if s.w*s.h < enough*len(pay.Bits) {
							continue
						}
						if r := templates[i].align(s); r.Z > best[i].Z {
							best[i] = r
						}
					}
				}
			}
		}
	}
	return best, nil
}

// haarIsFixed reports whether the picture has no chroma for every pixel, so that pairs of
// pixels other than its own cannot be formed.
func haarIsFixed(m image.Image) bool {
	y, ok := m.(*image.YCbCr)
	return ok && y.SubsampleRatio == image.YCbCrSubsampleRatio420
}

// shifted is the picture without its first columns and rows.
func shifted(m image.Image, dx, dy int) image.Image {
	if dx == 0 && dy == 0 {
		return m
	}
	b := m.Bounds()
	b.Min = b.Min.Add(image.Pt(dx, dy))
	return m.(interface {
		SubImage(image.Rectangle) image.Image
	}).SubImage(b)
}

// align finds the first bit and the stride at which a payload fits best.
func (t template) align(s soft) Match {
	n := len(t.shape)
	payload := make([]float32, 2*n)
	for k := range payload {
		payload[k] = float32(t.shape[k%n])
	}
	// at[i][k] is how well row i fits when it begins with bit k.
	at := make([][]float32, s.h)
	folded := make([]float32, min(n, s.w))
	for i := range at {
		clear(folded)
		for j, v := range s.v[i*s.w : (i+1)*s.w] {
			folded[j%n] += v
		}
		at[i] = make([]float32, n)
		for k := range at[i] {
			var sum float32
			for j, p := range payload[k : k+len(folded)] {
				sum += p * folded[j]
			}
			at[i][k] = sum
		}
	}
	first, stride, most := 0, 0, float32(math.Inf(-1))
	sums := make([]float32, n)
	for w := range n {
		copy(sums, at[0])
		from := 0
		for _, row := range at[1:] {
			if from += w; from >= n {
				from -= n
			}
			for k, v := range row[from:] {
				sums[k] += v
			}
			for k, v := range row[:from] {
				sums[n-from+k] += v
			}
		}
		for k, v := range sums {
			if v > most {
				first, stride, most = k, w, v
			}
		}
	}
	return t.correlate(s, first, stride)
}
