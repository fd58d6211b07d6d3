// Package dicom reads DICOM Part 10 files, and data sets without their preamble, within
// limits: the elements of the data set and of its sequences, and where the pixel data is.
//
// It is a reader of what strangers sent. Values are read only when somebody asks, nothing is
// believed before it is checked against the size of the file, and a file that breaks off or
// breaks the rules gives what could be read of it, together with an error that says why it
// ended. Equipment breaks the rules of the standard in small ways all the time; what is common
// and harmless (representations that no list has, implicit items in an explicit file, a wrong
// transfer syntax) is read as it was meant.
package dicom

import (
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/unpack"
)

// Why reading ended before the end of the file.
var (
	ErrTruncated = errors.New("the data set ends too early")
	ErrStructure = errors.New("the data set breaks the rules of the encoding")
	ErrLimit     = errors.New("the data set is larger than what is followed")
)

// Limits bound what one file may cost. The zero value of each field means its default.
type Limits struct {
	// Elements is how many elements, items and fragments are followed. Default: 1 million.
	Elements int
	// Root is how many elements outside of sequences are kept. Default: 65 536.
	Root int
	// Depth is how deep sequences may nest. Default: 32.
	Depth int
	// Inflated is the largest size, in bytes, of a deflated data set. Default: 64 MiB.
	Inflated int64
}

func (l Limits) withDefaults() Limits {
	if l.Elements <= 0 {
		l.Elements = 1_000_000
	}
	if l.Root <= 0 {
		l.Root = 1 << 16
	}
	if l.Depth <= 0 {
		l.Depth = 32
	}
	if l.Inflated <= 0 {
		l.Inflated = 64 << 20
	}
	return l
}

// Tag is group and number of an element.
type Tag uint32

// Group is the upper half of the tag. Odd groups are private.
func (t Tag) Group() uint16 { return uint16(t >> 16) }

// Private reports whether the element is one that a maker of equipment added.
func (t Tag) Private() bool { return t.Group()%2 == 1 }

// String is the tag as the standard writes it, for example "(0010,0020)".
func (t Tag) String() string { return fmt.Sprintf("(%04X,%04X)", uint16(t>>16), uint16(t)) }

// Tags that the reader itself needs.
const (
	transferSyntax  Tag = 0x00020010
	samplesPerPixel Tag = 0x00280002
	photometric     Tag = 0x00280004
	planar          Tag = 0x00280006
	numberOfFrames  Tag = 0x00280008
	rows            Tag = 0x00280010
	columns         Tag = 0x00280011
	bitsAllocated   Tag = 0x00280100
	bitsStored      Tag = 0x00280101
	// PixelData is the element that holds the frames, Document the one that holds a file of
	// another format, such as PDF.
	PixelData Tag = 0x7FE00010
	Document  Tag = 0x00420011

	item         Tag = 0xFFFEE000
	itemEnd      Tag = 0xFFFEE00D
	sequenceEnd  Tag = 0xFFFEE0DD
	undefinedLen     = 0xFFFFFFFF
)

// Element is one element of a data set. Its value is read with File.Value.
type Element struct {
	Tag Tag
	// VR is the value representation, two letters; "" where the encoding leaves it out.
	VR string
	// Offset and Length say where the value is, in bytes of the file, or of the inflated data
	// set. Length is -1 where the encoding leaves it open.
	Offset, Length int64
	// Depth is 0 in the data set itself, 1 in the items of its sequences, and so on.
	Depth int
	// In is the sequence whose item the element is in; 0 at depth 0.
	In Tag

	meta bool // of the file meta information, which is always little endian
}

// Fragment is a piece of encapsulated pixel data, without its header of eight bytes.
type Fragment struct{ Offset, Length int64 }

// File is what was read of one file.
type File struct {
	// Preamble reports whether the file has the 128 bytes and the letters that Part 10 asks for.
	Preamble bool
	// Syntax is the transfer syntax that the file declares; its UID is "" if it declares none.
	Syntax Syntax
	// Misdeclared reports that the data set is encoded otherwise than the transfer syntax says.
	Misdeclared bool
	// Unordered is how many elements of the data set come after one with a higher tag.
	Unordered int

	r         io.ReaderAt
	big       bool
	root      map[Tag]Element
	table     Fragment   // the basic offset table
	fragments []Fragment // of the pixel data
	wrapped   bool       // the pixel data is encapsulated
}

// Open reads the structure of a file and calls see for every element, those of sequences
// included; see may be nil. The file is never nil: with ErrTruncated, ErrStructure or ErrLimit
// it is what could be read. Other errors are those of r and ctx. r must stay readable as long
// as the file is used.
func Open(ctx context.Context, r io.ReaderAt, size int64, lim Limits, see func(Element)) (*File, error) {
	f := &File{r: r, root: map[Tag]Element{}}
	w := &walker{ctx: ctx, lim: lim.withDefaults(), file: f, see: see, size: size}
	return f, w.run()
}

// Element returns an element of the data set or of the file meta information.
func (f *File) Element(t Tag) (Element, bool) {
	e, ok := f.root[t]
	return e, ok
}

// Value returns the first bytes of a value, as many as there are up to most.
func (f *File) Value(e Element, most int64) []byte {
	b := make([]byte, max(0, min(e.Length, most)))
	n, _ := f.r.ReadAt(b, e.Offset)
	return b[:n]
}

// textLen is the longest value that is read as text.
const textLen = 1 << 10

// Text returns a value of text without the padding, "" if there is none.
func (f *File) Text(t Tag) string { return f.TextOf(f.root[t]) }

// TextOf returns the value of an element as text without the padding.
func (f *File) TextOf(e Element) string {
	return strings.Trim(string(f.Value(e, textLen)), " \x00")
}

// Number returns a whole number, be it binary or text, and whether there is one.
func (f *File) Number(t Tag) (int64, bool) {
	e, ok := f.root[t]
	if !ok {
		return 0, false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if f.big && !e.meta {
		order = binary.BigEndian
	}
	b := f.Value(e, 64)
	switch {
	case e.VR == "IS" || t == numberOfFrames:
		n, err := strconv.ParseInt(strings.Trim(string(b), " \x00"), 10, 64)
		return n, err == nil
	case e.VR == "UL" && len(b) >= 4:
		return int64(order.Uint32(b)), true
	case len(b) >= 2:
		return int64(order.Uint16(b)), true
	}
	return 0, false
}

// Syntax is a transfer syntax: how a data set and its pixels are encoded.
type Syntax struct {
	UID  string
	Name string // "" if the UID is not a known one

	implicit, big, deflated bool
}

// syntaxes that the standard defines, and one of old equipment.
var syntaxes = []Syntax{
	{"1.2.840.10008.1.2", "Implicit VR Little Endian", true, false, false},
	{"1.2.840.10008.1.2.1", "Explicit VR Little Endian", false, false, false},
	{"1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", false, false, true},
	{"1.2.840.10008.1.2.2", "Explicit VR Big Endian", false, true, false},
	{"1.2.840.10008.1.2.4.50", "JPEG Baseline", false, false, false},
	{"1.2.840.10008.1.2.4.51", "JPEG Extended", false, false, false},
	{"1.2.840.10008.1.2.4.57", "JPEG Lossless", false, false, false},
	{"1.2.840.10008.1.2.4.70", "JPEG Lossless, first-order prediction", false, false, false},
	{"1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", false, false, false},
	{"1.2.840.10008.1.2.4.81", "JPEG-LS Near-lossless", false, false, false},
	{"1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless", false, false, false},
	{"1.2.840.10008.1.2.4.91", "JPEG 2000", false, false, false},
	{"1.2.840.10008.1.2.4.100", "MPEG2 Main Profile, Main Level", false, false, false},
	{"1.2.840.10008.1.2.4.101", "MPEG2 Main Profile, High Level", false, false, false},
	{"1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile", false, false, false},
	{"1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile", false, false, false},
	{"1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 Lossless", false, false, false},
	{"1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 Lossless with RPCL", false, false, false},
	{"1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", false, false, false},
	{rleSyntax, "RLE Lossless", false, false, false},
	{"1.2.840.113619.5.2", "Implicit VR Big Endian (GE)", true, true, false},
}

const rleSyntax = "1.2.840.10008.1.2.5"

// syntaxOf returns what is known of a UID. Unknown ones are read as the standard encodes all
// that came later: explicit, little endian.
func syntaxOf(uid string) Syntax {
	for _, s := range syntaxes {
		if s.UID == uid {
			return s
		}
	}
	return Syntax{UID: uid}
}

// inflate unpacks a deflated data set into memory.
func inflate(ctx context.Context, r io.ReaderAt, at, size, most int64) ([]byte, error) {
	packed := &unpack.Counter{R: io.NewSectionReader(r, at, size-at)}
	out, err := unpack.All(ctx, flate.NewReader(packed), packed.N, most)
	switch {
	case err == nil || ctx.Err() != nil:
		return out, ctx.Err()
	case errors.Is(err, cordon.ErrTooLarge):
		return nil, fmt.Errorf("%w: %w", ErrLimit, err)
	}
	return out, fmt.Errorf("%w: its deflated data is damaged", ErrTruncated)
}
