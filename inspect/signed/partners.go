package signed

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cordonhq/cordon"
)

// Partners is a list of whose signatures count: authorities that issue certificates, keys of
// single partners, and what of these is revoked. It has a name, a version and a date, which go
// into each finding together with its digest, so that a result can be explained later on.
// Nothing is ever fetched: revocation is what the list says, and what a document brings with it.
type Partners struct {
	Name, Version, Date string
	// Anchors are certificates of authorities, or of partners themselves, in PEM.
	Anchors []byte
	// Keys are JSON Web Key Sets (RFC 7517). A key may have exp and revoked, as in the historical
	// keys of OpenID Federation.
	Keys [][]byte
	// Denied are SHA-256 digests of certificates, or thumbprints of keys (RFC 7638), in
	// hexadecimal digits.
	Denied []string
	// CRLs are lists of revoked certificates, in PEM or DER, each signed by its authority.
	CRLs [][]byte
}

// Listed is the list by which a signer was judged, as it stands in the evidence.
type Listed struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Date    string `json:"date"`
	SHA256  string `json:"sha256"` // of everything in the list
}

// standing is what the list says of a signer.
type standing struct {
	State string `json:"state"` // trusted, untrusted, expired or revoked
	Why   string `json:"why,omitempty"`
	Until string `json:"valid_until,omitempty"` // of the signer's certificate or key
	List  Listed `json:"list"`
}

// States of a signer.
const (
	trusted   = "trusted"
	untrusted = "untrusted"
	expired   = "expired"
	revoked   = "revoked"
)

// partnerKey is a key of one partner.
type partnerKey struct {
	jose.JSONWebKey
	thumbprint string
	until      time.Time
	revoked    bool
}

// partners is a list that was read.
type partners struct {
	Listed
	roots  *x509.CertPool
	keys   []partnerKey
	denied map[string]bool
	crls   []*x509.RevocationList
	now    func() time.Time
}

// read checks a list and makes it ready.
func (p Partners) read(now func() time.Time) (*partners, error) {
	out := &partners{Listed: Listed{Name: p.Name, Version: p.Version, Date: p.Date}, roots: x509.NewCertPool(), denied: map[string]bool{}, now: now}
	if now == nil {
		out.now = time.Now
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: partners %q: "+format, append([]any{cordon.ErrInvalid, p.Name}, args...)...)
	}
	if p.Name == "" || p.Version == "" {
		return nil, bad("give the list a name and a version, which stand in each finding")
	}
	if _, err := time.Parse(time.DateOnly, p.Date); err != nil {
		return nil, bad("date %q is not a date like 2026-11-21", p.Date)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q", p.Name, p.Version, p.Date)
	part := func(kind string, b []byte) { fmt.Fprintf(h, "%s %d\n%s", kind, len(b), b) }
	part("anchors", p.Anchors)
	for rest := p.Anchors; len(bytes.TrimSpace(rest)) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if strings.Contains(string(rest), "-----BEGIN") {
				return nil, bad("anchors: there is something that is no PEM")
			}
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, bad("anchors: a certificate cannot be read: %v", err)
		}
		out.roots.AddCert(cert)
	}
	for i, set := range p.Keys {
		part("keys", set)
		keys, err := readKeys(set)
		if err != nil {
			return nil, bad("keys, file %d: %v", i+1, err)
		}
		out.keys = append(out.keys, keys...)
	}
	for _, d := range p.Denied {
		part("denied", []byte(d))
		digest := strings.ToLower(strings.ReplaceAll(d, ":", ""))
		if raw, err := hex.DecodeString(digest); err != nil || len(raw) != sha256.Size {
			return nil, bad("denied: %q is not a SHA-256 in hexadecimal digits", d)
		}
		out.denied[digest] = true
	}
	for i, b := range p.CRLs {
		part("crl", b)
		if block, _ := pem.Decode(b); block != nil {
			b = block.Bytes
		}
		crl, err := x509.ParseRevocationList(b)
		if err != nil {
			return nil, bad("list of revoked certificates, file %d: %v", i+1, err)
		}
		out.crls = append(out.crls, crl)
	}
	out.SHA256 = hex.EncodeToString(h.Sum(nil))
	return out, nil
}

func readKeys(set []byte) (out []partnerKey, err error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(set, &raw); err != nil || len(raw.Keys) == 0 {
		return nil, errors.Join(errors.New("it is no JSON Web Key Set with keys"), err)
	}
	for i, one := range raw.Keys {
		var k partnerKey
		var more struct {
			Exp     int64           `json:"exp"`
			Revoked json.RawMessage `json:"revoked"`
		}
		if err := errors.Join(json.Unmarshal(one, &k.JSONWebKey), json.Unmarshal(one, &more)); err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		if !k.IsPublic() || !k.Valid() {
			return nil, fmt.Errorf("key %d is not a public key; keep private and shared keys out of the list", i+1)
		}
		sum, err := k.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		k.thumbprint, k.revoked = hex.EncodeToString(sum), len(more.Revoked) > 0 && string(more.Revoked) != "null"
		if more.Exp > 0 {
			k.until = time.Unix(more.Exp, 0)
		}
		out = append(out, k)
	}
	return out, nil
}

// certificate judges the signer of a certificate. others are further certificates that came with
// it, stapled are lists of revoked ones that did. Without a list of partners there is no
// judgement: nil.
func (p *partners) certificate(leaf []byte, others, stapled [][]byte) *standing {
	if p == nil {
		return nil
	}
	say := func(state, why string) *standing { return &standing{State: state, Why: why, List: p.Listed} }
	if sum := sha256.Sum256(leaf); p.denied[hex.EncodeToString(sum[:])] {
		return say(revoked, "its certificate is on the list of those that are denied")
	}
	cert, err := x509.ParseCertificate(leaf)
	if err != nil {
		return say(untrusted, "its certificate cannot be read to its end")
	}
	inter := x509.NewCertPool()
	for _, der := range others[:min(len(others), maxCertificates)] {
		if c, err := x509.ParseCertificate(der); err == nil {
			inter.AddCert(c)
		}
	}
	now := p.now()
	chains, late := p.chains(cert, inter, now), false
	for _, t := range []time.Time{cert.NotAfter, cert.NotBefore} {
		if len(chains) == 0 {
			chains, late = p.chains(cert, inter, t), true
		}
	}
	until := cert.NotAfter.UTC().Format(time.DateOnly)
	if len(chains) == 0 {
		out := say(untrusted, "no authority of the list stands behind its certificate")
		out.Until = until
		return out
	}
	crls := p.crls
	for _, b := range stapled[:min(len(stapled), maxCertificates)] {
		if crl, err := x509.ParseRevocationList(b); err == nil {
			crls = append(slices.Clip(crls), crl)
		}
	}
	out := say(trusted, "")
	switch {
	case p.isRevoked(chains[0], crls):
		out = say(revoked, "its certificate, or that of its authority, was revoked")
	case late:
		out = say(expired, "its certificate is not valid now; when it was signed cannot be known without a trusted time stamp")
	}
	out.Until = until
	return out
}

func (p *partners) chains(cert *x509.Certificate, inter *x509.CertPool, at time.Time) [][]*x509.Certificate {
	chains, err := cert.Verify(x509.VerifyOptions{Roots: p.roots, Intermediates: inter, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil
	}
	return chains
}

// isRevoked asks the lists that an authority of the chain has signed. A list counts however old it
// is: what it revokes stays so.
func (p *partners) isRevoked(chain []*x509.Certificate, crls []*x509.RevocationList) bool {
	for i, cert := range chain {
		if sum := sha256.Sum256(cert.Raw); p.denied[hex.EncodeToString(sum[:])] {
			return true
		}
		if i+1 == len(chain) {
			break
		}
		for _, crl := range crls {
			if !bytes.Equal(crl.RawIssuer, cert.RawIssuer) || crl.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			const removeFromCRL = 8
			if slices.ContainsFunc(crl.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
				return e.SerialNumber.Cmp(cert.SerialNumber) == 0 && e.ReasonCode != removeFromCRL
			}) {
				return true
			}
		}
	}
	return false
}

// named returns the keys of the list that a signature may be of.
func (p *partners) named(id string) (out []partnerKey) {
	if p == nil {
		return nil
	}
	const most = 64
	for _, k := range p.keys {
		if (id == "" || k.KeyID == id || k.thumbprint == id) && len(out) < most {
			out = append(out, k)
		}
	}
	return out
}

// key judges the signer of a key of the list.
func (p *partners) key(k partnerKey) *standing {
	out := &standing{State: trusted, List: p.Listed}
	if !k.until.IsZero() {
		out.Until = k.until.UTC().Format(time.DateOnly)
	}
	switch {
	case k.revoked || p.denied[k.thumbprint]:
		out.State, out.Why = revoked, "its key was revoked"
	case !k.until.IsZero() && !p.now().Before(k.until):
		out.State, out.Why = expired, "its key is not valid any more"
	}
	return out
}

// stranger judges a signer whose key is on no list.
func (p *partners) stranger() *standing {
	if p == nil {
		return nil
	}
	return &standing{State: untrusted, Why: "its key is not on the list", List: p.Listed}
}
