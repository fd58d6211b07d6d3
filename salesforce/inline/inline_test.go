package inline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

func TestFilePassesWrittenAnew(t *testing.T) {
	boundary := "xx"
	form := "--xx\r\nContent-Disposition: form-data; name=\"VersionData\"; filename=\"pic\"\r\nContent-Type: image/x-pict\r\n\r\n" + string(plain) +
		"\r\n--xx\r\nContent-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json\r\n\r\n" +
		`{"PathOnClient":"intake.png","Title":"intake"}` + "\r\n--xx--\r\n"
	for _, test := range []struct{ name, method, uri, contentType, body string }{
		{"json", "POST", cvPath, jsonType, cvJSON(plain)},
		{"json update", "PATCH", cvPath + "/068xx0000000001AAA", jsonType, cvJSON(plain)},
		{"json by external id", "PATCH", cvPath + "/Ext__c/a%20b", jsonType, cvJSON(plain)},
		{"multipart, binary part first", "POST", cvPath, "multipart/form-data; boundary=" + boundary, form},
		{"attachment", "POST", attachPath, jsonType, `{"Name":"intake.png","Body":"` + b64(plain) + `","ParentId":"500xx000000bZzZAAU"}`},
		{"document", "POST", "/services/data/v64.0/sobjects/Document", jsonType, `{"Name":"intake.png","Body":"` + b64(plain) + `"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStand(t, nil)
			a := s.do(t, test.method, test.uri, test.contentType, strings.NewReader(test.body), "Sforce-Call-Options", "client=test")
			want := http.StatusCreated
			if test.method == "PATCH" {
				want = http.StatusNoContent
			}
			if a.status != want {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			w := s.org.write(t)
			if !bytes.Equal(w.file, plain) {
				t.Errorf("the upstream has %d other bytes", len(w.file))
			}
			if w.method != test.method || w.uri != test.uri {
				t.Errorf("written as %s %s", w.method, w.uri)
			}
			if w.header.Get("Authorization") != "Bearer "+token || w.header.Get("Sforce-Call-Options") != "client=test" {
				t.Errorf("headers were lost: %v", w.header)
			}
			item := s.line.item(t)
			if a.header.Get(ReceiptHeader) != string(item.ID) {
				t.Errorf("receipt %q of item %s", a.header.Get(ReceiptHeader), item.ID)
			}
			if item.State != cordon.Delivered || item.UpstreamID == "" && !strings.Contains(test.uri, "Ext__c") {
				t.Errorf("item %+v", item)
			}
			p := s.line.arrivals[0].Personal
			if p.Name != "intake.png" || p.UserID != "005xx000001SwiUAAS" || p.Username != "u@example.com" || p.Staged.Owner != p.UserID || p.Address != "127.0.0.1" {
				t.Errorf("arrival %+v", p)
			}
			if s.line.touched["portal inspected"] != 1 {
				t.Errorf("touched %v", s.line.touched)
			}
		})
	}
}

func TestKeyIsWrittenWhereTheOrgHasIt(t *testing.T) {
	s := newStand(t, nil)
	s.org.keyed = true
	s.do(t, "POST", cvPath, jsonType, strings.NewReader(`{"cordon_key__C":"mine",`+cvJSON(plain)[1:]))
	key := s.line.arrivals[0].Personal.Staged.Key
	if got := s.org.write(t).fields["Cordon_Key__c"]; key == "" || got != key {
		t.Errorf("key %q, written as %v", key, got)
	}
}

func TestHeldFileIsRefusedWithItsReceipt(t *testing.T) {
	s := newStand(t, nil)
	a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(photo)))
	item := s.line.item(t)
	if a.status != http.StatusBadRequest || a.code(t) != "FIELD_CUSTOM_VALIDATION_EXCEPTION" ||
		!strings.Contains(a.body, string(item.ID)) || !strings.Contains(a.body, `"fields":["VersionData"]`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a.header.Get(ReceiptHeader) != string(item.ID) || item.State != cordon.Held {
		t.Errorf("receipt %q of %+v", a.header.Get(ReceiptHeader), item)
	}
	if w := s.org.writes(); len(w) != 0 {
		t.Errorf("the upstream saw %+v", w)
	}
}

func TestShadowRouteOnlyRecords(t *testing.T) {
	s := newStand(t, func(c *Config) {
		c.Tenants[0].Routes = []cordon.Route{declared("shadow", func(r *cordon.Route) { r.Mode = cordon.ModeShadow })}
	})
	s.line.judge = cordon.ErrBusy // not even that keeps the file back
	a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(photo)))
	if a.status != http.StatusCreated || !bytes.Equal(s.org.write(t).file, photo) || s.line.touched["shadow inspected"] != 1 {
		t.Errorf("%d %s, %v", a.status, a.body, s.line.touched)
	}
}

func TestStagedPlaceholderExistsUpstream(t *testing.T) {
	s := &stand{line: newFakeLine(), org: newFakeOrg(t)}
	s.start(t, stagingLine{s.line}, func(c *Config) {
		c.Tenants[0].Routes = []cordon.Route{declared("staged", func(r *cordon.Route) { r.WhenHeld = cordon.AnswerStage })}
	})
	a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(photo)))
	if a.status != http.StatusCreated || !strings.Contains(a.body, `"068xx0000000001AAA"`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	w := s.org.write(t)
	if bytes.Contains(w.file, []byte("HOLD-ME")) || http.DetectContentType(w.file) != "image/png" {
		t.Errorf("the placeholder is %q", w.file[:16])
	}
	if w.fields["Title"] != "intake (under review)" || !strings.HasPrefix(w.fields["Description"].(string), PlaceholderMark) ||
		w.fields["FirstPublishLocationId"] != "500xx000000bZzZAAU" {
		t.Errorf("fields %v", w.fields)
	}
	if len(s.line.staged) != 1 || s.line.staged[0] != (cordon.Delivery{ID: "068xx0000000001AAA", DocumentID: "069xx0000000001AAA"}) {
		t.Errorf("staged %v", s.line.staged)
	}

	t.Run("other targets are refused", func(t *testing.T) {
		a := s.do(t, "POST", attachPath, jsonType, strings.NewReader(`{"Name":"a.png","Body":"`+b64(photo)+`"}`))
		if a.status != http.StatusBadRequest || a.code(t) != "FIELD_CUSTOM_VALIDATION_EXCEPTION" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestRepeatIsAnsweredByTheFirstItem(t *testing.T) {
	for state, want := range map[cordon.State]int{
		cordon.Held: 400, cordon.Rejected: 400, cordon.Delivered: 201, cordon.Forwarding: 503, cordon.Released: 503,
		cordon.Unsettled: 409, cordon.RefusedUpstream: 400, cordon.Erased: 400,
	} {
		t.Run(string(state), func(t *testing.T) {
			s := newStand(t, nil)
			s.line.answers = &cordon.Item{Ref: cordon.Ref{Tenant: "clinic", Kind: cordon.KindItem, ID: "itm_first"}, State: state}
			if state == cordon.Delivered {
				s.line.answers.UpstreamID = "068xx0000000009AAA"
			}
			a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(photo)), "Idempotency-Key", "k1")
			if a.status != want || a.header.Get(ReceiptHeader) != "itm_first" {
				t.Errorf("%d %v %s, want %d", a.status, a.header, a.body, want)
			}
			if state == cordon.Delivered && !strings.Contains(a.body, "068xx0000000009AAA") {
				t.Errorf("body %s", a.body)
			}
			if s.line.arrivals[0].IdempotencyKey != "k1" {
				t.Errorf("arrival %+v", s.line.arrivals[0])
			}
			if w := s.org.writes(); len(w) != 0 {
				t.Errorf("the upstream saw %+v", w)
			}
		})
	}
}

func TestFaultsOfTheLinePassNothing(t *testing.T) {
	for name, test := range map[string]struct {
		set    func(*fakeLine)
		status int
	}{
		"spool busy":   {func(l *fakeLine) { l.spoolErr = cordon.ErrBusy }, 503},
		"receive busy": {func(l *fakeLine) { l.receive = cordon.ErrBusy }, 503},
		"receive":      {func(l *fakeLine) { l.receive = cordon.ErrConflict }, 500},
		"judge busy":   {func(l *fakeLine) { l.judge = cordon.ErrBusy }, 503},
		"judge":        {func(l *fakeLine) { l.judge = cordon.ErrShredded }, 500},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			test.set(s.line)
			a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain)))
			if a.code(t); a.status != test.status || len(s.org.writes()) != 0 {
				t.Errorf("%d %s, %d writes", a.status, a.body, len(s.org.writes()))
			}
			if a.status == 503 && a.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}

func TestStrangersStoreNothing(t *testing.T) {
	for name, test := range map[string]struct {
		set     func(*stand)
		headers []string
		status  int
		code    string
	}{
		"no token":      {nil, []string{"Authorization", ""}, 401, "INVALID_SESSION_ID"},
		"wrong token":   {nil, []string{"Authorization", "", "Authorization", "Bearer nope"}, 401, "INVALID_SESSION_ID"},
		"may not write": {func(s *stand) { s.org.deny = true }, nil, 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"},
		"quota":         {nil, []string{"X-Quota", "1"}, 403, "REQUEST_LIMIT_EXCEEDED"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, func(c *Config) {
				if name == "quota" {
					c.Quota = func(cordon.TenantID, string) (wait time.Duration) { return time.Minute }
				}
			})
			if test.set != nil {
				test.set(s)
			}
			a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain)), test.headers...)
			if a.status != test.status || a.code(t) != test.code {
				t.Errorf("%d %s", a.status, a.body)
			}
			if len(s.line.spooled) != 0 || len(s.line.seen) != 0 || len(s.org.writes()) != 0 {
				t.Error("something was stored or sent")
			}
		})
	}
}

func TestRightsAreAskedOncePerMinute(t *testing.T) {
	s := newStand(t, nil)
	for range 3 {
		s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain)))
	}
	if s.org.asked["ContentVersion"] != 1 {
		t.Errorf("described %d times", s.org.asked["ContentVersion"])
	}
}

func TestWritesWithoutAFilePass(t *testing.T) {
	for name, test := range map[string]struct {
		method, uri, body string
		touched           string
		status            int
	}{
		"rename":          {"PATCH", cvPath + "/068xx0000000001AAA", `{"Title":"new","PathOnClient":"b.png"}`, "portal passed", 204},
		"null file":       {"PATCH", cvPath + "/068xx0000000001AAA", `{"Title":"new","VersionData":null}`, "portal passed", 204},
		"link":            {"POST", cvPath, `{"Title":"l","ContentUrl":"https://example.com/x"}`, "portal not-inspected", 201},
		"body elsewhere":  {"POST", cvPath, `{"Title":"l","ContentBodyId":"05Txx0000000001AAA"}`, "portal refused", 400},
		"case":            {"POST", "/services/data/v64.0/sobjects/Case", `{"Subject":"s","Description":"Update data: see http://example.com/a/b, ok"}`, "portal passed", 201},
		"platform event":  {"POST", "/services/data/v64.0/sobjects/Auth_Alert__e", `{"File_Id__c":"068xx0000000001AAA"}`, "portal passed", 201},
		"chatter post":    {"POST", "/services/data/v64.0/sobjects/FeedItem", `{"ParentId":"500xx000000bZzZAAU","Body":"hello"}`, "portal passed", 201},
		"note":            {"POST", "/services/data/v64.0/sobjects/Note", `{"ParentId":"500xx000000bZzZAAU","Body":"hello"}`, "portal passed", 201},
		"method override": {"POST", "/services/data/v64.0/sobjects/Case/500xx000000bZzZAAU?_HttpMethod=PATCH", `{"Subject":"s"}`, "portal passed", 204},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			a := s.do(t, test.method, test.uri, jsonType, strings.NewReader(test.body))
			if a.status != test.status || s.line.touched[test.touched] != 1 {
				t.Fatalf("%d %s, touched %v", a.status, a.body, s.line.touched)
			}
			if len(s.line.seen) != 0 {
				t.Error("an item was made of no file")
			}
			if test.status == 400 {
				return
			}
			var want, got any
			if err := json.Unmarshal([]byte(test.body), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(s.org.write(t).body, &got); err != nil {
				t.Fatal(err)
			}
			wb, _ := json.Marshal(want)
			gb, _ := json.Marshal(got)
			if !bytes.Equal(wb, gb) {
				t.Errorf("written as %s", gb)
			}
		})
	}
}

func TestUnknownHost(t *testing.T) {
	s := newStand(t, nil)
	req, _ := http.NewRequest("GET", s.URL+"/services/data", nil)
	req.Host = "other.example.com:8443"
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestDrainWaitsForUploads(t *testing.T) {
	s := newStand(t, nil)
	s.line.gate, s.line.entered = make(chan struct{}), make(chan struct{})
	done := make(chan clientAnswer)
	go func() { done <- s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain))) }()
	<-s.line.entered

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.gateway.Drain(ctx); err == nil {
		t.Error("drained while an upload runs")
	}
	if a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain))); a.status != 503 || a.code(t) != "SERVER_UNAVAILABLE" {
		t.Errorf("an upload was admitted: %d", a.status)
	}
	if a := s.do(t, "GET", "/services/data/v64.0/limits", "", nil); a.status != 200 {
		t.Errorf("a call without media: %d", a.status)
	}
	close(s.line.gate)
	if a := <-done; a.status != 201 {
		t.Errorf("the running upload: %d %s", a.status, a.body)
	}
	if err := s.gateway.Drain(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestOverloadIsANative503(t *testing.T) {
	s := newStand(t, func(c *Config) { c.MaxUploads = 1 })
	s.line.gate, s.line.entered = make(chan struct{}), make(chan struct{}, 2)
	done := make(chan clientAnswer)
	go func() { done <- s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain))) }()
	<-s.line.entered
	a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(plain)))
	if a.status != 503 || a.code(t) != "SERVER_UNAVAILABLE" || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	close(s.line.gate)
	<-done
}

// TestAKeyUsedForAnotherRequest: the caller's mistake is told as one, in the platform's shape.
func TestAKeyUsedForAnotherRequest(t *testing.T) {
	s := newStand(t, nil)
	s.line.receive = fmt.Errorf("%w; use a new key", cordon.ErrKeyReused)
	a := s.do(t, "POST", cvPath, jsonType, strings.NewReader(cvJSON(photo)), "Idempotency-Key", "k1")
	if a.status != 400 || !strings.Contains(a.body, `"DUPLICATE_VALUE"`) || a.header.Get(ReceiptHeader) != "" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if w := s.org.writes(); len(w) != 0 {
		t.Errorf("the upstream saw %+v", w)
	}
}
