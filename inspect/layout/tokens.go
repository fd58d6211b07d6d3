package layout

import (
	"bytes"
	"strconv"

	"github.com/cordonhq/cordon/media/pdf"
)

// operand of a content stream: a number, a string, a name, or an array of them.
type operand struct {
	kind  byte // n number, s string, / name, [ array
	num   float64
	text  []byte
	array []operand
}

const (
	maxOperands = 64
	maxArray    = 20_000
)

// tokens reads a content stream (ISO 32000-2, 7.8.2).
type tokens struct {
	b []byte
	i int
}

// next returns the next operator with what stands before it; ok is false at the end.
func (t *tokens) next() (op string, args []operand, ok bool) {
	for {
		v, word, ok := t.operand(0)
		if !ok {
			return "", nil, false
		}
		if word == "" {
			if len(args) < maxOperands {
				args = append(args, v)
			}
			continue
		}
		if word == "BI" {
			t.inlineImage()
		}
		return word, args, true
	}
}

func (t *tokens) space() bool {
	for ; t.i < len(t.b); t.i++ {
		switch c := t.b[t.i]; {
		case c == '%':
			for t.i < len(t.b) && t.b[t.i] != '\n' && t.b[t.i] != '\r' {
				t.i++
			}
			t.i--
		case !pdf.IsSpace(c):
			return true
		}
	}
	return false
}

func regular(c byte) bool {
	return !pdf.IsSpace(c) && bytes.IndexByte([]byte("()<>[]{}/%"), c) < 0
}

// operand returns an operand, or the word of an operator.
func (t *tokens) operand(depth int) (v operand, word string, ok bool) {
	if !t.space() {
		return v, "", false
	}
	start := t.i
	switch c := t.b[t.i]; {
	case c == '(':
		return operand{kind: 's', text: t.literal()}, "", true
	case c == '<' && t.i+1 < len(t.b) && t.b[t.i+1] == '<', c == '>', c == '{', c == '}', c == ')', c == ']':
		t.i++ // dictionaries say nothing of what is drawn: their entries are read as operands
		if c == '<' || c == '>' && t.i < len(t.b) && t.b[t.i] == '>' {
			t.i++
		}
		return operand{kind: '?'}, "", true
	case c == '<':
		return operand{kind: 's', text: t.hex()}, "", true
	case c == '/':
		for t.i++; t.i < len(t.b) && regular(t.b[t.i]); t.i++ {
		}
		return operand{kind: '/', text: t.b[start+1 : t.i]}, "", true
	case c == '[':
		t.i++
		v.kind = '['
		for t.space() && t.b[t.i] != ']' {
			e, _, ok := t.operand(depth + 1)
			if !ok || depth > 4 {
				break
			}
			if len(v.array) < maxArray {
				v.array = append(v.array, e)
			}
		}
		if t.i < len(t.b) && t.b[t.i] == ']' {
			t.i++
		}
		return v, "", true
	}
	for t.i < len(t.b) && regular(t.b[t.i]) {
		t.i++
	}
	w := string(t.b[start:t.i])
	if c := w[0]; c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' {
		n, err := strconv.ParseFloat(w, 64)
		if err != nil || n > 1e9 || n < -1e9 {
			n = 0
		}
		return operand{kind: 'n', num: n}, "", true
	}
	if w == "true" || w == "false" || w == "null" {
		return operand{kind: '?'}, "", true
	}
	return v, w, true
}

func (t *tokens) literal() (out []byte) {
	t.i++
	for open := 1; t.i < len(t.b); t.i++ {
		c := t.b[t.i]
		switch c {
		case '\\':
			t.i++
			if t.i >= len(t.b) {
				return out
			}
			switch c = t.b[t.i]; {
			case c >= '0' && c <= '7':
				n := 0
				for k := 0; k < 3 && t.i < len(t.b) && t.b[t.i] >= '0' && t.b[t.i] <= '7'; k++ {
					n = n*8 + int(t.b[t.i]-'0')
					t.i++
				}
				t.i--
				c = byte(n)
			case c == 'n':
				c = '\n'
			case c == 'r':
				c = '\r'
			case c == 't':
				c = '\t'
			case c == '\n':
				continue
			case c == '\r':
				if t.i+1 < len(t.b) && t.b[t.i+1] == '\n' {
					t.i++
				}
				continue
			}
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				t.i++
				return out
			}
		}
		out = append(out, c)
	}
	return out
}

func (t *tokens) hex() (out []byte) {
	t.i++
	half, n := 0, byte(0)
	for ; t.i < len(t.b) && t.b[t.i] != '>'; t.i++ {
		d, ok := digit(t.b[t.i])
		if !ok {
			continue
		}
		if n = n<<4 | d; half == 1 {
			out = append(out, n)
			n = 0
		}
		half ^= 1
	}
	if half == 1 {
		out = append(out, n<<4)
	}
	if t.i < len(t.b) {
		t.i++
	}
	return out
}

func digit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// inlineImage skips the data of a picture in the stream.
func (t *tokens) inlineImage() {
	at := bytes.Index(t.b[t.i:], []byte("ID"))
	if at < 0 {
		t.i = len(t.b)
		return
	}
	t.i += at + 2
	for {
		at := bytes.Index(t.b[t.i:], []byte("EI"))
		if at < 0 {
			t.i = len(t.b)
			return
		}
		t.i += at + 2
		if pdf.IsSpace(t.b[t.i-3]) && (t.i == len(t.b) || pdf.IsSpace(t.b[t.i])) {
			return
		}
	}
}
