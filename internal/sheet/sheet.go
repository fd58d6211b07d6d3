// Package sheet writes tables as CSV that a spreadsheet can open without acting on what is in them.
//
// A spreadsheet takes a cell that begins like a formula for one, and formulas can send the table
// away or start programs. Such a cell gets an apostrophe in front, which says "text" to
// spreadsheets; numbers stay numbers, with their sign. Plain takes the apostrophe off again, so
// that what was written comes back as it was.
package sheet

import (
	"encoding/csv"
	"io"
	"regexp"
	"strings"
	"unicode"
)

// number is what a spreadsheet reads as a number although it begins with a sign.
var number = regexp.MustCompile(`^[+-]?[0-9]{1,30}(?:[.,][0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?%?$`)

// acts tells whether a spreadsheet might take a cell for a formula: by its first character, or
// by the one behind blanks and quotes, which some programs take off first.
func acts(cell string) bool {
	if cell == "" {
		return false
	}
	if strings.ContainsRune("\t\r\n", rune(cell[0])) {
		return true
	}
	inner := strings.TrimLeftFunc(cell, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || strings.ContainsRune("'\"`´‘’“”", r)
	})
	for _, begin := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(inner, begin) {
			return !number.MatchString(inner)
		}
	}
	return false
}

// Cell is how a text is written.
func Cell(text string) string {
	if acts(text) {
		return "'" + text
	}
	return text
}

// Plain is the text of a cell that Cell wrote.
func Plain(cell string) string {
	if text, quoted := strings.CutPrefix(cell, "'"); quoted && acts(text) {
		return text
	}
	return cell
}

// Writer writes rows.
type Writer struct{ csv *csv.Writer }

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{csv.NewWriter(w)} }

// Row writes one row. Errors show in Flush.
func (w *Writer) Row(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = Cell(c)
	}
	w.csv.Write(row)
}

// Flush writes what is left, and returns the first error.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
