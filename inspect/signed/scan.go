package signed

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/unpack"
	"github.com/cordonhq/cordon/media/pdf"
)

// Limits of what is read of one file.
const (
	window      = 8 << 10   // bytes that are searched at a time
	maxObjects  = 300_000   // objects, those in object streams with them
	maxObject   = 4 << 20   // bytes of one object without its stream
	maxValues   = 100_000   // values in one object
	maxParsed   = 512 << 20 // bytes that are parsed, all objects together
	maxInflated = 64 << 20  // bytes that object streams expand to, together
)

// errUnread is wrapped where a signature, or what was added after it, cannot be checked.
var errUnread = errors.New("cannot be checked")

// document is a PDF file as a list of its objects, in the order in which they are written.
// Later objects of the same number replace earlier ones, which stay in the file: that is what
// revisions are made of.
type document struct {
	ctx  context.Context
	r    io.ReaderAt
	size int64

	shift     int64 // bytes before the header, from which offsets count
	objects   []object
	trailers  []trailer
	tables    []table
	entries   int
	revisions []int64         // where each ends, behind its %%EOF
	lengths   map[int64]int64 // objects that are nothing but an integer
	latest    *view
	opaque    bool // objects are in streams that cannot be opened

	buffer   []byte
	bufferAt int64
	parsed   int64
	inflated int64
}

// object is where an object is. Those of object streams have their bytes here.
type object struct {
	number      int64
	at          int64 // of the object, or of the object stream it is in
	body, end   int64 // its value, without a stream
	stream, eos int64 // the bytes of its stream; stream is 0 without one
	packed      []byte
}

type trailer struct {
	at   int64
	dict pdf.Dict
}

// read returns up to n bytes at off, valid until the next call.
func (d *document) read(off int64, n int) ([]byte, error) {
	if err := d.ctx.Err(); err != nil {
		return nil, err
	}
	n = int(min(int64(n), d.size-off))
	if off < 0 || n <= 0 {
		return nil, nil
	}
	if off >= d.bufferAt && off+int64(n) <= d.bufferAt+int64(len(d.buffer)) {
		return d.buffer[off-d.bufferAt:][:n], nil
	}
	if cap(d.buffer) < n {
		d.buffer = make([]byte, max(n, 8*window))
	}
	more := int(min(int64(max(n, 8*window)), int64(cap(d.buffer)), d.size-off))
	d.buffer, d.bufferAt = d.buffer[:more], off
	if got, err := d.r.ReadAt(d.buffer, off); got < more {
		d.buffer = d.buffer[:0]
		return nil, fmt.Errorf("read the file: %w", errors.Join(err, io.ErrUnexpectedEOF))
	}
	return d.buffer[:n], nil
}

// find returns where the first of the words is from off on, and which it is; -1 without one.
func (d *document) find(off int64, words ...string) (at int64, word string, err error) {
	const overlap = 16
	for off < d.size {
		b, err := d.read(off, window)
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

// scan lists the objects.
func (d *document) scan() error {
	b, err := d.read(0, 1024)
	if err != nil {
		return err
	}
	d.shift = int64(max(bytes.Index(b, []byte("%PDF-")), 0))
	if err := d.integers(); err != nil {
		return err
	}
	for off := int64(0); ; {
		at, word, err := d.find(off, "obj", "xref", "trailer", "%%EOF")
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
			b, err := d.read(max(at-64, 0), int(min(at, 64)))
			if err != nil {
				return err
			}
			if i := bytes.LastIndex(b, []byte("startxref")); i < 0 || !bytes.Equal(bytes.TrimSpace(b[i+9:]), []byte("0")) {
				d.revisions = append(d.revisions, off)
			}
		case "xref":
			if b, err := d.read(max(at-5, 0), int(min(at, 5))); err != nil {
				return err
			} else if string(b) == "start" {
				continue
			}
			if off, err = d.table(at); err != nil {
				return err
			}
		case "trailer":
			if _, v, err := d.value(off); err == nil {
				if t, ok := v.(pdf.Dict); ok {
					if t["XRefStm"] != nil && len(d.tables) > 0 { // objects that it calls free are in streams
						last := &d.tables[len(d.tables)-1]
						last.entries = slices.DeleteFunc(last.entries, func(e entry) bool { return e.at < 0 })
					}
					d.trailers = append(d.trailers, trailer{at, t})
				}
			} else if !errors.Is(err, pdf.ErrDamaged) {
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
			if off, err = d.object(object{number: number, at: start, body: off}); err != nil {
				return err
			}
		}
	}
}

// integers notes the objects that are nothing but an integer: the lengths of streams may be
// such, and a stream must be skipped to its end, for it may be a file with objects of its own.
func (d *document) integers() error {
	d.lengths = map[int64]int64{}
	for off := int64(0); len(d.lengths) < maxObjects; {
		at, _, err := d.find(off, "obj")
		if err != nil || at < 0 {
			return err
		}
		off = at + 3
		b, err := d.read(off, 40)
		if err != nil {
			return err
		}
		values := 1
		p := pdf.Parser{B: b, Whole: true, Values: &values}
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
// starts; -1 if this is no object.
func (d *document) numberBefore(at int64) (number, start int64, err error) {
	from := max(at-32, 0)
	b, err := d.read(from, int(at-from))
	if err != nil {
		return -1, 0, err
	}
	i := len(b)
	back := func(is func(byte) bool) int {
		n := i
		for i > 0 && is(b[i-1]) {
			i--
		}
		return n - i
	}
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	if back(pdf.IsSpace) == 0 || back(digit) == 0 || back(pdf.IsSpace) == 0 {
		return -1, 0, nil
	}
	if n := back(digit); n == 0 || n > 10 {
		return -1, 0, nil
	}
	for _, c := range b[i:] {
		if !digit(c) {
			break
		}
		number = number*10 + int64(c-'0')
	}
	return number, from + int64(i), nil
}

// value reads the value at off, and where it ends.
func (d *document) value(off int64) (end int64, v any, err error) {
	for _, n := range []int{4 << 10, 64 << 10, maxObject} {
		b, err := d.read(off, n)
		if err != nil {
			return 0, nil, err
		}
		values := maxValues
		p := pdf.Parser{B: b, Whole: true, Values: &values}
		v, err := p.Value(0)
		if d.parsed += int64(p.I); d.parsed > maxParsed {
			return 0, nil, fmt.Errorf("%w: the file has more than %d MiB of objects", errUnread, maxParsed>>20)
		}
		// What ends with the bytes that were read may be cut: a number, a word.
		if errors.Is(err, pdf.ErrShort) || p.I == len(b) {
			if off+int64(len(b)) < d.size {
				continue
			}
		}
		return off + int64(p.I), v, err
	}
	return 0, nil, pdf.ErrShort
}

// object reads an object, and returns where to go on.
func (d *document) object(o object) (next int64, err error) {
	if len(d.objects) == maxObjects {
		return 0, fmt.Errorf("%w: the file has more than %d objects", errUnread, maxObjects)
	}
	end, v, err := d.value(o.body)
	if errors.Is(err, pdf.ErrDamaged) {
		return o.body, nil // not an object after all
	}
	if err != nil {
		return 0, err
	}
	o.end, next = end, end
	dict, _ := v.(pdf.Dict)
	b, err := d.read(end, 256)
	if err != nil {
		return 0, err
	}
	values := 1
	p := pdf.Parser{B: b, Whole: true, Values: &values}
	if dict != nil && p.Keyword("stream") {
		switch rest := b[p.I:]; {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			p.I += 2
		case len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r'):
			p.I++
		}
		o.stream = end + int64(p.I)
		length := dict.Integer("Length")
		if ref, ok := dict["Length"].(pdf.Ref); ok {
			length = -1
			if n, ok := d.lengths[int64(ref)]; ok {
				length = n
			}
		}
		if o.eos, err = d.streamEnd(o.stream, length); err != nil {
			return 0, err
		}
		next = o.eos
	}
	d.objects = append(d.objects, o)
	switch dict["Type"] {
	case pdf.Name("XRef"):
		d.trailers = append(d.trailers, trailer{o.at, dict})
		if err := d.streamTable(o, dict); err != nil && !errors.Is(err, pdf.ErrDamaged) {
			return 0, err
		}
	case pdf.Name("ObjStm"):
		if err := d.unpack(o, dict); err != nil {
			if !errors.Is(err, pdf.ErrDamaged) {
				return 0, err
			}
			d.opaque = true // it only matters if something was added after a signature
		}
	}
	return next, nil
}

// streamEnd finds where a stream ends: where its length says, if endstream is there, else
// where the next endstream is.
func (d *document) streamEnd(start, length int64) (int64, error) {
	if length >= 0 && length <= d.size-start {
		b, err := d.read(start+length, 16)
		if err != nil {
			return 0, err
		}
		if bytes.HasPrefix(bytes.TrimLeft(b, "\r\n \t"), []byte("endstream")) {
			return start + length, nil
		}
	}
	at, _, err := d.find(start, "endstream")
	if at < 0 {
		at = d.size
	}
	return at, err
}

// inflate returns the bytes of an object stream or a cross-reference stream.
func (d *document) inflate(o object, dict pdf.Dict) ([]byte, error) {
	damaged := fmt.Errorf("%w: a stream of objects", pdf.ErrDamaged)
	packed := &unpack.Counter{R: io.NewSectionReader(d.r, o.stream, o.eos-o.stream)}
	var raw io.Reader = packed
	filter, params := dict["Filter"], dict["DecodeParms"]
	if f, ok := filter.([]any); ok && len(f) == 1 {
		filter = f[0]
		if p, ok := params.([]any); ok && len(p) == 1 {
			params = p[0]
		}
	}
	switch filter {
	case nil:
	case pdf.Name("FlateDecode"):
		z, err := zlib.NewReader(raw)
		if err != nil {
			return nil, damaged
		}
		raw = z
	default:
		return nil, damaged
	}
	content, err := unpack.All(d.ctx, raw, packed.N, maxInflated-d.inflated)
	if errors.Is(err, cordon.ErrTooLarge) {
		return nil, fmt.Errorf("%w: streams of objects: %w", errUnread, err)
	}
	if ctxErr := d.ctx.Err(); ctxErr != nil {
		return nil, ctxErr
	}
	d.inflated += int64(len(content))
	if err != nil && len(content) == 0 {
		return nil, damaged
	}
	if p, ok := params.(pdf.Dict); ok {
		if content, err = pdf.Unpredict(content, p); err != nil {
			return nil, damaged
		}
	}
	return content, nil
}

// unpack lists the objects of an object stream (ISO 32000-2, 7.5.7).
func (d *document) unpack(o object, dict pdf.Dict) error {
	damaged := fmt.Errorf("%w: an object stream", pdf.ErrDamaged)
	content, err := d.inflate(o, dict)
	if err != nil {
		return err
	}
	n, first := dict.Integer("N"), dict.Integer("First")
	if n < 0 || first < 0 || first > int64(len(content)) {
		return damaged
	}
	values := maxValues
	head := pdf.Parser{B: content[:first], Whole: true, Values: &values}
	for range n {
		number, ok1 := head.Integer()
		off, ok2 := head.Integer()
		if !ok1 || !ok2 || off > int64(len(content))-first {
			return damaged
		}
		if len(d.objects) == maxObjects {
			return fmt.Errorf("%w: the file has more than %d objects", errUnread, maxObjects)
		}
		values := maxValues
		p := pdf.Parser{B: content[first+off:], Whole: true, Values: &values}
		if _, err := p.Value(0); err != nil {
			return damaged
		}
		if d.parsed += int64(p.I); d.parsed > maxParsed {
			return fmt.Errorf("%w: the file has more than %d MiB of objects", errUnread, maxParsed>>20)
		}
		d.objects = append(d.objects, object{number: number, at: o.at, packed: content[first+off:][:p.I]})
	}
	return nil
}

// bytesOf returns the value of an object as it is written, valid until the next read.
func (d *document) bytesOf(o object) ([]byte, error) {
	if o.packed != nil {
		return o.packed, nil
	}
	if d.parsed += o.end - o.body; d.parsed > maxParsed {
		return nil, fmt.Errorf("%w: the file has more than %d MiB of objects", errUnread, maxParsed>>20)
	}
	return d.read(o.body, int(o.end-o.body))
}
