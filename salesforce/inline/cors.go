package inline

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A portal's script may read an answer only if it carries the headers by which the org allows the
// script's origin. The org decides, and the gateway repeats: what the org's answers say to an
// origin is remembered, and where none came yet it is asked as a browser asks.

// corsHeaders are what an answer says to a script, beside what it exposes.
var corsHeaders = []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"}

const (
	exposeHeaders = "Access-Control-Expose-Headers"

	// ownExposed are the gateway's own headers that a script has a use for.
	ownExposed = ReceiptHeader + ", Retry-After"

	maxOrigins  = 1024
	originsKept = 10 * time.Minute
)

// origins remembers what the org allows to which origin. Its zero value is ready.
type origins struct {
	mu    sync.Mutex
	known map[string]allowance
}

type allowance struct {
	until  time.Time
	header http.Header // nothing in it: the org does not allow the origin
}

// originOf is the origin of a request that a script makes, "" if none does.
func originOf(r *http.Request) string {
	if o := r.Header["Origin"]; len(o) == 1 && len(o[0]) <= 512 {
		return o[0]
	}
	return ""
}

// learn notes what an answer of the org says to the origin of the request.
func (o *origins) learn(in *http.Request, resp *http.Response) {
	origin := originOf(in)
	if origin == "" {
		return
	}
	said := http.Header{}
	for _, name := range append(corsHeaders, exposeHeaders) {
		if v := resp.Header[name]; len(v) > 0 {
			said[name] = v
		}
	}
	no := !allows(said, origin)
	if no && resp.StatusCode >= 500 {
		return // errors of machines in between say nothing of origins
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	before, known := o.known[origin]
	switch {
	case no && resp.StatusCode >= 400 && len(before.header) > 0:
		return
	case no:
		said = nil
	case said[exposeHeaders] == nil && before.header[exposeHeaders] != nil:
		said[exposeHeaders] = before.header[exposeHeaders] // a preflight's answer exposes nothing
	}
	if !known && len(o.known) >= maxOrigins {
		clear(o.known)
	}
	if o.known == nil {
		o.known = map[string]allowance{}
	}
	o.known[origin] = allowance{time.Now().Add(originsKept), said}
}

func allows(h http.Header, origin string) bool {
	v := h["Access-Control-Allow-Origin"]
	return len(v) == 1 && (v[0] == "*" || v[0] == origin)
}

func (o *origins) of(origin string) (allowance, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	a, known := o.known[origin]
	return a, known && time.Now().Before(a.until)
}

// expose lets the script that may read an answer of the org read the gateway's own headers in it.
func (o *origins) expose(in *http.Request, h http.Header) {
	if origin := originOf(in); origin != "" && allows(h, origin) {
		h.Set(exposeHeaders, exposed(h))
	}
}

func exposed(h http.Header) string {
	var all []string
	for _, v := range h[exposeHeaders] {
		if v = strings.TrimSpace(v); v != "" {
			all = append(all, v)
		}
	}
	return strings.Join(append(all, ownExposed), ", ")
}

// allowOrigin puts on an answer of the gateway's own what the org says to the caller's origin.
func (c *call) allowOrigin() {
	origin := originOf(c.in)
	if origin == "" {
		return
	}
	h := c.w.Header()
	h.Add("Vary", "Origin")
	if h.Get("Access-Control-Allow-Origin") != "" {
		return // the org's own answer, under way
	}
	a, known := c.tenant.cors.of(origin)
	if !known {
		c.askOrigin(origin)
		a, _ = c.tenant.cors.of(origin)
	}
	if len(a.header) == 0 {
		return
	}
	for _, name := range corsHeaders {
		if v, ok := a.header[name]; ok {
			h[name] = v
		}
	}
	h.Set(exposeHeaders, exposed(a.header))
}

// askOrigin asks the org what it allows to an origin, as a browser does before a write. It costs
// no API call: a preflight has no session.
func (c *call) askOrigin(origin string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.in.Context()), askTimeout)
	defer cancel()
	path := c.path
	if path == "" {
		path = c.in.URL.Path
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodOptions, c.tenant.upstream(path, "").String(), nil)
	if err != nil {
		return
	}
	req.Header.Set("Origin", origin)
	req.Header.Set("Access-Control-Request-Method", c.in.Method)
	req.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
	resp, err := c.tenant.transport.RoundTrip(req)
	if err != nil {
		c.gateway.log.Warn("the CRM did not say what it allows to a script's origin", "tenant", c.tenant.ID, "cause", err)
		return
	}
	defer resp.Body.Close()
	c.tenant.cors.learn(c.in, resp)
}
