package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A scanner reads JSON that has to be in RFC 8785 form already: no white space, one way to
// write each string and number. Reading anything else is an error, so what was read needs
// not be written again to be compared. The first error stays.
type scanner struct {
	rest string
	err  error
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// lit reads exactly the text.
func (s *scanner) lit(text string) {
	if s.err == nil && !s.try(text) {
		s.fail("%q expected before %.40q", text, s.rest)
	}
}

// try reads the text if it is there.
func (s *scanner) try(text string) bool {
	rest, ok := strings.CutPrefix(s.rest, text)
	if s.err != nil || !ok {
		return false
	}
	s.rest = rest
	return true
}

// end expects nothing more.
func (s *scanner) end() {
	if s.rest != "" {
		s.fail("%.40q is left over", s.rest)
	}
}

// str reads a string. RFC 8785 section 3.2.2.2: two characters and the controls are
// escaped, the controls in the shortest way there is, all else stands for itself.
func (s *scanner) str() string {
	s.lit(`"`)
	var out strings.Builder
	for s.err == nil {
		r, size := utf8.DecodeRuneInString(s.rest)
		switch {
		case size == 0:
			s.fail("a string does not end")
		case r == utf8.RuneError && size == 1:
			s.fail("a string is not UTF-8")
		case r == '"':
			s.rest = s.rest[1:]
			return out.String()
		case r == '\\':
			s.rest = s.rest[1:]
			out.WriteByte(s.escape())
		case r < 0x20:
			s.fail("a string holds a bare control character")
		default:
			out.WriteString(s.rest[:size])
			s.rest = s.rest[size:]
		}
	}
	return ""
}

func (s *scanner) escape() byte {
	const short, meaning = `"\bfnrt`, "\"\\\b\f\n\r\t"
	if s.rest != "" {
		if i := strings.IndexByte(short, s.rest[0]); i >= 0 {
			s.rest = s.rest[1:]
			return meaning[i]
		}
	}
	if len(s.rest) >= 5 && s.rest[:3] == "u00" {
		if n, err := strconv.ParseUint(s.rest[3:5], 16, 8); err == nil && n < 0x20 &&
			s.rest[:5] == fmt.Sprintf("u%04x", n) && !strings.ContainsRune(meaning, rune(n)) {
			s.rest = s.rest[5:]
			return byte(n)
		}
	}
	s.fail("a string holds a needless escape")
	return 0
}

// integer reads a number that is whole and exact in every JSON reader.
func (s *scanner) integer() int64 {
	n := len(s.rest) - len(strings.TrimLeft(s.rest, "-0123456789"))
	i, err := strconv.ParseInt(s.rest[:n], 10, 64)
	if s.err == nil && (err != nil || strconv.FormatInt(i, 10) != s.rest[:n] || i <= -1<<53 || i >= 1<<53) {
		s.fail("%.20q is not a whole number below 2^53 in its shortest form", s.rest)
	}
	if s.err != nil {
		return 0
	}
	s.rest = s.rest[n:]
	return i
}

// list reads an array, calling item before each of its values.
func (s *scanner) list(item func()) {
	s.lit("[")
	if s.try("]") {
		return
	}
	for s.err == nil {
		item()
		if s.try("]") {
			return
		}
		s.lit(",")
	}
}
