package layout

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/cordonhq/cordon/media/pdf"
)

// run is a text that one operator draws.
type run struct {
	object int64 // that draws it
	seq    int
	font   *font
	size   float64 // height of the letters, in points
	x, y   float64 // where it begins, on its base line
	end    float64
	turned bool
	number bool
	hidden bool // not painted: the text layer of a scan
	text   string
}

func (r run) rect() rect {
	return rect{min(r.x, r.end), r.y - 0.2*r.size, max(r.x, r.end), r.y + 0.8*r.size}
}

func (r run) middle() (x, y float64) { return (r.x + r.end) / 2, r.y + 0.3*r.size }

// cover is an area that is painted over what was drawn before.
type cover struct {
	object  int64
	seq     int
	picture bool
	rect    rect
}

// page is what is drawn on a page, in its order.
type page struct {
	number int
	object int64
	box    rect
	runs   []run
	covers []cover
	notes  []cover // annotations that show something of their own
	stream []int64 // its content
}

// matrix is [a b c d e f].
type matrix [6]float64

func (m matrix) times(n matrix) matrix {
	return matrix{m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3], m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5]}
}

func (m matrix) at(x, y float64) (float64, float64) {
	return x*m[0] + y*m[2] + m[4], x*m[1] + y*m[3] + m[5]
}

func (m matrix) area(x0, y0, x1, y1 float64) rect {
	out := rect{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range [][2]float64{{x0, y0}, {x1, y0}, {x0, y1}, {x1, y1}} {
		x, y := m.at(p[0], p[1])
		out = rect{min(out[0], x), min(out[1], y), max(out[2], x), max(out[3], y)}
	}
	return out
}

// draw draws the pages of a view, as many as are looked at.
func (d *look) draw(v *pdf.View) (out []*page, err error) {
	pages, err := v.Pages()
	if err != nil {
		return nil, err
	}
	for i, one := range pages[:min(len(pages), maxPages)] {
		p := &page{number: i + 1, object: one.Number, box: rect{0, 0, 612, 792}}
		if box, err := v.Follow(one.Entries["MediaBox"]); err == nil {
			if n := numbers(box.Raw); len(n) == 4 {
				p.box = rect{min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3])}
			}
		}
		if err := d.page(v, p, one.Entries); err != nil {
			return out, err
		}
		out = append(out, p)
	}
	if len(pages) > maxPages {
		err = errLimit
	}
	return out, err
}

// content returns the bytes of a stream.
func (d *look) content(v *pdf.View, number int64, val pdf.Value) ([]byte, error) {
	dict, _ := val.V.(pdf.Dict)
	o := v.Last[number]
	if dict == nil || o.Stream == 0 {
		return nil, fmt.Errorf("%w: object %d", pdf.ErrUnread, number)
	}
	b, err := d.Stream(o, dict)
	if d.expanded += int64(len(b)); d.expanded > maxContent {
		return nil, errLimit
	}
	return b, err
}

func (d *look) page(v *pdf.View, p *page, own map[string]pdf.Value) error {
	contents, err := v.Follow(own["Contents"])
	if err != nil {
		return err
	}
	if _, ok := contents.V.([]any); !ok {
		contents = own["Contents"] // one stream, or none
	}
	c := &canvas{look: d, v: v, p: p, state: state{ctm: matrix{1, 0, 0, 1, 0, 0}, scale: 1}}
	c.resources(own["Resources"])
	for _, one := range pdf.Elements(contents) {
		ref, ok := one.V.(pdf.Ref)
		if !ok {
			continue
		}
		val, err := v.Object(int64(ref))
		if err != nil {
			return err
		}
		b, err := d.content(v, int64(ref), val)
		if errors.Is(err, pdf.ErrDamaged) || errors.Is(err, pdf.ErrUnread) {
			continue // coded in a way that is not read
		} else if err != nil {
			return err
		}
		p.stream = append(p.stream, int64(ref))
		if err := c.run(b, int64(ref), 0); err != nil {
			return err
		}
	}
	d.annotations(v, p, own["Annots"])
	return nil
}

// annotations notes those that show text or pictures of their own.
func (d *look) annotations(v *pdf.View, p *page, list pdf.Value) {
	list, err := v.Follow(list)
	if err != nil || list.V == nil {
		return
	}
	for _, one := range pdf.Elements(list) {
		ref, _ := one.V.(pdf.Ref)
		val, err := v.Follow(one)
		if err != nil {
			continue
		}
		all := pdf.Entries(val)
		if s := all["Subtype"].V; s != pdf.Name("FreeText") && s != pdf.Name("Stamp") {
			continue
		}
		if n := numbers(all["Rect"].Raw); len(n) == 4 && len(p.notes) < 1000 {
			p.notes = append(p.notes, cover{object: int64(ref), rect: rect{min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3])}})
		}
	}
}

// state is the graphics state, as far as it matters here.
type state struct {
	ctm                 matrix
	face                *font
	size, leading, rise float64
	char, word, scale   float64
	mode                int
	clear               bool // painted so that one sees through
}

// canvas draws content streams.
type canvas struct {
	*look
	v *pdf.View
	p *page
	state
	stack     []state
	text      matrix // of the text, and of its line
	line      matrix
	path      []rect
	fonts     map[string]pdf.Value
	xobjects  map[string]pdf.Value
	gstates   map[string]pdf.Value
	seq       int
	operators int
}

func (c *canvas) resources(val pdf.Value) {
	named := func(kinds map[string]pdf.Value, kind string) map[string]pdf.Value {
		one, err := c.v.Follow(kinds[kind])
		if err != nil {
			return nil
		}
		return pdf.Entries(one)
	}
	all, err := c.v.Follow(val)
	if err != nil {
		return
	}
	kinds := pdf.Entries(all)
	c.fonts, c.xobjects, c.gstates = named(kinds, "Font"), named(kinds, "XObject"), named(kinds, "ExtGState")
}

const maxOperators = 2_000_000 // of one page, with those of forms

// run draws one stream. Depth is how many forms it is inside of.
func (c *canvas) run(b []byte, object int64, depth int) error {
	t := &tokens{b: b}
	for {
		op, args, ok := t.next()
		if !ok {
			return nil
		}
		if c.operators++; c.operators > maxOperators || len(c.p.runs) > maxRuns {
			return errLimit
		}
		if c.operators%4096 == 0 {
			if _, err := c.Read(0, 1); err != nil { // ends with the context
				return err
			}
		}
		c.seq++
		n := func(i int) float64 {
			if i < len(args) {
				return args[i].num
			}
			return 0
		}
		switch op {
		case "q":
			if len(c.stack) < 256 {
				c.stack = append(c.stack, c.state)
			}
		case "Q":
			if last := len(c.stack) - 1; last >= 0 {
				c.state, c.stack = c.stack[last], c.stack[:last]
			}
		case "cm":
			c.ctm = matrix{n(0), n(1), n(2), n(3), n(4), n(5)}.times(c.ctm)
		case "gs":
			c.gstate(args)
		case "BT":
			c.text = matrix{1, 0, 0, 1, 0, 0}
			c.line = c.text
		case "Tf":
			if len(args) == 2 {
				if f, ok := c.fonts[string(args[0].text)]; ok {
					c.face = c.look.font(c.v, f)
				} else {
					c.face = nil
				}
				c.size = n(1)
			}
		case "Td", "TD":
			if op == "TD" {
				c.leading = -n(1)
			}
			c.move(n(0), n(1))
		case "Tm":
			c.line = matrix{n(0), n(1), n(2), n(3), n(4), n(5)}
			c.text = c.line
		case "T*":
			c.move(0, -c.leading)
		case "TL":
			c.leading = n(0)
		case "Tc":
			c.char = n(0)
		case "Tw":
			c.word = n(0)
		case "Tz":
			c.scale = n(0) / 100
		case "Ts":
			c.rise = n(0)
		case "Tr":
			c.mode = int(n(0))
		case "Tj", "TJ":
			if len(args) > 0 {
				c.show(args[0], object)
			}
		case "'":
			c.move(0, -c.leading)
			if len(args) > 0 {
				c.show(args[0], object)
			}
		case "\"":
			c.word, c.char = n(0), n(1)
			c.move(0, -c.leading)
			if len(args) > 2 {
				c.show(args[2], object)
			}
		case "re":
			if len(c.path) < 10_000 {
				c.path = append(c.path, c.ctm.area(n(0), n(1), n(0)+n(2), n(1)+n(3)))
			}
		case "f", "F", "f*", "B", "B*", "b", "b*":
			for _, r := range c.path {
				c.cover(object, r, false)
			}
			c.path = nil
		case "S", "s", "n":
			c.path = nil
		case "BI":
			c.cover(object, c.ctm.area(0, 0, 1, 1), true)
		case "Do":
			if len(args) == 1 {
				if err := c.do(string(args[0].text), object, depth); err != nil {
					return err
				}
			}
		}
	}
}

func (c *canvas) cover(object int64, r rect, picture bool) {
	if !c.clear && len(c.p.covers) < 20_000 && r.area() > 4 {
		c.p.covers = append(c.p.covers, cover{object, c.seq, picture, r})
	}
}

// gstate notes what is seen through, which covers nothing.
func (c *canvas) gstate(args []operand) {
	if len(args) != 1 {
		return
	}
	val, err := c.v.Follow(c.gstates[string(args[0].text)])
	if err != nil {
		return
	}
	all := pdf.Entries(val)
	if raw, ok := all["ca"]; ok {
		a := numbers(raw.Raw)
		c.clear = len(a) == 1 && a[0] < 0.9
	}
	if mode, ok := all["BM"]; ok && mode.V != pdf.Name("Normal") && mode.V != pdf.Name("Compatible") {
		c.clear = true
	}
}

func (c *canvas) move(x, y float64) {
	c.line = matrix{1, 0, 0, 1, x, y}.times(c.line)
	c.text = c.line
}

// show draws a string, or an array of strings and gaps.
func (c *canvas) show(what operand, object int64) {
	parts := what.array
	if what.kind == 's' {
		parts = []operand{what}
	}
	f := c.face
	if f == nil || c.size == 0 {
		return
	}
	m := c.text.times(c.ctm)
	x0, y0 := m.at(0, c.rise)
	across := 0.0
	var text strings.Builder
	for _, p := range parts {
		if p.kind == 'n' {
			if across -= p.num / 1000 * c.size * c.scale; p.num < -200 {
				text.WriteByte(' ')
			}
			continue
		}
		for _, one := range f.decode(p.text) {
			w := one.width/1000*c.size + c.char
			if one.blank {
				w += c.word
			}
			across += w * c.scale
			text.WriteRune(one.r)
		}
	}
	c.text = matrix{1, 0, 0, 1, across, 0}.times(c.text)
	x1, y1 := m.at(across, c.rise)
	r := run{object: object, seq: c.seq, font: f, size: math.Abs(c.size) * math.Hypot(m[2], m[3]), x: x0, y: y0, end: x1,
		turned: math.Abs(y1-y0) > 0.01*math.Abs(x1-x0)+0.01, hidden: c.mode == 3 || c.mode == 7, text: text.String()}
	if strings.TrimSpace(r.text) != "" && !math.IsNaN(x0+y0+x1) {
		c.p.runs = append(c.p.runs, r)
	}
}

// do draws a form or a picture.
func (c *canvas) do(name string, object int64, depth int) error {
	ref, ok := c.xobjects[name].V.(pdf.Ref)
	if !ok {
		return nil
	}
	val, err := c.v.Object(int64(ref))
	if err != nil {
		return err
	}
	all := pdf.Entries(val)
	if all["Subtype"].V == pdf.Name("Image") {
		if _, masked := all["SMask"]; !masked && all["ImageMask"].V == nil && !bytes.Contains(all["ImageMask"].Raw, []byte("true")) {
			c.cover(int64(ref), c.ctm.area(0, 0, 1, 1), true)
		}
		return nil
	}
	if all["Subtype"].V != pdf.Name("Form") || depth >= 6 {
		return nil
	}
	b, err := c.content(c.v, int64(ref), val)
	if errors.Is(err, pdf.ErrDamaged) || errors.Is(err, pdf.ErrUnread) {
		return nil
	} else if err != nil {
		return err
	}
	saved, fonts, xobjects, gstates, stack := c.state, c.fonts, c.xobjects, c.gstates, c.stack
	if n := numbers(all["Matrix"].Raw); len(n) == 6 {
		c.ctm = matrix(n).times(c.ctm)
	}
	if r, ok := all["Resources"]; ok {
		c.resources(r)
	}
	c.stack = nil
	err = c.run(b, int64(ref), depth+1)
	c.state, c.fonts, c.xobjects, c.gstates, c.stack = saved, fonts, xobjects, gstates, stack
	return err
}
