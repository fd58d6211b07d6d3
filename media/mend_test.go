package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"path/filepath"
	"testing"

	"golang.org/x/image/bmp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// scene is a picture that is nowhere alike, so that rows which went missing show.
func scene(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(x * 255 / w), uint8(y * 255 / h), uint8((x*7 + y*13) % 251), 255})
		}
	}
	return m
}

// alike is the share of rows, from the top, in which two pictures differ by less than a tenth.
func alike(a, b image.Image) float64 {
	rows := 0
	for y := range a.Bounds().Dy() {
		sum := 0.0
		for x := range a.Bounds().Dx() {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			for _, d := range [3]int{int(r1) - int(r2), int(g1) - int(g2), int(b1) - int(b2)} {
				sum += float64(max(d, -d))
			}
		}
		if sum/float64(3*a.Bounds().Dx()) > 6553 {
			break
		}
		rows++
	}
	return float64(rows) / float64(a.Bounds().Dy())
}

func encoded(t testing.TB, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func splice(b []byte, at, out int, in ...byte) []byte {
	return append(append(bytes.Clone(b[:at]), in...), b[at+out:]...)
}

// chunkAt is the offset of the nth chunk of a name.
func chunkAt(t testing.TB, b []byte, name string) int {
	t.Helper()
	i := bytes.Index(b, []byte(name))
	if i < 4 {
		t.Fatalf("no %s", name)
	}
	return i - 4
}

// What viewers show is looked at, however it is damaged.
func TestDamagedPicturesThatViewersShow(t *testing.T) {
	want := scene(96, 80)
	jpg := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, want, &jpeg.Options{Quality: 95}) })
	pn := encoded(t, func(b *bytes.Buffer) error { return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(b, want) })
	gf := encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, want, nil) })
	bm := encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, want) })
	scan := bytes.Index(jpg, []byte{0xFF, 0xDA}) + 14
	middle := scan + (len(jpg)-scan)/2
	for jpg[middle] == 0 || jpg[middle-1] == 0xFF || jpg[middle] == 0xFF {
		middle++
	}
	sof := bytes.Index(jpg, []byte{0xFF, 0xC0})
	dnl := splice(splice(jpg, len(jpg)-2, 0, 0xFF, 0xDC, 0, 4, jpg[sof+5], jpg[sof+6]), sof+5, 2, 0, 0)
	tail := bytes.Clone(jpg)
	for i := len(tail) - 202; i+1 < len(tail)-2; i += 2 {
		tail[i], tail[i+1] = 0xFF, 0
	}
	idat := chunkAt(t, pn, "IDAT")
	long := int(binary.BigEndian.Uint32(pn[idat:]))
	flip := func(b []byte, at int) []byte { b = bytes.Clone(b); b[at] ^= 0x55; return b }
	half := bytes.Clone(pn[:idat+8+long/2])
	twice := mediatest.PNGChunk("IDAT", pn[idat+8:idat+8+long/2])
	twice = append(twice, mediatest.PNGChunk("teXt", []byte("a\x00b"))...)
	twice = append(twice, mediatest.PNGChunk("IDAT", pn[idat+8+long/2:idat+8+long])...)
	twice = append(append(bytes.Clone(pn[:idat]), twice...), pn[idat+12+long:]...)

	for name, c := range map[string]struct {
		b    []byte
		rows float64 // share that must be seen
	}{
		"JPEG whole":                      {jpg, 1},
		"JPEG without an end":             {jpg[:len(jpg)-2], 1},
		"JPEG cut in the middle":          {jpg[:middle], 0.3},
		"JPEG cut, with an end":           {splice(jpg[:middle], middle, 0, 0xFF, 0xD9), 0.3},
		"JPEG with a marker in the scan":  {splice(jpg, middle, 0, 0xFF, 0xC5), 1},
		"JPEG with SOI in the scan":       {splice(jpg, middle, 0, 0xFF, 0xD8), 1},
		"JPEG with an APP in the scan":    {splice(jpg, middle, 0, 0xFF, 0xE5), 1},
		"JPEG with a marker in its head":  {splice(jpg, 2, 0, 0xFF, 0x02), 1},
		"JPEG with an unknown segment":    {splice(jpg, 2, 0, 0xFF, 0x4F, 0, 4, 1, 2), 1},
		"JPEG with a second SOI":          {splice(jpg, 2, 0, 0xFF, 0xD8), 1},
		"JPEG with an early EOI":          {splice(jpg, 2, 0, 0xFF, 0xD9), 1},
		"JPEG with two bytes before scan": {splice(jpg, scan-14, 0, 1, 2), 1},
		"JPEG with its height behind":     {dnl, 1},
		"JPEG whose scan ends in ones":    {tail, 0.5},
		"PNG whole":                       {pn, 1},
		"PNG with a wrong Adler sum":      {flip(pn, idat+8+long-1), 1},
		"PNG with a wrong CRC of IHDR":    {flip(pn, 30), 1},
		"PNG with a wrong CRC of IDAT":    {flip(pn, idat+8+long), 1},
		"PNG without IEND":                {pn[:len(pn)-12], 1},
		"PNG cut in the middle":           {half, 0.3},
		"PNG with two groups of IDAT":     {twice, 1},
		"GIF cut in the middle":           {gf[:len(gf)-len(gf)/4], 0.4},
		"GIF without a trailer":           {gf[:len(gf)-1], 0.99},
		"BMP cut in the middle":           {bm[:len(bm)/2], 0},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := mediatest.OpenBytes(t, c.b).Pixels(t.Context())
			if err != nil {
				t.Fatalf("nobody sees it: %v", err)
			}
			if img.Bounds().Dx() != 96 || img.Bounds().Dy() != 80 {
				t.Fatalf("%v", img.Bounds())
			}
			if got := alike(want, img); got < c.rows {
				t.Errorf("%.2f of it is as it was, want %.2f", got, c.rows)
			}
		})
	}
}

// What cannot be mended is damaged, which is neither "no pixels" nor a crash.
func TestWhatCannotBeMendedIsDamaged(t *testing.T) {
	jpg, pn := mediatest.JPEG(t, 32, 32), mediatest.PNG(t, 32, 32)
	scan := bytes.Index(jpg, []byte{0xFF, 0xDA})
	for name, b := range map[string][]byte{
		"PNG whose data is noise": append(append(bytes.Clone(pn[:33]), mediatest.PNGChunk("IDAT", bytes.Repeat([]byte{0xF7}, 99))...), pn[len(pn)-12:]...),
		"GIF that is a header":    []byte("GIF89a\x08\x00\x08\x00\x00\x00\x00"),
		"WebP of rubbish":         mediatest.RIFF("WEBP", mediatest.RIFFChunk("VP8 ", make([]byte, 40))),
	} {
		_, err := mediatest.OpenBytes(t, b).Pixels(t.Context())
		if look := media.LookOf(err); look != cordon.LookDamaged || !errors.Is(err, media.ErrNoPixels) {
			t.Errorf("%s: %s: %v", name, look, err)
		}
	}
	for name, b := range map[string][]byte{"JPEG cut in its head": jpg[:scan], "PNG cut in its head": pn[:33], "TIFF cut in its head": []byte("II*\x00\x10\x00\x00\x00")} {
		_, err := mediatest.OpenBytes(t, b).Pixels(t.Context())
		if look := media.LookOf(err); look != cordon.LookUnopened {
			t.Errorf("%s: %s: %v", name, look, err)
		}
	}
	for name, b := range map[string][]byte{"text": []byte("hello"), "nothing": nil, "PDF": []byte("%PDF-1.4\n"), "SVG": []byte("<svg xmlns='http://www.w3.org/2000/svg'/>")} {
		_, err := mediatest.OpenBytes(t, b).Pixels(t.Context())
		if look := media.LookOf(err); look != cordon.LookNothing {
			t.Errorf("%s: %s: %v", name, look, err)
		}
	}
}

// The marked picture's dresses decode to what the bare one shows.
func TestEvasionPicturesDecode(t *testing.T) {
	dir := mediatest.Corpus(t, "evasion")
	for bare, dresses := range map[string][]string{
		"0-orig.jpg": {"2-scan-tail-ff00.jpg", "3-marker-in-scan.jpg", "5-unknown-marker.jpg", "8-cut-with-eoi.jpg"},
		"0-orig.png": {"4-zlib-adler-wrong.png", "5-idat-cut-last-row.png"},
	} {
		want, err := mediatest.Open(t, filepath.Join(dir, bare)).Pixels(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, dress := range dresses {
			got, err := mediatest.Open(t, filepath.Join(dir, dress)).Pixels(t.Context())
			if err != nil {
				t.Errorf("%s: %v", dress, err)
			} else if share := alike(want, got); share < 0.95 {
				t.Errorf("%s: %.2f of it is as it was", dress, share)
			}
		}
	}
}

func FuzzMend(f *testing.F) {
	f.Add(mediatest.JPEG(f, 16, 16)[:200])
	f.Add(mediatest.PNG(f, 16, 16)[:60])
	f.Add(mediatest.GIF(f, 16, 16)[:60])
	f.Fuzz(func(t *testing.T, b []byte) {
		m := mediatest.OpenBytes(t, b)
		if img, err := m.Pixels(t.Context()); err != nil && !media.LookOf(err).Valid() || err == nil && img == nil {
			t.Errorf("%v, %v", img, err)
		}
	})
}
