package parts

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/unpack"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/pdf"
)

// pdfWindow is how much of a PDF file is searched at a time; pdfObject is the largest
// dictionary of a stream that is read.
const (
	pdfWindow = 256 << 10
	pdfObject = 64 << 10
)

// pdf goes through the pictures and attachments of a PDF file. It does not follow the file's
// own directory but reads every stream object there is: also those of earlier revisions, and
// those that nothing refers to.
func (w *walk) pdf(m *media.Media, at string, depth int) error {
	s := pdfScan{walk: w, m: m, at: at, depth: depth}
	return s.run()
}

type pdfScan struct {
	*walk
	m      *media.Media
	at     string
	depth  int
	values int

	window []byte // of the file, from start on
	start  int64
}

// run finds the next object or trailer, again and again.
func (s *pdfScan) run() error {
	const overlap = 16
	for off := int64(0); off < s.m.Size(); {
		b, err := s.from(off)
		if err != nil {
			return err
		}
		i, word := first(b, "obj", "trailer")
		switch {
		case i < 0:
			if off += int64(len(b)); off == s.m.Size() {
				return nil
			}
			off -= overlap
			continue
		case word == "obj" && (i < 4 || b[i-1] != ' ' || b[i-2] < '0' || b[i-2] > '9'):
			off += int64(i + len(word)) // endobj, or a word
			continue
		}
		number := numberBefore(b[:i])
		if off, err = s.object(off+int64(i+len(word)), number, word == "obj"); err != nil {
			return err
		}
	}
	return nil
}

// first returns the first place at which one of the words is, and which.
func first(b []byte, words ...string) (at int, word string) {
	at = -1
	for _, w := range words {
		if i := bytes.Index(b, []byte(w)); i >= 0 {
			at, word, b = i, w, b[:i] // what is further on is no longer asked for
		}
	}
	return at, word
}

// numberBefore is the object number in "12 0 ".
func numberBefore(b []byte) string {
	fields := bytes.Fields(b[max(0, len(b)-24):])
	if len(fields) < 2 {
		return "?"
	}
	number := fields[len(fields)-2]
	return string(number[len(bytes.TrimRight(number, "0123456789")):])
}

// from returns what of the file is at hand from an offset on: all that is left of it, or at
// least a dictionary's length.
func (s *pdfScan) from(off int64) ([]byte, error) {
	if at := off - s.start; at >= 0 && at <= int64(len(s.window)) {
		if rest := s.window[at:]; len(rest) >= pdfObject || off+int64(len(rest)) == s.m.Size() {
			return rest, s.ctx.Err()
		}
	}
	if s.window == nil {
		s.window = make([]byte, pdfWindow)
	}
	b, err := s.read(off, s.window[:cap(s.window)])
	s.window, s.start = b, off
	return b, err
}

func (s *pdfScan) read(off int64, into []byte) ([]byte, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	n, err := s.m.ReadAt(into[:min(int64(len(into)), s.m.Size()-off)], off)
	if n > 0 || errors.Is(err, io.EOF) {
		err = nil
	}
	return into[:n], err
}

// object reads what follows the word obj or trailer, and returns where to go on.
func (s *pdfScan) object(off int64, number string, numbered bool) (next int64, err error) {
	b, err := s.from(off)
	if err != nil {
		return 0, err
	}
	b = b[:min(len(b), pdfObject)]
	s.values = 10_000
	p := pdf.Parser{B: b, Whole: true, Values: &s.values}
	v, err := p.Value(0)
	dict, isDict := v.(pdf.Dict)
	if err != nil || !isDict {
		return off, nil // not an object after all, or one that is none of ours
	}
	if dict["Encrypt"] != nil {
		return 0, fmt.Errorf("%w: the PDF file is encrypted", errUnread)
	}
	next = off + int64(p.I)
	if !numbered || !p.Keyword("stream") {
		return next, nil
	}
	switch rest := b[p.I:]; {
	case bytes.HasPrefix(rest, []byte("\r\n")):
		p.I += 2
	case len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r'):
		p.I++
	}
	start := off + int64(p.I)
	end, err := s.end(start, dict.Integer("Length"))
	if err != nil {
		return 0, err
	}
	return end, s.stream(dict, io.NewSectionReader(s.m, start, end-start), number)
}

// end finds where a stream ends: where its length says, if endstream is there, else where
// the next endstream is.
func (s *pdfScan) end(start, length int64) (int64, error) {
	word := []byte("endstream")
	if length >= 0 && length <= s.m.Size()-start {
		b, err := s.read(start+length, make([]byte, 16))
		if err != nil && start+length < s.m.Size() {
			return 0, err
		}
		if bytes.HasPrefix(bytes.TrimLeft(b, "\r\n \t"), word) {
			return start + length, nil
		}
	}
	buffer := make([]byte, pdfWindow)
	for off := start; off < s.m.Size(); off += int64(len(buffer) - len(word)) {
		b, err := s.read(off, buffer)
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(b, word); i >= 0 {
			return off + int64(i), nil
		}
	}
	return s.m.Size(), nil
}

// stream looks at a stream that is a picture or an attached file.
func (s *pdfScan) stream(d pdf.Dict, raw io.Reader, number string) error {
	what := "picture"
	switch {
	case d["Type"] == pdf.Name("EmbeddedFile"):
		what = "attachment"
	case d["Subtype"] != pdf.Name("Image"):
		return nil
	}
	if err := s.entry(); err != nil { // other objects of long documents are many, and cost little
		return err
	}
	at := join(s.at, fmt.Sprintf("object %s, %s", number, what))
	content, coded, err := s.decode(d, raw)
	switch {
	case errors.Is(err, errLimit), s.ctx.Err() != nil:
		return errors.Join(err, s.ctx.Err())
	case err != nil:
		s.unread = append(s.unread, fmt.Sprintf("%s: %v", at, err))
		return nil
	case content == nil:
		return nil // coded in a way that no picture with a mark is
	}
	if what == "picture" && !coded {
		if content = s.picture(d, content); content == nil {
			return nil
		}
	}
	// A manifest store is the document's own, and is looked at with the document.
	if what == "attachment" && media.Sniff(content[:min(len(content), 16<<10)]) == media.C2PA {
		return nil
	}
	return s.visit(s.m, bytes.NewReader(content), int64(len(content)), at, s.depth)
}

// decode undoes the filters of a stream, up to one that a picture is coded with; coded
// reports whether there is one. The content is nil where a filter is not supported.
func (s *pdfScan) decode(d pdf.Dict, raw io.Reader) (content []byte, coded bool, err error) {
	filters, params := list(d["Filter"], d["F"]), list(d["DecodeParms"], d["DP"])
	var predict pdf.Dict
	packed := &unpack.Counter{R: raw}
	r := io.Reader(packed)
	for i, f := range filters {
		switch f {
		case pdf.Name("FlateDecode"), pdf.Name("Fl"):
			if r, err = zlib.NewReader(r); err != nil {
				return nil, false, errors.New("its compressed data is damaged")
			}
			if i < len(params) {
				predict, _ = params[i].(pdf.Dict)
			}
		case pdf.Name("ASCII85Decode"), pdf.Name("A85"):
			r = ascii85.NewDecoder(&until{r: r})
		case pdf.Name("ASCIIHexDecode"), pdf.Name("AHx"):
			r = hex.NewDecoder(&until{r: r, hex: true})
		case pdf.Name("DCTDecode"), pdf.Name("DCT"), pdf.Name("JPXDecode"):
			coded = true
		case pdf.Name("Crypt"):
		default:
			return nil, false, nil
		}
	}
	content, err = unpack.All(s.ctx, r, packed.N, s.limits.One)
	if errors.Is(err, cordon.ErrTooLarge) {
		return nil, false, fmt.Errorf("%w: a stream: %w", errLimit, err)
	}
	if err := s.spend(int64(len(content))); err != nil {
		return nil, false, err
	}
	switch {
	case err != nil && len(content) == 0:
		return nil, false, errors.New("its data is damaged")
	case predict != nil && !coded:
		content, err = pdf.Unpredict(content, predict)
		return content, false, err
	}
	return content, coded, nil // what is cut off may still show where it comes from
}

// list is one value, or the values of an array.
func list(values ...any) []any {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
		case []any:
			return v
		default:
			return []any{v}
		}
	}
	return nil
}

// picture makes a PNG file of raw pixels, three bytes each; others have no colours to look at.
func (s *pdfScan) picture(d pdf.Dict, pixels []byte) []byte {
	w, h := d.Integer("Width"), d.Integer("Height")
	if w < 1 || h < 1 || w > 1<<16 || h > 1<<16 || w*h > s.pixels || int64(len(pixels)) < 3*w*h || int64(len(pixels)) > 3*w*h+h {
		return nil
	}
	m := image.NewNRGBA(image.Rect(0, 0, int(w), int(h)))
	for i := range int(w * h) {
		copy(m.Pix[4*i:4*i+3], pixels[3*i:])
		m.Pix[4*i+3] = 0xff
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&out, m); err != nil {
		return nil
	}
	return out.Bytes()
}

// until ends a stream of text at its end mark, and drops white space of hexadecimal digits.
type until struct {
	r    io.Reader
	hex  bool
	done bool
}

func (u *until) Read(p []byte) (int, error) {
	for {
		if u.done {
			return 0, io.EOF
		}
		n, err := u.r.Read(p)
		mark := byte('~')
		if u.hex {
			mark = '>'
		}
		if i := bytes.IndexByte(p[:n], mark); i >= 0 {
			n, u.done = i, true
		}
		if u.hex {
			kept := 0
			for _, c := range p[:n] {
				if !pdf.IsSpace(c) {
					p[kept] = c
					kept++
				}
			}
			n = kept
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}
