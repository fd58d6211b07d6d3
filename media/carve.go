package media

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
)

// opening is a file that begins inside of another.
type opening struct {
	off, end int64
	is       Type
}

// signatures are what files begin with that are looked for at any offset, and what tells one from
// bytes that happen to read so: a header that parses.
var signatures = []struct {
	mark string
	back int64 // bytes of the file before the mark
	is   Type
	// end returns where the file ends, at most size; 0 if it is none.
	end func(r io.ReaderAt, size int64) int64
}{
	{"\x89PNG\r\n\x1a\n", 0, PNG, endOfPNG},
	{"\xFF\xD8\xFF", 0, JPEG, endOfJPEG},
	{"GIF8", 0, GIF, endOfGIF},
	{"WEBP", 8, WebP, endOfRIFF},
	{"ftyp", 4, MP4, endOfBMFF},
	{"II*\x00", 0, TIFF, endOfTIFF},
	{"MM\x00*", 0, TIFF, endOfTIFF},
	{"%PDF-", 0, PDF, endOfPDF},
	{"PK\x03\x04", 0, ZIP, endOfZIP},
	{"\x00\x00\x00\x0CJXL \r\n\x87\n", 0, JPEGXL, toTheEnd},
	{"\x00\x00\x00\x0CjP  \r\n\x87\n", 0, JPEG2000, toTheEnd},
	{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 0, OLE, toTheEnd},
	{"Rar!\x1A\x07", 0, Archive, toTheEnd},
	{"7z\xBC\xAF\x27\x1C", 0, Archive, toTheEnd},
}

// beginsWith are the signatures by their first byte, so that each byte is looked at once.
var beginsWith = func() (out [256][]int) {
	for i, s := range signatures {
		out[s.mark[0]] = append(out[s.mark[0]], i)
	}
	return out
}()

const (
	carveWindow  = 1 << 20
	carveOverlap = 16
	// maxCarved bounds the files that are found inside of one.
	maxCarved = 1000
	// perHeader is what it costs to ask whether a file begins somewhere, beside what is read for that.
	perHeader = 16 << 10
	perRead   = 64
)

// errSpent means that so much begins like a file that the rest of it is not asked whether it is one.
var errSpent = errors.New("more begins like a file than is looked into")

// allowance is what may be read, of one item and everything inside of it, only to see whether what
// begins like a file is one. Who puts nothing but beginnings into a file would otherwise have it
// read once for each.
type allowance struct{ left atomic.Int64 }

func newAllowance(n int64) *allowance {
	a := &allowance{}
	a.left.Store(n)
	return a
}

// spend pays for n bytes, and returns errSpent if they are not to be had.
func (a *allowance) spend(n int64) error {
	if a.left.Load() < 0 || a.left.Add(-n) < 0 {
		return errSpent
	}
	return nil
}

// metered pays for what is read.
type metered struct {
	io.ReaderAt
	from *allowance
}

func (m metered) ReadAt(p []byte, off int64) (int, error) {
	if err := m.from.spend(int64(len(p)) + perRead); err != nil {
		return 0, err
	}
	return m.ReaderAt.ReadAt(p, off)
}

// carver looks for files inside of one.
type carver struct {
	ctx  context.Context
	r    io.ReaderAt
	from *allowance
	but  []Type // that are not looked for
}

// carve looks for files that begin between two offsets, and end before the second. Files inside
// of one that was found are its own matter. It returns errSpent, and where it stopped, if there is
// too much that begins like a file.
func (c carver) carve(from, to int64, found func(opening) bool) (stopped int64, err error) {
	type hit struct {
		i, sig int
	}
	var hits []hit
	buffer := make([]byte, min(carveWindow, max(to-from, 0)))
	for at := from; to-at >= 16; {
		if err := c.ctx.Err(); err != nil {
			return at, err
		}
		n, err := c.r.ReadAt(buffer[:min(int64(len(buffer)), to-at)], at)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				return to, nil
			}
			return at, err
		}
		b := buffer[:n]
		hits = hits[:0]
		for i, first := range b {
			for _, s := range beginsWith[first] {
				if mark := signatures[s].mark; len(b)-i >= len(mark) && string(b[i:i+len(mark)]) == mark && !slices.Contains(c.but, signatures[s].is) {
					hits = append(hits, hit{i - int(signatures[s].back), s})
				}
			}
		}
		slices.SortFunc(hits, func(a, b hit) int { return a.i - b.i })
		next := at + int64(n)
		if next < to {
			next -= carveOverlap
		}
		skip := at
		for _, h := range hits {
			start := at + int64(h.i)
			if start < max(skip, from) {
				continue
			}
			end, err := c.end(h.sig, start, to)
			if err != nil {
				return start, err
			}
			if end <= start {
				continue
			}
			if !found(opening{start, end, signatures[h.sig].is}) {
				return end, nil
			}
			skip = end
		}
		at = max(next, skip)
	}
	return to, nil
}

// end is where the file ends that begins at start; 0 if there is none.
func (c carver) end(sig int, start, to int64) (int64, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	if err := c.from.spend(perHeader); err != nil {
		return 0, err
	}
	n := signatures[sig].end(metered{io.NewSectionReader(c.r, start, to-start), c.from}, to-start)
	if c.from.left.Load() < 0 { // it gave up for that, and not for what it had read
		return 0, errSpent
	}
	if n <= 0 {
		return 0, nil
	}
	return start + n, nil
}
