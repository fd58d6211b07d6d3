package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// BMFF says how c2pa.hash.bmff binds a file of ISO boxes. The zero value is version 3 with
// one hash over the whole file.
type BMFF struct {
	Version   int      // 1, 2 or 3; default 3
	Fixed     int      // size of the Merkle leaves of each mdat; the last may be shorter
	Variable  []int    // sizes of the Merkle leaves of the only mdat
	Fragments bool     // a Merkle leaf for each moof with what follows it
	Row       int      // which row of the tree stands in the assertion; 0: the leaves
	Exclude   []string // further boxes to leave out, by path
	// Spoil, if set, may change the assertion and the maps of the Merkle boxes before they are
	// written; lengths must stay the same from call to call.
	Spoil func(assertion map[string]any, proofs []map[string]any)
}

var uuidC2PA = []byte{0xD8, 0xFE, 0xC3, 0xD6, 0x1B, 0x0E, 0x48, 0x3C, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7E, 0xC4, 0x81}

type bmffFile struct{}

func (bmffFile) mediaType() string { return "video/mp4" }

// isoBox is a box of the file.
type isoBox struct {
	kind       string
	start, end int
	head       int
}

func isoBoxes(file []byte, start, end int) []isoBox {
	var out []isoBox
	for off := start; off+8 <= end; {
		b := isoBox{kind: string(file[off+4 : off+8]), start: off, end: off + int(binary.BigEndian.Uint32(file[off:])), head: 8}
		switch binary.BigEndian.Uint32(file[off:]) {
		case 0:
			b.end = end
		case 1:
			if off+16 > end {
				return out
			}
			b.end, b.head = off+int(binary.BigEndian.Uint64(file[off+8:])), 16
		}
		if b.end < off+b.head || b.end > end {
			return out
		}
		out, off = append(out, b), b.end
	}
	return out
}

func (b isoBox) isC2PA(file []byte) bool {
	return b.kind == "uuid" && bytes.HasPrefix(file[b.start+b.head:b.end], uuidC2PA)
}

func (bmffFile) take(file []byte) ([]byte, bool) {
	for _, b := range isoBoxes(file, 0, len(file)) {
		if content := file[b.start+b.head+min(20, b.end-b.start-b.head) : b.end]; b.isC2PA(file) {
			if store, ok := bytes.CutPrefix(content, []byte("manifest\x00")); ok && len(store) > 8 {
				return store[8:], true
			}
		}
	}
	return nil, false
}

// strip takes the boxes of C2PA out; the store belongs behind the first box.
func (bmffFile) strip(file []byte) ([]byte, int) {
	var out []byte
	at, gone := 0, 0
	for i, b := range isoBoxes(file, 0, len(file)) {
		if b.isC2PA(file) {
			gone += b.end - b.start
			continue
		}
		out = append(out, file[b.start:b.end]...)
		if i == 0 {
			at = len(out)
		}
	}
	moveChunks(out, -gone)
	return out, at
}

func (bmffFile) frame(store []byte) []byte {
	return purposeBox("manifest", slices.Concat(make([]byte, 8), store))
}

// purposeBox is a uuid box of C2PA.
func purposeBox(purpose string, content []byte) []byte {
	return box("uuid", slices.Concat(uuidC2PA, make([]byte, 4), []byte(purpose), []byte{0}, content))
}

func (bmffFile) binding(Manifest, []byte, int, int64) []Assertion { return nil } // see signBMFF

// moveChunks adds by to the chunk offsets of all tracks.
func moveChunks(file []byte, by int) {
	inside := func(within isoBox, kind string) (out []isoBox) {
		for _, b := range isoBoxes(file, within.start+within.head, within.end) {
			if b.kind == kind {
				out = append(out, b)
			}
		}
		return out
	}
	level := inside(isoBox{end: len(file)}, "moov")
	for _, kind := range strings.Fields("trak mdia minf stbl") {
		var next []isoBox
		for _, b := range level {
			next = append(next, inside(b, kind)...)
		}
		level = next
	}
	for _, table := range level {
		for _, b := range inside(table, "stco") {
			for at := b.start + 16; at+4 <= b.end; at += 4 {
				binary.BigEndian.PutUint32(file[at:], uint32(int(binary.BigEndian.Uint32(file[at:]))+by))
			}
		}
		for _, b := range inside(table, "co64") {
			for at := b.start + 16; at+8 <= b.end; at += 8 {
				binary.BigEndian.PutUint64(file[at:], uint64(int(binary.BigEndian.Uint64(file[at:]))+by))
			}
		}
	}
}

// signBMFF writes the store behind the first box, and Merkle boxes where they belong. Hashes
// since version 2 cover where boxes lie, so that the layout comes first.
func (s *Signer) signBMFF(bare []byte, m Manifest, kept [][]byte) ([]byte, error) {
	length := len(bmffFile{}.frame(nil))
	overhead := length
	for range 1000 {
		draft, err := m.BMFF.lay(bare, bmffFile{}.frame(make([]byte, length-overhead)), nil)
		if err != nil {
			return nil, err
		}
		var list []Assertion
		var proofs []map[string]any
		if m.Binding != NoBinding {
			var binding map[string]any
			if binding, proofs, err = m.BMFF.bind(draft); err != nil {
				return nil, err
			}
			label := "c2pa.hash.bmff"
			if v := m.BMFF.version(); v > 1 {
				label = fmt.Sprintf("%s.v%d", label, v)
			}
			list = []Assertion{{Label: label, CBOR: binding}}
		}
		body, err := s.build(m, list)
		if err != nil {
			return nil, err
		}
		framed := bmffFile{}.frame(superbox("c2pa", "c2pa", slices.Concat(append(kept, body)...)))
		if len(framed) == length {
			return m.BMFF.lay(bare, framed, proofs)
		}
		length = len(framed)
	}
	return nil, errors.New("the length of the manifest store does not settle")
}

func (o BMFF) version() int {
	if o.Version == 0 {
		return 3
	}
	return o.Version
}

// lay puts boxes in order: the first box of the file, the store, Merkle boxes of mdat, and
// everything else, with a Merkle box before each moof. Without proofs those have the right
// length and no content.
func (o BMFF) lay(bare, store []byte, proofs []map[string]any) ([]byte, error) {
	boxes := isoBoxes(bare, 0, len(bare))
	if len(boxes) == 0 || boxes[len(boxes)-1].end != len(bare) {
		return nil, errors.New("the file is not made of whole ISO boxes")
	}
	if proofs == nil {
		_, leaves, err := o.leaves(bare)
		if err != nil {
			return nil, err
		}
		proofs = o.proofs(leaves)
	}
	encoded := make([][]byte, len(proofs))
	for i, p := range proofs {
		content, err := encoder.Marshal(p)
		if err != nil {
			return nil, err
		}
		encoded[i] = purposeBox("merkle", content)
	}
	out := slices.Concat(bare[:boxes[0].end], store)
	if !o.Fragments {
		out = append(out, slices.Concat(encoded...)...)
	}
	moved := len(out) - boxes[0].end
	for _, b := range boxes[1:] {
		if o.Fragments && b.kind == "moof" && len(encoded) > 0 {
			out, encoded = append(out, encoded[0]...), encoded[1:]
		}
		out = append(out, bare[b.start:b.end]...)
	}
	moveChunks(out, moved)
	return out, nil
}

// hash is SHA-256 over boxes without what is left out.
func (o BMFF) hash(file []byte, boxes []isoBox) []byte {
	sum := sha256.New()
	for _, b := range boxes {
		left := slices.Concat([]string{"/ftyp", "/mfra"}, o.Exclude)
		if b.isC2PA(file) || slices.Contains(left, "/"+b.kind) {
			continue
		}
		if o.version() > 1 {
			sum.Write(binary.BigEndian.AppendUint64(nil, uint64(b.start)))
		}
		end := b.end
		if b.kind == "mdat" && (o.Fixed > 0 || o.Variable != nil) {
			end = min(b.end, b.start+16)
		}
		sum.Write(file[b.start:end])
	}
	return sum.Sum(nil)
}

// leaves are the hashes of the leaves, by tree, and the sizes of variable ones.
func (o BMFF) leaves(file []byte) (init []byte, trees [][][]byte, err error) {
	boxes := isoBoxes(file, 0, len(file))
	switch {
	case o.Fragments:
		var tree [][]byte
		var part []isoBox
		flush := func() {
			if tree == nil {
				init, tree = o.hash(file, part), [][]byte{}
			} else {
				tree = append(tree, o.hash(file, part))
			}
			part = nil
		}
		for _, b := range boxes {
			if b.kind == "moof" {
				flush()
			}
			part = append(part, b)
		}
		flush()
		trees = append(trees, tree)
	case o.Fixed > 0 || o.Variable != nil:
		for _, b := range boxes {
			if b.kind != "mdat" {
				continue
			}
			var tree [][]byte
			content := file[min(b.start+16, b.end):b.end]
			for i := 0; len(content) > 0; i++ {
				n := o.Fixed
				if o.Variable != nil {
					if i == len(o.Variable) {
						return nil, nil, errors.New("the leaves are shorter than mdat")
					}
					n = o.Variable[i]
				}
				n = min(n, len(content))
				sum := sha256.Sum256(content[:n])
				tree, content = append(tree, sum[:]), content[n:]
			}
			trees = append(trees, tree)
		}
	}
	return init, trees, nil
}

// rows builds a tree from its leaves up. A node without a neighbour goes up as it is.
func rows(leaves [][]byte) [][][]byte {
	out := [][][]byte{leaves}
	for row := leaves; len(row) > 1; out = append(out, row) {
		var up [][]byte
		for i := 0; i < len(row); i += 2 {
			if i+1 == len(row) {
				up = append(up, row[i])
				continue
			}
			sum := sha256.Sum256(slices.Concat(row[i], row[i+1]))
			up = append(up, sum[:])
		}
		row = up
	}
	return out
}

// proofs are the maps of the Merkle boxes: none where the leaves themselves stand in the
// assertion, but for fragments, which say which leaf they are.
func (o BMFF) proofs(trees [][][]byte) []map[string]any {
	var out []map[string]any
	for t, leaves := range trees {
		all := rows(leaves)
		for i := range leaves {
			if o.Row == 0 && !o.Fragments {
				break
			}
			p := map[string]any{"uniqueId": t + 1, "localId": t + 1, "location": i}
			var hashes [][]byte
			for r, at := 0, i; r < min(o.Row, len(all)-1); r, at = r+1, at/2 {
				if peer := at ^ 1; peer < len(all[r]) {
					hashes = append(hashes, all[r][peer])
				}
			}
			if hashes != nil {
				p["hashes"] = hashes
			}
			out = append(out, p)
		}
	}
	return out
}

// bind makes the assertion and the maps of the Merkle boxes for a file as it will lie.
func (o BMFF) bind(file []byte) (map[string]any, []map[string]any, error) {
	exclusions := []map[string]any{{"xpath": "/uuid", "data": []map[string]any{{"offset": 8, "value": uuidC2PA}}},
		{"xpath": "/ftyp"}, {"xpath": "/mfra"}}
	for _, path := range o.Exclude {
		exclusions = append(exclusions, map[string]any{"xpath": path})
	}
	out := map[string]any{"alg": "sha256", "name": "jumbf manifest"}
	init, trees, err := o.leaves(file)
	if err != nil {
		return nil, nil, err
	}
	proofs := o.proofs(trees)
	if !o.Fragments {
		out["hash"] = o.hash(file, isoBoxes(file, 0, len(file)))
	}
	if len(trees) > 0 {
		var maps []map[string]any
		for t, leaves := range trees {
			all := rows(leaves)
			one := map[string]any{"uniqueId": t + 1, "localId": t + 1, "count": len(leaves), "alg": "sha256",
				"hashes": all[min(o.Row, len(all)-1)]}
			switch {
			case o.Fragments:
				one["initHash"] = init
			case o.Variable != nil:
				one["variableBlockSizes"] = o.Variable
			default:
				one["fixedBlockSize"] = o.Fixed
			}
			maps = append(maps, one)
		}
		out["merkle"] = maps
		if !o.Fragments {
			exclusions = append(exclusions, map[string]any{"xpath": "/mdat", "subset": []map[string]any{{"offset": 16, "length": 0}}})
		}
	}
	out["exclusions"] = exclusions
	if o.Spoil != nil {
		o.Spoil(out, proofs)
	}
	return out, proofs, nil
}
