package c2pa

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// merkleMap is one Merkle tree of a c2pa.hash.bmff assertion (C2PA 2.2, 18.6). It binds the
// content of one mdat box, in leaves of fixed or of listed sizes, or all fragments of a file,
// one leaf for each. Hashes is one row of the tree, between its leaves and its root.
type merkleMap struct {
	Unique   int64    `cbor:"uniqueId"`
	Local    int64    `cbor:"localId"`
	Count    int64    `cbor:"count"` // leaves
	Alg      string   `cbor:"alg"`
	InitHash []byte   `cbor:"initHash"` // of what comes before the first fragment
	Hashes   [][]byte `cbor:"hashes"`
	Fixed    int64    `cbor:"fixedBlockSize"`
	Variable []int64  `cbor:"variableBlockSizes"`
}

// merkleProof is the content of a uuid box with the purpose "merkle": which leaf a fragment is,
// and the hashes that lead from it to the row in the assertion. Nothing signs it.
type merkleProof struct {
	Unique   *int64   `cbor:"uniqueId"`
	Local    *int64   `cbor:"localId"`
	Location *int64   `cbor:"location"`
	Hashes   [][]byte `cbor:"hashes"`
}

// of reports whether the proof says that it belongs to the tree.
func (p merkleProof) of(m merkleMap) bool { return *p.Unique == m.Unique && *p.Local == m.Local }

var errTree = errors.New("a Merkle tree does not hold")

// tree takes leaves from left to right and compares what they add up to with the row that
// the assertion has. A node without a neighbour goes up as it is.
type tree struct {
	digest func(...[]byte) []byte
	row    [][]byte
	level  int   // of the row, above the leaves
	count  int64 // leaves that there must be
	seen   int64
	next   int // node of the row that comes next
	stack  []treeNode
}

type treeNode struct {
	level int
	hash  []byte
}

// newTree checks that the hashes can be a row of a tree with so many leaves.
func newTree(m merkleMap, alg string) (*tree, error) {
	h := newHash(alg)
	if h == nil {
		return nil, fmt.Errorf("%w of a Merkle tree", errAlgorithm)
	}
	t := &tree{row: m.Hashes, count: m.Count, digest: func(parts ...[]byte) []byte {
		h.Reset()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}}
	size := m.Count
	for ; size > int64(len(m.Hashes)) && size > 1; t.level++ {
		size = size/2 + size%2
	}
	if m.Count < 0 || size != int64(len(m.Hashes)) || slices.ContainsFunc(m.Hashes, func(b []byte) bool { return len(b) != h.Size() }) {
		return nil, fmt.Errorf("%w: %d hashes are no row above %d leaves", errTree, len(m.Hashes), m.Count)
	}
	return t, nil
}

// add puts the next leaf at the right.
func (t *tree) add(leaf []byte) error {
	if t.seen++; t.seen > t.count {
		return fmt.Errorf("%w: more than %d leaves", errTree, t.count)
	}
	t.stack = append(t.stack, treeNode{0, leaf})
	return t.fold()
}

// fold joins neighbours and takes off what has reached the row.
func (t *tree) fold() error {
	for n := len(t.stack); n > 0; n = len(t.stack) {
		switch top := t.stack[n-1]; {
		case top.level == t.level:
			if !bytes.Equal(top.hash, t.row[t.next]) {
				return fmt.Errorf("%w: leaf %d or one beside it does not match", errTree, t.seen-1)
			}
			t.next, t.stack = t.next+1, t.stack[:n-1]
		case n > 1 && t.stack[n-2].level == top.level:
			t.stack = append(t.stack[:n-2], treeNode{top.level + 1, t.digest(t.stack[n-2].hash, top.hash)})
		default:
			return nil
		}
	}
	return nil
}

// end wants that all leaves were there and that they match.
func (t *tree) end() error {
	if t.seen != t.count {
		return fmt.Errorf("%w: %d leaves where %d should be", errTree, t.seen, t.count)
	}
	for len(t.stack) > 0 {
		t.stack[len(t.stack)-1].level++
		if err := t.fold(); err != nil {
			return err
		}
	}
	return nil
}

// proves reports whether a proof leads from a leaf to the row, with nothing left over.
func (t *tree) proves(leaf []byte, p merkleProof) bool {
	at, size, rest := *p.Location, t.count, p.Hashes
	for range t.level {
		if peer := at ^ 1; peer < size {
			if len(rest) == 0 {
				return false
			}
			if peer < at {
				leaf = t.digest(rest[0], leaf)
			} else {
				leaf = t.digest(leaf, rest[0])
			}
			rest = rest[1:]
		}
		at, size = at/2, size/2+size%2
	}
	return len(rest) == 0 && at < int64(len(t.row)) && bytes.Equal(leaf, t.row[at])
}

// trees checks all Merkle trees of the assertion. An error that wraps errTree, errAlgorithm or
// errTruncated says what does not hold; others are the caller's or the reader's.
func (b *bmffBinding) trees(proofs []merkleProof) error {
	fragments, err := b.fragments()
	switch {
	case err != nil:
		return err
	case fragments > 0:
		return b.fragmented(fragments, proofs)
	}
	for _, m := range b.Merkle {
		if len(m.InitHash) > 0 {
			return fmt.Errorf("%w: it is of fragments, and the file has none", errTree)
		}
	}
	return b.contents(proofs)
}

// fragments counts the moof boxes.
func (b *bmffBinding) fragments() (n int64, err error) {
	err = eachBox(b.r.f, 0, b.r.f.size, func(box isoBox) error {
		if box.kind == "moof" {
			n++
		}
		return nil
	})
	return n, err
}

// fragmented checks a file of fragments: what comes before the first moof against the hash of
// the initialisation, and each moof with what follows it as a leaf. Fragments must lie in the
// order of their leaves, each with its box: otherwise they could be put in another order.
func (b *bmffBinding) fragmented(n int64, proofs []merkleProof) error {
	if len(b.Merkle) != 1 {
		return fmt.Errorf("%w: %d of them for one line of fragments", errTree, len(b.Merkle))
	}
	m := b.Merkle[0]
	alg := first(m.Alg, b.alg)
	t, err := newTree(m, alg)
	switch {
	case err != nil:
		return err
	case len(m.InitHash) == 0:
		return fmt.Errorf("%w: nothing binds what comes before the fragments", errTree)
	case n != m.Count || int64(len(proofs)) != n:
		return fmt.Errorf("%w: %d leaves and %d boxes for %d fragments", errTree, m.Count, len(proofs), n)
	}
	for i, p := range proofs {
		if !p.of(m) || *p.Location != int64(i) {
			return fmt.Errorf("%w: the box of fragment %d names leaf %d", errTree, i, *p.Location)
		}
	}
	part, at := newHash(alg), int64(-1)
	finish := func() error {
		sum := part.Sum(nil)
		part.Reset()
		if at++; at == 0 {
			if !bytes.Equal(sum, m.InitHash) {
				return fmt.Errorf("%w: what comes before the fragments does not match", errTree)
			}
			return nil
		}
		if !t.proves(sum, proofs[at-1]) {
			return fmt.Errorf("%w: fragment %d does not match", errTree, at-1)
		}
		return t.add(sum)
	}
	err = eachBox(b.r.f, 0, b.r.f.size, func(box isoBox) error {
		if box.kind == "moof" {
			if err := finish(); err != nil {
				return err
			}
		}
		return b.hashBox(part, box)
	})
	if err == nil {
		err = finish()
	}
	if err == nil {
		err = t.end()
	}
	return err
}

// headOfMdat is how much of an mdat box, header included, the hash of the file covers where a
// Merkle tree covers the rest.
const headOfMdat = 16

// contents checks the mdat boxes, a tree for each in their order.
func (b *bmffBinding) contents(proofs []merkleProof) error {
	n := 0
	err := eachBox(b.r.f, 0, b.r.f.size, func(box isoBox) error {
		if box.kind != "mdat" {
			return nil
		}
		if n++; n > len(b.Merkle) {
			return fmt.Errorf("%w: none for mdat box %d", errTree, n)
		}
		m := b.Merkle[n-1]
		var own []merkleProof
		for len(proofs) > 0 && proofs[0].of(m) {
			own, proofs = append(own, proofs[0]), proofs[1:]
		}
		skip := min(headOfMdat, box.length)
		return b.content(m, span{box.start + skip, box.length - skip}, own)
	})
	switch {
	case err != nil:
		return err
	case n != len(b.Merkle):
		return fmt.Errorf("%w: %d for %d mdat boxes", errTree, len(b.Merkle), n)
	case len(proofs) > 0:
		return fmt.Errorf("%w: a box of none", errTree)
	}
	return nil
}

// content checks one tree over one range of the file. Proofs are not needed, since all leaves
// are here; what is there must hold, since nothing else covers these boxes.
func (b *bmffBinding) content(m merkleMap, s span, proofs []merkleProof) error {
	alg := first(m.Alg, b.alg)
	t, err := newTree(m, alg)
	if err != nil {
		return err
	}
	switch fixed, listed := m.Fixed > 0, len(m.Variable) > 0; {
	case fixed == listed:
		return fmt.Errorf("%w: of leaves without a size; trees over chunks of tracks are not supported", errTree)
	case fixed && m.Count != s.length/m.Fixed+min(s.length%m.Fixed, 1), listed && m.Count != int64(len(m.Variable)):
		return fmt.Errorf("%w: its leaves are not %d", errTree, m.Count)
	case len(proofs) > 0 && int64(len(proofs)) != m.Count:
		return fmt.Errorf("%w: %d boxes for %d leaves", errTree, len(proofs), m.Count)
	}
	h := newHash(alg)
	for i := range m.Count {
		n := min(m.Fixed, s.length)
		if m.Fixed == 0 {
			n = m.Variable[i]
		}
		if n < 0 || n > s.length {
			return fmt.Errorf("%w: leaf %d reaches beyond its box", errTree, i)
		}
		h.Reset()
		if err := b.r.hashRange(h, span{s.start, n}); err != nil {
			return err
		}
		leaf := h.Sum(nil)
		if len(proofs) > 0 && (*proofs[i].Location != i || !t.proves(leaf, proofs[i])) {
			return fmt.Errorf("%w: the box of leaf %d does not lead to it", errTree, i)
		}
		if err := t.add(leaf); err != nil {
			return err
		}
		s.start, s.length = s.start+n, s.length-n
	}
	if s.length > 0 {
		return fmt.Errorf("%w: %d bytes of mdat without a leaf", errTree, s.length)
	}
	return t.end()
}

// proofs reads the Merkle boxes of the file in their order. What they hold beyond a proof would
// be a place to hide things.
func (b *bmffBinding) proofs() ([]merkleProof, error) {
	var out []merkleProof
	left := b.r.f.limits.StoreBytes / 4
	err := eachBox(b.r.f, 0, b.r.f.size, func(box isoBox) error {
		if box.kind != "uuid" || box.length < box.head+16 {
			return nil
		}
		id, err := b.r.f.bytes(box.start+box.head, 16)
		if err != nil || !bytes.Equal(id, uuidC2PA) {
			return err
		}
		head, err := b.r.f.bytes(box.start+box.head+16, int(min(4+7, box.length-box.head-16)))
		if err != nil || len(head) < 11 || string(head[4:]) != "merkle\x00" {
			return err
		}
		if left -= box.length; left < 0 {
			return fmt.Errorf("%w: the Merkle boxes are too large", errLimit)
		}
		content, err := b.r.f.copyOf(span{box.start + box.head + 16 + 11, box.length - box.head - 16 - 11})
		if err != nil {
			return err
		}
		var p merkleProof
		if err := decode(content, &p); err != nil {
			return fmt.Errorf("%w: one of its boxes: %w", errTree, err)
		}
		if p.Unique == nil || p.Local == nil || p.Location == nil || *p.Location < 0 {
			return fmt.Errorf("%w: one of its boxes does not say of which leaf it is", errTree)
		}
		out = append(out, p)
		return nil
	})
	return out, err
}

// hashBox feeds what counts of a box at the top of the file: since version 2 where it lies, and
// its bytes without what is left out.
func (b *bmffBinding) hashBox(h hash.Hash, box isoBox) error {
	var skip []span
	if err := b.r.excluded(b.Exclusions, box, "", &skip, 0); err != nil {
		return err
	}
	slices.SortFunc(skip, func(a, b span) int { return int(min(max(a.start-b.start, -1), 1)) })
	if len(skip) > 0 && skip[0] == box.span {
		return nil
	}
	if b.marked {
		h.Write(bigEndian(box.start))
	}
	at := box.start
	for _, s := range append(skip, span{box.end(), 0}) {
		if err := b.r.hashRange(h, span{at, s.start - at}); err != nil {
			return err
		}
		at = max(at, s.end())
	}
	return nil
}
