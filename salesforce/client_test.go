package salesforce

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

// org is as much of an org as the client calls.
type org struct {
	*httptest.Server
	mu      sync.Mutex
	tokens  int
	forms   []url.Values
	queries []string
	writes  []*http.Request
	fields  []map[string]any
	files   map[string][]byte // by record id
	records []map[string]any  // what queries find
	answer  func(w http.ResponseWriter, r *http.Request) bool
	expire  bool // the token of the first sign-in is not taken
	keyed   bool
}

func newOrg(t *testing.T) *org {
	o := &org{files: map[string][]byte{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *org) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	path := r.URL.Path
	if path == "/services/oauth2/token" {
		r.ParseForm()
		o.tokens++
		o.forms = append(o.forms, r.PostForm)
		fmt.Fprintf(w, `{"access_token":"t%d","instance_url":"https://elsewhere.example.com"}`, o.tokens)
		return
	}
	if r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", o.tokens) || o.expire && o.tokens == 1 {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(401)
		io.WriteString(w, `[{"message":"m","errorCode":"INVALID_SESSION_ID"}]`)
		return
	}
	if o.answer != nil && o.answer(w, r) {
		return
	}
	switch {
	case strings.HasSuffix(path, "/describe"):
		d := Description{Name: "ContentVersion", Createable: true, Fields: []FieldDescription{{Name: "OwnerId", Createable: true}, {Name: "Title", Createable: true, Updateable: true}}}
		if o.keyed {
			d.Fields = append(d.Fields, FieldDescription{Name: KeyField, Createable: true})
		}
		json.NewEncoder(w).Encode(d)
	case path == "/services/oauth2/userinfo":
		io.WriteString(w, `{"user_id":"005xx000000000cAAA","preferred_username":"cordon@example.com"}`)
	case strings.HasSuffix(path, "/query"):
		o.queries = append(o.queries, r.URL.Query().Get("q"))
		if len(o.records) > 1 && o.records[0] != nil { // two pages
			json.NewEncoder(w).Encode(map[string]any{"done": false, "records": o.records[:1], "nextRecordsUrl": "https://elsewhere.example.com/services/data/v64.0/query/01g-1"})
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"done": true, "records": o.records})
	case strings.Contains(path, "/query/"):
		json.NewEncoder(w).Encode(map[string]any{"done": true, "records": o.records[1:]})
	case r.Method == "GET" && strings.HasSuffix(path, "/VersionData"):
		parts := strings.Split(path, "/")
		b, ok := o.files[parts[len(parts)-2]]
		if !ok {
			w.WriteHeader(404)
			io.WriteString(w, `[{"message":"m","errorCode":"NOT_FOUND"}]`)
		}
		w.Write(b)
	case r.Method == "GET":
		io.WriteString(w, `{"ContentDocumentId":"069xx0000000001AAA"}`)
	default:
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			w.WriteHeader(400)
			return
		}
		fields := map[string]any{}
		json.Unmarshal([]byte(r.MultipartForm.Value["entity_content"][0]), &fields)
		f, _ := r.MultipartForm.File["VersionData"][0].Open()
		b, _ := io.ReadAll(f)
		o.writes, o.fields = append(o.writes, r), append(o.fields, fields)
		o.files["068xx0000000001AAA"] = b
		if r.Method == "PATCH" {
			w.WriteHeader(204)
			return
		}
		w.WriteHeader(201)
		io.WriteString(w, `{"id":"068xx0000000001AAA","success":true,"errors":[]}`)
	}
}

func newClient(t *testing.T, o *org) *Client {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(Config{Org: u, ClientID: "cordon", SecretFile: file})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const uploader = "005xx000000000uAAA"

func staged(op cordon.Operation) cordon.Staged {
	return cordon.Staged{Op: op, Object: "ContentVersion", BlobField: "VersionData", Owner: uploader, Key: "ck_1", Fields: []cordon.Field{
		{Name: "Title", Value: []byte(`"t"`)}, {Name: "PathOnClient", Value: []byte(`"it's.png"`)}, {Name: "CreatedDate", Value: []byte(`"2020-01-01T00:00:00Z"`)},
		{Name: "FirstPublishLocationId", Value: []byte(`"500xx000000bZzZAAU"`)},
	}}
}

func TestWriteCreates(t *testing.T) {
	o := newOrg(t)
	o.keyed, o.expire = true, true
	file := bytes.Repeat([]byte("photo"), 10_000)
	c := newClient(t, o)
	d, err := c.Write(t.Context(), staged(cordon.OpCreate), content(file))
	if err != nil || d != (cordon.Delivery{ID: "068xx0000000001AAA", DocumentID: "069xx0000000001AAA"}) {
		t.Fatalf("%+v, %v", d, err)
	}
	if !bytes.Equal(o.files[d.ID], file) || o.writes[0].Method != "POST" {
		t.Error("other bytes arrived")
	}
	if f := o.fields[0]; f["OwnerId"] != uploader || f[KeyField] != "ck_1" || f["Title"] != "t" || f["CreatedDate"] != nil {
		t.Errorf("fields %v", f)
	}
	if o.tokens != 2 || o.forms[0].Get("client_secret") != "s3cret" || o.forms[0].Get("grant_type") != "client_credentials" {
		t.Errorf("%d sign-ins, %v", o.tokens, o.forms)
	}
	if _, err := c.Write(t.Context(), staged(cordon.OpNewVersion), content(file)); err != nil || o.tokens != 2 {
		t.Errorf("%v after %d sign-ins", err, o.tokens)
	}
}

func TestWriteUpdates(t *testing.T) {
	o := newOrg(t)
	s := staged(cordon.OpUpdate)
	s.RecordID = "068xx0000000009AAA"
	d, err := newClient(t, o).Write(t.Context(), s, content([]byte("x")))
	if err != nil || d.ID != s.RecordID || o.writes[0].Method != "PATCH" || !strings.HasSuffix(o.writes[0].URL.Path, "/sobjects/ContentVersion/068xx0000000009AAA") {
		t.Fatalf("%+v, %v", d, err)
	}
	if o.fields[0]["OwnerId"] != nil {
		t.Errorf("an update changes the owner: %v", o.fields[0])
	}
}

func TestWriteSaysHowItFailed(t *testing.T) {
	for name, test := range map[string]struct {
		status       int
		body         string
		refused, not bool
	}{
		"validation":   {400, `[{"message":"m","errorCode":"REQUIRED_FIELD_MISSING","fields":["Title"]}]`, true, false},
		"limit":        {403, `[{"message":"m","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`, true, false},
		"native 503":   {503, `[{"message":"m","errorCode":"SERVER_UNAVAILABLE"}]`, true, false},
		"foreign 503":  {503, `<html>`, false, false},
		"native 500":   {500, `[{"message":"m","errorCode":"UNKNOWN_EXCEPTION"}]`, false, false},
		"lost":         {0, "", false, false},
		"201 of what?": {201, `<html>`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != "POST" {
					return false
				}
				io.Copy(io.Discard, r.Body)
				if test.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
				return true
			}
			_, err := newClient(t, o).Write(t.Context(), staged(cordon.OpCreate), content([]byte("x")))
			if err == nil || errors.Is(err, cordon.ErrRefusedUpstream) != test.refused || errors.Is(err, cordon.ErrNotSent) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("not there", func(t *testing.T) {
		o := newOrg(t)
		c := newClient(t, o)
		if _, err := c.Describe(t.Context(), "ContentVersion"); err != nil {
			t.Fatal(err)
		}
		o.Close()
		// A write over a connection that dies at that moment would rightly count as lost.
		c.conf.HTTP.CloseIdleConnections()
		if _, err := c.Write(t.Context(), staged(cordon.OpCreate), content([]byte("x"))); !errors.Is(err, cordon.ErrNotSent) || errors.Is(err, cordon.ErrRefusedUpstream) {
			t.Errorf("%v", err)
		}
	})
	t.Run("unknown object", func(t *testing.T) {
		s := staged(cordon.OpCreate)
		s.Object = "StaticResource"
		if _, err := newClient(t, newOrg(t)).Write(t.Context(), s, content(nil)); !errors.Is(err, cordon.ErrNotSent) {
			t.Errorf("%v", err)
		}
	})
}

func TestFindSettlesALostWrite(t *testing.T) {
	file := []byte("the file")
	sum := sha256.Sum256(file)
	digest := hex.EncodeToString(sum[:])
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	window := Window{now.Add(-time.Minute), now}
	record := func(id, by string) map[string]any {
		return map[string]any{"Id": id, "CreatedById": by, "ContentDocumentId": "069xx0000000001AAA"}
	}
	t.Run("by key", func(t *testing.T) {
		o := newOrg(t)
		o.keyed = true
		o.records = []map[string]any{record("068xx0000000001AAA", uploader)}
		got, err := newClient(t, o).Find(t.Context(), staged(cordon.OpCreate), digest, int64(len(file)), window)
		if err != nil || len(got) != 1 || got[0].DocumentID != "069xx0000000001AAA" {
			t.Fatalf("%v, %v", got, err)
		}
		if want := "SELECT Id, CreatedById, ContentDocumentId FROM ContentVersion WHERE Cordon_Key__c = 'ck_1'"; o.queries[0] != want {
			t.Errorf("asked %s", o.queries[0])
		}
	})
	t.Run("by what it is", func(t *testing.T) {
		o := newOrg(t)
		o.records = []map[string]any{record("068xx0000000001AAA", uploader), record("068xx0000000002AAA", uploader),
			record("068xx0000000003AAA", "005xx000000000zAAA"), record("068xx0000000004AAA", "005xx000000000cAAA")}
		o.files["068xx0000000001AAA"], o.files["068xx0000000002AAA"], o.files["068xx0000000003AAA"] = file, []byte("another!"), file
		got, err := newClient(t, o).Find(t.Context(), staged(cordon.OpCreate), digest, int64(len(file)), window)
		if err != nil || len(got) != 1 || got[0].ID != "068xx0000000001AAA" {
			t.Fatalf("%v, %v", got, err)
		}
		want := "SELECT Id, CreatedById, ContentDocumentId FROM ContentVersion WHERE ContentSize = 8 AND CreatedDate >= 2026-11-21T09:59:00Z" +
			" AND CreatedDate <= 2026-11-21T10:00:01Z AND FirstPublishLocationId = '500xx000000bZzZAAU' AND PathOnClient = 'it\\'s.png' AND Title = 't' LIMIT 21"
		if o.queries[0] != want {
			t.Errorf("asked %s\nwant  %s", o.queries[0], want)
		}
	})
	t.Run("update", func(t *testing.T) {
		o := newOrg(t)
		s := staged(cordon.OpUpdate)
		s.RecordID = "068xx0000000001AAA"
		c := newClient(t, o)
		for _, held := range []string{"", "older", "the file"} {
			if held != "" {
				o.files[s.RecordID] = []byte(held)
			}
			got, err := c.Find(t.Context(), s, digest, 8, window)
			if err != nil || (len(got) == 1) != (held == "the file") {
				t.Errorf("%q: %v, %v", held, got, err)
			}
		}
	})
}

func TestUserRecordAccess(t *testing.T) {
	o := newOrg(t)
	o.records = []map[string]any{{"RecordId": "500xx000000bZzZ", "HasReadAccess": true, "HasEditAccess": true}}
	c := newClient(t, o)
	got, err := c.UserRecordAccess(t.Context(), uploader, "500xx000000bZzZAAU")
	if err != nil || got != (Access{true, true}) {
		t.Errorf("%+v, %v", got, err)
	}
	o.records = nil
	if got, err := c.UserRecordAccess(t.Context(), uploader, "500xx000000bZzZAAU"); err != nil || got != (Access{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := c.UserRecordAccess(t.Context(), "x' OR Id != '", "500xx000000bZzZAAU"); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestQueryStaysWithTheOrg(t *testing.T) {
	o := newOrg(t) // its next page names another host
	o.records = []map[string]any{{"Id": "1"}, {"Id": "2"}, {"Id": "3"}}
	n := 0
	if err := newClient(t, o).Query(t.Context(), "SELECT Id FROM Case", func(json.RawMessage) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestJWTBearer(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	o := newOrg(t)
	u, _ := url.Parse(o.URL)
	now := time.Unix(1_800_000_000, 0)
	c, err := NewClient(Config{Org: u, ClientID: "cordon", KeyFile: file, Username: "cordon@example.com", Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if me, err := c.Userinfo(t.Context()); err != nil || me.Username != "cordon@example.com" {
		t.Fatalf("%+v, %v", me, err)
	}
	parts := strings.Split(o.forms[0].Get("assertion"), ".")
	if len(parts) != 3 {
		t.Fatalf("assertion %q", parts)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], sig) != nil {
		t.Error("the signature does not verify")
	}
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	if want := `{"aud":"https://login.salesforce.com","exp":1800000180,"iss":"cordon","sub":"cordon@example.com"}`; string(claims) != want {
		t.Errorf("claims %s", claims)
	}
}

func TestSignInThatFails(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, `{"error":"invalid_client","error_description":"x"}`)
	}))
	defer s.Close()
	c := newClient(t, &org{Server: s})
	_, err := c.Describe(context.Background(), "Case")
	if !errors.Is(err, cordon.ErrNotSent) || !strings.Contains(err.Error(), "invalid_client") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
}

func TestDownload(t *testing.T) {
	o := newOrg(t)
	o.files["068xx0000000001AAA"] = []byte("the file")
	c := newClient(t, o)
	var b bytes.Buffer
	n, sum, err := c.Download(t.Context(), "ContentVersion", "068xx0000000001AAA", "VersionData", &b)
	if err != nil || n != 8 || b.String() != "the file" || sum != sha256.Sum256([]byte("the file")) {
		t.Errorf("%d %q %v", n, b.String(), err)
	}
	if _, _, err := c.Download(t.Context(), "ContentVersion", "068xx0000000002AAA", "VersionData", &b); !errors.Is(err, cordon.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestConfigSaysWhatIsMissing(t *testing.T) {
	u, _ := url.Parse("https://acme.my.salesforce.com")
	for _, c := range []Config{{}, {Org: u}, {Org: u, ClientID: "x"}, {Org: u, ClientID: "x", KeyFile: "k"}, {Org: u, ClientID: "x", KeyFile: "k", SecretFile: "s"}} {
		if _, err := NewClient(c); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
