package inline

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// tenant is a Tenant at work.
type tenant struct {
	Tenant
	gateway   *Gateway
	transport http.RoundTripper
	proxy     *httputil.ReverseProxy
	callers   *callers
	jobs      *jobs
	clock     func() time.Time

	aliasMu sync.RWMutex
	aliases map[string]bool // origins that the upstream calls itself in its answers

	movedMu sync.Mutex
	moved   time.Time // when it was last told that the org has moved

	cors origins
}

func (g *Gateway) addTenant(t Tenant) error {
	u := t.Upstream
	switch {
	case t.ID == "":
		return fmt.Errorf("%w: a tenant has no id", cordon.ErrInvalid)
	case len(t.Hosts) == 0:
		return fmt.Errorf("%w: tenant %q has no hosts; list the names by which clients reach the gateway", cordon.ErrInvalid, t.ID)
	case u == nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: tenant %q needs an upstream like https://acme.my.salesforce.com", cordon.ErrInvalid, t.ID)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil:
		return fmt.Errorf("%w: the upstream of tenant %q must be an origin, without path, query and user", cordon.ErrInvalid, t.ID)
	}
	in := &tenant{Tenant: t, gateway: g, transport: t.Transport, clock: t.Clock, aliases: make(map[string]bool)}
	if in.transport == nil {
		in.transport = newTransport()
	}
	if in.clock == nil {
		in.clock = time.Now
	}
	in.proxy = in.newProxy()
	in.callers = newCallers(in)
	in.jobs = newJobs()
	for _, h := range t.Hosts {
		h = strings.ToLower(strings.TrimSuffix(h, "."))
		if other := g.tenants[h]; other != nil {
			return fmt.Errorf("%w: host %q belongs to the tenants %q and %q", cordon.ErrInvalid, h, other.ID, t.ID)
		}
		g.tenants[h] = in
	}
	return nil
}

// tenantOf finds the tenant of a Host header; the port does not matter.
func (g *Gateway) tenantOf(host string) *tenant { return g.tenants[hostName(host)] }

func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
}

// upstream returns the address of a path and query at the tenant's org.
func (t *tenant) upstream(path, query string) *url.URL {
	return &url.URL{Scheme: t.Upstream.Scheme, Host: t.Upstream.Host, Path: path, RawQuery: query}
}

// origin is the org's scheme and host.
func (t *tenant) origin() string { return t.Upstream.Scheme + "://" + t.Upstream.Host }
