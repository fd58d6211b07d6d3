package inline

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/cordonhq/cordon"
)

// elsewhere is a host that nothing may be taken to.
func elsewhere(t *testing.T) (*httptest.Server, *int) {
	var seen int
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen++
	}))
	t.Cleanup(s.Close)
	return s, &seen
}

func TestNobodyIsLedPastTheGateway(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, o := range map[string]ordinary{
			"token":     {"", "POST", "/services/oauth2/token", "grant_type=client_credentials&client_id=demo"},
			"authorize": {"", "GET", "/services/oauth2/authorize?client_id=demo&redirect_uri=https%3A%2F%2Fportal.example%2Fback", ""},
			"read":      {"", "GET", dataPath + "/limits", ""},
			"page":      {"", "GET", "/secur/frontdoor.jsp?sid=x", ""},
			"sso":       {"", "GET", "/services/auth/sso/idp", ""},
			"record":    {"", "POST", dataPath + "/sobjects/Case", `{"Subject":"s"}`},
			"upload":    {"", "POST", cvPath, cvJSON(plain)},
			"fields":    {"", "PATCH", cvPath + "/068xx0000000001AAA", `{"Title":"t"}`},
			"batch":     {"", "POST", dataPath + "/composite/batch", `{"batchRequests":[{"method":"GET","url":"v64.0/limits"}]}`},
			"SOAP":      {"", "POST", "/services/Soap/u/64.0", `<e:Envelope xmlns:e="x"><e:Body><query><q>x</q></query></e:Body></e:Envelope>`},
		} {
			for kind, describes := range map[string]bool{"all moved": false, "only the answer": true} {
				t.Run(fmt.Sprint(status, " ", name, ", ", kind), func(t *testing.T) {
					other, seen := elsewhere(t)
					var log bytes.Buffer
					alarms := 0
					s := newStand(t, func(c *Config) {
						c.Moved = func(cordon.TenantID) { alarms++ }
						c.Log = slog.New(slog.NewTextHandler(&log, nil))
					})
					s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
						if describes && strings.HasSuffix(r.URL.Path, "/describe") || describes && strings.HasSuffix(r.URL.Path, "userinfo") {
							return false
						}
						w.Header().Set("Location", other.URL+r.URL.RequestURI())
						w.WriteHeader(status)
						return true
					}
					typ := jsonType
					switch name {
					case "token":
						typ = "application/x-www-form-urlencoded"
					case "SOAP":
						typ = "text/xml"
					}
					var body io.Reader
					if o.body != "" {
						body = strings.NewReader(o.body)
					}
					a := s.do(t, o.method, o.uri, typ, body)
					if a.status != 502 && !(name == "SOAP" && a.status == 500) || !strings.Contains(a.body, "The org has moved") {
						t.Errorf("%d %s", a.status, a.body)
					}
					if a.header.Get("Location") != "" || *seen != 0 {
						t.Errorf("Location %q, %d requests elsewhere", a.header.Get("Location"), *seen)
					}
					if alarms == 0 || !strings.Contains(log.String(), "level=ERROR") || strings.Contains(log.String(), token) {
						t.Errorf("%d alarms, log %s", alarms, log.String())
					}
					if name == "upload" && describes && s.line.item(t).State != cordon.RefusedUpstream {
						t.Errorf("the item is %s", s.line.item(t).State)
					}
				})
			}
		}
	}
}

// TestRedirectsWithinTheOrg leads them here, and signing in to where it has to go.
func TestRedirectsWithinTheOrg(t *testing.T) {
	for name, test := range map[string]struct{ uri, location, want string }{
		"own host":             {dataPath + "/x", "https://acme.my.salesforce.com/y?z=1", "$/y?z=1"},
		"path":                 {dataPath + "/x", "/y", "/y"},
		"file host":            {dataPath + "/x", "https://acme.file.force.com/y", "$/y"},
		"lightning":            {dataPath + "/x", "https://acme.lightning.force.com/y", "$/y"},
		"a package's pages":    {dataPath + "/x", "https://acme--c.vf.force.com/y", "$/y"},
		"own host, by itself":  {dataPath + "/x", "https://acme.my.salesforce.com" + dataPath + "/x", ""},
		"another org":          {dataPath + "/x", "https://acme2.my.salesforce.com/y", ""},
		"looks like the org":   {dataPath + "/x", "https://acme.my.salesforce.com.example/y", ""},
		"user in the address":  {dataPath + "/x", "https://acme.my.salesforce.com@evil.example/y", ""},
		"no scheme":            {dataPath + "/x", "//evil.example/y", ""},
		"backslashes":          {dataPath + "/x", `\\evil.example/y`, ""},
		"slash and backslash":  {dataPath + "/x", `/\evil.example/y`, ""},
		"unreadable":           {dataPath + "/x", "https://[evil", ""},
		"another scheme":       {dataPath + "/x", "app://back", ""},
		"back to the client":   {"/services/oauth2/authorize?redirect_uri=https%3A%2F%2Fportal.example%2Fback", "https://portal.example/back?code=1", "="},
		"back to an app":       {"/services/oauth2/authorize?redirect_uri=app%3A%2F%2Fback", "app://back?code=1", "="},
		"back to another":      {"/services/oauth2/authorize?redirect_uri=https%3A%2F%2Fportal.example%2Fback", "https://evil.example/back?code=1", ""},
		"identity provider":    {"/services/auth/sso/idp", "https://idp.example/login", "="},
		"identity in the open": {"/services/auth/sso/idp", "http://idp.example/login", ""},
		"provider of no API":   {dataPath + "/x", "https://idp.example/login", ""},
	} {
		t.Run(name, func(t *testing.T) {
			upstream, _ := url.Parse("https://acme.my.salesforce.com")
			s := newStand(t, func(c *Config) {
				c.Tenants[0].Upstream = upstream
				c.Tenants[0].Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
					h := http.Header{"Location": {test.location}}
					return &http.Response{StatusCode: 302, Header: h, Body: http.NoBody, Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
				})
			})
			a := s.do(t, "GET", test.uri, "", nil)
			want := strings.Replace(test.want, "$", s.URL, 1)
			if want == "=" {
				want = test.location
			}
			if got := a.header.Get("Location"); got != want || (a.status == 302) != (want != "") {
				t.Errorf("%d Location %q, want %q", a.status, got, want)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestAddressesOfFilesLeadHere reads them out of records of every shape, short and streamed.
func TestAddressesOfFilesLeadHere(t *testing.T) {
	file := "%s/sfc/servlet.shepherd/version/download/068xx0000000001AAA"
	text := `"Description":"see ` + file + `"`
	for name, test := range map[string]struct{ method, uri, typ, body, answer, changed string }{
		"record":      {"GET", cvPath + "/068xx0000000001AAA?fields=VersionDataUrl", "", "", `{` + text + `,"VersionDataUrl":"` + file + `"}`, "VersionDataUrl"},
		"query":       {"GET", dataPath + "/query?q=x", "", "", `{"nextRecordsUrl" : "%s/services/data/v64.0/query/01g-2","records":[{"VersionDataUrl":"` + file + `",` + text + `},{"VersionDataUrl":null,` + text + `}]}`, "both"},
		"escaped":     {"GET", dataPath + "/query?q=x", "", "", `{"records":[{"VersionDataUrl":"` + strings.ReplaceAll(file, "/", `\/`) + `"}]}`, "VersionDataUrl"},
		"XML":         {"GET", cvPath + "/068xx0000000001AAA", "application/xml", "", `<x><Description>see ` + file + `</Description><VersionDataUrl>` + file + `</VersionDataUrl></x>`, "VersionDataUrl"},
		"user pages":  {"GET", dataPath + "/ui-api/records/068xx0000000001AAA", "", "", `{"fields":{"VersionDataUrl":{"displayValue":null,"value":"` + file + `"}}}`, "VersionDataUrl"},
		"composite":   {"POST", dataPath + "/composite", jsonType, `{"compositeRequest":[{"method":"GET","referenceId":"r","url":"` + cvPath + `/068xx0000000001AAA"}]}`, `{"compositeResponse":[{"body":{"VersionDataUrl":"` + file + `",` + text + `}}]}`, "VersionDataUrl"},
		"retrieve":    {"POST", dataPath + "/composite/sobjects/ContentVersion", jsonType, `{"ids":["068xx0000000001AAA"],"fields":["VersionDataUrl"]}`, `[{"VersionDataUrl":"` + file + `"}]`, "VersionDataUrl"},
		"SOAP":        {"POST", "/services/Soap/u/64.0", "text/xml", `<e:Envelope xmlns:e="x"><e:Body><query><q>x</q></query></e:Body></e:Envelope>`, `<x><sf:VersionDataUrl>` + file + `</sf:VersionDataUrl></x>`, "VersionDataUrl"},
		"other host":  {"GET", dataPath + "/query?q=x", "", "", `{"records":[{"VersionDataUrl":"https://elsewhere.example/x"}]}`, ""},
		"other value": {"GET", dataPath + "/query?q=x", "", "", `{"records":[{"VersionDataUrl":null,"Link":"` + file + `"}]}`, ""},
	} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprint(name, streamed), func(t *testing.T) {
				s := newStand(t, nil)
				pad := ""
				if streamed {
					pad = strings.Repeat(" ", 70_001)
				}
				s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
					if strings.HasPrefix(test.answer, "<") {
						w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
					}
					answer := strings.ReplaceAll(test.answer, "%s", s.org.URL)
					if strings.Contains(answer, `\/`) {
						answer = strings.ReplaceAll(answer, s.org.URL, strings.ReplaceAll(s.org.URL, "/", `\/`))
					}
					for i := range len(answer) { // in the smallest pieces
						io.WriteString(w, answer[i:i+1])
						if streamed && i%7 == 0 {
							w.(http.Flusher).Flush()
						}
					}
					io.WriteString(w, pad)
					return true
				}
				var body io.Reader
				if test.body != "" {
					body = strings.NewReader(test.body)
				}
				a := s.do(t, test.method, test.uri, test.typ, body)
				want := strings.ReplaceAll(test.answer, "%s", s.org.URL)
				if strings.Contains(want, `\/`) {
					want = strings.Replace(test.answer, "%s", s.URL, 1)
					want = strings.ReplaceAll(want, `\/`, "/")
				}
				if test.changed != "" {
					for _, lead := range []string{`"VersionDataUrl":"`, `VersionDataUrl>`, `"VersionDataUrl":{"displayValue":null,"value":"`, `"nextRecordsUrl" : "`} {
						want = strings.ReplaceAll(want, lead+s.org.URL, lead+s.URL)
					}
				}
				if a.body != want+pad {
					t.Errorf("%s\nwant %s", strings.TrimSpace(a.body), want)
				}
				if length := a.header.Get("Content-Length"); length != "" && length != fmt.Sprint(len(a.body)) {
					t.Errorf("Content-Length %s of %d", length, len(a.body))
				}
			})
		}
	}
}

// FuzzAddresses holds that streaming an answer amends what amending it whole does.
func FuzzAddresses(f *testing.F) {
	f.Add([]byte(`{"VersionDataUrl":"https://acme.my.salesforce.com/x","nextRecordsUrl":"https://acme.my.salesforce.com/y"}`), 3)
	f.Add([]byte(`VersionDataUrl>https:VersionDataUrl":{"value":"http://a.my.salesforce.com`), 1)
	upstream, _ := url.Parse("https://acme.my.salesforce.com")
	t := &tenant{Tenant: Tenant{Upstream: upstream}, aliases: map[string]bool{}}
	c := &call{tenant: t, host: "gateway.example"}
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		whole, _ := c.amendText(text)
		piece = max(1, min(piece, 1<<10))
		streamed, err := io.ReadAll(&addressReader{c: c, r: &pieces{bytes.NewReader(text), piece}})
		if err != nil || len(text) < addressWindow && !bytes.Equal(whole, streamed) {
			t.Errorf("%v\n%q\n%q", err, whole, streamed)
		}
	})
}

type pieces struct {
	r *bytes.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

func TestScriptsMayReadTheGatewaysOwnAnswers(t *testing.T) {
	const origin = "https://portal.example"
	allowed := func(w http.ResponseWriter) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Access-Control-Expose-Headers", "Sforce-Limit-Info")
	}
	for name, test := range map[string]struct {
		method, uri, body string
		allow             func(http.ResponseWriter, *http.Request) bool
		status            int
		may               bool
	}{
		"held":              {"POST", cvPath, cvJSON(photo), func(_ http.ResponseWriter, r *http.Request) bool { return true }, 400, true},
		"passed":            {"POST", cvPath, cvJSON(plain), func(_ http.ResponseWriter, r *http.Request) bool { return true }, 201, true},
		"refused":           {"POST", "/services/apexrest/x", `{}`, func(_ http.ResponseWriter, r *http.Request) bool { return true }, 400, true},
		"method":            {"PUT", cvPath, cvJSON(plain), func(_ http.ResponseWriter, r *http.Request) bool { return true }, 405, true},
		"by preflight only": {"POST", cvPath, cvJSON(photo), func(_ http.ResponseWriter, r *http.Request) bool { return r.Method == "OPTIONS" }, 400, true},
		"not listed":        {"POST", cvPath, cvJSON(photo), func(http.ResponseWriter, *http.Request) bool { return false }, 400, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			asked := 0
			s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				if r.Method == "OPTIONS" {
					asked++
					if r.Header.Get("Authorization") != "" {
						t.Error("a preflight has no credentials")
					}
				}
				if r.Header.Get("Origin") == origin && test.allow(w, r) {
					allowed(w)
				}
				return false
			}
			for range 2 {
				a := s.do(t, test.method, test.uri, jsonType, strings.NewReader(test.body), "Origin", origin)
				if a.status != test.status {
					t.Fatalf("%d %s", a.status, a.body)
				}
				h := a.header
				if got := h.Get("Access-Control-Allow-Origin") == origin; got != test.may {
					t.Errorf("%v", h)
				}
				exposed := strings.Join(h["Access-Control-Expose-Headers"], ",")
				if test.may && (!strings.Contains(exposed, ReceiptHeader) || !strings.Contains(exposed, "Sforce-Limit-Info") ||
					h.Get("Access-Control-Allow-Credentials") != "true") || !test.may && exposed != "" {
					t.Errorf("%v", h)
				}
				if len(h["Access-Control-Allow-Origin"]) > 1 {
					t.Errorf("said twice: %v", h)
				}
			}
			if asked > 1 {
				t.Errorf("asked %d times", asked)
			}
			other := s.do(t, test.method, test.uri, jsonType, strings.NewReader(test.body), "Origin", "https://evil.example")
			if v := other.header.Get("Access-Control-Allow-Origin"); v != "" {
				t.Errorf("another origin may read, as %q", v)
			}
		})
	}
}

func TestGatewayFollowsNoRedirectItself(t *testing.T) {
	other, seen := elsewhere(t)
	s := newStand(t, nil)
	s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	}
	c := s.gateway.tenants["127.0.0.1"].callers
	creds := credentials{authorization: "Bearer " + token}
	if _, err := c.describe(context.Background(), creds, "64.0", "Case"); err == nil || *seen != 0 {
		t.Errorf("%v, %d requests elsewhere", err, *seen)
	}
}
