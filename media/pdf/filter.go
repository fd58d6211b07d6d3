package pdf

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"context"
	"encoding/ascii85"
	"encoding/hex"
	"fmt"
	"io"

	tifflzw "golang.org/x/image/tiff/lzw"

	"github.com/cordonhq/cordon/internal/unpack"
)

// ErrUnsupported says that a stream is coded in a way that is not undone here.
var ErrUnsupported = fmt.Errorf("%w: a filter that is not undone here", ErrDamaged)

// Coded are filters that make a picture of a file of its own, which is left as it is.
var coded = map[Name]bool{"DCTDecode": true, "DCT": true, "JPXDecode": true}

// maxFilters bounds the filters of one stream: files have three at most.
const maxFilters = 8

// With is the same list of objects, read with another ctx and a cursor of its own.
func (d *File) With(ctx context.Context) *File {
	c := *d
	c.ctx, c.latest, c.buffer, c.bufferAt, c.parsed, c.inflated = ctx, nil, nil, 0, 0, 0
	return &c
}

// Encrypted reports whether the document takes a key.
func (d *File) Encrypted() bool {
	for _, t := range d.trailers {
		if t.dict["Encrypt"] != nil {
			return true
		}
	}
	return false
}

// Infos are the objects that trailers name as what the document says of itself, of all revisions.
func (d *File) Infos() (out []Object) {
	named := map[int64]bool{}
	for _, t := range d.trailers {
		if ref, ok := t.dict["Info"].(Ref); ok {
			named[int64(ref)] = true
		}
	}
	for _, o := range d.Objects {
		if named[o.Number] && o.Stream == 0 {
			out = append(out, o)
		}
	}
	return out
}

// Dict returns the dictionary of an object, with what its entries refer to in place of references
// to names, numbers, dictionaries and arrays of them; nil if it has none.
func (d *File) Dict(o Object, resolved ...string) (Dict, error) {
	raw, err := d.BytesOf(o)
	if err != nil {
		return nil, err
	}
	dict, _ := parsed(raw).(Dict)
	for _, key := range resolved {
		if v := dict[key]; v != nil {
			dict[key] = d.Resolve(v, 0)
		}
	}
	return dict, nil
}

func parsed(raw []byte) any {
	values := maxValues
	p := Parser{B: raw, Whole: true, Values: &values}
	v, err := p.Value(0)
	if err != nil {
		return nil
	}
	return v
}

// Resolve follows references, in arrays and dictionaries too, as the document is now. An object
// that is not there any more is looked for among all there ever were.
func (d *File) Resolve(v any, depth int) any {
	if depth > 6 {
		return nil
	}
	switch v := v.(type) {
	case Ref:
		o, ok := d.Now().Last[int64(v)]
		if !ok {
			for _, old := range d.Objects {
				if old.Number == int64(v) {
					o, ok = old, true
				}
			}
		}
		if !ok {
			return nil
		}
		raw, err := d.BytesOf(o)
		if err != nil {
			return nil
		}
		return d.Resolve(parsed(bytes.Clone(raw)), depth+1)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = d.Resolve(v[i], depth+1)
		}
		return out
	case Dict:
		out := Dict{}
		for k, one := range v {
			out[k] = d.Resolve(one, depth+1)
		}
		return out
	}
	return v
}

// Decoded undoes the filters of a stream up to one that a picture is coded with, whose name it
// returns. The filters and their parameters are resolved (see Dict). At most so many bytes are
// unpacked, else the error is cordon.ErrTooLarge; what could be unpacked before any other error
// comes with it.
func (d *File) Decoded(o Object, dict Dict, most int64) (content []byte, code Name, err error) {
	packed := &unpack.Counter{R: io.NewSectionReader(d.r, o.Stream, o.EOS-o.Stream)}
	r, code, predict, err := filtered(packed, dict)
	if err != nil {
		return nil, code, err
	}
	content, err = unpack.All(d.ctx, r, packed.N, most)
	if predict != nil && code == "" && len(content) > 0 {
		plain, bad := Unpredict(content, predict)
		if bad != nil {
			return nil, "", bad
		}
		content = plain
	}
	return content, code, err
}

// Head is the beginning of what Decoded returns, without an error where it cannot be unpacked.
func (d *File) Head(o Object, dict Dict, most int64) ([]byte, Name) {
	r, code, predict, err := filtered(io.NewSectionReader(d.r, o.Stream, o.EOS-o.Stream), dict)
	if err != nil {
		return nil, code
	}
	content, _ := io.ReadAll(io.LimitReader(r, most))
	if predict != nil && code == "" {
		content, _ = Unpredict(content, predict)
	}
	return content, code
}

func filtered(r io.Reader, dict Dict) (out io.Reader, code Name, predict Dict, err error) {
	filters, params := list(dict["Filter"], dict["F"]), list(dict["DecodeParms"], dict["DP"])
	if len(filters) > maxFilters {
		return nil, "", nil, fmt.Errorf("%w: a stream with %d filters", ErrDamaged, len(filters))
	}
	for i, f := range filters {
		var with Dict
		if i < len(params) {
			with, _ = params[i].(Dict)
		}
		name, _ := f.(Name)
		if predict != nil && predict.Integer("Predictor") > 1 { // not of the last: never written
			return nil, "", nil, fmt.Errorf("%w: a predictor before a filter", ErrUnsupported)
		}
		switch name {
		case "FlateDecode", "Fl":
			if r, err = zlib.NewReader(r); err != nil {
				return nil, "", nil, fmt.Errorf("%w: its compressed data", ErrDamaged)
			}
			predict = with
		case "LZWDecode", "LZW":
			if with.Integer("EarlyChange") == 0 {
				r = lzw.NewReader(r, lzw.MSB, 8)
			} else {
				r = tifflzw.NewReader(r, tifflzw.MSB, 8)
			}
			predict = with
		case "RunLengthDecode", "RL":
			r = &runs{r: r}
		case "ASCII85Decode", "A85":
			r = ascii85.NewDecoder(&until{r: r})
		case "ASCIIHexDecode", "AHx":
			r = hex.NewDecoder(&until{r: r, hex: true})
		case "Crypt":
		default:
			if coded[name] {
				return r, name, nil, nil
			}
			return nil, name, nil, fmt.Errorf("%w: %.20q", ErrUnsupported, string(name))
		}
	}
	return r, "", predict, nil
}

// list is one value, or the values of an array.
func list(values ...any) []any {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
		case []any:
			return v
		default:
			return []any{v}
		}
	}
	return nil
}

// runs undoes run lengths (ISO 32000-2, 7.4.5).
type runs struct {
	r    io.Reader
	left []byte
	done bool
}

func (u *runs) Read(p []byte) (int, error) {
	for len(u.left) == 0 {
		var b [129]byte
		if u.done {
			return 0, io.EOF
		}
		if _, err := io.ReadFull(u.r, b[:1]); err != nil {
			return 0, err
		}
		switch n := int(b[0]); {
		case n == 128:
			u.done = true
		case n < 128:
			got, err := io.ReadFull(u.r, b[:n+1])
			u.left = append(u.left[:0], b[:got]...)
			if err != nil {
				u.done = true
			}
		default:
			if _, err := io.ReadFull(u.r, b[:1]); err != nil {
				return 0, err
			}
			u.left = append(u.left[:0], bytes.Repeat(b[:1], 257-n)...)
		}
	}
	n := copy(p, u.left)
	u.left = u.left[n:]
	return n, nil
}

// until ends a stream of text at its end mark, and drops white space of hexadecimal digits.
type until struct {
	r    io.Reader
	hex  bool
	done bool
}

func (u *until) Read(p []byte) (int, error) {
	for {
		if u.done {
			return 0, io.EOF
		}
		n, err := u.r.Read(p)
		mark := byte('~')
		if u.hex {
			mark = '>'
		}
		if i := bytes.IndexByte(p[:n], mark); i >= 0 {
			n, u.done = i, true
		}
		if u.hex {
			kept := 0
			for _, c := range p[:n] {
				if !IsSpace(c) {
					p[kept] = c
					kept++
				}
			}
			n = kept
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}
