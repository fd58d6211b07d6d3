package app

import (
	"io"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/samples"
)

// BenchmarkInspectLarge is all detectors over a sealed file of 256 MB, beside reading it
// through once: "passes" is how many such readings the inspection costs.
func BenchmarkInspectLarge(b *testing.B) {
	const size = 256 << 20
	for _, kind := range []struct {
		name string
		file func(int64) io.Reader
	}{{"png", samples.BigPNG}, {"jpeg", samples.BigJPEG}} {
		b.Run(kind.name, func(b *testing.B) {
			files, err := blob.OpenFiles(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			key := cordon.NewDataKey(make([]byte, 32))
			ref, sums, err := files.Put(b.Context(), key, kind.file(size))
			if err != nil {
				b.Fatal(err)
			}
			inspector, _, err := Look{Budget: time.Hour}.Open()
			if err != nil {
				b.Fatal(err)
			}
			var inspecting, reading time.Duration
			for b.Loop() {
				r, err := files.Open(b.Context(), key, ref)
				if err != nil {
					b.Fatal(err)
				}
				start := time.Now()
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
				reading += time.Since(start)

				start = time.Now()
				m, err := media.Open(r, size, media.Limits{})
				if err != nil {
					b.Fatal(err)
				}
				m.SetDigest(sums.SHA256)
				for _, f := range inspector.Inspect(b.Context(), m) {
					if f.Status == cordon.StatusFailed {
						b.Fatal(f.Detector, f.Detail)
					}
				}
				inspecting += time.Since(start)
				m.Close()
				r.Close()
			}
			b.ReportMetric(float64(inspecting)/float64(reading), "passes")
			b.ReportMetric(float64(inspecting)/1e6/float64(b.N), "inspect-ms")
		})
	}
}
