package layout

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon/media/pdf"
)

// font is what is needed of one: who it is, what its codes mean, and how wide they are.
type font struct {
	object int64 // 0 where it is written in the page itself
	name   string
	prefix string // of a subset, "" without one
	wide   bool   // two bytes a code

	first   int64
	widths  []float64
	missing float64
	codes   map[int]rune // what codes mean beside themselves
}

var subset = regexp.MustCompile(`^[A-Z]{6}\+`)

// family is the name without what says bold or italic: styles mix in any line.
func (f *font) family() string {
	name := f.name
	if i := strings.IndexAny(name, ",-"); i > 0 {
		name = name[:i]
	}
	name = strings.ToLower(name)
	for _, style := range []string{"boldmt", "bold", "italicmt", "italic", "oblique", "psmt", "mt", "ps", "regular", "medium", "semibold", "light", "black"} {
		name = strings.TrimSuffix(name, style)
	}
	return strings.Trim(name, " -")
}

// font reads the font that a resource names.
func (d *look) font(v *pdf.View, val pdf.Value) *font {
	ref, _ := val.V.(pdf.Ref)
	if f, ok := d.fonts[int64(ref)]; ok && ref != 0 {
		return f
	}
	f := &font{object: int64(ref), missing: 500}
	if ref != 0 {
		d.fonts[int64(ref)] = f
	}
	own, err := v.Follow(val)
	if err != nil {
		return f
	}
	all := pdf.Entries(own)
	if name, ok := all["BaseFont"].V.(pdf.Name); ok {
		f.name = string(name)
		if p := subset.FindString(f.name); p != "" {
			f.prefix, f.name = p[:6], f.name[7:]
		}
	}
	f.wide = all["Subtype"].V == pdf.Name("Type0")
	if f.wide {
		f.descendant(v, all["DescendantFonts"])
	} else {
		f.simple(v, all)
	}
	if to, err := v.Follow(all["ToUnicode"]); err == nil && all["ToUnicode"].V != nil {
		d.toUnicode(f, v, all["ToUnicode"], to)
	}
	return f
}

func (f *font) simple(v *pdf.View, all map[string]pdf.Value) {
	if w, err := v.Follow(all["Widths"]); err == nil && w.V != nil {
		f.widths = numbers(w.Raw)
		f.first = 0
		if n, ok := all["FirstChar"].V.(int64); ok {
			f.first = n
		}
	} else {
		f.first, f.widths = 32, standard(f.name)
	}
	enc, err := v.Follow(all["Encoding"])
	if err != nil {
		return
	}
	differences, err := v.Follow(pdf.Entries(enc)["Differences"])
	if err != nil {
		return
	}
	code := 0
	for _, e := range pdf.Elements(differences) {
		switch one := e.V.(type) {
		case int64:
			code = int(one)
		case pdf.Name:
			if f.codes == nil {
				f.codes = map[int]rune{}
			}
			f.codes[code] = glyph(string(one))
			code++
		}
	}
}

var glyphs = map[string]rune{"zero": '0', "one": '1', "two": '2', "three": '3', "four": '4', "five": '5', "six": '6', "seven": '7', "eight": '8', "nine": '9',
	"period": '.', "comma": ',', "space": ' ', "hyphen": '-', "minus": '-', "slash": '/', "percent": '%', "colon": ':'}

func glyph(name string) rune {
	if r, ok := glyphs[name]; ok {
		return r
	}
	if len(name) == 1 {
		return rune(name[0])
	}
	return '\uFFFD'
}

// descendant reads the widths of a composite font.
func (f *font) descendant(v *pdf.View, list pdf.Value) {
	list, err := v.Follow(list)
	if err != nil {
		return
	}
	elements := pdf.Elements(list)
	if len(elements) == 0 {
		return
	}
	one, err := v.Follow(elements[0])
	if err != nil {
		return
	}
	all := pdf.Entries(one)
	f.missing = 1000
	if dw, ok := all["DW"].V.(int64); ok {
		f.missing = float64(dw)
	}
	w, err := v.Follow(all["W"])
	if err != nil || w.V == nil {
		return
	}
	f.widths = nil
	at := func(code int64, width float64) {
		const most = 1 << 16
		if code < 0 || code >= most {
			return
		}
		for int64(len(f.widths)) <= code {
			f.widths = append(f.widths, f.missing)
		}
		f.widths[code] = width
	}
	items := pdf.Elements(w)
	for i := 0; i+1 < len(items); {
		first, ok := items[i].V.(int64)
		if !ok {
			return
		}
		if _, isList := items[i+1].V.([]any); isList {
			for k, width := range numbers(items[i+1].Raw) {
				at(first+int64(k), width)
			}
			i += 2
			continue
		}
		last, ok := items[i+1].V.(int64)
		if !ok || i+2 >= len(items) {
			return
		}
		width := numbers(items[i+2].Raw)
		for c := first; len(width) == 1 && c <= min(last, 1<<16); c++ {
			at(c, width[0])
		}
		i += 3
	}
}

// numbers reads the numbers of an array as it is written.
func numbers(raw []byte) (out []float64) {
	for _, w := range bytes.FieldsFunc(raw, func(r rune) bool { return r == '[' || r == ']' || r <= ' ' }) {
		n, err := strconv.ParseFloat(string(w), 64)
		if err != nil {
			n = 500 // a reference; widths are hardly ever such
		}
		if len(out) < 1<<16 {
			out = append(out, n)
		}
	}
	return out
}

// toUnicode reads what the codes of a font mean (ISO 32000-2, 9.10.3).
func (d *look) toUnicode(f *font, v *pdf.View, ref, val pdf.Value) {
	n, ok := ref.V.(pdf.Ref)
	if !ok {
		return
	}
	content, err := d.content(v, int64(n), val)
	if err != nil {
		return
	}
	if f.codes == nil {
		f.codes = map[int]rune{}
	}
	number := func(o operand) int {
		n := 0
		for _, c := range o.text[:min(len(o.text), 4)] {
			n = n<<8 | int(c)
		}
		return n
	}
	t := &tokens{b: content}
	for range 100_000 {
		op, args, ok := t.next()
		if !ok {
			return
		}
		switch op {
		case "endbfchar":
			for ; len(args) >= 2; args = args[2:] {
				if len(args[1].text) == 2 {
					f.codes[number(args[0])] = rune(number(args[1]))
				}
			}
		case "endbfrange":
			for ; len(args) >= 3; args = args[3:] {
				from, to := number(args[0]), number(args[1])
				for c := from; c <= to && c-from < 1<<16 && len(f.codes) < 1<<17; c++ {
					switch {
					case args[2].kind == '[':
						if k := c - from; k < len(args[2].array) && len(args[2].array[k].text) == 2 {
							f.codes[c] = rune(number(args[2].array[k]))
						}
					case len(args[2].text) == 2:
						f.codes[c] = rune(number(args[2]) + c - from)
					}
				}
			}
		}
	}
}

// code is one that a string draws.
type code struct {
	r     rune
	width float64 // in thousandths of the size
	blank bool    // the code 32 of one byte, which word spacing counts for
}

func (f *font) decode(s []byte) (out []code) {
	for len(s) > 0 {
		c := int(s[0])
		n := 1
		if f.wide && len(s) > 1 {
			c, n = c<<8|int(s[1]), 2
		}
		s = s[n:]
		one := code{r: rune(c), width: f.missing, blank: n == 1 && c == 32}
		if k := int64(c) - f.first; k >= 0 && k < int64(len(f.widths)) {
			one.width = f.widths[k]
		}
		if r, ok := f.codes[c]; ok {
			one.r = r
		} else if f.wide || c < 32 || c > 126 {
			one.r = '\uFFFD'
		}
		out = append(out, one)
	}
	return out
}

// standard returns the widths of the fonts that every reader has, from the blank on.
func standard(name string) []float64 {
	low := strings.ToLower(name)
	if strings.Contains(low, "courier") {
		return nil
	}
	return helvetica
}

// helvetica has the widths of Helvetica for ASCII; Times is narrower, bold is wider.
var helvetica = []float64{278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584}
