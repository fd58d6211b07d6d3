package inline

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// answerWith makes the org answer every request so; %s is the org's own address.
func (s *stand) answerWith(body string) {
	s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		io.WriteString(w, strings.ReplaceAll(body, "%s", s.org.URL))
		return true
	}
}

func TestTokenAnswerKeepsTheClientHere(t *testing.T) {
	s := newStand(t, nil)
	s.answerWith(`{"access_token":"00D!x","instance_url":"https://na1.example.com","id":"https://login.example.com/id/00Dx/005x","token_type":"Bearer","sfdc_community_url":"https://community.example.com/p","other":"https://elsewhere.example.com/"}`)
	for name, form := range map[string]string{
		"form":  "grant_type=password&client_id=portal&client_secret=s",
		"basic": "grant_type=client_credentials",
		"jwt":   "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=e30.eyJpc3MiOiJwb3J0YWwifQ.c2ln",
	} {
		t.Run(name, func(t *testing.T) {
			clear(s.line.clients)
			headers := []string{"Authorization", ""}
			if name == "basic" {
				headers = []string{"Authorization", "", "Authorization", "Basic cG9ydGFsOnNlY3JldA=="}
			}
			a := s.do(t, "POST", "/services/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form), headers...)
			want := fmt.Sprintf(`{"access_token":"00D!x","instance_url":"%[1]s","id":"%[1]s/id/00Dx/005x","token_type":"Bearer","sfdc_community_url":"%[1]s/p","other":"https://elsewhere.example.com/"}`, s.URL)
			if a.body != want || a.header.Get("Content-Length") != fmt.Sprint(len(want)) {
				t.Errorf("%s\nwant %s", a.body, want)
			}
			if s.line.clients["00D!x"] != "portal" {
				t.Errorf("clients %v", s.line.clients)
			}
		})
	}
}

func TestAddressesInAnswers(t *testing.T) {
	for name, test := range map[string]struct{ method, uri, typ, body, answer, want string }{
		"identity": {"GET", "/id/00Dx/005x", "", "", `{"id":"%s/id/00Dx/005x","urls":{"rest":"%s/services/data/v{version}/","profile":"%s/005x"},"sub":"%s/id/x"}`,
			`{"id":"$/id/00Dx/005x","urls":{"rest":"$/services/data/v{version}/","profile":"%s/005x"},"sub":"%s/id/x"}`},
		"version root": {"GET", "/services/data/v64.0/", "", "", `{"sobjects":"/services/data/v64.0/sobjects","identity":"https://login.example.com/id/1/2"}`,
			`{"sobjects":"/services/data/v64.0/sobjects","identity":"$/id/1/2"}`},
		"soap login": {"POST", "/services/Soap/u/64.0", "text/xml", `<e:Envelope xmlns:e="x"><e:Body><login><username>u</username></login></e:Body></e:Envelope>`,
			`<x><metadataServerUrl>%s/services/Soap/m/64.0/00D</metadataServerUrl><sf:serverUrl>https://na1.example.com/services/Soap/u/64.0/00D</sf:serverUrl></x>`,
			`<x><metadataServerUrl>$/services/Soap/m/64.0/00D</metadataServerUrl><sf:serverUrl>$/services/Soap/u/64.0/00D</sf:serverUrl></x>`},
		"next page": {"GET", "/services/data/v64.0/query?q=x", "", "", `{"totalSize":3,"done":false,"nextRecordsUrl":"%s/services/data/v64.0/query/01g-2","records":[{"Link":"%s"}]}`,
			`{"totalSize":3,"done":false,"nextRecordsUrl":"$/services/data/v64.0/query/01g-2","records":[{"Link":"%s"}]}`},
		"other answers stay": {"GET", "/services/data/v64.0/sobjects/Case/1", "", "", `{"Link":"%s/x"}`, `{"Link":"%s/x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			s.answerWith(test.answer)
			var body io.Reader
			if test.body != "" {
				body = strings.NewReader(test.body)
			}
			a := s.do(t, test.method, test.uri, test.typ, body)
			want := strings.ReplaceAll(strings.ReplaceAll(test.want, "$", s.URL), "%s", s.org.URL)
			if name == "identity" { // the page of the profile is the org's own, once that name is known
				want = strings.ReplaceAll(want, `"profile":"`+s.org.URL, `"profile":"`+s.URL)
			}
			if a.body != want {
				t.Errorf("%s\nwant %s", a.body, want)
			}
		})
	}
}

func TestRedirectsLeadHere(t *testing.T) {
	s := newStand(t, nil)
	s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		w.Header().Set("Location", s.org.URL+"/services/data/v64.0/x?y#z")
		w.WriteHeader(http.StatusFound)
		return true
	}
	if a := s.do(t, "GET", "/services/data/v64.0/limits", "", nil); a.header.Get("Location") != s.URL+"/services/data/v64.0/x?y#z" {
		t.Errorf("Location %q", a.header.Get("Location"))
	}
}

func TestCompressedAnswersPassUntouched(t *testing.T) {
	s := newStand(t, nil)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, `{"records":[]}`)
	w.Close()
	s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("asked for %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(z.Bytes())
		return true
	}
	a := s.do(t, "GET", "/services/data/v64.0/sobjects", "", nil, "Accept-Encoding", "gzip")
	if a.body != z.String() || a.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%q %v", a.body, a.header)
	}
}

func TestPassThroughIsTransparent(t *testing.T) {
	s := newStand(t, nil)
	s.do(t, "GET", "/services/data//v64.0/query/?q=a;b%zz&c", "", nil,
		"X-Forwarded-For", "10.1.2.3", "X-Odd", "one", "X-Odd", "two", "Connection", "X-Hop", "X-Hop", "gone", "X-Http-Method", "PATCH", "Upgrade", "h2c")
	got := s.org.got[0]
	if got.uri != "/services/data//v64.0/query/?q=a;b%zz&c" {
		t.Errorf("address %q", got.uri)
	}
	if strings.Join(got.header["X-Odd"], ",") != "one,two" || strings.Join(got.header["X-Forwarded-For"], ", ") != "10.1.2.3, 127.0.0.1" {
		t.Errorf("headers %v", got.header)
	}
	for _, h := range []string{"X-Hop", "X-Http-Method", "Upgrade"} {
		if got.header.Get(h) != "" {
			t.Errorf("%s travelled on", h)
		}
	}
}

func TestStreamsArePassedAsTheyCome(t *testing.T) {
	s := newStand(t, nil)
	more := make(chan struct{})
	s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		io.WriteString(w, "first;")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, "second")
		return true
	}
	resp, err := s.Client().Post(s.URL+"/cometd/64.0", "application/json", strings.NewReader(`[{"channel":"/meta/connect"}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first;" {
		t.Fatalf("%q %v", first, err)
	}
	close(more)
	if rest, _ := io.ReadAll(resp.Body); string(rest) != "second" {
		t.Errorf("then %q", rest)
	}
}

func TestWebsocketsPass(t *testing.T) {
	s := newStand(t, nil)
	s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return true
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		rw.Flush()
		line, _ := rw.ReadString('\n')
		io.WriteString(conn, "echo "+line)
		return true
	}
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /cometd/64.0 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%+v, %v", resp, err)
	}
	io.WriteString(conn, "hello\n")
	if line, err := br.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

func TestBulkRows(t *testing.T) {
	const job = "750xx000000015AAAA"
	open := func(s *stand) {
		s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == "POST" {
				io.WriteString(w, `{"id":"`+job+`","object":"Account","operation":"insert","state":"Open"}`)
				return true
			}
			return false
		}
		if a := s.do(t, "POST", "/services/data/v64.0/jobs/ingest", jsonType, strings.NewReader(`{"object":"Account","operation":"insert"}`)); a.status != 200 {
			t.Fatalf("opening: %d %s", a.status, a.body)
		}
		s.org.got, s.org.answer = nil, nil
	}
	rows := "Name,Description\n" + strings.Repeat("Acme,\"plain \"\"text\"\"\"\n", 20_000)
	uri := "/services/data/v64.0/jobs/ingest/" + job + "/batches"
	t.Run("without media", func(t *testing.T) {
		s := newStand(t, nil)
		open(s)
		a := s.do(t, "PUT", uri, "text/csv", struct{ io.Reader }{strings.NewReader(rows)})
		if a.status != 200 || len(s.org.writes()) != 1 || string(s.org.write(t).body) != rows || s.line.touched["portal passed"] != 2 {
			t.Errorf("%d %s %v", a.status, a.body, s.line.touched)
		}
	})
	t.Run("compressed", func(t *testing.T) {
		s := newStand(t, nil)
		open(s)
		a := s.do(t, "PUT", uri, "text/csv", strings.NewReader(zipped(rows)), "Content-Encoding", "gzip")
		if a.status != 200 || string(s.org.write(t).body) != rows {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("in UTF-16", func(t *testing.T) {
		s := newStand(t, nil)
		open(s)
		if a := s.do(t, "PUT", uri, "text/csv", strings.NewReader(inUTF16(rows+"data:image/png;base64,AAAA"))); a.status != 400 || len(s.org.writes()) != 0 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	for name, at := range map[string]string{"at the start": rows[:40], "far down": rows} {
		t.Run("with a picture "+name, func(t *testing.T) {
			s := newStand(t, nil)
			open(s)
			a := s.do(t, "PUT", uri, "text/csv", strings.NewReader(at+"x,\"<img src='data:image/png;base64,"+b64(photo)+"'>\"\n"+rows))
			if a.code(t) != "FIELD_CUSTOM_VALIDATION_EXCEPTION" || len(s.org.writes()) != 0 {
				t.Errorf("%d %s, %d writes", a.status, a.body, len(s.org.writes()))
			}
		})
	}
	t.Run("job opened elsewhere", func(t *testing.T) {
		s := newStand(t, nil)
		s.org.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == "GET" {
				io.WriteString(w, `{"id":"`+job+`","object":"Account"}`)
			}
			return r.Method == "GET"
		}
		if a := s.do(t, "PUT", uri, "text/csv", strings.NewReader(rows)); a.status != 200 || string(s.org.write(t).body) != rows {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestReadsAndPlainCallsPass(t *testing.T) {
	for name, test := range map[string]struct{ uri, typ, body string }{
		"soap query":     {"/services/Soap/u/64.0/00D", "text/xml; charset=UTF-8", `<e:Envelope xmlns:e="x"><e:Header><SessionHeader/></e:Header><e:Body><query><queryString>SELECT Id FROM Case</queryString></query></e:Body></e:Envelope>`},
		"graphql query":  {"/services/data/v64.0/graphql", jsonType, `{"query":"query a { uiapi { query { Case { edges { node { Id } } } } } }"}`},
		"flow":           {"/services/data/v64.0/actions/custom/flow/Intake", jsonType, `{"inputs":[{"caseId":"500xx000000bZzZAAU","note":"a short text"}]}`},
		"scim":           {"/services/scim/v2/Users", "application/scim+json", `{"userName":"u@example.com","name":{"familyName":"x"}}`},
		"ui-api":         {"/services/data/v64.0/ui-api/records", jsonType, `{"apiName":"Case","fields":{"Subject":"s"}}`},
		"bulk 1 job":     {"/services/async/64.0/job", "application/xml", `<jobInfo><operation>insert</operation><object>Account</object></jobInfo>`},
		"batch":          {"/services/data/v64.0/composite/batch", jsonType, `{"batchRequests":[{"method":"GET","url":"v64.0/sobjects/Case/1"},{"method":"PATCH","url":"v64.0/sobjects/Case/1","richInput":{"Subject":"s"}}]}`},
		"graph":          {"/services/data/v64.0/composite/graph", jsonType, `{"graphs":[{"graphId":"1","compositeRequest":[{"method":"POST","url":"/services/data/v64.0/sobjects/Case","referenceId":"r","body":{"Subject":"s"}}]}]}`},
		"tree":           {"/services/data/v64.0/composite/tree/Account", jsonType, `{"records":[{"attributes":{"type":"Account","referenceId":"r"},"Name":"n","Contacts":{"records":[{"attributes":{"type":"Contact","referenceId":"s"},"LastName":"l"}]}}]}`},
		"case as XML":    {"/services/data/v64.0/sobjects/Case", "application/xml", `<Case><Subject>s</Subject></Case>`},
		"composite file": {"/services/data/v64.0/composite", jsonType, `{"compositeRequest":[{"method":"PATCH","url":"` + cvPath + `/068xx0000000001AAA","referenceId":"r","body":{"Title":"new"}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			a := s.do(t, "POST", test.uri, test.typ, strings.NewReader(test.body))
			if a.status >= 300 || string(s.org.write(t).body) != test.body {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

func TestRouteByClient(t *testing.T) {
	s := newStand(t, func(c *Config) {
		r := declared("lab", nil)
		r.Match = []cordon.Match{{Client: "lab-app", Object: "contentversion"}}
		c.Tenants[0].Routes = []cordon.Route{r}
	})
	s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain)))
	s.line.clients[token] = "lab-app"
	s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain)))
	if got, _ := json.Marshal(s.line.touched); string(got) != `{"lab inspected":1,"unknown inspected":1}` {
		t.Errorf("touched %s", got)
	}
}

// TestAProxyInFrontIsBelievedOnlyWhereItIsDeclared reads what a proxy that ends TLS says of the client.
func TestAProxyInFrontIsBelievedOnlyWhereItIsDeclared(t *testing.T) {
	for _, trust := range []bool{false, true} {
		s := newStand(t, func(c *Config) { c.TrustProxy = trust })
		headers := []string{"X-Forwarded-Proto", "https", "X-Forwarded-For", "10.9.9.9, 10.1.2.3"}
		s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(photo)), headers...)
		s.answerWith(`{"access_token":"x","instance_url":"%s"}`)
		a := s.do(t, "POST", "/services/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader("client_id=c"), headers...)
		address := s.line.arrivals[0].Personal.Address
		if strings.Contains(a.body, `"https://127.0.0.1`) != trust || (address == "10.1.2.3") != trust || !trust && address != "127.0.0.1" {
			t.Errorf("trusted %v: %s, address %q", trust, a.body, address)
		}
	}
}
