package chunk

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
)

// Tag is one entry of a TIFF directory.
type Tag struct {
	Dir   string // "IFD0", "IFD1" …, "Exif", "SubIFD"
	ID    uint16
	Type  uint16
	Count int64 // values, not bytes
	Off   int64 // where the value begins, from the start of r
	Len   int64 // bytes of the value
	Order binary.ByteOrder
	At    int64 // where the entry itself is
	Table int64 // where the directory is that it stands in
	Size  int64 // of that directory, with its count in front and the pointer behind
}

// Tags that lead to other directories.
const (
	tagSubIFDs = 330
	tagExif    = 34665
)

// typeLen is the length of one value of each TIFF type; 129 is the text in UTF-8 of Exif 3.0.
var typeLen = [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1}

// Read returns at most limit bytes of the value.
func (t Tag) Read(r io.ReaderAt, limit int64) ([]byte, error) {
	return Piece{Off: t.Off, Len: t.Len}.Read(r, limit)
}

// Uint returns the first value of an integer tag.
func (t Tag) Uint(r io.ReaderAt) (int64, bool) {
	b, err := t.Read(r, 8)
	if err != nil || t.Count < 1 || t.Type == 0 || int(t.Type) >= len(typeLen) || int64(len(b)) < typeLen[t.Type] {
		return 0, false
	}
	switch t.Type {
	case 1, 7:
		return int64(b[0]), true
	case 3:
		return int64(t.Order.Uint16(b)), true
	case 4, 13:
		return int64(t.Order.Uint32(b)), true
	case 16, 18:
		if v := t.Order.Uint64(b); v < 1<<62 {
			return int64(v), true
		}
	}
	return 0, false
}

// TIFF walks the directories of a TIFF structure, classic or big: the chain from IFD0, its
// Exif directory and its sub-directories. Entries whose value lies outside r are left out,
// as readers of damaged photographs do.
func TIFF(r io.ReaderAt, size int64) iter.Seq2[Tag, error] {
	return func(yield func(Tag, error) bool) {
		var head [16]byte
		if err := full(r, head[:8], 0); err != nil {
			yield(Tag{}, err)
			return
		}
		w := &tiffWalk{r: r, size: size, yield: yield, seen: map[int64]bool{}}
		switch string(head[:4]) {
		case "II*\x00", "IIU\x00", "IIRO", "IIRS": // the last three are Panasonic and Olympus raw files
			w.order = binary.LittleEndian
		case "MM\x00*", "MMOR":
			w.order = binary.BigEndian
		case "II+\x00":
			w.order, w.big = binary.LittleEndian, true
		case "MM\x00+":
			w.order, w.big = binary.BigEndian, true
		default:
			yield(Tag{}, fmt.Errorf("%w: no TIFF header", ErrStructure))
			return
		}
		first := int64(w.order.Uint32(head[4:8]))
		if w.big {
			if err := full(r, head[8:16], 8); err != nil {
				yield(Tag{}, err)
				return
			}
			first = int64(w.order.Uint64(head[8:16]))
		}
		for n := 0; first != 0; n++ {
			var ok bool
			if first, ok = w.dir(fmt.Sprintf("IFD%d", n), first, 0); !ok {
				return
			}
		}
	}
}

type tiffWalk struct {
	r     io.ReaderAt
	size  int64
	yield func(Tag, error) bool
	order binary.ByteOrder
	big   bool
	seen  map[int64]bool
	n     int
}

func (w *tiffWalk) fail(format string, args ...any) bool {
	w.yield(Tag{}, fmt.Errorf(format, args...))
	return false
}

// dir walks one directory and returns the offset of the next in its chain.
func (w *tiffWalk) dir(name string, off int64, depth int) (next int64, ok bool) {
	if w.seen[off] {
		return 0, w.fail("%w: directory at byte %d comes twice", ErrStructure, off)
	}
	w.seen[off] = true
	if len(w.seen) > 128 || depth > 4 {
		return 0, w.fail("%w: too many directories", ErrLimit)
	}
	if off < 8 || off >= w.size {
		return 0, w.fail("%w: directory at byte %d of %d", ErrTruncated, off, w.size)
	}
	var b [8]byte
	countLen, entryLen := int64(2), int64(12)
	if w.big {
		countLen, entryLen = 8, 20
	}
	if err := full(w.r, b[:countLen], off); err != nil {
		return 0, w.fail("%w", err)
	}
	count := int64(w.order.Uint16(b[:2]))
	if w.big {
		count = int64(w.order.Uint64(b[:8]))
	}
	if count < 0 || count > maxPieces {
		return 0, w.fail("%w: directory with %d entries", ErrStructure, count)
	}
	table := make([]byte, count*entryLen)
	if err := full(w.r, table, off+countLen); err != nil {
		return 0, w.fail("%w", err)
	}
	for i := range count {
		if w.n++; w.n > maxPieces {
			return 0, w.fail("%w: too many entries", ErrLimit)
		}
		t, valid := w.entry(name, table[i*entryLen:(i+1)*entryLen], off+countLen+i*entryLen)
		t.Table, t.Size = off, countLen+count*entryLen+entryLen/5*2 // four bytes of pointer, or eight
		if !valid {
			continue
		}
		if !w.yield(t, nil) || !w.deeper(t, depth) {
			return 0, false
		}
	}
	end := off + countLen + count*entryLen
	if !w.big {
		if full(w.r, b[:4], end) != nil {
			return 0, true // some writers leave the last pointer out
		}
		return int64(w.order.Uint32(b[:4])), true
	}
	if full(w.r, b[:8], end) != nil {
		return 0, true
	}
	return int64(w.order.Uint64(b[:8])), true
}

func (w *tiffWalk) entry(dir string, e []byte, at int64) (Tag, bool) {
	t := Tag{Dir: dir, ID: w.order.Uint16(e), Type: w.order.Uint16(e[2:]), Order: w.order, At: at}
	value, inline := int64(8), int64(4)
	t.Count = int64(w.order.Uint32(e[4:]))
	if w.big {
		value, inline = 12, 8
		t.Count = int64(w.order.Uint64(e[4:]))
	}
	if int(t.Type) >= len(typeLen) || typeLen[t.Type] == 0 || t.Count < 0 || t.Count > w.size {
		return t, false
	}
	t.Len = t.Count * typeLen[t.Type]
	t.Off = at + value
	if t.Len > inline {
		if w.big {
			t.Off = int64(w.order.Uint64(e[12:]))
		} else {
			t.Off = int64(w.order.Uint32(e[8:]))
		}
	}
	return t, t.Off >= 0 && t.Off <= w.size && t.Len <= w.size-t.Off
}

// deeper follows the entries that point to directories; false ends the walk.
func (w *tiffWalk) deeper(t Tag, depth int) bool {
	switch t.ID {
	case tagExif:
		if off, ok := t.Uint(w.r); ok {
			return w.side("Exif", off, depth+1)
		}
	case tagSubIFDs:
		b, err := t.Read(w.r, 16*8)
		if err != nil {
			return true
		}
		for n := typeLen[t.Type]; int64(len(b)) >= n && (n == 4 || n == 8); b = b[n:] {
			off := int64(w.order.Uint32(b))
			if n == 8 {
				off = int64(w.order.Uint64(b))
			}
			if !w.side("SubIFD", off, depth+1) {
				return false
			}
		}
	}
	return true
}

// side walks a directory that another points to. Damage there does not end the walk: many
// editors leave dangling pointers to directories that they dropped.
func (w *tiffWalk) side(name string, off int64, depth int) bool {
	stopped := false
	inner := &tiffWalk{r: w.r, size: w.size, order: w.order, big: w.big, seen: w.seen, n: w.n,
		yield: func(t Tag, err error) bool {
			if err != nil {
				return false
			}
			if !w.yield(t, nil) {
				stopped = true
			}
			return !stopped
		}}
	inner.dir(name, off, depth)
	w.n = inner.n
	return !stopped
}
