package c2pa

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrContainer says that this release does not look for manifests in such a file. It is not
// the same as "no manifest".
var ErrContainer = errors.New("no reader for manifests in this kind of file")

var (
	errTruncated = errors.New("the file ends inside its own structure")
	errNoPieces  = errors.New("files of this kind are not bound by c2pa.hash.boxes")
)

// span is a range of bytes of the file.
type span struct{ start, length int64 }

func (s span) end() int64 { return s.start + s.length }

// holds reports whether o lies within s.
func (s span) holds(o span) bool { return o.start >= s.start && o.end() <= s.end() && o.length >= 0 }

// piece is one named part of a file, as c2pa.hash.boxes names it.
type piece struct {
	name string
	span
}

// located is what a container says about manifests in it.
type located struct {
	stores   [][]byte // the JUMBF bytes of each store; more than one is an error in itself
	earlier  [][]byte // those of earlier states that the file still holds; they only declare
	at       span     // where the first store lies, framing included
	also     span     // what else signers leave out of c2pa.hash.data in such files
	detached bool     // the store is a file of its own; what it is bound to is elsewhere
	remote   string   // address of a manifest kept elsewhere
	broken   error    // a store is there and its framing is wrong
	unread   error    // no store was found, and part of the file could not be read
	cutOff   bool     // the file ends inside its own structure, without a trace of a store
}

// locator finds manifest stores in one kind of container. A new container is a new type
// with these methods and a line in locatorFor.
type locator interface {
	// locate finds every store. An error means that the file could not be read; what is
	// wrong with a store goes into located.broken.
	locate(f *file) (located, error)
	// pieces lists all parts of the file in order, for c2pa.hash.boxes. The store is
	// called "C2PA".
	pieces(f *file) ([]piece, error)
}

// locatorFor decides the container from content and returns its media type.
func locatorFor(f *file) (locator, string, error) {
	head := make([]byte, 32)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, "", err
	}
	head = head[:n]
	switch {
	case isStore(head):
		return sidecarFile{}, "application/c2pa", nil
	case isJPEG(head):
		return jpegFile{}, "image/jpeg", nil
	case isPNG(head):
		return pngFile{}, "image/png", nil
	case bmffType(head) != "":
		return bmffFile{}, bmffType(head), nil
	case riffType(head) != "":
		return riffFile{}, riffType(head), nil
	case isGIF(head):
		return gifFile{}, "image/gif", nil
	case tiffOrder(head) != nil:
		return tiffFile{}, "image/tiff", nil
	case audioType(f, head) != "":
		return id3File{}, audioType(f, head), nil
	case isSVG(f):
		return svgFile{}, "image/svg+xml", nil
	case pdfHeader(f) >= 0:
		return pdfFile{}, "application/pdf", nil
	}
	return nil, "", ErrContainer
}

// file reads small fields at any offset through one window, so that walking a file of many
// small parts does not cost a call for each.
type file struct {
	io.ReaderAt
	size   int64
	limits Limits
	budget *budget
	steps  int // parts walked
	window []byte
	at     int64 // offset of the window
}

const windowSize = 32 << 10

// bytes returns n bytes at off, valid until the next call. n is at most windowSize.
func (f *file) bytes(off int64, n int) ([]byte, error) {
	if off < 0 || off+int64(n) > f.size {
		return nil, errTruncated
	}
	if off < f.at || off+int64(n) > f.at+int64(len(f.window)) {
		if f.window == nil {
			f.window = make([]byte, windowSize)
		}
		m, err := f.ReadAt(f.window[:min(windowSize, f.size-off)], off)
		f.window, f.at = f.window[:m], off
		if m < n {
			return nil, fmt.Errorf("read %d bytes at %d: %w", n, off, err)
		}
	}
	i := off - f.at
	return f.window[i : i+int64(n)], nil
}

func (f *file) be16(off int64) (int64, error) {
	b, err := f.bytes(off, 2)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint16(b)), nil
}

// copyOf returns its own copy of a range, refusing what is larger than a store may be.
func (f *file) copyOf(s span) ([]byte, error) {
	if s.start < 0 || s.length < 0 || s.end() > f.size {
		return nil, errTruncated
	}
	if s.length > f.limits.StoreBytes {
		return nil, fmt.Errorf("%w: %d bytes in one part of the manifest store", errLimit, s.length)
	}
	b := make([]byte, s.length)
	if n, err := f.ReadAt(b, s.start); n < len(b) {
		return nil, err
	}
	return b, nil
}

// alive fails when the caller has given up or the time is spent.
func (f *file) alive() error {
	if f.budget == nil {
		return nil
	}
	return f.budget.alive()
}

// step pays for one part of the file.
func (f *file) step() error {
	if f.steps++; f.steps > f.limits.Segments {
		return fmt.Errorf("%w: the file has more than %d parts", errLimit, f.limits.Segments)
	}
	return nil
}

// isStore reports whether JUMBF bytes are a C2PA manifest store, and not one of the other
// things that JUMBF carries.
func isStore(b []byte) bool {
	// LBox TBox(jumb) LBox TBox(jumd) type; the long form has eight more bytes.
	for _, head := range []int{8, 16} {
		if len(b) >= head+12 && string(b[4:8]) == "jumb" && string(b[head+4:head+12]) == "jumdc2pa" {
			return true
		}
	}
	return false
}
