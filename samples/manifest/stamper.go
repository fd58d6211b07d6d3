package manifest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSASHA256   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidPolicy        = asn1.ObjectIdentifier{1, 2, 3, 4, 1}
)

// Stamper makes RFC 3161 time stamps. Unlike an honest authority it puts the time that it is
// told.
type Stamper struct {
	signer *Signer
	at     time.Time
}

// Stamper returns a time-stamp authority under a.
func (a *Authority) Stamper(at time.Time) (*Stamper, error) {
	s, err := a.Signer(Profile{Name: "Sample time stamps", NotBefore: at.AddDate(-1, 0, 0), NotAfter: at.AddDate(20, 0, 0),
		Change: func(c *x509.Certificate) {
			c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}
		}})
	return &Stamper{s, at.UTC()}, err
}

// Stamp returns a token over the message, in DER.
func (s *Stamper) Stamp(message []byte) ([]byte, error) {
	cert, err := x509.ParseCertificate(s.signer.chain[0])
	if err != nil {
		return nil, err
	}
	imprint := sha256.Sum256(message)
	sequence := func(b *cryptobyte.Builder, f cryptobyte.BuilderContinuation) { b.AddASN1(cbasn1.SEQUENCE, f) }
	algorithm := func(b *cryptobyte.Builder, oid asn1.ObjectIdentifier) {
		sequence(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) })
	}
	var info cryptobyte.Builder
	sequence(&info, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(oidPolicy)
		sequence(b, func(b *cryptobyte.Builder) {
			algorithm(b, oidSHA256)
			b.AddASN1OctetString(imprint[:])
		})
		b.AddASN1BigInt(big.NewInt(1))
		b.AddASN1GeneralizedTime(s.at)
	})
	content := info.BytesOrPanic()
	digest := sha256.Sum256(content)
	attributes := func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidContentType)
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidTSTInfo) })
		})
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidMessageDigest)
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest[:]) })
		})
	}
	var set cryptobyte.Builder
	set.AddASN1(cbasn1.SET, attributes)
	sum := sha256.Sum256(set.BytesOrPanic())
	key, ok := s.signer.key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("time stamps are signed with ES256, not with %T", s.signer.key)
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	var out cryptobyte.Builder
	sequence(&out, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(3)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { algorithm(b, oidSHA256) })
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidTSTInfo)
					b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
				})
				b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(cert.Raw) })
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddASN1Int64(1)
						sequence(b, func(b *cryptobyte.Builder) {
							b.AddBytes(cert.RawIssuer)
							b.AddASN1BigInt(cert.SerialNumber)
						})
						algorithm(b, oidSHA256)
						b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), attributes)
						algorithm(b, oidECDSASHA256)
						b.AddASN1OctetString(signature)
					})
				})
			})
		})
	})
	return out.Bytes()
}
