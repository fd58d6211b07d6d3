// Package pdf reads the objects that PDF files are made of (ISO 32000-2, 7.3), within limits:
// what a stranger wrote may nest too deep, have too many objects, or end in the middle.
package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Objects, as far as they matter here: names, references, dictionaries, arrays ([]any) and
// integers (int64). Strings and everything else are nil.
type (
	Name string
	Dict map[string]any
	Ref  int64 // the number; generations are not needed to find an object
)

var (
	// ErrDamaged is wrapped by every error of this package.
	ErrDamaged = errors.New("the structure of the PDF file cannot be read")
	// ErrShort means that an object goes on behind the bytes that were given.
	ErrShort = fmt.Errorf("%w: an object reaches too far", ErrDamaged)
)

const (
	maxDepth = 32
	maxName  = 127
)

// Parser reads objects from B, from I on.
type Parser struct {
	B      []byte
	I      int
	Whole  bool // nothing follows B
	Values *int // objects that may still be made
}

// Left reports whether enough of b is left for what comes next to be all there.
func (p *Parser) Left() bool { return p.Whole || len(p.B)-p.I > 2*maxName }

// IsSpace reports whether a byte is white space.
func IsSpace(c byte) bool { return c == ' ' || c >= 9 && c <= 13 && c != 11 || c == 0 }

func isDelimiter(c byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 }

// Space skips white space and comments, and reports whether anything follows.
func (p *Parser) Space() bool {
	for ; p.I < len(p.B); p.I++ {
		switch c := p.B[p.I]; {
		case c == '%':
			for p.I < len(p.B) && p.B[p.I] != '\n' && p.B[p.I] != '\r' {
				p.I++
			}
			p.I-- // the end of the line is white space
		case !IsSpace(c):
			return true
		}
	}
	return false
}

// word returns the regular characters that follow.
func (p *Parser) word() []byte {
	start := p.I
	for p.I < len(p.B) && !IsSpace(p.B[p.I]) && !isDelimiter(p.B[p.I]) {
		p.I++
	}
	return p.B[start:p.I]
}

// Keyword reports whether the word follows, and skips it.
func (p *Parser) Keyword(word string) bool {
	start := p.I
	if p.Space() && string(p.word()) == word {
		return true
	}
	p.I = start
	return false
}

// Integer returns the non-negative integer that follows.
func (p *Parser) Integer() (int64, bool) {
	start := p.I
	if p.Space() {
		if w := p.word(); len(w) > 0 && len(w) <= 18 && len(bytes.Trim(w, "0123456789")) == 0 {
			n, err := strconv.ParseInt(string(w), 10, 64)
			return n, err == nil
		}
	}
	p.I = start
	return 0, false
}

// Value reads one object.
func (p *Parser) Value(depth int) (any, error) {
	if *p.Values--; *p.Values < 0 || depth > maxDepth {
		return nil, fmt.Errorf("%w: it has too many objects, or they nest too deep", ErrDamaged)
	}
	if !p.Space() || !p.Left() {
		return nil, ErrShort
	}
	switch rest := p.B[p.I:]; {
	case rest[0] == '/':
		return p.name(), nil
	case bytes.HasPrefix(rest, []byte("<<")):
		p.I += 2
		return p.dictionary(depth)
	case rest[0] == '<':
		end := bytes.IndexByte(rest, '>')
		if end < 0 {
			return nil, ErrShort
		}
		p.I += end + 1
		return nil, nil
	case rest[0] == '(':
		return nil, p.text()
	case rest[0] == '[':
		p.I++
		return p.array(depth)
	}
	if n, ok := p.Integer(); ok {
		after := p.I
		if _, ok := p.Integer(); ok && p.Keyword("R") {
			return Ref(n), nil
		}
		p.I = after
		return n, nil
	}
	if len(p.word()) == 0 {
		return nil, fmt.Errorf("%w: %q where an object should be", ErrDamaged, p.B[p.I])
	}
	return nil, nil // a real or negative number, true, false, null
}

func (p *Parser) name() Name {
	p.I++
	raw := p.word()
	if len(raw) > maxName {
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
	return Name(out)
}

// text skips a literal string, in which parentheses are balanced or escaped.
func (p *Parser) text() error {
	for open := 0; p.I < len(p.B); p.I++ {
		switch p.B[p.I] {
		case '\\':
			p.I++
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				p.I++
				return nil
			}
		}
	}
	return ErrShort
}

func (p *Parser) array(depth int) (any, error) {
	out := []any{}
	for {
		if !p.Space() {
			return nil, ErrShort
		}
		if p.B[p.I] == ']' {
			p.I++
			return out, nil
		}
		v, err := p.Value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

func (p *Parser) dictionary(depth int) (any, error) {
	out := Dict{}
	for {
		if !p.Space() || !p.Left() {
			return nil, ErrShort
		}
		switch {
		case bytes.HasPrefix(p.B[p.I:], []byte(">>")):
			p.I += 2
			return out, nil
		case p.B[p.I] != '/':
			return nil, fmt.Errorf("%w: %q where a key should be", ErrDamaged, p.B[p.I])
		}
		key := p.name()
		v, err := p.Value(depth + 1)
		if err != nil {
			return nil, err
		}
		out[string(key)] = v
	}
}

// Integer returns the integer of a key, -1 without one.
func (d Dict) Integer(key string) int64 {
	if n, ok := d[key].(int64); ok {
		return n
	}
	return -1
}
