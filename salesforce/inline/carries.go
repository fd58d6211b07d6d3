package inline

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
)

// rule says how much a text must prove.
type rule int

const (
	textRule  rule = iota // a field that people write text into: no embedded file
	plainRule             // a parameter: nothing that could be an encoded file of any kind
)

// Lengths at which text may be an encoded file, in characters.
const (
	runWithMagic = 32 // a run of base64 that begins like a known file type
	runPlain     = 64 // any run of base64, under plainRule
	maxScalars   = 256

	runWithWeakMagic = 1024

	runOfLines = 8192 // lines of encoded text, of any kind, that no person writes
	longLine   = 57
)

// scanValue says what in a value could be media, "" if nothing.
func scanValue(v *node, r rule) string {
	switch v.kind {
	case '"':
		return scanText(v.text, r)
	case '{':
		for i := range v.members {
			if why := scanText(v.members[i].name, r); why != "" {
				return why
			}
			if why := scanValue(&v.members[i].value, r); why != "" {
				return why
			}
		}
	case '[':
		scalars := 0
		for i := range v.items {
			if k := v.items[i].kind; k == '0' || k == '"' && len(v.items[i].text) != 15 && len(v.items[i].text) != 18 {
				scalars++
			}
			if why := scanValue(&v.items[i], r); why != "" {
				return why
			}
		}
		if r == plainRule && scalars > maxScalars {
			return "a long list of values"
		}
	}
	return ""
}

// scanText says what in a text could be media, "" if nothing.
func scanText(s string, r rule) string {
	if len(s) < 12 {
		return ""
	}
	if hasDataURI(s) {
		return "a data: address"
	}
	return scanRuns(s, r)
}

// scanRuns looks for runs of base64.
func scanRuns(s string, r rule) string {
	for i := 0; i < len(s); {
		if sextets[s[i]] >= 64 {
			i++
			continue
		}
		start := i
		for i < len(s) && (sextets[s[i]] < 64 || isBreak(s[i])) {
			i++
		}
		switch run := s[start:i]; {
		case len(run) >= runWithMagic && startsLikeFile(run):
			return "an encoded file"
		case len(run) >= runOfLines && inLongLines(run) >= runOfLines:
			return "a long encoded value"
		case r == plainRule && len(run) >= runPlain:
			return "a long encoded value"
		}
	}
	if holdsFileStart(s) {
		return "an encoded file"
	}
	return ""
}

// inLongLines counts the characters of a run in lines that are too long for words.
func inLongLines(run string) int {
	n := 0
	for line := range strings.FieldsFuncSeq(run, func(r rune) bool { return r < ' ' }) {
		if len(line) >= longLine {
			n += len(line)
		}
	}
	return n
}

// holdsFileStart looks for a file in base64 that begins anywhere in a text: behind letters of
// another word, and broken by blanks.
func holdsFileStart(s string) bool {
	var at [4]int // where the last four sextets stand
	acc, n := uint32(0), 0
	for i := 0; i < len(s); i++ {
		v := sextets[s[i]]
		switch {
		case v < 64:
		case s[i] == ' ' || isBreak(s[i]):
			continue
		default:
			n = 0
			continue
		}
		acc = (acc<<6 | uint32(v)) & 0xffffff
		at[n&3] = i
		if n++; n < 4 || !beginsFile[acc>>12] {
			continue
		}
		if acc == 0 && n > 4 {
			continue // a row of zeros was tried at its start
		}
		if fileStartsAt(s[at[n&3]:]) {
			return true
		}
	}
	return false
}

// beginsFile has the first two characters, in base64, of every known file type.
var beginsFile = func() (t [1 << 12]bool) {
	for _, m := range magics {
		t[uint16(m[0])<<4|uint16(m[1])>>4] = true
	}
	t[0] = true // the length before "ftyp"
	return t
}()

// fileStartsAt decodes what begins s, without its blanks.
func fileStartsAt(s string) bool {
	text := make([]byte, 0, runWithMagic)
	for i := 0; i < len(s) && len(text) < runWithMagic; i++ {
		switch c := s[i]; {
		case c == '-':
			text = append(text, '+')
		case c == '_':
			text = append(text, '/')
		case sextets[c] < 64:
			text = append(text, c)
		case c != ' ' && !isBreak(c):
			return false
		}
	}
	if len(text) < runWithMagic {
		return false
	}
	var b [runWithMagic / 4 * 3]byte
	n, _ := base64.StdEncoding.Decode(b[:], text)
	return hasPrefix(b[:n], magics) || string(b[4:8]) == "ftyp"
}

// isBreak reports white space that encoders put between lines of base64.
func isBreak(c byte) bool { return c == '\n' || c == '\r' || c == '\t' }

// startsLikeFile decodes the start of a base64 run and compares it with known file types.
func startsLikeFile(run string) bool {
	text := make([]byte, 0, 184)
	for i := 0; i < len(run) && len(text) < 184; i++ {
		switch c := run[i]; {
		case c == '-':
			text = append(text, '+')
		case c == '_':
			text = append(text, '/')
		case sextets[c] < 64:
			text = append(text, c)
		}
	}
	text = text[:len(text)/4*4]
	var b [138]byte
	n, _ := base64.StdEncoding.Decode(b[:], text)
	if looksLikeFile(b[:n]) {
		return true
	}
	return len(run) >= runWithWeakMagic && hasPrefix(b[:n], weakMagics)
}

func hasPrefix(b []byte, of []string) bool {
	return slices.ContainsFunc(of, func(m string) bool { return bytes.HasPrefix(b, []byte(m)) })
}

var magics = []string{
	"\x89PNG", "\xff\xd8\xff", "GIF8", "RIFF", "%PDF", "II*\x00", "MM\x00*", "OggS", "ID3", "fLaC",
	"\x1aE\xdf\xa3", "PK\x03\x04", "\xd0\xcf\x11\xe0", "\x00\x00\x01\xba", "\x00\x00\x01\xb3", "\x1f\x8b\x08",
	"FORM", "8BPS", "#!AMR", "\x00\x00\x00\x0cjP  ",
}

// weakMagics are the two bytes that MP3, AAC and JPEG XL begin with. In base64 they begin with
// two slashes or nearly so, as host names in addresses do: only a long run counts.
var weakMagics = []string{"\xff\x0a", "\xff\xfb", "\xff\xf3", "\xff\xf2", "\xff\xf1", "\xff\xf9"}

// looksLikeFile reports whether bytes begin like an image, recording, document or archive.
func looksLikeFile(b []byte) bool {
	return hasPrefix(b, magics) ||
		len(b) >= 12 && string(b[4:8]) == "ftyp" ||
		len(b) >= 132 && string(b[128:132]) == "DICM" ||
		len(b) >= 14 && string(b[:2]) == "BM" && b[6]|b[7]|b[8]|b[9] == 0
}
