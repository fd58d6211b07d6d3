package c2pa

import (
	"bytes"
	"errors"
	"io"
)

// markStore is how the description box of every manifest store begins.
var markStore = []byte("jumdc2pa\x00\x11\x00\x10")

// maxTraces is how many marks of one file are looked at more closely.
const maxTraces = 64

// traces reads the file once from start to end and returns where any of the marks stand, at
// most maxTraces. It is for files whose structure no longer leads to what is in them.
func (f *file) traces(marks ...[]byte) ([]int64, error) {
	overlap := 0
	for _, m := range marks {
		overlap = max(overlap, len(m)-1)
	}
	var out []int64
	b := make([]byte, min(hashChunk, f.size))
	for at, kept := int64(0), 0; at < f.size; {
		if err := f.alive(); err != nil {
			return out, err
		}
		n, err := f.ReadAt(b[kept:min(int64(len(b)), int64(kept)+f.size-at)], at)
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return out, err
		}
		seen := b[:kept+n]
		for _, m := range marks {
			for i := max(kept-len(m)+1, 0); ; {
				k := bytes.Index(seen[i:], m)
				if k < 0 {
					break
				}
				if out = append(out, at-int64(kept)+int64(i+k)); len(out) == maxTraces {
					return out, nil
				}
				i += k + len(m)
			}
		}
		at += int64(n)
		kept = copy(b, seen[max(len(seen)-overlap, 0):])
	}
	return out, nil
}

// storeAround returns the box whose description has its mark at the offset, as far as the
// file goes, and where it starts. It is not checked: what is cut declares something all the
// same.
func (f *file) storeAround(mark int64) (span, bool) {
	for _, head := range []int64{8, 16} {
		s := span{mark - 4 - head, 0}
		if s.start < 0 {
			continue
		}
		b, err := f.bytes(s.start, int(head))
		if err != nil || string(b[4:8]) != "jumb" || declaredLong(b) != (head == 16) {
			continue
		}
		rest := f.size - s.start
		if s.length = rest; declaredLength(b) != 0 {
			s.length = int64(min(declaredLength(b), uint64(rest)))
		}
		return s, true
	}
	return span{}, false
}

func declaredLong(head []byte) bool { return bytes.Equal(head[:4], []byte{0, 0, 0, 1}) }

// salvage puts the stores around the marks into out, so that what they declare is heard
// although the file cannot be read. All together are no larger than one store may be.
func (out *located) salvage(f *file, marks []int64) error {
	left, end := f.limits.StoreBytes, int64(0)
	for _, m := range marks {
		s, ok := f.storeAround(m)
		if !ok || s.start < end { // an ingredient's store inside of another
			continue
		}
		s.length = min(s.length, left)
		b, err := f.copyOf(s)
		if err != nil {
			return err
		}
		if out.at.length == 0 {
			out.at = s
		}
		out.stores = append(out.stores, b)
		left, end = left-s.length, s.end()
	}
	return nil
}

// cut says what to make of a container that ends inside its own structure and whose store,
// if it had one, may be what is missing. It cannot be called free of one, so the state is
// invalid as the reference says; without any trace of a store the finding is that the file is
// cut off, as cameras leave them, and not that a credential is broken.
func (out *located) cut(f *file, err error) error {
	marks, scanErr := f.traces(markStore)
	switch {
	case errors.Is(scanErr, errLimit):
		out.broken = scanErr
		return nil
	case scanErr != nil:
		return scanErr
	case len(marks) == 0 && out.at.length == 0:
		out.unread, out.cutOff = err, true
		return nil
	}
	out.broken = err
	return out.salvage(f, marks)
}

// torn is cut for containers of which files that end early are common: only a trace of a store
// makes one invalid. Without this a changed length in front of a store would silence it.
func (out *located) torn(f *file, err error) error {
	if len(out.stores) > 0 || out.broken != nil {
		return nil
	}
	marks, scanErr := f.traces(markStore)
	switch {
	case errors.Is(scanErr, errLimit):
		out.broken = scanErr
		return nil
	case scanErr != nil || len(marks) == 0:
		return scanErr
	}
	out.broken = err
	return out.salvage(f, marks)
}
