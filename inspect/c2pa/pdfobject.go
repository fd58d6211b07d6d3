package c2pa

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Objects of a PDF file, as far as they matter here (ISO 32000-2, 7.3): names, references,
// dictionaries, arrays ([]any) and integers (int64). Strings and everything else are nil.
type (
	pdfName string
	pdfDict map[string]any
	pdfRef  int64 // the number; generations are not needed to find an object
)

var (
	errPDF      = errors.New("the structure of the PDF file cannot be read")
	errPDFShort = fmt.Errorf("%w: an object reaches too far", errPDF)
)

const (
	maxPDFDepth = 32
	maxPDFName  = 127
)

// pdfParser reads objects from b, from i on.
type pdfParser struct {
	b      []byte
	i      int
	whole  bool // nothing follows b
	values *int // objects that may still be made
}

// left reports whether enough of b is left for what comes next to be all there.
func (p *pdfParser) left() bool { return p.whole || len(p.b)-p.i > 2*maxPDFName }

func isPDFSpace(c byte) bool { return c == ' ' || c >= 9 && c <= 13 && c != 11 || c == 0 }

func isPDFDelimiter(c byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 }

// space skips white space and comments, and reports whether anything follows.
func (p *pdfParser) space() bool {
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '%':
			for p.i < len(p.b) && p.b[p.i] != '\n' && p.b[p.i] != '\r' {
				p.i++
			}
			p.i-- // the end of the line is white space
		case !isPDFSpace(c):
			return true
		}
	}
	return false
}

// word returns the regular characters that follow.
func (p *pdfParser) word() []byte {
	start := p.i
	for p.i < len(p.b) && !isPDFSpace(p.b[p.i]) && !isPDFDelimiter(p.b[p.i]) {
		p.i++
	}
	return p.b[start:p.i]
}

// keyword reports whether the word follows, and skips it.
func (p *pdfParser) keyword(word string) bool {
	start := p.i
	if p.space() && string(p.word()) == word {
		return true
	}
	p.i = start
	return false
}

// integer returns the non-negative integer that follows.
func (p *pdfParser) integer() (int64, bool) {
	start := p.i
	if p.space() {
		if w := p.word(); len(w) > 0 && len(w) <= 18 && len(bytes.Trim(w, "0123456789")) == 0 {
			n, err := strconv.ParseInt(string(w), 10, 64)
			return n, err == nil
		}
	}
	p.i = start
	return 0, false
}

// value reads one object.
func (p *pdfParser) value(depth int) (any, error) {
	if *p.values--; *p.values < 0 || depth > maxPDFDepth {
		return nil, fmt.Errorf("%w: it has too many objects, or they nest too deep", errPDF)
	}
	if !p.space() || !p.left() {
		return nil, errPDFShort
	}
	switch rest := p.b[p.i:]; {
	case rest[0] == '/':
		return p.name(), nil
	case bytes.HasPrefix(rest, []byte("<<")):
		p.i += 2
		return p.dictionary(depth)
	case rest[0] == '<':
		end := bytes.IndexByte(rest, '>')
		if end < 0 {
			return nil, errPDFShort
		}
		p.i += end + 1
		return nil, nil
	case rest[0] == '(':
		return nil, p.text()
	case rest[0] == '[':
		p.i++
		return p.array(depth)
	}
	if n, ok := p.integer(); ok {
		after := p.i
		if _, ok := p.integer(); ok && p.keyword("R") {
			return pdfRef(n), nil
		}
		p.i = after
		return n, nil
	}
	if len(p.word()) == 0 {
		return nil, fmt.Errorf("%w: %q where an object should be", errPDF, p.b[p.i])
	}
	return nil, nil // a real or negative number, true, false, null
}

func (p *pdfParser) name() pdfName {
	p.i++
	raw := p.word()
	if len(raw) > maxPDFName {
		return ""
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' && i+2 < len(raw) {
			if n, err := strconv.ParseUint(string(raw[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, raw[i])
	}
	return pdfName(out)
}

// text skips a literal string, in which parentheses are balanced or escaped.
func (p *pdfParser) text() error {
	for open := 0; p.i < len(p.b); p.i++ {
		switch p.b[p.i] {
		case '\\':
			p.i++
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				p.i++
				return nil
			}
		}
	}
	return errPDFShort
}

func (p *pdfParser) array(depth int) (any, error) {
	out := []any{}
	for {
		if !p.space() {
			return nil, errPDFShort
		}
		if p.b[p.i] == ']' {
			p.i++
			return out, nil
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

func (p *pdfParser) dictionary(depth int) (any, error) {
	out := pdfDict{}
	for {
		if !p.space() || !p.left() {
			return nil, errPDFShort
		}
		switch {
		case bytes.HasPrefix(p.b[p.i:], []byte(">>")):
			p.i += 2
			return out, nil
		case p.b[p.i] != '/':
			return nil, fmt.Errorf("%w: %q where a key should be", errPDF, p.b[p.i])
		}
		key := p.name()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out[string(key)] = v
	}
}

// integer returns the integer of a key, -1 without one.
func (d pdfDict) integer(key string) int64 {
	if n, ok := d[key].(int64); ok {
		return n
	}
	return -1
}
