package c2pa

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

func isPNG(head []byte) bool { return bytes.HasPrefix(head, []byte(pngSignature)) }

// pngFile finds the caBX chunk. https://www.w3.org/TR/png-3/ and C2PA 2.2, A.3.2.
type pngFile struct{}

// walk calls visit for every chunk with its name and the span of the whole chunk. A file
// that ends early ends the walk with errTruncated.
func (pngFile) walk(f *file, visit func(name string, s span) error) error {
	for off := int64(len(pngSignature)); off < f.size; {
		if err := f.step(); err != nil {
			return err
		}
		head, err := f.bytes(off, 8)
		if err != nil {
			return err
		}
		name := string(head[4:8])
		s := span{off, 12 + int64(binary.BigEndian.Uint32(head))}
		if s.end() > f.size {
			s.length = f.size - off
			return errors.Join(visit(name, s), errTruncated)
		}
		if err := visit(name, s); err != nil {
			return err
		}
		if off = s.end(); name == "IEND" {
			return nil
		}
	}
	return errTruncated
}

func (p pngFile) locate(f *file) (located, error) {
	var out located
	var xmp []byte
	err := p.walk(f, func(name string, s span) error {
		switch {
		case name == "caBX":
			if out.at.length == 0 {
				out.at = s
			}
			store, err := f.copyOf(span{s.start + 8, s.length - 12})
			if err != nil {
				out.broken = err
				return nil
			}
			if len(out.stores) < 2 {
				out.stores = append(out.stores, store)
			}
		case name == "iTXt" && xmp == nil && s.length < maxXMP:
			text, err := f.copyOf(span{s.start + 8, s.length - 12})
			if err == nil {
				xmp = pngXMP(text)
			}
		}
		return nil
	})
	if errors.Is(err, errTruncated) {
		if out.at.length > 0 && out.broken == nil {
			out.broken = err
		}
		err = out.torn(f, err)
	} else if errors.Is(err, errLimit) {
		out.broken, err = err, nil
	}
	out.remote = provenanceAddress(xmp)
	return out, err
}

// pngXMP returns the packet of an iTXt chunk that holds XMP, inflated within maxXMP.
func pngXMP(b []byte) []byte {
	rest, ok := bytes.CutPrefix(b, []byte("XML:com.adobe.xmp\x00"))
	if !ok || len(rest) < 2 {
		return nil
	}
	compressed := rest[0] == 1
	rest = rest[2:]
	for range 2 { // language and translated keyword
		if _, rest, ok = bytes.Cut(rest, []byte{0}); !ok {
			return nil
		}
	}
	if !compressed {
		return rest
	}
	z, err := zlib.NewReader(bytes.NewReader(rest))
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(z, maxXMP))
	return out
}

func (p pngFile) pieces(f *file) ([]piece, error) {
	out := []piece{{"PNGh", span{0, int64(len(pngSignature))}}}
	err := p.walk(f, func(name string, s span) error {
		if name == "caBX" {
			name = "C2PA"
		}
		out = append(out, piece{name, s})
		return nil
	})
	return out, err
}
