package marks

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
)

// What no rule reads does not count as read: limits are for what may say something.

// maxRun is how much is kept of letters that follow one another as they do in base64. Pictures and
// depth maps in metadata are such, of any size.
const maxRun = 128 << 10

// listedID is a member of a list that is nothing but an identifier. Editors keep those of every file
// that a part was ever copied from, hundreds of thousands in some.
var listedID = regexp.MustCompile(`<rdf:li>\s*(?:[a-z.]{1,16}:){0,4}[0-9A-Fa-f-]{16,64}\s*</rdf:li>\s*`)

const maxListed = 256 // bytes that one takes

// squeeze returns r without what comes behind the first maxRun bytes of letters of base64, and
// without members of lists that are identifiers.
func squeeze(ctx context.Context, r io.Reader) io.Reader { return &squeezer{ctx: ctx, r: r} }

type squeezer struct {
	ctx   context.Context
	r     io.Reader
	run   int
	buf   []byte // read, and not looked at yet
	ready []byte
	err   error
}

// Read implements io.Reader.
func (s *squeezer) Read(p []byte) (int, error) {
	for len(s.ready) == 0 {
		if err := s.ctx.Err(); err != nil {
			return 0, err
		}
		if s.err != nil {
			return 0, s.err
		}
		s.more()
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// more makes the next bytes ready.
func (s *squeezer) more() {
	carried := len(s.buf)
	s.buf = append(s.buf, make([]byte, 64<<10)...)
	n, err := io.ReadFull(s.r, s.buf[carried:])
	s.buf = s.buf[:carried+n]
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	s.err = err
	part := s.buf
	if err == nil {
		// What may go on in the next part is left for it.
		if i := bytes.LastIndex(part, []byte("<rdf:li>")); i > len(part)-maxListed && i > 0 {
			part = part[:i]
		} else if i := bytes.LastIndexByte(part, '<'); i > len(part)-len("<rdf:li>") && i > 0 {
			part = part[:i]
		}
	}
	rest := bytes.Clone(s.buf[len(part):])
	if bytes.Contains(part, []byte("<rdf:li>")) {
		part = listedID.ReplaceAllLiteral(part, nil)
	}
	kept := part[:0]
	for _, c := range part {
		switch letters[c] {
		case 1:
			s.run++
		case 0:
			s.run = 0
		}
		if s.run <= maxRun {
			kept = append(kept, c)
		}
	}
	s.ready = bytes.Clone(kept)
	s.buf = rest
}

// letters are 1 for letters of base64, 2 for what breaks its lines in text and in markup, else 0.
var letters = func() (out [256]byte) {
	for c := range 256 {
		switch {
		case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=' || c == '-' || c == '_':
			out[c] = 1
		case c == '\r' || c == '\n' || c == '\t' || c == '&' || c == '#' || c == ';' || c == '\\':
			out[c] = 2
		}
	}
	return out
}()

// saysNothing are values of which no rule reads anything: identifiers, times and numbers.
var saysNothing = regexp.MustCompile(`^(?:[a-z.]{1,16}:){0,4}[0-9A-Fa-f-]{16,64}$|^[0-9TZ:.,+/ -]{2,40}$`)
