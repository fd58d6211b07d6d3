package signed

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxJWS        = 16 << 20
	maxJWSSigners = 16
)

// algorithms of JWS that a public key can check. A shared key proves nothing to others.
var jwsAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// jws checks one signature in the compact form (RFC 7515), over the payload in it or, where that
// is empty, over any of the payloads that are given: the ways to write what is signed. It
// returns the payload that was signed.
func (s *Signed) jws(p *proof, compact string, detached [][]byte) ([]byte, error) {
	segments := strings.Split(compact, ".")
	if len(segments) == 5 {
		return nil, fmt.Errorf("%w: it is encrypted", errUnread)
	}
	if len(segments) != 3 || len(compact) > maxJWS {
		return nil, fmt.Errorf("%w: it is not in the compact form of JWS, or too long", errUnread)
	}
	var header struct {
		Alg  string          `json:"alg"`
		Kid  string          `json:"kid"`
		X5C  []string        `json:"x5c"`
		JWK  json.RawMessage `json:"jwk"`
		SigT string          `json:"sigT"` // JAdES, when it says it was signed
		IAT  json.Number     `json:"iat"`
	}
	raw, err := base64.RawURLEncoding.DecodeString(segments[0])
	if err != nil || json.Unmarshal(raw, &header) != nil {
		return nil, fmt.Errorf("%w: its header is damaged", errUnread)
	}
	p.KeyID, p.SignedAt = clip(header.Kid), clip(header.SigT)
	switch {
	case strings.EqualFold(header.Alg, "none"), header.Alg == "":
		return nil, fmt.Errorf("%w: it names no algorithm, so anybody could have written it", errBroken)
	case strings.HasPrefix(header.Alg, "HS"):
		return nil, fmt.Errorf("%w: it was made with a shared key", errUnread)
	}
	if segments[1] != "" {
		detached = nil
	}
	check := func(key any) ([]byte, bool) {
		if segments[1] != "" {
			sig, err := jose.ParseSignedCompact(compact, jwsAlgorithms)
			if err != nil {
				return nil, false
			}
			content, err := sig.Verify(key)
			return content, err == nil
		}
		for _, content := range detached {
			sig, err := jose.ParseDetached(compact, content, jwsAlgorithms)
			if err == nil && sig.DetachedVerify(content, key) == nil {
				return content, true
			}
		}
		return nil, false
	}
	broken := fmt.Errorf("%w: its value does not fit the key of its signer", errBroken)

	// A key of the list counts before one that the signature brings with it.
	if listed := s.partners.named(header.Kid); header.Kid != "" && len(listed) > 0 {
		for _, k := range listed {
			if content, ok := check(k.Key); ok {
				p.Signer = s.partners.key(k)
				return content, nil
			}
		}
		return nil, broken
	}
	if len(header.X5C) > 0 {
		chain, err := certificates(header.X5C)
		if err != nil {
			return nil, err
		}
		leaf, err := x509.ParseCertificate(chain[0])
		if err != nil {
			return nil, fmt.Errorf("%w: the certificate of its signer cannot be read", errUnread)
		}
		sum := sha256.Sum256(leaf.Raw)
		p.Certificate = hex.EncodeToString(sum[:])
		content, ok := check(leaf.PublicKey)
		if !ok {
			return nil, broken
		}
		p.Signer = s.partners.certificate(chain[0], chain[1:], nil)
		return content, nil
	}
	for _, k := range s.partners.named("") { // no key is named: any of the list may be it
		if content, ok := check(k.Key); ok && header.Kid == "" {
			p.Signer = s.partners.key(k)
			return content, nil
		}
	}
	if len(header.JWK) > 0 {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(header.JWK) != nil || !key.IsPublic() {
			return nil, fmt.Errorf("%w: the key in it cannot be read", errUnread)
		}
		content, ok := check(key.Key)
		if !ok {
			return nil, broken
		}
		p.Signer = s.partners.stranger()
		return content, nil
	}
	return nil, fmt.Errorf("%w: the key that it names is not at hand", errUnread)
}

// certificates decodes a chain (x5c), which is in standard base64.
func certificates(list []string) (out [][]byte, err error) {
	for _, s := range list[:min(len(list), maxCertificates)] {
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
		if err != nil {
			return nil, fmt.Errorf("%w: a certificate of it is damaged", errUnread)
		}
		out = append(out, der)
	}
	return out, nil
}

// clip keeps a stranger's name from filling the evidence.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 120)], "") }

// joseFile checks a file that is a signature for the web: the compact form, or JSON.
func (s *Signed) joseFile(b []byte) ([]proof, error) {
	compact, err := compactForms(b)
	if err != nil {
		return nil, err
	}
	var all []proof
	for i, c := range compact {
		p := proof{Form: "jws", Where: fmt.Sprintf("signature %d of the file", i+1), Covers: "the payload"}
		content, err := s.jws(&p, c, nil)
		if err == nil {
			p.About = about(content)
		} else if strings.Contains(c, "..") && p.Why == "" {
			err = fmt.Errorf("%w: what it is of is not in the file", errUnread)
		}
		if err := p.judge(err); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// compactForms writes each signature of a JWS in the compact form.
func compactForms(b []byte) ([]string, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '{' {
		return []string{string(b)}, nil
	}
	type one struct {
		Protected string `json:"protected"`
		Signature string `json:"signature"`
	}
	var in struct {
		one
		Payload    string `json:"payload"`
		Ciphertext string `json:"ciphertext"`
		Signatures []one  `json:"signatures"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("%w: the JSON of the signature is damaged", errUnread)
	}
	if in.Ciphertext != "" {
		return nil, fmt.Errorf("%w: it is encrypted", errUnread)
	}
	if in.Signature != "" {
		in.Signatures = append(in.Signatures, in.one)
	}
	if len(in.Signatures) == 0 || len(in.Signatures) > maxJWSSigners {
		return nil, fmt.Errorf("%w: it has %d signatures", errUnread, len(in.Signatures))
	}
	var out []string
	for _, one := range in.Signatures {
		if one.Protected == "" {
			return nil, fmt.Errorf("%w: a signature says nothing that is protected, not even its algorithm", errUnread)
		}
		out = append(out, one.Protected+"."+in.Payload+"."+one.Signature)
	}
	return out, nil
}

var digestForm = regexp.MustCompile(`^(?:sha-?256[:=-])?([0-9a-fA-F]{64})$`)

// about returns the SHA-256 that a payload names, as verdicts and statements about files do.
func about(payload []byte) string {
	var claims map[string]any
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	for _, key := range []string{"content", "sha256", "sha-256", "digest", "hash", "file_sha256"} {
		if v, ok := claims[key].(string); ok {
			if m := digestForm.FindStringSubmatch(v); m != nil {
				return strings.ToLower(m[1])
			}
		}
	}
	return ""
}
