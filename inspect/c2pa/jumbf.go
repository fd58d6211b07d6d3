package c2pa

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// box is one box of a JUMBF tree (ISO/IEC 19566-5). Superboxes ("jumb") have a description
// and children, all others have content only. The slices point into the store; nothing is
// copied.
type box struct {
	kind     string // four characters: jumb, jumd, cbor, json, bfdb, bidb, brob, …
	payload  []byte // everything after the box header
	desc     description
	children []*box
}

// description is the content of a superbox's "jumd" box.
type description struct {
	uuid  [16]byte
	label string
}

// Superbox types of C2PA: four letters followed by the same twelve bytes.
const (
	typeStore      = "c2pa"
	typeManifest   = "c2ma"
	typeUpdate     = "c2um"
	typeCompressed = "c2cm"
	typeClaim      = "c2cl"
	typeAssertions = "c2as"
	typeSignature  = "c2cs"
	typeDataBoxes  = "c2db"
)

var (
	typeSuffix = []byte{0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71}

	errBox   = errors.New("manifest store is not well-formed JUMBF")
	errLimit = errors.New("a limit was met")
)

// superType returns the four letters of a C2PA or JUMBF standard superbox type, else "".
func (b *box) superType() string {
	if b.kind != "jumb" || !bytes.Equal(b.desc.uuid[4:], typeSuffix) {
		return ""
	}
	return string(b.desc.uuid[:4])
}

// content returns the payload of the first child of the kind, or nil.
func (b *box) content(kind string) []byte {
	for _, c := range b.children {
		if c.kind == kind {
			return c.payload
		}
	}
	return nil
}

// blank reports whether nothing but zeros is left of what a superbox held, as redaction may
// leave it.
func (b *box) blank() bool {
	for _, c := range b.children {
		if len(bytes.Trim(c.payload, "\x00")) > 0 {
			return false
		}
	}
	return true
}

// boxReader counts what it has read, so that a store cannot cost more than it weighs.
type boxReader struct {
	depth int // deepest nesting allowed
	boxes int // boxes left
}

// one reads the box at the start of b and returns it with its length in bytes.
func (r *boxReader) one(b []byte, depth int) (*box, int, error) {
	if depth > r.depth {
		return nil, 0, fmt.Errorf("%w: boxes nest deeper than %d", errLimit, r.depth)
	}
	if r.boxes--; r.boxes < 0 {
		return nil, 0, fmt.Errorf("%w: too many boxes", errLimit)
	}
	head, n, err := boxHeader(b)
	if err != nil {
		return nil, 0, err
	}
	out := &box{kind: string(b[4:8]), payload: b[head:n]}
	if out.kind != "jumb" {
		return out, n, nil
	}
	for rest, first := out.payload, true; len(rest) > 0; first = false {
		c, used, err := r.one(rest, depth+1)
		if err != nil {
			return nil, 0, err
		}
		switch {
		case first && c.kind != "jumd":
			return nil, 0, fmt.Errorf("%w: superbox starts with %q, not with its description", errBox, c.kind)
		case first:
			if out.desc, err = readDescription(c.payload); err != nil {
				return nil, 0, err
			}
		default:
			out.children = append(out.children, c)
		}
		rest = rest[used:]
	}
	if len(out.payload) == 0 {
		return nil, 0, fmt.Errorf("%w: empty superbox", errBox)
	}
	return out, n, nil
}

// boxHeader returns the lengths of the header and of the whole box at the start of b.
func boxHeader(b []byte) (head, n int, err error) {
	if len(b) < 8 {
		return 0, 0, fmt.Errorf("%w: %d bytes where a box should be", errBox, len(b))
	}
	size, head64 := uint64(binary.BigEndian.Uint32(b)), uint64(8)
	switch size {
	case 0: // to the end of what encloses it
		size = uint64(len(b))
	case 1:
		if len(b) < 16 {
			return 0, 0, fmt.Errorf("%w: long box is cut", errBox)
		}
		size, head64 = binary.BigEndian.Uint64(b[8:]), 16
	}
	if size < head64 || size > uint64(len(b)) {
		return 0, 0, fmt.Errorf("%w: box %q says %d bytes where %d are left", errBox, b[4:8], size, len(b))
	}
	return int(head64), int(size), nil
}

// readDescription reads a "jumd" payload: type, toggles, label; identifier, signature and
// private boxes may follow and are covered by the hash of the superbox.
func readDescription(b []byte) (description, error) {
	var d description
	if len(b) < 17 {
		return d, fmt.Errorf("%w: description is cut", errBox)
	}
	copy(d.uuid[:], b)
	if b[16]&0x02 == 0 { // no label
		return d, nil
	}
	label, _, ok := bytes.Cut(b[17:], []byte{0})
	if !ok || len(label) > 1024 {
		return d, fmt.Errorf("%w: label without an end", errBox)
	}
	d.label = string(label)
	return d, nil
}
