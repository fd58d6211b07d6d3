package chunk

import (
	"fmt"
	"io"
	"iter"
)

// PNG walks the chunks of a PNG file up to IEND. It does not check their CRCs.
func PNG(r io.ReaderAt, size int64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
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
}

func letters(s string) bool {
	for _, c := range []byte(s) {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}
