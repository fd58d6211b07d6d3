package watermark

import (
	"image"
	"image/color"
)

// plane is the low band of one Haar transform of the chroma U: a value for every two by two
// pixels, rows first.
type plane struct {
	w, h int
	v    []float32
}

// Where a JPEG keeps one chroma sample for two by two pixels, that sample is the low band
// already. U is Cb on another scale.
const uOfCb = 0.492 / 0.564

// planeOf returns the band of the rows that wanted names (by their index in blocks of
// eight pixels), or of all if wanted is nil. Rows that are not wanted stay zero.
func planeOf(m image.Image, wanted func(block int) bool) plane {
	b := m.Bounds()
	p := plane{w: b.Dx() / 4 * 2, h: b.Dy() / 4 * 2}
	p.v = make([]float32, p.w*p.h)
	fill := p.filler(m)
	for y := range p.h {
		if wanted == nil || wanted(y/blockSide) {
			fill(p.v[y*p.w:(y+1)*p.w], b.Min.Y+2*y, b.Min.X)
		}
	}
	return p
}

// filler returns what computes one row of the band from the pixels at y and below.
func (p plane) filler(m image.Image) func(row []float32, y, x0 int) {
	if m, ok := m.(*image.YCbCr); ok {
		if m.SubsampleRatio == image.YCbCrSubsampleRatio420 && m.Rect.Min.X%2 == 0 && m.Rect.Min.Y%2 == 0 {
			return func(row []float32, y, x0 int) {
				at := m.COffset(x0, y)
				for x, cb := range m.Cb[at : at+len(row)] {
					row[x] = 2 * (128 + uOfCb*(float32(cb)-128))
				}
			}
		}
		return four(func(x, y int) float32 { return 128 + uOfCb*(float32(m.Cb[m.COffset(x, y)])-128) })
	}
	switch m := m.(type) {
	case *image.Gray, *image.Gray16:
		return four(func(int, int) float32 { return 128 })
	case *image.NRGBA:
		return four(func(x, y int) float32 {
			p := m.Pix[m.PixOffset(x, y):]
			return chroma(p[0], p[1], p[2])
		})
	case *image.RGBA:
		return four(func(x, y int) float32 {
			if p := m.Pix[m.PixOffset(x, y):]; p[3] == 0xff {
				return chroma(p[0], p[1], p[2])
			}
			return chromaOf(m.RGBAAt(x, y))
		})
	}
	return four(func(x, y int) float32 { return chromaOf(m.At(x, y)) })
}

// four sums two by two pixels, halved, as the Haar transform does.
func four(u func(x, y int) float32) func(row []float32, y, x0 int) {
	return func(row []float32, y, x0 int) {
		for i := range row {
			x := x0 + 2*i
			row[i] = (u(x, y) + u(x+1, y) + u(x, y+1) + u(x+1, y+1)) / 2
		}
	}
}

// chroma is U in eight bits, in the integer arithmetic of the library that marks are made with.
func chroma(r, g, b uint8) float32 {
	y := (4899*int32(r) + 9617*int32(g) + 1868*int32(b) + 1<<13) >> 14
	u := (8061*(int32(b)-y) + 128<<14 + 1<<13) >> 14
	return float32(min(max(u, 0), 255))
}

func chromaOf(c color.Color) float32 {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return chroma(n.R, n.G, n.B)
}
