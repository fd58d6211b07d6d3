package sim

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Handler answers for the org, under whatever host it is called.
func (o *Org) Handler() http.Handler { return http.HandlerFunc(o.serve) }

func (o *Org) serve(w http.ResponseWriter, r *http.Request) {
	x := o.watch(w, r)
	defer x.done()
	if first := segments(r.URL); o.conf.Control && len(first) > 0 && first[0] == "sim" {
		o.control(x, r, first[1:])
		return
	}
	f, hit := o.faults.match(r.Method, r.URL.Path)
	if !hit {
		o.route(x, r)
		return
	}
	o.suffer(f, x, r)
}

// segments splits a path as the platform reads it: doubled and trailing slashes do not
// count, and an escaped slash does not divide.
func segments(u *url.URL) []string {
	var out []string
	for s := range strings.SplitSeq(u.EscapedPath(), "/") {
		if s == "" {
			continue
		}
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
		out = append(out, s)
	}
	return out
}

func (o *Org) route(w *exchange, r *http.Request) {
	if w.headTooLong(r) {
		return
	}
	p := segments(r.URL)
	at := func(i int) string {
		if i < len(p) {
			return strings.ToLower(p[i])
		}
		return ""
	}
	if o.crossOrigin(w, r, at(0), at(1)) {
		return
	}
	switch {
	case at(0) == "services" && at(1) == "oauth2":
		o.oauth(w, r, at(2))
	case at(0) == "services" && at(1) == "soap" && (at(2) == "u" || at(2) == "c"):
		o.soap(w, r, at(3))
	case at(0) == "id" && len(p) == 3:
		o.identity(w, r, p[1], p[2])
	case at(0) == "services" && at(1) == "data" && len(p) == 2:
		o.versions(w, r)
	case at(0) == "services" && at(1) == "data":
		o.data(w, r, p[2], p[3:])
	case at(0) == "services" && at(1) == "async" && len(p) > 3:
		o.bulk1(w, r, p[2], p[3:])
	case at(0) == "services" && at(1) == "apexrest" && o.conf.ApexREST != nil:
		if _, f := o.authorize(w, r); f != nil {
			w.refuse(r, f)
			return
		}
		o.conf.ApexREST.ServeHTTP(w, r)
	case at(0) == "sfc" && at(1) == "servlet.shepherd" && at(2) == "version" && at(3) == "download" && len(p) == 5:
		o.data(w, r, "v"+latestVersion, []string{"sobjects", "ContentVersion", p[4], "VersionData"})
	case at(0) == "services":
		w.refuse(r, notFound())
	default:
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, "<html><head><title>File not found</title></head><body>URL No Longer Exists</body></html>")
	}
}

// address is what addresses in the answer to r start with.
func (o *Org) address(r *http.Request) string {
	if o.conf.BaseURL != "" {
		return strings.TrimRight(o.conf.BaseURL, "/")
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// authorize finds the session of a call and counts the call.
func (o *Org) authorize(w *exchange, r *http.Request) (*session, *fault) {
	token := bearer(r)
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.sessions[token]
	if token == "" || s == nil || o.conf.Now().After(s.expires) {
		w.Header().Set("WWW-Authenticate", "Token")
		return nil, badSession()
	}
	w.line.User, w.line.Client = s.who.Username, s.client
	if s.who.Profile.NoAPI {
		return nil, newFault(http.StatusForbidden, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
	}
	if o.used >= o.conf.APILimit {
		w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", o.used, o.conf.APILimit))
		return nil, newFault(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
	}
	o.used++
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", o.used, o.conf.APILimit))
	return s, nil
}

// bearer returns the token of a request: Bearer, the older OAuth scheme, or the header
// of the first Bulk API.
func bearer(r *http.Request) string {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if found && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "OAuth")) {
		return strings.TrimSpace(token)
	}
	return r.Header.Get("X-SFDC-Session")
}

// data answers a call under /services/data/vXX.X.
func (o *Org) data(w *exchange, r *http.Request, version string, p []string) {
	s, f := o.authorize(w, r)
	if f != nil {
		w.refuse(r, f)
		return
	}
	number, f := apiVersion(version)
	if f != nil {
		w.refuse(r, f)
		return
	}
	c := &call{method: r.Method, path: p, query: r.URL.Query(), header: r.Header}
	if m := c.query.Get("_HttpMethod"); m != "" && r.Method == http.MethodPost {
		c.method = strings.ToUpper(m)
	}
	if last := len(p) - 1; last >= 0 { // .json and .xml choose the form of the answer
		for _, suffix := range []string{".json", ".xml"} {
			if bare, has := strings.CutSuffix(p[last], suffix); has && !strings.EqualFold(p[0], "query") {
				p[last] = bare
				w.xml = suffix == ".xml"
			}
		}
	}
	var err error
	c.body, err = o.readBody(r, c)
	defer c.body.discard(o)
	if err != nil {
		w.refuse(r, asFault(err))
		return
	}

	o.mu.Lock()
	c.tx = o.begin(s.who)
	c.tx.version, c.tx.instance, c.tx.source = number, o.address(r), c.body.text
	a, err := c.dispatch()
	if err != nil {
		c.tx.rollback(0)
		a = refusal(asFault(err))
	}
	var source io.ReadSeekCloser
	if a.blob != nil {
		source, err = a.blob.open() // while nobody can remove it
	}
	o.mu.Unlock()
	c.tx.tell()
	switch {
	case err != nil && a.blob != nil:
		w.refuse(r, asFault(err))
	case source != nil:
		defer source.Close()
		w.stream(r, a, source)
	default:
		w.answer(r, a)
	}
}

// exchange is one request and its answer, as the log will tell of it.
type exchange struct {
	http.ResponseWriter
	o      *Org
	body   *meter
	line   Logged
	logged bool
	xml    bool // the answer is wanted as XML, because the path said so
	start  time.Time
}

func (o *Org) watch(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, o: o, start: time.Now()}
	x.body = newMeter(r.Body)
	r.Body = x.body
	x.line = Logged{At: x.start, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Host: r.Host, Header: headersOfInterest(r.Header)}
	return x
}

// WriteHeader logs the request first, so that whoever has the answer finds the line.
func (x *exchange) WriteHeader(status int) {
	x.record(status)
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	x.record(http.StatusOK)
	return x.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) record(status int) {
	if x.logged {
		return
	}
	x.logged = true
	x.line.Status = status
	x.line.Took = time.Since(x.start)
	x.line.Size, x.line.SHA256, x.line.Whole = x.body.result()
	x.o.log.add(x.line)
}

// done logs a request that was never answered.
func (x *exchange) done() { x.record(0) }

func (x *exchange) refuse(r *http.Request, f *fault) { x.answer(r, refusal(f)) }

// answer writes an answer in the form and encoding the caller asked for.
func (x *exchange) answer(r *http.Request, a *answer) {
	// Clients that are still sending would lose the answer: hear them out, within reason.
	io.CopyN(io.Discard, r.Body, 64<<20)

	h := x.Header()
	for k, v := range a.header {
		h[k] = v
	}
	if a.raw == nil && (a.body == nil || a.status == http.StatusNoContent) {
		x.WriteHeader(a.status)
		return
	}
	text, err := a.raw, error(nil)
	switch {
	case text != nil:
	case x.xml || wantsXML(r.Header.Get("Accept")):
		h.Set("Content-Type", "application/xml;charset=UTF-8")
		text = encodeXML(a)
	default:
		h.Set("Content-Type", "application/json;charset=UTF-8")
		if text, err = marshal(a.body); err != nil {
			http.Error(x, err.Error(), http.StatusInternalServerError)
			return
		}
		if p := r.Header.Get("X-PrettyPrint"); p == "1" || p == "true" {
			var b bytes.Buffer
			if json.Indent(&b, text, "", "  ") == nil {
				text = b.Bytes()
			}
		}
	}
	h.Set("Cache-Control", "no-cache,must-revalidate,max-age=0,no-store,private")
	if acceptsGzip(r) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(text) // a bytes.Buffer does not fail
		z.Close()
		text = b.Bytes()
		h.Set("Content-Encoding", "gzip")
		h.Add("Vary", "Accept-Encoding")
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	x.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		x.Write(text)
	}
}

// stream writes bytes of a file.
func (x *exchange) stream(r *http.Request, a *answer, from io.Reader) {
	h := x.Header()
	for k, v := range a.header {
		h[k] = v
	}
	h.Set("Content-Length", strconv.FormatInt(a.blob.size, 10))
	x.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		io.Copy(x, from) // a caller that went away is no error of the org's
	}
}

func wantsXML(accept string) bool {
	first, _, _ := strings.Cut(accept, ",")
	first, _, _ = strings.Cut(first, ";")
	return slices.Contains([]string{"application/xml", "text/xml"}, strings.TrimSpace(strings.ToLower(first)))
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") && strings.ReplaceAll(q, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
