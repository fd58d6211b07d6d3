package inline

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cordonhq/cordon/salesforce"
)

// An org whose domain was renamed answers with redirects to its new name. A client that follows
// one is past the gateway from then on, and has taken its file and its token along. So a
// redirect leads back to the gateway where it stays within the org, and is no answer otherwise.

// leads makes what an answer points to lead to the gateway. An error says that it points past it.
func (c *call) leads(resp *http.Response) error {
	c.relocate(resp.Header)
	return c.tenant.movedTo(resp, c)
}

// movedTo refuses an answer that sends the caller to another host. c is nil for what the gateway
// asks itself: then no redirect is followed, wherever it leads.
func (t *tenant) movedTo(resp *http.Response, c *call) error {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	location := resp.Header.Get("Location")
	to, err := url.Parse(strings.TrimSpace(location))
	host := "an address that cannot be read"
	if err == nil {
		host = t.hostOf(to)
	}
	switch {
	case c == nil:
		if host == "" {
			host = t.Upstream.Host
		}
	case err == nil && location == "", host == "":
		return nil
	case err == nil && c.mayLead(to):
		return nil
	}
	resp.Body.Close()
	t.alarmMoved(host)
	f := refusalf(http.StatusBadGateway, salesforce.CodeUnavailable,
		"The org has moved: it sends callers to %.200s, past this gateway. Nothing was sent there. "+
			"The gateway's upstream must be set to the org's new address.", host)
	f.wait, f.cause = t.gateway.conf.RetryAfter, fmt.Errorf("%w to %s", salesforce.ErrMoved, host)
	return f
}

// hostOf is the host that a redirect leads to, "" if it stays where the request was made.
func (t *tenant) hostOf(to *url.URL) string {
	switch {
	case strings.Contains(to.String(), `\`) || strings.Contains(to.Path, `\`):
		return "an address that cannot be read" // to some readers a slash
	case to.Host != "":
		return to.Host
	case to.Scheme != "":
		return to.Scheme + ":"
	}
	return ""
}

// mayLead reports whether a redirect may be given to the client.
func (c *call) mayLead(to *url.URL) bool {
	path := strings.ToLower(c.path)
	if path == "" {
		path = strings.ToLower(c.in.URL.Path)
	}
	if to.Host == c.host && (to.Scheme == "" || to.Scheme+"://"+to.Host == c.ownOrigin()) {
		// To the very address that was asked for, it would go round for ever.
		return to.RequestURI() != c.in.URL.RequestURI()
	}
	// Signing in goes by other hosts: back to the client itself, and to an identity provider.
	switch {
	case strings.HasPrefix(path, "/services/oauth2/authorize"), strings.HasPrefix(path, "/setup/secur/remoteaccessauthorizationpage"):
		back, err := url.Parse(c.in.URL.Query().Get("redirect_uri"))
		return err == nil && back.Scheme != "" && strings.EqualFold(back.Scheme, to.Scheme) && strings.EqualFold(back.Host, to.Host)
	case strings.HasPrefix(path, "/services/auth/"), strings.HasPrefix(path, "/saml/"):
		return to.Scheme == "https" && !salesforce.IsPlatformHost(to.Hostname()) && to.RequestURI() != c.in.URL.RequestURI()
	}
	return false
}

// alarmMoved tells the operator, at most once a minute for each tenant.
func (t *tenant) alarmMoved(host string) {
	g := t.gateway
	if g.conf.Moved != nil {
		g.conf.Moved(t.ID)
	}
	now := t.clock()
	t.movedMu.Lock()
	told := t.moved
	if now.Sub(told) >= time.Minute {
		t.moved = now
	}
	t.movedMu.Unlock()
	if now.Sub(told) < time.Minute {
		return
	}
	g.log.Error("the org sends callers to another host, past the gateway; they are refused. Set the tenant's upstream to the org's new address",
		"tenant", t.ID, "upstream", t.Upstream.Host, "host", host)
}
