// Package pdq computes PDQ, a perceptual hash of pictures that is used to exchange lists of
// known ones: 256 bits that stay nearly the same when a picture is scaled, re-encoded or
// slightly retouched. Two pictures are taken for the same one if their hashes differ in at
// most Near bits.
//
// On identical pixels the result is that of the reference, bit for bit. It stops matching
// when a picture is cropped by some percent, turned or mirrored, and says nothing about
// pictures without detail, whose quality is below MinQuality.
//
// The method is described in "The TMK+PDQF video-hashing algorithm and the PDQ
// image-hashing algorithm" (Facebook, 2019).
package pdq

import (
	"encoding/hex"
	"errors"
	"image"
	"math/bits"
)

// Thresholds that lists of PDQ hashes are exchanged with.
const (
	Near       = 31 // bits
	MinQuality = 50 // of 100
)

// Hash is 256 bits, the most significant first.
type Hash [32]byte

// Parse reads 64 hexadecimal digits.
func Parse(s string) (h Hash, err error) {
	if len(s) != 2*len(h) {
		return h, errors.New("a PDQ hash has 64 hexadecimal digits")
	}
	if _, err = hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, errors.New("a PDQ hash has 64 hexadecimal digits")
	}
	return h, nil
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Distance is the number of bits in which two hashes differ, 0 to 256.
func (h Hash) Distance(other Hash) int {
	n := 0
	for i := range h {
		n += bits.OnesCount8(h[i] ^ other[i])
	}
	return n
}

const (
	blocks    = 64  // rows and columns that a picture is reduced to
	waves     = 16  // rows and columns of its spectrum that are kept
	largest   = 512 // side from which a picture is sampled down first
	smallest  = 5   // side below which there is nothing to hash
	smoothing = 2   // passes of the box filter in each direction
)

// Of returns the hash of a picture and its quality, 0 to 100: how much detail the hash
// rests on. A picture with a side of less than five pixels has quality 0.
func Of(m image.Image) (Hash, int) {
	luma, w, h := lumaOf(m)
	if w < smallest || h < smallest {
		return Hash{}, 0
	}
	var small grid
	if w == blocks && h == blocks {
		for i := range small {
			copy(small[i][:], luma[i*blocks:])
		}
	} else {
		smooth(luma, w, h)
		small = decimate(luma, w, h)
	}
	return small.hash(), small.quality()
}

// grid is the picture reduced to 64 by 64 values of brightness, rows first.
type grid [blocks][blocks]float32

// decimate takes the value at the middle of each block.
func decimate(luma []float32, w, h int) (g grid) {
	for i := range g {
		y := int((float64(i) + 0.5) * float64(h) / blocks)
		for j := range g[i] {
			x := int((float64(j) + 0.5) * float64(w) / blocks)
			g[i][j] = luma[y*w+x]
		}
	}
	return g
}

// quality sums the steps between neighbours, in percent of the range of brightness.
func (g *grid) quality() int {
	sum := 0
	step := func(a, b float32) {
		d := int((a - b) * 100 / 255)
		sum += max(d, -d)
	}
	for i := range blocks {
		for j := range blocks {
			if i+1 < blocks {
				step(g[i][j], g[i+1][j])
			}
			if j+1 < blocks {
				step(g[i][j], g[i][j+1])
			}
		}
	}
	return min(100, sum/90)
}

// hash says of each of the lowest 256 frequencies, the constant left out, whether it is
// stronger than the median.
func (g *grid) hash() (h Hash) {
	var half [waves][blocks]float32
	for i := range waves {
		for j := range blocks {
			var sum float32
			for k := range blocks {
				sum += float32(cosines[i][k] * g[k][j])
			}
			half[i][j] = sum
		}
	}
	var spectrum [waves * waves]float32
	for i := range waves {
		for j := range waves {
			var sum float32
			for k := range blocks {
				sum += float32(half[i][k] * cosines[j][k])
			}
			spectrum[i*waves+j] = sum
		}
	}
	middle := lowerMedian(spectrum)
	for i, v := range spectrum {
		if v > middle { // bit 0 is the last bit of the last byte
			h[len(h)-1-i/8] |= 1 << (i % 8)
		}
	}
	return h
}
