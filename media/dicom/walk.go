package dicom

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// walker goes through the elements of one file.
type walker struct {
	ctx    context.Context
	lim    Limits
	file   *File
	see    func(Element)
	size   int64
	count  int
	last   Tag
	damage error // the first thing that was wrong and could be stepped over
}

// form is how elements are encoded.
type form struct{ implicit, big bool }

func (f form) order() binary.ByteOrder {
	if f.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (f form) tag(b []byte) Tag {
	o := f.order()
	return Tag(o.Uint16(b))<<16 | Tag(o.Uint16(b[2:]))
}

func (w *walker) run() error {
	f := w.file
	head := make([]byte, min(w.size, 132))
	if err := w.read(head, 0); err != nil {
		return err
	}
	var at int64
	if len(head) == 132 && string(head[128:]) == "DICM" {
		f.Preamble, at = true, 132
	}
	at, err := w.meta(at)
	if err != nil {
		return err
	}
	f.Syntax = syntaxOf(f.Text(transferSyntax))
	var cut error
	if f.Syntax.deflated {
		b, err := inflate(w.ctx, f.r, at, w.size, w.lim.Inflated)
		if w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		// The file meta information was read; its values go with the bytes they came from.
		f.r = &spliced{meta: f.r, set: bytes.NewReader(b), at: at}
		w.size, cut = at+int64(len(b)), err
	}
	set, err := w.form(at)
	if err != nil {
		return err
	}
	f.big = set.big
	_, err = w.dataset(at, w.size, set, Element{Depth: -1}, false)
	switch {
	case err != nil && !errors.Is(err, ErrTruncated):
		return err
	case cut != nil:
		return cut
	case err != nil:
		return err
	}
	return w.damage
}

// spliced is the head of a deflated file, and behind it the inflated data set.
type spliced struct {
	meta io.ReaderAt
	set  *bytes.Reader
	at   int64
}

func (s *spliced) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.at {
		return s.set.ReadAt(p, off-s.at)
	}
	n, err := s.meta.ReadAt(p[:min(int64(len(p)), s.at-off)], off)
	if err == nil && n < len(p) {
		err = io.EOF // nobody reads across the seam
	}
	return n, err
}

// meta reads the file meta information: group 2, whatever its length says.
func (w *walker) meta(at int64) (int64, error) {
	for at+8 <= w.size {
		e, next, err := w.header(at, w.size, form{})
		if err != nil || e.Tag.Group() != 2 {
			return at, err
		}
		if e.Length < 0 || next+e.Length > w.size {
			return at, fmt.Errorf("%w: in %s of the file meta information", ErrTruncated, e.Tag)
		}
		e.meta = true
		if err := w.keep(e); err != nil {
			return at, err
		}
		at = next + e.Length
	}
	return at, nil
}

// form decides how the data set is encoded: as declared, unless its first element shows that
// the declaration is wrong or there is none.
func (w *walker) form(at int64) (form, error) {
	s := w.file.Syntax
	set := form{s.implicit, s.big}
	b := make([]byte, min(8, w.size-at))
	if err := w.read(b, at); err != nil || len(b) < 8 {
		return set, err
	}
	// Data sets begin with a low group, mostly 8: the other way round it is a very high one.
	little, big := binary.LittleEndian.Uint16(b), binary.BigEndian.Uint16(b)
	is := form{implicit: !known(string(b[4:6])), big: set.big}
	if little != big && (set.big && little < 0x100 && big >= 0x100 || !set.big && big < 0x100 && little >= 0x100) {
		is.big = !set.big
	}
	if !letters(b[4:6]) || is.implicit == set.implicit {
		w.file.Misdeclared = s.UID != "" && is != set
		return is, nil
	}
	if set.implicit { // a representation that is on the list is there
		w.file.Misdeclared = s.UID != ""
		return is, nil
	}
	return form{false, is.big}, nil // two letters that are on no list, in an explicit file
}

func letters(b []byte) bool {
	return len(b) >= 2 && b[0] >= 'A' && b[0] <= 'Z' && b[1] >= 'A' && b[1] <= 'Z'
}

// Representations with a length of two bytes, and of four.
const (
	short = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
	long  = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
)

func in(list, vr string) bool {
	for i := 0; i+2 <= len(list); i += 3 {
		if list[i:i+2] == vr {
			return true
		}
	}
	return false
}

func known(vr string) bool { return in(short, vr) || in(long, vr) }

// read fills b, or says that the file is shorter.
func (w *walker) read(b []byte, at int64) error {
	n, err := w.file.r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: at byte %d", ErrTruncated, at)
	}
	return err
}

// step counts one element, item or fragment.
func (w *walker) step() error {
	if w.count++; w.count > w.lim.Elements {
		return fmt.Errorf("%w: more than %d elements", ErrLimit, w.lim.Elements)
	}
	if w.count%256 == 0 {
		return w.ctx.Err()
	}
	return nil
}

// header reads tag, representation and length; next is where the value begins.
func (w *walker) header(at, end int64, in form) (e Element, next int64, err error) {
	if err := w.step(); err != nil {
		return e, at, err
	}
	if end-at < 8 {
		return e, at, fmt.Errorf("%w: %d bytes are left at byte %d", ErrTruncated, end-at, at)
	}
	var buf [12]byte
	b := buf[:min(12, end-at)]
	if err := w.read(b, at); err != nil {
		return e, at, err
	}
	o := in.order()
	e.Tag = in.tag(b)
	var length uint32
	switch vr := string(b[4:6]); {
	case e.Tag.Group() == 0xFFFE, in.implicit, !letters(b[4:6]):
		length, next = o.Uint32(b[4:]), at+8
	case wide(vr, b, o, end-at-12):
		if len(b) < 12 {
			return e, at, fmt.Errorf("%w: in the header of %s", ErrTruncated, e.Tag)
		}
		e.VR, length, next = vr, o.Uint32(b[8:]), at+12
	default:
		e.VR, length, next = vr, uint32(o.Uint16(b[6:])), at+8
	}
	e.Offset, e.Length = next, int64(length)
	if length == undefinedLen {
		e.Length = -1
	}
	return e, next, nil
}

// wide reports whether the length takes four bytes. Representations that are on no list are
// taken as the standard has it for future ones, if the length then fits.
func wide(vr string, b []byte, o binary.ByteOrder, left int64) bool {
	if known(vr) {
		return in(long, vr)
	}
	return len(b) == 12 && b[6] == 0 && b[7] == 0 && int64(o.Uint32(b[8:])) <= left
}

// keep remembers an element of the data set and shows every element.
func (w *walker) keep(e Element) error {
	if e.Depth == 0 {
		if !e.meta {
			if e.Tag < w.last {
				w.file.Unordered++
			}
			w.last = max(w.last, e.Tag)
		}
		if len(w.file.root) >= w.lim.Root {
			return fmt.Errorf("%w: more than %d elements outside of sequences", ErrLimit, w.lim.Root)
		}
		if _, twice := w.file.root[e.Tag]; !twice {
			w.file.root[e.Tag] = e
		}
	}
	if w.see != nil {
		w.see(e)
	}
	return nil
}

// note remembers the first damage that reading steps over.
func (w *walker) note(err error) {
	if w.damage == nil {
		w.damage = err
	}
}

// broken reports whether what is wrong is the file's, and reading can go on behind it.
func broken(err error) bool { return errors.Is(err, ErrTruncated) || errors.Is(err, ErrStructure) }

// dataset reads elements from at to end, or to the end mark of an item of open length. of is
// the sequence that they are in.
func (w *walker) dataset(at, end int64, in form, of Element, open bool) (int64, error) {
	if of.Depth+1 > w.lim.Depth {
		return at, fmt.Errorf("%w: sequences nest deeper than %d", ErrLimit, w.lim.Depth)
	}
	for at < end {
		e, next, err := w.header(at, end, in)
		if err != nil {
			return at, err
		}
		switch {
		case e.Tag == itemEnd && open:
			return next, nil
		case e.Tag.Group() == 0xFFFE:
			if !open && e.Length == 0 { // an end mark that nobody needs
				at = next
				continue
			}
			return at, fmt.Errorf("%w: %s at byte %d", ErrStructure, e.Tag, at)
		}
		e.Depth, e.In = of.Depth+1, of.Tag
		if at, err = w.value(e, next, end, in); err != nil {
			return at, err
		}
	}
	if open {
		return at, fmt.Errorf("%w: an item has no end", ErrTruncated)
	}
	return at, nil
}

// value steps over the value of an element, or into it, and returns where the next begins.
func (w *walker) value(e Element, at, end int64, in form) (int64, error) {
	past := at + e.Length
	cut := past > end
	if cut {
		e.Length = end - at
	}
	if err := w.keep(e); err != nil {
		return at, err
	}
	switch {
	case e.Length < 0 && (e.VR == "OB" || e.VR == "OW" || e.Tag == PixelData):
		return w.encapsulated(e, at, end, in)
	case e.Length < 0:
		if e.VR == "UN" {
			in = form{implicit: true} // whatever the file's is
		}
		return w.sequence(e, at, end, in, true)
	case cut:
		return at, fmt.Errorf("%w: %s has %d bytes of %d", ErrTruncated, e.Tag, end-at, past-at)
	case e.VR == "SQ", e.VR == "" && w.items(at, past, in):
		if _, err := w.sequence(e, at, past, in, false); err != nil {
			if !broken(err) {
				return at, err
			}
			if e.VR == "SQ" {
				w.note(err)
			}
		}
	}
	return past, nil
}

// items reports whether a value without representation looks like that of a sequence.
func (w *walker) items(at, end int64, in form) bool {
	b := make([]byte, 8)
	if end-at < 8 || w.read(b, at) != nil || in.tag(b) != item {
		return false
	}
	length := in.order().Uint32(b[4:])
	return length == undefinedLen || at+8+int64(length) <= end
}

// sequence reads the items of a sequence.
func (w *walker) sequence(e Element, at, end int64, in form, open bool) (int64, error) {
	for at < end {
		i, next, err := w.header(at, end, in)
		if err != nil {
			return at, err
		}
		switch past := next + i.Length; {
		case i.Tag == sequenceEnd && open:
			return next, nil
		case i.Tag == sequenceEnd:
			at = next
		case i.Tag != item:
			return at, fmt.Errorf("%w: %s in the sequence %s", ErrStructure, i.Tag, e.Tag)
		case i.Length < 0:
			if at, err = w.dataset(next, end, in, e, true); err != nil {
				return at, err
			}
		case past > end:
			return at, fmt.Errorf("%w: an item of %s has %d bytes of %d", ErrTruncated, e.Tag, end-next, i.Length)
		default:
			if _, err := w.dataset(next, past, in, e, false); err != nil {
				if !broken(err) {
					return at, err
				}
				w.note(err)
			}
			at = past
		}
	}
	if open {
		return at, fmt.Errorf("%w: the sequence %s has no end", ErrTruncated, e.Tag)
	}
	return at, nil
}

// encapsulated reads the fragments of pixel data; the first is the table of offsets.
func (w *walker) encapsulated(e Element, at, end int64, in form) (int64, error) {
	frames := e.Tag == PixelData && e.Depth == 0 && !w.file.wrapped
	first := true
	for at < end {
		i, next, err := w.header(at, end, in)
		if err != nil {
			return at, err
		}
		switch {
		case i.Tag == sequenceEnd:
			w.file.wrapped = w.file.wrapped || frames
			return next, nil
		case i.Tag != item || i.Length < 0:
			return at, fmt.Errorf("%w: %s among the fragments of %s", ErrStructure, i.Tag, e.Tag)
		}
		piece := Fragment{next, min(i.Length, end-next)}
		switch {
		case !frames:
		case first:
			w.file.table, w.file.wrapped = piece, true
		default:
			w.file.fragments = append(w.file.fragments, piece)
		}
		if first = false; next+i.Length > end {
			return at, fmt.Errorf("%w: a fragment of %s has %d bytes of %d", ErrTruncated, e.Tag, end-next, i.Length)
		}
		at = next + i.Length
	}
	return at, fmt.Errorf("%w: the fragments of %s have no end", ErrTruncated, e.Tag)
}
