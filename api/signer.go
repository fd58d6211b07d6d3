package api

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/cordonhq/cordon"
)

// verdictType is the "typ" of a signed verdict, so that it can be taken for nothing else.
const verdictType = "cordon-verdict+jwt"

// VerdictLife is how long a signed verdict may be relied on.
const VerdictLife = 24 * time.Hour

// Claims are what a signed verdict says.
type Claims struct {
	Issuer  string          `json:"iss"`
	Tenant  cordon.TenantID `json:"tenant"`
	Item    cordon.ID       `json:"item"`
	Outcome cordon.Outcome  `json:"outcome"`
	Action  cordon.Action   `json:"action"`
	Reasons []cordon.Reason `json:"reasons"`
	Policy  string          `json:"policy"`
	// Content is the SHA-256 of the bytes the verdict is about, in lower-case hex. It goes
	// back to whoever sent the bytes; the ledger never has it.
	Content string `json:"content"`
	Issued  int64  `json:"iat"` // seconds since 1970
	Expires int64  `json:"exp"`
}

// Signer signs verdicts as compact JWS with Ed25519 (RFC 7515, RFC 8037). The zero Signer is
// of no use; see NewSigner.
type Signer struct {
	key    ed25519.PrivateKey
	issuer string
	id     string
	now    func() time.Time
}

// NewSigner returns a signer that names the issuer, for example "https://cordon.example".
func NewSigner(key ed25519.PrivateKey, issuer string) (*Signer, error) {
	if len(key) != ed25519.PrivateKeySize || issuer == "" {
		return nil, fmt.Errorf("%w: a signer of verdicts needs an Ed25519 key and an issuer", cordon.ErrInvalid)
	}
	s := &Signer{key: key, issuer: issuer, now: time.Now}
	s.id = thumbprint(s.public())
	return s, nil
}

// ReadKey reads an Ed25519 key from a PKCS #8 PEM file, as
// "openssl genpkey -algorithm ed25519" writes it.
func ReadKey(path string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key that signs verdicts: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%w: %q holds no PEM; make a key with: openssl genpkey -algorithm ed25519 -out %q", cordon.ErrInvalid, path, path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%w: %q holds no Ed25519 key in PKCS #8; make one with: openssl genpkey -algorithm ed25519 -out %q", cordon.ErrInvalid, path, path)
	}
	return key, nil
}

// Sign returns the verdict of an item, bound to the content with the given SHA-256 in hex.
func (s *Signer) Sign(item cordon.Item, content string) (string, error) {
	if item.Verdict == nil || len(content) != 2*sha256.Size {
		return "", fmt.Errorf("%w: %s has no verdict or no known content to sign for", cordon.ErrInvalid, item.Ref)
	}
	now := s.now()
	reasons := item.Verdict.Reasons
	if reasons == nil {
		reasons = []cordon.Reason{}
	}
	header, err := json.Marshal(map[string]string{"alg": "EdDSA", "typ": verdictType, "kid": s.id})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(Claims{
		Issuer: s.issuer, Tenant: item.Tenant, Item: item.ID,
		Outcome: item.Verdict.Outcome, Action: item.Verdict.Action, Reasons: reasons, Policy: item.Verdict.Policy,
		Content: content, Issued: now.Unix(), Expires: now.Add(VerdictLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString(header) + "." + b64.EncodeToString(claims)
	return text + "." + b64.EncodeToString(ed25519.Sign(s.key, []byte(text))), nil
}

// jwk is a public key as RFC 8037 writes it.
type jwk struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x" doc:"The public key, base64url without padding."`
	ID    string `json:"kid" doc:"RFC 7638 thumbprint of the key."`
	Use   string `json:"use"`
	Alg   string `json:"alg"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

func (s *Signer) public() string {
	return base64.RawURLEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))
}

func (s *Signer) keys() jwks {
	return jwks{[]jwk{{Type: "OKP", Curve: "Ed25519", X: s.public(), ID: s.id, Use: "sig", Alg: "EdDSA"}}}
}

// thumbprint is RFC 7638: the digest of the required members in lexical order.
func thumbprint(x string) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
