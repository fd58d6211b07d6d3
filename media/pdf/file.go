package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/unpack"
)

// Limits of what is read of one file.
const (
	window      = 8 << 10   // bytes that are searched at a time
	MaxObjects  = 200_000   // objects, those in object streams with them
	maxObject   = 4 << 20   // bytes of one object without its stream
	maxValues   = 100_000   // values in one object
	maxParsed   = 512 << 20 // bytes that are parsed, all objects together
	MaxInflated = 64 << 20  // bytes that object streams expand to, together
)

// ErrUnread is wrapped where a file, or what is said of it, cannot be followed.
var ErrUnread = errors.New("cannot be checked")

// File is a PDF file as a list of its objects, in the order in which they are written.
// Later objects of the same number replace earlier ones, which stay in the file: that is what
// revisions are made of.
type File struct {
	ctx  context.Context
	r    io.ReaderAt
	Size int64

	Shift     int64 // bytes before the header, from which offsets count
	Objects   []Object
	trailers  []trailer
	tables    []table
	entries   int
	Revisions []int64         // where each ends, behind its %%EOF
	lengths   map[int64]int64 // objects that are nothing but an integer
	latest    *View
	Opaque    bool // objects are in streams that cannot be opened

	buffer   []byte
	bufferAt int64
	parsed   int64
	inflated int64
	listing  bool // Scan is at work, so that references cannot be followed yet
}

// Object is where an object is. Those of object streams have their bytes here.
type Object struct {
	Number      int64
	At          int64 // of the object, or of the object stream it is in
	Body, End   int64 // its value, without a stream
	Stream, EOS int64 // the bytes of its stream; Stream is 0 without one
	Packed      []byte
}

type trailer struct {
	at   int64
	dict Dict
}

// NewFile reads nothing yet; see Scan.
func NewFile(ctx context.Context, r io.ReaderAt, size int64) *File {
	return &File{ctx: ctx, r: r, Size: size}
}

// Read returns up to n bytes at off, valid until the next call.
func (d *File) Read(off int64, n int) ([]byte, error) {
	if err := d.ctx.Err(); err != nil {
		return nil, err
	}
	n = int(min(int64(n), d.Size-off))
	if off < 0 || n <= 0 {
		return nil, nil
	}
	if off >= d.bufferAt && off+int64(n) <= d.bufferAt+int64(len(d.buffer)) {
		return d.buffer[off-d.bufferAt:][:n], nil
	}
	if cap(d.buffer) < n {
		d.buffer = make([]byte, max(n, 8*window))
	}
	more := int(min(int64(max(n, 8*window)), int64(cap(d.buffer)), d.Size-off))
	d.buffer, d.bufferAt = d.buffer[:more], off
	if got, err := d.r.ReadAt(d.buffer, off); got < more {
		d.buffer = d.buffer[:0]
		return nil, fmt.Errorf("read the file: %w", errors.Join(err, io.ErrUnexpectedEOF))
	}
	return d.buffer[:n], nil
}

// Find returns where the first of the words is from off on, and which it is; -1 without one.
func (d *File) Find(off int64, words ...string) (at int64, word string, err error) {
	const overlap = 16
	for off < d.Size {
		b, err := d.Read(off, window)
		if err != nil {
			return -1, "", err
		}
		best := -1
		for _, w := range words {
			if i := bytes.Index(b, []byte(w)); i >= 0 && (best < 0 || i < best) {
				best, word = i, w
			}
		}
		if best >= 0 {
			return off + int64(best), word, nil
		}
		if len(b) < window {
			break
		}
		off += int64(len(b) - overlap)
	}
	return -1, "", nil
}

// Scan lists the objects.
func (d *File) Scan() error {
	d.listing = true
	defer func() { d.listing = false }()
	b, err := d.Read(0, 1024)
	if err != nil {
		return err
	}
	d.Shift = int64(max(bytes.Index(b, []byte("%PDF-")), 0))
	if err := d.integers(); err != nil {
		return err
	}
	for off := int64(0); ; {
		at, word, err := d.Find(off, "obj", "xref", "trailer", "%%EOF")
		if err != nil {
			return err
		}
		if at < 0 {
			return d.resolve()
		}
		off = at + int64(len(word))
		switch word {
		case "%%EOF":
			// A linearised file has one behind its first part, whose startxref is 0.
			b, err := d.Read(max(at-64, 0), int(min(at, 64)))
			if err != nil {
				return err
			}
			if i := bytes.LastIndex(b, []byte("startxref")); i < 0 || !bytes.Equal(bytes.TrimSpace(b[i+9:]), []byte("0")) {
				d.Revisions = append(d.Revisions, off)
			}
		case "xref":
			if b, err := d.Read(max(at-5, 0), int(min(at, 5))); err != nil {
				return err
			} else if string(b) == "start" {
				continue
			}
			if off, err = d.table(at); err != nil {
				return err
			}
		case "trailer":
			if _, v, err := d.value(off); err == nil {
				if t, ok := v.(Dict); ok {
					if t["XRefStm"] != nil && len(d.tables) > 0 { // objects that it calls free are in streams
						last := &d.tables[len(d.tables)-1]
						last.entries = slices.DeleteFunc(last.entries, func(e entry) bool { return e.at < 0 })
					}
					d.trailers = append(d.trailers, trailer{at, t})
				}
			} else if !errors.Is(err, ErrDamaged) {
				return err
			}
		case "obj":
			number, start, err := d.numberBefore(at)
			if err != nil {
				return err
			}
			if number < 0 {
				continue
			}
			if off, err = d.object(Object{Number: number, At: start, Body: off}); err != nil {
				return err
			}
		}
	}
}

// integers notes the objects that are nothing but an integer: the lengths of streams may be
// such, and a stream must be skipped to its end, for it may be a file with objects of its own.
// It makes room for as many objects as there can be, since a list that grows piece by piece leaves
// four times its size behind.
func (d *File) integers() error {
	d.lengths = map[int64]int64{}
	words := 0
	defer func() { d.Objects = make([]Object, 0, min(words/2, MaxObjects)) }() // obj and endobj
	for off := int64(0); len(d.lengths) < MaxObjects; {
		at, _, err := d.Find(off, "obj")
		if err != nil || at < 0 {
			return err
		}
		words++
		off = at + 3
		b, err := d.Read(off, 40)
		if err != nil {
			return err
		}
		values := 1
		p := Parser{B: b, Whole: true, Values: &values}
		if n, ok := p.Integer(); ok && p.Keyword("endobj") {
			number, _, err := d.numberBefore(at)
			if err != nil {
				return err
			}
			d.lengths[number] = n
		}
	}
	return nil
}

// numberBefore reads "12 0 " before the word obj: the number of the object and where it
// starts; -1 if this is no Object. White space may be long, and comments count as such.
func (d *File) numberBefore(at int64) (number, start int64, err error) {
	b, err := d.Read(max(at-32, 0), int(min(at, 32)))
	if err != nil || len(b) == 0 || !IsSpace(b[len(b)-1]) {
		return -1, 0, err
	}
	if number, i := numberAtEnd(b); number >= 0 {
		return number, at - int64(len(b)-i), nil
	}
	if b, err = d.Read(max(at-maxBetween, 0), int(min(at, maxBetween))); err != nil {
		return -1, 0, err
	}
	for _, sign := range []func([]byte, byte) int{bytes.IndexByte, bytes.LastIndexByte} { // the first may be of a string
		if number, i := numberAtEnd(withoutComments(b, sign)); number >= 0 {
			return number, at - int64(len(b)-i), nil
		}
	}
	return -1, 0, nil
}

// maxBetween bounds the white space between the number of an object and the word obj.
const maxBetween = 4 << 10

// withoutComments puts spaces in the place of what follows a percent sign in each line.
func withoutComments(b []byte, sign func([]byte, byte) int) []byte {
	b = bytes.Clone(b)
	for line := b; len(line) > 0; {
		end := bytes.IndexAny(line, "\r\n")
		if end < 0 {
			break // the last line is that of the word itself
		}
		if i := sign(line[:end], '%'); i >= 0 {
			for k := range line[i:end] {
				line[i+k] = ' '
			}
		}
		line = line[end+1:]
	}
	return b
}

// numberAtEnd reads "12 0 " at the end of b, and where it begins; -1 if b ends otherwise.
func numberAtEnd(b []byte) (number int64, i int) {
	i = len(b)
	back := func(is func(byte) bool) int {
		n := i
		for i > 0 && is(b[i-1]) {
			i--
		}
		return n - i
	}
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	if back(IsSpace) == 0 || back(digit) == 0 || back(IsSpace) == 0 {
		return -1, 0
	}
	if n := back(digit); n == 0 || n > 10 {
		return -1, 0
	}
	for _, c := range b[i:] {
		if !digit(c) {
			break
		}
		number = number*10 + int64(c-'0')
	}
	return number, i
}

// value reads the value at off, and where it ends.
func (d *File) value(off int64) (end int64, v any, err error) {
	for _, n := range []int{4 << 10, 64 << 10, maxObject} {
		b, err := d.Read(off, n)
		if err != nil {
			return 0, nil, err
		}
		values := maxValues
		p := Parser{B: b, Whole: true, Values: &values}
		v, err := p.Value(0)
		if d.parsed += int64(p.I); d.parsed > maxParsed {
			return 0, nil, fmt.Errorf("%w: the file has more than %d MiB of objects", ErrUnread, maxParsed>>20)
		}
		// What ends with the bytes that were read may be cut: a number, a word.
		if errors.Is(err, ErrShort) || p.I == len(b) {
			if off+int64(len(b)) < d.Size {
				continue
			}
		}
		return off + int64(p.I), v, err
	}
	return 0, nil, ErrShort
}

// object reads an object, and returns where to go on.
func (d *File) object(o Object) (next int64, err error) {
	if len(d.Objects) == MaxObjects {
		return 0, fmt.Errorf("%w: the file has more than %d objects", ErrUnread, MaxObjects)
	}
	end, v, err := d.value(o.Body)
	if errors.Is(err, ErrDamaged) {
		return o.Body, nil // not an object after all
	}
	if err != nil {
		return 0, err
	}
	o.End, next = end, end
	dict, _ := v.(Dict)
	b, err := d.Read(end, 256)
	if err != nil {
		return 0, err
	}
	values := 1
	p := Parser{B: b, Whole: true, Values: &values}
	if dict != nil && p.Keyword("stream") {
		switch rest := b[p.I:]; {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			p.I += 2
		case len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r'):
			p.I++
		}
		o.Stream = end + int64(p.I)
		length := dict.Integer("Length")
		if ref, ok := dict["Length"].(Ref); ok {
			length = -1
			if n, ok := d.lengths[int64(ref)]; ok {
				length = n
			}
		}
		if o.EOS, err = d.streamEnd(o.Stream, length); err != nil {
			return 0, err
		}
		next = o.EOS
	}
	d.Objects = append(d.Objects, o)
	switch dict["Type"] {
	case Name("XRef"):
		d.trailers = append(d.trailers, trailer{o.At, dict})
		if err := d.streamTable(o, dict); err != nil && !errors.Is(err, ErrDamaged) {
			return 0, err
		}
	case Name("ObjStm"):
		if err := d.unpack(o, dict); err != nil {
			if !errors.Is(err, ErrDamaged) {
				return 0, err
			}
			d.Opaque = true // it only matters if something was added after a signature
		}
	}
	return next, nil
}

// streamEnd finds where a stream ends: where its length says, if endstream is there, else
// where the next endstream is.
func (d *File) streamEnd(start, length int64) (int64, error) {
	if length >= 0 && length <= d.Size-start {
		b, err := d.Read(start+length, 16)
		if err != nil {
			return 0, err
		}
		if bytes.HasPrefix(bytes.TrimLeft(b, "\r\n \t"), []byte("endstream")) {
			return start + length, nil
		}
	}
	at, _, err := d.Find(start, "endstream")
	if at < 0 {
		at = d.Size
	}
	return at, err
}

// Stream returns the bytes of a stream that is no coded picture.
func (d *File) Stream(o Object, dict Dict) ([]byte, error) { return d.inflate(o, dict) }

// inflate returns the bytes of an object stream or a cross-reference stream.
func (d *File) inflate(o Object, dict Dict) ([]byte, error) {
	damaged := fmt.Errorf("%w: a stream of objects", ErrDamaged)
	own := Dict{}
	for _, key := range []string{"Filter", "F", "DecodeParms", "DP"} {
		if v := dict[key]; v != nil {
			own[key] = v
			if !d.listing {
				own[key] = d.Resolve(v, 0)
			}
		}
	}
	packed := &unpack.Counter{R: io.NewSectionReader(d.r, o.Stream, o.EOS-o.Stream)}
	raw, code, params, err := filtered(packed, own)
	if err != nil || code != "" {
		return nil, damaged
	}
	content, err := unpack.All(d.ctx, raw, packed.N, MaxInflated-d.inflated)
	if errors.Is(err, cordon.ErrTooLarge) {
		return nil, fmt.Errorf("%w: streams of objects: %w", ErrUnread, err)
	}
	if ctxErr := d.ctx.Err(); ctxErr != nil {
		return nil, ctxErr
	}
	d.inflated += int64(len(content))
	if err != nil && len(content) == 0 {
		return nil, damaged
	}
	if params != nil {
		if content, err = Unpredict(content, params); err != nil {
			return nil, damaged
		}
	}
	return content, nil
}

// unpack lists the objects of an object stream (ISO 32000-2, 7.5.7).
func (d *File) unpack(o Object, dict Dict) error {
	damaged := fmt.Errorf("%w: an object stream", ErrDamaged)
	content, err := d.inflate(o, dict)
	if err != nil {
		return err
	}
	n, first := dict.Integer("N"), dict.Integer("First")
	if n < 0 || first < 0 || first > int64(len(content)) {
		return damaged
	}
	values := maxValues
	head := Parser{B: content[:first], Whole: true, Values: &values}
	for range n {
		number, ok1 := head.Integer()
		off, ok2 := head.Integer()
		if !ok1 || !ok2 || off > int64(len(content))-first {
			return damaged
		}
		if len(d.Objects) == MaxObjects {
			return fmt.Errorf("%w: the file has more than %d objects", ErrUnread, MaxObjects)
		}
		values := maxValues
		p := Parser{B: content[first+off:], Whole: true, Values: &values}
		if _, err := p.Value(0); err != nil {
			return damaged
		}
		if d.parsed += int64(p.I); d.parsed > maxParsed {
			return fmt.Errorf("%w: the file has more than %d MiB of objects", ErrUnread, maxParsed>>20)
		}
		d.Objects = append(d.Objects, Object{Number: number, At: o.At, Packed: content[first+off:][:p.I]})
	}
	return nil
}

// BytesOf returns the value of an object as it is written, valid until the next read.
func (d *File) BytesOf(o Object) ([]byte, error) {
	if o.Packed != nil {
		return o.Packed, nil
	}
	if d.parsed += o.End - o.Body; d.parsed > maxParsed {
		return nil, fmt.Errorf("%w: the file has more than %d MiB of objects", ErrUnread, maxParsed>>20)
	}
	return d.Read(o.Body, int(o.End-o.Body))
}
