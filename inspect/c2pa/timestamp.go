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
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/cordonhq/cordon/media/cms"
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
)

// readToken checks a time stamp over message. It takes a TimeStampResp or a bare token and
// reads nothing that it does not need: fields with text that breaks the rules of its ASN.1
// type are common and harmless. Trust in the signer is the caller's question.
func readToken(b *budget, der, message []byte) (*timestamp, error) {
	m, err := cms.Read(tokenOf(der))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTokenMalformed, err)
	}
	info, ok := cms.ReadTimeStamp(m.Content)
	if !ok || !m.ContentType.Equal(cms.OIDTSTInfo) || m.Attributes == nil { // RFC 3161 wants signed attributes
		return nil, fmt.Errorf("%w: it holds something else", errTokenMalformed)
	}
	// Fractions of a second are permitted here, unlike in certificates.
	at, err := time.Parse("20060102150405Z0700", info.Time)
	if err != nil {
		return nil, fmt.Errorf("%w: its time %.30q", errTokenMalformed, info.Time)
	}
	digest := digestOf(info.Hash, message)
	if digest == nil || !bytes.Equal(digest, info.Imprint) {
		return nil, errTokenMismatch
	}
	chain, err := verifyToken(b, m)
	if err != nil {
		return nil, err
	}
	return &timestamp{at: at.UTC(), chain: chain}, nil
}

// tokenOf takes the token out of a TimeStampResp, which has a status in front of it.
func tokenOf(der []byte) []byte {
	s := cryptobyte.String(der)
	var outer, token cryptobyte.String
	if s.ReadASN1(&outer, cbasn1.SEQUENCE) && outer.PeekASN1Tag(cbasn1.SEQUENCE) &&
		outer.SkipASN1(cbasn1.SEQUENCE) && outer.ReadASN1Element(&token, cbasn1.SEQUENCE) {
		return token
	}
	return der
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

// verifyToken checks digest and signature and returns the chain as the token carries it, the
// signer's certificate first.
func verifyToken(b *budget, m *cms.SignedData) ([]*x509.Certificate, error) {
	signer, ok := m.Signer()
	if !ok {
		return nil, fmt.Errorf("%w: its certificate is missing", errTokenSignature)
	}
	cert, err := readCertificate(signer.Raw)
	if err != nil {
		return nil, fmt.Errorf("%w: its certificate: %w", errTokenSignature, err)
	}
	digest := digestOf(m.Hash, m.Content)
	if digest == nil {
		return nil, fmt.Errorf("%w: digest algorithm", errTokenSignature)
	}
	stated, _ := m.MessageDigest()
	kind, _ := m.Attribute(cms.OIDContentType)
	var t asn1.ObjectIdentifier
	if !bytes.Equal(stated, digest) || !kind.ReadASN1ObjectIdentifier(&t) || !t.Equal(cms.OIDTSTInfo) {
		return nil, fmt.Errorf("%w: signed attributes do not match", errTokenSignature)
	}
	if err := b.sign(); err != nil {
		return nil, err
	}
	stored, sorted, err := m.SignedAttributes()
	if err != nil {
		return nil, fmt.Errorf("%w: signed attributes", errTokenMalformed)
	}
	// Some sign them in the order that DER asks for, and store them in another.
	if verifyCMS(cert.PublicKey, m.Algorithm, m.Hash, m.Parameters, stored, m.Signature) != nil {
		if err := verifyCMS(cert.PublicKey, m.Algorithm, m.Hash, m.Parameters, sorted, m.Signature); err != nil {
			return nil, err
		}
	}
	chain := []*x509.Certificate{cert}
	for _, other := range m.Certificates[:min(len(m.Certificates), maxChain)] {
		if c, err := readCertificate(other.Raw); err == nil && !bytes.Equal(other.Raw, signer.Raw) {
			chain = append(chain, c)
		}
	}
	return chain, nil
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
	if s.ReadASN1(&seq, cbasn1.SEQUENCE) && seq.ReadASN1(&tagged, cbasn1.Tag(0).ContextSpecific().Constructed()) &&
		tagged.ReadASN1(&alg, cbasn1.SEQUENCE) && alg.ReadASN1ObjectIdentifier(&oid) {
		return cms.Hash(oid)
	}
	return 0
}
