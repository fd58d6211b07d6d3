package pdf

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// View is the document as it stood at the end of a revision.
type View struct {
	d    *File
	End  int64
	Last map[int64]Object
}

func (d *File) View(end int64) *View {
	v := &View{d: d, End: end, Last: map[int64]Object{}}
	tables := d.tables
	for _, o := range d.Objects {
		for len(tables) > 0 && tables[0].at < min(o.At, end) {
			v.apply(tables[0])
			tables = tables[1:]
		}
		if o.At >= end {
			return v
		}
		v.Last[o.Number] = o
	}
	for _, t := range tables {
		if t.at < end {
			v.apply(t)
		}
	}
	return v
}

// Now is the document as it is.
func (d *File) Now() *View {
	if d.latest == nil {
		d.latest = d.View(d.Size)
	}
	return d.latest
}

// apply has the objects be where a table says.
func (v *View) apply(t table) {
	for _, e := range t.entries {
		if e.at < 0 {
			delete(v.Last, e.number)
		} else if o, ok := v.d.objectAt(e.at); ok && o.Number == e.number && o.At < v.End {
			v.Last[e.number] = o
		}
	}
}

// objectAt returns the object that starts at a byte, which is none of an object stream.
func (d *File) objectAt(at int64) (Object, bool) {
	i, ok := slices.BinarySearchFunc(d.Objects, at, func(o Object, at int64) int { return cmp.Compare(o.At, at) })
	if !ok {
		return Object{}, false
	}
	return d.Objects[i], d.Objects[i].Packed == nil
}

// Value is a value as it is written, and as far as it can be read.
type Value struct {
	Raw []byte
	V   any
}

// Object returns the value of an object; nil if there is none of the number.
func (v *View) Object(number int64) (Value, error) {
	o, ok := v.Last[number]
	if !ok {
		return Value{}, nil
	}
	raw, err := v.d.BytesOf(o)
	if err != nil {
		return Value{}, err
	}
	raw = bytes.Clone(raw)
	values := maxValues
	p := Parser{B: raw, Whole: true, Values: &values}
	out, err := p.Value(0)
	if err != nil {
		return Value{}, fmt.Errorf("%w: object %d", ErrUnread, number)
	}
	return Value{raw[:p.I], out}, nil
}

// Follow returns what a reference refers to, or the value itself.
func (v *View) Follow(val Value) (Value, error) {
	for range 8 {
		ref, ok := val.V.(Ref)
		if !ok {
			return val, nil
		}
		var err error
		if val, err = v.Object(int64(ref)); err != nil {
			return Value{}, err
		}
	}
	return Value{}, fmt.Errorf("%w: references lead to each other", ErrUnread)
}

// Entries returns the entries of a dictionary, nil if it is none.
func Entries(val Value) map[string]Value {
	if _, ok := val.V.(Dict); !ok {
		return nil
	}
	values := maxValues
	p := Parser{B: val.Raw, Whole: true, Values: &values}
	p.Space()
	p.I += 2
	out := map[string]Value{}
	for p.Space() && p.B[p.I] == '/' {
		key, err := p.Value(0)
		if err != nil {
			break
		}
		p.Space()
		start := p.I
		one, err := p.Value(0)
		if err != nil {
			break
		}
		out[string(key.(Name))] = Value{val.Raw[start:p.I], one}
	}
	return out
}

// Elements returns the elements of an array, or the value as the only one.
func Elements(val Value) []Value {
	if _, ok := val.V.([]any); !ok {
		if val.V == nil && len(val.Raw) == 0 {
			return nil
		}
		return []Value{val}
	}
	values := maxValues
	p := Parser{B: val.Raw, Whole: true, Values: &values}
	p.Space()
	p.I++
	var out []Value
	for p.Space() && p.B[p.I] != ']' {
		start := p.I
		one, err := p.Value(0)
		if err != nil {
			break
		}
		out = append(out, Value{val.Raw[start:p.I], one})
	}
	return out
}

// Catalog returns the root of the document.
func (v *View) Catalog() (map[string]Value, error) {
	root := int64(-1)
	for _, t := range v.d.trailers {
		if ref, ok := t.dict["Root"].(Ref); ok && (t.at < v.End) {
			root = int64(ref)
		}
	}
	if root < 0 {
		return nil, fmt.Errorf("%w: the document names no root", ErrUnread)
	}
	val, err := v.Object(root)
	if err != nil {
		return nil, err
	}
	out := Entries(val)
	if out == nil {
		return nil, fmt.Errorf("%w: the root of the document cannot be read", ErrUnread)
	}
	return out, nil
}

// Hash writes the bytes of a range of the file into w.
func (d *File) Hash(w io.Writer, from, to int64) error {
	b := make([]byte, 64<<10)
	for from < to {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		n, err := d.r.ReadAt(b[:min(int64(len(b)), to-from)], from)
		if n == 0 {
			return fmt.Errorf("read the file: %w", errors.Join(err, io.ErrUnexpectedEOF))
		}
		w.Write(b[:n])
		from += int64(n)
	}
	return nil
}

const (
	maxPages   = 50_000
	maxNesting = 48 // nodes of the tree of pages above each other
)

// Page is a page with what it has of its own or from above: Resources, MediaBox, CropBox, Rotate.
type Page struct {
	Number  int64 // of its object
	Entries map[string]Value
}

// Pages lists the pages in their order.
func (v *View) Pages() ([]Page, error) {
	root, err := v.Catalog()
	if err != nil {
		return nil, err
	}
	out, err := v.tree(root["Pages"], nil, map[int64]bool{}, nil, 0)
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%w: its pages cannot be found", ErrUnread)
	}
	return out, err
}

var inherited = []string{"Resources", "MediaBox", "CropBox", "Rotate"}

func (v *View) tree(node Value, above map[string]Value, seen map[int64]bool, out []Page, depth int) ([]Page, error) {
	ref, ok := node.V.(Ref)
	if !ok || seen[int64(ref)] || depth > maxNesting || len(out) > maxPages {
		return nil, fmt.Errorf("%w: its page tree is damaged", ErrUnread)
	}
	seen[int64(ref)] = true
	val, err := v.Object(int64(ref))
	if err != nil {
		return nil, err
	}
	own := Entries(val)
	if own == nil {
		return nil, fmt.Errorf("%w: its page tree is damaged", ErrUnread)
	}
	for _, key := range inherited {
		if _, ok := own[key]; !ok && above[key].Raw != nil {
			own[key] = above[key]
		}
	}
	kids, ok := own["Kids"]
	if !ok {
		return append(out, Page{int64(ref), own}), nil
	}
	if kids, err = v.Follow(kids); err != nil {
		return nil, err
	}
	for _, kid := range Elements(kids) {
		if out, err = v.tree(kid, own, seen, out, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}
