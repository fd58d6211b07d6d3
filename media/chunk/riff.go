package chunk

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// RIFF walks the chunks of a RIFF file (WAVE, AVI, WebP), little end first. It goes into
// INFO, hdrl, strl and odml lists, never into movi, whose chunks are frames. Several RIFF
// chunks may follow one another (OpenDML AVI); RF64 sizes mean the end of the file.
func RIFF(r io.ReaderAt, size int64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		w := &riffWalk{r: r, size: size, yield: yield}
		for off := int64(0); off < size; {
			var head [12]byte
			err := full(r, head[:], off)
			if err != nil && !errors.Is(err, ErrTruncated) {
				yield(Piece{}, err)
				return
			}
			id := string(head[:4])
			known := id == "RIFF" || id == "RF64" || id == "BW64"
			if off == 0 && (err != nil || !known) {
				yield(Piece{}, fmt.Errorf("%w: no RIFF header", ErrStructure))
				return
			}
			if err != nil || !known {
				return // what follows the last RIFF chunk is not part of the container
			}
			p := Piece{Name: id, Path: id, Form: string(head[8:]), Start: off, Off: off + 12, Len: le32(head[4:]) - 4}
			var short error
			if p.Len == 0xFFFFFFFF-4 && id != "RIFF" || p.Len < 0 {
				p.Len = size - p.Off
			}
			if p.End() > size {
				short = fmt.Errorf("%w: %s says %d bytes, the file has %d", ErrTruncated, p.Form, p.End(), size)
				p.Len = size - p.Off
			}
			if !yield(p, nil) || !w.list(p, 1) {
				return
			}
			if short != nil {
				yield(Piece{}, short)
				return
			}
			off = p.End() + p.Len&1
		}
	}
}

type riffWalk struct {
	r     io.ReaderAt
	size  int64
	yield func(Piece, error) bool
	n     int
}

// list walks the chunks inside p; false ends the walk.
func (w *riffWalk) list(p Piece, depth int) bool {
	off, end := p.Off, p.End()
	for off+8 <= end {
		if w.n++; w.n > maxPieces || depth > maxDepth {
			w.yield(Piece{}, fmt.Errorf("%w: too many chunks", ErrLimit))
			return false
		}
		var head [12]byte
		if err := full(w.r, head[:8], off); err != nil {
			w.yield(Piece{}, err)
			return false
		}
		c := Piece{Name: string(head[:4]), Start: off, Off: off + 8, Len: le32(head[4:8])}
		c.Path = p.Path + "/" + c.Name
		if c.End() > end {
			if c.Len == 0xFFFFFFFF || end == w.size {
				// The data chunk of RF64, and of recorders that never came back to fix the size.
				c.Len = end - c.Off
				rf64 := p.Name != "RIFF"
				if w.yield(c, nil) && !rf64 {
					w.yield(Piece{}, fmt.Errorf("%w: chunk %q at byte %d", ErrTruncated, c.Name, off))
				}
				return false
			}
			w.yield(Piece{}, fmt.Errorf("%w: chunk %q at byte %d is longer than what holds it", ErrStructure, c.Name, off))
			return false
		}
		next := c.End() + c.Len&1
		deeper := false
		if c.Name == "LIST" && c.Len >= 4 {
			if err := full(w.r, head[:4], c.Off); err != nil {
				w.yield(Piece{}, err)
				return false
			}
			c.Form, c.Off, c.Len = string(head[:4]), c.Off+4, c.Len-4
			deeper = c.Form == "INFO" || c.Form == "hdrl" || c.Form == "strl" || c.Form == "odml"
		}
		if !w.yield(c, nil) || deeper && !w.list(c, depth+1) {
			return false
		}
		off = next
	}
	return true
}
