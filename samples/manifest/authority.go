package manifest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/ocsp"
)

// ClaimSigning is the extended key usage of C2PA claim signing certificates.
var ClaimSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 62558, 2, 1}

// Authority is a certificate authority that lives as long as the process. Nobody trusts it
// unless given its PEM.
type Authority struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	above [][]byte // its own certificate and those above it, without the root
}

// NewAuthority makes a root with a fresh key. The name should say that it is for samples.
func NewAuthority(name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: name, Organization: []string{"Cordon samples"}},
		NotBefore: time.Now().Add(-10 * 365 * 24 * time.Hour), NotAfter: time.Now().Add(10 * 365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a root certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &Authority{cert: cert, key: key}, err
}

// PEM returns the root certificate: give it to a validator as an anchor to have the
// authority's signers trusted.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Revocation is an OCSP response about a signer's certificate: ocsp.Good, ocsp.Revoked since the
// given time, or ocsp.Unknown, as known at that time and for a day after.
func (a *Authority) Revocation(s *Signer, status int, at time.Time) ([]byte, error) {
	cert, err := x509.ParseCertificate(s.chain[0])
	if err != nil {
		return nil, err
	}
	return ocsp.CreateResponse(a.cert, a.cert, ocsp.Response{Status: status, SerialNumber: cert.SerialNumber, RevokedAt: at,
		ThisUpdate: at, NextUpdate: at.AddDate(0, 0, 1)}, a.key)
}

// Intermediate makes an authority below a.
func (a *Authority) Intermediate(p Profile) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: p.Name, Organization: []string{"Cordon samples"}},
		NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	if p.Change != nil {
		p.Change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make an authority's certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &Authority{cert: cert, key: key, above: append([][]byte{der}, a.above...)}, err
}

// Signer signs claims under a certificate of an authority.
type Signer struct {
	alg   Algorithm
	key   crypto.Signer
	chain [][]byte // DER, signer first, without the root
}

// Profile describes the certificate of a signer. The zero value makes a proper ES256 signer.
type Profile struct {
	Name         string    // common name
	Organization string    // default: Cordon samples
	Algorithm    Algorithm // default: ES256
	NotBefore    time.Time // default: a year ago
	NotAfter     time.Time // default: in a year
	// Change, if set, may spoil the certificate before it is signed.
	Change func(*x509.Certificate)
}

// Algorithm is a COSE signature algorithm.
type Algorithm int64

// Algorithms that C2PA permits.
const (
	ES256 Algorithm = -7
	ES384 Algorithm = -35
	ES512 Algorithm = -36
	PS256 Algorithm = -37
	PS384 Algorithm = -38
	PS512 Algorithm = -39
	EdDSA Algorithm = -8
)

func (a Algorithm) hash() crypto.Hash {
	switch a {
	case ES256, PS256:
		return crypto.SHA256
	case ES384, PS384:
		return crypto.SHA384
	case ES512, PS512:
		return crypto.SHA512
	}
	return 0
}

func (a Algorithm) newKey() (crypto.Signer, error) {
	switch a {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case ES512:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case PS256, PS384, PS512:
		return rsa.GenerateKey(rand.Reader, 2048)
	case EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("no such algorithm: %d", a)
}

// Signer issues a certificate and returns a signer that uses it.
func (a *Authority) Signer(p Profile) (*Signer, error) {
	if p.Algorithm == 0 {
		p.Algorithm = ES256
	}
	if p.Organization == "" {
		p.Organization = "Cordon samples"
	}
	if p.NotBefore.IsZero() {
		p.NotBefore = time.Now().Add(-365 * 24 * time.Hour)
	}
	if p.NotAfter.IsZero() {
		p.NotAfter = time.Now().Add(365 * 24 * time.Hour)
	}
	key, err := p.Algorithm.newKey()
	if err != nil {
		return nil, fmt.Errorf("make a signer's key: %w", err)
	}
	template := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: p.Name, Organization: []string{p.Organization}},
		NotBefore: p.NotBefore, NotAfter: p.NotAfter, BasicConstraintsValid: true, AuthorityKeyId: a.cert.SubjectKeyId,
		KeyUsage: x509.KeyUsageDigitalSignature, UnknownExtKeyUsage: []asn1.ObjectIdentifier{ClaimSigning}}
	if p.Change != nil {
		p.Change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make a signer's certificate: %w", err)
	}
	return &Signer{alg: p.Algorithm, key: key, chain: append([][]byte{der}, a.above...)}, nil
}

// PEM returns the signer's own certificate, for lists of allowed or denied signers.
func (s *Signer) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.chain[0]})
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the system has no randomness: nothing may be signed
	}
	return n
}

// sign returns a signature in COSE form.
func (s *Signer) sign(message []byte) ([]byte, error) {
	digest := message
	var opts crypto.SignerOpts = crypto.Hash(0)
	if h := s.alg.hash(); h != 0 {
		d := h.New()
		d.Write(message)
		digest, opts = d.Sum(nil), h
	}
	switch key := s.key.(type) {
	case *ecdsa.PrivateKey:
		r, t, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			return nil, err
		}
		n := (key.Params().BitSize + 7) / 8
		out := make([]byte, 2*n)
		r.FillBytes(out[:n])
		t.FillBytes(out[n:])
		return out, nil
	case *rsa.PrivateKey:
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.alg.hash()}
	}
	return s.key.Sign(rand.Reader, digest, opts)
}
