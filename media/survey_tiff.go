package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/chunk"
)

// Tags of a TIFF directory that say where pictures are.
const (
	tiffCompression  = 259
	tiffStrips       = 273
	tiffStripLengths = 279
	tiffTiles        = 324
	tiffTileLengths  = 325
	tiffTables       = 347
	tiffJPEG         = 513
	tiffJPEGLength   = 514
	tiffMakerNote    = 37500
	tiffDNGPrivate   = 50740
)

// maxStrips bounds the strips and tiles of a directory that are told apart.
const maxStrips = 1 << 16

// tiffDir is one directory, and the pictures that it points to.
type tiffDir struct {
	name             string
	table, size      int64
	compression      int64
	offsets, lengths []int64
	jpeg, jpegLength int64
	wide, high       bool
	tables           bool // of JPEG, which its strips then lack
}

// surveyTIFF claims directories, their values and the pictures that they point to. Further pages
// and previews are opened, each as a file that begins with another directory. Bytes to which
// nothing points may be those of a maker of cameras, who points to them in ways of his own; files
// among them are found by what they begin with.
func surveyTIFF(s *survey) error {
	head := int64(8)
	if len(s.m.head) > 4 && (s.m.head[2] == '+' || s.m.head[3] == '+') {
		head = 16
	}
	s.claim(0, min(head, s.m.size), anatomy.Read, "header")
	if magic := string(s.m.head[:min(4, len(s.m.head))]); magic != "II*\x00" && magic != "MM\x00*" && head == 8 {
		s.quiet = true // raw files of cameras whose directories follow rules of their own
	}
	var dirs []*tiffDir
	values := 0
	for t, err := range chunk.TIFF(s.m, s.m.size) {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if errors.Is(err, chunk.ErrLimit) {
			s.more = true
		}
		if err != nil {
			break
		}
		if len(dirs) == 0 || dirs[len(dirs)-1].table != t.Table {
			dirs = append(dirs, &tiffDir{name: t.Dir, table: t.Table, size: t.Size})
			s.shared(t.Table, t.Size, anatomy.Read, "directory")
		}
		if t.ID == tiffMakerNote || t.ID == tiffDNGPrivate {
			s.quiet = true
		}
		dirs[len(dirs)-1].tag(s, t)
		if t.Off != t.At+4+head/2 { // it does not stand in the entry
			if values++; values > maxStrips {
				s.more = true
				continue
			}
			s.shared(t.Off, t.Len, anatomy.Read, "value of a tag")
			s.also(t.Off, t.Len)
		}
	}
	for _, d := range dirs {
		s.pictureOf(d)
	}
	s.pages(dirs)
	return nil
}

// shared claims bytes that a format lets others have as well.
func (s *survey) shared(off, n int64, state anatomy.State, owner string) {
	if s.pieces++; s.pieces <= maxClaimed {
		s.claims = append(s.claims, anatomy.Claim{Off: off, Len: n, State: state, Owner: owner, Shared: true})
	}
}

func (d *tiffDir) tag(s *survey, t chunk.Tag) {
	switch t.ID {
	case 256:
		d.wide = true
	case 257:
		d.high = true
	case tiffTables:
		d.tables = true
	case tiffCompression:
		d.compression, _ = t.Uint(s.m)
	case tiffStrips, tiffTiles:
		d.offsets = append(d.offsets, s.numbers(t)...)
	case tiffStripLengths, tiffTileLengths:
		d.lengths = append(d.lengths, s.numbers(t)...)
	case tiffJPEG:
		d.jpeg, _ = t.Uint(s.m)
	case tiffJPEGLength:
		d.jpegLength, _ = t.Uint(s.m)
	}
}

// numbers are the values of a tag, as many as are told apart.
func (s *survey) numbers(t chunk.Tag) (out []int64) {
	if t.Count > maxStrips {
		s.more = true
	}
	b, err := t.Read(s.m, 8*maxStrips)
	if err != nil || t.Count == 0 {
		return nil
	}
	for n := int(t.Len / t.Count); len(b) >= n && (n == 2 || n == 4 || n == 8) && len(out) < maxStrips; b = b[n:] {
		switch n {
		case 2:
			out = append(out, int64(t.Order.Uint16(b)))
		case 4:
			out = append(out, int64(t.Order.Uint32(b)))
		default:
			out = append(out, int64(t.Order.Uint64(b)&(1<<62-1)))
		}
	}
	return out
}

// pictureOf claims the strips or tiles of a directory, and opens what is a file of its own.
func (s *survey) pictureOf(d *tiffDir) {
	if d.jpeg > 0 && d.jpegLength > 0 && d.jpeg < s.m.size {
		s.whole(fmt.Sprintf("preview of %s", d.name), d.jpeg, min(d.jpegLength, s.m.size-d.jpeg))
	}
	// Strips that JPEG or one of its relatives packed begin like files and need not be any.
	streams := d.compression == 6 || d.compression == 7 || d.compression > 30000 && d.compression != 32773 && d.compression != 32946
	if streams && len(d.offsets) == 1 && len(d.lengths) == 1 && !d.tables {
		if s.whole(fmt.Sprintf("preview of %s", d.name), d.offsets[0], d.lengths[0]) {
			return
		}
	}
	for i, off := range d.offsets {
		if i < len(d.lengths) && off > 0 && off < s.m.size {
			n := min(d.lengths[i], s.m.size-off)
			s.shared(off, n, anatomy.Opaque, "pixels")
			if !streams {
				s.also(off, n) // the picture may need less than that
			}
		}
	}
}

// whole opens a JPEG file that a directory points to, if there is one.
func (s *survey) whole(name string, off, n int64) bool {
	if off <= 0 || n < smallest || off+n > s.m.size {
		return false
	}
	if s.m.limits.allowed.spend(perHeader) != nil || endOfJPEG(metered{io.NewSectionReader(s.m, off, n), s.m.limits.allowed}, n) <= 0 {
		return false
	}
	s.child(Child{Name: name, Off: off, Len: n})
	return true
}

// pages opens the pictures of other directories: pages, previews, masks.
func (s *survey) pages(dirs []*tiffDir) {
	n := 0
	for i, d := range dirs {
		if i == 0 || !d.wide || !d.high || len(d.offsets) == 0 || strings.HasPrefix(d.name, "Exif") {
			continue
		}
		if n++; !sampled(n - 1) {
			continue
		}
		// The file as it would be with that directory in front, and without one behind it, so that
		// its own pages are not looked at again.
		size, at := 4, int64(4)
		if s.m.head[2] == '+' || s.m.head[3] == '+' {
			size, at = 8, 8
		}
		var order binary.ByteOrder = binary.LittleEndian
		if s.m.head[0] == 'M' {
			order = binary.BigEndian
		}
		first := make([]byte, size)
		if size == 8 {
			order.PutUint64(first, uint64(d.table))
		} else {
			order.PutUint32(first, uint32(d.table))
		}
		s.child(Child{Name: fmt.Sprintf("page %d", i+1), Off: 0, Len: s.m.size,
			Over: []Patch{{at, first}, {d.table + d.size - int64(size), make([]byte, size)}}})
	}
}
