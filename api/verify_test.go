package api

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What follows until the next marker stands in docs/ask-api.md; a test compares the two.
// docs:begin

// verdictOn returns the claims of a signed verdict on the content. The key comes from /v1/keys,
// fetched once over TLS and kept.
func verdictOn(content []byte, token, issuer string, key ed25519.PublicKey, now time.Time) (claims struct {
	Iss, Tenant, Item, Outcome, Action, Content string
	Exp                                         int64
}, err error) {
	part := strings.Split(token, ".")
	if len(part) != 3 {
		return claims, errors.New("not a compact JWS")
	}
	header, err1 := base64.RawURLEncoding.DecodeString(part[0])
	body, err2 := base64.RawURLEncoding.DecodeString(part[1])
	sig, err3 := base64.RawURLEncoding.DecodeString(part[2])
	var h struct{ Alg, Typ string }
	if err := errors.Join(err1, err2, err3, json.Unmarshal(header, &h), json.Unmarshal(body, &claims)); err != nil {
		return claims, err
	}
	sum := sha256.Sum256(content)
	switch {
	case h.Alg != "EdDSA" || h.Typ != "cordon-verdict+jwt" || !ed25519.Verify(key, []byte(part[0]+"."+part[1]), sig):
		return claims, errors.New("not signed by Cordon")
	case claims.Iss != issuer || now.Unix() >= claims.Exp:
		return claims, errors.New("from another issuer, or too old")
	case claims.Content != hex.EncodeToString(sum[:]):
		return claims, errors.New("about other content")
	}
	return claims, nil
}

// docs:end

// docs reads a page of the documentation.
func docs(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestDocsShowTheTestedCode(t *testing.T) {
	source, err := os.ReadFile("verify_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "// docs:begin\n")
	code, _, _ = strings.Cut(code, "// docs:end\n")
	if code = strings.TrimSpace(code); !strings.Contains(docs(t, "ask-api.md"), "```go\n"+code+"\n```") {
		t.Error("docs/ask-api.md does not show the verifier as it is tested here")
	}
}

func TestTheDocumentedVerifier(t *testing.T) {
	a := newAPI(t, Config{})
	content := []byte("bytes of a photo")
	token := decode[askedBody](t, a.call("mule", "POST", "/v1/items", string(content))).Signed
	key := a.Signer.key.Public().(ed25519.PublicKey)
	now := time.Now()
	if claims, err := verdictOn(content, token, "https://cordon.example", key, now); err != nil || claims.Outcome != "no-sign" || claims.Action != "pass" {
		t.Fatalf("%+v: %v", claims, err)
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)).Public().(ed25519.PublicKey)
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"cordon-verdict+jwt"}`)) + token[strings.Index(token, "."):]
	for name, err := range map[string]error{
		"other content": second(verdictOn([]byte("other"), token, "https://cordon.example", key, now)),
		"other key":     second(verdictOn(content, token, "https://cordon.example", other, now)),
		"other issuer":  second(verdictOn(content, token, "https://evil.example", key, now)),
		"expired":       second(verdictOn(content, token, "https://cordon.example", key, now.Add(VerdictLife+time.Second))),
		"no algorithm":  second(verdictOn(content, none, "https://cordon.example", key, now)),
		"no token":      second(verdictOn(content, "", "https://cordon.example", key, now)),
	} {
		if err == nil {
			t.Errorf("accepted: %s", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The page also shows the same in JavaScript, which Node runs here.
func TestTheDocumentedVerifierInNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node is installed: the JavaScript of docs/ask-api.md is not tested")
	}
	code := regexp.MustCompile("(?s)```js\n(.*?)```").FindStringSubmatch(docs(t, "ask-api.md"))
	if code == nil {
		t.Fatal("docs/ask-api.md shows no JavaScript")
	}
	a := newAPI(t, Config{})
	token := decode[askedBody](t, a.call("mule", "POST", "/v1/items", "bytes of a photo")).Signed
	jwk := a.call("", "GET", "/v1/keys", "").Body.String()
	run := func(content, token string) string {
		input, err := json.Marshal([]string{content, token, jwk})
		if err != nil {
			t.Fatal(err)
		}
		script := code[1] + `
const [content, token, keys] = ` + string(input) + `
try { console.log(verdictOn(Buffer.from(content), token, 'https://cordon.example', JSON.parse(keys)).outcome) } catch (e) { console.log('refused: ' + e.message) }`
		cmd := exec.Command(node, "--input-type=module", "-")
		cmd.Stdin = strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := run("bytes of a photo", token); got != "no-sign" {
		t.Errorf("the right content: %s", got)
	}
	if got := run("other", token); !strings.HasPrefix(got, "refused:") {
		t.Errorf("other content: %s", got)
	}
	if got := run("bytes of a photo", token[:len(token)-4]+"AAAA"); !strings.HasPrefix(got, "refused:") {
		t.Errorf("another signature: %s", got)
	}
}
