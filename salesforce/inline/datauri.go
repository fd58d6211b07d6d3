package inline

import (
	"html"
	"strings"
	"unicode"
)

// maxDataHead is how far behind "data:" its comma is looked for, in bytes.
const maxDataHead = 4 << 10

// hasDataURI reports whether a text holds a data: address with media, however HTML lets it be
// spelled: with entities, in any case, broken by tabs and line ends. What people write is none:
// "Metadata: image/jpeg, 3024x4032" names a type and carries nothing.
func hasDataURI(s string) bool {
	if !mayHoldDataURI(s) {
		return false
	}
	for range 3 { // entities of entities survive one pass of a lax sanitizer
		plain := html.UnescapeString(s)
		if plain == s {
			break
		}
		s = plain
	}
	plain, breaks := withoutBreaks(s)
	for from := 0; ; {
		i := strings.Index(plain[from:], "data:")
		if i < 0 {
			return false
		}
		at := from + i
		from = at + len("data:")
		before := plain[:at]
		if breaks[at] {
			before = "" // a word does not go on behind the end of a line
		}
		if isDataURI(before, plain[:at], plain[from:]) {
			return true
		}
	}
}

// withoutBreaks returns a text in small letters without what addresses may be broken by, and where
// in it something was left out.
func withoutBreaks(s string) (string, map[int]bool) {
	var b strings.Builder
	b.Grow(len(s))
	breaks := map[int]bool{}
	for _, r := range s {
		switch {
		case r == 0xa0:
			b.WriteByte(' ')
		case r < ' ' || r == 0x7f || r == 0xad || r >= 0x200b && r <= 0x200f || r == 0xfeff:
			breaks[b.Len()] = true
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String(), breaks
}

// isDataURI decides on one "data:" between what stands before and behind it; word is what of that
// before it could belong to one word with it. An encoder leaves
// no blanks where a person does; with blanks it takes the place of an address, or content that
// no sentence has.
func isDataURI(word, before, behind string) bool {
	head, payload, comma := strings.Cut(behind[:min(len(behind), maxDataHead)], ",")
	media := strings.ReplaceAll(head, " ", "")
	tight := !strings.HasPrefix(head, " ") && !strings.HasPrefix(payload, " ") && !endsInName(word)
	switch {
	case !comma:
		return len(behind) > maxDataHead && isMediaType(media) && (tight || isAttribute(before))
	case strings.TrimSpace(payload) == "":
		return false
	case strings.HasSuffix(media, ";base64"):
		return tight || isAttribute(before)
	case !isMediaType(media):
		return false
	}
	return tight || isAttribute(before) || startsEncoded(payload)
}

// endsInName reports whether a scheme that follows would be the end of a longer word.
func endsInName(before string) bool {
	if before == "" {
		return false
	}
	c := before[len(before)-1]
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'
}

// isAttribute reports whether what follows is the value of an attribute.
func isAttribute(before string) bool {
	before = strings.TrimRight(before, " ")
	before = strings.TrimRight(strings.TrimRight(before, "\"'`"), " ")
	return strings.HasSuffix(before, "=")
}

// startsEncoded reports whether a payload starts with markup or with percent escapes.
func startsEncoded(payload string) bool {
	payload = strings.TrimLeft(payload, " ")
	if strings.HasPrefix(payload, "<") {
		return true
	}
	for i := 0; i+2 < len(payload) && i < 16; i++ {
		if payload[i] == '%' && isHex(payload[i+1]) && isHex(payload[i+2]) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// mayHoldDataURI is a quick test that most texts fail: it needs a colon or an entity.
func mayHoldDataURI(s string) bool { return strings.ContainsAny(s, ":&") }

func isMediaType(s string) bool {
	for _, p := range []string{"image/", "video/", "audio/", "application/", "model/", "font/"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
