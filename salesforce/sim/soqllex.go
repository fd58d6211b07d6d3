package sim

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenString
	tokenNumber
	tokenDate // date or dateTime, told apart later
	tokenMark
)

// token is one word of a query, and where it stands.
type token struct {
	kind tokenKind
	text string // of a string: without quotes and escapes
	at   int
	// wild marks, in a string, the characters at which an escape made % or _ plain.
	plain map[int]bool
}

func (t token) is(word string) bool {
	return (t.kind == tokenWord || t.kind == tokenMark) && strings.EqualFold(t.text, word)
}

func (t token) String() string {
	if t.kind == tokenEnd {
		return "<EOF>"
	}
	return "'" + t.text + "'"
}

// malformed points at a place in a query, in the way the platform does.
func malformed(soql string, at int, format string, args ...any) *fault {
	from := max(0, at-40)
	line := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		return r
	}, soql[from:min(len(soql), at+40)])
	line = strings.ToValidUTF8(line, "?")
	return newFault(http.StatusBadRequest, "MALFORMED_QUERY", "\n%s\n%s^\nERROR at Row:%d:Column:%d\n%s", line,
		strings.Repeat(" ", at-from), 1+strings.Count(soql[:at], "\n"), at-strings.LastIndex(soql[:at], "\n"), fmt.Sprintf(format, args...))
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

// lex cuts a query into tokens.
func lex(soql string) ([]token, error) {
	var out []token
	for i := 0; i < len(soql); {
		c := soql[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'':
			t, next, err := lexString(soql, i)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
			i = next
		case c >= '0' && c <= '9' || (c == '-' || c == '+' || c == '.') && i+1 < len(soql) && soql[i+1] >= '0' && soql[i+1] <= '9':
			start := i
			i++
			for i < len(soql) && (isWordByte(soql[i]) || strings.IndexByte(".:+-", soql[i]) >= 0) {
				i++
			}
			kind := tokenNumber
			if text := soql[start:i]; len(text) >= 10 && text[4] == '-' && text[7] == '-' {
				kind = tokenDate
			}
			out = append(out, token{kind: kind, text: soql[start:i], at: start})
		case isWordByte(c):
			start := i
			for i < len(soql) && (isWordByte(soql[i]) || soql[i] == '.') {
				i++
			}
			out = append(out, token{kind: tokenWord, text: soql[start:i], at: start})
		case strings.HasPrefix(soql[i:], "!="), strings.HasPrefix(soql[i:], "<="), strings.HasPrefix(soql[i:], ">="), strings.HasPrefix(soql[i:], "<>"):
			out = append(out, token{kind: tokenMark, text: soql[i : i+2], at: i})
			i += 2
		case strings.IndexByte("(),=<>:", c) >= 0:
			out = append(out, token{kind: tokenMark, text: string(c), at: i})
			i++
		default:
			return nil, malformed(soql, i, "unexpected token: '%c'", rune(c))
		}
	}
	return append(out, token{kind: tokenEnd, at: len(soql)}), nil
}

func lexString(soql string, start int) (token, int, error) {
	var b strings.Builder
	t := token{kind: tokenString, at: start, plain: map[int]bool{}}
	for i := start + 1; i < len(soql); i++ {
		switch c := soql[i]; c {
		case '\'':
			t.text = b.String()
			return t, i + 1, nil
		case '\\':
			i++
			if i == len(soql) {
				return t, 0, malformed(soql, start, "unterminated string")
			}
			switch soql[i] {
			case 'n', 'N':
				b.WriteByte('\n')
			case 'r', 'R':
				b.WriteByte('\r')
			case 't', 'T':
				b.WriteByte('\t')
			case 'b', 'B':
				b.WriteByte('\b')
			case 'f', 'F':
				b.WriteByte('\f')
			case '\'', '"', '\\':
				b.WriteByte(soql[i])
			case '%', '_':
				t.plain[b.Len()] = true
				b.WriteByte(soql[i])
			default:
				return t, 0, malformed(soql, i-1, "line 1:%d no viable alternative at character '%c'", i, rune(soql[i]))
			}
		default:
			b.WriteByte(c)
		}
	}
	return t, 0, malformed(soql, start, "unterminated string")
}
