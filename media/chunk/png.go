package chunk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
)

// PNG walks the chunks of a PNG file up to IEND. It does not check their CRCs.
func PNG(r io.ReaderAt, size int64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) { pngChunks(r, size, yield) }
}

// PNGThrough walks the chunks as PNG does and goes on behind IEND and behind what is no chunk, where
// some programs read text and viewers do not mind it. There it yields the chunks that hold text, by
// their names and check sums. Its only error is ErrLimit.
func PNGThrough(r io.ReaderAt, size int64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		at, on := int64(8), true
		pngChunks(r, size, func(p Piece, err error) bool {
			switch {
			case errors.Is(err, ErrLimit):
				on = false
				yield(Piece{}, err)
				return false
			case err != nil:
				return false
			}
			at, on = p.End()+4, yield(p, nil)
			return on
		})
		if !on {
			return
		}
		summed := int64(0)
		window := make([]byte, 64<<10)
		for at+12 <= size {
			n, _ := r.ReadAt(window[:min(int64(len(window)), size-at)], at)
			i := textChunk(window[:n])
			if i < 0 {
				if n < len(window) {
					return
				}
				at += int64(n - 7)
				continue
			}
			p := Piece{Name: string(window[i+4 : i+8]), Start: at + int64(i), Off: at + int64(i) + 8, Len: be32(window[i:])}
			p.Path = p.Name
			if at = p.Start + 1; p.End()+4 > size {
				continue
			}
			if summed += p.Len; summed > size+maxSummed {
				yield(Piece{}, fmt.Errorf("%w: more text chunks that overlap", ErrLimit))
				return
			}
			if intact(r, p) {
				if at = p.End() + 4; !yield(p, nil) {
					return
				}
			}
		}
	}
}

// maxSummed bounds the bytes whose sums are made beyond those that the file has.
const maxSummed = 64 << 20

// textChunk is where the first chunk of text may begin, -1 if none does.
func textChunk(b []byte) int {
	for i := 4; i+4 <= len(b); i++ {
		switch string(b[i : i+4]) {
		case "tEXt", "zTXt", "iTXt", "eXIf", "comf":
			return i - 4
		}
	}
	return -1
}

// intact reports whether the sum of a chunk is right.
func intact(r io.ReaderAt, p Piece) bool {
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.NewSectionReader(r, p.Start+4, p.Len+4)); err != nil {
		return false
	}
	var want [4]byte
	return full(r, want[:], p.End()) == nil && sum.Sum32() == binary.BigEndian.Uint32(want[:])
}

func pngChunks(r io.ReaderAt, size int64, yield func(Piece, error) bool) {
	var head [8]byte
	if err := full(r, head[:], 0); err != nil {
		yield(Piece{}, err)
		return
	}
	if string(head[:]) != "\x89PNG\r\n\x1a\n" {
		yield(Piece{}, fmt.Errorf("%w: no PNG signature", ErrStructure))
		return
	}
	off := int64(8)
	// 4 million, not maxPieces: an encoder that writes 8 KiB of IDAT at a time makes
	// 130 000 chunks of a 1 GiB image.
	for range 1 << 22 {
		if off == size {
			yield(Piece{}, fmt.Errorf("%w: no IEND chunk", ErrTruncated))
			return
		}
		if err := full(r, head[:], off); err != nil {
			yield(Piece{}, err)
			return
		}
		p := Piece{Name: string(head[4:]), Start: off, Off: off + 8, Len: be32(head[:4])}
		p.Path = p.Name
		if !letters(p.Name) {
			yield(Piece{}, fmt.Errorf("%w: chunk name %q at byte %d", ErrStructure, p.Name, off))
			return
		}
		if p.End()+4 > size {
			yield(Piece{}, fmt.Errorf("%w: chunk %s at byte %d", ErrTruncated, p.Name, off))
			return
		}
		if !yield(p, nil) || p.Name == "IEND" {
			return
		}
		off = p.End() + 4
	}
	yield(Piece{}, fmt.Errorf("%w: too many chunks", ErrLimit))
}

func letters(s string) bool {
	for _, c := range []byte(s) {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}
