package media

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/url"
	"strings"

	"github.com/cordonhq/cordon/media/anatomy"
)

// carrier is what a file begins with in a text.
type carrier struct {
	mark   string
	skip   int // letters of the mark that belong to what is around the file
	decode func([]byte) []byte
}

// carriers are what files begin with when text carries them: base64 in mails, web pages,
// drawings, calendars and messages of clinical systems, hexadecimal digits in RTF, bytes as
// percent signs in addresses.
var carriers = []carrier{
	{"iVBORw0KGgo", 0, fromBase64}, {"/9j/", 0, fromBase64}, {`\/9j\/`, 0, fromBase64}, {"_9j_", 0, fromBase64}, {"R0lGOD", 0, fromBase64}, {"UklGR", 0, fromBase64},
	{"JVBERi", 0, fromBase64}, {"UEsDB", 0, fromBase64}, {"SUkqA", 0, fromBase64}, {"TU0AK", 0, fromBase64}, {"AAAADGpQ", 0, fromBase64}, {"AAAADEpYTC", 0, fromBase64},
	{"0M8R4KGxGuE", 0, fromBase64}, {"base64,", 7, fromBase64}, {"H4sIA", 0, fromBase64},
	{"89504e470d0a1a0a", 0, fromHex}, {"89504E470D0A1A0A", 0, fromHex}, {"ffd8ff", 0, fromHex}, {"FFD8FF", 0, fromHex}, {"474946383", 0, fromHex}, {"52494646", 0, fromHex},
	{"PGh0bW", 0, fromBase64}, {"PEhUTU", 0, fromBase64}, {"PCFET0", 0, fromBase64}, {"PCFkb2", 0, fromBase64}, {"PHN2Z", 0, fromBase64}, {"PD94bW", 0, fromBase64}, // pages and drawings
	{"Qk02", 0, fromBase64}, {"AAABAA", 0, fromBase64}, {"e1xydG", 0, fromBase64}, {"/Td6WF", 0, fromBase64}, {"KLUv/", 0, fromBase64},
	{"504b0304", 0, fromHex}, {"504B0304", 0, fromHex}, {"25504446", 0, fromHex}, {"1f8b08", 0, fromHex}, {"1F8B08", 0, fromHex},
	{"=89PNG=0D=0A", 0, fromQuoted}, {"=FF=D8=FF", 0, fromQuoted}, {"=ff=d8=ff", 0, fromQuoted},
	{"\nbegin 6", 1, fromUU}, {"\nbegin 7", 1, fromUU}, {"begin-base64 ", 0, fromUU},
	{"%89PNG", 0, fromPercent}, {"%FF%D8%FF", 0, fromPercent}, {"%ff%d8%ff", 0, fromPercent}, {"GIF89a%", 0, fromPercent},
	{"data:image/svg", 0, fromAddress},
}

// maxText is how much of a text is searched for files that it carries.
const maxText = 128 << 20

// surveyText claims a text, and opens the files that it carries.
func surveyText(s *survey) error {
	s.claim(0, s.m.size, anatomy.Read, string(s.m.Type))
	b, err := s.readAll(s.ctx, maxText)
	if err != nil {
		return err
	}
	if b == nil {
		s.more = true
		if b, err = io.ReadAll(io.LimitReader(s.m.Reader(s.ctx), maxText)); err != nil {
			return err
		}
	}
	if len(b) > 1 && (b[0] == 0xFF && b[1] == 0xFE || b[0] == 0xFE && b[1] == 0xFF) {
		if text, ok := decodeText(b); ok {
			b = []byte(text)
		}
	}
	return s.carriedBy(b)
}

// carriedBy opens the files that a text carries.
func (s *survey) carriedBy(b []byte) error {
	n := 0
	for at := 0; at < len(b); {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		i, which := firstCarrier(b[at:])
		if i < 0 {
			return nil
		}
		c := carriers[which]
		start := at + i + c.skip
		at += i + len(c.mark)
		t, err := s.begins(c, b[start:])
		if err != nil {
			s.more = true
			return nil
		}
		if t == Unknown || t == Empty || t == Text {
			continue
		}
		content := c.decode(b[start:])
		// At least as many letters as bytes: what it holds is its own matter.
		at = max(at, start+len(content))
		if own := s.m.Type; t == Archive && (own == CDA || own == FHIRJSON || own == FHIRXML) || len(content) < smallest {
			continue // their own reader unpacks what is packed
		}
		n++
		if int64(len(content)) > s.most() {
			s.more = true
			continue
		}
		if !s.carried(fmt.Sprintf("%s %d in the text", t, n), content, false) {
			return nil
		}
	}
	return nil
}

// begins says what a file begins with that a text may carry, from as little of it as will do. The
// error is errSpent.
func (s *survey) begins(c carrier, b []byte) (t Type, err error) {
	for _, letters := range []int{256, 2 * sniffLen} {
		if err := s.m.limits.allowed.spend(int64(min(len(b), letters)) + perRead); err != nil {
			return Unknown, err
		}
		head := c.decode(b[:min(len(b), letters)])
		t = Sniff(head[:min(len(head), sniffLen)])
		if t != Text && t != XML && t != HTML || len(b) <= letters {
			break // more of it may only tell texts apart
		}
	}
	return t, nil
}

// firstCarrier finds the first mark, in a window at a time so that each byte is looked at once
// for each of them. Windows grow, so that marks one behind the other do not have the whole
// neighbourhood looked at for each.
func firstCarrier(b []byte) (at, which int) {
	window := 512
	for from := 0; from < len(b); from, window = from+window, min(2*window, 256<<10) {
		at = -1
		part := b[from:min(len(b), from+window+32)]
		for i, c := range carriers {
			if j := bytes.Index(part, []byte(c.mark)); j >= 0 && (at < 0 || j < at) {
				at, which = j, i
				part = part[:min(len(part), j+len(c.mark)+32)]
			}
		}
		if at >= 0 {
			return from + at, which
		}
	}
	return -1, 0
}

// fromBase64 decodes up to the first letter that is none. Lines may be broken, and broken the way
// of JSON and of XML.
func fromBase64(b []byte) []byte {
	letters := make([]byte, 0, min(len(b), 4<<10))
	for i := 0; i < len(b) && len(letters) < 2*maxChild; i++ {
		switch c := b[i]; {
		case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/':
			letters = append(letters, c)
		case c == '-':
			letters = append(letters, '+')
		case c == '_':
			letters = append(letters, '/')
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c == '\\' && i+1 < len(b) && (b[i+1] == 'n' || b[i+1] == 'r'):
			i++
		case c == '\\' && i+1 < len(b) && b[i+1] == '/':
		case c == '&' && i+2 < len(b) && b[i+1] == '#' && bytes.IndexByte(b[i:min(len(b), i+8)], ';') > 0:
			i += bytes.IndexByte(b[i:i+8], ';')
		case c == '%' && i+2 < len(b) && (strings.EqualFold(string(b[i:i+3]), "%2B") || strings.EqualFold(string(b[i:i+3]), "%2F")):
			letters = append(letters, map[byte]byte{'B': '+', 'b': '+', 'F': '/', 'f': '/'}[b[i+2]])
			i += 2
		default:
			i = len(b)
		}
	}
	letters = letters[:len(letters)&^3+map[int]int{2: 2, 3: 3}[len(letters)&3]]
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(letters)))
	n, _ := base64.RawStdEncoding.Decode(out, letters)
	return out[:n]
}

// fromHex decodes hexadecimal digits up to the first letter that is none.
func fromHex(b []byte) []byte {
	digits := make([]byte, 0, min(len(b), 4<<10))
	for _, c := range b {
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			continue
		}
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') || len(digits) >= 2*maxChild {
			break
		}
		digits = append(digits, c)
	}
	out := make([]byte, len(digits)/2)
	n, _ := hex.Decode(out, digits[:len(digits)&^1])
	return out[:n]
}

// fromQuoted decodes what mails write with signs of equality, up to the end of the part.
func fromQuoted(b []byte) []byte {
	b = b[:min(len(b), maxChild)]
	if i := bytes.Index(b, []byte("\n--")); i >= 0 {
		b = b[:i]
	}
	out, _ := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b)))
	return out
}

// fromUU decodes what uuencode wrote, line by line, its first one in front.
func fromUU(b []byte) []byte {
	first, rest, ok := bytes.Cut(b[:min(len(b), 2*maxChild)], []byte("\n"))
	if !ok || len(first) > 300 {
		return nil
	}
	if bytes.HasPrefix(first, []byte("begin-base64")) {
		return fromBase64(rest)
	}
	var out []byte
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 || line[0] <= ' ' || line[0] >= '`' {
			break
		}
		n, start := int(line[0]-' '), len(out)
		for line = line[1:]; len(line) > 0 && len(out)-start < n; line = line[min(4, len(line)):] {
			var four [4]byte
			for i := range min(4, len(line)) {
				four[i] = (line[i] - ' ') & 0x3F
			}
			out = append(out, four[0]<<2|four[1]>>4, four[1]<<4|four[2]>>2, four[2]<<6|four[3])
		}
		out = out[:min(len(out), start+n)]
	}
	return out
}

// fromPercent decodes an address up to its end.
func fromPercent(b []byte) []byte {
	b = b[:min(len(b), maxChild)]
	if i := bytes.IndexAny(b, "\"'<> \t\r\n)"); i >= 0 {
		b = b[:i]
	} else if i := bytes.LastIndexByte(b, '%'); i >= 0 && i+3 > len(b) {
		b = b[:i] // it is cut there
	}
	out, err := url.PathUnescape(string(b))
	if err != nil {
		return nil
	}
	return []byte(out)
}

// fromAddress decodes a drawing that stands in an address as text.
func fromAddress(b []byte) []byte {
	b = b[:min(len(b), maxChild)]
	head, _, ok := bytes.Cut(b[:min(len(b), 65)], []byte(","))
	if !ok || bytes.Contains(head, []byte("base64")) {
		return nil
	}
	rest := b[len(head)+1:]
	if i := bytes.IndexAny(rest, "\"\r\n"); i >= 0 {
		rest = rest[:i]
	}
	return fromPercent(bytes.ReplaceAll(rest, []byte(" "), []byte("%20")))
}
