package sim

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// session is what a token stands for.
type session struct {
	who       *person
	client    string
	expires   time.Time
	issued    time.Time
	redirect  string // of an authorization code
	challenge string
}

// oauthError is an error as the token endpoint words it.
type oauthError struct{ code, description string }

func (o *Org) oauth(w *exchange, r *http.Request, endpoint string) {
	r.Body = http.MaxBytesReader(nil, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		w.oauthRefuse(r, http.StatusBadRequest, "invalid_request", "the form could not be read")
		return
	}
	switch endpoint {
	case "token":
		if r.Method != http.MethodPost {
			w.oauthRefuse(r, http.StatusBadRequest, "invalid_request", "must use HTTP POST")
			return
		}
		o.token(w, r)
	case "authorize":
		o.authorizeCode(w, r)
	case "userinfo":
		s, f := o.authorize(w, r)
		if f != nil {
			w.Header().Set("Content-Type", "text/html;charset=UTF-8")
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte("Bad_OAuth_Token"))
			return
		}
		w.answer(r, ok(o.userInfo(s, o.address(r))))
	case "revoke":
		o.revoke(w, r)
	case "introspect":
		o.introspect(w, r)
	default:
		w.refuse(r, notFound())
	}
}

func (x *exchange) oauthRefuse(r *http.Request, status int, code, description string) {
	x.answer(r, &answer{status: status, body: object{{"error", code}, {"error_description", description}}})
}

// clientOf finds the connected app of a request, by Basic or in the body, and says
// whether its secret was right.
func (o *Org) clientOf(r *http.Request) (client *Client, proved bool) {
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749: form-encoded before it is put into the header
		if plain, err := url.QueryUnescape(id); err == nil {
			id = plain
		}
		if plain, err := url.QueryUnescape(secret); err == nil {
			secret = plain
		}
	} else {
		id, secret = r.Form.Get("client_id"), r.Form.Get("client_secret")
	}
	for i := range o.conf.Clients {
		if c := &o.conf.Clients[i]; c.ID == id {
			return c, subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) == 1
		}
	}
	return nil, false
}

func (o *Org) token(w *exchange, r *http.Request) {
	base := o.address(r)
	o.mu.Lock()
	s, refresh, e := o.grant(r, base)
	token := ""
	if e == nil {
		token = o.issue(s)
	}
	o.mu.Unlock()
	if e != nil {
		w.oauthRefuse(r, http.StatusBadRequest, e.code, e.description)
		return
	}
	w.line.User, w.line.Client = s.who.Username, s.client
	id := base + "/id/" + o.OrgID() + "/" + s.who.id
	issued := strconv.FormatInt(s.issued.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(s.client))
	mac.Write([]byte(id + issued))
	body := object{{"access_token", token}}
	if refresh != "" {
		body = append(body, member{"refresh_token", refresh})
	}
	w.answer(r, ok(append(body, object{{"signature", base64.StdEncoding.EncodeToString(mac.Sum(nil))}, {"scope", "api id refresh_token"},
		{"instance_url", base}, {"id", id}, {"token_type", "Bearer"}, {"issued_at", issued}}...)))
}

// grant decides on a request for a token, and on whether a refresh token goes with it.
func (o *Org) grant(r *http.Request, base string) (s *session, refresh string, e *oauthError) {
	no := func(code, description string) (*session, string, *oauthError) {
		return nil, "", &oauthError{code, description}
	}
	grant := r.Form.Get("grant_type")
	client, proved := o.clientOf(r)
	// Public clients have no secret to show, only a refresh token or a verifier.
	public := (grant == "refresh_token" || grant == "authorization_code") && r.Form.Get("client_secret") == ""
	if grant != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		if client == nil {
			return no("invalid_client_id", "client identifier invalid")
		}
		if !proved && !public {
			return no("invalid_client", "invalid client credentials")
		}
	}
	switch grant {
	case "client_credentials":
		who := o.personByName(client.RunAs)
		if who == nil {
			return no("invalid_grant", "no client credentials user enabled")
		}
		s = &session{who: who, client: client.ID}
	case "password":
		who := o.signIn(r.Form.Get("username"), r.Form.Get("password"))
		if who == nil {
			return no("invalid_grant", "authentication failure")
		}
		s = &session{who: who, client: client.ID}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		who, id, e := o.checkAssertion(r.Form.Get("assertion"), base)
		if e != nil {
			return nil, "", e
		}
		s = &session{who: who, client: id}
	case "refresh_token":
		old := o.refresh[r.Form.Get("refresh_token")]
		if old == nil || old.client != client.ID {
			return no("invalid_grant", "expired access/refresh token")
		}
		s = &session{who: old.who, client: client.ID}
	case "authorization_code":
		code := o.codes[r.Form.Get("code")]
		delete(o.codes, r.Form.Get("code"))
		sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
		switch {
		case code == nil || code.client != client.ID || o.conf.Now().After(code.expires):
			return no("invalid_grant", "expired authorization code")
		case code.redirect != r.Form.Get("redirect_uri"):
			return no("redirect_uri_mismatch", "redirect_uri must match configuration")
		case code.challenge != "" && code.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
			return no("invalid_grant", "invalid code verifier")
		case code.challenge == "" && !proved:
			return no("invalid_client", "invalid client credentials")
		}
		s = &session{who: code.who, client: client.ID}
		refresh = "5Aep" + secret()
		o.refresh[refresh] = s
	default:
		return no("unsupported_grant_type", "grant type not supported")
	}
	if s.who.Inactive {
		return no("inactive_user", "user is inactive")
	}
	return s, refresh, nil
}

// signIn checks a password and returns whose it is, or nil.
func (o *Org) signIn(username, password string) *person {
	p := o.personByName(username)
	if p == nil || p.Inactive || p.Password == "" || subtle.ConstantTimeCompare([]byte(p.Password), []byte(password)) != 1 {
		return nil
	}
	return p
}

// issue makes an access token for the session.
func (o *Org) issue(s *session) string {
	now := o.conf.Now()
	s.issued, s.expires = now, now.Add(o.conf.TokenLife)
	token := o.orgID[:15] + "!AQ" + secret()
	o.sessions[token] = s
	return token
}

func secret() string {
	var b [48]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// checkAssertion proves a JWT of the bearer flow: signed RS256 by the key of the client
// it names as issuer, meant for this org or for Salesforce's login host, and alive.
func (o *Org) checkAssertion(assertion, base string) (*person, string, *oauthError) {
	bad := func(description string) (*person, string, *oauthError) {
		return nil, "", &oauthError{"invalid_grant", description}
	}
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return bad("invalid assertion")
	}
	var header struct{ Alg string }
	var claims struct {
		Iss, Sub, Prn string
		Aud           any
		Exp           float64
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || decodePart(parts[0], &header) != nil || decodePart(parts[1], &claims) != nil {
		return bad("invalid assertion")
	}
	if header.Alg != "RS256" {
		return bad("algorithm type not supported")
	}
	i := slices.IndexFunc(o.conf.Clients, func(c Client) bool { return c.ID == claims.Iss })
	if i < 0 {
		return nil, "", &oauthError{"invalid_client_id", "client identifier invalid"}
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if key := o.conf.Clients[i].Key; key == nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return bad("invalid assertion")
	}
	audiences := []any{claims.Aud}
	if list, is := claims.Aud.([]any); is {
		audiences = list
	}
	if !slices.ContainsFunc(audiences, func(a any) bool {
		s := strings.TrimRight(strings.TrimSuffix(fmt.Sprint(a), "/services/oauth2/token"), "/")
		return s == base || s == "https://login.salesforce.com" || s == "https://test.salesforce.com"
	}) {
		return bad("audience is invalid")
	}
	expires, now := time.Unix(int64(claims.Exp), 0), o.conf.Now()
	if !expires.After(now) {
		return bad("expired authorization code")
	}
	if expires.After(now.Add(5*time.Minute + 30*time.Second)) {
		return bad("expiration time too far in the future")
	}
	subject := claims.Sub
	if subject == "" {
		subject = claims.Prn
	}
	who := o.personByName(subject)
	if who == nil {
		return bad("user hasn't approved this consumer")
	}
	return who, claims.Iss, nil
}

func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// authorizeCode answers the web server flow at once, for the user that login_hint names:
// a simulator has no login page to show.
func (o *Org) authorizeCode(w *exchange, r *http.Request) {
	client, _ := o.clientOf(r)
	to, err := url.Parse(r.Form.Get("redirect_uri"))
	if client == nil || err != nil || to.Host == "" || r.Form.Get("response_type") != "code" {
		w.oauthRefuse(r, http.StatusBadRequest, "invalid_request", "client_id, redirect_uri and response_type=code are needed")
		return
	}
	o.mu.Lock()
	who := o.personByName(r.Form.Get("login_hint"))
	if who == nil {
		who = o.people[0]
	}
	code := "aPrx" + secret()
	o.codes[code] = &session{who: who, client: client.ID, expires: o.conf.Now().Add(15 * time.Minute),
		redirect: r.Form.Get("redirect_uri"), challenge: r.Form.Get("code_challenge")}
	o.mu.Unlock()
	q := to.Query()
	q.Set("code", code)
	if state := r.Form.Get("state"); state != "" {
		q.Set("state", state)
	}
	to.RawQuery = q.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

func (o *Org) revoke(w *exchange, r *http.Request) {
	token := r.Form.Get("token")
	o.mu.Lock()
	_, access := o.sessions[token]
	_, refresh := o.refresh[token]
	delete(o.sessions, token)
	delete(o.refresh, token)
	o.mu.Unlock()
	if !access && !refresh {
		w.oauthRefuse(r, http.StatusBadRequest, "unsupported_token_type", "this token type is not supported")
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (o *Org) introspect(w *exchange, r *http.Request) {
	client, proved := o.clientOf(r)
	if client == nil || !proved {
		w.oauthRefuse(r, http.StatusUnauthorized, "invalid_client", "invalid client credentials")
		return
	}
	o.mu.Lock()
	s := o.sessions[r.Form.Get("token")]
	o.mu.Unlock()
	if s == nil || o.conf.Now().After(s.expires) || s.client != client.ID {
		w.answer(r, ok(object{{"active", false}}))
		return
	}
	w.answer(r, ok(object{{"active", true}, {"scope", "api id refresh_token"}, {"client_id", s.client}, {"username", s.who.Username},
		{"sub", o.address(r) + "/id/" + o.OrgID() + "/" + s.who.id}, {"token_type", "access_token"},
		{"exp", s.expires.Unix()}, {"iat", s.issued.Unix()}, {"nbf", s.issued.Unix()}}))
}

// urls are the addresses that identity answers carry, templates and all.
func (o *Org) urls(s *session, base string) object {
	rest := base + "/services/data/v{version}/"
	return object{{"enterprise", base + "/services/Soap/c/{version}/" + o.orgID[:15]}, {"metadata", base + "/services/Soap/m/{version}/" + o.orgID[:15]},
		{"partner", base + "/services/Soap/u/{version}/" + o.orgID[:15]}, {"rest", rest}, {"sobjects", rest + "sobjects/"},
		{"search", rest + "search/"}, {"query", rest + "query/"}, {"recent", rest + "recent/"}, {"profile", base + "/" + s.who.id},
		{"feeds", rest + "chatter/feeds"}, {"groups", rest + "chatter/groups"}, {"users", rest + "chatter/users"},
		{"feed_items", rest + "chatter/feed-items"}, {"custom_domain", base}}
}

func (o *Org) userInfo(s *session, base string) object {
	return object{{"sub", base + "/id/" + o.orgID + "/" + s.who.id}, {"user_id", s.who.id}, {"organization_id", o.orgID},
		{"preferred_username", s.who.Username}, {"nickname", s.who.Username}, {"name", strings.TrimSpace(s.who.FirstName + " " + s.who.LastName)},
		{"email", s.who.Username}, {"email_verified", true}, {"given_name", s.who.FirstName}, {"family_name", s.who.LastName},
		{"zoneinfo", "GMT"}, {"photos", object{}}, {"profile", base + "/" + s.who.id}, {"urls", o.urls(s, base)}, {"active", true},
		{"user_type", "STANDARD"}, {"language", "en_US"}, {"locale", "en_US"}, {"utcOffset", 0},
		{"updated_at", s.issued.UTC().Format(time.RFC3339)}, {"is_app_installed", true}}
}

// identity answers the identity URL, which tokens carry as id.
func (o *Org) identity(w *exchange, r *http.Request, org, user string) {
	s, f := o.authorize(w, r)
	if f != nil {
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte("Bad_OAuth_Token"))
		return
	}
	orgID, _ := parseID(org)
	userID, _ := parseID(user)
	if orgID != o.OrgID() || userID != s.who.id {
		w.refuse(r, notFound())
		return
	}
	base := o.address(r)
	w.answer(r, ok(object{{"id", base + "/id/" + orgID + "/" + userID}, {"asserted_user", true}, {"user_id", userID}, {"organization_id", orgID},
		{"username", s.who.Username}, {"nick_name", s.who.Username}, {"display_name", strings.TrimSpace(s.who.FirstName + " " + s.who.LastName)},
		{"email", s.who.Username}, {"email_verified", true}, {"first_name", s.who.FirstName}, {"last_name", s.who.LastName},
		{"timezone", "GMT"}, {"photos", object{}}, {"urls", o.urls(s, base)}, {"active", true}, {"user_type", "STANDARD"},
		{"language", "en_US"}, {"locale", "en_US"}, {"utcOffset", 0}, {"is_app_installed", true}}))
}

// ExpireTokens makes every access token worthless. Refresh tokens stay good.
func (o *Org) ExpireTokens() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.sessions)
}

// Deactivate locks a user out, as when somebody leaves: no session works, no new one is
// given, and the user may do nothing with any record.
func (o *Org) Deactivate(username string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.personByName(username)
	if p == nil {
		return
	}
	p.Inactive = true
	if r := o.tables[o.schema.entity("User")].rows[p.id]; r != nil {
		r.values["IsActive"] = false
	}
	for _, list := range []map[string]*session{o.sessions, o.refresh, o.codes} {
		for token, s := range list {
			if s.who == p {
				delete(list, token)
			}
		}
	}
}

// Token issues an access token for the user without a request, to be used as Bearer.
// It returns "" when there is no such user.
func (o *Org) Token(username string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.personByName(username)
	if p == nil {
		return ""
	}
	return o.issue(&session{who: p})
}
