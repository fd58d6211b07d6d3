package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// world is an org, a gateway in front of it, and people who use both.
type world struct {
	t       testing.TB
	org     *sim.Org
	orgURL  string
	app     *app.App
	dir     string // holds data and keys
	gateway string
	console string
	caller  string // access token of the integration user
	token   string // API token of a reviewer

	conf    app.Config
	options app.Options
}

// reviewerToken is an API token for tests; it opens nothing outside them.
var reviewerToken = string(account.NewToken())

// ownApp is the connected app that Cordon itself uses in tests.
func ownApp(conf sim.Config) sim.Config {
	full := sim.Access{Create: true, Read: true, Edit: true, Delete: true, ViewAll: true, ModifyAll: true}
	conf.Users = append(conf.Users, sim.User{Username: "cordon@example.com", Password: "not used",
		FirstName: "Cordon", LastName: "Service", Profile: sim.Profile{Name: "Cordon", Default: full, ViewAllData: true, ModifyAllData: true, QueryAllFiles: true}})
	conf.Clients = append(conf.Clients, sim.Client{ID: "cordon", Secret: "own-secret", RunAs: "cordon@example.com"})
	conf.Control = true
	return conf
}

// worldOptions changes parts of a world before it starts.
type worldOptions struct {
	org func(*sim.Config)
	app func(*app.Config)
	tls *tls.Config

	options func(*app.Options)
}

func newWorld(t testing.TB, edit ...func(*app.Config)) *world {
	t.Helper()
	return newWorldWith(t, worldOptions{app: func(c *app.Config) {
		for _, e := range edit {
			e(c)
		}
	}})
}

func newWorldWith(t testing.TB, opt worldOptions) *world {
	t.Helper()
	orgConf := ownApp(sim.Demo())
	if opt.org != nil {
		opt.org(&orgConf)
	}
	w := &world{t: t, org: sim.NewOrg(orgConf), dir: t.TempDir(), token: reviewerToken}
	server := httptest.NewServer(w.org.Handler())
	t.Cleanup(func() { server.Close(); w.org.Close() })
	w.orgURL = server.URL
	w.caller = w.org.Token("demo@example.com")

	conf := w.config()
	if opt.app != nil {
		opt.app(&conf)
	}
	conf.FillDefaults()
	w.conf, w.options = conf, w.appOptions()
	w.options.GatewayTLS = opt.tls
	if opt.options != nil {
		opt.options(&w.options)
	}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func (w *world) start() {
	w.t.Helper()
	a, err := app.New(context.Background(), w.conf, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := a.Start(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	w.app, w.gateway, w.console = a, a.GatewayURL(), a.ConsoleURL()
}

func (w *world) stop() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.app.Stop(ctx); err != nil {
		w.t.Errorf("stop: %v", err)
	}
}

func (w *world) config() app.Config {
	return app.Config{
		Environment: "demo", Data: filepath.Join(w.dir, "data"), Keys: filepath.Join(w.dir, "keys"),
		Gateway: app.ListenConfig{Listen: "127.0.0.1:0"}, Console: app.ListenConfig{Listen: "127.0.0.1:0"},
		Tenants: []app.TenantConfig{{
			ID: "clinic", Hosts: []string{"127.0.0.1", "localhost"}, Upstream: w.orgURL,
			CRM:      app.CRMConfig{ClientID: "cordon", ClientSecretFile: w.secretFile()},
			Coverage: app.CoverageConfig{Off: true}, // its calls would stand among those that tests count
			Routes:   []cordon.Route{{Name: "portal", Channel: cordon.ChannelPortal, Match: []cordon.Match{{}}}},
		}},
	}
}

func (w *world) appOptions() app.Options {
	return app.Options{
		Log: slog.New(slog.NewTextHandler(testWriter{w.t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Accounts: []account.Static{{Login: "reviewer@example.com", Tenant: "clinic",
			Roles: []account.Role{account.Reviewer, account.Auditor, account.Integration}, Password: "a long enough password", Token: w.token}},
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimRight(p, "\n"))
	return len(p), nil
}

// answer is what a client got.
type answer struct {
	Status  int
	Receipt string
	Body    []byte
}

func (a answer) id() string {
	var v struct{ ID string }
	_ = json.Unmarshal(a.Body, &v)
	return v.ID
}

// code is the native error code of a refusal.
func (a answer) code() string {
	var v []struct{ ErrorCode string }
	if json.Unmarshal(a.Body, &v) != nil || len(v) == 0 {
		return ""
	}
	return v[0].ErrorCode
}

func (w *world) do(req *http.Request) (answer, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header.Get("Cordon-Receipt"), b}, err
}

// uploadJSON creates a ContentVersion with base64, as most clients do.
func (w *world) uploadJSON(title, path string, data []byte) (answer, error) {
	body, _ := json.Marshal(map[string]any{"Title": title, "PathOnClient": path, "VersionData": base64.StdEncoding.EncodeToString(data)})
	req, err := http.NewRequest("POST", w.gateway+"/services/data/v64.0/sobjects/ContentVersion", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+w.caller)
	req.Header.Set("Content-Type", "application/json")
	return w.do(req)
}

// uploadMultipart creates a ContentVersion with the binary part first, as the sf CLI does.
func (w *world) uploadMultipart(title, path string, data []byte) (answer, error) {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	p, _ := m.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="VersionData"; filename=%q`, path)}, "Content-Type": {"application/octet-stream"}})
	p.Write(data)
	p, _ = m.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="entity_content"`}, "Content-Type": {"application/json"}})
	json.NewEncoder(p).Encode(map[string]any{"Title": title, "PathOnClient": path})
	m.Close()
	req, err := http.NewRequest("POST", w.gateway+"/services/data/v64.0/sobjects/ContentVersion", &body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+w.caller)
	req.Header.Set("Content-Type", m.FormDataContentType())
	return w.do(req)
}

// api calls the console's API and decodes the answer into out.
func (w *world) api(method, path string, in, out any) int {
	w.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			w.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, w.console+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	a, err := w.do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	switch out := out.(type) {
	case nil:
	case *[]byte:
		*out = a.Body
	default:
		if err := json.Unmarshal(a.Body, out); err != nil {
			w.t.Fatalf("%s %s: %d %s", method, path, a.Status, a.Body)
		}
	}
	return a.Status
}

type itemJSON struct {
	ID         cordon.ID       `json:"id"`
	State      cordon.State    `json:"state"`
	UpstreamID string          `json:"upstream_id"`
	DocumentID string          `json:"document_id"`
	Verdict    *cordon.Verdict `json:"verdict"`
}

func (w *world) item(id string) itemJSON {
	w.t.Helper()
	var it itemJSON
	if s := w.api("GET", "/v1/items/"+id, nil, &it); s != http.StatusOK {
		w.t.Fatalf("item %s: status %d", id, s)
	}
	return it
}

// items lists every item in the given states ("" for all).
func (w *world) items(states string) []itemJSON {
	w.t.Helper()
	var all []itemJSON
	after := ""
	for {
		var page struct {
			Items []itemJSON
			Next  string
		}
		path := "/v1/items?limit=200&state=" + states
		if after != "" {
			path += "&after=" + after
		}
		if s := w.api("GET", path, nil, &page); s != http.StatusOK {
			w.t.Fatalf("list items: status %d", s)
		}
		all = append(all, page.Items...)
		if after = page.Next; after == "" {
			return all
		}
	}
}

// until polls; it bounds a wait and times nothing.
func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("still waiting for: %s", what)
		}
	}
}

func (w *world) upstream(title string) []sim.File {
	var out []sim.File
	for _, f := range w.org.Files() {
		if f.Name == title || strings.TrimSuffix(f.Name, filepath.Ext(f.Name)) == title {
			out = append(out, f)
		}
	}
	return out
}

func jsonBody(v any) io.Reader {
	b, _ := json.Marshal(v)
	return bytes.NewReader(b)
}

// secretFile holds the secret of Cordon's own connected app.
func (w *world) secretFile() string {
	path := filepath.Join(w.dir, "crm.secret")
	writeFile(w.t, path, []byte("own-secret"))
	return path
}

// restart stops the gateway and starts another on the same data.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}
