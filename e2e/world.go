// Package e2e is a whole gateway in front of a simulated org, with people who use both, for tests
// of the whole: in this process, or in one of its own that can be killed.
//
// The tests are in its folders: line (what becomes of a file), door (clients, and ways around),
// beside (what the org has already), kills (a gateway killed at random) and bench.
package e2e

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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/salesforce/sim"
	"github.com/cordonhq/cordon/samples"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// World is an org, a gateway in front of it, and people who use both.
type World struct {
	T       testing.TB
	Org     *sim.Org
	OrgURL  string
	App     *app.App
	Dir     string // holds data and keys
	Gateway string
	Console string
	Caller  string // access token of the integration user
	Token   string // API token of a reviewer

	Conf    app.Config
	Options app.Options
}

// ReviewerToken is an API token for tests; it opens nothing outside them.
var ReviewerToken = string(account.NewToken())

// OperatorToken is one of whoever keeps Cordon running.
var OperatorToken = string(account.NewToken())

// OwnApp is the connected app that Cordon itself uses in tests.
func OwnApp(conf sim.Config) sim.Config {
	full := sim.Access{Create: true, Read: true, Edit: true, Delete: true, ViewAll: true, ModifyAll: true}
	conf.Users = append(conf.Users, sim.User{Username: "cordon@example.com", Password: "not used",
		FirstName: "Cordon", LastName: "Service", Profile: sim.Profile{Name: "Cordon", Default: full, ViewAllData: true, ModifyAllData: true, QueryAllFiles: true}})
	conf.Clients = append(conf.Clients, sim.Client{ID: "cordon", Secret: "own-secret", RunAs: "cordon@example.com"})
	conf.Control = true
	return conf
}

// WorldOptions changes parts of a world before it starts.
type WorldOptions struct {
	Org func(*sim.Config)
	App func(*app.Config)
	TLS *tls.Config

	Options func(*app.Options)
}

func NewWorld(t testing.TB, edit ...func(*app.Config)) *World {
	t.Helper()
	return NewWorldWith(t, WorldOptions{App: func(c *app.Config) {
		for _, e := range edit {
			e(c)
		}
	}})
}

func NewWorldWith(t testing.TB, opt WorldOptions) *World {
	t.Helper()
	orgConf := OwnApp(sim.Demo())
	if opt.Org != nil {
		opt.Org(&orgConf)
	}
	w := &World{T: t, Org: sim.NewOrg(orgConf), Dir: t.TempDir(), Token: ReviewerToken}
	server := httptest.NewServer(w.Org.Handler())
	t.Cleanup(func() { server.Close(); w.Org.Close() })
	w.OrgURL = server.URL
	w.Caller = w.Org.Token("demo@example.com")

	conf := w.Config()
	if opt.App != nil {
		opt.App(&conf)
	}
	conf.FillDefaults()
	w.Conf, w.Options = conf, w.AppOptions()
	w.Options.GatewayTLS = opt.TLS
	if opt.Options != nil {
		opt.Options(&w.Options)
	}
	w.Start()
	t.Cleanup(w.Stop)
	return w
}

func (w *World) Start() {
	w.T.Helper()
	a, err := app.New(context.Background(), w.Conf, w.Options)
	if err != nil {
		w.T.Fatal(err)
	}
	if err := a.Start(context.Background()); err != nil {
		w.T.Fatal(err)
	}
	w.App, w.Gateway, w.Console = a, a.GatewayURL(), a.ConsoleURL()
}

func (w *World) Stop() {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := w.App.Stop(ctx); err != nil {
		w.T.Errorf("stop: %v", err)
	}
}

func (w *World) Config() app.Config {
	return app.Config{
		Environment: "demo", Data: filepath.Join(w.Dir, "data"), Keys: filepath.Join(w.Dir, "keys"),
		Gateway: app.ListenConfig{Listen: "127.0.0.1:0"}, Console: app.ListenConfig{Listen: "127.0.0.1:0"},
		// A busy machine is no overload: only tests of that have a budget that can run out.
		Inspect: app.InspectConfig{Budget: 2 * time.Minute},
		Tenants: []app.TenantConfig{{
			ID: "clinic", Hosts: []string{"127.0.0.1", "localhost"}, Upstream: w.OrgURL,
			CRM:      app.CRMConfig{ClientID: "cordon", ClientSecretFile: w.SecretFile()},
			Coverage: app.CoverageConfig{Off: true}, // its calls would stand among those that tests count
			Routes:   []cordon.Route{{Name: "portal", Channel: cordon.ChannelPortal, Match: []cordon.Match{{}}}},
		}},
	}
}

func (w *World) AppOptions() app.Options {
	return app.Options{
		Log: slog.New(slog.NewTextHandler(TestWriter{w.T}, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Accounts: []account.Static{{Login: "reviewer@example.com", Tenant: "clinic",
			Roles: []account.Role{account.Reviewer, account.Auditor, account.Integration}, Password: "a long enough password", Token: w.Token},
			{Login: "operator@example.com", Tenant: "clinic", Roles: []account.Role{account.Admin}, Token: OperatorToken}},
	}
}

type TestWriter struct{ T testing.TB }

func (w TestWriter) Write(p []byte) (int, error) {
	w.T.Logf("%s", bytes.TrimRight(p, "\n"))
	return len(p), nil
}

// Answer is what a client got.
type Answer struct {
	Status  int
	Receipt string
	Body    []byte
}

func (a Answer) ID() string {
	var v struct{ ID string }
	_ = json.Unmarshal(a.Body, &v)
	return v.ID
}

// Code is the native error code of a refusal.
func (a Answer) Code() string {
	var v []struct{ ErrorCode string }
	if json.Unmarshal(a.Body, &v) != nil || len(v) == 0 {
		return ""
	}
	return v[0].ErrorCode
}

func (w *World) Do(req *http.Request) (Answer, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return Answer{resp.StatusCode, resp.Header.Get("Cordon-Receipt"), b}, err
}

// UploadJSON creates a ContentVersion with base64, as most clients do.
func (w *World) UploadJSON(title, path string, data []byte) (Answer, error) {
	body, _ := json.Marshal(map[string]any{"Title": title, "PathOnClient": path, "VersionData": base64.StdEncoding.EncodeToString(data)})
	req, err := http.NewRequest("POST", w.Gateway+"/services/data/v64.0/sobjects/ContentVersion", bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+w.Caller)
	req.Header.Set("Content-Type", "application/json")
	return w.Do(req)
}

// UploadMultipart creates a ContentVersion with the binary part first, as the sf CLI does.
func (w *World) UploadMultipart(title, path string, data []byte) (Answer, error) {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	p, _ := m.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="VersionData"; filename=%q`, path)}, "Content-Type": {"application/octet-stream"}})
	p.Write(data)
	p, _ = m.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="entity_content"`}, "Content-Type": {"application/json"}})
	json.NewEncoder(p).Encode(map[string]any{"Title": title, "PathOnClient": path})
	m.Close()
	req, err := http.NewRequest("POST", w.Gateway+"/services/data/v64.0/sobjects/ContentVersion", &body)
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+w.Caller)
	req.Header.Set("Content-Type", m.FormDataContentType())
	return w.Do(req)
}

// API calls the console's API and decodes the answer into out.
func (w *World) API(method, path string, in, out any) int {
	w.T.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			w.T.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, w.Console+path, body)
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	a, err := w.Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	switch out := out.(type) {
	case nil:
	case *[]byte:
		*out = a.Body
	default:
		if err := json.Unmarshal(a.Body, out); err != nil {
			w.T.Fatalf("%s %s: %d %s", method, path, a.Status, a.Body)
		}
	}
	return a.Status
}

type ItemJSON struct {
	ID         cordon.ID       `json:"id"`
	State      cordon.State    `json:"state"`
	UpstreamID string          `json:"upstream_id"`
	DocumentID string          `json:"document_id"`
	Verdict    *cordon.Verdict `json:"verdict"`
}

func (w *World) Item(id string) ItemJSON {
	w.T.Helper()
	var it ItemJSON
	if s := w.API("GET", "/v1/items/"+id, nil, &it); s != http.StatusOK {
		w.T.Fatalf("item %s: status %d", id, s)
	}
	return it
}

// Items lists every item in the given states ("" for all).
func (w *World) Items(states string) []ItemJSON {
	w.T.Helper()
	var all []ItemJSON
	after := ""
	for {
		var page struct {
			Items []ItemJSON
			Next  string
		}
		path := "/v1/items?limit=200&state=" + states
		if after != "" {
			path += "&after=" + after
		}
		if s := w.API("GET", path, nil, &page); s != http.StatusOK {
			w.T.Fatalf("list items: status %d", s)
		}
		all = append(all, page.Items...)
		if after = page.Next; after == "" {
			return all
		}
	}
}

// As is the same world to somebody with another API token.
func (w *World) As(token string) *World {
	other := *w
	other.Token = token
	return &other
}

// Until polls until something has happened; ten minutes only bound what never will.
func (w *World) Until(what string, done func() bool) {
	w.T.Helper()
	for deadline := time.Now().Add(10 * time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.T.Fatalf("still waiting for: %s", what)
		}
	}
}

func (w *World) Upstream(title string) []sim.File {
	var out []sim.File
	for _, f := range w.Org.Files() {
		if f.Name == title || strings.TrimSuffix(f.Name, filepath.Ext(f.Name)) == title {
			out = append(out, f)
		}
	}
	return out
}

func JsonBody(v any) io.Reader {
	b, _ := json.Marshal(v)
	return bytes.NewReader(b)
}

// SecretFile holds the secret of Cordon's own connected app.
func (w *World) SecretFile() string {
	path := filepath.Join(w.Dir, "crm.secret")
	WriteFile(w.T, path, []byte("own-secret"))
	return path
}

// Restart stops the gateway and starts another on the same data.
func (w *World) Restart() {
	w.T.Helper()
	w.Stop()
	w.Start()
}

// Engines runs a test on both engines.
func Engines(t *testing.T, test func(t *testing.T, db app.DatabaseConfig)) {
	t.Run("sqlite", func(t *testing.T) { test(t, app.DatabaseConfig{}) })
	t.Run("postgres", func(t *testing.T) {
		d := pgcluster.Start(t)
		test(t, app.DatabaseConfig{URL: d.App, OwnerURL: d.Owner, WorkerURL: d.Worker, SequencerURL: d.Sequencer})
	})
}

// Records opens the gateway's own records to be read beside it.
func (w *World) Records() *store.DB {
	w.T.Helper()
	db, err := store.Open(context.Background(), store.Config{Path: filepath.Join(w.Dir, "data", "cordon.db"), ReadOnly: true})
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { db.Close() })
	return db
}

func WriteFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Metrics is what /metrics says to the world's token.
func (w *World) Metrics() string {
	w.T.Helper()
	var text []byte
	if status := w.API(http.MethodGet, "/metrics", nil, &text); status != http.StatusOK {
		w.T.Fatalf("/metrics: %d %s", status, text)
	}
	return string(text)
}

// Replayed asks for a report with another policy.
func (w *World) Replayed(policy string, path ...string) desk.Shadow {
	w.T.Helper()
	req, err := http.NewRequest("POST", w.Console+append(path, "/v1/reports/shadow")[0], strings.NewReader(policy))
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Token)
	a, err := w.Do(req)
	if err != nil || a.Status != 200 {
		w.T.Fatalf("replay: %d %s %v", a.Status, a.Body, err)
	}
	var r desk.Shadow
	if err := json.Unmarshal(a.Body, &r); err != nil || r.Replay == nil {
		w.T.Fatalf("replay: %s %v", a.Body, err)
	}
	return r
}

// Media are the samples of these tests. The gateway of a Victim uses none, and making them takes
// longer than its start.
var Media = func() *samples.Set {
	if os.Getenv(gatewayChild) != "" {
		return nil
	}
	s, err := samples.New(1)
	if err != nil {
		panic(err)
	}
	return s
}()
