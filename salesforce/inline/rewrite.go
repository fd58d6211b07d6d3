package inline

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon/salesforce"
)

// rewriting says which addresses in an answer are made to lead through the gateway.
type rewriting int

const (
	rewriteNothing   rewriting = iota
	rewriteOwn                 // only what the call itself looks at
	rewriteAddresses           // JSON with addresses of the org: tokens, identities, the root of a version
	rewriteSOAP                // the answer to a SOAP login
	rewriteRecords             // records and pages of them: files' addresses, and the next page's
)

// maxRewritten is the longest answer that is held to be rewritten. Longer ones pass as they are.
const maxRewritten = 1 << 20

// rewritesFor chooses by path, for requests without a body. It is called for each of them, so it
// is cheap for those that are not concerned.
func rewritesFor(path string) rewriting {
	if strings.Contains(path, "//") {
		if plain, err := salesforce.Canonical(path); err == nil {
			path = plain
		}
	}
	path = strings.TrimRight(strings.ToLower(path), "/")
	switch {
	case strings.HasPrefix(path, "/services/data/"):
		rest := path[len("/services/data/"):]
		version, resource, more := strings.Cut(rest, "/")
		switch {
		case !more && isVersion(version):
			return rewriteAddresses
		case hasAddresses(resource):
			return rewriteRecords
		}
	case strings.HasPrefix(path, "/id/"), strings.HasPrefix(path, "/services/oauth2/"), path == "/.well-known/openid-configuration":
		return rewriteAddresses
	}
	return rewriteNothing
}

// hasAddresses reports whether a resource answers with records of files, or with pages.
func hasAddresses(resource string) bool {
	first, rest, _ := strings.Cut(resource, "/")
	switch first {
	case "query", "queryall", "search", "parameterizedsearch", "ui-api", "connect", "chatter", "graphql":
		return true
	case "tooling":
		return strings.HasPrefix(rest, "query")
	case "sobjects", "composite":
		return strings.Contains(rest, "content")
	}
	return false
}

// isSecure reports whether the client reached the gateway by https.
func (g *Gateway) isSecure(r *http.Request) bool {
	return r.TLS != nil || g.conf.TrustProxy && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// addressOf is the address of the client, as the record has it.
func (g *Gateway) addressOf(r *http.Request) string {
	if g.conf.TrustProxy {
		chain := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
		if last := strings.TrimSpace(chain[len(chain)-1]); last != "" {
			return last
		}
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// ownOrigin is the gateway as the client reached it.
func (c *call) ownOrigin() string {
	if c.secure {
		return "https://" + c.host
	}
	return "http://" + c.host
}

// amend changes an answer of the upstream so that the client stays with the gateway.
func (c *call) amend(resp *http.Response) error {
	c.tenant.cors.learn(c.in, resp)
	if err := c.leads(resp); err != nil {
		return err
	}
	if c.answered != nil {
		if err := c.answered(resp); err != nil {
			return err
		}
	}
	switch c.rewrites {
	case rewriteAddresses:
		return c.amendAddresses(resp)
	case rewriteSOAP:
		body, err := bufferAnswer(resp)
		if err != nil || body == nil {
			return err
		}
		setBody(resp, c.amendSOAP(body))
	case rewriteRecords:
		return c.amendRecords(resp)
	}
	return nil
}

// relocate makes addresses of the org in headers lead to the gateway.
func (c *call) relocate(h http.Header) {
	for _, name := range []string{"Location", "Content-Location"} {
		if v := h.Get(name); v != "" {
			h.Set(name, c.own(v, false))
		}
	}
	for i, v := range h["Link"] {
		h["Link"][i] = linkAddress.ReplaceAllStringFunc(v, func(m string) string { return "<" + c.own(m[1:len(m)-1], false) + ">" })
	}
	if v := h.Get("Refresh"); v != "" {
		if wait, address, ok := strings.Cut(v, "="); ok {
			h.Set("Refresh", wait+"="+c.own(strings.Trim(address, ` '"`), false))
		}
	}
}

// linkAddress is an address in a Link header (RFC 8288).
var linkAddress = regexp.MustCompile(`<[^<>]*>`)

// own replaces the origin of an address by the gateway's, if the address is the org's. With
// always any origin counts, for addresses that are known to mean the org; it is then learned as
// one of the org's names.
func (c *call) own(address string, always bool) string {
	origin, rest, ok := cutOrigin(address)
	if !ok {
		return address
	}
	t := c.tenant
	if always {
		t.aliasMu.Lock()
		if len(t.aliases) < 64 {
			t.aliases[origin] = true
		}
		t.aliasMu.Unlock()
		return c.ownOrigin() + rest
	}
	t.aliasMu.RLock()
	known := t.aliases[origin]
	t.aliasMu.RUnlock()
	_, host, _ := strings.Cut(origin, "://")
	if known || origin == strings.ToLower(t.origin()) || salesforce.IsOrgHost(t.Upstream.Host, host) && strings.HasPrefix(origin, t.Upstream.Scheme) {
		return c.ownOrigin() + rest
	}
	return address
}

// cutOrigin splits "https://host:port/rest"; the origin is in lower case, without default ports.
func cutOrigin(address string) (origin, rest string, ok bool) {
	scheme, after, ok := strings.Cut(address, "://")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "https" && scheme != "http" {
		return "", "", false
	}
	i := strings.IndexAny(after, "/?#")
	if i < 0 {
		i = len(after)
	}
	host := strings.ToLower(after[:i])
	if host == "" || strings.ContainsAny(host, "@ ") {
		return "", "", false
	}
	host = strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[scheme])
	return scheme + "://" + host, after[i:], true
}

// Members of answers whose address means the org, whatever host it names.
var ownMembers = map[string]bool{
	"instance_url": true, "identity": true, "sfdc_community_url": true, "sfdc_site_url": true, "serverurl": true, "metadataserverurl": true,
}

// Members that are names, though they look like addresses: OpenID clients compare them.
var keptMembers = map[string]bool{"sub": true, "iss": true, "issuer": true, "id_token": true, "aud": true, "scope": true}

func (c *call) amendAddresses(resp *http.Response) error {
	body, err := bufferAnswer(resp)
	if err != nil || body == nil {
		return err
	}
	if isTokenPath(c.path) && resp.StatusCode == http.StatusOK {
		c.remember(body)
	}
	n, err := parseTree(body)
	if err != nil || n.kind != '{' {
		return nil // not JSON, as a login page; it stays as it is
	}
	changed := c.amendNode(&n, "", len(n.textOf("instance_url")) > 0 || n.get("urls") != nil)
	if changed {
		setBody(resp, n.append(nil))
	}
	return nil
}

// amendNode rewrites the addresses in a value. identity says that the document names its own
// address as "id".
func (c *call) amendNode(n *node, name string, identity bool) bool {
	changed := false
	switch n.kind {
	case '"':
		name = strings.ToLower(name)
		if keptMembers[name] {
			return false
		}
		to := c.own(n.text, ownMembers[name] || identity && name == "id")
		changed = to != n.text
		n.text = to
	case '{':
		inURLs := strings.EqualFold(name, "urls")
		for i := range n.members {
			m := &n.members[i]
			if inURLs && m.value.kind == '"' && !strings.EqualFold(m.name, "profile") {
				to := c.own(m.value.text, true)
				changed = changed || to != m.value.text
				m.value.text = to
				continue
			}
			changed = c.amendNode(&m.value, m.name, identity) || changed
		}
	case '[':
		for i := range n.items {
			changed = c.amendNode(&n.items[i], "", identity) || changed
		}
	}
	return changed
}

var soapAddress = regexp.MustCompile(`(<(?:[\w.-]+:)?(?:serverUrl|metadataServerUrl)>)([^<]*)`)

func (c *call) amendSOAP(body []byte) []byte {
	return soapAddress.ReplaceAllFunc(body, func(m []byte) []byte {
		at := bytes.IndexByte(m, '>') + 1
		return append(bytes.Clone(m[:at]), c.own(string(m[at:]), true)...)
	})
}

// bufferAnswer reads a short answer and puts it back. It returns nil for one that is too long,
// compressed against our wish, or a stream.
func bufferAnswer(resp *http.Response) ([]byte, error) {
	if resp.Header.Get("Content-Encoding") != "" || resp.StatusCode == http.StatusSwitchingProtocols ||
		resp.ContentLength > maxRewritten || resp.Request.Method == http.MethodHead {
		return nil, nil
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, maxRewritten+1))
	if err != nil {
		return nil, err
	}
	if len(head) > maxRewritten {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
		return nil, nil
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(head))
	return head, nil
}

func setBody(resp *http.Response, body []byte) {
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.TransferEncoding = nil
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
}
