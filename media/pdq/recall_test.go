package pdq_test

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/draw"

	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/pdq"
)

var update = flag.Bool("update", false, "write the table of pictures in docs/detection.md")

// turned returns a picture that is read from another by place.
func turned(m image.Image, w, h int, at func(x, y int) (int, int)) image.Image {
	out, b := image.NewRGBA(image.Rect(0, 0, w, h)), m.Bounds()
	for y := range h {
		for x := range w {
			fx, fy := at(x, y)
			out.Set(x, y, m.At(b.Min.X+fx, b.Min.Y+fy))
		}
	}
	return out
}

// saved returns what a JPEG of a quality shows.
func saved(t *testing.T, m image.Image, quality int) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	out, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func scaled(m image.Image, w, h int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(out, out.Bounds(), m, m.Bounds(), draw.Src, nil)
	return out
}

// framed puts a picture on a light ground, as a screenshot of a viewer does; share is that of the
// frame on each side.
func framed(m image.Image, share float64) image.Image {
	b := m.Bounds()
	dx, dy := int(float64(b.Dx())*share), int(float64(b.Dy())*share)
	out := image.NewRGBA(image.Rect(0, 0, b.Dx()+2*dx, b.Dy()+2*dy))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.RGBA{0xee, 0xee, 0xf0, 0xff}), image.Point{}, draw.Src)
	draw.Draw(out, image.Rect(dx, dy, dx+b.Dx(), dy+b.Dy()), m, b.Min, draw.Src)
	return out
}

func cropped(m image.Image, share float64) image.Image {
	b := m.Bounds()
	dx, dy := int(float64(b.Dx())*share/2), int(float64(b.Dy())*share/2)
	return turned(m, b.Dx()-2*dx, b.Dy()-2*dy, func(x, y int) (int, int) { return x + dx, y + dy })
}

// TestRecall measures by which changes a listed picture is still found, and whether it is taken
// for another, and keeps the table of docs/detection.md.
func TestRecall(t *testing.T) {
	sources := map[string]image.Image{}
	add := func(set, pattern string) {
		files, err := filepath.Glob(filepath.Join(mediatest.Corpus(t, set), pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no pictures %s in %s: %v", pattern, set, err)
		}
		taken := 0
		for _, path := range files {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			// Small ones and few of a kind: each is changed in 15 ways.
			if c, _, err := image.DecodeConfig(bytes.NewReader(raw)); err != nil || c.Width*c.Height > 1<<20 || taken == 12 {
				continue
			}
			if m, _, err := image.Decode(bytes.NewReader(raw)); err == nil {
				sources[filepath.Base(path)] = m
				taken++
			}
		}
	}
	add("pdq", "photo__*.png")
	add("pdq", "reg-test-input__dih__bridge-1-*.jpg")
	add("pdq", "reg-test-input__labelme*.jpg")
	add("watermark", "*__clean__png.png")
	add("generator-metadata", "camera/*.jpg")
	add("generator-metadata", "synthetic/*.png")
	var x pdq.Index[string]
	plain := 0
	hashes := map[string]pdq.Hash{}
	for name, m := range sources {
		h, quality := pdq.Of(m)
		if quality < pdq.MinQuality {
			plain++
			delete(sources, name)
			continue
		}
		hashes[name] = h
		x.Put(name, h)
	}
	// Pictures that look the same, as a picture with and without a mark, are one.
	same := func(a, b string) bool { return hashes[a].Distance(hashes[b]) <= 2*pdq.Near }
	var groups []string
	for name := range hashes {
		alone := true
		for _, g := range groups {
			alone = alone && !same(name, g)
		}
		if alone {
			groups = append(groups, name)
		}
	}
	t.Logf("%d pictures, %d of them different, %d too plain", len(sources), len(groups), plain)
	if len(groups) < 8 {
		t.Fatalf("only %d different pictures", len(groups))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d pictures of the corpus, %d of them different; %d more are too plain to be compared. Each was changed and looked up among all of them.\n\n"+
		"| Change | Found again | Bits that differ: least, median, most | Taken for another |\n|---|---|---|---|\n", len(sources), len(groups), plain)
	for _, step := range []struct {
		name   string
		change func(image.Image) image.Image
	}{
		{"none", func(m image.Image) image.Image { return m }},
		{"JPEG 90", func(m image.Image) image.Image { return saved(t, m, 90) }},
		{"JPEG 75", func(m image.Image) image.Image { return saved(t, m, 75) }},
		{"JPEG 50", func(m image.Image) image.Image { return saved(t, m, 50) }},
		{"JPEG 20", func(m image.Image) image.Image { return saved(t, m, 20) }},
		{"half the size, JPEG 85", func(m image.Image) image.Image {
			return saved(t, scaled(m, m.Bounds().Dx()/2, m.Bounds().Dy()/2), 85)
		}},
		{"other proportions: 20 % narrower", func(m image.Image) image.Image { return scaled(m, m.Bounds().Dx()*4/5, m.Bounds().Dy()) }},
		{"without colour", func(m image.Image) image.Image {
			g := image.NewGray(m.Bounds())
			draw.Draw(g, g.Bounds(), m, m.Bounds().Min, draw.Src)
			return g
		}},
		{"screenshot with a frame of 1 % on each side", func(m image.Image) image.Image { return saved(t, framed(m, 0.01), 90) }},
		{"screenshot with a frame of 5 %", func(m image.Image) image.Image { return saved(t, framed(m, 0.05), 90) }},
		{"screenshot with a frame of 20 %", func(m image.Image) image.Image { return saved(t, framed(m, 0.20), 90) }},
		{"1 % cut off, JPEG 90", func(m image.Image) image.Image { return saved(t, cropped(m, 0.01), 90) }},
		{"5 % cut off, JPEG 90", func(m image.Image) image.Image { return saved(t, cropped(m, 0.05), 90) }},
		{"turned by 90°", func(m image.Image) image.Image {
			w, h := m.Bounds().Dx(), m.Bounds().Dy()
			return turned(m, h, w, func(x, y int) (int, int) { return y, h - 1 - x })
		}},
		{"mirrored", func(m image.Image) image.Image {
			w, h := m.Bounds().Dx(), m.Bounds().Dy()
			return turned(m, w, h, func(x, y int) (int, int) { return w - 1 - x, y })
		}},
	} {
		found, wrong := 0, 0
		var off []int
		for name, m := range sources {
			h, _ := pdq.Of(step.change(m))
			off = append(off, h.Distance(hashes[name]))
			own := false
			for _, near := range x.Near(h, pdq.Near) {
				own = own || near.Value == name
				if !same(near.Value, name) {
					wrong++
				}
			}
			if own {
				found++
			}
		}
		lo, mid, hi := spread(off)
		fmt.Fprintf(&b, "| %s | %d of %d | %d, %d, %d | %d |\n", step.name, found, len(sources), lo, mid, hi, wrong)
		if step.name == "none" && found != len(sources) || step.name == "JPEG 50" && found < len(sources)*9/10 || wrong > 0 {
			t.Errorf("%s: %d of %d found, %d taken for another", step.name, found, len(sources), wrong)
		}
	}
	mediatest.Table(t, "pictures found again", b.String()+"\n", *update)
}

func spread(off []int) (lo, mid, hi int) {
	slices.Sort(off)
	return off[0], off[len(off)/2], off[len(off)-1]
}
