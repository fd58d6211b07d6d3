package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

func TestAskingWithTheContentAsBody(t *testing.T) {
	a := newAPI(t, Config{})
	var got cordon.Arrival
	a.desk.Judge = func(arrival cordon.Arrival, data []byte) (*cordon.Verdict, []cordon.Finding) {
		got = arrival
		return &cordon.Verdict{Outcome: cordon.Synthetic, Action: cordon.Hold, Reasons: []cordon.Reason{cordon.ReasonGeneratorMark}, Policy: "default@0123456789ab"},
			[]cordon.Finding{{Detector: "marks", Version: "1", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelGeneratorMark, Sentence: "A generator wrote it."}}
	}
	w := a.call("mule", "POST", "/v1/items?route=partner-api&subject=003xx", "bytes of a photo",
		"Content-Type", "image/jpeg", "Content-Disposition", `attachment; filename="C:\photos\claim.jpg"`)
	out := decode[askedBody](t, w)
	if w.Code != 200 || out.State != cordon.Held || out.Verdict == nil || out.Verdict.Outcome != cordon.Synthetic || len(out.Findings) != 1 ||
		out.Receipt != "/v1/receipts/"+string(out.ID) || w.Header().Get("Cordon-Receipt") != string(out.ID) {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	if got.Tenant != "acme" || got.Route.Name != "partner-api" || got.Op != cordon.OpAsk || got.DeclaredType != "image/jpeg" ||
		got.Personal.Name != "claim.jpg" || got.Personal.Subject != "003xx" || got.Client != "mule" || got.CallerKey != "api:mule" || got.Personal.Address == "" {
		t.Errorf("the desk was asked %+v", got)
	}
	claims := verified(t, a, out.Signed)
	sum := sha256.Sum256([]byte("bytes of a photo"))
	if claims.Content != hex.EncodeToString(sum[:]) || claims.Item != out.ID || claims.Outcome != cordon.Synthetic || claims.Tenant != "acme" || claims.Issuer != "https://cordon.example" {
		t.Errorf("the signed verdict says %+v", claims)
	}
	// The asker finds the item again, and nobody else among the askers does.
	again := decode[itemBody](t, a.call("mule", "GET", "/v1/items/"+string(out.ID), ""))
	if verified(t, a, again.Signed).Content != claims.Content || again.Personal != nil {
		t.Errorf("the asker gets %+v", again)
	}
	a.refused(a.call("mule-two", "GET", "/v1/items/"+string(out.ID), ""), 404, "not-found")
	if other := decode[itemBody](t, a.call("otto", "GET", "/v1/items/"+string(out.ID), "")); other.Signed != "" {
		t.Error("the digest of the content goes to an auditor")
	}
}

func TestAskingWithAForm(t *testing.T) {
	a := newAPI(t, Config{})
	var got cordon.Arrival
	var data []byte
	a.desk.Judge = func(arrival cordon.Arrival, b []byte) (*cordon.Verdict, []cordon.Finding) {
		got, data = arrival, b
		return &cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass}, nil
	}
	body, kind := form(t, [][2]string{{"route", "wound-photos"}, {"name", "arm.png"}}, 1, nil)
	w := a.call("mule", "POST", "/v1/items", body, "Content-Type", kind)
	if w.Code != 200 || got.Route.Name != "wound-photos" || got.Personal.Name != "arm.png" || got.DeclaredType != "image/png" || string(data) != "picture 0" {
		t.Errorf("answered %d %s; the desk was asked %+v about %q", w.Code, w.Body, got, data)
	}
	if claims := verified(t, a, decode[askedBody](t, w).Signed); claims.Reasons == nil {
		t.Error("the claim reasons is null")
	}
	before := a.total(t)
	for name, parts := range map[string]struct {
		fields, after [][2]string
		files         int
	}{
		"no file":              {[][2]string{{"name", "x"}}, nil, 0},
		"two files":            {nil, nil, 2},
		"a field after":        {nil, [][2]string{{"route", "wound-photos"}}, 1},
		"an unknown field":     {[][2]string{{"rout", "wound-photos"}}, nil, 1},
		"an undeclared route":  {[][2]string{{"route", "nobody"}}, nil, 1},
		"a callback elsewhere": {[][2]string{{"route", "partner-api"}, {"callback_url", "https://evil.example/"}}, nil, 1},
		"a long field":         {[][2]string{{"name", strings.Repeat("x", maxField+1)}}, nil, 1},
	} {
		body, kind := form(t, parts.fields, parts.files, parts.after)
		if w := a.call("mule", "POST", "/v1/items", body, "Content-Type", kind); w.Code != 400 {
			t.Errorf("a form with %s: %d %s", name, w.Code, w.Body)
		}
	}
	if after := a.total(t); after != before {
		t.Errorf("refused forms left %d items", after-before)
	}
	body, kind = form(t, [][2]string{{"route", "partner-api"}, {"callback_url", "https://partner.example/cordon"}}, 1, nil)
	if w := a.call("mule", "POST", "/v1/items", body, "Content-Type", kind); w.Code != 200 {
		t.Errorf("the declared callback address is refused: %s", w.Body)
	}
}

func (a *testAPI) total(t testing.TB) (n int) {
	t.Helper()
	for _, in := range decode[countsBody](t, a.call("otto", "GET", "/v1/counts", "")).States {
		n += in
	}
	return n
}

func form(t *testing.T, fields [][2]string, files int, after [][2]string) (body, kind string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	write := func(fields [][2]string) {
		for _, f := range fields {
			if err := m.WriteField(f[0], f[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(fields)
	for i := range files {
		p, err := m.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="a.png"`}, "Content-Type": {"image/png"}})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(p, "picture %d", i)
	}
	write(after)
	m.Close()
	return b.String(), m.FormDataContentType()
}

func TestBodiesThatAreRefused(t *testing.T) {
	a := newAPI(t, Config{MaxBody: 100})
	before := a.total(t)
	a.refused(a.call("mule", "POST", "/v1/items", strings.Repeat("x", 101)), 413, "too-large")
	body, kind := form(t, nil, 1, nil)
	a.refused(a.call("mule", "POST", "/v1/items", body, "Content-Type", kind), 413, "too-large")
	a.refused(a.call("mule", "POST", "/v1/items", body, "Content-Type", kind, "Content-Length", "1"), 413, "too-large")
	a.refused(a.call("mule", "POST", "/v1/items", ""), 400, "invalid")
	a.refused(a.call("mule", "POST", "/v1/items", "x", "Content-Type", "multipart/form-data"), 400, "invalid")
	a.refused(a.call("mule", "POST", "/v1/items", "x", "Content-Type", "image/jpeg; ="), 400, "invalid")
	a.refused(a.call("mule", "POST", "/v1/items?name=a&name=b", "x"), 400, "invalid")
	a.refused(a.call("mule", "POST", "/v1/items", "x", "Idempotency-Key", "a\x01"), 400, "invalid")
	if after := a.total(t); after != before {
		t.Errorf("refused bodies left %d items", after-before)
	}
	if w := a.call("mule", "POST", "/v1/items", strings.Repeat("x", 100)); w.Code != 200 {
		t.Errorf("a body of exactly the limit: %d", w.Code)
	}
}

func TestVerdictsThatTakeLonger(t *testing.T) {
	a := newAPI(t, Config{})
	for name, headers := range map[string][]string{"asked for": {"Prefer", "wait=5, respond-async"}, "over budget": nil} {
		a.desk.Slow = headers == nil
		w := a.call("mule", "POST", "/v1/items", "bytes", headers...)
		out := decode[askedBody](t, w)
		if w.Code != 202 || w.Header().Get("Location") != "/v1/items/"+string(out.ID) || w.Header().Get("Retry-After") == "" ||
			out.Verdict != nil || out.Signed != "" || out.State != cordon.Received || !strings.Contains(w.Body.String(), `"findings":[]`) {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
		if w := a.call("mule", "GET", w.Header().Get("Location"), ""); w.Code != 200 {
			t.Errorf("%s: looking later: %d", name, w.Code)
		}
	}
}

func TestTooManyAskers(t *testing.T) {
	a := newAPI(t, Config{MaxAsks: 1})
	if !a.asks.Take(string(desktest.Tenant), "somebody", 1) {
		t.Fatal("no room at the start")
	}
	w := a.call("mule", "POST", "/v1/items", "bytes")
	a.refused(w, 503, "busy")
	if w.Header().Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	a.asks.Give(string(desktest.Tenant), "somebody", 1)
	if w := a.call("mule", "POST", "/v1/items", "bytes"); w.Code != 200 {
		t.Errorf("with room again: %d", w.Code)
	}
}

func TestRepeatedQuestions(t *testing.T) {
	a := newAPI(t, Config{})
	ask := func(login, body, key string) askedBody {
		t.Helper()
		w := a.call(login, "POST", "/v1/items", body, "Idempotency-Key", key)
		if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return decode[askedBody](t, w)
	}
	first := ask("mule", "bytes", "k1")
	if again := ask("mule", "bytes", "k1"); again.ID != first.ID || verified(t, a, again.Signed).Item != first.ID {
		t.Error("the same key makes a second item")
	}
	if other := ask("mule", "bytes", "k2"); other.ID == first.ID {
		t.Error("another key gets the first item")
	}
	if other := ask("mule-two", "bytes", "k1"); other.ID == first.ID {
		t.Error("another account's key gets the first item")
	}
	// A signature over bytes that were never judged would be a way through.
	a.refused(a.call("mule", "POST", "/v1/items", "other bytes", "Idempotency-Key", "k1"), 409, "conflict")

	// Where nobody knows any more which bytes were judged, nothing is signed.
	view, err := a.desk.Open(t.Context(), "acme", first.ID)
	if err != nil {
		t.Fatal(err)
	}
	gone := view
	gone.Personal, gone.PersonalGone = cordon.Personal{}, true
	shredded := &shreddedDesk{Desk: a.desk, view: gone}
	a.Server.Desk = shredded
	if out := ask("mule", "other bytes", "k1"); out.ID != first.ID || out.Signed != "" {
		t.Errorf("other bytes are signed for: %+v", out)
	}
	a.Server.Desk = a.desk

	view, err = a.desk.Open(t.Context(), "acme", first.ID)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := a.Notice(view)
	if err != nil || !bytes.Contains(payload, []byte(first.ID)) || !bytes.Contains(payload, []byte(`"signed_verdict":"ey`)) {
		t.Errorf("notice: %s, %v", payload, err)
	}
}

// shreddedDesk answers every question with one item whose bytes and key are gone.
type shreddedDesk struct {
	Desk
	view desk.View
}

func (d *shreddedDesk) Ask(_ context.Context, _ cordon.Arrival, body io.Reader, _ time.Duration) (cordon.Item, error) {
	_, err := io.Copy(io.Discard, body)
	return d.view.Item, err
}

func (d *shreddedDesk) Open(context.Context, cordon.TenantID, cordon.ID) (desk.View, error) {
	return d.view, nil
}
