// Package chromaprint compares acoustic fingerprints as Chromaprint makes them: 32 bits for
// about every eighth of a second, which stay nearly the same when a recording is encoded again.
//
// Two recordings are taken for the same one if enough of them agrees when one is moved along
// the other, so a piece of a recording is recognised. Speed and pitch must be the same. The
// fingerprints themselves are made by fpcalc, a program of the Chromaprint project.
package chromaprint

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"time"
)

// Print is the fingerprint of a recording, in the order of time.
type Print []uint32

// Frame is how much time lies between two numbers of a Print: 4096/3 samples of 11025 a second.
const Frame = 123810 * time.Microsecond

// MaxFrames is the longest Print in use, a little more than two minutes: what fpcalc makes of
// the first 120 seconds.
const MaxFrames = 1024

// Thresholds of a match, set on the recordings and transformations of docs/detection.md.
const (
	window     = 16   // frames that are compared together, about two seconds
	agreeing   = 0.75 // share of bits from which a window agrees; strangers agree in about half
	MinOverlap = 4 * time.Second
)

// Duration is the time that the fingerprint covers.
func (p Print) Duration() time.Duration { return time.Duration(len(p)) * Frame }

// Encode returns the fingerprint as bytes, big-endian.
func (p Print) Encode() []byte {
	b := make([]byte, 0, 4*len(p))
	for _, v := range p {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// ErrUnfit says that bytes are no fingerprint that can be compared.
var ErrUnfit = errors.New("a fingerprint of a recording has 1 to 1024 numbers of 32 bits")

// Decode reads what Encode wrote.
func Decode(b []byte) (Print, error) {
	if len(b) == 0 || len(b)%4 != 0 || len(b)/4 > MaxFrames {
		return nil, ErrUnfit
	}
	p := make(Print, len(b)/4)
	for i := range p {
		p[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	return p, nil
}

// Tells reports whether the fingerprint says enough to be compared: silence, a single tone and
// what is shorter than MinOverlap do not.
func (p Print) Tells() bool {
	if p.Duration() < MinOverlap {
		return false
	}
	distinct := map[uint32]bool{}
	for _, v := range p {
		distinct[v] = true
	}
	return len(distinct) >= len(p)/4
}

// compare lays b over a so that b[0] is at a[at], and returns how much agrees and how well.
func compare(a, b Print, at int) (frames int, likeness float64) {
	from, to := max(0, at), min(len(a), at+len(b))
	same, seen := 0, from // frames before seen are counted
	for i := from; i+window <= to; i += window / 4 {
		off := 0
		for j := i; j < i+window; j++ {
			off += bits.OnesCount32(a[j] ^ b[j-at])
		}
		if float64(32*window-off) < agreeing*32*window {
			continue
		}
		for j := max(i, seen); j < i+window; j++ {
			same += 32 - bits.OnesCount32(a[j]^b[j-at])
			frames++
		}
		seen = i + window
	}
	if frames == 0 {
		return 0, 0
	}
	return frames, float64(same) / float64(32*frames)
}
