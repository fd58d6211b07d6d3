package c2pa

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
)

// filter returns the name of the one filter of a stream, "" without any. Encryption by the
// identity filter, which stores in encrypted files need, changes nothing.
func (r *pdfReader) filter(o pdfObject) (string, pdfDict, error) {
	one := func(key string) (any, error) {
		v, err := r.resolve(o.dict()[key], o.from)
		if list, ok := v.value.([]any); ok && err == nil {
			if len(list) > 1 {
				return nil, fmt.Errorf("%w: a stream with several filters", errPDF)
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
	d, _ := params.(pdfDict)
	switch n, _ := name.(pdfName); n {
	case "", "Crypt":
		return "", d, nil
	case "FlateDecode", "Fl":
		return "FlateDecode", d, nil
	default:
		return "", nil, fmt.Errorf("%w: a stream with the filter %.20q", errPDF, string(n))
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
		return span{}, fmt.Errorf("%w: a stream without its length", errPDF)
	}
	b, err := r.read(s.end(), 20)
	if err != nil {
		return span{}, err
	}
	p := pdfParser{b: b, values: &r.values}
	if p.space(); !bytes.HasPrefix(b[p.i:], []byte("endstream")) {
		return span{}, fmt.Errorf("%w: a stream has not the length that it names", errPDF)
	}
	return s, nil
}

// inflater gives the content of a stream.
func (r *pdfReader) inflater(o pdfObject) (io.Reader, pdfDict, error) {
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
		return nil, nil, fmt.Errorf("%w: a compressed stream: %w", errPDF, err)
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
		return nil, fmt.Errorf("%w: a compressed stream: %w", errPDF, err)
	}
	if n := params.integer("Predictor"); n > 1 {
		return unpredict(b, n, params)
	}
	return b, nil
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

// unpredict undoes the PNG predictors (ISO 32000-2, 7.4.4.4), in place.
func unpredict(b []byte, predictor int64, params pdfDict) ([]byte, error) {
	columns := max(params.integer("Columns"), 1)
	if predictor < 10 || max(params.integer("Colors"), 1) != 1 || params.integer("BitsPerComponent") > 8 || columns > int64(len(b)) {
		return nil, fmt.Errorf("%w: a stream with predictor %d", errPDF, predictor)
	}
	n := int(columns)
	out, before := b[:0], make([]byte, n)
	for len(b) > n {
		kind, row := b[0], b[1:n+1]
		for i := range row {
			left, up, corner := byte(0), before[i], byte(0)
			if i > 0 {
				left, corner = row[i-1], before[i-1]
			}
			switch kind {
			case 0:
			case 1:
				row[i] += left
			case 2:
				row[i] += up
			case 3:
				row[i] += byte((int(left) + int(up)) / 2)
			case 4:
				row[i] += paeth(int(left), int(up), int(corner))
			default:
				return nil, fmt.Errorf("%w: a stream with row filter %d", errPDF, kind)
			}
		}
		copy(before, row)
		b = b[n+1:]
		out = append(out, before...) // what is written was read: rows lose a byte each
	}
	return out, nil
}

func paeth(a, b, c int) byte {
	distance := func(n int) int { return max(a+b-c-n, n-a-b+c) }
	switch {
	case distance(a) <= distance(b) && distance(a) <= distance(c):
		return byte(a)
	case distance(b) <= distance(c):
		return byte(b)
	}
	return byte(c)
}
