package pdq

import (
	"image"
	"image/color"
)

// lumaOf returns the brightness of each pixel, row by row, by the weights of ITU-R BT.601.
// A picture with a side above 512 is sampled down to 512 by 512, each new pixel one of the
// old ones: the hash of a large picture must not depend on a filter.
func lumaOf(m image.Image) (luma []float32, w, h int) {
	b := m.Bounds()
	w, h = b.Dx(), b.Dy()
	if w > largest || h > largest {
		w, h = largest, largest
	}
	at := rgbOf(m)
	luma = make([]float32, w*h)
	for y := range h {
		from := b.Min.Y + y*b.Dy()/h
		row := luma[y*w : (y+1)*w]
		for x := range row {
			r, g, b := at(b.Min.X+x*b.Dx()/w, from)
			row[x] = brightness(r, g, b)
		}
	}
	return luma, w, h
}

func brightness(r, g, b uint8) float32 {
	return float32(float32(0.299*float32(r))+float32(0.587*float32(g))) + float32(0.114*float32(b))
}

// rgbOf returns what reads one pixel, without an allocation for the types that decoders make.
// Transparency is ignored, as it is by those who exchange hashes.
func rgbOf(m image.Image) func(x, y int) (r, g, b uint8) {
	switch m := m.(type) {
	case *image.YCbCr:
		return func(x, y int) (r, g, b uint8) {
			i, c := m.YOffset(x, y), m.COffset(x, y)
			return color.YCbCrToRGB(m.Y[i], m.Cb[c], m.Cr[c])
		}
	case *image.Gray:
		return func(x, y int) (r, g, b uint8) {
			v := m.Pix[m.PixOffset(x, y)]
			return v, v, v
		}
	case *image.NRGBA:
		return func(x, y int) (r, g, b uint8) {
			p := m.Pix[m.PixOffset(x, y):]
			return p[0], p[1], p[2]
		}
	case *image.RGBA:
		return func(x, y int) (r, g, b uint8) {
			i := m.PixOffset(x, y)
			if p := m.Pix[i : i+4]; p[3] == 0xff {
				return p[0], p[1], p[2]
			}
			return straight(m.RGBAAt(x, y))
		}
	}
	return func(x, y int) (r, g, b uint8) { return straight(m.At(x, y)) }
}

func straight(c color.Color) (r, g, b uint8) {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return n.R, n.G, n.B
}
