package blobtest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

func testNoPlaintext(t *testing.T, s *Subject) {
	mark := "Erika Mustermann, born 12 August 1964; "
	put(t, s, newKey(), []byte(strings.Repeat(mark, 5000)))
	put(t, s, newKey(), []byte(mark))
	for name, b := range s.AtRest(t) {
		if strings.Contains(name+string(b), mark[:5]) {
			t.Errorf("%s holds plaintext", name)
		}
	}
}

func testUnlinkable(t *testing.T, s *Subject) {
	key, same := newKey(), content(2*segment, 1)
	a, b := s.Bytes(t, put(t, s, key, same)), s.Bytes(t, put(t, s, key, same))
	// Blocks of 16 bytes, as the cipher sees them, none of which may show up in both.
	seen := map[string]bool{}
	for block := range slices.Chunk(a[8:], 16) {
		seen[string(block)] = true
	}
	for block := range slices.Chunk(b[8:], 16) {
		if len(block) == 16 && seen[string(block)] {
			t.Fatal("equal content under one key can be recognised at rest")
		}
	}
}

func testWrongKey(t *testing.T, s *Subject) {
	for _, n := range []int{0, 100, 2 * segment} {
		want := content(n, 2)
		ref := put(t, s, newKey(), want)
		if r, err := s.Open(t.Context(), newKey(), ref); err == nil {
			r.Close()
			t.Errorf("%d bytes opened under another key", n)
		}
		wantDamage(t, s, newKey(), ref, nil, "another key")
	}
}

// testFlips flips every bit of a small blob, and in a large one every bit of the start and
// the end and a thousand anywhere.
func testFlips(t *testing.T, s *Subject) {
	for _, n := range []int{0, 40, 3*segment + 100} {
		key, want := newKey(), content(n, 3)
		ref := put(t, s, key, want)
		whole := s.Bytes(t, ref)
		bits := len(whole) * 8
		var flips []int
		for bit := range bits {
			if edge := 120 * 8; bit < edge || bit >= bits-edge {
				flips = append(flips, bit)
			}
		}
		if n > segment {
			flips = slices.Concat(flips[:len(flips):len(flips)], anyBits(300, bits))
		}
		for _, bit := range flips {
			bad := slices.Clone(whole)
			bad[bit/8] ^= 1 << (bit % 8)
			s.Overwrite(t, ref, bad)
			wantDamage(t, s, key, ref, want, "flipped bit")
		}
		s.Overwrite(t, ref, whole)
		wantContent(t, s, key, ref, want)
	}
}

func anyBits(n, of int) []int {
	rng := rand.New(rand.NewPCG(4, 2))
	out := make([]int, n)
	for i := range out {
		out[i] = rng.IntN(of)
	}
	return out
}

func testCuts(t *testing.T, s *Subject) {
	key, want := newKey(), content(4*segment, 4)
	ref := put(t, s, key, want)
	whole := s.Bytes(t, ref)
	sealed := segment + 16
	header := len(whole) - 4*sealed
	lengths := []int{0, 1, header - 1, header, header + 1, header + 16, len(whole) - 1, len(whole) - 16, len(whole) - 17}
	for i := 1; i < 4; i++ { // the edges of segments, where a cut looks most like an end
		edge := header + i*sealed
		lengths = append(lengths, edge-16, edge-1, edge, edge+1, edge+15, edge+16, edge+17)
	}
	for _, n := range lengths {
		s.Overwrite(t, ref, whole[:n])
		if r, err := s.Open(t.Context(), key, ref); err == nil {
			r.Close()
			t.Errorf("opened although cut to %d of %d bytes", n, len(whole))
		}
	}
	for _, more := range [][]byte{{0}, make([]byte, 16), whole[len(whole)-sealed:], whole[header:], bytes.Repeat([]byte{7}, sealed)} {
		s.Overwrite(t, ref, slices.Concat(whole, more))
		wantDamage(t, s, key, ref, want, "grown")
	}
	s.Overwrite(t, ref, slices.Concat(whole[:header], whole[header+sealed:]))
	wantDamage(t, s, key, ref, want, "first segment missing")
	s.Overwrite(t, ref, slices.Concat(whole[:header+sealed], whole[header+2*sealed:]))
	wantDamage(t, s, key, ref, want, "second segment missing")
	s.Overwrite(t, ref, whole)
	wantContent(t, s, key, ref, want)
}

func testSwappedSegments(t *testing.T, s *Subject) {
	key, want := newKey(), content(4*segment, 5)
	ref := put(t, s, key, want)
	whole := s.Bytes(t, ref)
	sealed := segment + 16
	header := len(whole) - 4*sealed
	at := func(b []byte, i int) []byte { return b[header+i*sealed:][:sealed] }
	for i := range 4 {
		for j := range 4 {
			if i == j {
				continue
			}
			swapped, copied := slices.Clone(whole), slices.Clone(whole)
			copy(at(swapped, i), at(whole, j))
			copy(at(swapped, j), at(whole, i))
			copy(at(copied, i), at(whole, j))
			s.Overwrite(t, ref, swapped)
			wantDamage(t, s, key, ref, want, "swapped segments")
			s.Overwrite(t, ref, copied)
			wantDamage(t, s, key, ref, want, "repeated segment")
		}
	}
	// A segment of the same place in another blob under the same key.
	other := s.Bytes(t, put(t, s, key, content(4*segment, 6)))
	for i := range 4 {
		mixed := slices.Clone(whole)
		copy(at(mixed, i), at(other, i))
		s.Overwrite(t, ref, mixed)
		wantDamage(t, s, key, ref, want, "segment of another blob")
	}
}

func testSwappedBlobs(t *testing.T, s *Subject) {
	key := newKey()
	a, b := put(t, s, key, []byte("left knee")), put(t, s, key, []byte("right one"))
	inA, inB := s.Bytes(t, a), s.Bytes(t, b)
	s.Overwrite(t, a, inB)
	s.Overwrite(t, b, inA)
	for _, ref := range []cordon.BlobRef{a, b} {
		wantDamage(t, s, key, ref, nil, "swapped blobs of one key")
	}
}
