package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// container knows where a kind of file keeps its store.
type container interface {
	mediaType() string
	take(file []byte) (store []byte, ok bool)
	strip(file []byte) (bare []byte, at int)
	frame(store []byte) []byte
	binding(m Manifest, bare []byte, at int, length int64) []Assertion
}

func containerOf(file []byte) (container, error) {
	switch {
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return pngFile{}, nil
	case bytes.HasPrefix(file, []byte{0xFF, 0xD8, 0xFF}):
		return jpegFile{}, nil
	case len(file) > 12 && string(file[4:8]) == "ftyp":
		return bmffFile{}, nil
	}
	return nil, errors.New("manifests are written into JPEG, PNG and MP4 files only")
}

// part is a named range of a file.
type part struct {
	name       string
	start, end int
}

// bind makes the binding assertion from the parts of a file without a store, which will be
// put at the offset at and take length bytes.
func bind(m Manifest, bare []byte, parts []part, at int, length int64) []Assertion {
	switch m.Binding {
	case DataHash:
		sum := sha256.New()
		exclusions := []map[string]any{{"start": at, "length": length}}
		// Further exclusions are given in offsets of the finished file.
		skipped := map[int]bool{}
		for _, e := range m.Exclude {
			exclusions = append(exclusions, map[string]any{"start": e[0], "length": e[1]})
			for i := e[0]; i < e[0]+e[1]; i++ {
				if i >= int64(at)+length {
					skipped[int(i-length)] = true
				} else if i < int64(at) {
					skipped[int(i)] = true
				}
			}
		}
		if len(skipped) == 0 {
			sum.Write(bare)
		} else {
			for i, b := range bare {
				if !skipped[i] {
					sum.Write([]byte{b})
				}
			}
		}
		return []Assertion{{Label: "c2pa.hash.data", CBOR: map[string]any{"name": "jumbf manifest", "alg": "sha256",
			"exclusions": exclusions, "hash": sum.Sum(nil), "pad": []byte{}}}}
	case BoxesHash:
		var boxes []map[string]any
		put := false
		for _, p := range parts {
			if p.start >= at && !put {
				boxes, put = append(boxes, map[string]any{"names": []string{"C2PA"}, "hash": []byte{}, "pad": []byte{}}), true
			}
			sum := sha256.Sum256(bare[p.start:p.end])
			boxes = append(boxes, map[string]any{"names": []string{p.name}, "hash": sum[:], "pad": []byte{}})
		}
		return []Assertion{{Label: "c2pa.hash.boxes", CBOR: map[string]any{"alg": "sha256", "boxes": boxes}}}
	}
	return nil
}

type pngFile struct{}

func (pngFile) mediaType() string { return "image/png" }

func (pngFile) parts(file []byte) []part {
	out := []part{{"PNGh", 0, 8}}
	for off := 8; off+12 <= len(file); {
		end := off + 12 + int(binary.BigEndian.Uint32(file[off:]))
		if end > len(file) {
			break
		}
		out = append(out, part{string(file[off+4 : off+8]), off, end})
		off = end
	}
	return out
}

func (p pngFile) take(file []byte) ([]byte, bool) {
	for _, c := range p.parts(file) {
		if c.name == "caBX" {
			return file[c.start+8 : c.end-4], true
		}
	}
	return nil, false
}

func (p pngFile) strip(file []byte) ([]byte, int) {
	var out []byte
	at := 0
	for _, c := range p.parts(file) {
		if c.name != "caBX" {
			out = append(out, file[c.start:c.end]...)
		}
		if c.name == "IHDR" {
			at = len(out)
		}
	}
	return out, at
}

func (pngFile) frame(store []byte) []byte { return chunk("caBX", store) }

func (p pngFile) binding(m Manifest, bare []byte, at int, length int64) []Assertion {
	return bind(m, bare, p.parts(bare), at, length)
}

// chunk is a PNG chunk.
func chunk(name string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, name...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

type jpegFile struct{}

func (jpegFile) mediaType() string { return "image/jpeg" }

// parts lists the segments up to the first scan, which is taken to last to the end marker.
func (jpegFile) parts(file []byte) []part {
	out := []part{{"SOI", 0, 2}}
	for off := 2; off+4 <= len(file) && file[off] == 0xFF; {
		marker, end := file[off+1], off+2+int(binary.BigEndian.Uint16(file[off+2:]))
		if marker == 0xDA || end > len(file) {
			return append(out, part{"SOS", off, len(file) - 2}, part{"EOI", len(file) - 2, len(file)})
		}
		out = append(out, part{segmentNames[marker], off, end})
		off = end
	}
	return out
}

// segmentNames are the names of the segments that image/jpeg writes, and of those that
// samples add.
var segmentNames = map[byte]string{0xC0: "SOF0", 0xC4: "DHT", 0xDB: "DQT", 0xDD: "DRI",
	0xE0: "APP0", 0xE1: "APP1", 0xEB: "APP11", 0xFE: "COM"}

func (p jpegFile) take(file []byte) ([]byte, bool) {
	var store []byte
	for _, s := range p.parts(file) {
		if b := file[s.start:s.end]; s.name == "APP11" && len(b) > 20 && string(b[4:6]) == "JP" {
			skip := 12
			if len(store) > 0 {
				skip = 20 // later segments repeat the header of the box
			}
			store = append(store, b[skip:]...)
		}
	}
	return store, store != nil
}

func (p jpegFile) strip(file []byte) ([]byte, int) {
	var out []byte
	at := 2
	for _, s := range p.parts(file) {
		if s.name != "APP11" {
			out = append(out, file[s.start:s.end]...)
		}
		if s.name == "APP0" || s.name == "APP1" {
			at = len(out)
		}
	}
	return out, at
}

// frame cuts the store into APP11 segments.
func (jpegFile) frame(store []byte) []byte {
	const most = 64000
	var out []byte
	for n, rest := uint32(1), store; len(rest) > 0; n++ {
		part := rest[:min(most, len(rest))]
		rest = rest[len(part):]
		head := []byte{'J', 'P', 0x00, 0x01}
		head = binary.BigEndian.AppendUint32(head, n)
		if n > 1 {
			head = append(head, store[:8]...)
		}
		out = append(out, 0xFF, 0xEB)
		out = binary.BigEndian.AppendUint16(out, uint16(2+len(head)+len(part)))
		out = append(append(out, head...), part...)
	}
	return out
}

func (p jpegFile) binding(m Manifest, bare []byte, at int, length int64) []Assertion {
	return bind(m, bare, p.parts(bare), at, length)
}
