package c2pa

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
)

// hard bindings tie a manifest to the bytes of the file.
var hardBindings = []string{"c2pa.hash.data", "c2pa.hash.boxes", "c2pa.hash.bmff"}

// verifyBinding checks that m binds what it must, and, for the manifest that binds this
// file, that the binding matches.
func (r *run) verifyBinding(m *manifest, ingredient bool) error {
	var found []*assertion
	for _, base := range hardBindings {
		found = append(found, m.named(base)...)
	}
	switch {
	case m.update && len(found) > 0:
		r.add(failure, codeUpdateInvalid, m.uri(""), ingredient, "an update manifest cannot bind the file")
	case m.update && m == r.binding:
		r.add(failure, codeHardMissing, m.uri(""), ingredient, "the manifest that it updates is not there")
	case m.update || m != r.binding:
	case len(found) == 0:
		r.add(failure, codeHardMissing, m.uri(""), ingredient, "")
	case len(found) > 1:
		r.add(failure, codeHardMultiple, m.uri(""), ingredient, "")
	default:
		a := found[0]
		// A binding stands for the file even when an update manifest is the active one.
		say := func(k kind, code, note string) {
			r.add(k, code, m.uri("c2pa.assertions/"+a.label), ingredient && m != r.binding, note)
		}
		if r.where.detached {
			say(failure, map[string]string{"c2pa.hash.data": codeDataMismatch, "c2pa.hash.boxes": codeBoxesMismatch,
				"c2pa.hash.bmff": codeBMFFMismatch}[a.base()], "the file that it is about is not here")
			return nil
		}
		switch a.base() {
		case "c2pa.hash.data":
			return r.verifyDataHash(m, a, say)
		case "c2pa.hash.boxes":
			return r.verifyBoxesHash(m, a, say)
		case "c2pa.hash.bmff":
			return r.verifyBMFFHash(m, a, say)
		}
	}
	return nil
}

// dataHash is the c2pa.hash.data assertion: a hash of the file without some ranges.
type dataHash struct {
	Exclusions []struct {
		Start  int64 `cbor:"start"`
		Length int64 `cbor:"length"`
	} `cbor:"exclusions"`
	Alg  string `cbor:"alg"`
	Hash []byte `cbor:"hash"`
}

func (r *run) verifyDataHash(m *manifest, a *assertion, say func(kind, string, string)) error {
	var d dataHash
	if err := decode(a.box.content("cbor"), &d); err != nil {
		say(failure, codeDataMalformed, err.Error())
		return nil
	}
	var skip []span
	unbound, left := false, int64(0)
	for _, e := range d.Exclusions {
		s := span{e.Start, e.Length}
		if m != r.active() && s.start == r.where.at.start {
			// Update manifests have made the store longer since the hash was taken.
			s = r.where.at
		}
		if s.start < 0 || s.length < 0 || s.length > r.f.size || s.start > r.f.size {
			say(failure, codeDataMismatch, "an exclusion lies outside the file")
			return nil
		}
		skip = append(skip, s)
	}
	slices.SortFunc(skip, func(a, b span) int { return int(min(max(a.start-b.start, -1), 1)) })
	for i, s := range skip {
		if i > 0 && s.start < skip[i-1].end() {
			say(failure, codeDataMalformed, "exclusions overlap")
			return nil
		}
		// What is not hashed can be changed at will, so only the store itself may be left out.
		if !r.where.at.holds(s) && (s.length == 0 || s != r.where.also) {
			unbound, left = true, left+s.length
		}
	}
	if len(skip) > 1 {
		say(informational, codeExtraExclusions, "")
	}
	h := newHash(first(d.Alg, m.claim.Alg))
	if h == nil {
		say(failure, codeAlgorithm, fmt.Sprintf("hash algorithm %.20q", first(d.Alg, m.claim.Alg)))
		return nil
	}
	at := int64(0)
	for _, s := range append(skip, span{r.f.size, 0}) {
		if err := r.hashRange(h, span{at, s.start - at}); err != nil {
			return err
		}
		at = s.end()
	}
	same := bytes.Equal(h.Sum(nil), d.Hash)
	switch {
	case unbound:
		// A validator may not let it pass; whoever signed left it out, and the rest is as it was.
		r.unbound = same && left <= r.f.size/2 // what binds next to nothing says nothing
		say(failure, codeDataMismatch, "an exclusion covers more than the manifest store")
	case same:
		say(success, codeDataMatch, "")
	default:
		say(failure, codeDataMismatch, "")
	}
	return nil
}

// hashChunk is how many bytes are hashed between looks at the clock.
const hashChunk = 256 << 10

// hashRange feeds a range of the file to h.
func (r *run) hashRange(h hash.Hash, s span) error {
	if s.length <= 0 {
		return nil
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for s.length > 0 {
		if err := r.b.alive(); err != nil {
			return err
		}
		n, err := r.f.ReadAt((*buffer)[:min(int64(len(*buffer)), s.length)], s.start)
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("%w: %w", errRead, err)
		}
		h.Write((*buffer)[:n])
		s.start, s.length = s.start+int64(n), s.length-int64(n)
	}
	return nil
}

// boxesHash is the c2pa.hash.boxes assertion: a hash for each run of named parts.
type boxesHash struct {
	Alg   string `cbor:"alg"`
	Boxes []struct {
		Names    []string `cbor:"names"`
		Alg      string   `cbor:"alg"`
		Hash     []byte   `cbor:"hash"`
		Excluded bool     `cbor:"excluded"`
	} `cbor:"boxes"`
}

// verifyBoxesHash wants the parts of the file to be those that the assertion names, all of
// them and in that order. Only the store may go without a hash.
func (r *run) verifyBoxesHash(m *manifest, a *assertion, say func(kind, string, string)) error {
	var d boxesHash
	if err := decode(a.box.content("cbor"), &d); err != nil {
		say(failure, codeBoxesMalformed, err.Error())
		return nil
	}
	parts, err := r.container.pieces(r.f)
	if err != nil {
		say(failure, codeBoxesMismatch, err.Error())
		return nil
	}
	end := int64(0)
	for _, b := range d.Boxes {
		if len(b.Names) == 0 || len(b.Names) > len(parts) {
			say(failure, codeBoxesMismatch, "the file has other parts")
			return nil
		}
		here := parts[:len(b.Names)]
		parts = parts[len(b.Names):]
		for i, p := range here {
			if p.name != b.Names[i] {
				say(failure, codeBoxesMismatch, fmt.Sprintf("part %.20q where %.20q should be", p.name, b.Names[i]))
				return nil
			}
		}
		whole := span{here[0].start, here[len(here)-1].end() - here[0].start}
		if whole.start != end {
			say(failure, codeBoxesMismatch, fmt.Sprintf("bytes between parts at %d", end))
			return nil
		}
		end = whole.end()
		if len(here) == 1 && here[0].name == "C2PA" && r.where.at.holds(whole) {
			continue
		}
		h := newHash(first(b.Alg, d.Alg, m.claim.Alg))
		if h == nil {
			say(failure, codeAlgorithm, "hash algorithm of c2pa.hash.boxes")
			return nil
		}
		if err := r.hashRange(h, whole); err != nil {
			return err
		}
		if b.Excluded || !bytes.Equal(h.Sum(nil), b.Hash) {
			say(failure, codeBoxesMismatch, fmt.Sprintf("%.60q", b.Names))
			return nil
		}
	}
	if len(parts) > 0 || end != r.f.size {
		say(failure, codeBoxesMismatch, "the file has more parts than are named")
		return nil
	}
	say(success, codeBoxesMatch, "")
	return nil
}
