package c2pa

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"

	"github.com/cordonhq/cordon/media/pdf"
)

// filter returns the name of the one filter of a stream, "" without any. Encryption by the
// identity filter, which stores in encrypted files need, changes nothing.
func (r *pdfReader) filter(o pdfObject) (string, pdf.Dict, error) {
	one := func(key string) (any, error) {
		v, err := r.resolve(o.dict()[key], o.from)
		if list, ok := v.value.([]any); ok && err == nil {
			if len(list) > 1 {
				return nil, fmt.Errorf("%w: a stream with several filters", pdf.ErrDamaged)
			}
			if v.value = nil; len(list) == 1 {
				v, err = r.resolve(list[0], o.from)
			}
		}
		return v.value, err
	}
	name, err := one("Filter")
	if err != nil {
		return "", nil, err
	}
	params, err := one("DecodeParms")
	if err != nil {
		return "", nil, err
	}
	d, _ := params.(pdf.Dict)
	switch n, _ := name.(pdf.Name); n {
	case "", "Crypt":
		return "", d, nil
	case "FlateDecode", "Fl":
		return "FlateDecode", d, nil
	default:
		return "", nil, fmt.Errorf("%w: a stream with the filter %.20q", pdf.ErrDamaged, string(n))
	}
}

// content is where the bytes of a stream are, as its dictionary says.
func (r *pdfReader) content(o pdfObject) (span, error) {
	n, err := r.resolve(o.dict()["Length"], o.from)
	if err != nil {
		return span{}, err
	}
	s := span{start: o.stream}
	var ok bool
	if s.length, ok = n.value.(int64); !ok || o.stream == 0 || s.length > r.f.size-s.start {
		return span{}, fmt.Errorf("%w: a stream without its length", pdf.ErrDamaged)
	}
	b, err := r.read(s.end(), 20)
	if err != nil {
		return span{}, err
	}
	p := pdf.Parser{B: b, Values: &r.values}
	if p.Space(); !bytes.HasPrefix(b[p.I:], []byte("endstream")) {
		return span{}, fmt.Errorf("%w: a stream has not the length that it names", pdf.ErrDamaged)
	}
	return s, nil
}

// inflater gives the content of a stream.
func (r *pdfReader) inflater(o pdfObject) (io.Reader, pdf.Dict, error) {
	s, err := r.content(o)
	if err != nil {
		return nil, nil, err
	}
	filter, params, err := r.filter(o)
	if err != nil {
		return nil, nil, err
	}
	raw := io.NewSectionReader(r.f, s.start, s.length)
	if filter == "" {
		return raw, params, nil
	}
	z, err := zlib.NewReader(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: a compressed stream: %w", pdf.ErrDamaged, err)
	}
	return z, params, nil
}

// inflate returns the content of a stream of at most most bytes.
func (r *pdfReader) inflate(o pdfObject, most int64) ([]byte, error) {
	z, params, err := r.inflater(o)
	if err != nil {
		return nil, err
	}
	b, err := readAll(z, most)
	if err != nil {
		return nil, fmt.Errorf("%w: a compressed stream: %w", pdf.ErrDamaged, err)
	}
	return pdf.Unpredict(b, params)
}

// readAll is io.ReadAll with a limit, in two copies at most.
func readAll(r io.Reader, most int64) ([]byte, error) {
	var parts [][]byte
	for total := int64(0); ; {
		part := make([]byte, min(max(4<<10, total), 1<<20))
		n, err := 0, error(nil)
		for n < len(part) && err == nil {
			var m int
			m, err = r.Read(part[n:])
			n += m
		}
		parts = append(parts, part[:n])
		if total += int64(n); total > most {
			return nil, fmt.Errorf("%w: it expands too far", errLimit)
		}
		if err == io.EOF {
			return bytes.Join(parts, nil), nil
		}
		if err != nil {
			return nil, err
		}
	}
}
