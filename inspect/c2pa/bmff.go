package c2pa

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// bmffFile finds the C2PA uuid box of ISO base media files: MP4, MOV, M4A, HEIF, AVIF
// (ISO/IEC 14496-12, C2PA 2.2, A.5).
type bmffFile struct{}

var (
	uuidC2PA = []byte{0xD8, 0xFE, 0xC3, 0xD6, 0x1B, 0x0E, 0x48, 0x3C, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7E, 0xC4, 0x81}
	uuidXMP  = []byte{0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC}
)

// bmffType returns the media type of a file by its major brand, "" if it is another kind.
func bmffType(head []byte) string {
	if len(head) < 12 {
		return ""
	}
	switch string(head[4:8]) {
	case "ftyp":
	case "moov", "mdat", "wide", "free", "skip", "pnot": // QuickTime before brands
		return "video/quicktime"
	default:
		return ""
	}
	switch brand := string(head[8:12]); {
	case brand == "avif" || brand == "avis":
		return "image/avif"
	case slices.Contains([]string{"heic", "heix", "heim", "heis", "hevc", "hevx"}, brand):
		return "image/heic"
	case brand == "mif1" || brand == "msf1":
		return "image/heif"
	case strings.HasPrefix(brand, "M4A") || strings.HasPrefix(brand, "M4B"):
		return "audio/mp4"
	case brand == "qt  ":
		return "video/quicktime"
	}
	return "video/mp4"
}

// isoBox is one box of the file.
type isoBox struct {
	span
	kind string
	head int64 // length of the header
}

// eachBox calls visit for the boxes between start and end. A box that reaches beyond is
// given as far as it goes and ends the walk with errTruncated.
func eachBox(f *file, start, end int64, visit func(isoBox) error) error {
	for off := start; off < end; {
		if err := f.step(); err != nil {
			return err
		}
		b, err := f.bytes(off, int(min(16, end-off)))
		if err != nil {
			return err
		}
		if len(b) < 8 {
			return errTruncated
		}
		one := isoBox{span{off, int64(binary.BigEndian.Uint32(b))}, string(b[4:8]), 8}
		switch {
		case one.length == 0 && end == f.size: // the last box may leave its length open
			one.length = end - off
		case one.length == 1 && len(b) == 16:
			size := binary.BigEndian.Uint64(b[8:])
			if size > uint64(f.size) {
				size = uint64(f.size) + 1 // too long, and still a number that can be added
			}
			one.length, one.head = int64(size), 16
		}
		if one.length < one.head {
			return fmt.Errorf("%w: box %q of %d bytes", errTruncated, one.kind, one.length)
		}
		if one.end() > end {
			one.length = end - off
			return errors.Join(visit(one), errTruncated)
		}
		if err := visit(one); err != nil {
			return err
		}
		off = one.end()
	}
	return nil
}

func (bmffFile) locate(f *file) (located, error) {
	var out located
	merkle := false
	err := eachBox(f, 0, f.size, func(b isoBox) error {
		if b.kind != "uuid" || b.length < b.head+16 {
			return nil
		}
		id, err := f.bytes(b.start+b.head, 16)
		if err != nil {
			return err
		}
		switch {
		case bytes.Equal(id, uuidXMP) && b.length < maxXMP:
			if xmp, err := f.copyOf(span{b.start + b.head + 16, b.length - b.head - 16}); err == nil {
				out.remote = first(out.remote, provenanceAddress(xmp))
			}
		case bytes.Equal(id, uuidC2PA):
			raw, err := f.copyOf(span{b.start + b.head + 16, b.length - b.head - 16})
			store := raw
			if err == nil {
				store, err = bmffStore(raw)
			}
			switch {
			case err != nil:
				out.broken, out.stores = err, append(out.stores, raw) // what it declares still counts
			case store == nil:
				merkle = true
			case len(out.stores) < 2:
				out.stores = append(out.stores, store)
			}
			if out.at.length == 0 && (store != nil || err != nil) {
				out.at = b.span
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errTruncated):
		err = out.torn(f, err) // of a store that was found the hard binding covers what is missing
	case errors.Is(err, errLimit):
		out.broken, err = err, nil
	case err == nil && merkle && len(out.stores) == 0:
		out.broken = fmt.Errorf("%w: boxes of a Merkle tree without a manifest", errBox)
	}
	return out, err
}

// bmffStore takes the content of a C2PA uuid box after its UUID: version and flags, purpose,
// and, for a store, the offset of Merkle boxes. A purpose that nobody knows is an error, not
// the absence of a manifest.
func bmffStore(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, fmt.Errorf("%w: C2PA box without a purpose", errBox)
	}
	purpose, rest, ok := bytes.Cut(b[4:min(len(b), 4+64)], []byte{0})
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: C2PA box without a purpose", errBox)
	case string(purpose) == "merkle":
		return nil, nil
	case !slices.Contains([]string{"manifest", "original", "update"}, string(purpose)):
		return nil, fmt.Errorf("%w: C2PA box with the purpose %q", errBox, purpose)
	case len(rest) < 8:
		return nil, fmt.Errorf("%w: C2PA box is cut", errBox)
	}
	return b[4+len(purpose)+1+8:], nil
}

func (bmffFile) pieces(*file) ([]piece, error) { return nil, errNoPieces }

// bmffHash is the c2pa.hash.bmff assertion, version 1 to 3: a hash of the file without some
// of its boxes, which are named by path and content.
type bmffHash struct {
	Exclusions []bmffExclusion `cbor:"exclusions"`
	Alg        string          `cbor:"alg"`
	Hash       []byte          `cbor:"hash"`
	Merkle     []merkleMap     `cbor:"merkle"`
}

type bmffExclusion struct {
	Path   string      `cbor:"xpath"`
	Length *int64      `cbor:"length"`
	Ver    *int64      `cbor:"version"`
	Flags  []byte      `cbor:"flags"`
	Exact  *bool       `cbor:"exact"`
	Data   []bmffData  `cbor:"data"`
	Subset []bmffRange `cbor:"subset"`
}

type bmffData struct {
	Offset int64  `cbor:"offset"`
	Value  []byte `cbor:"value"`
}

type bmffRange struct {
	Offset int64 `cbor:"offset"`
	Length int64 `cbor:"length"`
}

// Boxes that may be left out of the hash: what holds no content, and tables of absolute
// offsets, which move when the store grows. A signer who leaves out more binds nothing.
var mayExclude = []string{"/uuid", "/ftyp", "/mfra", "/free", "/skip", "/wide", "/styp", "/sidx", "/ssix",
	"/meta/iloc", "/mfra/tfra", "/moov/trak/mdia/minf/stbl/stco", "/moov/trak/mdia/minf/stbl/co64",
	"/moof/traf/tfhd", "/moof/traf/trun", "/moov/trak/mdia/minf/stbl/saio", "/moof/traf/saio"}

// check refuses exclusions that could hide content. The content of mdat may be left out where
// Merkle trees bind it.
func (e bmffExclusion) check(trees bool) error {
	if e.Path == "/mdat" && trees && len(e.Subset) > 0 &&
		!slices.ContainsFunc(e.Subset, func(s bmffRange) bool { return s.Offset < headOfMdat }) {
		return nil
	}
	if !slices.Contains(mayExclude, e.Path) {
		return fmt.Errorf("%.60q may not be left out", e.Path)
	}
	if e.Path == "/uuid" && !slices.ContainsFunc(e.Data, func(w bmffData) bool {
		return w.Offset == 8 && bytes.Equal(w.Value, uuidC2PA)
	}) {
		return errors.New("only the uuid box of C2PA may be left out")
	}
	return nil
}

func (r *run) verifyBMFFHash(m *manifest, a *assertion, say func(kind, string, string)) error {
	if _, ok := r.container.(bmffFile); !ok {
		say(failure, codeHardMissing, "c2pa.hash.bmff in a file of another kind")
		return nil
	}
	b := &bmffBinding{r: r, marked: !strings.HasPrefix(a.label, "c2pa.hash.bmff__") && a.label != "c2pa.hash.bmff"}
	if err := decode(a.box.content("cbor"), &b.bmffHash); err != nil {
		say(failure, codeBMFFMalformed, err.Error())
		return nil
	}
	b.alg = first(b.Alg, m.claim.Alg)
	extra := false
	for _, e := range b.Exclusions {
		if err := e.check(len(b.Merkle) > 0 && len(b.Merkle[0].InitHash) == 0); err != nil {
			say(failure, codeBMFFMismatch, err.Error())
			return nil
		}
		extra = extra || !slices.Contains([]string{"/uuid", "/ftyp", "/mfra", "/mdat"}, e.Path)
	}
	if extra {
		say(informational, codeBMFFExtra, "")
	}
	switch err := b.verify(); {
	case err == nil:
		say(success, codeBMFFMatch, "")
	case errors.Is(err, errAlgorithm):
		say(failure, codeAlgorithm, err.Error())
	case errors.Is(err, errBinding), errors.Is(err, errTree), errors.Is(err, errTruncated):
		say(failure, codeBMFFMismatch, err.Error())
	default:
		return err
	}
	return nil
}

// bmffBinding is a c2pa.hash.bmff assertion while it is held against the file.
type bmffBinding struct {
	bmffHash
	r      *run
	alg    string
	marked bool // where boxes lie is hashed too, since version 2
}

var errBinding = errors.New("the file does not match")

// verify checks the hash over the file and the Merkle trees. Fragments are bound by a tree
// alone, anything else by a hash at least.
func (b *bmffBinding) verify() error {
	h := newHash(b.alg)
	if h == nil {
		return fmt.Errorf("%w: hash algorithm %.20q of c2pa.hash.bmff", errAlgorithm, b.alg)
	}
	proofs, err := b.proofs()
	switch {
	case err != nil:
		return err
	case len(b.Merkle) == 0 && len(proofs) > 0:
		return fmt.Errorf("%w: the file has boxes of a Merkle tree, which nothing binds", errBinding)
	case len(b.Hash) == 0 && (len(b.Merkle) == 0 || len(b.Merkle[0].InitHash) == 0):
		return fmt.Errorf("%w: there is no hash", errBinding)
	}
	if len(b.Hash) > 0 {
		if err := eachBox(b.r.f, 0, b.r.f.size, func(box isoBox) error { return b.hashBox(h, box) }); err != nil {
			return err
		}
		if !bytes.Equal(h.Sum(nil), b.Hash) {
			return errBinding
		}
	}
	if len(b.Merkle) > 0 {
		return b.trees(proofs)
	}
	return nil
}

func bigEndian(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// bmffDepth is the longest path of an exclusion that is followed.
const bmffDepth = 8

// excluded adds the ranges of b, or of boxes in it, that exclusions leave out.
func (r *run) excluded(list []bmffExclusion, b isoBox, path string, skip *[]span, depth int) error {
	path += "/" + b.kind
	inside := false
	for _, e := range list {
		if e.Path != path {
			inside = inside || strings.HasPrefix(e.Path, path+"/")
			continue
		}
		ok, err := r.matches(e, b)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if len(e.Subset) == 0 {
			*skip = append(*skip, b.span)
		}
		for _, s := range e.Subset {
			if s.Offset < 0 || s.Length < 0 || s.Offset > b.length {
				continue
			}
			n := b.length - s.Offset
			if s.Length > 0 {
				n = min(n, s.Length)
			}
			*skip = append(*skip, span{b.start + s.Offset, n})
		}
	}
	if !inside || depth == bmffDepth {
		return nil
	}
	start := b.start + b.head
	if b.kind == "meta" { // a full box: version and flags come first
		start += 4
	}
	return eachBox(r.f, start, b.end(), func(c isoBox) error { return r.excluded(list, c, path, skip, depth+1) })
}

// matches checks the conditions of an exclusion other than its path.
func (r *run) matches(e bmffExclusion, b isoBox) (bool, error) {
	if e.Length != nil && *e.Length != b.length {
		return false, nil
	}
	if e.Ver != nil || e.Flags != nil {
		full, err := r.f.bytes(b.start+b.head, 4)
		if err != nil {
			return false, err
		}
		if e.Ver != nil && *e.Ver != int64(full[0]) {
			return false, nil
		}
		if len(e.Flags) == 3 {
			exact := e.Exact == nil || *e.Exact
			for i, want := range e.Flags {
				if exact && want != full[1+i] || !exact && want&full[1+i] != full[1+i] {
					return false, nil
				}
			}
		}
	}
	for _, w := range e.Data {
		if w.Offset < 0 || w.Offset > b.length || int64(len(w.Value)) > b.length-w.Offset || len(w.Value) > windowSize {
			return false, nil
		}
		got, err := r.f.bytes(b.start+w.Offset, len(w.Value))
		if err != nil {
			return false, err
		}
		if !bytes.Equal(got, w.Value) {
			return false, nil
		}
	}
	return true, nil
}
