package inline

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// spooler stores a file's bytes while they are parsed.
type spooler func(io.Reader) (cordon.Spooled, error)

// parsed is an upload in its parsed form. When parsing failed after the file was stored, the
// rest may be incomplete, but hasBlob and spooled are right, so that the bytes can be forgotten.
type parsed struct {
	fields    []cordon.Field
	spooled   cordon.Spooled
	hasBlob   bool
	multipart bool
	fileName  string // of the binary part
	declared  string // media type the sender named
}

// parseJSON reads {"field": value, …, "VersionData": "base64"} with its names in any order
// and hands the decoded file to spool as it arrives. maxFields bounds what is kept in memory.
func parseJSON(r io.Reader, blob salesforce.Blob, maxFields int, spool spooler) (parsed, error) {
	var p parsed
	br := bufio.NewReaderSize(r, 32<<10)
	switch mark, err := br.Peek(len(byteOrderMark)); {
	case err != nil && err != io.EOF:
		return p, jsonEnd(err) // it is told only once
	case string(mark) == byteOrderMark:
		br.Discard(len(mark))
	}
	j := &jsonReader{r: br, nodes: 20_000, text: maxFields}
	c, err := j.next()
	if err != nil {
		return p, err
	}
	if c != '{' {
		return p, badJSON("it is not an object in UTF-8")
	}
	j.depth++
	var names keySet
	if c, err = j.next(); err != nil {
		return p, err
	}
	for empty := c == '}'; !empty; {
		name, err := j.key(c, &names)
		if err != nil {
			return p, err
		}
		if c, err = j.next(); err != nil {
			return p, err
		}
		if blob.HasField(name) && c == '"' {
			if err := p.spoolString(br, spool); err != nil {
				return p, err
			}
		} else {
			v, err := j.value(c)
			if err != nil {
				return p, err
			}
			if blob.HasField(name) && v.kind != 'n' {
				return p, noBase64(string(v.append(nil)), blob.Object)
			}
			p.fields = append(p.fields, cordon.Field{Name: name, Value: v.append(nil)})
			if err := checkSideField(name, &v); err != nil {
				return p, err
			}
		}
		more, err := j.comma('}')
		if err != nil {
			return p, err
		}
		if !more {
			break
		}
		if c, err = j.next(); err != nil {
			return p, err
		}
	}
	return p, j.end()
}

// spoolString stores the file in a string whose opening quote was read.
func (p *parsed) spoolString(br *bufio.Reader, spool spooler) error {
	dec := &base64String{r: br}
	dec.begin()
	s, err := spool(dec)
	if dec.err != nil && dec.err != io.EOF {
		if err == nil { // a line that did not notice
			p.hasBlob, p.spooled = true, s
		}
		return dec.err
	}
	if err != nil {
		return err
	}
	p.hasBlob, p.spooled = true, s
	if dec.err != io.EOF {
		return badJSON("its file was not read to the end")
	}
	return nil
}

// checkSideField refuses media in a field beside the file: it would pass unseen.
func checkSideField(name string, v *node) error {
	if why := scanValue(v, textRule); why != "" {
		f := refusalf(http.StatusBadRequest, salesforce.CodeValidation,
			"The field %.80s carries an embedded file (%s). Send each file as a record of its own.", name, why)
		f.fields = []string{name}
		return f
	}
	return nil
}

// byteOrderMark is what some clients put before JSON. It changes nothing of what follows.
const byteOrderMark = "\xef\xbb\xbf"

// badBase64 says in the platform's words that a value is no base64.
func badBase64(value string) error {
	return refusalf(http.StatusBadRequest, salesforce.CodeJSON,
		"Cannot deserialize instance of base64 from VALUE_STRING value %s or request may be missing a required field", cutRunes(value, shownValue))
}

// noBase64 says in the platform's words what is wrong with a value that is no text: an object's
// members are looked for as fields of the record.
func noBase64(value, object string) error {
	if name, ok := firstMember(value); ok {
		return refusalf(http.StatusBadRequest, salesforce.CodeField, "No such column '%.80s' on sobject of type %s", name, object)
	}
	return badBase64(value)
}

// firstMember is the first name in a JSON object that is known to be well formed.
func firstMember(value string) (name string, ok bool) {
	d := json.NewDecoder(strings.NewReader(value))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return "", false
	}
	first, err := d.Token()
	name, ok = first.(string)
	return name, ok && err == nil
}

// shownValue is how much of a value that cannot be read is shown to its sender, in characters.
const shownValue = 80

// base64String decodes the base64 text of a JSON string as it is read, up to the closing quote.
// It takes both alphabets, with and without padding and with line breaks, and JSON escapes
// anywhere in it, because some reader downstream may.
type base64String struct {
	r    *bufio.Reader
	acc  uint32 // sextets under way
	n    int    // how many, 0 to 3
	pads int
	err  error // io.EOF after the closing quote

	spare [3]byte
	left  []byte // of spare, decoded and not yet read

	head string // how the text begins, to show it if it cannot be read
}

// begin keeps the start of the text.
func (b *base64String) begin() {
	if _, err := b.r.Peek(1); err != nil {
		b.err = jsonEnd(err)
		return
	}
	head, _ := b.r.Peek(min(shownValue, b.r.Buffered()))
	if end := bytes.IndexByte(head, '"'); end >= 0 {
		head = head[:end]
	}
	b.head = strings.ToValidUTF8(string(head), "?")
}

// What a byte of base64 text means; values below 64 are sextets.
const (
	b64Space   = 64 + iota
	b64Pad     // =
	b64Escape  // \
	b64Quote   // "
	b64Invalid // anything else
)

var sextets = func() (t [256]byte) {
	for i := range t {
		t[i] = b64Invalid
	}
	const std = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(std) {
		t[std[i]] = byte(i)
	}
	t['-'], t['_'] = t['+'], t['/']
	t[' '] = b64Space
	t['='], t['\\'], t['"'] = b64Pad, b64Escape, b64Quote
	return t
}()

func (b *base64String) Read(p []byte) (int, error) {
	switch {
	case len(b.left) > 0:
		n := copy(p, b.left)
		b.left = b.left[n:]
		return n, nil
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	case len(p) < 3:
		return b.readTiny(p)
	}
	n := 0
	for b.err == nil && n+3 <= len(p) {
		if b.r.Buffered() == 0 {
			if n > 0 {
				break
			}
			if _, err := b.r.Peek(1); err != nil {
				b.err = jsonEnd(err)
				break
			}
		}
		buf, _ := b.r.Peek(b.r.Buffered())
		used := 0
		if b.n == 0 && b.pads == 0 {
			used, n = wholeGroups(buf, p, n)
		}
		for used < len(buf) && n+3 <= len(p) && b.err == nil {
			v := sextets[buf[used]]
			used++
			if v < 64 && b.pads == 0 {
				b.acc = b.acc<<6 | uint32(v)
				if b.n++; b.n == 4 {
					p[n], p[n+1], p[n+2] = byte(b.acc>>16), byte(b.acc>>8), byte(b.acc)
					b.acc, b.n = 0, 0
					n += 3
				}
				continue
			}
			if v == b64Escape {
				break
			}
			n += b.special(v, p[n:])
		}
		escaped := b.err == nil && used > 0 && sextets[buf[used-1]] == b64Escape
		b.r.Discard(used)
		if escaped {
			n += b.unescape(p[n:])
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, b.err
}

// wholeGroups decodes groups of four sextets from the start of buf to p[n:] until there is
// anything else. It returns how much of buf it has used and the new n.
func wholeGroups(buf, p []byte, n int) (used, end int) {
	for used+4 <= len(buf) && n+3 <= len(p) {
		group := buf[used : used+4 : used+4]
		a, b, c, d := sextets[group[0]], sextets[group[1]], sextets[group[2]], sextets[group[3]]
		if a|b|c|d >= 64 {
			break
		}
		v := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(d)
		p[n], p[n+1], p[n+2] = byte(v>>16), byte(v>>8), byte(v)
		used, n = used+4, n+3
	}
	return used, n
}

// readTiny serves buffers of one or two bytes, which the end of a fixed-size block leaves.
func (b *base64String) readTiny(p []byte) (int, error) {
	n, err := b.Read(b.spare[:])
	b.left = b.spare[:n]
	if n == 0 {
		return 0, err
	}
	n = copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// unescape handles the character of a JSON escape.
func (b *base64String) unescape(p []byte) int {
	r, err := (&jsonReader{r: b.r}).escape()
	if err != nil {
		b.err = err
		return 0
	}
	switch {
	case r == '\n' || r == '\r' || r == '\t':
		return 0
	case r > 0x7f || r == '"' || r == '\\':
		return b.special(b64Invalid, p)
	}
	v := sextets[byte(r)]
	if v >= 64 || b.pads > 0 {
		return b.special(v, p)
	}
	b.acc = b.acc<<6 | uint32(v)
	if b.n++; b.n < 4 {
		return 0
	}
	p[0], p[1], p[2] = byte(b.acc>>16), byte(b.acc>>8), byte(b.acc)
	b.acc, b.n = 0, 0
	return 3
}

// special handles all but sextets and returns how many bytes it wrote.
func (b *base64String) special(v byte, p []byte) int {
	switch {
	case v == b64Space:
		return 0
	case v == b64Pad && (b.n == 2 && b.pads < 2 || b.n == 3 && b.pads < 1):
		b.pads++
		return 0
	case v == b64Quote && b.pads > 0 && b.n+b.pads != 4, v == b64Quote && b.n == 1:
		b.err = badBase64(b.head)
		return 0
	case v == b64Quote:
		b.err = io.EOF
		switch b.n {
		case 2:
			p[0] = byte(b.acc >> 4)
			return 1
		case 3:
			p[0], p[1] = byte(b.acc>>10), byte(b.acc>>2)
			return 2
		}
		return 0
	}
	b.err = badBase64(b.head)
	return 0
}

// isJSON reports whether a media type is JSON.
func isJSON(media string) bool {
	return media == "application/json" || media == "text/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}
