package foreign

import (
	"bytes"
	"testing"

	"github.com/cordonhq/cordon/media/sandbox"
)

// What a process costs: ffmpeg started, locked down, and ended, without a picture.
func BenchmarkStart(b *testing.B) {
	d := decoder(b)
	var cpu int64
	for b.Loop() {
		got, err := d.box.Run(b.Context(), sandbox.Command{Program: "ffmpeg", Args: []string{"-version"}})
		if err != nil {
			b.Fatal(err)
		}
		cpu += got.CPU.Milliseconds()
	}
	b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ms/op")
}

func BenchmarkStill(b *testing.B) {
	d := decoder(b)
	j2k := made(b, "a.j2k", "-f", "lavfi", "-i", "testsrc2=s=512x512", "-frames:v", "1", "-c:v", "jpeg2000", "-f", "image2pipe")
	for b.Loop() {
		if _, err := d.Still(b.Context(), bytes.NewReader(j2k), int64(len(j2k)), "jp2", 1e6); err != nil {
			b.Fatal(err)
		}
	}
}
