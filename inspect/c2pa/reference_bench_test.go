package c2pa

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cordonhq/cordon/media/mediatest"
	writer "github.com/cordonhq/cordon/samples/manifest"
)

// BenchmarkBesideReference validates files of every sort with the reference and with Cordon, in
// turns and under the official trust lists, and reports how many times faster Cordon is, by the processor time that each process
// used: other work on the machine then disturbs less. The reference is asked for one file over
// and over, after a few rounds to warm up.
func BenchmarkBesideReference(b *testing.B) {
	dir := mediatest.Corpus(b, "c2pa")
	v := profile(b, dir, "official", time.Now())
	anchors := slices.Concat(read(b, dir, "official-C2PA-TRUST-LIST.pem"), read(b, dir, "official-C2PA-TSA-TRUST-LIST.pem"))
	sum, least, files := 0.0, math.Inf(1), 0
	for b.Loop() {
		r := newReference(b)
		sum, least, files = 0, math.Inf(1), 0
		for _, name := range []string{"real/C.jpg", "real/adobe-20220124-CACAICAICICA.jpg", "real/ChatGPT_Image_May_30__2026__10_31_08_AM.png",
			"real/lady.png", "real/videotest2.mp4", "real/legacy.mp4", "real/sample1_signed.wav", "real/DALL-E_cloud_surfing_puppy.webp",
			"generated/g1-ai-ps512.wav", "generated/g1-ai-ps384.gif", "generated/g1-ai-es256.jpg", "generated/g1-ai-es256.mp4", "generated/g1-edit-of-ai.jpg"} {
			file, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				b.Fatal(err)
			}
			p, err := v.Validate(context.Background(), bytes.NewReader(file), int64(len(file)))
			if err != nil {
				b.Fatal(err)
			}
			theirs, ours := math.Inf(1), math.Inf(1)
			for range 5 {
				theirs = min(theirs, r.cost(file, p.Container, anchors))
				before := processorTime()
				const rounds = 20
				for range rounds {
					if _, err := v.Validate(context.Background(), bytes.NewReader(file), int64(len(file))); err != nil {
						b.Fatal(err)
					}
				}
				ours = min(ours, float64(processorTime()-before)/rounds/float64(time.Millisecond))
			}
			b.Logf("%-46s %8d bytes: reference %6.2f ms, Cordon %6.2f ms, %5.1f x", filepath.Base(name), len(file), theirs, ours, theirs/ours)
			sum, least, files = sum+math.Log(theirs/ours), min(least, theirs/ours), files+1
		}
	}
	b.ReportMetric(math.Exp(sum/float64(files)), "x-faster-mean")
	b.ReportMetric(least, "x-faster-least")
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBesideSHA256 validates a file of 8 MB that is nearly all content, and takes the SHA-256
// of the same bytes, in turns; what it reports is by processor time.
func BenchmarkBesideSHA256(b *testing.B) {
	s := newSignerBench(b)
	file := s.sign(bigPNG(b, 8<<20), writer.Manifest{Assertions: []writer.Assertion{created(writer.Trained)}})
	ours, alone := math.Inf(1), math.Inf(1)
	for b.Loop() {
		for range 10 {
			before := processorTime()
			for range 4 {
				s.validate(file)
			}
			between := processorTime()
			for range 4 {
				hashBytes("sha256", file)
			}
			ours, alone = min(ours, float64(between-before)), min(alone, float64(processorTime()-between))
		}
	}
	b.ReportMetric(ours/alone, "x-sha256")
}
