package api

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// verified checks a signed verdict with the published key, as an outsider does.
func verified(t testing.TB, a *testAPI, token string) Claims {
	t.Helper()
	keys := decode[jwks](t, a.call("", "GET", "/v1/keys", "")).Keys
	pub, err := base64.RawURLEncoding.DecodeString(keys[0].X)
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %+v: %v", keys, err)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no compact JWS", token)
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !ed25519.Verify(pub, []byte(parts[0]+"."+parts[1]), sig) {
		t.Fatalf("the signature of %q does not verify: %v", token, err)
	}
	var header struct{ Alg, Typ, Kid string }
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || json.Unmarshal(raw, &header) != nil || header.Alg != "EdDSA" || header.Typ != "cordon-verdict+jwt" || header.Kid != keys[0].ID {
		t.Fatalf("header %s: %v", raw, err)
	}
	var claims Claims
	raw, err = base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		t.Fatalf("claims %s: %v", raw, err)
	}
	if claims.Expires-claims.Issued != int64(VerdictLife.Seconds()) {
		t.Errorf("valid from %d to %d", claims.Issued, claims.Expires)
	}
	return claims
}

// The key and its thumbprint are those of RFC 8037, appendix A.
func TestThumbprint(t *testing.T) {
	if got := thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"); got != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("thumbprint %s", got)
	}
}

func TestSignerRefuses(t *testing.T) {
	if _, err := NewSigner(nil, "x"); err == nil {
		t.Error("a signer without key")
	}
	s, err := NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32)), "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(cordon.Item{}, strings.Repeat("0", 64)); err == nil {
		t.Error("signs without verdict")
	}
	if _, err := s.Sign(cordon.Item{Verdict: &cordon.Verdict{}}, ""); err == nil {
		t.Error("signs for no content")
	}
}

func TestReadKey(t *testing.T) {
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := ReadKey(path); err != nil || !key.Equal(ed25519.NewKeyFromSeed(make([]byte, 32))) {
		t.Errorf("read back: %v", err)
	}
	if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(path); err == nil || !strings.Contains(err.Error(), "openssl genpkey") {
		t.Errorf("a broken file: %v", err)
	}
}
