package inline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

// photo stands for a file that the fake line holds; plain for one that it lets pass.
var (
	photo = append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR a made-up photo HOLD-ME "), bytes.Repeat([]byte{0, 1, 2, 0xfe, 0xff}, 40)...)
	plain = append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR a made-up photo "), bytes.Repeat([]byte{9, 8, 7, 0xfb, 0xfd}, 41)...)
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

const token = "00Dxx0000001gER!token"

// fakeLine keeps items in memory and holds every file with HOLD-ME in it.
type fakeLine struct {
	mu        sync.Mutex
	spooled   map[cordon.BlobRef][]byte
	seen      [][]byte // every file that was received
	arrivals  []cordon.Arrival
	items     map[cordon.ID]cordon.Item
	blobs     map[cordon.ID]cordon.BlobRef
	clients   map[string]string
	touched   map[string]int
	discarded int
	staged    []cordon.Delivery

	answers  *cordon.Item // Receive says: repeated
	receive  error
	judge    error
	spoolErr error
	gate     chan struct{} // if set, Judge waits for it
	entered  chan struct{} // if set, Judge says that it waits
}

func newFakeLine() *fakeLine {
	return &fakeLine{spooled: map[cordon.BlobRef][]byte{}, items: map[cordon.ID]cordon.Item{}, blobs: map[cordon.ID]cordon.BlobRef{},
		clients: map[string]string{}, touched: map[string]int{}}
}

func (l *fakeLine) Spool(ctx context.Context, _ cordon.TenantID, r io.Reader) (cordon.Spooled, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return cordon.Spooled{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spoolErr != nil {
		return cordon.Spooled{}, l.spoolErr
	}
	ref := cordon.BlobRef(cordon.NewID(cordon.PrefixBlob))
	l.spooled[ref] = b
	return cordon.Spooled{Blob: ref, SHA256: sha256.Sum256(b), Size: int64(len(b))}, nil
}

func (l *fakeLine) Discard(_ context.Context, s cordon.Spooled) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.spooled, s.Blob)
	l.discarded++
}

func (l *fakeLine) Receive(_ context.Context, a cordon.Arrival, s cordon.Spooled) (cordon.Item, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.receive != nil {
		return cordon.Item{}, false, l.receive
	}
	l.seen = append(l.seen, l.spooled[s.Blob])
	l.arrivals = append(l.arrivals, a)
	if l.answers != nil {
		return *l.answers, true, nil
	}
	id := cordon.NewID(cordon.PrefixItem)
	item := cordon.Item{Ref: cordon.Ref{Tenant: a.Tenant, Kind: cordon.KindItem, ID: id}, State: cordon.Received, Route: a.Route.Name, Op: a.Op, Object: a.Object}
	l.items[id], l.blobs[id] = item, s.Blob
	return item, false, nil
}

func (l *fakeLine) Judge(ctx context.Context, item cordon.Item, refused func(context.Context) string) (cordon.Item, error) {
	if l.gate != nil {
		l.entered <- struct{}{}
		<-l.gate
	}
	l.mu.Lock()
	held := bytes.Contains(l.spooled[l.blobs[item.ID]], []byte("HOLD-ME"))
	l.mu.Unlock()
	code := ""
	if held {
		code = refused(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.judge != nil {
		return cordon.Item{}, l.judge
	}
	item.State = cordon.Inspected
	item.Verdict = &cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass}
	if held {
		item.State = cordon.Held
		item.Verdict = &cordon.Verdict{Outcome: cordon.Synthetic, Action: cordon.Hold}
	}
	if code != "" {
		item.State = cordon.Erased
	}
	l.items[item.ID] = item
	return item, nil
}

func (l *fakeLine) Forward(ctx context.Context, item cordon.Item, send func(context.Context, cordon.Content) (cordon.Delivery, error)) (cordon.Item, error) {
	l.mu.Lock()
	body := l.spooled[l.blobs[item.ID]]
	l.mu.Unlock()
	d, err := send(ctx, memory{bytes.NewReader(body)})
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		item.State, item.UpstreamID, item.DocumentID = cordon.Delivered, d.ID, d.DocumentID
	case errors.Is(err, cordon.ErrRefusedUpstream):
		item.State, err = cordon.RefusedUpstream, nil
	case errors.Is(err, cordon.ErrNotSent):
		item.State = cordon.Released
	default:
		item.State, err = cordon.Unsettled, nil
	}
	l.items[item.ID] = item
	return item, err
}

func (l *fakeLine) Remember(_ context.Context, _ cordon.TenantID, token, client string, _ time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clients[token] = client
}

func (l *fakeLine) ClientOf(_ context.Context, _ cordon.TenantID, token string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clients[token]
}

func (l *fakeLine) Touch(_ cordon.TenantID, route, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.touched[route+" "+what]++
}

// stagingLine also takes placeholders.
type stagingLine struct{ *fakeLine }

func (l stagingLine) Staged(_ context.Context, item cordon.Item, d cordon.Delivery) (cordon.Item, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.staged = append(l.staged, d)
	item.UpstreamID, item.DocumentID = d.ID, d.DocumentID
	return item, nil
}

// item returns the only item there is.
func (l *fakeLine) item(t testing.TB) cordon.Item {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.items) != 1 {
		t.Fatalf("the line has %d items, want 1", len(l.items))
	}
	for _, i := range l.items {
		return i
	}
	panic("unreachable")
}

// written is a request that reached the upstream.
type written struct {
	method, uri string
	header      http.Header
	body        []byte
	file        []byte         // as the platform would decode it
	fields      map[string]any // beside the file
}

// fakeOrg answers as little of Salesforce as these tests need.
type fakeOrg struct {
	*httptest.Server
	mu     sync.Mutex
	got    []written
	asked  map[string]int // describes, by object
	answer func(w http.ResponseWriter, r *http.Request, body []byte) bool
	deny   bool              // describes say: not createable
	whole  bool              // describes list all fields, and the org answers about records
	gone   map[string]string // ids that are not there, and the error code for them
	locked map[string]bool   // ids that the caller may read and not change
	calls  int
	keyed  bool // describes list Cordon_Key__c
}

func newFakeOrg(t testing.TB) *fakeOrg {
	o := &fakeOrg{asked: map[string]int{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *fakeOrg) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	path := r.URL.Path
	o.mu.Lock()
	answer := o.answer
	o.calls++
	o.mu.Unlock()
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	describe := strings.HasSuffix(path, "/describe")
	if !describe && path != "/services/oauth2/userinfo" {
		o.note(r, body)
	}
	if answer != nil && answer(w, r, body) {
		return
	}
	switch {
	case strings.HasPrefix(path, "/services/") && !strings.HasPrefix(path, "/services/oauth2/") && !strings.HasPrefix(path, "/services/Soap") &&
		r.Header.Get("Authorization") != "Bearer "+token && r.Header.Get("X-Sfdc-Session") != token:
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`)
	case describe:
		object := path[strings.Index(path, "/sobjects/")+10 : len(path)-9]
		o.mu.Lock()
		o.asked[object]++
		o.mu.Unlock()
		fields := []map[string]any{{"name": "Title", "createable": true}}
		if o.whole {
			fields = fieldsOf(object)
		}
		if o.keyed {
			fields = append(fields, map[string]any{"name": "Cordon_Key__c", "createable": true, "updateable": true})
		}
		json.NewEncoder(w).Encode(map[string]any{"name": object, "createable": !o.deny, "updateable": !o.deny, "fields": fields})
	case o.whole && strings.HasSuffix(path, "/query"):
		id := strings.Split(r.URL.Query().Get("q"), "'")[3]
		if o.gone[id] != "" {
			io.WriteString(w, `{"records":[]}`)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"records": []any{map[string]any{"RecordId": id, "HasReadAccess": true, "HasEditAccess": !o.locked[id]}}})
	case o.whole && strings.HasSuffix(path, "/sobjects"):
		io.WriteString(w, `{"sobjects":[{"name":"Case","keyPrefix":"500"},{"name":"ContentDocument","keyPrefix":"069"},{"name":"ContentVersion","keyPrefix":"068"}]}`)
	case r.Method == http.MethodGet && o.gone[path[strings.LastIndex(path, "/")+1:]] != "":
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `[{"message":"gone","errorCode":"`+o.gone[path[strings.LastIndex(path, "/")+1:]]+`"}]`)
	case path == "/services/oauth2/userinfo":
		io.WriteString(w, `{"user_id":"005xx000001SwiUAAS","preferred_username":"u@example.com","urls":{"rest":"`+o.URL+`/services/data/v{version}/"}}`)
	case r.Method == http.MethodPost && strings.Contains(path, "/sobjects/"):
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id":"068xx0000000001AAA","success":true,"errors":[]}`)
	case (r.Method == http.MethodPatch || r.Method == http.MethodPut) && strings.Contains(path, "/sobjects/"):
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet && strings.Contains(path, "/sobjects/ContentVersion/"):
		io.WriteString(w, `{"Id":"068xx0000000001AAA","ContentDocumentId":"069xx0000000001AAA"}`)
	default:
		io.WriteString(w, `{}`)
	}
}

// fieldsOf is as much of a description as these tests need.
func fieldsOf(object string) []map[string]any {
	field := func(name, typ string, create, update, need bool) map[string]any {
		return map[string]any{"name": name, "label": name, "type": typ, "createable": create, "updateable": update, "nillable": !need, "length": 0}
	}
	fields := []map[string]any{field("Id", "id", false, false, true), field("Cordon_Key__c", "string", true, true, false)}
	fields[1]["externalId"] = true
	switch object {
	case "ContentVersion":
		title := field("Title", "string", true, true, false)
		title["length"] = 255
		owner := field("OwnerId", "reference", true, true, false)
		owner["relationshipName"] = "Owner"
		return append(fields, title, owner, field("PathOnClient", "string", true, false, false), field("VersionData", "base64", true, false, false),
			field("FirstPublishLocationId", "reference", true, false, false), field("ContentDocumentId", "reference", true, false, false),
			field("IsLatest", "boolean", false, false, true), field("IsMajorVersion", "boolean", true, false, true), field("ContentBodyId", "reference", false, false, false))
	case "Attachment":
		return append(fields, field("ParentId", "reference", true, false, true), field("Name", "string", true, true, true), field("Body", "base64", true, true, true))
	case "Scan__c":
		return append(fields, field("Picture__c", "base64", true, true, false), field("Token__c", "textarea", true, true, false))
	case "Case":
		account := field("AccountId", "reference", true, true, false)
		account["relationshipName"], account["referenceTo"] = "Account", []string{"Account"}
		return append(fields, account, field("Description", "textarea", true, true, false))
	}
	return append(fields, field("Body", "textarea", true, true, false), field("Content", "textarea", true, true, false), field("Name", "string", true, true, false))
}

func (o *fakeOrg) note(r *http.Request, body []byte) {
	got := written{method: r.Method, uri: r.URL.RequestURI(), header: r.Header.Clone(), body: body}
	media, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch media {
	case "application/json":
		json.Unmarshal(body, &got.fields)
		for _, name := range []string{"VersionData", "Body"} {
			if s, ok := got.fields[name].(string); ok && strings.Contains(r.URL.Path, "/sobjects/") {
				got.file, _ = base64.StdEncoding.DecodeString(s)
				delete(got.fields, name)
			}
		}
	case "multipart/form-data":
		mr := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for {
			p, err := mr.NextPart()
			if err != nil {
				break
			}
			b, _ := io.ReadAll(p)
			if p.FileName() != "" {
				got.file = b
			} else {
				json.Unmarshal(b, &got.fields)
			}
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = append(o.got, got)
}

// writes returns the requests with a body that arrived, other than those for sessions.
func (o *fakeOrg) writes() []written {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []written
	for _, g := range o.got {
		if len(g.body) > 0 && !strings.HasPrefix(g.uri, "/services/oauth2/") {
			out = append(out, g)
		}
	}
	return out
}

// write returns the only one of them.
func (o *fakeOrg) write(t testing.TB) written {
	t.Helper()
	w := o.writes()
	if len(w) != 1 {
		t.Fatalf("%d writes reached the upstream, want 1: %+v", len(w), w)
	}
	return w[0]
}

// stand is a gateway with everything around it.
type stand struct {
	*httptest.Server
	gateway *Gateway
	line    *fakeLine
	org     *fakeOrg
}

func declared(name string, change func(*cordon.Route)) cordon.Route {
	r := cordon.UnknownRoute()
	r.Name, r.Match = name, []cordon.Match{{}}
	if change != nil {
		change(&r)
	}
	return r
}

func newStand(t testing.TB, change func(*Config)) *stand {
	t.Helper()
	s := &stand{line: newFakeLine(), org: newFakeOrg(t)}
	s.start(t, s.line, change)
	return s
}

func (s *stand) start(t testing.TB, line Line, change func(*Config)) {
	t.Helper()
	upstream, err := url.Parse(s.org.URL)
	if err != nil {
		t.Fatal(err)
	}
	conf := Config{
		Tenants: []Tenant{{ID: "clinic", Hosts: []string{"127.0.0.1"}, Upstream: upstream, Routes: []cordon.Route{declared("portal", nil)}}},
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&conf)
	}
	s.gateway, err = New(conf, line)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(s.gateway)
	t.Cleanup(s.Close)
}

// answer is what a client got.
type clientAnswer struct {
	status int
	header http.Header
	body   string
}

func (s *stand) do(t testing.TB, method, uri, contentType string, body io.Reader, headers ...string) clientAnswer {
	t.Helper()
	req, err := http.NewRequest(method, s.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(uri, "?")
	req.URL.Opaque = "//" + req.URL.Host + path // sent exactly so
	req.URL.RawQuery = query
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		} else {
			req.Header.Add(headers[i], headers[i+1])
		}
	}
	resp, err := s.Client().Transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, uri, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return clientAnswer{resp.StatusCode, resp.Header, string(b)}
}

const (
	cvPath     = "/services/data/v64.0/sobjects/ContentVersion"
	attachPath = "/services/data/v64.0/sobjects/Attachment"
	jsonType   = "application/json"
)

func cvJSON(file []byte) string {
	return `{"Title":"intake","PathOnClient":"intake.png","VersionData":"` + b64(file) + `","FirstPublishLocationId":"500xx000000bZzZAAU"}`
}

// code returns the errorCode of a native answer, and fails the test if it is not one.
func (a clientAnswer) code(t testing.TB) string {
	t.Helper()
	var errs []struct{ Message, ErrorCode string }
	if err := json.Unmarshal([]byte(a.body), &errs); err != nil || len(errs) != 1 || errs[0].Message == "" {
		t.Fatalf("status %d, not a native error: %.300s", a.status, a.body)
	}
	return errs[0].ErrorCode
}
