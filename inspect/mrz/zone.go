package mrz

import (
	"regexp"
	"strings"
)

// Zone is a machine-readable zone and the fields whose check digits do not fit.
type zone struct {
	Line   int      `json:"line"`   // of the text, from 1: where the zone begins
	Format string   `json:"format"` // TD1, TD2, TD3, MRV-A or MRV-B
	Wrong  []string `json:"wrong"`  // fields
}

// span is a part of a line of a zone: line, first position and last, both from 1.
type span struct{ line, from, to int }

// field is what one check digit is over (ICAO Doc 9303, parts 3 to 7).
type field struct {
	name  string
	over  []span
	digit span
	// blank: the digit may be a filler. Then the field is empty, or too long for its place.
	blank bool
}

type format struct {
	name   string
	lines  int
	length int
	first  string // letters that the first line may begin with
	fields []field
	sex    span
	dates  []span
	nation span
}

func one(name string, line, from, to int) field {
	return field{name: name, over: []span{{line, from, to}}, digit: span{line, to + 1, to + 1}}
}

// passport is the second line that all two-line formats share.
func passport(more ...field) []field {
	number := one("document number", 2, 1, 9)
	number.blank = true
	return append([]field{number, one("date of birth", 2, 14, 19), one("date of expiry", 2, 22, 27)}, more...)
}

func composite(to int) field {
	return field{name: "all fields together", over: []span{{2, 1, 10}, {2, 14, 20}, {2, 22, to}}, digit: span{2, to + 1, to + 1}}
}

var (
	optional = field{name: "optional data", over: []span{{2, 29, 42}}, digit: span{2, 43, 43}, blank: true}
	sex      = span{2, 21, 21}
	dates    = []span{{2, 14, 19}, {2, 22, 27}}
	nation   = span{2, 11, 13}

	formats = []format{
		{"TD3", 2, 44, "P", passport(optional, composite(43)), sex, dates, nation},
		{"MRV-A", 2, 44, "V", passport(), sex, dates, nation},
		{"TD2", 2, 36, "ACIP", passport(composite(35)), sex, dates, nation},
		{"MRV-B", 2, 36, "V", passport(), sex, dates, nation},
		{"TD1", 3, 30, "ACI", []field{
			{name: "document number", over: []span{{1, 6, 14}}, digit: span{1, 15, 15}, blank: true},
			one("date of birth", 2, 1, 6), one("date of expiry", 2, 9, 14),
			{name: "all fields together", over: []span{{1, 6, 30}, {2, 1, 7}, {2, 9, 15}, {2, 19, 29}}, digit: span{2, 30, 30}},
		}, span{2, 8, 8}, []span{{2, 1, 6}, {2, 9, 14}}, span{2, 16, 18}},
	}
)

// french marks the identity card of France as issued until 2021, whose second line is laid out
// in a way of its own.
const french = "IDFRA"

// zones finds the zones in lines of text.
func zones(lines []line) (out []zone) {
	for i := 0; i < len(lines); i++ {
		for _, f := range formats {
			if text, ok := run(lines[i:], f.lines); ok && f.is(text) {
				out = append(out, zone{Line: lines[i].number, Format: f.name, Wrong: f.wrong(text)})
				i += f.lines - 1
				break
			}
		}
	}
	return out
}

// run returns the first n lines if they follow one another.
func run(lines []line, n int) (text []string, ok bool) {
	for i := range n {
		if i >= len(lines) || lines[i].number != lines[0].number+i {
			return nil, false
		}
		text = append(text, lines[i].text)
	}
	return text, true
}

var (
	regular = regexp.MustCompile(`^[A-Z0-9<]+$`)
	letters = regexp.MustCompile(`^[A-Z]{1,3}<{0,2}$`)
	date    = regexp.MustCompile(`^[0-9]{2}[0-9<]{4}$`)
	sexes   = regexp.MustCompile(`^[MFX<]$`)
)

// is reports whether the lines are a zone of the format: what only happens to have the length
// of one lacks a name, or has something else where dates belong.
func (f format) is(lines []string) bool {
	for _, l := range lines {
		if len(l) != f.length {
			return false
		}
	}
	names := lines[0]
	if f.lines == 3 {
		names = lines[2]
	}
	if !strings.Contains(f.first, lines[0][:1]) || !strings.Contains(names, "<<") || f.name == "TD2" && strings.HasPrefix(lines[0], french) {
		return false
	}
	for _, d := range f.dates {
		if !date.MatchString(d.of(lines)) {
			return false
		}
	}
	return sexes.MatchString(f.sex.of(lines)) && letters.MatchString(f.nation.of(lines))
}

func (s span) of(lines []string) string { return lines[s.line-1][s.from-1 : s.to] }

// wrong returns the fields whose check digits do not fit.
func (f format) wrong(lines []string) []string {
	out := []string{}
	for _, c := range f.fields {
		digit := c.digit.of(lines)
		if digit == "<" && c.blank {
			continue
		}
		var over strings.Builder
		for _, s := range c.over {
			over.WriteString(s.of(lines))
		}
		if digit != string(rune('0'+checkDigit(over.String()))) {
			out = append(out, c.name)
		}
	}
	return out
}

// checkDigit is the check digit of ICAO Doc 9303, part 3, 4.9: weights 7, 3, 1, modulo 10.
func checkDigit(s string) int {
	sum := 0
	for i, c := range []byte(s) {
		v := 0
		switch {
		case c >= '0' && c <= '9':
			v = int(c - '0')
		case c >= 'A' && c <= 'Z':
			v = int(c-'A') + 10
		}
		sum += v * [3]int{7, 3, 1}[i%3]
	}
	return sum % 10
}
