package sim_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/salesforce/sim"
)

func (d *desk) grant(form url.Values, headers ...string) reply {
	d.Helper()
	anonymous := *d
	anonymous.token = ""
	return anonymous.send("POST", "/services/oauth2/token", form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

func TestTokens(t *testing.T) {
	d := open(t, sim.Demo())
	password := url.Values{"grant_type": {"password"}, "client_id": {"demo"}, "client_secret": {"demo"}, "username": {"Admin@example.com"}, "password": {"demo"}}
	got := d.grant(password).want(200)
	if got["instance_url"] != d.server.URL || got["id"] != d.server.URL+"/id/"+d.org.OrgID()+"/"+d.org.UserID("admin@example.com") || got["token_type"] != "Bearer" {
		t.Fatalf("%v", got)
	}
	// Whatever host the caller uses is the host it is sent back to.
	if got := d.grant(password, "Host", "my.example.com").want(200); got["instance_url"] != "http://my.example.com" {
		t.Fatalf("%v", got)
	}
	basic := base64.StdEncoding.EncodeToString([]byte("demo:demo"))
	token := d.grant(url.Values{"grant_type": {"client_credentials"}}, "Authorization", "Basic "+basic).want(200)["access_token"].(string)
	d.token = token
	if me := d.send("GET", "/services/oauth2/userinfo", nil).want(200); me["preferred_username"] != "demo@example.com" {
		t.Fatalf("%v", me)
	}
	if me := d.send("GET", "/id/"+d.org.OrgID()+"/"+d.org.UserID("demo@example.com"), nil).want(200); me["username"] != "demo@example.com" {
		t.Fatalf("%v", me)
	}
	introspect := url.Values{"token": {token}, "client_id": {"demo"}, "client_secret": {"demo"}}.Encode()
	if got := d.send("POST", "/services/oauth2/introspect", introspect, "Content-Type", "application/x-www-form-urlencoded").want(200); got["active"] != true {
		t.Fatalf("%v", got)
	}
	d.send("POST", "/services/oauth2/revoke", "token="+token, "Content-Type", "application/x-www-form-urlencoded").want(200)
	d.send("GET", "/limits", nil).refused(401, "INVALID_SESSION_ID")

	for name, c := range map[string]struct {
		change url.Values
		code   string
	}{
		"wrong password": {url.Values{"password": {"x"}}, "invalid_grant"},
		"wrong client":   {url.Values{"client_id": {"x"}}, "invalid_client_id"},
		"wrong secret":   {url.Values{"client_secret": {"x"}}, "invalid_client"},
		"unknown grant":  {url.Values{"grant_type": {"x"}}, "unsupported_grant_type"},
	} {
		form := url.Values{}
		for k, v := range password {
			form[k] = v
		}
		for k, v := range c.change {
			form[k] = v
		}
		if got := d.grant(form).want(400); got["error"] != c.code || got["error_description"] == "" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAuthorizationCodeAndRefresh(t *testing.T) {
	d := open(t, sim.Demo())
	verifier := "a-verifier-that-is-long-enough-to-be-one-0123456789"
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"response_type": {"code"}, "client_id": {"demo"}, "redirect_uri": {"http://localhost:1717/OauthRedirect"}, "state": {"s"},
		"login_hint": {"responder@example.com"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}
	got := d.send("GET", "/services/oauth2/authorize?"+q.Encode(), nil)
	to, err := url.Parse(got.header.Get("Location"))
	if got.status != http.StatusFound || err != nil || to.Query().Get("state") != "s" {
		t.Fatalf("%d %v %v", got.status, to, err)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"demo"}, "redirect_uri": {"http://localhost:1717/OauthRedirect"},
		"code": {to.Query().Get("code")}, "code_verifier": {verifier}}
	tokens := d.grant(form).want(200)
	d.grant(form).want(400) // a code works once
	d.org.ExpireTokens()
	d.token = tokens["access_token"].(string)
	d.send("GET", "/limits", nil).refused(401, "INVALID_SESSION_ID")
	d.token = d.grant(url.Values{"grant_type": {"refresh_token"}, "client_id": {"demo"}, "refresh_token": {tokens["refresh_token"].(string)}}).want(200)["access_token"].(string)
	if me := d.send("GET", "/services/oauth2/userinfo", nil).want(200); me["preferred_username"] != "responder@example.com" {
		t.Fatalf("%v", me)
	}
}

func assertion(t *testing.T, key *rsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestJWTBearerIsReallyChecked(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	conf := sim.Demo()
	conf.Clients = append(conf.Clients, sim.Client{ID: "app", Key: &key.PublicKey})
	d := open(t, conf)
	soon := time.Now().Add(3 * time.Minute).Unix()
	good := func() map[string]any {
		return map[string]any{"iss": "app", "sub": "admin@example.com", "aud": "https://login.salesforce.com", "exp": soon}
	}
	for name, c := range map[string]struct {
		key    *rsa.PrivateKey
		alg    string
		change map[string]any
		want   int
	}{
		"good":                {key, "RS256", nil, 200},
		"aud is the org":      {key, "RS256", map[string]any{"aud": d.server.URL}, 200},
		"aud in a list":       {key, "RS256", map[string]any{"aud": []string{"x", d.server.URL}}, 200},
		"another's key":       {stranger, "RS256", nil, 400},
		"no algorithm":        {key, "none", nil, 400},
		"HMAC":                {key, "HS256", nil, 400},
		"expired":             {key, "RS256", map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}, 400},
		"good for too long":   {key, "RS256", map[string]any{"exp": time.Now().Add(time.Hour).Unix()}, 400},
		"for somebody else":   {key, "RS256", map[string]any{"aud": "https://example.com"}, 400},
		"user unknown":        {key, "RS256", map[string]any{"sub": "nobody@example.com"}, 400},
		"client without keys": {key, "RS256", map[string]any{"iss": "demo"}, 400},
		"client unknown":      {key, "RS256", map[string]any{"iss": "x"}, 400},
	} {
		claims := good()
		for k, v := range c.change {
			claims[k] = v
		}
		form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
			"assertion": {assertion(t, c.key, map[string]any{"alg": c.alg, "typ": "JWT"}, claims)}}
		if got := d.grant(form); got.status != c.want {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

func TestSOAPLoginEndsWithVersion65(t *testing.T) {
	d := open(t, sim.Demo())
	envelope := func(password string) string {
		return fmt.Sprintf(`<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Body><login xmlns="urn:partner.soap.sforce.com"><username>admin@example.com</username><password>%s</password></login></se:Body></se:Envelope>`, password)
	}
	login := func(version, password string) string {
		return string(d.send("POST", "/services/Soap/u/"+version, envelope(password), "Content-Type", "text/xml").body)
	}
	if got := login("64.0", "demo"); !strings.Contains(got, "<serverUrl>"+d.server.URL+"/services/Soap/u/64.0/00D") || !strings.Contains(got, "<metadataServerUrl>"+d.server.URL+"/services/Soap/m/64.0/00D") {
		t.Error(got)
	}
	if got := login("64.0", "x"); !strings.Contains(got, "<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>") {
		t.Error(got)
	}
	if got := login("65.0", "demo"); !strings.Contains(got, "UNSUPPORTED_API_VERSION") {
		t.Error(got)
	}
}

func TestTokensEnd(t *testing.T) {
	now := time.Now()
	conf := sim.Demo()
	conf.Now = func() time.Time { return now }
	conf.TokenLife = time.Hour
	d := open(t, conf)
	d.send("GET", "/limits", nil).want(200)
	now = now.Add(time.Hour + time.Second)
	if got := d.send("GET", "/limits", nil); got.header.Get("WWW-Authenticate") != "Token" {
		t.Errorf("header %v", got.header)
	} else {
		got.refused(401, "INVALID_SESSION_ID")
	}
}
