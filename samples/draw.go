package samples

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// canvas is a picture with the few strokes that samples need. Coordinates are pixels.
type canvas struct{ *image.RGBA }

func newCanvas(w, h int) canvas { return canvas{image.NewRGBA(image.Rect(0, 0, w, h))} }

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

func mix(a, b color.RGBA, t float64) color.RGBA {
	t = min(max(t, 0), 1)
	at := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*t) }
	return color.RGBA{at(a.R, b.R), at(a.G, b.G), at(a.B, b.B), 255}
}

// fade fills the rows from top to bottom with a gradient.
func (c canvas) fade(top, bottom int, from, to color.RGBA) {
	for y := top; y < bottom; y++ {
		col := mix(from, to, float64(y-top)/float64(bottom-top))
		draw.Draw(c, image.Rect(0, y, c.Rect.Dx(), y+1), image.NewUniform(col), image.Point{}, draw.Src)
	}
}

// pen draws a path; points are pixels of the canvas.
type pen struct {
	r      *vector.Rasterizer
	dx, dy float64
}

func (p pen) moveTo(x, y float64) { p.r.MoveTo(float32(x-p.dx), float32(y-p.dy)) }
func (p pen) lineTo(x, y float64) { p.r.LineTo(float32(x-p.dx), float32(y-p.dy)) }
func (p pen) cubeTo(ax, ay, bx, by, cx, cy float64) {
	p.r.CubeTo(float32(ax-p.dx), float32(ay-p.dy), float32(bx-p.dx), float32(by-p.dy), float32(cx-p.dx), float32(cy-p.dy))
}

// fill paints a closed path. Only the part of the canvas within the bounds is worked on:
// samples have hundreds of small shapes.
func (c canvas) fill(bounds image.Rectangle, col color.Color, path func(p pen)) {
	if bounds = bounds.Intersect(c.Rect); bounds.Empty() {
		return
	}
	r := vector.NewRasterizer(bounds.Dx(), bounds.Dy())
	path(pen{r, float64(bounds.Min.X), float64(bounds.Min.Y)})
	r.ClosePath()
	r.Draw(c, bounds, image.NewUniform(col), image.Point{})
}

// ellipse paints an ellipse around x, y.
func (c canvas) ellipse(x, y, rx, ry float64, col color.Color) {
	const k = 0.5522847498 // a cubic that is a quarter of a circle
	bounds := image.Rect(int(x-rx)-2, int(y-ry)-2, int(x+rx)+3, int(y+ry)+3)
	c.fill(bounds, col, func(p pen) {
		p.moveTo(x+rx, y)
		p.cubeTo(x+rx, y+k*ry, x+k*rx, y+ry, x, y+ry)
		p.cubeTo(x-k*rx, y+ry, x-rx, y+k*ry, x-rx, y)
		p.cubeTo(x-rx, y-k*ry, x-k*rx, y-ry, x, y-ry)
		p.cubeTo(x+k*rx, y-ry, x+rx, y-k*ry, x+rx, y)
	})
}

// polygon paints the area between points given as x, y, x, y, …
func (c canvas) polygon(col color.Color, xy ...float64) {
	bounds := image.Rectangle{Min: image.Pt(int(xy[0]), int(xy[1])), Max: image.Pt(int(xy[0]), int(xy[1]))}
	for i := 2; i < len(xy); i += 2 {
		bounds.Min = image.Pt(min(bounds.Min.X, int(xy[i])), min(bounds.Min.Y, int(xy[i+1])))
		bounds.Max = image.Pt(max(bounds.Max.X, int(xy[i])), max(bounds.Max.Y, int(xy[i+1])))
	}
	c.fill(bounds.Inset(-2), col, func(p pen) {
		p.moveTo(xy[0], xy[1])
		for i := 2; i < len(xy); i += 2 {
			p.lineTo(xy[i], xy[i+1])
		}
	})
}

func (c canvas) rect(x, y, w, h int, col color.Color) {
	draw.Draw(c, image.Rect(x, y, x+w, y+h), image.NewUniform(col), image.Point{}, draw.Over)
}

// ridge paints everything below a line of hills.
func (c canvas) ridge(rnd *rand.Rand, base, height float64, col color.RGBA) {
	a, b, d := rnd.Float64()*6, rnd.Float64()*6, rnd.Float64()*6
	w := float64(c.Rect.Dx())
	xy := []float64{w, float64(c.Rect.Dy()), 0, float64(c.Rect.Dy())}
	for x := 0.0; x <= w; x += 4 {
		t := x / w * 2 * math.Pi
		y := base - height*(0.55*math.Sin(t*0.9+a)+0.3*math.Sin(t*2.3+b)+0.15*math.Sin(t*5.1+d))
		xy = append(xy, x, y)
	}
	c.polygon(col, xy...)
}

// grain adds the noise that a sensor would.
func (c canvas) grain(rnd *rand.Rand, amount int) {
	for i := 0; i < len(c.Pix); i += 4 {
		n := rnd.IntN(2*amount+1) - amount
		for k := range 3 {
			c.Pix[i+k] = uint8(min(max(int(c.Pix[i+k])+n, 0), 255))
		}
	}
}

// faces are the fonts, parsed once.
var faces = sync.OnceValues(func() (regular, bold *opentype.Font) {
	var err error
	if regular, err = opentype.Parse(goregular.TTF); err != nil {
		panic(err) // the font is compiled in
	}
	if bold, err = opentype.Parse(gobold.TTF); err != nil {
		panic(err)
	}
	return regular, bold
})

// text writes a line with its base line at y and returns where it ends.
func (c canvas) text(x, y, size int, strong bool, col color.Color, s string) int {
	f, bold := faces()
	if strong {
		f = bold
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err) // sizes are constants of this package
	}
	d := font.Drawer{Dst: c, Src: image.NewUniform(col), Face: face, Dot: fixed.P(x, y)}
	d.DrawString(s)
	return d.Dot.X.Ceil()
}

// stamp labels a picture as what it is.
func (c canvas) stamp(what string) {
	w, h := c.Rect.Dx(), c.Rect.Dy()
	size := max(w/45, 13)
	band := size*2 + size/2
	c.rect(0, h-band, w, band, color.RGBA{0, 0, 0, 150})
	end := c.text(size, h-size+size/6, size, true, color.White, "SAMPLE")
	c.text(end+size, h-size+size/6, size, false, color.RGBA{225, 225, 225, 255}, what)
}
