package pdq_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/pdq"
)

// BenchmarkOf hashes decoded pictures; BenchmarkDecode is what decoding them costs.
func BenchmarkOf(b *testing.B) {
	for _, side := range []int{512, 2000} {
		m, err := jpeg.Decode(bytes.NewReader(mediatest.JPEG(b, side, side)))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%dx%d", side, side), func(b *testing.B) {
			for b.Loop() {
				pdq.Of(m)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, side := range []int{512, 2000} {
		file := mediatest.JPEG(b, side, side)
		b.Run(fmt.Sprintf("%dx%d", side, side), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := image.Decode(bytes.NewReader(file)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNear looks a hash up among a million, through the tables and one by one.
func BenchmarkNear(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	var x pdq.Index[int]
	for i := range 1_000_000 {
		x.Put(i, random(r))
	}
	x.Build()
	for name, radius := range map[string]int{"index": pdq.Near, "one-by-one": pdq.Near + 1} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				x.Near(random(r), radius)
			}
		})
	}
}
