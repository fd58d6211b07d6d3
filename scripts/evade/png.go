package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/cordonhq/cordon/media/mediatest"
)

// pngChunk is a chunk with everything that belongs to it.
type pngChunk struct{ off, end int }

func (c pngChunk) name(b []byte) string { return string(b[c.off+4 : c.off+8]) }
func (c pngChunk) data(b []byte) []byte { return b[c.off+8 : c.end-4] }

func pngChunks(b []byte) (out []pngChunk) {
	for at := 8; at+12 <= len(b); {
		end := at + 12 + int(binary.BigEndian.Uint32(b[at:]))
		if end > len(b) || end < at {
			break
		}
		out = append(out, pngChunk{at, end})
		at = end
	}
	return out
}

// chunkBorder is where a chunk begins that is not the header.
func chunkBorder(r *rand.Rand, b []byte) int {
	cs := pngChunks(b)
	if len(cs) < 2 {
		return len(b)
	}
	return cs[1+r.IntN(len(cs)-1)].off
}

// beforeData is where a chunk begins behind the header and not behind the picture.
func beforeData(b []byte) int {
	for _, c := range pngChunks(b) {
		if c.name(b) == "IDAT" {
			return c.off
		}
	}
	return len(b)
}

// packed are the bytes of all image data.
func packedPixels(b []byte) (out []byte) {
	for _, c := range pngChunks(b) {
		if c.name(b) == "IDAT" {
			out = append(out, c.data(b)...)
		}
	}
	return out
}

// repacked puts other image data in the place of what there is.
func repacked(b []byte, idats ...[]byte) []byte {
	at := beforeData(b)
	for i := len(pngChunks(b)) - 1; i >= 0; i-- {
		if c := pngChunks(b)[i]; c.name(b) == "IDAT" {
			b = slices.Delete(b, c.off, c.end)
		}
	}
	var chunks []byte
	for _, d := range idats {
		chunks = append(chunks, mediatest.PNGChunk("IDAT", d)...)
	}
	return insert(b, min(at, len(b)), chunks...)
}

var pngMutations = []mutation{
	{"wrong sum of a chunk", func(r *rand.Rand, b []byte) []byte {
		cs := pngChunks(b)
		b[cs[r.IntN(len(cs))].end-1] ^= byte(1 + r.UintN(255))
		return b
	}},
	{"wrong sum of the image data", func(r *rand.Rand, b []byte) []byte {
		data := packedPixels(b)
		data[len(data)-1] ^= 0x55
		return repacked(b, data)
	}},
	{"image data in pieces", func(r *rand.Rand, b []byte) []byte {
		data, n := packedPixels(b), 1+r.IntN(60)
		return repacked(b, slices.Collect(slices.Chunk(data, n))...)
	}},
	{"empty image data first", func(r *rand.Rand, b []byte) []byte { return repacked(b, nil, packedPixels(b), nil) }},
	{"image data in two groups", func(r *rand.Rand, b []byte) []byte {
		data := packedPixels(b)
		b = repacked(b, data[:len(data)/2], data[len(data)/2:])
		for _, c := range pngChunks(b) {
			if c.name(b) == "IDAT" {
				return insert(b, c.end, mediatest.PNGChunk("tIME", []byte{7, 230, 1, 1, 1, 1, 1})...)
			}
		}
		return nil
	}},
	{"image data stored", func(r *rand.Rand, b []byte) []byte {
		z, err := zlib.NewReader(bytes.NewReader(packedPixels(b)))
		if err != nil {
			return nil
		}
		rows, _ := io.ReadAll(z)
		var out bytes.Buffer
		w, _ := zlib.NewWriterLevel(&out, []int{zlib.NoCompression, zlib.HuffmanOnly}[r.IntN(2)])
		w.Write(rows)
		w.Close()
		return repacked(b, out.Bytes())
	}},
	{"bytes behind the image data", func(r *rand.Rand, b []byte) []byte {
		return repacked(b, append(packedPixels(b), noise(r, 1+r.IntN(300))...))
	}},
	{"more image data behind", func(r *rand.Rand, b []byte) []byte {
		return repacked(b, packedPixels(b), noise(r, 200), mediatest.Deflate(make([]byte, 500)))
	}},
	{"private chunks", func(r *rand.Rand, b []byte) []byte {
		for range 1 + r.IntN(6) {
			b = insert(b, chunkBorder(r, b), mediatest.PNGChunk("prVt", noise(r, r.IntN(2000)))...)
		}
		return b
	}},
	{"chunk that must be known", func(r *rand.Rand, b []byte) []byte {
		return insert(b, chunkBorder(r, b), mediatest.PNGChunk("PRVT", noise(r, 30))...)
	}},
	{"header twice", func(r *rand.Rand, b []byte) []byte {
		c := pngChunks(b)[0]
		return insert(b, chunkBorder(r, b), bytes.Clone(b[c.off:c.end])...)
	}},
	{"other header behind", func(r *rand.Rand, b []byte) []byte {
		other := bytes.Clone(pngChunks(b)[0].data(b))
		binary.BigEndian.PutUint32(other, 9)
		return insert(b, chunkBorder(r, b), mediatest.PNGChunk("IHDR", other)...)
	}},
	{"end twice", func(r *rand.Rand, b []byte) []byte { return append(b, mediatest.PNGChunk("IEND", nil)...) }},
	{"no end", func(r *rand.Rand, b []byte) []byte {
		cs := pngChunks(b)
		if last := cs[len(cs)-1]; last.name(b) == "IEND" && last.end == len(b) {
			return b[:last.off+r.IntN(8)]
		}
		return nil
	}},
	{"text behind the image data", func(r *rand.Rand, b []byte) []byte { return pngMoved(b, false) }},
	{"text behind the end", func(r *rand.Rand, b []byte) []byte { return pngMoved(b, true) }},
	{"bytes behind the end", func(r *rand.Rand, b []byte) []byte { return append(b, noise(r, 1+r.IntN(3000))...) }},
	{"text behind what is no chunk", func(r *rand.Rand, b []byte) []byte {
		if b = pngMoved(b, true); b == nil {
			return nil
		}
		for _, c := range pngChunks(b) {
			if c.name(b) == "IEND" {
				return insert(b, c.off, noise(r, 1+r.IntN(60))...)
			}
		}
		return nil
	}},
	{"other text", func(r *rand.Rand, b []byte) []byte {
		for range 1 + r.IntN(30) {
			b = insert(b, beforeData(b), mediatest.PNGChunk("tEXt", []byte("parameters\x00nothing of interest"))...)
		}
		return b
	}},
	{"broken text", func(r *rand.Rand, b []byte) []byte {
		kinds := [][]byte{mediatest.PNGChunk("tEXt", []byte("no end of the key")), mediatest.PNGChunk("zTXt", append([]byte("parameters\x00\x00"), noise(r, 30)...)),
			mediatest.PNGChunk("iTXt", []byte("XML:com.adobe.xmp\x00\x01")), mediatest.PNGChunk("eXIf", noise(r, 30)), mediatest.PNGChunk("tEXt", nil)}
		return insert(b, beforeData(b), kinds[r.IntN(len(kinds))]...)
	}},
	{"odd colours", func(r *rand.Rand, b []byte) []byte {
		kinds := [][]byte{mediatest.PNGChunk("gAMA", []byte{0, 0, 0, 1}), mediatest.PNGChunk("iCCP", []byte("x\x00\x00broken")), mediatest.PNGChunk("sRGB", []byte{9}),
			mediatest.PNGChunk("PLTE", []byte{1, 2, 3}), mediatest.PNGChunk("cHRM", make([]byte, 32)), mediatest.PNGChunk("pHYs", []byte{0, 0, 0, 1, 0, 0, 0, 9, 1})}
		return insert(b, beforeData(b), kinds[r.IntN(len(kinds))]...)
	}},
	{"an animation of one picture", func(r *rand.Rand, b []byte) []byte {
		header := pngChunks(b)[0].data(b)
		control := append(append(make([]byte, 4), header[:8]...), make([]byte, 14)...)
		return insert(b, beforeData(b), append(mediatest.PNGChunk("acTL", []byte{0, 0, 0, 1, 0, 0, 0, 0}), mediatest.PNGChunk("fcTL", control)...)...)
	}},
}

// pngMoved puts the first text behind the image data, or behind the end.
func pngMoved(b []byte, end bool) []byte {
	for _, c := range pngChunks(b) {
		if name := c.name(b); name != "tEXt" && name != "iTXt" {
			continue
		}
		text := bytes.Clone(b[c.off:c.end])
		b = slices.Delete(b, c.off, c.end)
		cs := pngChunks(b)
		if last := cs[len(cs)-1]; !end && last.name(b) == "IEND" {
			return insert(b, last.off, text...)
		}
		return append(b, text...)
	}
	return nil
}
