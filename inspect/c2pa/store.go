package c2pa

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/fxamacker/cbor/v2"
)

// store is a manifest store: manifests in the order they were added, the active one last.
type store struct {
	manifests []*manifest
	byLabel   map[string]*manifest
}

// manifest is one manifest of a store.
type manifest struct {
	label      string
	box        *box // as referred to: what a compressed one expands to
	update     bool
	claim      *claim
	claimRaw   []byte // the bytes that are signed
	problem    error  // why it cannot be read
	code       string // status code of the problem
	assertions []*assertion
	boxes      *box // of the data boxes, may be nil
	signature  []byte
}

// assertion is one box of the assertion store.
type assertion struct {
	label  string // with its instance, for example c2pa.ingredient.v3__1
	box    *box
	hashes map[string][]byte // by algorithm: each is computed once, however often it is referred to
}

// claim is what a manifest's signer signed. Version 1 has Assertions, version 2 has Created
// and Gathered.
type claim struct {
	version   int
	Generator string          `cbor:"claim_generator"`
	Info      cbor.RawMessage `cbor:"claim_generator_info"`
	Signature string          `cbor:"signature"`
	Assertion []hashedURI     `cbor:"assertions"`
	Created   []hashedURI     `cbor:"created_assertions"`
	Gathered  []hashedURI     `cbor:"gathered_assertions"`
	Alg       string          `cbor:"alg"`
	Redacted  []string        `cbor:"redacted_assertions"`
	Title     string          `cbor:"dc:title"`
	Instance  string          `cbor:"instanceID"`
}

// references returns all assertions that the claim lists.
func (c *claim) references() []hashedURI {
	if c.version == 1 {
		return c.Assertion
	}
	return slices.Concat(c.Created, c.Gathered)
}

// generator names the software that made the claim.
func (c *claim) generator() string {
	if c.Generator != "" {
		return c.Generator
	}
	type info struct {
		Name    string `cbor:"name"`
		Version string `cbor:"version"`
	}
	var one info
	if decode(c.Info, &one) != nil {
		var many []info
		if decode(c.Info, &many) == nil && len(many) > 0 {
			one = many[0]
		}
	}
	if one.Version != "" {
		return one.Name + "/" + one.Version
	}
	return one.Name
}

// readStore parses a store. Problems inside one manifest stay with that manifest; an error
// means that there is no structure to speak of.
func readStore(b []byte, lim Limits, bud *budget) (*store, error) {
	r := &boxReader{depth: lim.Depth, boxes: lim.Boxes}
	root, n, err := r.one(b, 1)
	if err != nil {
		return nil, err
	}
	if len(bytes.Trim(b[n:], "\x00")) > 0 {
		return nil, fmt.Errorf("%w: %d bytes follow the store", errBox, len(b)-n)
	}
	if root.superType() != typeStore || root.desc.label != "c2pa" {
		return nil, fmt.Errorf("%w: the outer box is not a manifest store", errBox)
	}
	st := &store{byLabel: map[string]*manifest{}}
	for _, c := range root.children {
		m := &manifest{label: c.desc.label, box: c}
		inner := c
		switch c.superType() {
		case typeManifest, typeUpdate:
		case typeCompressed:
			if inner, err = inflate(c, r, bud); err != nil {
				m.problem, m.code, inner = err, codeCompressedInvalid, nil
			}
		default:
			continue
		}
		if len(st.manifests) == lim.Manifests {
			return nil, fmt.Errorf("%w: more than %d manifests", errLimit, lim.Manifests)
		}
		if m.label == "" || st.byLabel[m.label] != nil {
			return nil, fmt.Errorf("%w: two manifests are called %.60q", errBox, m.label)
		}
		if inner != nil {
			m.update, m.box = inner.superType() == typeUpdate, inner
			m.read(inner)
		}
		st.manifests = append(st.manifests, m)
		st.byLabel[m.label] = m
	}
	if len(st.manifests) == 0 {
		return nil, fmt.Errorf("%w: the store is empty", errBox)
	}
	return st, nil
}

// inflate opens a compressed manifest: one "brob" box, which holds the manifest's box in
// brotli. Some writers put the kind of the box in front and compress its content alone.
func inflate(c *box, r *boxReader, bud *budget) (*box, error) {
	payload := c.content("brob")
	if len(payload) == 0 {
		return nil, errors.New("compressed manifest without its box")
	}
	out, err := bud.unpack(payload)
	if rest, ok := bytes.CutPrefix(payload, []byte("jumb")); ok && err != nil && !errors.Is(err, errLimit) {
		out, err = bud.unpack(rest)
	}
	if err != nil {
		return nil, fmt.Errorf("compressed manifest: %w", err)
	}
	if len(out) < 8 || string(out[4:8]) != "jumb" { // the content alone: give it a header
		n := len(out) + 8
		out = append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), 'j', 'u', 'm', 'b'}, out...)
	}
	inner, n, err := r.one(out, 2)
	if err != nil {
		return nil, err
	}
	if n != len(out) {
		return nil, errors.New("something follows in the compressed manifest")
	}
	if t := inner.superType(); t != typeManifest && t != typeUpdate || inner.desc.label != c.desc.label {
		return nil, errors.New("compressed manifest holds something else")
	}
	return inner, nil
}

// unpack pays for what brotli expands to.
func (b *budget) unpack(packed []byte) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(brotli.NewReader(bytes.NewReader(packed)), b.inflated+1))
	if b.inflated -= int64(len(out)); b.inflated < 0 {
		return nil, fmt.Errorf("%w: compressed manifests expand too far", errLimit)
	}
	return out, err
}

// read takes claim, assertions and signature from the manifest's box.
func (m *manifest) read(b *box) {
	var claims []*box
	for _, c := range b.children {
		switch {
		case c.superType() == typeClaim:
			claims = append(claims, c)
		case c.superType() == typeAssertions && c.desc.label == "c2pa.assertions":
			for _, a := range c.children {
				if a.kind == "jumb" {
					m.assertions = append(m.assertions, &assertion{label: a.desc.label, box: a, hashes: map[string][]byte{}})
				}
			}
		case c.superType() == typeSignature && c.desc.label == "c2pa.signature":
			m.signature = c.content("cbor")
		case c.superType() == typeDataBoxes:
			m.boxes = c
		}
	}
	if len(claims) != 1 {
		m.code, m.problem = codeClaimMissing, fmt.Errorf("%d claims where one should be", len(claims))
		if len(claims) > 1 {
			m.code = codeClaimMultiple
		}
		return
	}
	m.claimRaw = claims[0].content("cbor")
	version := map[string]int{"c2pa.claim": 1, "c2pa.claim.v2": 2}[claims[0].desc.label]
	m.claim, m.code, m.problem = readClaim(m.claimRaw, version)
	if m.problem == nil && m.claim.version > 1 && m.claim.Instance == "" && !m.update {
		m.code, m.problem = codeClaimMalformed, errors.New("claim lacks instanceID")
	}
}

// readClaim decodes a claim and checks that what its version demands is there.
func readClaim(b []byte, version int) (*claim, string, error) {
	c := &claim{version: version}
	if version == 0 {
		return nil, codeClaimMalformed, errors.New("claim of an unknown version")
	}
	if err := decode(b, c); err != nil {
		return nil, codeClaimCBOR, err
	}
	switch {
	case c.Signature == "":
		return nil, codeClaimMalformed, errors.New("claim names no signature")
	case version == 1 && (c.Generator == "" || len(c.Assertion) == 0):
		return nil, codeClaimMalformed, errors.New("claim lacks claim_generator or assertions")
	case version == 2 && (len(c.Info) == 0 || len(c.Created) == 0):
		return nil, codeClaimMalformed, errors.New("claim lacks claim_generator_info or created_assertions")
	}
	return c, "", nil
}

// assertion returns the assertion with the label and instance, or nil.
func (m *manifest) assertion(label string) *assertion {
	for _, a := range m.assertions {
		if a.label == label {
			return a
		}
	}
	return nil
}

// named returns the assertions whose label without version and instance is base.
func (m *manifest) named(base string) []*assertion {
	var out []*assertion
	for _, a := range m.assertions {
		if a.base() == base {
			out = append(out, a)
		}
	}
	return out
}

func (m *manifest) uri(path string) string {
	if path == "" {
		return "self#jumbf=/c2pa/" + m.label
	}
	return "self#jumbf=/c2pa/" + m.label + "/" + path
}

// base is the label without version and instance: c2pa.ingredient.v3__1 is c2pa.ingredient.
func (a *assertion) base() string {
	s, _, _ := strings.Cut(a.label, "__")
	if i := strings.LastIndex(s, ".v"); i > 0 && strings.Trim(s[i+2:], "0123456789") == "" && len(s) > i+2 {
		s = s[:i]
	}
	return s
}

// hash is the digest of the box content, which is what hashed URIs hold. A nil result
// means that the algorithm is not permitted.
func (a *assertion) hash(alg string) []byte {
	if h, ok := a.hashes[alg]; ok {
		return h
	}
	h := hashBytes(alg, a.box.payload)
	a.hashes[alg] = h
	return h
}

// newHash returns the hash with a C2PA name, or nil.
func newHash(alg string) hash.Hash {
	switch alg {
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}

func hashBytes(alg string, b []byte) []byte {
	h := newHash(alg)
	if h == nil {
		return nil
	}
	h.Write(b)
	return h.Sum(nil)
}

// splitURI takes a JUMBF URI apart: label is "" when it is relative to the manifest that
// holds it.
func splitURI(uri string) (label, path string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "self#jumbf=")
	if !ok || rest == "" {
		return "", "", false
	}
	absolute, isAbsolute := strings.CutPrefix(strings.TrimPrefix(rest, "/"), "c2pa/")
	if !isAbsolute {
		return "", strings.TrimPrefix(rest, "/"), true
	}
	label, path, _ = strings.Cut(absolute, "/")
	return label, path, label != ""
}

// assertionIn returns the label of an assertion that the URI names within m; foreign means
// that it names one of another manifest.
func (m *manifest) assertionIn(uri string) (label string, foreign, ok bool) {
	manifest, path, ok := splitURI(uri)
	if !ok {
		return "", false, false
	}
	label, ok = strings.CutPrefix(path, "c2pa.assertions/")
	return label, manifest != "" && manifest != m.label, ok && label != "" && !strings.Contains(label, "/")
}
