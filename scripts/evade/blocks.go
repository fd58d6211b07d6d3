package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"

	"github.com/cordonhq/cordon/media/chunk"
	"github.com/cordonhq/cordon/media/mediatest"
)

// gifBorders are where the blocks of a GIF begin.
func gifBorders(b []byte) (at []int) {
	for p, err := range chunk.GIF(bytes.NewReader(b), int64(len(b))) {
		if err != nil {
			break
		}
		at = append(at, int(p.Start))
	}
	return at
}

func gifBlock(r *rand.Rand, b []byte, block []byte) []byte {
	at := gifBorders(b)
	if len(at) == 0 {
		return nil
	}
	return insert(b, at[r.IntN(len(at))], block...)
}

// gifExtension is an extension in blocks of any length.
func gifExtension(r *rand.Rand, label byte, payload []byte) []byte {
	out := []byte{0x21, label}
	for len(payload) > 0 {
		n := min(len(payload), 1+r.IntN(255))
		out = append(append(out, byte(n)), payload[:n]...)
		payload = payload[n:]
	}
	return append(out, 0)
}

var gifMutations = []mutation{
	{"comments", func(r *rand.Rand, b []byte) []byte {
		return gifBlock(r, b, gifExtension(r, 0xFE, bytes.Repeat([]byte("word "), r.IntN(300))))
	}},
	{"extensions of nobody", func(r *rand.Rand, b []byte) []byte {
		return gifBlock(r, b, gifExtension(r, byte(2+r.UintN(200)), noise(r, r.IntN(900))))
	}},
	{"other XMP", func(r *rand.Rand, b []byte) []byte {
		return gifBlock(r, b, append([]byte("\x21\xFF\x0BXMP DataXMP"), gifExtension(r, 0, []byte("<x:xmpmeta/>"))[2:]...))
	}},
	{"loop", func(r *rand.Rand, b []byte) []byte {
		return gifBlock(r, b, []byte("\x21\xFF\x0BNETSCAPE2.0\x03\x01\x00\x00\x00"))
	}},
	{"old version", func(r *rand.Rand, b []byte) []byte { b[4] = '7'; return b }},
	{"no end", func(r *rand.Rand, b []byte) []byte { return bytes.TrimSuffix(b, []byte{0x3B}) }},
	{"bytes behind the end", func(r *rand.Rand, b []byte) []byte { return append(b, noise(r, 1+r.IntN(2000))...) }},
	{"zeros between blocks", func(r *rand.Rand, b []byte) []byte { return gifBlock(r, b, make([]byte, 1+r.IntN(9))) }},
	{"bytes between blocks", func(r *rand.Rand, b []byte) []byte { return gifBlock(r, b, []byte{0x11, 0x7F, 0x05}) }},
	{"end between blocks", func(r *rand.Rand, b []byte) []byte {
		at := gifBorders(b)
		if len(at) == 0 {
			return nil
		}
		return insert(b, at[len(at)-1], 0x3B, 0x3B)
	}},
	{"picture of no extent", func(r *rand.Rand, b []byte) []byte {
		return gifBlock(r, b, []byte{0x2C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0x4C, 1, 0})
	}},
	{"screen of another size", func(r *rand.Rand, b []byte) []byte { b[6], b[8] = 200, 150; return b }},
}

// webpChunks are where the chunks of a WebP begin.
func webpBorders(b []byte) (at []int) {
	for p, err := range chunk.RIFF(bytes.NewReader(b), int64(len(b))) {
		if err != nil {
			break
		}
		if p.Form == "" {
			at = append(at, int(p.Start))
		}
	}
	return append(at, len(b))
}

// webpWith puts a chunk into a WebP and sets its length right.
func webpWith(r *rand.Rand, b, c []byte, first int) []byte {
	at := webpBorders(b)
	b = insert(b, at[first+r.IntN(len(at)-first)], c...)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

var webpMutations = []mutation{
	{"chunks of nobody", func(r *rand.Rand, b []byte) []byte {
		return webpWith(r, b, mediatest.RIFFChunk("prvt", noise(r, r.IntN(900))), 1)
	}},
	{"other XMP", func(r *rand.Rand, b []byte) []byte {
		return webpWith(r, b, mediatest.RIFFChunk("XMP ", []byte("<x:xmpmeta/>")), 1)
	}},
	{"broken EXIF", func(r *rand.Rand, b []byte) []byte {
		return webpWith(r, b, mediatest.RIFFChunk("EXIF", noise(r, 33)), 1)
	}},
	{"length too short", func(r *rand.Rand, b []byte) []byte { binary.LittleEndian.PutUint32(b[4:], uint32(len(b)/2)); return b }},
	{"length too long", func(r *rand.Rand, b []byte) []byte {
		binary.LittleEndian.PutUint32(b[4:], uint32(len(b)+1000))
		return b
	}},
	{"length of nothing", func(r *rand.Rand, b []byte) []byte { binary.LittleEndian.PutUint32(b[4:], 0); return b }},
	{"bytes behind the end", func(r *rand.Rand, b []byte) []byte { return append(b, noise(r, 1+r.IntN(900))...) }},
	{"flags cleared", func(r *rand.Rand, b []byte) []byte {
		if string(b[12:16]) != "VP8X" {
			return nil
		}
		b[20] = 0
		return b
	}},
	{"metadata first", func(r *rand.Rand, b []byte) []byte {
		for p, err := range chunk.RIFF(bytes.NewReader(b), int64(len(b))) {
			if err == nil && p.Name == "XMP " {
				end := p.End() + p.Len&1
				c := bytes.Clone(b[p.Start:end])
				b = append(b[:p.Start:p.Start], b[end:]...)
				return insert(b, webpBorders(b)[1], c...)
			}
		}
		return nil
	}},
	{"chunk cut off at the end", func(r *rand.Rand, b []byte) []byte { return append(b, "prvt\xFF\x00\x00\x00abc"...) }},
}
