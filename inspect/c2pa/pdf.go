package c2pa

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cordonhq/cordon/media/pdf"
)

// pdfFile finds the embedded file that a PDF file's catalogue names as its manifest store
// (C2PA 2.2, A.4).
//
// Only as much is read as that takes. A file that names no store there is searched once for
// one that is attached elsewhere; one whose structure cannot be followed, or that is
// encrypted, is searched for any trace of a store. A picture on a page may have a manifest of
// its own, which is not the document's.
type pdfFile struct{}

const pdfRelationship = "C2PA_Manifest"

func (pdfFile) locate(f *file) (located, error) {
	r := &pdfReader{f: f, values: maxPDFValues}
	out, err := r.locate()
	if errors.Is(err, errLimit) {
		out.broken, err = err, nil
	}
	return out, err
}

func (pdfFile) pieces(*file) ([]piece, error) { return nil, errNoPieces }

// pdfStore is a stream that is said to be a manifest store.
type pdfStore struct {
	pdfObject
	problem error // why there is none
}

func (r *pdfReader) locate() (located, error) {
	var out located
	stores, problem := r.associated(&out)
	if problem != nil && !errors.Is(problem, pdf.ErrDamaged) {
		return out, problem
	}
	if len(stores) == 0 {
		if problem == nil && r.encrypted {
			problem = fmt.Errorf("%w: it is encrypted", pdf.ErrDamaged)
		}
		var err error
		if stores, err = r.scattered(&out, problem); err != nil || len(stores) == 0 {
			return out, err
		}
	}
	// An incremental update may have brought a store that takes the place of those before it.
	slices.SortStableFunc(stores, func(a, b pdfStore) int { return a.section - b.section })
	for _, s := range stores {
		b, at, err := r.storeIn(s)
		if err != nil && !errors.Is(err, pdf.ErrDamaged) && !errors.Is(err, errLimit) {
			return out, err
		}
		switch {
		case s.section > stores[0].section:
			if err == nil && len(out.earlier) < maxTraces {
				out.earlier = append(out.earlier, b)
			}
			continue
		case err != nil:
			out.broken = err
		}
		if len(b) > 0 && len(out.stores) < 2 { // even when it is not what it should be, it declares something
			if len(out.stores) == 0 {
				out.at = at
			}
			out.stores = append(out.stores, b)
		}
	}
	if out.broken == nil || len(out.stores) > 0 {
		return out, nil
	}
	marks, err := r.f.traces(markStore)
	if err != nil {
		return out, err
	}
	return out, out.salvage(r.f, marks)
}

// associated returns the stores that the catalogue names, of the newest state of the file
// and of those before it. The error is what kept it from reading on.
func (r *pdfReader) associated(out *located) ([]pdfStore, error) {
	var stores []pdfStore
	problem := r.open()
	if problem == nil && len(r.sections) == 0 {
		problem = pdf.ErrDamaged
	}
	seen, newest := map[int64]bool{}, true
	for i := range r.sections {
		root := r.sections[i].trailer["Root"]
		if root == nil {
			continue
		}
		catalogue, err := r.resolve(root, i)
		if err == nil && catalogue.dict() == nil {
			err = fmt.Errorf("%w: it has no catalogue", pdf.ErrDamaged)
		}
		if err != nil {
			problem = keepFirst(problem, err)
			continue
		}
		if newest {
			r.remote(catalogue.dict(), out)
		}
		newest = false
		files, err := r.resolve(catalogue.dict()["AF"], i)
		if err != nil {
			problem = keepFirst(problem, err)
			continue
		}
		list, ok := files.value.([]any)
		if !ok && files.value != nil {
			list = []any{files.value}
		}
		for _, v := range list {
			spec, err := r.resolve(v, i)
			if err != nil {
				problem = keepFirst(problem, err)
				continue
			}
			s, ok := r.embedded(spec.dict(), i)
			if !ok || s.problem == nil && seen[s.at] {
				continue
			}
			seen[s.at] = true
			stores = append(stores, s)
		}
	}
	return stores, problem
}

// embedded returns the file that a file specification embeds, if it says that it is a
// manifest store.
func (r *pdfReader) embedded(spec pdf.Dict, from int) (pdfStore, bool) {
	if relation, err := r.resolve(spec["AFRelationship"], from); err != nil || relation.value != pdf.Name(pdfRelationship) {
		return pdfStore{}, false
	}
	s := pdfStore{pdfObject: pdfObject{section: from}, problem: fmt.Errorf("%w: the manifest store that it names is not there", pdf.ErrDamaged)}
	ef, err := r.resolve(spec["EF"], from)
	if err != nil {
		s.problem = err
		return s, true
	}
	for _, key := range []string{"F", "UF"} {
		o, err := r.resolve(ef.dict()[key], from)
		switch {
		case err != nil:
			s.problem = err
		case o.stream > 0:
			return pdfStore{pdfObject: o}, true
		}
	}
	return s, true
}

// storeIn returns the store in a stream, and where the stream's bytes are.
func (r *pdfReader) storeIn(s pdfStore) ([]byte, span, error) {
	if s.problem != nil {
		return nil, span{}, s.problem
	}
	at, err := r.content(s.pdfObject)
	if err != nil {
		return nil, at, err
	}
	raw, err := r.f.copyOf(at)
	if err != nil {
		return nil, at, err
	}
	filter, _, err := r.filter(s.pdfObject)
	if err != nil {
		return nil, at, err
	}
	if filter != "" {
		rest := bytes.NewReader(raw)
		z, err := zlib.NewReader(rest)
		if err != nil {
			return nil, at, fmt.Errorf("%w: the manifest store is not compressed as it says: %w", pdf.ErrDamaged, err)
		}
		if raw, err = readAll(z, r.f.limits.Inflated); err != nil {
			return nil, at, fmt.Errorf("%w: the manifest store: %w", pdf.ErrDamaged, err)
		}
		if rest.Len() > 0 { // no hash covers it
			return raw, at, fmt.Errorf("%w: something follows the compressed manifest store", pdf.ErrDamaged)
		}
	}
	if !isStore(raw) {
		return raw, at, fmt.Errorf("%w: what it names as its manifest store is none", pdf.ErrDamaged)
	}
	return raw, at, nil
}

// remote notes the address that the document's metadata give for a manifest kept elsewhere.
func (r *pdfReader) remote(catalogue pdf.Dict, out *located) {
	o, err := r.resolve(catalogue["Metadata"], 0)
	if err != nil || o.stream == 0 {
		return
	}
	if xmp, err := r.inflate(o, maxXMP); err == nil {
		out.remote = provenanceAddress(xmp)
	}
}

// scattered searches the file for stores that the catalogue does not name. If there is a
// problem with the structure, the marks of a store are as much as can be said; otherwise a
// mark counts only in an object that is part of the document.
func (r *pdfReader) scattered(out *located, problem error) ([]pdfStore, error) {
	marks, err := r.f.traces([]byte(pdfRelationship), markStore)
	if err != nil {
		return nil, err
	}
	slices.Sort(marks)
	var stores []pdfStore
	var streams []int64
	named := false
	for _, m := range marks {
		s, ok := r.f.storeAround(m)
		switch {
		case !ok: // a name, or no store
			spec, err := r.enclosing(m)
			if err != nil {
				return nil, err
			}
			store, isStore := r.embedded(spec.dict(), 0)
			if named = named || problem != nil && r.nameAt(m); isStore {
				stores = append(stores, store)
			}
		case r.startsStream(s.start):
			streams = append(streams, m)
		}
	}
	if problem == nil && len(stores) == 0 {
		stores, problem, err = r.searchPacked()
		if err != nil {
			return nil, err
		}
		out.unread = problem
		return stores, nil
	}
	switch {
	case problem == nil || len(stores) > 0:
		return stores, nil
	case named || len(streams) > 0:
		out.broken = problem
		return nil, out.salvage(r.f, streams)
	}
	out.unread = problem
	return nil, nil
}

// nameAt reports whether the relationship at the offset is written as a name.
func (r *pdfReader) nameAt(at int64) bool {
	b, err := r.f.bytes(at-1, 1)
	return err == nil && b[0] == '/'
}

// startsStream reports whether the bytes at the offset are the first of a stream. Those of a
// picture's manifest are not.
func (r *pdfReader) startsStream(at int64) bool {
	b, err := r.f.bytes(max(at-8, 0), int(min(at, 8)))
	return err == nil && bytes.HasSuffix(bytes.TrimRight(b, "\r\n"), []byte("stream"))
}

// enclosing returns the object of the document that the offset lies in, null if there is
// none of at most a few kilobytes before it.
func (r *pdfReader) enclosing(at int64) (pdfObject, error) {
	const before = 4 << 10
	start := max(at-before, 0)
	b, err := r.f.bytes(start, int(at-start))
	if err != nil {
		return pdfObject{}, err
	}
	i := len(b)
	for {
		if i = bytes.LastIndex(b[:i], []byte("obj")); i < 0 {
			return pdfObject{}, nil
		}
		if n := len(numbersBefore(b[:i])); n < i {
			i = n
			break
		}
	}
	o, number, err := r.parse(start+int64(i), true)
	if err == nil {
		var here pdfObject
		here, err = r.object(number, 0)
		if err == nil && here.at != o.at {
			return pdfObject{}, nil // replaced, or in a file that is attached to this one
		}
	}
	if errors.Is(err, pdf.ErrDamaged) {
		return pdfObject{}, nil
	}
	return o, err
}

// numbersBefore returns b without the object number and the generation that it ends in, or b
// if it does not end in them.
func numbersBefore(b []byte) []byte {
	rest := b
	for range 2 {
		spaced := bytes.TrimRight(rest, " \t\r\n\f\x00")
		if rest = bytes.TrimRight(spaced, "0123456789"); len(rest) == len(spaced) {
			return b
		}
	}
	return rest
}

// searchPacked looks into the object streams of the document for file specifications of
// stores. The problem is what kept it from looking into all of them.
func (r *pdfReader) searchPacked() (stores []pdfStore, problem, err error) {
	seen := map[int64]bool{}
	for _, s := range r.sections {
		for _, part := range s.parts {
			for k := range part.count {
				if s.data == nil {
					break
				}
				e := s.row(part.at + k)
				if e.kind != 2 || seen[e.a] {
					continue
				}
				seen[e.a] = true
				found, err := r.searchIn(e.a)
				switch {
				case errors.Is(err, pdf.ErrDamaged):
					problem = keepFirst(problem, err)
				case err != nil:
					return nil, nil, err
				}
				if stores = append(stores, found...); r.inflated > maxPDFInflated || len(stores) > maxTraces {
					return stores, problem, nil
				}
			}
		}
	}
	return stores, problem, nil
}

// searchIn looks into one object stream.
func (r *pdfReader) searchIn(container int64) ([]pdfStore, error) {
	o, err := r.object(container, 0)
	if err != nil || o.stream == 0 {
		return nil, err
	}
	z, params, err := r.inflater(o)
	if err != nil {
		return nil, err
	}
	found := params.Integer("Predictor") > 1 // the mark may not be legible
	if r.buffer == nil || cap(r.buffer) < 64<<10 {
		r.buffer = make([]byte, 64<<10)
	}
	b := r.buffer[:64<<10]
	for kept := 0; !found; {
		n, err := io.ReadFull(z, b[kept:])
		if r.inflated += int64(n); r.inflated > maxPDFInflated {
			return nil, fmt.Errorf("%w: its object streams expand too far", pdf.ErrDamaged)
		}
		found = bytes.Contains(b[:kept+n], []byte(pdfRelationship))
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: a compressed stream: %w", pdf.ErrDamaged, err)
		}
		if err := r.f.alive(); err != nil {
			return nil, err
		}
		kept = copy(b, b[len(b)-len(pdfRelationship)+1:])
	}
	if !found {
		return nil, nil
	}
	data, err := r.inflate(o, maxPDFKept-r.kept)
	if err != nil {
		return nil, err
	}
	r.kept += int64(len(data))
	var stores []pdfStore
	p := pdf.Parser{B: data, Whole: true, Values: &r.values}
	for range min(max(o.dict().Integer("N"), 0), maxPDFLookups) {
		number, ok1 := p.Integer()
		offset, ok2 := p.Integer()
		at := o.dict().Integer("First") + offset
		if !ok1 || !ok2 || at < 0 || at >= int64(len(data)) {
			break
		}
		e, _, err := r.entry(number, 0)
		if err != nil {
			return stores, err
		}
		if e.kind != 2 || e.a != container { // replaced
			continue
		}
		spec, err := r.valueAt(data, int(at), o.at)
		if err != nil {
			return stores, err
		}
		if s, ok := r.embedded(spec.dict(), 0); ok {
			stores = append(stores, s)
		}
	}
	return stores, nil
}

// keepFirst keeps the first problem.
func keepFirst(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
