package signed

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/cordonhq/cordon/media/pdf"
)

const (
	maxPages   = 50_000
	maxNesting = 48      // references that lead to each other
	maxHashed  = 1 << 30 // bytes of streams that are compared
)

// view is the document as it stood at the end of a revision.
type view struct {
	d      *document
	end    int64
	last   map[int64]object
	sums   map[int64]string // of objects with all that they refer to
	hashed int64
}

func (d *document) view(end int64) *view {
	v := &view{d: d, end: end, last: map[int64]object{}, sums: map[int64]string{}}
	tables := d.tables
	for _, o := range d.objects {
		for len(tables) > 0 && tables[0].at < min(o.at, end) {
			v.apply(tables[0])
			tables = tables[1:]
		}
		if o.at >= end {
			return v
		}
		v.last[o.number] = o
	}
	for _, t := range tables {
		if t.at < end {
			v.apply(t)
		}
	}
	return v
}

// now is the document as it is.
func (d *document) now() *view {
	if d.latest == nil {
		d.latest = d.view(d.size)
	}
	return d.latest
}

// apply has the objects be where a table says.
func (v *view) apply(t table) {
	for _, e := range t.entries {
		if e.at < 0 {
			delete(v.last, e.number)
		} else if o, ok := v.d.objectAt(e.at); ok && o.number == e.number && o.at < v.end {
			v.last[e.number] = o
		}
	}
}

// objectAt returns the object that starts at a byte, which is none of an object stream.
func (d *document) objectAt(at int64) (object, bool) {
	i, ok := slices.BinarySearchFunc(d.objects, at, func(o object, at int64) int { return cmp.Compare(o.at, at) })
	if !ok {
		return object{}, false
	}
	return d.objects[i], d.objects[i].packed == nil
}

// value is a value as it is written, and as far as it can be read.
type value struct {
	raw []byte
	v   any
}

// object returns the value of an object; nil if there is none of the number.
func (v *view) object(number int64) (value, error) {
	o, ok := v.last[number]
	if !ok {
		return value{}, nil
	}
	raw, err := v.d.bytesOf(o)
	if err != nil {
		return value{}, err
	}
	raw = bytes.Clone(raw)
	values := maxValues
	p := pdf.Parser{B: raw, Whole: true, Values: &values}
	out, err := p.Value(0)
	if err != nil {
		return value{}, fmt.Errorf("%w: object %d", errUnread, number)
	}
	return value{raw[:p.I], out}, nil
}

// follow returns what a reference refers to, or the value itself.
func (v *view) follow(val value) (value, error) {
	for range 8 {
		ref, ok := val.v.(pdf.Ref)
		if !ok {
			return val, nil
		}
		var err error
		if val, err = v.object(int64(ref)); err != nil {
			return value{}, err
		}
	}
	return value{}, fmt.Errorf("%w: references lead to each other", errUnread)
}

// entries returns the entries of a dictionary, nil if it is none.
func entries(val value) map[string]value {
	if _, ok := val.v.(pdf.Dict); !ok {
		return nil
	}
	values := maxValues
	p := pdf.Parser{B: val.raw, Whole: true, Values: &values}
	p.Space()
	p.I += 2
	out := map[string]value{}
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
		out[string(key.(pdf.Name))] = value{val.raw[start:p.I], one}
	}
	return out
}

// elements returns the elements of an array, or the value as the only one.
func elements(val value) []value {
	if _, ok := val.v.([]any); !ok {
		if val.v == nil && len(val.raw) == 0 {
			return nil
		}
		return []value{val}
	}
	values := maxValues
	p := pdf.Parser{B: val.raw, Whole: true, Values: &values}
	p.Space()
	p.I++
	var out []value
	for p.Space() && p.B[p.I] != ']' {
		start := p.I
		one, err := p.Value(0)
		if err != nil {
			break
		}
		out = append(out, value{val.raw[start:p.I], one})
	}
	return out
}

// beside are keys that say nothing of what a page shows, or lead away from it.
var beside = []string{"Parent", "P", "Annots", "StructParent", "StructParents", "Metadata", "PieceInfo", "LastModified", "Length"}

// sum is the same for two values that show the same, however they are spread over objects:
// references are followed, and a stream counts with its bytes.
func (v *view) sum(val value, depth int) (string, error) {
	if depth > maxNesting {
		return "", fmt.Errorf("%w: references nest too deep", errUnread)
	}
	h := sha256.New()
	switch one := val.v.(type) {
	case pdf.Ref:
		return v.sumObject(int64(one), depth)
	case pdf.Dict:
		if t := one["Type"]; t == pdf.Name("Page") || t == pdf.Name("Pages") || t == pdf.Name("Catalog") {
			return "page", nil
		}
		all := entries(val)
		io.WriteString(h, "<<")
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if slices.Contains(beside, key) {
				continue
			}
			s, err := v.sum(all[key], depth+1)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%q%q", key, s)
		}
	case []any:
		io.WriteString(h, "[")
		for _, e := range elements(val) {
			s, err := v.sum(e, depth+1)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%q", s)
		}
	case pdf.Name:
		return "/" + string(one), nil
	default:
		raw := bytes.TrimSpace(val.raw)
		if n, err := strconv.ParseFloat(string(raw), 64); err == nil {
			return strconv.FormatFloat(n, 'g', -1, 64), nil
		}
		h.Write(raw)
	}
	return string(h.Sum(nil)), nil
}

func (v *view) sumObject(number int64, depth int) (string, error) {
	if s, ok := v.sums[number]; ok {
		return s, nil
	}
	v.sums[number] = "cycle"
	val, err := v.object(number)
	if err != nil {
		return "", err
	}
	s, err := v.sum(val, depth+1)
	if err != nil {
		return "", err
	}
	if o := v.last[number]; o.stream > 0 {
		h := sha256.New()
		if v.hashed += o.eos - o.stream; v.hashed > maxHashed {
			return "", fmt.Errorf("%w: more than %d MiB of streams", errUnread, maxHashed>>20)
		}
		if err := v.d.hash(h, o.stream, o.eos); err != nil {
			return "", err
		}
		s += string(h.Sum(nil))
	}
	v.sums[number] = s
	return s, nil
}

// page is what a page shows: without notes and fields, which may be filled in later.
type page struct {
	number    int64 // of its object
	shows     string
	resources map[string]string
}

// catalog returns the root of the document.
func (v *view) catalog() (map[string]value, error) {
	root := int64(-1)
	for _, t := range v.d.trailers {
		if ref, ok := t.dict["Root"].(pdf.Ref); ok && (t.at < v.end) {
			root = int64(ref)
		}
	}
	if root < 0 {
		return nil, fmt.Errorf("%w: the document names no root", errUnread)
	}
	val, err := v.object(root)
	if err != nil {
		return nil, err
	}
	out := entries(val)
	if out == nil {
		return nil, fmt.Errorf("%w: the root of the document cannot be read", errUnread)
	}
	return out, nil
}

// pages lists the pages in their order, and sums up the layers of the document.
func (v *view) pages() (out []page, layers string, err error) {
	root, err := v.catalog()
	if err != nil {
		return nil, "", err
	}
	if l, ok := root["OCProperties"]; ok {
		if layers, err = v.sum(l, 0); err != nil {
			return nil, "", err
		}
	}
	seen := map[int64]bool{}
	out, err = v.tree(root["Pages"], nil, seen, nil, 0)
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%w: its pages cannot be found", errUnread)
	}
	return out, layers, err
}

var inherited = []string{"Resources", "MediaBox", "CropBox", "Rotate"}

func (v *view) tree(node value, above map[string]value, seen map[int64]bool, out []page, depth int) ([]page, error) {
	ref, ok := node.v.(pdf.Ref)
	if !ok || seen[int64(ref)] || depth > maxNesting || len(out) > maxPages {
		return nil, fmt.Errorf("%w: its page tree is damaged", errUnread)
	}
	seen[int64(ref)] = true
	val, err := v.object(int64(ref))
	if err != nil {
		return nil, err
	}
	own := entries(val)
	if own == nil {
		return nil, fmt.Errorf("%w: its page tree is damaged", errUnread)
	}
	for _, key := range inherited {
		if _, ok := own[key]; !ok && above[key].raw != nil {
			own[key] = above[key]
		}
	}
	if kids, ok := own["Kids"]; ok {
		if kids, err = v.follow(kids); err != nil {
			return nil, err
		}
		for _, kid := range elements(kids) {
			if out, err = v.tree(kid, own, seen, out, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	p := page{number: int64(ref)}
	h := sha256.New()
	contents, err := v.follow(own["Contents"])
	if err != nil {
		return nil, err
	}
	if _, ok := contents.v.([]any); !ok {
		contents = own["Contents"] // one stream, or none
	}
	for _, one := range elements(contents) {
		s, err := v.sum(one, 0)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(h, "%q", s)
	}
	for _, key := range []string{"MediaBox", "CropBox", "Rotate", "UserUnit"} {
		s, err := v.sum(own[key], 0)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(h, "%s%q", key, s)
	}
	p.shows = string(h.Sum(nil))
	if p.resources, err = v.resources(own["Resources"]); err != nil {
		return nil, err
	}
	return append(out, p), nil
}

// resources sums up the fonts, pictures and so on of a page by their names.
func (v *view) resources(val value) (map[string]string, error) {
	out := map[string]string{}
	val, err := v.follow(val)
	if err != nil {
		return nil, err
	}
	kinds := entries(val)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) { // in order, should references lead to each other
		named, err := v.follow(kinds[kind])
		if err != nil {
			return nil, err
		}
		all := entries(named)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if out[kind+"/"+name], err = v.sum(all[name], 0); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// keeps reports whether a page shows later what it showed before. More resources than it had
// change nothing as long as what is drawn with them is the same.
func (p page) keeps(later page) bool {
	for name, s := range p.resources {
		if later.resources[name] != s {
			return false
		}
	}
	return p.shows == later.shows
}

// changed says what shows differently since the end of a revision: pages by their place, from
// 1, and the objects they are in now. Nothing is said of notes and fields.
func (d *document) changed(was, is *view) (pages []changedPage, what string, err error) {
	if d.opaque {
		return nil, "", fmt.Errorf("%w: objects of the file cannot be opened", errUnread)
	}
	before, beforeLayers, err := was.pages()
	if err != nil {
		return nil, "", err
	}
	after, afterLayers, err := is.pages()
	if err != nil {
		return nil, "", err
	}
	for i := range max(len(before), len(after)) {
		switch {
		case i >= len(after):
			pages = append(pages, changedPage{i + 1, before[i].number, "removed"})
		case i >= len(before):
			pages = append(pages, changedPage{i + 1, after[i].number, "added"})
		case !before[i].keeps(after[i]):
			pages = append(pages, changedPage{i + 1, after[i].number, "changed"})
		}
	}
	if len(pages) == 0 && beforeLayers != "" && beforeLayers != afterLayers {
		what = "layers"
	}
	return pages, what, nil
}

// changedPage is a page that shows something else than when it was signed.
type changedPage struct {
	Page   int    `json:"page"`
	Object int64  `json:"object"`
	How    string `json:"how"`
}

// hash writes the bytes of a range of the file into w.
func (d *document) hash(w io.Writer, from, to int64) error {
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
