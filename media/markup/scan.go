// Package markup reads XML that strangers wrote: strictly, within limits, and so that it can be
// brought into its canonical form (Canonical XML 1.0 and 1.1, Exclusive XML Canonicalization),
// over which signatures are made.
//
// Document type declarations are refused, and with them entities of the document's own:
// clinical documents have none, and they are what attacks on readers of XML are made of. The
// predefined entities and references to characters are read. What is not well-formed is an
// error, never guessed at, so that no two readers can see different documents.
package markup

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	// ErrDamaged is wrapped by every error about what is not well-formed.
	ErrDamaged = errors.New("the XML is not well-formed")
	// ErrDoctype means that there is a document type declaration.
	ErrDoctype = errors.New("the XML has a document type declaration, which is not read")
	// ErrLimit means that there is more than is read.
	ErrLimit = errors.New("the XML exceeds what is read")
)

// Limits of one document.
const (
	maxDepth      = 256
	maxName       = 4 << 10 // bytes of a name; a value is as long as the document lets it be
	maxAttributes = 256     // of one element
)

// Kind of a token or node.
type Kind int

// Kinds.
const (
	Element Kind = iota // as a token: its start
	End                 // of an element
	Text
	Comment
	Instruction
)

// Attr is an attribute as it is written, its value normalised.
type Attr struct {
	Name, Value string
}

// Token is one piece of a document. Its slices are valid as long as the document's bytes.
type Token struct {
	Kind     Kind
	Name     string // qualified name of an element, target of an instruction
	Attrs    []Attr
	Raw      []byte // of text as it is written, of comments and instructions what they hold
	Literal  bool   // text of a CDATA section, in which nothing is escaped
	From, To int    // bytes of the document
}

// Scanner reads a document piece by piece. It checks that tags match, and nothing of namespaces.
type Scanner struct {
	b     []byte
	i     int
	open  []string
	empty bool // the element just begun has no content
	root  bool // the root element was seen
}

// NewScanner reads from b, which must be in UTF-8; see Decode for other encodings.
func NewScanner(b []byte) *Scanner {
	s := &Scanner{b: b}
	if bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")) {
		s.i = 3
	}
	return s
}

// Depth is how many elements are open.
func (s *Scanner) Depth() int { return len(s.open) }

func (s *Scanner) damaged(what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrDamaged, what, s.i)
}

// Next returns the next token; ok is false at the end of the document.
func (s *Scanner) Next() (t Token, ok bool, err error) {
	if s.empty {
		s.empty = false
		t = Token{Kind: End, Name: s.open[len(s.open)-1], From: s.i, To: s.i}
		s.open = s.open[:len(s.open)-1]
		return t, true, nil
	}
	if s.i >= len(s.b) {
		if len(s.open) > 0 || !s.root {
			return t, false, s.damaged("the document ends too early")
		}
		return t, false, nil
	}
	rest := s.b[s.i:]
	t.From = s.i
	switch {
	case rest[0] != '<':
		return s.text(t)
	case bytes.HasPrefix(rest, []byte("</")):
		return s.endTag(t)
	case bytes.HasPrefix(rest, []byte("<!--")):
		return s.delimited(t, Comment, 4, "-->")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		if len(s.open) == 0 {
			return t, false, s.damaged("text outside of the root element")
		}
		t.Literal = true
		return s.delimited(t, Text, 9, "]]>")
	case bytes.HasPrefix(rest, []byte("<?")):
		return s.delimited(t, Instruction, 2, "?>")
	case bytes.HasPrefix(rest, []byte("<!")):
		return t, false, ErrDoctype
	}
	return s.startTag(t)
}

func (s *Scanner) text(t Token) (Token, bool, error) {
	end := bytes.IndexByte(s.b[s.i:], '<')
	if end < 0 {
		end = len(s.b) - s.i
	}
	t.Kind, t.Raw = Text, s.b[s.i:s.i+end]
	if len(s.open) == 0 && len(bytes.Trim(t.Raw, " \t\r\n")) > 0 {
		return t, false, s.damaged("text outside of the root element")
	}
	if bytes.Contains(t.Raw, []byte("]]>")) {
		return t, false, s.damaged("]]> in text")
	}
	if err := s.characters(t.Raw); err != nil {
		return t, false, err
	}
	s.i += end
	t.To = s.i
	return t, true, nil
}

// characters wants bytes to be UTF-8 of characters that XML has.
func (s *Scanner) characters(b []byte) error {
	for i := 0; i < len(b); {
		c := b[i]
		if c >= 0x20 && c < utf8.RuneSelf || c == '\t' || c == '\n' || c == '\r' {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 || !isChar(r) {
			return s.damaged("a character that XML does not have")
		}
		i += n
	}
	return nil
}

func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// declaration is what follows <?xml; XML 1.1 has other line ends and no canonical form.
var declaration = regexp.MustCompile(`^version\s*=\s*(?:"1\.0"|'1\.0')(?:\s+encoding\s*=\s*(?:"[A-Za-z0-9._-]+"|'[A-Za-z0-9._-]+'))?(?:\s+standalone\s*=\s*(?:"(?:yes|no)"|'(?:yes|no)'))?\s*$`)

// delimited reads a comment, a CDATA section or an instruction.
func (s *Scanner) delimited(t Token, kind Kind, skip int, end string) (Token, bool, error) {
	from := s.i + skip
	n := bytes.Index(s.b[from:], []byte(end))
	if n < 0 {
		return t, false, s.damaged("something does not end")
	}
	t.Kind, t.Raw = kind, s.b[from:from+n]
	if err := s.characters(t.Raw); err != nil {
		return t, false, err
	}
	switch kind {
	case Comment:
		if bytes.Contains(t.Raw, []byte("--")) || bytes.HasSuffix(t.Raw, []byte("-")) {
			return t, false, s.damaged("-- in a comment")
		}
	case Instruction:
		target, rest := t.Raw, []byte(nil)
		if at := bytes.IndexAny(t.Raw, " \t\r\n"); at >= 0 {
			target, rest = t.Raw[:at], t.Raw[at:]
		}
		t.Name, t.Raw = string(target), bytes.TrimLeft(rest, " \t\r\n")
		if !isName(t.Name) || strings.Contains(t.Name, ":") || strings.EqualFold(t.Name, "xml") && (t.Name != "xml" || t.From > 3 || s.root || !declaration.Match(t.Raw)) {
			return t, false, s.damaged("an instruction without a target, or a declaration that is none")
		}
	}
	s.i = from + n + len(end)
	t.To = s.i
	return t, true, nil
}

func (s *Scanner) endTag(t Token) (Token, bool, error) {
	end := bytes.IndexByte(s.b[s.i:min(len(s.b), s.i+2*maxName)], '>')
	if end < 0 || len(s.open) == 0 {
		return t, false, s.damaged("an end tag without a start")
	}
	t.Kind, t.Name = End, string(bytes.TrimRight(s.b[s.i+2:s.i+end], " \t\r\n"))
	if t.Name != s.open[len(s.open)-1] {
		return t, false, s.damaged("an end tag of another element")
	}
	s.open = s.open[:len(s.open)-1]
	s.i += end + 1
	t.To = s.i
	return t, true, nil
}

func (s *Scanner) startTag(t Token) (Token, bool, error) {
	if s.root && len(s.open) == 0 {
		return t, false, s.damaged("a second root element")
	}
	if len(s.open) == maxDepth {
		return t, false, fmt.Errorf("%w: elements nest deeper than %d", ErrLimit, maxDepth)
	}
	limit := len(s.b)
	i := s.i + 1
	space := func() bool {
		from := i
		for i < limit && isSpace(s.b[i]) {
			i++
		}
		return i > from
	}
	name := func() string {
		from := i
		for i < limit && i-from <= maxName && !isSpace(s.b[i]) && strings.IndexByte("=/><\"'", s.b[i]) < 0 {
			i++
		}
		return string(s.b[from:i])
	}
	t.Kind, t.Name = Element, name()
	if !isName(t.Name) || len(t.Name) > maxName {
		return t, false, s.damaged("an element without a name, or with a very long one")
	}
	for {
		spaced := space()
		if i >= limit {
			return t, false, s.damaged("a tag does not end")
		}
		switch {
		case s.b[i] == '>':
			i++
		case s.b[i] == '/' && i+1 < limit && s.b[i+1] == '>':
			i += 2
			s.empty = true
		default:
			if !spaced {
				return t, false, s.damaged("attributes that are not set apart")
			}
			a := Attr{Name: name()}
			space()
			if i >= limit || s.b[i] != '=' || !isName(a.Name) {
				return t, false, s.damaged("an attribute without a value")
			}
			i++
			space()
			if i >= limit || s.b[i] != '"' && s.b[i] != '\'' {
				return t, false, s.damaged("an attribute without quotes")
			}
			n := bytes.IndexByte(s.b[i+1:limit], s.b[i])
			if n < 0 {
				return t, false, s.damaged("a tag does not end")
			}
			raw := s.b[i+1 : i+1+n]
			if bytes.IndexByte(raw, '<') >= 0 {
				return t, false, s.damaged("< in an attribute")
			}
			if err := s.characters(raw); err != nil {
				return t, false, err
			}
			var err error
			if a.Value, err = expand(raw, true); err != nil {
				return t, false, s.damaged(err.Error())
			}
			i += n + 2
			if len(t.Attrs) == maxAttributes {
				return t, false, fmt.Errorf("%w: an element has more than %d attributes", ErrLimit, maxAttributes)
			}
			for _, other := range t.Attrs {
				if other.Name == a.Name {
					return t, false, s.damaged("an attribute that is there twice")
				}
			}
			t.Attrs = append(t.Attrs, a)
			continue
		}
		break
	}
	s.root = true
	s.open = append(s.open, t.Name)
	s.i = i
	t.To = i
	return t, true, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// isName accepts the names of XML, and a few more of foreign scripts.
func isName(s string) bool {
	if s == "" || !utf8.ValidString(s) {
		return false
	}
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == ':' || r >= 0xC0 && isChar(r) && r != 0xD7 && r != 0xF7
		if !letter && (i == 0 || r != '-' && r != '.' && (r < '0' || r > '9') && r != 0xB7) {
			return false
		}
	}
	return true
}

// expand resolves references. In attributes white space becomes blanks, unless it is written as a
// reference; line ends become \n.
func expand(raw []byte, attribute bool) (string, error) {
	if bytes.IndexByte(raw, '&') < 0 && bytes.IndexByte(raw, '\r') < 0 && (!attribute || !bytes.ContainsAny(raw, "\t\n")) {
		return string(raw), nil
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\r':
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			c = '\n'
			fallthrough
		case c == '\n' || c == '\t':
			if c == '\r' {
				c = '\n'
			}
			if attribute {
				c = ' '
			}
			out = append(out, c)
		case c == '&':
			end := bytes.IndexByte(raw[i:min(len(raw), i+16)], ';')
			if end < 0 {
				return "", errors.New("a reference that does not end")
			}
			r, ok := reference(string(raw[i+1 : i+end]))
			if !ok {
				return "", errors.New("a reference to nothing that is known")
			}
			out = utf8.AppendRune(out, r)
			i += end
		default:
			out = append(out, c)
		}
	}
	return string(out), nil
}

func reference(s string) (rune, bool) {
	switch s {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, base := strings.TrimPrefix(s, "#"), rune(10)
	if digits == s || digits == "" {
		return 0, false
	}
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	var r rune
	for _, c := range []byte(digits) {
		var d rune
		switch {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case base == 16 && c|0x20 >= 'a' && c|0x20 <= 'f':
			d = rune(c|0x20-'a') + 10
		default:
			return 0, false
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, false
		}
	}
	return r, digits != "" && isChar(r)
}

// Text returns what a token of text says.
func (t Token) Text() (string, error) {
	if t.Literal {
		s := strings.ReplaceAll(string(t.Raw), "\r\n", "\n")
		return strings.ReplaceAll(s, "\r", "\n"), nil
	}
	s, err := expand(t.Raw, false)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return s, err
}
