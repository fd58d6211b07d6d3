package c2pa

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidRSAPSS     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidAuthKeyID  = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidClaimSign  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 62558, 2, 1}
	oidMicrosoft  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 76, 59, 1, 9}
	oidDocSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}
)

// parseCertificate reads a certificate, including two sorts that crypto/x509 does not: keys
// marked RSASSA-PSS, and names with letters that their string type does not have. Large
// time-stamp authorities issue the latter.
func parseCertificate(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		fixed := bytes.Clone(der)
		if !relabelText(fixed, 0) {
			return nil, err
		}
		if c, err = x509.ParseCertificate(fixed); err != nil {
			return nil, err
		}
		restore(c, fixed, der)
	}
	if c.PublicKey == nil {
		if key := pssKey(c.RawSubjectPublicKeyInfo); key != nil {
			c.PublicKey, c.PublicKeyAlgorithm = key, x509.RSA
		}
	}
	return c, nil
}

// relabelText turns PrintableStrings in DER into UTF8Strings, in place, and reports whether
// there were any that needed it. The layout stays the same.
func relabelText(der []byte, depth int) bool {
	changed := false
	for s := cryptobyte.String(der); !s.Empty() && depth < 16; {
		var element, value cryptobyte.String
		var tag cbasn1.Tag
		rest := s
		if !rest.ReadAnyASN1Element(&element, &tag) || !s.ReadAnyASN1(&value, &tag) {
			return changed
		}
		switch {
		case tag == cbasn1.PrintableString && bytes.ContainsFunc(value, func(r rune) bool {
			return r > 'z' || r == '_' || r == '@' || r < ' ' || r == '!' || r == '#' || r == ';'
		}):
			element[0] = byte(cbasn1.UTF8String)
			changed = true
		case tag&0x20 != 0: // constructed
			changed = relabelText(value, depth+1) || changed
		}
	}
	return changed
}

// restore points the raw parts of a certificate that was parsed from a changed copy back
// into the original: those bytes are what is signed and compared.
func restore(c *x509.Certificate, changed, original []byte) {
	for _, part := range []*[]byte{&c.RawTBSCertificate, &c.RawSubjectPublicKeyInfo, &c.RawSubject, &c.RawIssuer} {
		if i := bytes.Index(changed, *part); i >= 0 {
			*part = original[i : i+len(*part)]
		}
	}
	c.Raw = original
}

// pssKey reads SubjectPublicKeyInfo { { id-RSASSA-PSS, parameters }, RSAPublicKey }, nil if
// it is something else. RFC 4055.
func pssKey(spki []byte) *rsa.PublicKey {
	s := cryptobyte.String(spki)
	var info, alg cryptobyte.String
	var oid asn1.ObjectIdentifier
	var bits asn1.BitString
	if !s.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1(&alg, cbasn1.SEQUENCE) ||
		!alg.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidRSAPSS) || !info.ReadASN1BitString(&bits) {
		return nil
	}
	key, err := x509.ParsePKCS1PublicKey(bits.RightAlign())
	if err != nil {
		return nil
	}
	return key
}

// parseChain reads the certificates of a signature, signer first.
func parseChain(ders [][]byte) ([]*x509.Certificate, error) {
	if len(ders) == 0 {
		return nil, errors.New("the signature carries no certificate")
	}
	var out []*x509.Certificate
	for i, der := range ders {
		c, err := readCertificate(der)
		if err != nil {
			if i == 0 {
				return nil, fmt.Errorf("signer's certificate: %w", err)
			}
			continue // an unreadable intermediate cannot help to build a chain
		}
		out = append(out, c)
	}
	return out, nil
}

// checkProfile holds a signer's certificate against C2PA 2.2, 14.5.1. The caller has
// checked the dates.
func checkProfile(c *x509.Certificate) error {
	switch {
	case c.Version != 3:
		return errors.New("not a version 3 certificate")
	case c.IsCA:
		return errors.New("the certificate of an authority signs content")
	case c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0:
		return errors.New("key usage does not permit signatures")
	case c.KeyUsage&x509.KeyUsageCertSign != 0:
		return errors.New("key usage permits signing certificates")
	case len(c.UnhandledCriticalExtensions) > 0:
		return fmt.Errorf("unknown critical extension %v", c.UnhandledCriticalExtensions[0])
	case !hasExtension(c, oidAuthKeyID):
		return errors.New("no authority key identifier")
	case hasUniqueID(c.RawTBSCertificate):
		return errors.New("issuer or subject unique identifier")
	}
	if !permittedAlgorithm(c) {
		return fmt.Errorf("signed with %v", c.SignatureAlgorithm)
	}
	if err := checkKey(c.PublicKey); err != nil {
		return err
	}
	return checkPurpose(c)
}

// permittedAlgorithm reports whether C2PA permits how the certificate is signed.
func permittedAlgorithm(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return true
	}
	return false
}

func checkKey(key any) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 || key.E < 3 || key.E%2 == 0 {
			return fmt.Errorf("RSA key of %d bits with exponent %d", key.N.BitLen(), key.E)
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() && key.Curve != elliptic.P521() {
			return errors.New("curve is not permitted")
		}
	case ed25519.PublicKey:
	default:
		return errors.New("kind of key is not permitted")
	}
	return nil
}

var errPurpose = errors.New("extended key usage does not permit signing content")

// checkPurpose wants a purpose that permits signing content. A certificate for time stamps
// or revocation answers must have that purpose alone, and then signs no content.
func checkPurpose(c *x509.Certificate) error {
	content := false
	for _, u := range c.ExtKeyUsage {
		switch u {
		case x509.ExtKeyUsageAny:
			return errors.New("extended key usage permits anything")
		case x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageOCSPSigning:
			return errors.New("extended key usage is for time stamps or revocation answers")
		case x509.ExtKeyUsageEmailProtection:
			content = true
		}
	}
	for _, u := range c.UnknownExtKeyUsage {
		if u.Equal(oidClaimSign) || u.Equal(oidMicrosoft) || u.Equal(oidDocSigning) {
			content = true
		}
	}
	if !content {
		return errPurpose
	}
	return nil
}

func hasExtension(c *x509.Certificate, oid asn1.ObjectIdentifier) bool {
	for _, e := range c.Extensions {
		if e.Id.Equal(oid) {
			return true
		}
	}
	return false
}

// hasUniqueID looks for the fields [1] and [2] of TBSCertificate, which crypto/x509 skips.
func hasUniqueID(tbs []byte) bool {
	s := cryptobyte.String(tbs)
	var fields cryptobyte.String
	if !s.ReadASN1(&fields, cbasn1.SEQUENCE) {
		return false
	}
	for !fields.Empty() {
		var v cryptobyte.String
		var tag cbasn1.Tag
		if !fields.ReadAnyASN1(&v, &tag) {
			return false
		}
		// IMPLICIT BIT STRING, primitive
		if tag == cbasn1.Tag(1).ContextSpecific() || tag == cbasn1.Tag(2).ContextSpecific() {
			return true
		}
	}
	return false
}

func within(c *x509.Certificate, at time.Time) bool {
	return !at.Before(c.NotBefore) && !at.After(c.NotAfter)
}

func hasPurpose(c *x509.Certificate, u x509.ExtKeyUsage) bool {
	return slices.Contains(c.ExtKeyUsage, u)
}
