package c2pa

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// svgFile finds the c2pa:manifest element of SVG files, whose text is the store in base64
// (C2PA 2.2, A.3.7).
type svgFile struct{}

const nsManifest = "http://c2pa.org/manifest"

// isSVG looks for the root element near the start of what looks like XML.
func isSVG(f *file) bool {
	b, err := f.bytes(0, int(min(f.size, 4096)))
	if err != nil {
		return false
	}
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")), " \t\r\n")
	return bytes.HasPrefix(b, []byte("<")) && bytes.Contains(b, []byte("<svg"))
}

func (svgFile) locate(f *file) (located, error) {
	var out located
	if f.size > f.limits.StoreBytes {
		out.broken = fmt.Errorf("%w: SVG file of %d bytes", errLimit, f.size)
		return out, nil
	}
	d := xml.NewDecoder(io.NewSectionReader(f, 0, f.size))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // names and base64 are ASCII
	for {
		if err := f.step(); err != nil {
			out.broken = err
			return out, nil
		}
		t, err := d.Token()
		var syntax *xml.SyntaxError
		switch {
		case errors.Is(err, io.EOF) || errors.As(err, &syntax):
			return out, nil // the hard binding covers what is missing
		case err != nil:
			return out, err
		}
		el, ok := t.(xml.StartElement)
		if !ok || el.Name.Local != "manifest" || el.Name.Space != nsManifest && el.Name.Space != "c2pa" {
			continue
		}
		at := span{start: d.InputOffset()}
		var text []byte
		if t, err = d.Token(); err == nil {
			text, _ = t.(xml.CharData)
		}
		at.length = d.InputOffset() - at.start
		if len(text) == 0 {
			at.length = 0
		}
		if out.at.length == 0 {
			out.at = at
		}
		store, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
		if err != nil || len(store) == 0 {
			out.broken = fmt.Errorf("%w: not base64 in an SVG file", errBox)
		}
		if len(out.stores) < 2 {
			out.stores = append(out.stores, store)
		}
	}
}

func (svgFile) pieces(*file) ([]piece, error) { return nil, errNoPieces }
