package inline

import (
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
