package inline

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cordonhq/cordon/salesforce"
)

// maxDepth bounds how deep JSON and XML may nest. Composite requests need a dozen levels.
const maxDepth = 64

// jsonReader reads JSON token by token. It is stricter than most parsers, because what it
// accepts must mean the same to every other one: no byte order mark, UTF-8 only, no raw control
// characters in strings, no lone surrogates, no key twice in one object, whatever its case.
type jsonReader struct {
	r     *bufio.Reader
	depth int
	nodes int // left to be made
	text  int // bytes of names, strings and numbers left to be kept
}

func badJSON(why string) error {
	return refusalf(http.StatusBadRequest, salesforce.CodeJSON, "The JSON body cannot be read: %s.", why)
}

var errFieldsTooLarge = refusalf(http.StatusRequestEntityTooLarge, salesforce.CodeTooLarge,
	"The fields of the record are larger than this gateway accepts beside a file.")

// next returns the first byte that is not white space.
func (j *jsonReader) next() (byte, error) {
	for {
		c, err := j.r.ReadByte()
		if err != nil {
			return 0, jsonEnd(err)
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c, nil
	}
}

// jsonEnd turns the end of input into a parse error and leaves other failures alone.
func jsonEnd(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return badJSON("it ends too early")
	}
	return err
}

// end checks that nothing but white space is left.
func (j *jsonReader) end() error {
	for {
		c, err := j.r.ReadByte()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return jsonEnd(err)
		}
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return badJSON("something follows its end")
		}
	}
}

// str reads the rest of a string whose opening quote was read.
func (j *jsonReader) str() (string, error) {
	var b []byte
	for {
		c, err := j.r.ReadByte()
		if err != nil {
			return "", jsonEnd(err)
		}
		switch {
		case c == '"':
			if !utf8.Valid(b) {
				return "", badJSON("it is not UTF-8")
			}
			return string(b), nil
		case c == '\\':
			r, err := j.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
		case c < 0x20:
			return "", badJSON("a string holds a raw control character")
		default:
			b = append(b, c)
		}
		if j.text--; j.text < 0 {
			return "", errFieldsTooLarge
		}
	}
}

// escape reads what follows a backslash.
func (j *jsonReader) escape() (rune, error) {
	c, err := j.r.ReadByte()
	if err != nil {
		return 0, jsonEnd(err)
	}
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, err := j.hex4()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		var lead [2]byte
		if _, err := io.ReadFull(j.r, lead[:]); err != nil {
			return 0, jsonEnd(err)
		}
		if lead != [2]byte{'\\', 'u'} {
			return 0, badJSON("half of a surrogate pair stands alone")
		}
		low, err := j.hex4()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, badJSON("half of a surrogate pair stands alone")
		}
		return r, nil
	}
	return 0, badJSON("a string holds an unknown escape")
}

func (j *jsonReader) hex4() (rune, error) {
	var r rune
	for range 4 {
		c, err := j.r.ReadByte()
		if err != nil {
			return 0, jsonEnd(err)
		}
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, badJSON("a string holds a broken escape")
		}
	}
	return r, nil
}

// node is a parsed JSON value.
type node struct {
	kind    byte // '{', '[', '"', '0' (number), 't', 'f' or 'n'
	text    string
	members []member // of an object, in order
	items   []node   // of an array
}

type member struct {
	name  string
	value node
}

// get returns the member of the name, whatever its case, or nil.
func (n *node) get(name string) *node {
	for i := range n.members {
		if strings.EqualFold(n.members[i].name, name) {
			return &n.members[i].value
		}
	}
	return nil
}

// textOf returns the text of a string member, "" if there is none.
func (n *node) textOf(name string) string {
	if v := n.get(name); v != nil && v.kind == '"' {
		return v.text
	}
	return ""
}

// value reads a value whose first byte is c.
func (j *jsonReader) value(c byte) (node, error) {
	if j.nodes--; j.nodes < 0 {
		return node{}, errFieldsTooLarge
	}
	switch c {
	case '{':
		return j.object()
	case '[':
		return j.array()
	case '"':
		s, err := j.str()
		return node{kind: '"', text: s}, err
	case 't':
		return node{kind: 't', text: "true"}, j.literal("rue")
	case 'f':
		return node{kind: 'f', text: "false"}, j.literal("alse")
	case 'n':
		return node{kind: 'n', text: "null"}, j.literal("ull")
	}
	if c == '-' || '0' <= c && c <= '9' {
		return j.number(c)
	}
	return node{}, badJSON("a value is missing or malformed")
}

func (j *jsonReader) object() (node, error) {
	n := node{kind: '{'}
	if err := j.deeper(); err != nil {
		return n, err
	}
	defer func() { j.depth-- }()
	names := keySet{}
	c, err := j.next()
	if err != nil || c == '}' {
		return n, err
	}
	for {
		name, err := j.key(c, &names)
		if err != nil {
			return n, err
		}
		if c, err = j.next(); err != nil {
			return n, err
		}
		v, err := j.value(c)
		if err != nil {
			return n, err
		}
		n.members = append(n.members, member{name, v})
		more, err := j.comma('}')
		if err != nil || !more {
			return n, err
		}
		if c, err = j.next(); err != nil {
			return n, err
		}
	}
}

func (j *jsonReader) array() (node, error) {
	n := node{kind: '['}
	if err := j.deeper(); err != nil {
		return n, err
	}
	defer func() { j.depth-- }()
	c, err := j.next()
	if err != nil || c == ']' {
		return n, err
	}
	for {
		v, err := j.value(c)
		if err != nil {
			return n, err
		}
		n.items = append(n.items, v)
		more, err := j.comma(']')
		if err != nil || !more {
			return n, err
		}
		if c, err = j.next(); err != nil {
			return n, err
		}
	}
}

func (j *jsonReader) deeper() error {
	if j.depth++; j.depth > maxDepth {
		return badJSON("it nests too deep")
	}
	return nil
}

// key reads a member's name, whose first byte is c, and the colon after it.
func (j *jsonReader) key(c byte, seen *keySet) (string, error) {
	if c != '"' {
		return "", badJSON("a name is missing")
	}
	name, err := j.str()
	if err != nil {
		return "", err
	}
	if !seen.add(name) {
		return "", badJSON("a name occurs twice in one object")
	}
	c, err = j.next()
	if err == nil && c != ':' {
		err = badJSON("a colon is missing")
	}
	return name, err
}

// comma reads what follows a value: a comma, or the closing byte.
func (j *jsonReader) comma(closing byte) (more bool, err error) {
	c, err := j.next()
	switch {
	case err != nil:
		return false, err
	case c == ',':
		return true, nil
	case c == closing:
		return false, nil
	}
	return false, badJSON("a comma is missing")
}

func (j *jsonReader) literal(rest string) error {
	for i := range len(rest) {
		c, err := j.r.ReadByte()
		if err != nil {
			return jsonEnd(err)
		}
		if c != rest[i] {
			return badJSON("a value is malformed")
		}
	}
	return nil
}

func (j *jsonReader) number(c byte) (node, error) {
	b := []byte{c}
	for {
		c, err := j.r.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return node{}, err
		}
		if !strings.ContainsRune("0123456789+-.eE", rune(c)) {
			if err := j.r.UnreadByte(); err != nil {
				return node{}, err
			}
			break
		}
		if b = append(b, c); len(b) > 400 {
			return node{}, badJSON("a number is too long")
		}
	}
	if j.text -= len(b); j.text < 0 {
		return node{}, errFieldsTooLarge
	}
	if !isNumber(string(b)) {
		return node{}, badJSON("a number is malformed")
	}
	return node{kind: '0', text: string(b)}, nil
}

// isNumber checks the grammar of RFC 8259.
func isNumber(s string) bool {
	digits := func() bool {
		rest := strings.TrimLeft(s, "0123456789")
		ok := len(rest) < len(s)
		s = rest
		return ok
	}
	s = strings.TrimPrefix(s, "-")
	if len(s) > 1 && s[0] == '0' && '0' <= s[1] && s[1] <= '9' || !digits() {
		return false
	}
	if strings.HasPrefix(s, ".") {
		if s = s[1:]; !digits() {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return s == ""
}

// append writes the value as JSON, in its own order.
func (n *node) append(b []byte) []byte {
	switch n.kind {
	case '"':
		return salesforce.AppendJSONString(b, n.text)
	case '{':
		b = append(b, '{')
		for i := range n.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = salesforce.AppendJSONString(b, n.members[i].name)
			b = append(b, ':')
			b = n.members[i].value.append(b)
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = n.items[i].append(b)
		}
		return append(b, ']')
	}
	return append(b, n.text...)
}

// keySet holds the names of one object. Case is folded as widely as any platform folds it.
type keySet struct {
	few  []string
	many map[string]bool
}

func (k *keySet) add(name string) bool {
	if k.many == nil {
		for _, other := range k.few {
			if strings.EqualFold(other, name) {
				return false
			}
		}
		if k.few = append(k.few, name); len(k.few) < 16 {
			return true
		}
		k.many = make(map[string]bool, 64)
		for _, other := range k.few {
			k.many[fold(other)] = true
		}
		return true
	}
	f := fold(name)
	if k.many[f] {
		return false
	}
	k.many[f] = true
	return true
}

// fold makes equal what strings.EqualFold calls equal among ASCII and its look-alikes.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }
