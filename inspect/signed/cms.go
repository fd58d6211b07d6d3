package signed

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha1" // old signatures are still checked against what they say
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// errBroken is wrapped where a signature does not hold for the bytes it is of.
var errBroken = errors.New("does not hold")

const maxCertificates = 64

var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidRSAPSS        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidKeyID         = asn1.ObjectIdentifier{2, 5, 29, 14}

	digests = map[string]crypto.Hash{
		"1.3.14.3.2.26":          crypto.SHA1,
		"2.16.840.1.101.3.4.2.4": crypto.SHA224,
		"2.16.840.1.101.3.4.2.1": crypto.SHA256,
		"2.16.840.1.101.3.4.2.2": crypto.SHA384,
		"2.16.840.1.101.3.4.2.3": crypto.SHA512,
	}
	// algorithms of signatures; 0 leaves the digest to the digest algorithm of the signer.
	algorithms = map[string]crypto.Hash{
		"1.2.840.113549.1.1.1":  0, // RSA
		"1.2.840.113549.1.1.10": 0, // RSASSA-PSS
		"1.2.840.113549.1.1.5":  crypto.SHA1,
		"1.2.840.113549.1.1.14": crypto.SHA224,
		"1.2.840.113549.1.1.11": crypto.SHA256,
		"1.2.840.113549.1.1.12": crypto.SHA384,
		"1.2.840.113549.1.1.13": crypto.SHA512,
		"1.2.840.10045.2.1":     0, // ECDSA
		"1.2.840.10045.4.1":     crypto.SHA1,
		"1.2.840.10045.4.3.1":   crypto.SHA224,
		"1.2.840.10045.4.3.2":   crypto.SHA256,
		"1.2.840.10045.4.3.3":   crypto.SHA384,
		"1.2.840.10045.4.3.4":   crypto.SHA512,
		"1.3.101.112":           0, // Ed25519
	}
)

// cms is what is needed of SignedData (RFC 5652) with one signer. Whose certificate it is, and
// who issued it, is not asked: nobody here can say whom to trust.
type cms struct {
	content      []byte // nil where the signature is detached
	contentType  asn1.ObjectIdentifier
	certificates []certificate
	crls         [][]byte // that came with it
	issuerSerial []byte   // of the signer, or
	keyID        []byte
	hash         crypto.Hash
	algorithm    asn1.ObjectIdentifier
	parameters   []byte
	attributes   []byte // nil without signed attributes
	signature    []byte
}

// certificate is read as far as its key. Names with letters that their string type does not
// have are common, and no reason not to check.
type certificate struct {
	raw, issuerSerial, keyID, key []byte
}

func readCMS(der []byte) (*cms, error) {
	fail := func(what string) (*cms, error) { return nil, fmt.Errorf("%w: its %s cannot be read", errUnread, what) }
	s := cryptobyte.String(der)
	var outer, sd, inside, certs, signers, signer cryptobyte.String
	var oid asn1.ObjectIdentifier
	var has bool
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidSignedData) ||
		!outer.ReadASN1(&sd, explicit(0)) || !sd.ReadASN1(&sd, cbasn1.SEQUENCE) {
		return fail("envelope")
	}
	c := &cms{}
	if !sd.SkipASN1(cbasn1.INTEGER) || !sd.SkipASN1(cbasn1.SET) || !sd.ReadASN1(&inside, cbasn1.SEQUENCE) ||
		!inside.ReadASN1ObjectIdentifier(&c.contentType) {
		return fail("content")
	}
	if !inside.Empty() {
		var octets cryptobyte.String
		if !inside.ReadASN1(&octets, explicit(0)) || !octets.ReadASN1(&octets, cbasn1.OCTET_STRING) {
			return fail("content")
		}
		c.content = octets
	}
	var crls cryptobyte.String
	if !sd.ReadOptionalASN1(&certs, &has, explicit(0)) || !sd.ReadOptionalASN1(&crls, &has, explicit(1)) {
		return fail("list of certificates")
	}
	for len(c.crls) < maxCertificates && !crls.Empty() {
		var one cryptobyte.String
		var tag cbasn1.Tag
		if !crls.ReadAnyASN1Element(&one, &tag) {
			break
		}
		if tag == cbasn1.SEQUENCE { // others are answers of OCSP, which are not read
			c.crls = append(c.crls, one)
		}
	}
	for n := 0; !certs.Empty(); n++ {
		var one cryptobyte.String
		var tag cbasn1.Tag
		if n == maxCertificates || !certs.ReadAnyASN1Element(&one, &tag) {
			return fail("list of certificates")
		}
		if cert, ok := readCertificate(one); ok && tag == cbasn1.SEQUENCE {
			c.certificates = append(c.certificates, cert)
		}
	}
	if !sd.ReadASN1(&signers, cbasn1.SET) || !signers.ReadASN1(&signer, cbasn1.SEQUENCE) || !signers.Empty() {
		return fail("one signer")
	}
	if !c.readSigner(signer) {
		return fail("signer")
	}
	return c, nil
}

func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// readSigner reads SignerInfo.
func (c *cms) readSigner(s cryptobyte.String) bool {
	var sid, alg, sig cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !s.SkipASN1(cbasn1.INTEGER) {
		return false
	}
	if s.PeekASN1Tag(cbasn1.SEQUENCE) {
		if !s.ReadASN1(&sid, cbasn1.SEQUENCE) {
			return false
		}
		c.issuerSerial = sid
	} else {
		if !s.ReadASN1(&sid, cbasn1.Tag(0).ContextSpecific()) {
			return false
		}
		c.keyID = sid
	}
	if !s.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) {
		return false
	}
	c.hash = digests[oid.String()]
	var attributes cryptobyte.String
	var has bool
	if !s.ReadOptionalASN1(&attributes, &has, explicit(0)) {
		return false
	}
	if has {
		c.attributes = append([]byte{}, attributes...)
	}
	if !s.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&c.algorithm) || !s.ReadASN1(&sig, cbasn1.OCTET_STRING) {
		return false
	}
	c.parameters, c.signature = alg, sig
	return true
}

func readCertificate(der []byte) (c certificate, ok bool) {
	s := cryptobyte.String(der)
	var outer, tbs, serial, issuer, key, extensions cryptobyte.String
	var has bool
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.SkipOptionalASN1(explicit(0)) ||
		!tbs.ReadASN1Element(&serial, cbasn1.INTEGER) || !tbs.SkipASN1(cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !tbs.SkipASN1(cbasn1.SEQUENCE) || !tbs.SkipASN1(cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&key, cbasn1.SEQUENCE) {
		return c, false
	}
	c = certificate{raw: der, issuerSerial: slices.Concat(issuer, serial), key: key}
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

// signer returns the certificate that the signer info names.
func (c *cms) signer() (certificate, bool) {
	for _, cert := range c.certificates {
		if c.keyID != nil && bytes.Equal(cert.keyID, c.keyID) || c.keyID == nil && bytes.Equal(cert.issuerSerial, c.issuerSerial) {
			return cert, true
		}
	}
	return certificate{}, false
}

// fingerprint is the SHA-256 of the signer's certificate.
func (c *cms) fingerprint() (sum [sha256.Size]byte, ok bool) {
	cert, ok := c.signer()
	return sha256.Sum256(cert.raw), ok
}

// verify checks the signature over content whose digest digest returns.
func (c *cms) verify(digest func(crypto.Hash) ([]byte, error)) error {
	cert, ok := c.signer()
	if !ok {
		return fmt.Errorf("%w: the certificate of its signer is not in it", errUnread)
	}
	key, err := publicKey(cert.key)
	if err != nil {
		return err
	}
	if c.hash == 0 {
		return fmt.Errorf("%w: its digest algorithm is not supported", errUnread)
	}
	sum, err := digest(c.hash)
	if err != nil {
		return err
	}
	if c.attributes == nil {
		return c.verifyKey(key, func(h crypto.Hash) ([]byte, error) { return digest(h) }, nil)
	}
	stated, err := c.messageDigest()
	if err != nil {
		return err
	}
	if !bytes.Equal(stated, sum) {
		return fmt.Errorf("%w: the digest in it is not that of the signed bytes", errBroken)
	}
	over := func(attributes []byte) error {
		var set cryptobyte.Builder
		set.AddASN1(cbasn1.SET, func(s *cryptobyte.Builder) { s.AddBytes(attributes) })
		message, err := set.Bytes()
		if err != nil {
			return fmt.Errorf("%w: its attributes cannot be read", errUnread)
		}
		return c.verifyKey(key, func(h crypto.Hash) ([]byte, error) { return hashOf(h, message), nil }, message)
	}
	err = over(c.attributes)
	if errors.Is(err, errBroken) { // signed in the order that DER asks for, stored in another
		err = over(sorted(c.attributes))
	}
	return err
}

// messageDigest returns the digest that the signed attributes state.
func (c *cms) messageDigest() ([]byte, error) {
	for s := cryptobyte.String(c.attributes); !s.Empty(); {
		var attribute, values, v cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !s.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&oid) || !attribute.ReadASN1(&values, cbasn1.SET) {
			break
		}
		if oid.Equal(oidMessageDigest) && values.ReadASN1(&v, cbasn1.OCTET_STRING) {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%w: its attributes state no digest", errUnread)
}

func hashOf(h crypto.Hash, message []byte) []byte {
	d := h.New()
	d.Write(message)
	return d.Sum(nil)
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

// publicKey reads SubjectPublicKeyInfo, also of keys marked RSASSA-PSS (RFC 4055).
func publicKey(spki []byte) (any, error) {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		s := cryptobyte.String(spki)
		var info, alg cryptobyte.String
		var oid asn1.ObjectIdentifier
		var bits asn1.BitString
		if s.ReadASN1(&info, cbasn1.SEQUENCE) && info.ReadASN1(&alg, cbasn1.SEQUENCE) && alg.ReadASN1ObjectIdentifier(&oid) &&
			oid.Equal(oidRSAPSS) && info.ReadASN1BitString(&bits) {
			key, err = x509.ParsePKCS1PublicKey(bits.RightAlign())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the key of its signer is of a kind that is not supported", errUnread)
	}
	if k, ok := key.(*rsa.PublicKey); ok && (k.N.BitLen() < 1024 || k.N.BitLen() > 8192) {
		return nil, fmt.Errorf("%w: the RSA key of its signer has %d bits", errUnread, k.N.BitLen())
	}
	return key, nil
}

// verifyKey checks the signature itself. message is nil where only its digest is at hand.
func (c *cms) verifyKey(key any, digest func(crypto.Hash) ([]byte, error), message []byte) error {
	hash, known := algorithms[c.algorithm.String()]
	if !known {
		return fmt.Errorf("%w: its algorithm %v is not supported", errUnread, c.algorithm)
	}
	pss := c.algorithm.Equal(oidRSAPSS)
	if pss {
		h, err := pssHash(c.parameters)
		if err != nil {
			return err
		}
		hash = h
	}
	if hash == 0 {
		hash = c.hash
	}
	sum, err := digest(hash)
	if err != nil {
		return err
	}
	holds := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		if pss {
			holds = rsa.VerifyPSS(key, hash, sum, c.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		} else {
			holds = rsa.VerifyPKCS1v15(key, hash, sum, c.signature) == nil
		}
	case *ecdsa.PublicKey:
		holds = ecdsa.VerifyASN1(key, sum, c.signature)
	case ed25519.PublicKey:
		if message == nil {
			return fmt.Errorf("%w: Ed25519 without signed attributes is not supported", errUnread)
		}
		holds = ed25519.Verify(key, message, c.signature)
	default:
		return fmt.Errorf("%w: the key of its signer is of a kind that is not supported", errUnread)
	}
	if !holds {
		return fmt.Errorf("%w: its value does not fit the key of its signer", errBroken)
	}
	return nil
}

// pssHash reads the hash of RSASSA-PSS-params (RFC 4055), which is SHA-1 if none is given. A
// mask generated with another hash is not supported by the standard library.
func pssHash(params []byte) (crypto.Hash, error) {
	unsupported := fmt.Errorf("%w: its RSASSA-PSS parameters are not supported", errUnread)
	s := cryptobyte.String(params)
	var seq, tagged, alg cryptobyte.String
	var oid asn1.ObjectIdentifier
	var has bool
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadOptionalASN1(&tagged, &has, explicit(0)) {
		return 0, unsupported
	}
	hash := crypto.SHA1
	if has {
		if !tagged.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) {
			return 0, unsupported
		}
		hash = digests[oid.String()]
	}
	mask := crypto.SHA1
	if !seq.ReadOptionalASN1(&tagged, &has, explicit(1)) {
		return 0, unsupported
	}
	if has {
		if !tagged.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.SkipASN1(cbasn1.OBJECT_IDENTIFIER) ||
			!alg.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) {
			return 0, unsupported
		}
		mask = digests[oid.String()]
	}
	if hash == 0 || hash != mask {
		return 0, unsupported
	}
	return hash, nil
}

// imprint reads the digest that a time stamp is of (RFC 3161, 2.4.2).
func (c *cms) imprint() (crypto.Hash, []byte, error) {
	s := cryptobyte.String(c.content)
	var seq, imprint, alg, digest cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !c.contentType.Equal(oidTSTInfo) || !s.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.SkipASN1(cbasn1.INTEGER) ||
		!seq.SkipASN1(cbasn1.OBJECT_IDENTIFIER) || !seq.ReadASN1(&imprint, cbasn1.SEQUENCE) || !imprint.ReadASN1(&alg, cbasn1.SEQUENCE) ||
		!alg.ReadASN1ObjectIdentifier(&oid) || !imprint.ReadASN1(&digest, cbasn1.OCTET_STRING) || digests[oid.String()] == 0 {
		return 0, nil, fmt.Errorf("%w: it is not a time stamp that can be read", errUnread)
	}
	return digests[oid.String()], digest, nil
}
