// Package cms reads CMS SignedData (RFC 5652) with one signer, as time stamps and signatures of
// documents carry it, and TSTInfo (RFC 3161) inside.
//
// It reads nothing that it does not need: fields with text that breaks the rules of its ASN.1 type
// are common and harmless. It checks no signature and trusts nobody; which algorithms count, and
// whose certificate it must be, is the caller's question.
package cms

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // old signatures are still checked against what they say
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/asn1"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers that callers compare with.
var (
	OIDTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	OIDContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	OIDMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	OIDRSAPSS        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}

	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidKeyID      = asn1.ObjectIdentifier{2, 5, 29, 14}
)

// maxCertificates is how many certificates a message may carry.
const maxCertificates = 64

// SignedData is what is needed of a message. Slices point into the bytes that were read.
type SignedData struct {
	ContentType  asn1.ObjectIdentifier
	Content      []byte // nil where the signature is detached
	Certificates []Certificate
	CRLs         [][]byte    // revocation lists that came with it, DER
	Hash         crypto.Hash // digest algorithm of the signer, 0 if it is none of Hash's
	Algorithm    asn1.ObjectIdentifier
	Parameters   []byte // of the algorithm
	Attributes   []byte // content of the signed attributes, nil without any
	Signature    []byte

	issuerSerial []byte // of the signer, or
	keyID        []byte
}

// Certificate is read as far as its key: names with letters that their string type does not have
// are common, and no reason not to check.
type Certificate struct {
	Raw, Key     []byte // DER of the certificate, and of its SubjectPublicKeyInfo
	IssuerSerial []byte // content of IssuerAndSerialNumber
	keyID        []byte
}

// Hash returns the digest algorithm of an object identifier, 0 if it is no SHA-1 or SHA-2.
func Hash(oid asn1.ObjectIdentifier) crypto.Hash {
	switch oid.String() {
	case "1.3.14.3.2.26":
		return crypto.SHA1
	case "2.16.840.1.101.3.4.2.4":
		return crypto.SHA224
	case "2.16.840.1.101.3.4.2.1":
		return crypto.SHA256
	case "2.16.840.1.101.3.4.2.2":
		return crypto.SHA384
	case "2.16.840.1.101.3.4.2.3":
		return crypto.SHA512
	}
	return 0
}

func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// Read reads a message. The error names the part that cannot be read: "its signer cannot be read".
func Read(der []byte) (*SignedData, error) {
	fail := func(what string) (*SignedData, error) { return nil, fmt.Errorf("its %s cannot be read", what) }
	s := cryptobyte.String(der)
	var outer, sd, inside, certs, crls, signers, signer cryptobyte.String
	var oid asn1.ObjectIdentifier
	var has bool
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidSignedData) ||
		!outer.ReadASN1(&sd, explicit(0)) || !sd.ReadASN1(&sd, cbasn1.SEQUENCE) {
		return fail("envelope")
	}
	m := &SignedData{}
	if !sd.SkipASN1(cbasn1.INTEGER) || !sd.SkipASN1(cbasn1.SET) || !sd.ReadASN1(&inside, cbasn1.SEQUENCE) ||
		!inside.ReadASN1ObjectIdentifier(&m.ContentType) {
		return fail("content")
	}
	if !inside.Empty() {
		var octets cryptobyte.String
		if !inside.ReadASN1(&octets, explicit(0)) || !octets.ReadASN1(&octets, cbasn1.OCTET_STRING) {
			return fail("content")
		}
		m.Content = octets
	}
	if !sd.ReadOptionalASN1(&certs, &has, explicit(0)) || !sd.ReadOptionalASN1(&crls, &has, explicit(1)) {
		return fail("list of certificates")
	}
	for len(m.CRLs) < maxCertificates && !crls.Empty() {
		var one cryptobyte.String
		var tag cbasn1.Tag
		if !crls.ReadAnyASN1Element(&one, &tag) {
			break
		}
		if tag == cbasn1.SEQUENCE { // others are answers of OCSP, which are not read
			m.CRLs = append(m.CRLs, one)
		}
	}
	for n := 0; !certs.Empty(); n++ {
		var one cryptobyte.String
		var tag cbasn1.Tag
		if n == maxCertificates || !certs.ReadAnyASN1Element(&one, &tag) {
			return fail("list of certificates")
		}
		if c, ok := ReadCertificate(one); ok && tag == cbasn1.SEQUENCE {
			m.Certificates = append(m.Certificates, c)
		}
	}
	if !sd.ReadASN1(&signers, cbasn1.SET) || !signers.ReadASN1(&signer, cbasn1.SEQUENCE) || !signers.Empty() {
		return fail("one signer")
	}
	if !m.readSigner(signer) {
		return fail("signer")
	}
	return m, nil
}

// readSigner reads SignerInfo.
func (m *SignedData) readSigner(s cryptobyte.String) bool {
	var sid, alg, sig, attributes cryptobyte.String
	var oid asn1.ObjectIdentifier
	var has bool
	if !s.SkipASN1(cbasn1.INTEGER) {
		return false
	}
	if s.PeekASN1Tag(cbasn1.SEQUENCE) {
		if !s.ReadASN1(&sid, cbasn1.SEQUENCE) {
			return false
		}
		m.issuerSerial = sid
	} else {
		if !s.ReadASN1(&sid, cbasn1.Tag(0).ContextSpecific()) {
			return false
		}
		m.keyID = sid
	}
	if !s.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) {
		return false
	}
	m.Hash = Hash(oid)
	if !s.ReadOptionalASN1(&attributes, &has, explicit(0)) {
		return false
	}
	if has {
		m.Attributes = append([]byte{}, attributes...)
	}
	if !s.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&m.Algorithm) || !s.ReadASN1(&sig, cbasn1.OCTET_STRING) {
		return false
	}
	m.Parameters, m.Signature = alg, sig
	return true
}

// ReadCertificate reads a certificate as far as is needed here.
func ReadCertificate(der []byte) (c Certificate, ok bool) {
	s := cryptobyte.String(der)
	var outer, tbs, serial, issuer, key, extensions cryptobyte.String
	var has bool
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.SkipOptionalASN1(explicit(0)) ||
		!tbs.ReadASN1Element(&serial, cbasn1.INTEGER) || !tbs.SkipASN1(cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !tbs.SkipASN1(cbasn1.SEQUENCE) || !tbs.SkipASN1(cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&key, cbasn1.SEQUENCE) {
		return c, false
	}
	c = Certificate{Raw: der, IssuerSerial: slices.Concat(issuer, serial), Key: key}
	tbs.SkipOptionalASN1(cbasn1.Tag(1).ContextSpecific())
	tbs.SkipOptionalASN1(cbasn1.Tag(2).ContextSpecific())
	if !tbs.ReadOptionalASN1(&extensions, &has, explicit(3)) || !has || !extensions.ReadASN1(&extensions, cbasn1.SEQUENCE) {
		return c, true
	}
	for !extensions.Empty() {
		var one, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !extensions.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&oid) || !one.SkipOptionalASN1(cbasn1.BOOLEAN) ||
			!one.ReadASN1(&value, cbasn1.OCTET_STRING) {
			break
		}
		if oid.Equal(oidKeyID) && value.ReadASN1(&value, cbasn1.OCTET_STRING) {
			c.keyID = value
		}
	}
	return c, true
}

// Signer returns the certificate that the signer info names.
func (m *SignedData) Signer() (Certificate, bool) {
	for _, c := range m.Certificates {
		if m.keyID != nil && bytes.Equal(c.keyID, m.keyID) || m.keyID == nil && bytes.Equal(c.IssuerSerial, m.issuerSerial) {
			return c, true
		}
	}
	return Certificate{}, false
}

// Attribute returns the values of the first signed attribute of a kind: the content of a SET.
func (m *SignedData) Attribute(kind asn1.ObjectIdentifier) (values cryptobyte.String, ok bool) {
	for s := cryptobyte.String(m.Attributes); !s.Empty(); {
		var attribute cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !s.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&oid) || !attribute.ReadASN1(&values, cbasn1.SET) {
			return nil, false
		}
		if oid.Equal(kind) {
			return values, true
		}
	}
	return nil, false
}

// MessageDigest returns the digest that the signed attributes state.
func (m *SignedData) MessageDigest() (digest []byte, ok bool) {
	values, ok := m.Attribute(OIDMessageDigest)
	var v cryptobyte.String
	if !ok || !values.ReadASN1(&v, cbasn1.OCTET_STRING) {
		return nil, false
	}
	return v, true
}

// SignedAttributes are the bytes that the signature is over, where there are signed attributes:
// as they are stored, and in the order of DER, in which some signers sign what they store in
// another.
func (m *SignedData) SignedAttributes() (stored, sorted []byte, err error) {
	set := func(content []byte) ([]byte, error) {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SET, func(s *cryptobyte.Builder) { s.AddBytes(content) })
		return b.Bytes()
	}
	if stored, err = set(m.Attributes); err != nil {
		return nil, nil, err
	}
	sorted, err = set(inOrder(m.Attributes))
	return stored, sorted, err
}

// inOrder puts the elements of a SET OF into the order of DER.
func inOrder(set []byte) []byte {
	var elements [][]byte
	for s := cryptobyte.String(set); !s.Empty(); {
		var e cryptobyte.String
		var tag cbasn1.Tag
		if !s.ReadAnyASN1Element(&e, &tag) {
			return set
		}
		elements = append(elements, e)
	}
	slices.SortFunc(elements, bytes.Compare)
	return slices.Concat(elements...)
}

// TimeStamp is what is read of TSTInfo (RFC 3161, 2.4.2).
type TimeStamp struct {
	Hash    crypto.Hash // of the imprint, 0 if it is none of Hash's
	Imprint []byte
	Time    string // GeneralizedTime, "" if it cannot be read
}

// ReadTimeStamp reads TSTInfo as far as the imprint, and its time if that can be read.
func ReadTimeStamp(der []byte) (TimeStamp, bool) {
	var out TimeStamp
	s := cryptobyte.String(der)
	var seq, imprint, alg, digest, when cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.SkipASN1(cbasn1.INTEGER) || !seq.SkipASN1(cbasn1.OBJECT_IDENTIFIER) ||
		!seq.ReadASN1(&imprint, cbasn1.SEQUENCE) || !imprint.ReadASN1(&alg, cbasn1.SEQUENCE) ||
		!alg.ReadASN1ObjectIdentifier(&oid) || !imprint.ReadASN1(&digest, cbasn1.OCTET_STRING) {
		return out, false
	}
	out.Hash, out.Imprint = Hash(oid), digest
	if seq.SkipASN1(cbasn1.INTEGER) && seq.ReadASN1(&when, cbasn1.GeneralizedTime) {
		out.Time = string(when)
	}
	return out, true
}
