// Package manifest writes Content Credentials (C2PA manifests) into JPEG, PNG and MP4 files, for
// samples and tests only. It signs with keys that live as long as the process, and it can
// write what no proper signer would, so that validators can be tested.
//
// Nothing made with it should be mistaken for somebody's credential: certificates name
// "Cordon samples" unless told otherwise.
package manifest

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/fxamacker/cbor/v2"
)

// Source types of the IPTC vocabulary that samples use.
const (
	Trained   = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
	Composite = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
	Capture   = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
)

// Binding says how a manifest is tied to the file.
type Binding int

// Bindings.
const (
	DataHash  Binding = iota // c2pa.hash.data over everything but the store
	BoxesHash                // c2pa.hash.boxes, a hash for each part of the file
	NoBinding                // none: an update manifest, or a mistake
)

// Manifest is what to write. Its zero value is a claim of version 2 that says nothing but
// which bytes it belongs to, and breaks the rule that there be actions.
type Manifest struct {
	Label     string // default: a fresh urn:c2pa: name
	Version   int    // of the claim: 1 or 2; default 2
	Update    bool   // an update manifest
	Compress  bool   // store it in brotli
	Generator string // software that makes the claim; default "Cordon samples"
	Title     string
	// Assertions come in the order given; ingredients and the binding follow.
	Assertions []Assertion
	Binding    Binding
	BMFF       BMFF     // how files of ISO boxes are bound, unless Binding is NoBinding
	Redacted   []string // JUMBF URIs
	// Ingredients are files that this one is made from. Their manifests are copied.
	Ingredients []Ingredient
	// Exclude are further ranges that c2pa.hash.data leaves out, as start and length.
	Exclude [][2]int64
	// Pad goes into the unsigned header of the signature.
	Pad []byte
	// Late, if set, makes assertions about those before them, as the claim lists them.
	Late func(claimed []map[string]any) []Assertion
	// Stamp, if set, makes a time stamp of the signature; of the claim, as signers of version 1
	// claims had it, with StampClaim.
	Stamp      *Stamper
	StampClaim bool
	// Headers, if set, may change the headers of the signature; lengths must stay the same from
	// call to call. Attach puts the claim into the signature, where it does not belong.
	Headers func(protected map[any]any, unprotected map[string]any)
	Attach  []byte
	// Spoil, if set, may change the claim before it is signed.
	Spoil func(claim map[string]any)
}

// Assertion is one statement of a manifest: CBOR, or JSON if that is set.
type Assertion struct {
	Label string
	CBOR  any
	JSON  any
	// Unlisted leaves it out of the claim, Gathered lists it among those that the signer only
	// passes on.
	Unlisted, Gathered bool
	URL                string // how the claim refers to it; default: relative to the manifest
	Alg                string // of the hash in the claim: sha256, sha384 or sha512; default: the claim's, sha256
}

// Ingredient is a file that another is made from.
type Ingredient struct {
	File         []byte // JPEG, PNG or MP4; may have no manifest
	Title        string
	Relationship string   // parentOf or componentOf
	Version      int      // of the assertion, 1 to 3; default 3
	Failures     []string // status codes to record against its signature
}

// Action is one entry of an actions assertion.
type Action struct {
	Action        string         `cbor:"action"`
	SoftwareAgent any            `cbor:"softwareAgent,omitempty"`
	SourceType    string         `cbor:"digitalSourceType,omitempty"`
	Parameters    map[string]any `cbor:"parameters,omitempty"`
}

// Actions makes an actions assertion.
func Actions(list ...Action) Assertion {
	return Assertion{Label: "c2pa.actions.v2", CBOR: map[string]any{"actions": list}}
}

// Opened is the action of a file that starts from its first ingredient.
func Opened() Action {
	return Action{Action: "c2pa.opened", Parameters: map[string]any{
		"ingredients": []map[string]any{{"url": "self#jumbf=c2pa.assertions/c2pa.ingredient.v3", "hash": make([]byte, 32)}}}}
}

// Sign writes a manifest into a JPEG, PNG or MP4 file that has none, or into one that has some,
// whose store it then replaces. The result is the whole file.
func (s *Signer) Sign(file []byte, m Manifest) ([]byte, error) {
	c, err := containerOf(file)
	if err != nil {
		return nil, err
	}
	old, _ := c.take(file)
	bare, at := c.strip(file)
	m.fill()
	var kept [][]byte
	if m.Update {
		kept = manifestsOf(old)
	}
	for _, ing := range m.Ingredients {
		if ic, err := containerOf(ing.File); err == nil {
			store, _ := ic.take(ing.File)
			for _, b := range manifestsOf(store) {
				if !slices.ContainsFunc(kept, func(k []byte) bool { return bytes.Equal(k, b) }) {
					kept = append(kept, b)
				}
			}
		}
	}
	for i := range kept {
		kept[i] = redact(kept[i], m.Redacted)
	}
	if _, ok := c.(bmffFile); ok {
		return s.signBMFF(bare, m, kept)
	}
	// The binding names the length of the store, which depends on the binding: go round
	// until it fits. Signatures have a fixed length, but what they compress to has not.
	length := int64(0)
	for range 1000 {
		body, err := s.build(m, c.binding(m, bare, at, length))
		if err != nil {
			return nil, err
		}
		framed := c.frame(superbox("c2pa", "c2pa", slices.Concat(append(kept, body)...)))
		if int64(len(framed)) == length {
			return slices.Concat(bare[:at], framed, bare[at:]), nil
		}
		length = int64(len(framed))
	}
	return nil, errors.New("the length of the manifest store does not settle")
}

func (m *Manifest) fill() {
	if m.Label == "" {
		var b [16]byte
		rand.Read(b[:])
		b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
		m.Label = fmt.Sprintf("urn:c2pa:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	if m.Version == 0 {
		m.Version = 2
	}
	if m.Generator == "" {
		m.Generator = "Cordon samples"
	}
}

// build returns the manifest's box, signed.
func (s *Signer) build(m Manifest, binding []Assertion) ([]byte, error) {
	list := slices.Clone(m.Assertions)
	for i, ing := range m.Ingredients {
		a, err := ing.assertion(i)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	list = append(list, binding...)
	var boxes []byte
	refs, gathered := []map[string]any{}, []map[string]any{}
	add := func(list []Assertion) error {
		for _, a := range list {
			kind, content, err := a.encode()
			if err != nil {
				return err
			}
			b := superbox(kind, a.Label, box(kind, content))
			boxes = append(boxes, b...)
			ref := map[string]any{"url": cmp.Or(a.URL, "self#jumbf=c2pa.assertions/"+a.Label), "hash": digest(a.Alg, b[8:])}
			if a.Alg != "" {
				ref["alg"] = a.Alg
			}
			switch {
			case a.Unlisted:
			case a.Gathered:
				gathered = append(gathered, ref)
			default:
				refs = append(refs, ref)
			}
		}
		return nil
	}
	if err := add(list); err != nil {
		return nil, err
	}
	if m.Late != nil {
		if err := add(m.Late(refs)); err != nil {
			return nil, err
		}
	}
	claim := map[string]any{"instanceID": "xmp:iid:" + m.Label, "alg": "sha256",
		"signature": "self#jumbf=/c2pa/" + m.Label + "/c2pa.signature"}
	label := "c2pa.claim.v2"
	if m.Version == 1 {
		label = "c2pa.claim"
		claim["claim_generator"], claim["assertions"], claim["dc:format"] = m.Generator, refs, "image/*"
	} else {
		claim["claim_generator_info"] = map[string]any{"name": m.Generator, "version": "1"}
		claim["created_assertions"] = refs
		if len(gathered) > 0 {
			claim["gathered_assertions"] = gathered
		}
	}
	if m.Title != "" {
		claim["dc:title"] = m.Title
	}
	if len(m.Redacted) > 0 {
		claim["redacted_assertions"] = m.Redacted
	}
	if m.Spoil != nil {
		m.Spoil(claim)
	}
	raw, err := encoder.Marshal(claim)
	if err != nil {
		return nil, err
	}
	signature, err := s.sign1(raw, m)
	if err != nil {
		return nil, err
	}
	content := slices.Concat(superbox("c2as", "c2pa.assertions", boxes),
		superbox("c2cl", label, box("cbor", raw)), superbox("c2cs", "c2pa.signature", box("cbor", signature)))
	kind := "c2ma"
	if m.Update {
		kind = "c2um"
	}
	b := superbox(kind, m.Label, content)
	if m.Compress {
		var z bytes.Buffer
		w := brotli.NewWriter(&z)
		if _, err := w.Write(b); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		b = superbox("c2cm", m.Label, box("brob", z.Bytes()))
	}
	return b, nil
}

func digest(alg string, b []byte) []byte {
	switch alg {
	case "sha384":
		sum := sha512.Sum384(b)
		return sum[:]
	case "sha512":
		sum := sha512.Sum512(b)
		return sum[:]
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// encoder sorts maps, so that two rounds of Sign give the same bytes.
var encoder = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

func (a Assertion) encode() (kind string, content []byte, err error) {
	if a.JSON != nil {
		content, err = json.Marshal(a.JSON)
		return "json", content, err
	}
	content, err = encoder.Marshal(a.CBOR)
	return "cbor", content, err
}

// Message is a tagged COSE_Sign1 over the CBOR form of v, detached, as identity assertions
// have it.
func (s *Signer) Message(v any) ([]byte, error) {
	payload, err := encoder.Marshal(v)
	if err != nil {
		return nil, err
	}
	return s.sign1(payload, Manifest{})
}

// sign1 is a tagged COSE_Sign1 with the certificates in its protected header and the claim
// detached.
func (s *Signer) sign1(payload []byte, m Manifest) ([]byte, error) {
	var chain any = s.chain[0]
	if len(s.chain) > 1 {
		chain = s.chain
	}
	headers, unprotected := map[any]any{1: int64(s.alg), 33: chain}, map[string]any{}
	if m.Pad != nil {
		unprotected["pad"] = m.Pad
	}
	if m.Headers != nil {
		m.Headers(headers, unprotected)
	}
	protected, err := encoder.Marshal(headers)
	if err != nil {
		return nil, err
	}
	message, err := encoder.Marshal([]any{"Signature1", protected, []byte{}, payload})
	if err != nil {
		return nil, err
	}
	signature, err := s.sign(message)
	if err != nil {
		return nil, fmt.Errorf("sign the claim: %w", err)
	}
	if m.Stamp != nil {
		name, countersigned := "sigTst", payload
		if !m.StampClaim {
			name = "sigTst2"
			if countersigned, err = encoder.Marshal(signature); err != nil {
				return nil, err
			}
		}
		if countersigned, err = encoder.Marshal([]any{"CounterSignature", protected, []byte{}, countersigned}); err != nil {
			return nil, err
		}
		token, err := m.Stamp.Stamp(countersigned)
		if err != nil {
			return nil, fmt.Errorf("stamp the signature: %w", err)
		}
		unprotected[name] = map[string]any{"tstTokens": []map[string]any{{"val": token}}}
	}
	var attached any
	if m.Attach != nil {
		attached = m.Attach
	}
	return encoder.Marshal(cbor.Tag{Number: 18, Content: []any{protected, unprotected, attached, signature}})
}

// assertion describes the ingredient and points to its active manifest, if it has one.
func (i Ingredient) assertion(n int) (Assertion, error) {
	label := "c2pa.ingredient"
	if i.Version == 0 {
		i.Version = 3
	}
	if i.Version > 1 {
		label = fmt.Sprintf("%s.v%d", label, i.Version)
	}
	if n > 0 {
		label = fmt.Sprintf("%s__%d", label, n)
	}
	body := map[string]any{"relationship": i.Relationship, "dc:title": i.Title}
	c, err := containerOf(i.File)
	if err != nil {
		return Assertion{}, fmt.Errorf("ingredient %q: %w", i.Title, err)
	}
	body["dc:format"] = c.mediaType()
	store, _ := c.take(i.File)
	if list := manifestsOf(store); len(list) > 0 {
		active := list[len(list)-1]
		name := labelOf(active)
		active, err := plain(active)
		if err != nil {
			return Assertion{}, fmt.Errorf("ingredient %q: %w", i.Title, err)
		}
		sum := sha256.Sum256(active[8:])
		failures := []map[string]any{}
		for _, code := range i.Failures {
			failures = append(failures, map[string]any{"code": code, "url": "self#jumbf=/c2pa/" + name + "/c2pa.signature"})
		}
		ref := map[string]any{"url": "self#jumbf=/c2pa/" + name, "alg": "sha256", "hash": sum[:]}
		if i.Version < 3 {
			body["c2pa_manifest"], body["instanceID"] = ref, "xmp:iid:"+name
			if len(failures) > 0 {
				body["validationStatus"] = failures
			}
			return Assertion{Label: label, CBOR: body}, nil
		}
		body["activeManifest"] = ref
		if signed := signatureOf(active); signed != nil {
			sum := sha256.Sum256(signed[8:])
			body["claimSignature"] = map[string]any{"url": "self#jumbf=/c2pa/" + name + "/c2pa.signature", "alg": "sha256", "hash": sum[:]}
		}
		body["validationResults"] = map[string]any{"activeManifest": map[string]any{
			"success": []any{}, "informational": []any{}, "failure": failures}}
	}
	return Assertion{Label: label, CBOR: body}, nil
}

// box is a JUMBF content box.
func box(kind string, content []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))
	return append(append(out, kind...), content...)
}

// superbox is a JUMBF superbox of a type that is four letters and the usual suffix.
func superbox(kind, label string, content []byte) []byte {
	desc := slices.Concat([]byte(kind), []byte{0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71},
		[]byte{0x03}, []byte(label), []byte{0})
	return box("jumb", append(box("jumd", desc), content...))
}

// manifestsOf splits a store into its manifests' boxes.
func manifestsOf(store []byte) [][]byte {
	var out [][]byte
	if len(store) < 16 {
		return nil
	}
	rest := store[8:]
	for first := true; len(rest) >= 8; first = false {
		n := int(binary.BigEndian.Uint32(rest))
		if n < 8 || n > len(rest) {
			return out
		}
		if !first { // the first box describes the store
			out = append(out, rest[:n])
		}
		rest = rest[n:]
	}
	return out
}

// labelOf reads the label of a superbox.
func labelOf(b []byte) string {
	if len(b) < 33 {
		return ""
	}
	label, _, _ := bytes.Cut(b[33:], []byte{0})
	return string(label)
}

// childrenOf splits a superbox into its description and what follows.
func childrenOf(b []byte) (description []byte, children [][]byte) {
	for rest := b[8:]; len(rest) >= 8; {
		n := int(binary.BigEndian.Uint32(rest))
		if n < 8 || n > len(rest) {
			break
		}
		if description == nil {
			description = rest[:n]
		} else {
			children = append(children, rest[:n])
		}
		rest = rest[n:]
	}
	return description, children
}

// signatureOf returns the box of a manifest's signature.
func signatureOf(manifest []byte) []byte {
	_, children := childrenOf(manifest)
	for _, c := range children {
		if labelOf(c) == "c2pa.signature" {
			return c
		}
	}
	return nil
}

// redact takes the assertions out of a manifest that the URIs name.
func redact(manifest []byte, uris []string) []byte {
	prefix := "self#jumbf=/c2pa/" + labelOf(manifest) + "/c2pa.assertions/"
	if !slices.ContainsFunc(uris, func(u string) bool { return strings.HasPrefix(u, prefix) }) {
		return manifest
	}
	description, children := childrenOf(manifest)
	content := slices.Clone(description)
	for _, c := range children {
		if labelOf(c) == "c2pa.assertions" {
			description, assertions := childrenOf(c)
			kept := slices.Clone(description)
			for _, a := range assertions {
				if !slices.Contains(uris, prefix+labelOf(a)) {
					kept = append(kept, a...)
				}
			}
			c = box("jumb", kept)
		}
		content = append(content, c...)
	}
	return box("jumb", content)
}

// plain opens a compressed manifest: references hold the hash of what it expands to.
func plain(manifest []byte) ([]byte, error) {
	if _, children := childrenOf(manifest); len(children) == 1 && string(children[0][4:8]) == "brob" {
		return io.ReadAll(brotli.NewReader(bytes.NewReader(children[0][8:])))
	}
	return manifest, nil
}
