package inspect_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"testing"

	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/kind"
	"github.com/cordonhq/cordon/inspect/marks"
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
