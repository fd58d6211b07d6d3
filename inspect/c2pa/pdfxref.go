package c2pa

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon/media/pdf"
)

// Limits of what is read of a PDF file besides its store.
const (
	maxPDFSections = 1 << 10  // cross-reference sections, each an incremental update
	maxPDFParts    = 1 << 16  // subsections of all of them
	maxPDFLookups  = 4 << 10  // objects that are looked up
	maxPDFParsed   = 64 << 20 // bytes that are parsed
	maxPDFValues   = 100_000  // objects that are made of them
	maxPDFObject   = 1 << 20  // bytes of one object, without its stream
	maxPDFKept     = 8 << 20  // bytes that cross-reference and object streams are inflated to and kept
	maxPDFInflated = 64 << 20 // bytes of object streams that are inflated to be searched
)

// pdfReader follows the cross-reference sections of a PDF file (ISO 32000-2, 7.5).
type pdfReader struct {
	f         *file
	shift     int64 // bytes before the header, which some writers do not count
	sections  []*pdfSection
	parts     int
	lookups   int
	parsed    int64
	values    int
	kept      int64
	inflated  int64
	buffer    []byte
	encrypted bool
	packed    struct { // the object stream that was opened last
		section int
		number  int64
		dict    pdf.Dict
		data    []byte
	}
}

// pdfSection is one cross-reference table or stream with its trailer.
type pdfSection struct {
	trailer pdf.Dict
	parts   []pdfPart
	data    []byte // of a stream
	widths  [3]int
}

// pdfPart says where the entries of count objects from first on are: in the file, or in the
// section's data.
type pdfPart struct{ first, count, at int64 }

// pdfObject is an object and, if it is a stream, where its bytes are.
type pdfObject struct {
	value   any
	at      int64 // of the object in the file; of the object stream that holds it
	section int   // that told where it is: 0 is the newest
	from    int   // the section that was the newest in the state that was asked for
	stream  int64 // where its bytes start; 0: it is none
}

func (o pdfObject) dict() pdf.Dict {
	d, _ := o.value.(pdf.Dict)
	return d
}

// pdfHeader returns the offset of the header, -1 without one. White space may come before
// it; other bytes would make it a part of something else, an archive perhaps.
func pdfHeader(f *file) int64 {
	b, err := f.bytes(0, int(min(f.size, 1024)))
	if err != nil {
		return -1
	}
	i := len(b) - len(bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")), " \t\r\n"))
	if !bytes.HasPrefix(b[i:], []byte("%PDF-")) {
		return -1
	}
	return int64(i)
}

// read returns n bytes at off, or as many as there are, valid until the next call.
func (r *pdfReader) read(off int64, n int) ([]byte, error) {
	if off < 0 || off >= r.f.size {
		return nil, fmt.Errorf("%w: it points outside of the file", pdf.ErrDamaged)
	}
	n = int(min(int64(n), r.f.size-off))
	if err := r.spend(n); err != nil {
		return nil, err
	}
	if cap(r.buffer) < n {
		r.buffer = make([]byte, n)
	}
	if m, err := r.f.ReadAt(r.buffer[:n], off); m < n {
		return nil, err
	}
	return r.buffer[:n], r.f.alive()
}

// spend pays for bytes that are parsed once more.
func (r *pdfReader) spend(n int) error {
	if r.parsed += int64(n); r.parsed > maxPDFParsed {
		return fmt.Errorf("%w: it has too many objects", pdf.ErrDamaged)
	}
	return nil
}

// open reads the sections, newest first. What was read before an error stays.
func (r *pdfReader) open() error {
	tail := max(r.f.size-16<<10, 0)
	b, err := r.read(tail, 16<<10)
	if err != nil {
		return err
	}
	i := bytes.LastIndex(b, []byte("startxref"))
	if i < 0 {
		return fmt.Errorf("%w: it has no startxref", pdf.ErrDamaged)
	}
	p := pdf.Parser{B: b, I: i + len("startxref"), Values: &r.values}
	next, ok := p.Integer()
	if !ok {
		return fmt.Errorf("%w: startxref names no offset", pdf.ErrDamaged)
	}
	// Mail gateways append to files, but an object is of an update whose end is missing.
	var cut error
	if bytes.Contains(b[p.I:], []byte(" obj")) {
		cut = fmt.Errorf("%w: an update of it is cut off", pdf.ErrDamaged)
	}
	seen := map[int64]bool{}
	for todo := []int64{next}; len(todo) > 0; {
		at := todo[0]
		todo = todo[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		if len(r.sections) == maxPDFSections {
			return fmt.Errorf("%w: more than %d cross-reference sections", pdf.ErrDamaged, maxPDFSections)
		}
		s, err := r.section(at + r.shift)
		if errors.Is(err, pdf.ErrDamaged) && len(r.sections) == 0 && r.shift == 0 {
			if r.shift = max(pdfHeader(r.f), 0); r.shift > 0 {
				s, err = r.section(at + r.shift)
			}
		}
		if err != nil {
			return err
		}
		r.sections = append(r.sections, s)
		r.encrypted = r.encrypted || s.trailer["Encrypt"] != nil
		// In files for old and new readers a table is followed by its stream.
		for _, key := range []string{"XRefStm", "Prev"} {
			if n := s.trailer.Integer(key); n > 0 {
				todo = append(todo, n)
			}
		}
	}
	return cut
}

// section reads one cross-reference table or stream.
func (r *pdfReader) section(at int64) (*pdfSection, error) {
	b, err := r.read(at, 256)
	if err != nil {
		return nil, err
	}
	p := pdf.Parser{B: b, Values: &r.values}
	if !p.Keyword("xref") {
		return r.streamSection(at)
	}
	s := &pdfSection{}
	for off := at + int64(p.I); ; {
		if b, err = r.read(off, 256); err != nil {
			return nil, err
		}
		p = pdf.Parser{B: b, Values: &r.values}
		if p.Keyword("trailer") {
			o, _, err := r.parse(off+int64(p.I), false)
			if s.trailer = o.dict(); err == nil && s.trailer == nil {
				err = fmt.Errorf("%w: it has no trailer", pdf.ErrDamaged)
			}
			return s, err
		}
		first, ok1 := p.Integer()
		count, ok2 := p.Integer()
		if !ok1 || !ok2 || count > r.f.size {
			return nil, fmt.Errorf("%w: its cross-reference table is damaged", pdf.ErrDamaged)
		}
		p.Space()
		part := pdfPart{first, count, off + int64(p.I)}
		// Entries have twenty bytes each. Where a writer forgot one, they cannot be counted.
		if rest := b[p.I:]; count > 0 && (len(rest) < 20 || !isEntry(rest) || !pdf.IsSpace(rest[19])) {
			return nil, fmt.Errorf("%w: its cross-reference table is damaged", pdf.ErrDamaged)
		}
		if err := s.add(r, part); err != nil {
			return nil, err
		}
		off = part.at + 20*count
	}
}

func (s *pdfSection) add(r *pdfReader, part pdfPart) error {
	if r.parts++; r.parts > maxPDFParts {
		return fmt.Errorf("%w: more than %d parts of cross-reference sections", pdf.ErrDamaged, maxPDFParts)
	}
	s.parts = append(s.parts, part)
	return nil
}

// isEntry looks at the first eighteen bytes of "nnnnnnnnnn ggggg n".
func isEntry(b []byte) bool {
	return len(bytes.Trim(b[:10], "0123456789")) == 0 && b[10] == ' ' && b[16] == ' ' && (b[17] == 'n' || b[17] == 'f')
}

func (r *pdfReader) streamSection(at int64) (*pdfSection, error) {
	o, _, err := r.parse(at, true)
	if err != nil {
		return nil, err
	}
	d := o.dict()
	if d["Type"] != pdf.Name("XRef") || o.stream == 0 {
		return nil, fmt.Errorf("%w: there is no cross-reference section where one should be", pdf.ErrDamaged)
	}
	s := &pdfSection{trailer: d}
	widths, _ := d["W"].([]any)
	for i := range s.widths {
		n := int64(-1)
		if len(widths) == 3 {
			n, _ = widths[i].(int64)
		}
		if n < 0 || n > 8 {
			return nil, fmt.Errorf("%w: its cross-reference stream is damaged", pdf.ErrDamaged)
		}
		s.widths[i] = int(n)
	}
	if s.data, err = r.inflate(o, maxPDFKept-r.kept); err != nil {
		return nil, err
	}
	r.kept += int64(len(s.data))
	index, ok := d["Index"].([]any)
	if !ok {
		index = []any{int64(0), d["Size"]}
	}
	row, n := int64(s.widths[0]+s.widths[1]+s.widths[2]), int64(0)
	for i := 0; i+1 < len(index); i += 2 {
		first, ok1 := index[i].(int64)
		count, ok2 := index[i+1].(int64)
		if !ok1 || !ok2 || row == 0 || count > int64(len(s.data)) || (n+count)*row > int64(len(s.data)) {
			return nil, fmt.Errorf("%w: its cross-reference stream is damaged", pdf.ErrDamaged)
		}
		if err := s.add(r, pdfPart{first, count, n}); err != nil {
			return nil, err
		}
		n += count
	}
	return s, nil
}

// entry is what a cross-reference section says of an object: kind 0 is free, 1 lies at the
// offset a, 2 is in the object stream a.
type pdfEntry struct {
	kind, a int64
}

// row reads entry i of a stream's data.
func (s *pdfSection) row(i int64) pdfEntry {
	b := s.data[i*int64(s.widths[0]+s.widths[1]+s.widths[2]):]
	field := func(w int) int64 {
		n := uint64(0)
		for _, c := range b[:w] {
			n = n<<8 | uint64(c)
		}
		b = b[w:]
		return int64(n)
	}
	e := pdfEntry{kind: 1}
	if s.widths[0] > 0 {
		e.kind = field(s.widths[0])
	}
	e.a = field(s.widths[1])
	return e
}

// entry finds what the newest of the sections from the given one on says of an object.
func (r *pdfReader) entry(number int64, from int) (pdfEntry, int, error) {
	if r.lookups++; r.lookups > maxPDFLookups {
		return pdfEntry{}, 0, fmt.Errorf("%w: it has too many objects", pdf.ErrDamaged)
	}
	for i, s := range r.sections[from:] {
		for _, part := range s.parts {
			if number < part.first || number-part.first >= part.count {
				continue
			}
			k := number - part.first
			if s.data != nil {
				return s.row(part.at + k), from + i, nil
			}
			b, err := r.read(part.at+20*k, 18)
			if err != nil {
				return pdfEntry{}, 0, err
			}
			if len(b) < 18 || !isEntry(b) {
				return pdfEntry{}, 0, fmt.Errorf("%w: its cross-reference table is damaged", pdf.ErrDamaged)
			}
			p := pdf.Parser{B: b, Values: &r.values}
			e := pdfEntry{}
			if e.a, _ = p.Integer(); b[17] == 'n' {
				e.kind = 1
			}
			return e, from + i, nil
		}
	}
	return pdfEntry{}, 0, nil
}

// object returns an object as it was when the given section was the newest; null, if there
// is none of the number.
func (r *pdfReader) object(number int64, from int) (pdfObject, error) {
	e, section, err := r.entry(number, from)
	if err != nil {
		return pdfObject{}, err
	}
	var o pdfObject
	switch e.kind {
	case 1:
		var n int64
		if o, n, err = r.parse(e.a+r.shift, true); err == nil && n != number {
			err = fmt.Errorf("%w: object %d is not where it should be", pdf.ErrDamaged, number)
		}
	case 2:
		o, err = r.unpack(number, e.a, from)
	}
	o.section, o.from = section, from
	return o, err
}

// resolve follows references until it comes to an object.
func (r *pdfReader) resolve(v any, from int) (pdfObject, error) {
	for range 8 {
		ref, ok := v.(pdf.Ref)
		if !ok {
			return pdfObject{value: v, section: from, from: from}, nil
		}
		o, err := r.object(int64(ref), from)
		if _, again := o.value.(pdf.Ref); err != nil || !again {
			return o, err
		}
		v = o.value
	}
	return pdfObject{}, fmt.Errorf("%w: references go in a circle", pdf.ErrDamaged)
}

// parse reads the object at an offset, with the number before it if there is to be one.
func (r *pdfReader) parse(at int64, numbered bool) (pdfObject, int64, error) {
	for size := 4 << 10; ; size *= 16 {
		b, err := r.read(at, size)
		if err != nil {
			return pdfObject{}, 0, err
		}
		whole := at+int64(len(b)) == r.f.size
		o, n, err := r.parseIn(b, at, numbered, whole)
		if !errors.Is(err, pdf.ErrShort) || whole || size >= maxPDFObject {
			return o, n, err
		}
	}
}

func (r *pdfReader) parseIn(b []byte, at int64, numbered, whole bool) (pdfObject, int64, error) {
	p := pdf.Parser{B: b, Whole: whole, Values: &r.values}
	o, number := pdfObject{at: at}, int64(0)
	var err error
	if numbered {
		var ok1, ok2 bool
		number, ok1 = p.Integer()
		_, ok2 = p.Integer()
		if !ok1 || !ok2 || !p.Keyword("obj") {
			return o, 0, fmt.Errorf("%w: there is no object at %d", pdf.ErrDamaged, at)
		}
	}
	if o.value, err = p.Value(0); err != nil || o.dict() == nil || !numbered {
		return o, number, err
	}
	if p.Space(); !p.Left() {
		return o, number, pdf.ErrShort
	}
	if !p.Keyword("stream") {
		return o, number, nil
	}
	switch rest := b[p.I:]; {
	case bytes.HasPrefix(rest, []byte("\r\n")):
		p.I += 2
	case len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r'):
		p.I++
	}
	o.stream = at + int64(p.I)
	return o, number, nil
}

// unpack takes an object out of an object stream (ISO 32000-2, 7.5.7).
func (r *pdfReader) unpack(number, container int64, from int) (pdfObject, error) {
	if r.encrypted {
		return pdfObject{}, fmt.Errorf("%w: it is encrypted", pdf.ErrDamaged)
	}
	e, section, err := r.entry(container, from)
	if err != nil {
		return pdfObject{}, err
	}
	if e.kind != 1 {
		return pdfObject{}, fmt.Errorf("%w: object stream %d is not there", pdf.ErrDamaged, container)
	}
	if k := &r.packed; k.data == nil || k.number != container || k.section != section {
		o, n, err := r.parse(e.a+r.shift, true)
		if err == nil && n != container {
			err = fmt.Errorf("%w: object stream %d is not there", pdf.ErrDamaged, container)
		}
		if err != nil {
			return pdfObject{}, err
		}
		o.from = from
		data, err := r.inflate(o, maxPDFKept-r.kept)
		if err != nil {
			return pdfObject{}, err
		}
		r.kept += int64(len(data))
		k.section, k.number, k.dict, k.data = section, container, o.dict(), append(data, '\n')
	}
	offset, err := r.offsetIn(r.packed.data, r.packed.dict, number)
	if err != nil {
		return pdfObject{}, err
	}
	return r.valueAt(r.packed.data, offset, e.a)
}

// valueAt parses an object within the content of the object stream at an offset.
func (r *pdfReader) valueAt(data []byte, i int, at int64) (pdfObject, error) {
	p := pdf.Parser{B: data[i:min(i+maxPDFObject, len(data))], Whole: true, Values: &r.values}
	v, err := p.Value(0)
	return pdfObject{value: v, at: at}, errors.Join(err, r.spend(p.I))
}

// offsetIn finds an object in the table that an object stream begins with.
func (r *pdfReader) offsetIn(data []byte, d pdf.Dict, number int64) (int, error) {
	p := pdf.Parser{B: data, Values: &r.values}
	first := d.Integer("First")
	for range min(max(d.Integer("N"), 0), int64(len(data))) {
		n, ok1 := p.Integer()
		offset, ok2 := p.Integer()
		if !ok1 || !ok2 {
			break
		}
		if n == number && first >= 0 && first <= int64(len(data)) && offset < int64(len(data))-first {
			return int(first + offset), r.spend(p.I)
		}
	}
	if err := r.spend(p.I); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("%w: object %d is not in its object stream", pdf.ErrDamaged, number)
}
