package sim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// desk is a client of an org that runs for one test.
type desk struct {
	*testing.T
	org    *sim.Org
	server *httptest.Server
	token  string
}

func open(t *testing.T, conf sim.Config) *desk {
	t.Helper()
	org := sim.NewOrg(conf)
	server := httptest.NewServer(org.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := org.Close(); err != nil {
			t.Error(err)
		}
	})
	return &desk{T: t, org: org, server: server, token: org.Token(conf.Users[0].Username)}
}

// as returns the same desk with somebody else at it.
func (d *desk) as(username string) *desk {
	d.Helper()
	other := *d
	if other.token = d.org.Token(username); other.token == "" {
		d.Fatalf("no user %s", username)
	}
	return &other
}

const v64 = "/services/data/v64.0"

type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// send sends a request with the desk's token. Body is nil, bytes, a string, or what
// json.Marshal takes. Headers come in pairs.
func (d *desk) send(method, path string, body any, headers ...string) reply {
	d.Helper()
	r, err := d.try(method, path, body, headers...)
	if err != nil {
		d.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (d *desk) try(method, path string, body any, headers ...string) (reply, error) {
	d.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	case []byte:
		in = bytes.NewReader(b)
	case io.Reader:
		in = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			d.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	if strings.HasPrefix(path, "/sobjects") || strings.HasPrefix(path, "/query") || strings.HasPrefix(path, "/composite") ||
		strings.HasPrefix(path, "/jobs") || strings.HasPrefix(path, "/limits") || strings.HasPrefix(path, "/connect") {
		path = v64 + path
	}
	req, err := http.NewRequest(method, d.server.URL+path, in)
	if err != nil {
		d.Fatal(err)
	}
	if d.token != "" {
		req.Header.Set("Authorization", "Bearer "+d.token)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return reply{d.T, res.StatusCode, res.Header, text}, err
}

// want checks the status and returns the decoded body.
func (r reply) want(status int) map[string]any {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	var out map[string]any
	if len(r.body) > 0 && r.body[0] == '{' {
		if err := json.Unmarshal(r.body, &out); err != nil {
			r.t.Fatalf("%v: %s", err, r.body)
		}
	}
	return out
}

// refused checks that the reply is a native error of the code, and returns its message.
func (r reply) refused(status int, code string) string {
	r.t.Helper()
	var list []struct {
		Message, ErrorCode string
	}
	if err := json.Unmarshal(r.body, &list); err != nil || len(list) != 1 {
		r.t.Fatalf("no native error (%v): %d %s", err, r.status, r.body)
	}
	if r.status != status || list[0].ErrorCode != code {
		r.t.Fatalf("refused with %d %s (%s), want %d %s", r.status, list[0].ErrorCode, list[0].Message, status, code)
	}
	return list[0].Message
}

// create makes a record and returns its id.
func (d *desk) create(object string, values map[string]any) string {
	d.Helper()
	return d.send("POST", "/sobjects/"+object, values).want(201)["id"].(string)
}

// query returns the records of a query.
func (d *desk) query(soql string) []map[string]any {
	d.Helper()
	got := d.send("GET", "/query?q="+url.QueryEscape(soql), nil).want(200)
	var out []map[string]any
	for _, r := range got["records"].([]any) {
		out = append(out, r.(map[string]any))
	}
	return out
}

func (d *desk) queryAll(soql string) []any {
	d.Helper()
	return d.send("GET", "/queryAll?q="+url.QueryEscape(soql), nil).want(200)["records"].([]any)
}

// root finds the top of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		t.Fatal("no go.mod above the test")
	}
}

// localRequest and serve call a handler without a network, for fuzzing.
func localRequest(method, target string, body io.Reader, token string) *http.Request {
	r := httptest.NewRequest(method, "http://org.example"+target, body)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
