package line_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/ledger"
)

// asked is the answer to POST /v1/items, and the payload of callbacks.
type askedJSON struct {
	ID       string
	State    cordon.State
	Verdict  *cordon.Verdict
	Findings []cordon.Finding
	Receipt  string
	Signed   string `json:"signed_verdict"`
}

func (w *world) ask(body io.Reader, header ...string) (int, http.Header, askedJSON) {
	w.T.Helper()
	req, err := http.NewRequest("POST", w.Console+"/v1/items?name=photo.jpg", body)
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	var out askedJSON
	b, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		w.T.Fatalf("%v: %s", err, b)
	}
	return resp.StatusCode, resp.Header, out
}

// checkSigned holds a signed verdict against the key that the gateway publishes.
func (w *world) checkSigned(signed, item string, content []byte, outcome cordon.Outcome) {
	w.T.Helper()
	var keys struct {
		Keys []struct{ Kty, Crv, X, Kid string }
	}
	resp, err := http.Get(w.Console + "/v1/keys") // open: whoever was shown a verdict can check it
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&keys); err != nil || len(keys.Keys) == 0 {
		w.T.Fatalf("keys: %v %+v", err, keys)
	}
	part := strings.Split(signed, ".")
	if len(part) != 3 {
		w.T.Fatalf("not a compact JWS: %q", signed)
	}
	decode := func(s string, v any) {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err == nil {
			err = json.Unmarshal(b, v)
		}
		if err != nil {
			w.T.Fatalf("%v: %s", err, s)
		}
	}
	var head struct{ Alg, Kid string }
	var claims struct {
		Tenant, Item, Outcome, Content string
		Exp                            int64
	}
	decode(part[0], &head)
	decode(part[1], &claims)
	verified := false
	for _, k := range keys.Keys {
		public, err := base64.RawURLEncoding.DecodeString(k.X)
		sig, err2 := base64.RawURLEncoding.DecodeString(part[2])
		if err == nil && err2 == nil && k.Kid == head.Kid && head.Alg == "EdDSA" {
			verified = ed25519.Verify(public, []byte(part[0]+"."+part[1]), sig) && !ed25519.Verify(public, []byte(part[0]+"x."+part[1]), sig)
		}
	}
	sum := sha256.Sum256(content)
	if !verified || claims.Item != item || claims.Tenant != "clinic" || claims.Outcome != string(outcome) ||
		claims.Content != hex.EncodeToString(sum[:]) || claims.Exp <= time.Now().Unix() {
		w.T.Errorf("verified %v, claims %+v; want item %s, %s", verified, claims, item, outcome)
	}
}

// TestAskingForAVerdict: in front of anything but Salesforce, a program asks and gets an answer
// that it can show to others.
func TestAskingForAVerdict(t *testing.T) {
	w := newWorld(t)
	form := func(file []byte) (io.Reader, string) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		p, _ := m.CreateFormFile("file", "photo.jpg")
		p.Write(file)
		m.Close()
		return &b, m.FormDataContentType()
	}
	for name, k := range map[string]struct {
		file    []byte
		outcome cordon.Outcome
		state   cordon.State
	}{
		"camera":    {e2e.Media.Camera.Bytes, cordon.NoSign, cordon.Kept},
		"generated": {e2e.Media.Generated.Bytes, cordon.Synthetic, cordon.Held},
	} {
		t.Run(name, func(t *testing.T) {
			w.T = t
			s, h, raw := w.ask(bytes.NewReader(k.file), "Content-Type", "image/jpeg")
			if s != http.StatusOK || raw.Verdict == nil || raw.Verdict.Outcome != k.outcome || raw.State != k.state || h.Get("Cordon-Receipt") != raw.ID {
				t.Fatalf("raw: %d %+v; want %s, %s", s, raw, k.outcome, k.state)
			}
			w.checkSigned(raw.Signed, raw.ID, k.file, k.outcome)

			file := append(bytes.Clone(k.file), "as a form"...)
			body, typ := form(file)
			s, _, multi := w.ask(body, "Content-Type", typ)
			if s != http.StatusOK || multi.Verdict == nil || multi.Verdict.Outcome != k.outcome {
				t.Fatalf("form: %d %+v", s, multi)
			}
			w.checkSigned(multi.Signed, multi.ID, file, k.outcome)

			file = append(bytes.Clone(k.file), "later"...)
			s, h, later := w.ask(bytes.NewReader(file), "Content-Type", "image/jpeg", "Prefer", "respond-async")
			if s != http.StatusAccepted || later.Verdict != nil || later.Signed != "" || h.Get("Location") != "/v1/items/"+later.ID || h.Get("Retry-After") == "" {
				t.Fatalf("async: %d %v %+v", s, h, later)
			}
			w.Until("the verdict", func() bool { return w.Item(later.ID).Verdict != nil })
			if v := w.Item(later.ID).Verdict; v.Outcome != k.outcome {
				t.Errorf("later: %+v", v)
			}
			w.Until("the state", func() bool { return w.Item(later.ID).State == k.state })

			vkey := w.vkey()
			for _, id := range []string{raw.ID, multi.ID, later.ID} {
				var doc []byte
				w.Until("a receipt", func() bool { return w.API("GET", "/v1/receipts/"+id, nil, &doc) == http.StatusOK })
				v, err := ledger.VerifyReceipt(vkey, doc)
				if err != nil || string(v.Item) != id || v.Tenant != "clinic" || len(v.Entries) < 2 {
					t.Errorf("receipt: %v %+v", err, v)
				}
				if _, err := ledger.VerifyReceipt(vkey, bytes.Replace(doc, []byte(k.state), []byte("kepz"), 1)); err == nil {
					t.Error("a changed receipt verifies")
				}
			}
		})
	}
	w.T = t
	if n := len(w.Org.Files()); n != 0 {
		t.Errorf("%d files upstream: asking writes nothing", n)
	}
}

// vkey is the key that verifies the clinic's ledger.
func (w *world) vkey() string {
	w.T.Helper()
	s, err := ledger.LoadSigner(app.LedgerKey(filepath.Join(w.Dir, "keys"), "clinic"))
	if err != nil {
		w.T.Fatal(err)
	}
	return s.VKey()
}

// TestIdempotencyKey: the same question twice is one item, and the same key for other content
// is a mistake.
func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t)
	file := e2e.Media.Generated.Bytes
	s, _, first := w.ask(bytes.NewReader(file), "Idempotency-Key", "k-1")
	if s != http.StatusOK {
		t.Fatalf("%d %+v", s, first)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if s, _, again := w.ask(bytes.NewReader(file), "Idempotency-Key", "k-1"); s != http.StatusOK || again.ID != first.ID || again.Verdict == nil {
				t.Errorf("again: %d %+v; want item %s", s, again, first.ID)
			}
		})
	}
	wg.Wait()
	if n := len(w.Items("")); n != 1 {
		t.Errorf("%d items, want 1", n)
	}
	if s, _, other := w.ask(bytes.NewReader(e2e.Media.Camera.Bytes), "Idempotency-Key", "k-1"); s < 400 || other.ID == first.ID {
		t.Errorf("the same key for other content: %d %+v", s, other)
	}
	if n := len(w.Items("")); n != 1 {
		t.Errorf("%d items, want 1", n)
	}
	w.Until("no bytes of nobody", func() bool { return len(w.orphans()) == 0 })
}

// received is one call that a receiver got.
type received struct {
	id, body string
	told     askedJSON
	genuine  bool
}

// TestCallbacks: a route's owner hears of a hold and of the decision, each call signed as
// Standard Webhooks describes.
func TestCallbacks(t *testing.T) {
	key := make([]byte, 32)
	rand.Read(key)
	var mu sync.Mutex
	var calls []received
	failures := 1 // the first call is not taken, and must come again
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		id, at := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
		mac := hmac.New(sha256.New, key)
		io.WriteString(mac, id+"."+at+"."+string(b))
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		sec, err := strconv.ParseInt(at, 10, 64)
		c := received{id: id, body: string(b), genuine: err == nil && time.Since(time.Unix(sec, 0)).Abs() < 5*time.Minute &&
			hmac.Equal([]byte(want), []byte(r.Header.Get("webhook-signature")))}
		err = json.Unmarshal(b, &c.told)
		c.genuine = c.genuine && err == nil && r.Method == "POST"
		mu.Lock()
		defer mu.Unlock()
		if failures > 0 {
			failures--
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		calls = append(calls, c)
	}))
	defer receiver.Close()
	w := newWorldWith(t, e2e.WorldOptions{App: func(c *app.Config) {
		path := filepath.Join(t.TempDir(), "callback.secret")
		e2e.WriteFile(t, path, []byte("whsec_"+base64.StdEncoding.EncodeToString(key)+"\n"))
		c.Tenants[0].CallbackSecret, c.Tenants[0].AllowLoopbackCallbacks = path, true
		c.Tenants[0].Routes[0].CallbackURL = receiver.URL
	}})
	heard := func(id string, state cordon.State) (out []received) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range calls {
			if c.told.ID == id && c.told.State == state {
				out = append(out, c)
			}
		}
		return out
	}
	expect := func(id string, state cordon.State, file []byte) {
		t.Helper()
		w.Until("word of "+string(state), func() bool { return len(heard(id, state)) > 0 })
		c := heard(id, state)
		if len(c) != 1 || !c[0].genuine || c[0].told.Verdict == nil {
			t.Errorf("%s: told %+v", state, c)
			return
		}
		if file != nil {
			w.checkSigned(c[0].told.Signed, id, file, cordon.Synthetic)
		}
		if strings.Contains(c[0].body, "Mustermann") || strings.Contains(c[0].body, "id.jpg") {
			t.Errorf("a callback names somebody: %s", c[0].body)
		}
	}

	inline, err := w.UploadJSON("Erika Mustermann", "id.jpg", e2e.Media.Generated.Bytes)
	if err != nil || inline.Receipt == "" {
		t.Fatal(err, inline.Status)
	}
	expect(inline.Receipt, cordon.Held, e2e.Media.Generated.Bytes)
	if s := w.release(inline.Receipt); s != http.StatusOK {
		t.Fatalf("release: %d", s)
	}
	w.Until("word of the decision", func() bool {
		return len(heard(inline.Receipt, cordon.Released))+len(heard(inline.Receipt, cordon.Forwarding))+len(heard(inline.Receipt, cordon.Delivered)) > 0
	})

	file := append(bytes.Clone(e2e.Media.Generated.Bytes), "asked"...)
	_, _, asked := w.ask(bytes.NewReader(file), "Prefer", "respond-async")
	expect(asked.ID, cordon.Held, file)
	if s := w.API("POST", "/v1/items/"+asked.ID+"/reject", map[string]string{"reason": "harmful", "note": "Mustermann says no"}, nil); s != http.StatusOK {
		t.Fatalf("reject: %d", s)
	}
	expect(asked.ID, cordon.Rejected, file)

	mu.Lock()
	defer mu.Unlock()
	ids := map[string]string{}
	for _, c := range calls {
		if !c.genuine {
			t.Errorf("a call that is not genuine: %+v", c)
		}
		if before, dup := ids[c.id]; dup && before != c.body {
			t.Errorf("one message id for two messages: %s", c.id)
		}
		ids[c.id] = c.body
	}
}
