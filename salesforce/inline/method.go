package inline

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/cordonhq/cordon/salesforce"
)

// overrideHeaders ask some servers to treat a request as another method. Salesforce is not
// among them, and what Salesforce does not need does not travel.
var overrideHeaders = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

func stripOverrides(r *http.Request) {
	for _, h := range overrideHeaders {
		delete(r.Header, h)
	}
	// Behind an upgrade to anything else than a websocket the gateway would be blind.
	if up := r.Header["Upgrade"]; up != nil && (len(up) != 1 || !strings.EqualFold(strings.TrimSpace(up[0]), "websocket") || r.Method != http.MethodGet) {
		delete(r.Header, "Upgrade")
	}
}

// effectiveMethod returns the method a request stands for, and its query without the override.
// Salesforce lets clients that cannot send PATCH say POST with ?_HttpMethod=PATCH.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm
func effectiveMethod(r *http.Request) (method, query string, err error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete, http.MethodOptions:
	default:
		return "", "", refusalf(http.StatusMethodNotAllowed, salesforce.CodeMethod, "The method %.20q is not used by Salesforce.", r.Method)
	}
	return methodOf(r.Method, r.URL.RawQuery)
}

// methodOf applies the override in a query. Two of them, or one that is not a write, have no
// meaning that two servers must share.
func methodOf(method, rawQuery string) (string, string, error) {
	if rawQuery == "" {
		return method, "", nil
	}
	bad := func() (string, string, error) {
		return "", "", refusalf(http.StatusBadRequest, salesforce.CodeMalformed,
			"The parameter _HttpMethod may be given once, as PATCH, PUT or DELETE, with POST only.")
	}
	override := ""
	var kept []string
	for pair := range strings.FieldsFuncSeq(rawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil || strings.ContainsAny(plain, "%\x00") {
			return "", "", refusalf(http.StatusBadRequest, salesforce.CodeMalformed, "A parameter name in the query cannot be read.")
		}
		if !strings.EqualFold(strings.TrimSpace(plain), "_HttpMethod") {
			kept = append(kept, pair)
			continue
		}
		value, err = url.QueryUnescape(value)
		if err != nil || override != "" || method != http.MethodPost {
			return bad()
		}
		switch override = strings.ToUpper(value); override {
		case http.MethodPatch, http.MethodPut, http.MethodDelete:
		default:
			return bad()
		}
	}
	if override == "" {
		return method, rawQuery, nil
	}
	return override, strings.Join(kept, "&"), nil
}

// bodyless reports whether requests of the method have no body.
func bodyless(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete:
		return true
	}
	return false
}

// hasBody reports whether the request announced a body.
func hasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}

// onceOnly are headers of which two servers could each believe another one.
var onceOnly = []string{"Content-Type", "Authorization", "X-Sfdc-Session"}

// oneOfEach refuses requests whose type or caller two servers could read differently.
func oneOfEach(r *http.Request) error {
	for _, name := range onceOnly {
		if len(r.Header[name]) > 1 {
			return refusalf(http.StatusBadRequest, salesforce.CodeMalformed, "The request has more than one %s.", name)
		}
	}
	return nil
}

// maxMeaningless is the longest body that is read to show that a GET or DELETE needs none.
const maxMeaningless = 64 << 10

// dropBody reads the body of a request that has no use for one, and sends the request on without
// it. Clients send empty ones, "{}" and the like; the REST API reads none of them. One that could
// carry a file is refused rather than dropped, so that nobody believes it was stored, and so is
// any that a service of an unknown author might read.
func (g *Gateway) dropBody(c *call) error {
	r := c.in
	refuse := refusalf(http.StatusBadRequest, salesforce.CodeMalformed,
		"A %s request carries no body. Send the content with POST or PATCH.", c.method)
	body, err := g.openBody(c, maxMeaningless)
	if err == nil {
		var b []byte
		if b, err = io.ReadAll(body); err == nil {
			if !c.needsNoBody(b) {
				return refuse
			}
			r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
			r.Header.Del("Content-Encoding")
			r.Header.Del("Content-Length")
			return nil
		}
	}
	if isTimeout(err) || r.Context().Err() != nil {
		return err
	}
	refuse.cause = err
	return refuse
}

func (c *call) needsNoBody(b []byte) bool {
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte(byteOrderMark)))
	if len(b) == 0 {
		return true
	}
	n, err := parseTree(b)
	return err == nil && (meansNothing(&n) || c.target.class != classOpaque && examinePlain(&n) == "")
}

// meansNothing reports whether a JSON value is empty.
func meansNothing(n *node) bool {
	switch n.kind {
	case 'n':
		return true
	case '"':
		return n.text == ""
	case '{', '[':
		return len(n.members)+len(n.items) == 0
	}
	return false
}

// runsCode reports whether a request without a body runs what its query says, by its path alone.
// It is called for each of them, and so it is cheap.
func runsCode(path string) bool { return containsFold(path, "executeanonymous") }

// tellsService says what could be a file in the query of a call to a service whose author decided
// what it reads, "" if nothing.
func tellsService(r *http.Request) string {
	if len(r.URL.RawQuery) < runPlain || !containsFold(r.URL.Path, "apexrest") {
		return ""
	}
	return scanQuery(r.URL.RawQuery)
}

// containsFold is strings.Contains for a name in small ASCII letters, whatever case s has.
func containsFold(s, name string) bool {
	for i := 0; i+len(name) <= len(s); i++ {
		if s[i]|0x20 == name[0] && strings.EqualFold(s[i:i+len(name)], name) {
			return true
		}
	}
	return false
}

// examineQuery says what of a request without a body, or beside its body, is not looked into: code
// that the org would run, and a file in a parameter of what writes. Queries and searches only
// read, whatever is in them.
func (t target) examineQuery(method, query string) string {
	switch {
	case t.name == anonymousApex:
		return t.why
	case bodyless(method) && t.name != "apexrest":
		return ""
	}
	return scanQuery(query)
}

// scanQuery says what in the parameters of a query could be media, "" if nothing.
func scanQuery(query string) string {
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		plain, err := url.QueryUnescape(pair)
		if err != nil {
			plain = pair
		}
		// A plus may have been meant as one: base64 is looked for in both readings.
		for _, s := range []string{plain, strings.ReplaceAll(plain, " ", "+")} {
			if why := scanText(s, plainRule); why != "" {
				return "a parameter holds " + why
			}
		}
	}
	return ""
}

// withoutBody passes a request that has no body, when nothing in its address could be a file.
func (g *Gateway) withoutBody(c *call) error {
	if why := c.target.examineQuery(c.method, c.query); why != "" {
		return g.notInspected(c, why, nil)
	}
	if !bodyless(c.method) {
		g.line.Touch(c.tenant.ID, c.routeName(), touchPassed)
	}
	c.rewrites = rewritesFor(c.path)
	g.pass(c)
	return nil
}
