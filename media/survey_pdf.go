package media

import (
	"bytes"
	"context"
	"errors"

	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/pdf"
)

type pdfOnce struct {
	lock  chan struct{}
	known bool
	file  *pdf.File
	err   error
}

// PDF lists the objects of a PDF file, at most once, and returns a cursor over them of the
// caller's own. Errors are those of package pdf, of reading, and ctx's; with ErrUnread comes what
// had been listed until then.
func (m *Media) PDF(ctx context.Context) (*pdf.File, error) {
	p := &m.pdf
	select {
	case p.lock <- struct{}{}:
		defer func() { <-p.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !p.known {
		file := pdf.NewFile(ctx, m, m.size)
		err := file.Scan()
		if ctx.Err() != nil {
			return nil, ctx.Err() // the next may have more time
		}
		p.known, p.file, p.err = true, file, err
	}
	return p.file.With(ctx), p.err
}

// surveyPDF claims objects and their streams. Between them are tables, trailers and comments; what
// is none of these belongs to nothing, as does what somebody put behind the end. A further PDF file
// in there is no file of its own: its objects are among those that are listed. Streams may be longer
// than what is packed in them, and so they are searched behind their beginning.
func surveyPDF(s *survey) error {
	d, err := s.m.PDF(s.ctx)
	switch {
	case errors.Is(err, pdf.ErrUnread):
		s.more = true
	case errors.Is(err, pdf.ErrDamaged):
	case err != nil:
		return err
	}
	b := between{s: s}
	for _, o := range d.Objects {
		if o.Packed != nil {
			continue
		}
		if o.At > b.at {
			if err := b.to(o.At); err != nil {
				return err
			}
		}
		b.at = max(b.at, o.End)
		if o.Stream > 0 && o.Stream >= b.at {
			b.flush(o.Stream)
			s.claim(o.Stream, o.EOS-o.Stream, anatomy.Opaque, "stream")
			if !d.Encrypted() && unreadable(d, o) { // its bytes are searched as they are
				s.also(o.Stream, o.EOS-o.Stream)
			} else if err := s.inStream(d, o); err != nil {
				return err
			}
			b.at, b.from = o.EOS, o.EOS
		}
	}
	if s.more { // the objects that follow were not listed
		b.flush(b.at)
		s.beyond(b.at, s.m.size)
		return s.carve(b.at, s.m.size, PDF)
	}
	if err := b.to(s.m.size); err != nil {
		return err
	}
	b.flush(s.m.size)
	return nil
}

// unreadable reports whether nothing of a stream comes out of its filters.
func unreadable(d *pdf.File, o pdf.Object) bool {
	dict, err := d.Dict(o, "Filter", "F", "DecodeParms", "DP")
	if err != nil {
		return true
	}
	head, code := d.Head(o, dict, 4<<10)
	return code == "" && len(head) == 0
}

// inStream has a stream searched behind its first byte: one that is a file from there on is read
// through its filter. Run lengths leave what they pack as it is in large part, which is read so too.
func (s *survey) inStream(d *pdf.File, o pdf.Object) error {
	dict, err := d.Read(o.Body, int(min(o.End-o.Body, 4<<10)))
	if err != nil {
		return err
	}
	if o.EOS-o.Stream > smallest && !bytes.Contains(dict, []byte("RunLength")) {
		s.also(o.Stream+1, o.EOS-o.Stream-1)
	}
	return nil
}

// between reads what stands between the objects of a PDF file.
type between struct {
	s        *survey
	from, at int64 // what is read, and not claimed yet
}

// flush claims what was read up to a byte.
func (b *between) flush(to int64) {
	if to > b.from {
		b.s.claim(b.from, to-b.from, anatomy.Read, "objects")
	}
	b.from, b.at = to, to
}

const (
	pdfWord    = 64        // bytes of a word that may run on into what is none
	pdfComment = 256       // bytes of a comment that nobody need wonder about
	pdfWindow  = 64 << 10  // bytes between objects that are read at a time
	pdfTrailer = 256 << 10 // bytes of a trailer
)

// to reads up to a byte. What makes no sense there is left unclaimed, and searched.
func (b *between) to(end int64) error {
	buffer := make([]byte, min(pdfWindow, end-b.at))
	// A file may begin in what reads like a comment, or like the end of the last word before.
	start := max(b.at-pdfWord, b.from)
	for b.at < end {
		if err := b.s.ctx.Err(); err != nil {
			return err
		}
		n, err := b.s.m.ReadAt(buffer[:min(int64(len(buffer)), end-b.at)], b.at)
		if n == 0 {
			return err
		}
		last := b.at+int64(n) == end
		i := 0
		for i < n {
			k := pdfToken(buffer[i:n], last)
			if k <= 0 {
				break
			}
			i += k
		}
		b.at += int64(i)
		if i == n || i > 0 && !last {
			continue
		}
		if bytes.HasPrefix(buffer[i:n], []byte("<<")) { // of a trailer
			if k := b.dictionary(end); k > 0 {
				b.at += k
				continue
			}
		}
		// To the next word that makes sense, behind the end of a line.
		b.flush(b.at)
		b.s.also(start, b.at+int64(n-i)-start)
		start = b.at + int64(n-i)
		skip := n - i
		for j := i; j < n; j++ {
			if (buffer[j] == '\n' || buffer[j] == '\r') && j+1 < n && sensible(buffer[j+1:n]) {
				skip = j + 1 - i
				break
			}
		}
		b.at += int64(max(skip, 1))
		b.from = b.at
	}
	return nil
}

// dictionary is how long the dictionary is that begins where reading stopped; 0 if there is none.
func (b *between) dictionary(end int64) int64 {
	raw := make([]byte, min(pdfTrailer, end-b.at))
	n, _ := b.s.m.ReadAt(raw, b.at)
	values := 10_000
	p := pdf.Parser{B: raw[:n], Whole: true, Values: &values}
	if _, err := p.Value(0); err != nil {
		return 0
	}
	return int64(p.I)
}

// pdfWords stand between objects.
var pdfWords = []string{"endobj", "endstream", "xref", "trailer", "startxref", "n", "f"}

// pdfToken is how long the space, comment, number or word is that b begins with; 0 if it is none of
// them, or may go on behind b.
func pdfToken(b []byte, last bool) int {
	i := 0
	for i < len(b) && pdf.IsSpace(b[i]) {
		i++
	}
	if i > 0 {
		return i
	}
	if b[0] == '%' {
		i = bytes.IndexAny(b, "\r\n")
		if i < 0 && last {
			i = len(b)
		}
		if i > pdfComment {
			return 0
		}
		return i
	}
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == 0 {
		for _, w := range pdfWords {
			if bytes.HasPrefix(b, []byte(w)) {
				i = len(w)
				break
			}
		}
	}
	if i < len(b) && (pdf.IsSpace(b[i]) || b[i] == '%' || b[i] == '<') || i == len(b) && last {
		return i
	}
	return 0
}

// sensible reports whether a line begins with what may stand between objects.
func sensible(b []byte) bool {
	return b[0] == '%' && !bytes.HasPrefix(b, []byte("%PDF")) && pdfToken(b, true) > 0 || len(b) > 5 && (bytes.HasPrefix(b, []byte("xref")) || bytes.HasPrefix(b, []byte("trailer")) ||
		bytes.HasPrefix(b, []byte("startxref")) || bytes.HasPrefix(b, []byte("endobj")))
}
