package signed

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/cordonhq/cordon/media/cms"
)

func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// errBroken is wrapped where a signature does not hold for the bytes it is of.
var errBroken = errors.New("does not hold")

const maxCertificates = 64

var (
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

// message is a signature in CMS. Whose certificate it is, and who issued it, is not asked: nobody
// here can say whom to trust.
type message struct{ *cms.SignedData }

func readCMS(der []byte) (*message, error) {
	m, err := cms.Read(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnread, err)
	}
	return &message{m}, nil
}

// fingerprint is the SHA-256 of the signer's certificate.
func (c *message) fingerprint() (sum [sha256.Size]byte, ok bool) {
	cert, ok := c.Signer()
	return sha256.Sum256(cert.Raw), ok
}

// verify checks the signature over content whose digest digest returns.
func (c *message) verify(digest func(crypto.Hash) ([]byte, error)) error {
	cert, ok := c.Signer()
	if !ok {
		return fmt.Errorf("%w: the certificate of its signer is not in it", errUnread)
	}
	key, err := publicKey(cert.Key)
	if err != nil {
		return err
	}
	if c.Hash == 0 {
		return fmt.Errorf("%w: its digest algorithm is not supported", errUnread)
	}
	sum, err := digest(c.Hash)
	if err != nil {
		return err
	}
	if c.Attributes == nil {
		return c.verifyKey(key, func(h crypto.Hash) ([]byte, error) { return digest(h) }, nil)
	}
	stated, ok := c.MessageDigest()
	if !ok {
		return fmt.Errorf("%w: its attributes state no digest", errUnread)
	}
	if !bytes.Equal(stated, sum) {
		return fmt.Errorf("%w: the digest in it is not that of the signed bytes", errBroken)
	}
	stored, sorted, err := c.SignedAttributes()
	if err != nil {
		return fmt.Errorf("%w: its attributes cannot be read", errUnread)
	}
	over := func(set []byte) error {
		return c.verifyKey(key, func(h crypto.Hash) ([]byte, error) { return hashOf(h, set), nil }, set)
	}
	err = over(stored)
	if errors.Is(err, errBroken) { // signed in the order that DER asks for, stored in another
		err = over(sorted)
	}
	return err
}

func hashOf(h crypto.Hash, message []byte) []byte {
	d := h.New()
	d.Write(message)
	return d.Sum(nil)
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
			oid.Equal(cms.OIDRSAPSS) && info.ReadASN1BitString(&bits) {
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
func (c *message) verifyKey(key any, digest func(crypto.Hash) ([]byte, error), message []byte) error {
	hash, known := algorithms[c.Algorithm.String()]
	if !known {
		return fmt.Errorf("%w: its algorithm %v is not supported", errUnread, c.Algorithm)
	}
	pss := c.Algorithm.Equal(cms.OIDRSAPSS)
	if pss {
		h, err := pssHash(c.Parameters)
		if err != nil {
			return err
		}
		hash = h
	}
	if hash == 0 {
		hash = c.Hash
	}
	sum, err := digest(hash)
	if err != nil {
		return err
	}
	holds := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		if pss {
			holds = rsa.VerifyPSS(key, hash, sum, c.Signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		} else {
			holds = rsa.VerifyPKCS1v15(key, hash, sum, c.Signature) == nil
		}
	case *ecdsa.PublicKey:
		holds = ecdsa.VerifyASN1(key, sum, c.Signature)
	case ed25519.PublicKey:
		if message == nil {
			return fmt.Errorf("%w: Ed25519 without signed attributes is not supported", errUnread)
		}
		holds = ed25519.Verify(key, message, c.Signature)
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
		hash = cms.Hash(oid)
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
		mask = cms.Hash(oid)
	}
	if hash == 0 || hash != mask {
		return 0, unsupported
	}
	return hash, nil
}

// imprint reads the digest that a time stamp is of.
func (c *message) imprint() (crypto.Hash, []byte, error) {
	stamp, ok := cms.ReadTimeStamp(c.Content)
	if !ok || !c.ContentType.Equal(cms.OIDTSTInfo) || stamp.Hash == 0 {
		return 0, nil, fmt.Errorf("%w: it is not a time stamp that can be read", errUnread)
	}
	return stamp.Hash, stamp.Imprint, nil
}
