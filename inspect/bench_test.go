package inspect_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"image"
	"image/jpeg"
	"testing"

	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/kind"
	"github.com/cordonhq/cordon/inspect/marks"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// BenchmarkWithoutPixels is what metadata and structure of a photograph of 1 MB cost.
func BenchmarkWithoutPixels(b *testing.B) {
	file := mediatest.EXIF(mediatest.JPEG(b, 1000, 800), mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "Canon"), mediatest.Ascii(305, "Ver 1.0")}))
	noise := make([]byte, 1<<20-len(file)) // as entropy-coded data looks: no marker in it
	rand.Read(noise)
	noise = bytes.ReplaceAll(noise, []byte{0xFF}, []byte{0xFE})
	file = append(append(file[:len(file)-2:len(file)-2], noise...), 0xFF, 0xD9)
	i := inspect.New([]inspect.Detector{kind.New(kind.Config{}), marks.New(marks.Config{})}, inspect.Config{})
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		m, err := media.Open(bytes.NewReader(file), int64(len(file)), media.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range i.Inspect(context.Background(), m) {
			if f.Status == "failed" {
				b.Fatal(f)
			}
		}
		m.Close()
	}
}

// BenchmarkPixels compares decoding a photograph of 3.6 megapixels with decoding it once and
// having all pixel layers look: the invisible marks and the perceptual hash.
func BenchmarkPixels(b *testing.B) {
	picture := image.NewRGBA(image.Rect(0, 0, 2200, 1640))
	small := mediatest.Picture(220, 164)
	for y := range 1640 {
		for x := range 2200 {
			c := small.RGBAAt(x/10, y/10)
			c.R += uint8(x * y >> 7 % 32) // detail, so that decoding has something to do
			picture.SetRGBA(x, y, c)
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, picture, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	invisible, err := watermark.New(watermark.Config{})
	if err != nil {
		b.Fatal(err)
	}
	look := inspect.New([]inspect.Detector{invisible}, inspect.Config{})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(file.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("layers", func(b *testing.B) {
		for b.Loop() {
			m, err := media.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), media.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			if f := look.Inspect(context.Background(), m); f[0].Status != "none" {
				b.Fatal(f)
			}
			if _, err := m.Fingerprint(context.Background()); err != nil {
				b.Fatal(err)
			}
			m.Close()
		}
	})
}
