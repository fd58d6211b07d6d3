package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// EgressTarget is a place that a firewall must let Cordon reach.
type EgressTarget struct {
	Address string `json:"address"` // host:port
	For     string `json:"for"`
	Via     string `json:"via"` // the proxy that calls go through, as host:port, or ""
	State   State  `json:"state"`
}

// examineEgress lists every place that Cordon talks to, and tries a connection to each. The
// connection is closed at once; nothing is sent. Where a proxy is set, the proxy is tried.
func examineEgress(ctx context.Context, conf Config, r *lines) {
	var all []Destination
	for _, o := range conf.Orgs {
		if o.Identity.Org != nil {
			all = append(all, Destination{o.Identity.Org.String(), "the org of " + string(o.Tenant), true})
		}
	}
	seen := map[string]bool{}
	for _, d := range append(all, conf.Destinations...) {
		u, err := url.Parse(d.URL)
		if err != nil || u.Host == "" {
			u = &url.URL{Host: d.URL} // host:port
		}
		target := EgressTarget{Address: hostPort(u), For: d.For, State: OK}
		if seen[target.Address] {
			continue
		}
		seen[target.Address] = true
		if proxy := proxyFor(u); proxy != nil {
			target.Via = hostPort(proxy)
		}
		try := target.Address
		if target.Via != "" {
			try = target.Via
		}
		l := Line{Check: "egress " + target.Address, State: OK, Says: "needed for " + d.For, Evidence: "TCP to " + try + ": connected"}
		if target.Via != "" {
			l.Evidence = fmt.Sprintf("TCP to the proxy %s: connected; what lies behind it was not tried", try)
		}
		conn, err := conf.Dial(ctx, "tcp", try)
		if err != nil {
			target.State = Missing
			l.State, l.Needed, l.Evidence = Missing, d.Needed, "TCP to "+try+": "+err.Error()
			l.Do = "Let this machine connect to " + try + "."
		} else {
			conn.Close()
		}
		r.egress = append(r.egress, target)
		r.add(l)
	}
}

func proxyFor(u *url.URL) *url.URL {
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	p, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil {
		return nil
	}
	return p
}

// hostPort is an address's host with its port, also where that is the scheme's own.
func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	port := map[string]string{"http": "80", "postgres": "5432", "postgresql": "5432", "socks5": "1080"}[strings.ToLower(u.Scheme)]
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
