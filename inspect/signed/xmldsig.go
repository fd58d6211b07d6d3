package signed

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"math/big"
	"slices"
	"strings"

	"github.com/cordonhq/cordon/media/cms"
	"github.com/cordonhq/cordon/media/markup"
)

const (
	nsDSig  = "http://www.w3.org/2000/09/xmldsig#"
	nsExcl  = "http://www.w3.org/2001/10/xml-exc-c14n#"
	nsXAdES = "http://uri.etsi.org/01903/v1.3.2#"

	maxReferences = 64
	maxCanonical  = 192 << 20 // bytes that are written canonically, all signatures together
)

var forms = map[string]markup.Form{
	"http://www.w3.org/TR/2001/REC-xml-c14n-20010315":              {},
	"http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments": {Comments: true},
	"http://www.w3.org/2006/12/xml-c14n11":                         {Version11: true},
	"http://www.w3.org/2006/12/xml-c14n11#WithComments":            {Version11: true, Comments: true},
	nsExcl:                  {Exclusive: true},
	nsExcl + "WithComments": {Exclusive: true, Comments: true},
}

var xmlDigests = map[string]crypto.Hash{
	nsDSig + "sha1": crypto.SHA1,
	"http://www.w3.org/2001/04/xmlenc#sha256":       crypto.SHA256,
	"http://www.w3.org/2001/04/xmldsig-more#sha224": crypto.SHA224,
	"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
	"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
	"http://www.w3.org/2001/04/xmldsig-more#sha512": crypto.SHA512,
	"http://www.w3.org/2001/04/xmlenc#sha384":       crypto.SHA384,
}

// xmlAlgorithms of signatures: kind of key and digest.
var xmlAlgorithms = map[string]struct {
	kind string
	hash crypto.Hash
}{
	nsDSig + "rsa-sha1": {"rsa", crypto.SHA1},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256":      {"rsa", crypto.SHA256},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384":      {"rsa", crypto.SHA384},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512":      {"rsa", crypto.SHA512},
	"http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1": {"pss", crypto.SHA256},
	"http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1": {"pss", crypto.SHA384},
	"http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1": {"pss", crypto.SHA512},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1":      {"ecdsa", crypto.SHA1},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256":    {"ecdsa", crypto.SHA256},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384":    {"ecdsa", crypto.SHA384},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512":    {"ecdsa", crypto.SHA512},
	"http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519":   {"ed25519", 0},
}

// xmlSignatures checks XML signatures (XMLDSig, XAdES) of one document.
type xmlSignatures struct {
	*Signed
	ctx     context.Context
	written int64
	ids     map[*markup.Node]map[string][]*markup.Node // of each document, by identifier
}

// target is what a signature that is kept apart from its document is of.
type target struct {
	doc *markup.Node
	// leaves are ways to leave out what was not there when it was signed; the first that fits
	// counts.
	leaves []func(*markup.Node) bool
}

// check checks the signature in an element. doc is the document that the element is in; of, if
// it is not nil, another that it is of.
func (x *xmlSignatures) check(p *proof, sig, doc *markup.Node, of *target) error {
	unread := func(what string) error { return fmt.Errorf("%w: %s", errUnread, what) }
	info, value := sig.Child(nsDSig, "SignedInfo"), sig.Child(nsDSig, "SignatureValue")
	n := 0
	for _, e := range sig.Elements() {
		if e.Name.Is(nsDSig, "SignedInfo") || e.Name.Is(nsDSig, "SignatureValue") {
			n++
		}
	}
	if info == nil || value == nil || n != 2 {
		return unread("it does not have what a signature has")
	}
	form, ok := formOf(info.Child(nsDSig, "CanonicalizationMethod"))
	if !ok {
		return unread("its canonical form is not supported")
	}
	if t := sig.Child(nsDSig, "Object"); t != nil {
		t.All(func(e *markup.Node) bool {
			if e.Name.Local == "SigningTime" {
				p.SignedAt = clip(strings.TrimSpace(e.Content()))
			}
			return p.SignedAt == ""
		})
	}
	signature, err := decode64(value)
	if err != nil {
		return unread("its value is damaged")
	}
	var signed bytes.Buffer
	if err := x.write(&signed, form, info, nil); err != nil {
		return err
	}
	method := info.Child(nsDSig, "SignatureMethod")
	if method == nil {
		return unread("it names no algorithm")
	}
	if err := x.checkValue(p, sig, method.Attr("Algorithm"), signed.Bytes(), signature); err != nil {
		return err
	}
	return x.references(p, sig, info, doc, of)
}

// write writes canonically, within the limits.
func (x *xmlSignatures) write(w interface{ Write([]byte) (int, error) }, form markup.Form, n *markup.Node, leave func(*markup.Node) bool) error {
	return form.Write(&counted{x: x, w: w}, n, leave)
}

type counted struct {
	x *xmlSignatures
	w interface{ Write([]byte) (int, error) }
}

func (c *counted) Write(b []byte) (int, error) {
	if c.x.written += int64(len(b)); c.x.written > maxCanonical {
		return 0, fmt.Errorf("%w: there is more to compare than %d MiB", errUnread, maxCanonical>>20)
	}
	if err := c.x.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}

func formOf(method *markup.Node) (markup.Form, bool) {
	if method == nil {
		return markup.Form{}, false
	}
	form, ok := forms[method.Attr("Algorithm")]
	if list := method.Child(nsExcl, "InclusiveNamespaces"); list != nil && form.Exclusive {
		for _, prefix := range strings.Fields(list.Attr("PrefixList")) {
			if prefix == "#default" {
				prefix = ""
			}
			form.Inclusive = append(form.Inclusive, prefix)
		}
	}
	return form, ok
}

func decode64(n *markup.Node) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Content()), ""))
}

// checkValue finds the key that made the signature, and who it belongs to.
func (x *xmlSignatures) checkValue(p *proof, sig *markup.Node, algorithm string, signed, signature []byte) error {
	alg, ok := xmlAlgorithms[algorithm]
	if !ok {
		return fmt.Errorf("%w: its algorithm is not supported", errUnread)
	}
	var ders [][]byte
	var bare *markup.Node
	if info := sig.Child(nsDSig, "KeyInfo"); info != nil {
		info.All(func(n *markup.Node) bool {
			switch {
			case n.Name.Is(nsDSig, "X509Certificate") && len(ders) < maxCertificates:
				if der, err := decode64(n); err == nil {
					ders = append(ders, der)
				}
			case n.Name.Is(nsDSig, "KeyValue"):
				bare = n
			}
			return true
		})
		if name := info.Child(nsDSig, "KeyName"); name != nil {
			p.KeyID = clip(strings.TrimSpace(name.Content()))
		}
	}
	tried := false
	for i, der := range ders {
		cert, ok := cms.ReadCertificate(der)
		if !ok {
			continue
		}
		key, err := publicKey(cert.Key)
		if err != nil {
			continue
		}
		tried = true
		if holds(alg.kind, alg.hash, key, signed, signature) {
			sum := sha256.Sum256(der)
			p.Certificate = hex.EncodeToString(sum[:])
			p.Signer = x.partners.certificate(der, slices.Concat(ders[:i], ders[i+1:]), nil)
			return nil
		}
	}
	if len(ders) == 0 {
		for _, k := range x.partners.named(p.KeyID) {
			tried = tried || p.KeyID != ""
			if holds(alg.kind, alg.hash, k.Key, signed, signature) {
				p.Signer = x.partners.key(k)
				return nil
			}
		}
		if key := keyValue(bare); key != nil {
			tried = true
			if holds(alg.kind, alg.hash, key, signed, signature) {
				p.Signer = x.partners.stranger()
				return nil
			}
		}
	}
	if !tried {
		return fmt.Errorf("%w: the key of its signer is not at hand", errUnread)
	}
	return fmt.Errorf("%w: its value does not fit the key of its signer", errBroken)
}

// keyValue reads an RSA key that is written out.
func keyValue(n *markup.Node) any {
	if n == nil {
		return nil
	}
	rsaKey := n.Child(nsDSig, "RSAKeyValue")
	if rsaKey == nil {
		return nil
	}
	modulus, exponent := rsaKey.Child(nsDSig, "Modulus"), rsaKey.Child(nsDSig, "Exponent")
	if modulus == nil || exponent == nil {
		return nil
	}
	m, err1 := decode64(modulus)
	e, err2 := decode64(exponent)
	if err1 != nil || err2 != nil || len(m) < 128 || len(m) > 1024 || len(e) == 0 || len(e) > 4 {
		return nil
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(m), E: int(new(big.Int).SetBytes(e).Int64())}
}

// holds checks a signature as XMLDSig writes it: two numbers beside each other for ECDSA.
func holds(kind string, h crypto.Hash, key any, message, signature []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if kind == "pss" {
			return rsa.VerifyPSS(k, h, hashOf(h, message), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		}
		return kind == "rsa" && rsa.VerifyPKCS1v15(k, h, hashOf(h, message), signature) == nil
	case *ecdsa.PublicKey:
		n := (k.Curve.Params().BitSize + 7) / 8
		if kind != "ecdsa" || len(signature) != 2*n {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:])
		return ecdsa.Verify(k, hashOf(h, message), r, s)
	case ed25519.PublicKey:
		return kind == "ed25519" && ed25519.Verify(k, message, signature)
	}
	return false
}

// references checks the digests of everything that the signature is of, and wants the document to
// be among it: whoever moves what was signed elsewhere in a document, and puts something else in
// its place, has a signature that holds and covers nothing that anybody reads.
func (x *xmlSignatures) references(p *proof, sig, info, doc *markup.Node, of *target) error {
	n, whole := 0, false
	var parts []string
	for _, ref := range info.Elements() {
		if !ref.Name.Is(nsDSig, "Reference") {
			continue
		}
		if n++; n > maxReferences {
			return fmt.Errorf("%w: it is of more than %d things", errUnread, maxReferences)
		}
		covered, err := x.reference(ref, sig, doc, of)
		if err != nil {
			return err
		}
		switch root := doc.Root(); {
		case covered == nil: // the other document
			whole = true
		case of == nil && (covered == doc || covered == root),
			of == nil && sig == root && covered.Parent == sig && covered.Name.Is(nsDSig, "Object"): // it envelops what it signs
			whole = true
		case within(covered, sig): // what the signature says of itself
		default:
			parts = append(parts, covered.Name.Local)
		}
	}
	switch {
	case n == 0:
		return fmt.Errorf("%w: it is of nothing", errUnread)
	case whole:
		p.Covers = "the whole document"
	default:
		p.State, p.Covers = "partial", clip(strings.Join(parts, ", "))
		p.Why = "covers only a part of the document, and the rest could be anything"
		if len(parts) == 0 {
			p.Why = "covers nothing of the document"
		}
	}
	return nil
}

func within(n, outer *markup.Node) bool {
	for ; n != nil; n = n.Parent {
		if n == outer {
			return true
		}
	}
	return false
}

// reference checks one digest, and returns the node that it is of; nil is the other document.
func (x *xmlSignatures) reference(ref, sig, doc *markup.Node, of *target) (*markup.Node, error) {
	unread := func(what string) error { return fmt.Errorf("%w: %s", errUnread, what) }
	uri, node, foreign := ref.Attr("URI"), doc, false
	switch id, local := strings.CutPrefix(uri, "#"); {
	case local && id != "" && !strings.HasPrefix(id, "xpointer("):
		all := x.withID(doc, id)
		switch {
		case len(all) > 1:
			return nil, fmt.Errorf("%w: what it is of is there %d times", errBroken, len(all))
		case len(all) == 1:
			node = all[0]
		case of != nil:
			foreign = true
		default:
			return nil, fmt.Errorf("%w: what it is of is not there", errBroken)
		}
	case of != nil:
		foreign = true
	case uri != "" || local:
		return nil, unread("it is of something that is not in the file")
	}
	form, leave := markup.Form{}, func(*markup.Node) bool { return false }
	if list := ref.Child(nsDSig, "Transforms"); list != nil {
		for _, t := range list.Elements() {
			algorithm := t.Attr("Algorithm")
			if f, ok := formOf(t); ok {
				form = f
				continue
			}
			switch {
			case algorithm == nsDSig+"enveloped-signature":
				leave = func(n *markup.Node) bool { return n == sig }
			case algorithm == "http://www.w3.org/TR/1999/REC-xpath-19991116" && withoutSignatures(t):
				leave = func(n *markup.Node) bool { return n.Kind == markup.Element && n.Name.Is(nsDSig, "Signature") }
			default:
				return nil, unread("what it is of was changed in a way that is not supported before it was signed")
			}
		}
	}
	if !foreign { // a reference to the same document leaves comments out
		form.Comments = false
	}
	method, stated := ref.Child(nsDSig, "DigestMethod"), ref.Child(nsDSig, "DigestValue")
	if method == nil || stated == nil {
		return nil, unread("it states no digest")
	}
	h, ok := xmlDigests[method.Attr("Algorithm")]
	want, err := decode64(stated)
	if !ok || err != nil {
		return nil, unread("its digest is not supported")
	}
	broken := fmt.Errorf("%w: the digest in it is not that of what it is of", errBroken)
	same := func(n *markup.Node, leave func(*markup.Node) bool) (bool, error) {
		var sum hash.Hash = h.New()
		if err := x.write(sum, form, n, leave); err != nil {
			return false, err
		}
		return bytes.Equal(sum.Sum(nil), want), nil
	}
	if !foreign {
		fits, err := same(node, leave)
		if err == nil && !fits {
			err = broken
		}
		return node, err
	}
	for _, l := range of.leaves {
		fits, err := same(of.doc, func(n *markup.Node) bool { return leave(n) || l(n) })
		if err != nil || fits {
			return nil, err
		}
	}
	return nil, broken
}

// withoutSignatures recognises the one path expression that is supported, for all signatures.
func withoutSignatures(t *markup.Node) bool {
	path := t.Child(nsDSig, "XPath")
	if path == nil {
		return false
	}
	prefix, ok := strings.CutPrefix(strings.Join(strings.Fields(path.Content()), ""), "not(ancestor-or-self::")
	if !ok {
		return false
	}
	prefix, ok = strings.CutSuffix(prefix, ":Signature)")
	space, _ := path.Namespace(prefix)
	return ok && space == nsDSig
}

// withID returns the elements that have the identifier, by whatever name readers take for one.
func (x *xmlSignatures) withID(doc *markup.Node, id string) []*markup.Node {
	if x.ids[doc] == nil {
		all := map[string][]*markup.Node{}
		doc.All(func(n *markup.Node) bool {
			for _, a := range n.Attrs {
				if strings.EqualFold(a.Local, "id") || a.Local == "AssertionID" {
					if has := all[a.Value]; len(has) == 0 || has[len(has)-1] != n {
						all[a.Value] = append(has, n)
					}
				}
			}
			return true
		})
		x.ids = map[*markup.Node]map[string][]*markup.Node{doc: all}
	}
	return x.ids[doc][id]
}
