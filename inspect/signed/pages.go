package signed

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/cordonhq/cordon/media/pdf"
)

const (
	maxNesting = 48      // references that lead to each other
	maxHashed  = 1 << 30 // bytes of streams that are compared
)

// view is the document as it stood at the end of a revision, with sums of what it shows.
type view struct {
	*pdf.View
	d      *document
	sums   map[int64]string // of objects with all that they refer to
	hashed int64
}

func (d *document) view(v *pdf.View) *view {
	return &view{View: v, d: d, sums: map[int64]string{}}
}

// beside are keys that say nothing of what a page shows, or lead away from it.
var beside = []string{"Parent", "P", "Annots", "StructParent", "StructParents", "Metadata", "PieceInfo", "LastModified", "Length"}

// sum is the same for two values that show the same, however they are spread over objects:
// references are followed, and a stream counts with its bytes.
func (v *view) sum(val pdf.Value, depth int) (string, error) {
	if depth > maxNesting {
		return "", fmt.Errorf("%w: references nest too deep", errUnread)
	}
	h := sha256.New()
	switch one := val.V.(type) {
	case pdf.Ref:
		return v.sumObject(int64(one), depth)
	case pdf.Dict:
		if t := one["Type"]; t == pdf.Name("Page") || t == pdf.Name("Pages") || t == pdf.Name("Catalog") {
			return "page", nil
		}
		all := pdf.Entries(val)
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
		for _, e := range pdf.Elements(val) {
			s, err := v.sum(e, depth+1)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%q", s)
		}
	case pdf.Name:
		return "/" + string(one), nil
	default:
		raw := bytes.TrimSpace(val.Raw)
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
	val, err := v.Object(number)
	if err != nil {
		return "", err
	}
	s, err := v.sum(val, depth+1)
	if err != nil {
		return "", err
	}
	if o := v.Last[number]; o.Stream > 0 {
		h := sha256.New()
		if v.hashed += o.EOS - o.Stream; v.hashed > maxHashed {
			return "", fmt.Errorf("%w: more than %d MiB of streams", errUnread, maxHashed>>20)
		}
		if err := v.d.Hash(h, o.Stream, o.EOS); err != nil {
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

// pages lists the pages in their order, and sums up the layers of the document.
func (v *view) pages() (out []page, layers string, err error) {
	root, err := v.Catalog()
	if err != nil {
		return nil, "", err
	}
	if l, ok := root["OCProperties"]; ok {
		if layers, err = v.sum(l, 0); err != nil {
			return nil, "", err
		}
	}
	all, err := v.Pages()
	if err != nil {
		return nil, "", err
	}
	for _, one := range all {
		p, err := v.page(one)
		if err != nil {
			return nil, "", err
		}
		out = append(out, p)
	}
	return out, layers, nil
}

// page sums up what a page shows.
func (v *view) page(one pdf.Page) (page, error) {
	own := one.Entries
	p := page{number: one.Number}
	h := sha256.New()
	contents, err := v.Follow(own["Contents"])
	if err != nil {
		return page{}, err
	}
	if _, ok := contents.V.([]any); !ok {
		contents = own["Contents"] // one stream, or none
	}
	for _, one := range pdf.Elements(contents) {
		s, err := v.sum(one, 0)
		if err != nil {
			return page{}, err
		}
		fmt.Fprintf(h, "%q", s)
	}
	for _, key := range []string{"MediaBox", "CropBox", "Rotate", "UserUnit"} {
		s, err := v.sum(own[key], 0)
		if err != nil {
			return page{}, err
		}
		fmt.Fprintf(h, "%s%q", key, s)
	}
	p.shows = string(h.Sum(nil))
	if p.resources, err = v.resources(own["Resources"]); err != nil {
		return page{}, err
	}
	return p, nil
}

// resources sums up the fonts, pictures and so on of a page by their names.
func (v *view) resources(val pdf.Value) (map[string]string, error) {
	out := map[string]string{}
	val, err := v.Follow(val)
	if err != nil {
		return nil, err
	}
	kinds := pdf.Entries(val)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) { // in order, should references lead to each other
		named, err := v.Follow(kinds[kind])
		if err != nil {
			return nil, err
		}
		all := pdf.Entries(named)
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
	if d.Opaque {
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
