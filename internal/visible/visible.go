// Package visible shows what strangers wrote as it is: characters that cannot be seen, that turn the
// order of others around, or that a terminal takes for commands, are shown as escapes.
//
// An escape is written as JSON writes it, so that JSON text stays the same document.
package visible

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// blank are characters that count as letters or marks and show nothing.
var blank = []rune{0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0}

// hidden tells whether a character is to be shown as an escape. Line feeds and tabs are not.
func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t' || r >= ' ' && r <= '~':
		return false
	case r >= 0xE0100 && r <= 0xE01EF: // variation selectors of ideographs
		return true
	}
	return !unicode.IsGraphic(r) || slices.Contains(blank, r)
}

func appendEscape(b []byte, r rune) []byte {
	if r > 0xFFFF {
		hi, lo := utf16.EncodeRune(r)
		return fmt.Appendf(b, `\u%04x\u%04x`, hi, lo)
	}
	return fmt.Appendf(b, `\u%04x`, r)
}

// Append appends text to b, with escapes. Bytes that are no UTF-8 are escaped one by one.
func Append(b, text []byte) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, text[0])
		case hidden(r):
			b = appendEscape(b, r)
		default:
			b = append(b, text[:n]...)
		}
		text = text[n:]
	}
	return b
}

// Text shows a text that may have several lines.
func Text(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	return string(Append(nil, []byte(s)))
}

// Line shows what is to stand on one line, such as a name.
func Line(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(Text(s))
}

// HTML shows the text of a page. What a form gives back stays as it is: the values of fields and
// what stands in text areas.
func HTML(page []byte) []byte {
	if utf8.Valid(page) && bytes.IndexFunc(page, hidden) < 0 {
		return page
	}
	var out []byte
	for len(page) > 0 {
		at, end := 0, ""
		for _, kept := range [][2]string{{` value="`, `"`}, {"<textarea", "</textarea>"}} {
			if from := bytes.Index(page, []byte(kept[0])); from >= 0 && (at == 0 || from+len(kept[0]) < at) {
				at, end = from+len(kept[0]), kept[1]
			}
		}
		n := 0
		if at > 0 {
			n = bytes.Index(page[at:], []byte(end))
		}
		if at == 0 || n < 0 {
			return Append(out, page)
		}
		out = Append(out, page[:at])
		out = append(out, page[at:at+n]...)
		page = page[at+n:]
	}
	return out
}

// Writer shows what is written to it. Raw is what is behind it, for what is not text.
type Writer struct {
	Raw  io.Writer
	rest []byte // the beginning of a character
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{Raw: w} }

func (w *Writer) Write(p []byte) (int, error) {
	text := append(w.rest, p...)
	w.rest = nil
	for i := max(0, len(text)-utf8.UTFMax+1); i < len(text); i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			w.rest = bytes.Clone(text[i:])
			text = text[:i]
			break
		}
	}
	if _, err := w.Raw.Write(Append(nil, text)); err != nil {
		return 0, err
	}
	return len(p), nil
}
