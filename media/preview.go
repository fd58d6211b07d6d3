package media

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
)

// DefaultPreviewSide is the longer side of a preview, in pixels, if none is asked for.
const DefaultPreviewSide = 1024

// Preview is a picture made anew from decoded pixels. It holds no metadata, no trailing
// data and no byte of the original.
type Preview struct {
	Data          []byte
	MediaType     string // image/jpeg, or image/png where the picture has transparency
	Width, Height int    // pixels
}

// Preview draws the picture the right way up, its longer side at most maxSide pixels
// (0: DefaultPreviewSide). What cannot be previewed fails with ErrNoPixels and the reason.
func (m *Media) Preview(ctx context.Context, maxSide int) (Preview, error) {
	if maxSide <= 0 {
		maxSide = DefaultPreviewSide
	}
	src, err := m.Pixels(ctx)
	if err != nil {
		return Preview{}, fmt.Errorf("preview: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Preview{}, err
	}
	img := orient(shrink(src, maxSide), m.Orientation())
	out := Preview{MediaType: "image/jpeg", Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}
	var b bytes.Buffer
	if img.Opaque() {
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 85})
	} else {
		out.MediaType = "image/png"
		err = png.Encode(&b, img)
	}
	if err != nil {
		return Preview{}, fmt.Errorf("preview: %w", err)
	}
	out.Data = b.Bytes()
	return out, nil
}

// shrink copies src so that its longer side is at most maxSide. It never enlarges.
func shrink(src image.Image, maxSide int) *image.RGBA {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	if long := max(w, h); long > maxSide {
		scale := float64(maxSide) / float64(long)
		w = max(1, int(math.Round(float64(w)*scale)))
		h = max(1, int(math.Round(float64(h)*scale)))
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if g, ok := src.(*image.Gray16); ok {
		src = stretch(g)
	}
	if w == b.Dx() && h == b.Dy() {
		draw.Draw(dst, dst.Bounds(), src, b.Min, draw.Src)
		return dst
	}
	draw.BiLinear.Scale(dst, dst.Bounds(), src, b, draw.Src, nil)
	return dst
}

// stretch spreads a 16-bit grey picture over its own range: scans often use 12 bits of 16
// and would look black.
func stretch(g *image.Gray16) image.Image {
	var most uint16
	for i := 0; i+1 < len(g.Pix); i += 2 {
		most = max(most, uint16(g.Pix[i])<<8|uint16(g.Pix[i+1]))
	}
	if most == 0 || most > 0x7FFF {
		return g
	}
	out := image.NewGray(g.Rect)
	for y := g.Rect.Min.Y; y < g.Rect.Max.Y; y++ {
		for x := g.Rect.Min.X; x < g.Rect.Max.X; x++ {
			out.SetGray(x, y, color.Gray{Y: uint8(uint32(g.Gray16At(x, y).Y) * 255 / uint32(most))})
		}
	}
	return out
}

// orient turns the picture as the EXIF orientation says.
func orient(src *image.RGBA, orientation int) *image.RGBA {
	w, h := float64(src.Rect.Dx()), float64(src.Rect.Dy())
	// Each matrix maps source to destination: x' = m0*x + m1*y + m2, y' = m3*x + m4*y + m5.
	turn := map[int]f64.Aff3{
		2: {-1, 0, w, 0, 1, 0},
		3: {-1, 0, w, 0, -1, h},
		4: {1, 0, 0, 0, -1, h},
		5: {0, 1, 0, 1, 0, 0},
		6: {0, -1, h, 1, 0, 0},
		7: {0, -1, h, -1, 0, w},
		8: {0, 1, 0, -1, 0, w},
	}
	m, ok := turn[orientation]
	if !ok {
		return src
	}
	dst := image.NewRGBA(src.Rect)
	if orientation >= 5 {
		dst = image.NewRGBA(image.Rect(0, 0, src.Rect.Dy(), src.Rect.Dx()))
	}
	draw.NearestNeighbor.Transform(dst, m, src, src.Bounds(), draw.Src, nil)
	return dst
}
