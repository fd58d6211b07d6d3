package sim

import (
	"net/http"
	"strings"
)

// Cross-origin requests. Scripts of the origins on the org's allow-list may read its answers;
// a preflight from any other origin finds nothing, and an answer to one carries no header
// that would let it be read. SOAP takes no part.
// https://help.salesforce.com/s/articleView?id=platform.extend_code_cors.htm

// crossOrigin puts the headers on that the origin of a request gets, and answers a preflight.
func (o *Org) crossOrigin(x *exchange, r *http.Request, first, second string) (answered bool) {
	origin := r.Header.Get("Origin")
	covered := first == "id" || first == "services" &&
		(second == "data" || second == "async" || second == "apexrest" || second == "oauth2")
	if origin == "" || !covered {
		return false
	}
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	h := x.Header()
	h.Add("Vary", "Origin")
	if !originAllowed(o.conf.CORS, origin) {
		if preflight {
			x.WriteHeader(http.StatusNotFound)
		}
		return preflight
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	if !preflight {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS")
	if wanted := r.Header.Get("Access-Control-Request-Headers"); wanted != "" {
		h.Set("Access-Control-Allow-Headers", wanted)
	}
	h.Set("Access-Control-Max-Age", "300")
	x.WriteHeader(http.StatusOK)
	return true
}

// originAllowed says whether an entry of the list names the origin. An entry is an origin, or
// one with * for the first part of its host: https://*.example.com.
func originAllowed(list []string, origin string) bool {
	for _, entry := range list {
		if strings.EqualFold(strings.TrimRight(entry, "/"), origin) {
			return true
		}
		scheme, host, wild := strings.Cut(strings.TrimRight(entry, "/"), "://*.")
		if !wild {
			continue
		}
		rest, sameScheme := strings.CutPrefix(strings.ToLower(origin), strings.ToLower(scheme)+"://")
		if label, sameHost := strings.CutSuffix(rest, "."+strings.ToLower(host)); sameScheme && sameHost && label != "" &&
			!strings.ContainsAny(label, "/@:") {
			return true
		}
	}
	return false
}
