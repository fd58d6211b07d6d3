package inline

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAuth is the largest body of a request for a session. Assertions have a few KB.
const maxAuth = 128 << 10

// tokenRequest is what of a request for a token is needed when its answer comes.
type tokenRequest struct{ client string }

// auth passes requests for sessions and learns which client a token is issued to.
func (g *Gateway) auth(c *call) error {
	c.rewrites = rewriteAddresses
	if !hasBody(c.in) {
		c.token = tokenRequestOf(c.in, nil)
		g.pass(c)
		return nil
	}
	media, _, err := mediaType(c.in.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	if media != "" && media != "application/x-www-form-urlencoded" && !isJSON(media) {
		return g.notInspected(c, "a request for a session takes a form", nil)
	}
	body, err := g.openBody(c, maxAuth)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	c.token = tokenRequestOf(c.in, b)
	g.replay(c, b)
	g.pass(c)
	return nil
}

// tokenRequestOf finds the client in the form, in Basic credentials, in a JWT or in the query.
func tokenRequestOf(r *http.Request, body []byte) tokenRequest {
	form, _ := url.ParseQuery(string(body))
	query, _ := url.ParseQuery(r.URL.RawQuery)
	for _, values := range []url.Values{form, query} {
		if id := values.Get("client_id"); id != "" {
			return tokenRequest{client: id}
		}
		if id := issuerOf(values.Get("assertion")); id != "" {
			return tokenRequest{client: id}
		}
	}
	if id, _, ok := r.BasicAuth(); ok {
		if plain, err := url.QueryUnescape(id); err == nil {
			id = plain
		}
		return tokenRequest{client: id}
	}
	return tokenRequest{}
}

// issuerOf reads the issuer of a JWT. It is not verified here: only if Salesforce accepts the
// assertion does it issue the token that the client is remembered for.
func issuerOf(assertion string) string {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return ""
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return ""
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(claims, &c) != nil {
		return ""
	}
	return c.Issuer
}

// remember keeps the client of a token that was just issued.
func (c *call) remember(answer []byte) {
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(answer, &issued) != nil || issued.AccessToken == "" || c.token.client == "" {
		return
	}
	c.gateway.line.Remember(c.in.Context(), c.tenant.ID, issued.AccessToken, c.token.client, tokenTTL)
}

// isTokenPath reports whether the canonical path issues tokens.
func isTokenPath(path string) bool { return strings.EqualFold(path, "/services/oauth2/token") }
