package chunk

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
)

// inner lists the boxes that hold boxes and that a reader of metadata goes into, with the
// bytes to skip before the first. Sample tables are left out: nothing there is text.
var inner = map[string]int64{
	"moov": 0, "udta": 0, "trak": 0, "mdia": 0, "meta": 4, "ilst": 0,
	"iprp": 0, "ipco": 0, "moof": 0, "traf": 0, "edts": 0, "dinf": 8, "minf": 0,
}

// BMFF walks the boxes of an ISO base media file (MP4, MOV, M4A, HEIF, AVIF). Every item
// of an ilst box is walked too, so that a tag's value is the payload of its "data" box.
func BMFF(r io.ReaderAt, size int64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		w := &boxWalk{r: r, size: size, yield: yield}
		w.boxes("", 0, size, 1)
	}
}

type boxWalk struct {
	r     io.ReaderAt
	size  int64
	yield func(Piece, error) bool
	n     int
	// boxes that come again with every fragment
	fragments int
	head      [16]byte
	name      string // of the box before, which most often is that of the next one
}

// fragmentBoxes are those that come again with every fragment of a recording that is written
// while it is made: a dozen a second.
var fragmentBoxes = map[string]bool{"moof": true, "mfhd": true, "traf": true, "tfhd": true, "tfdt": true, "trun": true, "mdat": true,
	"styp": true, "sidx": true, "prft": true, "emsg": true, "saiz": true, "saio": true, "senc": true, "sbgp": true, "subs": true}

// maxFragmentBoxes bounds them: a recording of a day has as many.
const maxFragmentBoxes = 1 << 20

func (w *boxWalk) boxes(path string, off, end int64, depth int) bool {
	if depth > maxDepth {
		w.yield(Piece{}, fmt.Errorf("%w: boxes nested more than %d deep", ErrLimit, maxDepth))
		return false
	}
	for off+8 <= end {
		p, err := w.box(path, off, end)
		if err != nil {
			w.yield(Piece{}, err)
			return false
		}
		n, most := &w.n, maxPieces
		if fragmentBoxes[p.Name] {
			n, most = &w.fragments, maxFragmentBoxes
		}
		if *n++; *n > most {
			w.yield(Piece{}, fmt.Errorf("%w: more than %d boxes", ErrLimit, most))
			return false
		}
		if p.Name == "\x00\x00\x00\x00" && path != "" {
			return true // QuickTime ends some lists with four zero bytes
		}
		if !w.yield(p, nil) {
			return false
		}
		if skip, ok := w.inner(p, path); ok && p.Len >= skip {
			if !w.boxes(p.Path, p.Off+skip, p.End(), depth+1) {
				return false
			}
		}
		off = p.End()
	}
	if path == "" && off < end {
		w.yield(Piece{}, fmt.Errorf("%w: %d bytes after the last box", ErrStructure, end-off))
		return false
	}
	return true
}

// box reads the header at off of a box that must end by end.
func (w *boxWalk) box(path string, off, end int64) (Piece, error) {
	head := &w.head
	if err := full(w.r, head[:8], off); err != nil {
		return Piece{}, err
	}
	if w.name != string(head[4:8]) {
		w.name = string(head[4:8])
	}
	p := Piece{Name: w.name, Start: off, Off: off + 8}
	p.Path = p.Name
	if path != "" {
		p.Path = path + "/" + p.Name
	}
	n := be32(head[:4])
	switch n {
	case 0: // to the end of what holds it
		p.Len = end - p.Off
		return p, nil
	case 1:
		if err := full(w.r, head[8:16], off+8); err != nil {
			return Piece{}, err
		}
		p.Off = off + 16
		long := binary.BigEndian.Uint64(head[8:16])
		if long < 16 || long > 1<<62 {
			return Piece{}, fmt.Errorf("%w: box %q at byte %d says %d bytes", ErrStructure, p.Name, off, long)
		}
		n = int64(long)
	}
	p.Len = off + n - p.Off
	if p.Len < 0 {
		return Piece{}, fmt.Errorf("%w: box %q at byte %d says %d bytes", ErrStructure, p.Name, off, n)
	}
	if p.End() > end {
		kind := ErrStructure
		if end == w.size {
			kind = ErrTruncated
		}
		return Piece{}, fmt.Errorf("%w: box %q at byte %d says %d bytes", kind, p.Name, off, n)
	}
	return p, nil
}

// inner reports whether p holds boxes, and how many bytes come before the first.
func (w *boxWalk) inner(p Piece, parent string) (int64, bool) {
	if len(parent) >= 4 && parent[len(parent)-4:] == "ilst" {
		return 0, true
	}
	skip, ok := inner[p.Name]
	if p.Name == "meta" && ok {
		// QuickTime's meta is a plain box, ISO's has four bytes of version and flags.
		var b [8]byte
		if full(w.r, b[:], p.Off) == nil && letters(string(b[4:8])) {
			skip = 0
		}
	}
	return skip, ok
}
