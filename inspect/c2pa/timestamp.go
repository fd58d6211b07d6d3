package c2pa

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// timestamp is an RFC 3161 token whose own signature holds.
type timestamp struct {
	at    time.Time
	chain []*x509.Certificate // signer first
}

var (
	errTokenMalformed = errors.New("time stamp cannot be read")
	errTokenMismatch  = errors.New("time stamp is of something else")
	errTokenSignature = errors.New("time stamp's own signature does not hold")

	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}

	hashOIDs = map[string]crypto.Hash{
		"2.16.840.1.101.3.4.2.1": crypto.SHA256,
		"2.16.840.1.101.3.4.2.2": crypto.SHA384,
		"2.16.840.1.101.3.4.2.3": crypto.SHA512,
	}
)

const (
	tagContext0 = cbasn1.Tag(0xA0)
	tagPrimary0 = cbasn1.Tag(0x80)
)

// readToken checks a time stamp over message. It takes a TimeStampResp or a bare token and
// reads nothing that it does not need: fields with text that breaks the rules of its ASN.1
// type are common and harmless. Trust in the signer is the caller's question.
func readToken(b *budget, der, message []byte) (*timestamp, error) {
	sd, err := signedData(der)
	if err != nil {
		return nil, err
	}
	info, err := parseTSTInfo(sd.content)
	if err != nil {
		return nil, err
	}
	digest := digestOf(info.hash, message)
	if digest == nil || !bytes.Equal(digest, info.imprint) {
		return nil, errTokenMismatch
	}
	chain, err := sd.verify(b)
	if err != nil {
		return nil, err
	}
	return &timestamp{at: info.at, chain: chain}, nil
}

// digestOf hashes with SHA-2; nil for anything else.
func digestOf(h crypto.Hash, message []byte) []byte {
	if h != crypto.SHA256 && h != crypto.SHA384 && h != crypto.SHA512 {
		return nil
	}
	d := h.New()
	d.Write(message)
	return d.Sum(nil)
}

// cms holds the parts of SignedData (RFC 5652) that a time stamp uses.
type cms struct {
	content      []byte // TSTInfo, DER
	certificates []*x509.Certificate
	issuerSerial []byte // raw issuer and serial of the signer, or
	keyID        []byte // its subject key identifier
	hash         crypto.Hash
	sigAlg       asn1.ObjectIdentifier
	sigParams    []byte
	attributes   []byte // signed attributes as SET OF
	signature    []byte
}

func signedData(der []byte) (*cms, error) {
	fail := func(what string) (*cms, error) { return nil, fmt.Errorf("%w: %s", errTokenMalformed, what) }
	s := cryptobyte.String(der)
	var outer, sd cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) {
		return fail("outer sequence")
	}
	if outer.PeekASN1Tag(cbasn1.SEQUENCE) { // TimeStampResp: status, then the token
		if !outer.SkipASN1(cbasn1.SEQUENCE) || !outer.ReadASN1(&outer, cbasn1.SEQUENCE) {
			return fail("response without a token")
		}
	}
	if !outer.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidSignedData) ||
		!outer.ReadASN1(&sd, tagContext0) || !sd.ReadASN1(&sd, cbasn1.SEQUENCE) {
		return fail("not signed data")
	}
	var encap, octets cryptobyte.String
	if !sd.SkipASN1(cbasn1.INTEGER) || !sd.SkipASN1(cbasn1.SET) || !sd.ReadASN1(&encap, cbasn1.SEQUENCE) ||
		!encap.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidTSTInfo) ||
		!encap.ReadASN1(&octets, tagContext0) || !octets.ReadASN1(&octets, cbasn1.OCTET_STRING) {
		return fail("no TSTInfo inside")
	}
	out := &cms{content: octets}
	var certs cryptobyte.String
	var has bool
	if !sd.ReadOptionalASN1(&certs, &has, tagContext0) || !sd.SkipOptionalASN1(cbasn1.Tag(0xA1)) {
		return fail("certificates")
	}
	for n := 0; !certs.Empty() && n < maxChain; n++ {
		var one cryptobyte.String
		var tag cbasn1.Tag
		if !certs.ReadAnyASN1Element(&one, &tag) {
			return fail("certificates")
		}
		if c, err := readCertificate(one); tag == cbasn1.SEQUENCE && err == nil {
			out.certificates = append(out.certificates, c)
		}
	}
	var signers, si cryptobyte.String
	if !sd.ReadASN1(&signers, cbasn1.SET) || !signers.ReadASN1(&si, cbasn1.SEQUENCE) || !signers.Empty() {
		return fail("not exactly one signer")
	}
	if !out.readSigner(si) {
		return fail("signer")
	}
	return out, nil
}

// readSigner reads SignerInfo.
func (c *cms) readSigner(si cryptobyte.String) bool {
	var sid, alg, attrs, sig cryptobyte.String
	var oid asn1.ObjectIdentifier
	var has bool
	if !si.SkipASN1(cbasn1.INTEGER) {
		return false
	}
	if si.PeekASN1Tag(cbasn1.SEQUENCE) {
		if !si.ReadASN1(&sid, cbasn1.SEQUENCE) {
			return false
		}
		c.issuerSerial = sid
	} else {
		if !si.ReadASN1(&sid, tagPrimary0) {
			return false
		}
		c.keyID = sid
	}
	if !si.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) {
		return false
	}
	c.hash = hashOIDs[oid.String()]
	if !si.ReadOptionalASN1(&attrs, &has, tagContext0) || !has {
		return false // RFC 3161 wants signed attributes
	}
	c.attributes = attrs
	if !si.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&c.sigAlg) ||
		!si.ReadASN1(&sig, cbasn1.OCTET_STRING) {
		return false
	}
	c.sigParams, c.signature = alg, sig
	return true
}

// signer finds the certificate that the signer info names.
func (c *cms) signer() *x509.Certificate {
	for _, cert := range c.certificates {
		if c.keyID != nil {
			if bytes.Equal(cert.SubjectKeyId, c.keyID) {
				return cert
			}
			continue
		}
		serial, err := asn1.Marshal(cert.SerialNumber)
		if err == nil && bytes.Equal(c.issuerSerial, append(bytes.Clone(cert.RawIssuer), serial...)) {
			return cert
		}
	}
	return nil
}

// verify checks digest and signature and returns the chain as the token carries it.
func (c *cms) verify(b *budget) ([]*x509.Certificate, error) {
	cert := c.signer()
	if cert == nil {
		return nil, fmt.Errorf("%w: its certificate is missing", errTokenSignature)
	}
	digest := digestOf(c.hash, c.content)
	if digest == nil {
		return nil, fmt.Errorf("%w: digest algorithm", errTokenSignature)
	}
	var sawType, sawDigest bool
	for s := cryptobyte.String(c.attributes); !s.Empty(); {
		var attr, values, v cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !s.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&oid) || !attr.ReadASN1(&values, cbasn1.SET) {
			return nil, fmt.Errorf("%w: attributes", errTokenMalformed)
		}
		switch {
		case oid.Equal(oidContentType):
			var t asn1.ObjectIdentifier
			sawType = values.ReadASN1ObjectIdentifier(&t) && t.Equal(oidTSTInfo)
		case oid.Equal(oidMessageDigest):
			sawDigest = values.ReadASN1(&v, cbasn1.OCTET_STRING) && bytes.Equal(v, digest)
		}
	}
	if !sawType || !sawDigest {
		return nil, fmt.Errorf("%w: signed attributes do not match", errTokenSignature)
	}
	if err := b.sign(); err != nil {
		return nil, err
	}
	err := verifyCMS(cert.PublicKey, c.sigAlg, c.hash, c.sigParams, asSet(c.attributes), c.signature)
	if err != nil { // signed in the order that DER asks for, stored in another
		err = verifyCMS(cert.PublicKey, c.sigAlg, c.hash, c.sigParams, asSet(sorted(c.attributes)), c.signature)
	}
	if err != nil {
		return nil, err
	}
	chain := []*x509.Certificate{cert}
	for _, other := range c.certificates {
		if other != cert {
			chain = append(chain, other)
		}
	}
	return chain, nil
}

// asSet gives the signed attributes the tag under which they are signed.
func asSet(attributes []byte) []byte {
	var set cryptobyte.Builder
	set.AddASN1(cbasn1.SET, func(s *cryptobyte.Builder) { s.AddBytes(attributes) })
	return set.BytesOrPanic()
}

// sorted puts the elements of a SET OF into the order of DER.
func sorted(set []byte) []byte {
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

// verifyCMS checks a CMS signature. The algorithm may name the digest or leave it to the
// digest algorithm of the signer info.
func verifyCMS(key any, alg asn1.ObjectIdentifier, hash crypto.Hash, params, message, sig []byte) error {
	switch alg.String() {
	case "1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2":
		hash = crypto.SHA256
	case "1.2.840.113549.1.1.12", "1.2.840.10045.4.3.3":
		hash = crypto.SHA384
	case "1.2.840.113549.1.1.13", "1.2.840.10045.4.3.4":
		hash = crypto.SHA512
	case "1.2.840.113549.1.1.10":
		if h := pssHash(params); h != 0 {
			hash = h
		}
	case "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.3.101.112":
	default:
		return fmt.Errorf("%w: algorithm %v", errTokenSignature, alg)
	}
	digest := digestOf(hash, message)
	if digest == nil {
		return fmt.Errorf("%w: digest algorithm", errTokenSignature)
	}
	ok := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		if alg.Equal(oidRSAPSS) {
			ok = rsa.VerifyPSS(key, hash, digest, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		} else {
			ok = rsa.VerifyPKCS1v15(key, hash, digest, sig) == nil
		}
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(key, digest, sig)
		if n := (key.Curve.Params().BitSize + 7) / 8; !ok && len(sig) == 2*n { // r and s side by side
			ok = ecdsa.Verify(key, digest, new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:]))
		}
	case ed25519.PublicKey:
		ok = ed25519.Verify(key, message, sig)
	}
	if !ok {
		return errTokenSignature
	}
	return nil
}

// pssHash reads the hash of RSASSA-PSS-params (RFC 4055), 0 if it is not given.
func pssHash(params []byte) crypto.Hash {
	s := cryptobyte.String(params)
	var seq, tagged, alg cryptobyte.String
	var oid asn1.ObjectIdentifier
	if s.ReadASN1(&seq, cbasn1.SEQUENCE) && seq.ReadASN1(&tagged, tagContext0) &&
		tagged.ReadASN1(&alg, cbasn1.SEQUENCE) && alg.ReadASN1ObjectIdentifier(&oid) {
		return hashOIDs[oid.String()]
	}
	return 0
}

// tstInfo is what is read of TSTInfo (RFC 3161, 2.4.2).
type tstInfo struct {
	hash    crypto.Hash
	imprint []byte
	at      time.Time
}

func parseTSTInfo(der []byte) (tstInfo, error) {
	var out tstInfo
	s := cryptobyte.String(der)
	var seq, imprint, alg, digest, when cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.SkipASN1(cbasn1.INTEGER) || !seq.SkipASN1(cbasn1.OBJECT_IDENTIFIER) ||
		!seq.ReadASN1(&imprint, cbasn1.SEQUENCE) || !imprint.ReadASN1(&alg, cbasn1.SEQUENCE) ||
		!alg.ReadASN1ObjectIdentifier(&oid) || !imprint.ReadASN1(&digest, cbasn1.OCTET_STRING) ||
		!seq.SkipASN1(cbasn1.INTEGER) || !seq.ReadASN1(&when, cbasn1.GeneralizedTime) {
		return out, fmt.Errorf("%w: TSTInfo", errTokenMalformed)
	}
	// Fractions of a second are permitted here, unlike in certificates.
	at, err := time.Parse("20060102150405Z0700", string(when))
	if err != nil {
		return out, fmt.Errorf("%w: its time %.30q", errTokenMalformed, when)
	}
	out.hash, out.imprint, out.at = hashOIDs[oid.String()], digest, at.UTC()
	return out, nil
}
