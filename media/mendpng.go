package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// mendPNG puts the picture of a PNG together anew: header, palette and all image data, whatever
// the check sums say and wherever the chunks stand. Rows that are missing become black.
func mendPNG(_ *Media, b []byte) (mended, error) {
	parts, err := partsOfPNG(b)
	if err != nil {
		return mended{}, err
	}
	head := pngStart(parts, nil)
	conf, err := png.DecodeConfig(bytes.NewReader(head))
	if err != nil {
		return mended{}, err
	}
	return mended{conf, rowsMemory, func(ctx context.Context) (image.Image, error) { return parts.decode(ctx) }}, nil
}

// pngParts is what a picture is made of.
type pngParts struct {
	header  []byte // IHDR
	palette []byte
	alpha   []byte
	data    [][]byte
}

// partsOfPNG collects them up to a second header, or until no chunk follows.
func partsOfPNG(b []byte) (p pngParts, err error) {
	for at := len(pngSignature); at+8 <= len(b); {
		n := int64(binary.BigEndian.Uint32(b[at:]))
		name := string(b[at+4 : at+8])
		if !chunkName(name) {
			break
		}
		body := b[at+8:]
		body = body[:min(n, int64(len(body)))]
		switch {
		case name == "IHDR" && p.header == nil && len(body) >= 13:
			p.header = body[:13]
		case name == "IHDR":
			at = len(b)
		case name == "PLTE" && len(body)%3 == 0 && len(body) <= 768 && p.palette == nil:
			p.palette = body
		case name == "tRNS" && p.alpha == nil:
			p.alpha = body
		case name == "IDAT":
			p.data = append(p.data, body)
		}
		at += int(min(12+n, int64(len(b))))
	}
	if p.header == nil || len(p.data) == 0 {
		return p, errNothingThere
	}
	return p, nil
}

func chunkName(s string) bool {
	for _, c := range []byte(s) {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

// pngChunk is a chunk with its sum.
func pngChunk(name string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, name...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// pngStart is a PNG up to its image data, with another width and height if size has them.
func pngStart(p pngParts, size []byte) []byte {
	header := append(bytes.Clone(size), p.header[len(size):]...)
	out := append([]byte(pngSignature), pngChunk("IHDR", header)...)
	if p.palette != nil {
		out = append(out, pngChunk("PLTE", p.palette)...)
	}
	if colours := header[9]; p.alpha != nil && (colours == 0 && len(p.alpha) == 2 || colours == 2 && len(p.alpha) == 6 ||
		colours == 3 && p.palette != nil && len(p.alpha) <= len(p.palette)/3) {
		out = append(out, pngChunk("tRNS", p.alpha)...)
	}
	return out
}

// passes are how Adam7 spreads the pixels: first column and row, and the steps between them.
var passes = [7][4]int64{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}

// rowsOfPNG calls each with the length of every row, the byte of its filter included.
func rowsOfPNG(header []byte, each func(length int64, times int64)) {
	w, h := int64(binary.BigEndian.Uint32(header)), int64(binary.BigEndian.Uint32(header[4:]))
	bits := int64(header[8]) * map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[header[9]]
	if header[12] == 0 {
		each(1+(w*bits+7)/8, h)
		return
	}
	for _, p := range passes {
		if cols, rows := (w-p[0]+p[2]-1)/p[2], (h-p[1]+p[3]-1)/p[3]; cols > 0 && rows > 0 {
			each(1+(cols*bits+7)/8, rows)
		}
	}
}

// rawPNG is how many bytes the rows have together.
func rawPNG(header []byte) (n int64) {
	rowsOfPNG(header, func(length, times int64) { n += length * times })
	return n
}

// skipFirst returns readers of the pieces without the first n bytes.
func skipFirst(pieces [][]byte, n int) []io.Reader {
	var out []io.Reader
	for _, p := range pieces {
		skip := min(n, len(p))
		n -= skip
		out = append(out, bytes.NewReader(p[skip:]))
	}
	return out
}
