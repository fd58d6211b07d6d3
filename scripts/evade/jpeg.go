package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"

	"github.com/cordonhq/cordon/media/chunk"
)

// segments are the pieces of a JPEG up to the end of the picture.
func segments(b []byte) (out []chunk.Piece) {
	for p, err := range chunk.JPEG(bytes.NewReader(b), int64(len(b))) {
		if err != nil {
			break
		}
		out = append(out, p)
	}
	return out
}

// scanStart is where the header of the first scan begins, the end of the file if there is none.
func scanStart(b []byte) int {
	for _, p := range segments(b) {
		if p.Name == "SOS" {
			return int(p.Start)
		}
	}
	return len(b)
}

// border is where one of the segments before the scan begins.
func border(r *rand.Rand, b []byte) int {
	at := []int{2}
	for _, p := range segments(b) {
		if p.Start > 2 {
			at = append(at, int(p.Start))
		}
		if p.Name == "SOS" {
			break
		}
	}
	return at[r.IntN(len(at))]
}

func segment(marker byte, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(2+len(payload))), payload...)
}

var jpegMutations = []mutation{
	{"fill bytes before a marker", func(r *rand.Rand, b []byte) []byte {
		return insert(b, border(r, b), bytes.Repeat([]byte{0xFF}, 1+r.IntN(40))...)
	}},
	{"bytes of nothing before a marker", func(r *rand.Rand, b []byte) []byte {
		junk := bytes.ReplaceAll(noise(r, 1+r.IntN(40)), []byte{0xFF}, []byte{0x7F})
		return insert(b, border(r, b), junk...)
	}},
	{"zeros before a marker", func(r *rand.Rand, b []byte) []byte {
		return insert(b, border(r, b), make([]byte, 1+r.IntN(300))...)
	}},
	{"marker without a segment", func(r *rand.Rand, b []byte) []byte {
		return insert(b, border(r, b), 0xFF, []byte{0x01, 0xD0, 0xD3, 0xD7}[r.IntN(4)])
	}},
	{"second start", func(r *rand.Rand, b []byte) []byte { return insert(b, border(r, b), 0xFF, 0xD8) }},
	{"private segments", func(r *rand.Rand, b []byte) []byte {
		for range 1 + r.IntN(5) {
			b = insert(b, border(r, b), segment(0xE0+byte(r.UintN(16)), noise(r, r.IntN(3000)))...)
		}
		return b
	}},
	{"reserved segments", func(r *rand.Rand, b []byte) []byte {
		return insert(b, border(r, b), segment([]byte{0xF0, 0xF7, 0xFD, 0x02, 0xBF}[r.IntN(5)], noise(r, r.IntN(300)))...)
	}},
	{"comments", func(r *rand.Rand, b []byte) []byte {
		for range 1 + r.IntN(20) {
			b = insert(b, border(r, b), segment(0xFE, bytes.Repeat([]byte("word "), r.IntN(200)))...)
		}
		return b
	}},
	{"other EXIF first", func(r *rand.Rand, b []byte) []byte {
		return insert(b, 2, segment(0xE1, []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"))...)
	}},
	{"other XMP first", func(r *rand.Rand, b []byte) []byte {
		return insert(b, 2, segment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"))...)
	}},
	{"broken EXIF first", func(r *rand.Rand, b []byte) []byte {
		return insert(b, 2, segment(0xE1, append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08"), noise(r, 60)...))...)
	}},
	{"extended sequential", func(r *rand.Rand, b []byte) []byte {
		return bytes.Replace(b, []byte{0xFF, 0xC0}, []byte{0xFF, 0xC1}, 1)
	}},
	{"restart interval that is never reached", func(r *rand.Rand, b []byte) []byte {
		return insert(b, scanStart(b), segment(0xDD, []byte{0xFF, 0xF0})...)
	}},
	{"tables twice", func(r *rand.Rand, b []byte) []byte {
		for _, p := range segments(b) {
			if p.Name == "DQT" || p.Name == "DHT" && r.IntN(2) == 0 {
				return insert(b, scanStart(b), bytes.Clone(b[p.Start:p.End()])...)
			}
		}
		return nil
	}},
	{"height behind the scan", func(r *rand.Rand, b []byte) []byte {
		ps := segments(b)
		for i, p := range ps {
			if (p.Name == "SOF0" || p.Name == "SOF1") && p.Len > 5 {
				height := bytes.Clone(b[p.Off+1 : p.Off+3])
				for _, q := range ps[i:] {
					if q.Name == "ECS" {
						copy(b[p.Off+1:], []byte{0, 0})
						return insert(b, int(q.End()), segment(0xDC, height)...)
					}
				}
			}
		}
		return nil
	}},
	{"no end", func(r *rand.Rand, b []byte) []byte {
		if !bytes.HasSuffix(b, []byte{0xFF, 0xD9}) {
			return nil
		}
		return b[:len(b)-2]
	}},
	{"cut in the last row", func(r *rand.Rand, b []byte) []byte { return b[:len(b)-4-r.IntN(8)] }},
	{"stray marker in the scan", func(r *rand.Rand, b []byte) []byte {
		at := scanStart(b)
		return insert(b, min(at+(len(b)-at)/2+r.IntN(20), len(b)), 0xFF, []byte{0xD0, 0xD5, 0x02, 0xF1}[r.IntN(4)])
	}},
	{"segment in the scan's end", func(r *rand.Rand, b []byte) []byte {
		return insert(b, max(2, len(b)-2), segment(0xE0+byte(r.UintN(16)), noise(r, r.IntN(300)))...)
	}},
	{"bytes behind the end", func(r *rand.Rand, b []byte) []byte { return append(b, noise(r, 1+r.IntN(2000))...) }},
	{"zeros behind the end", func(r *rand.Rand, b []byte) []byte { return append(b, make([]byte, 1+r.IntN(100_000))...) }},
	{"metadata moved behind the tables", func(r *rand.Rand, b []byte) []byte {
		for _, p := range segments(b) {
			if p.Name == "APP1" {
				seg := bytes.Clone(b[p.Start:p.End()])
				b = append(b[:p.Start:p.Start], b[p.End():]...)
				return insert(b, scanStart(b), seg...)
			}
		}
		return nil
	}},
	{"metadata moved behind the scan", func(r *rand.Rand, b []byte) []byte {
		for _, p := range segments(b) {
			if p.Name == "APP1" {
				seg := bytes.Clone(b[p.Start:p.End()])
				b = append(b[:p.Start:p.Start], b[p.End():]...)
				return insert(b, len(b)-2, seg...)
			}
		}
		return nil
	}},
	{"precision of tables that nobody uses", func(r *rand.Rand, b []byte) []byte {
		return insert(b, scanStart(b), segment(0xDB, append([]byte{0x03}, bytes.Repeat([]byte{1}, 64)...))...)
	}},
	{"longer header", func(r *rand.Rand, b []byte) []byte {
		for _, p := range segments(b) {
			if p.Name == "APP0" {
				binary.BigEndian.PutUint16(b[p.Start+2:], uint16(p.Len+2+20))
				return insert(b, int(p.End()), noise(r, 20)...)
			}
		}
		return insert(b, 2, segment(0xE0, append([]byte("JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"), noise(r, 20)...))...)
	}},
}
