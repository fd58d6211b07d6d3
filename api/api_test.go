package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

// morning is when the tests take place.
var morning = time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)

type testAPI struct {
	*Server
	t      testing.TB
	desk   *desktest.Desk
	first  cordon.ID // held
	tokens map[string]string
	log    *bytes.Buffer
	now    time.Time
}

func newAPI(t testing.TB, conf Config, checks ...Check) *testAPI {
	t.Helper()
	a := &testAPI{t: t, desk: desktest.New(), tokens: map[string]string{}, log: &bytes.Buffer{}, now: morning}
	a.first = a.desk.Day(morning)
	a.desk.Now = func() time.Time { a.now = a.now.Add(time.Millisecond); return a.now }
	var accounts []account.Static
	for login, role := range map[string]account.Role{"rhea": account.Reviewer, "otto": account.Auditor, "ada": account.Admin, "mule": account.Integration, "mule-two": account.Integration, "radar": account.Reporter, "radar-two": account.Reporter} {
		a.tokens[login] = string(account.NewToken())
		accounts = append(accounts, account.Static{Login: login, Tenant: desktest.Tenant, Roles: []account.Role{role}, Token: a.tokens[login]})
	}
	a.tokens["other"] = string(account.NewToken())
	accounts = append(accounts, account.Static{Login: "other", Tenant: "globex", Roles: []account.Role{account.Reviewer}, Token: a.tokens["other"]})
	book, err := account.OpenStatic(accounts...)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)), "https://cordon.example")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := a.desk.Routes(context.Background(), desktest.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	a.Server, err = New(conf, Parts{
		Desk: a.desk, Actors: a.desk, Ledger: a.desk, Accounts: book, Signer: signer, Lists: a.desk, Alerts: a.desk, Removals: a.desk, Inventories: a.desk, Backfills: a.desk, Coverage: a.desk, Checks: checks,
		Shadows: a.desk, ShadowPage: func(w io.Writer, r desk.Shadow) error {
			_, err := fmt.Fprintf(w, "<h1>%s</h1>", r.Tenant)
			return err
		},
		Routes: func(cordon.TenantID) []cordon.Route {
			var out []cordon.Route
			for _, l := range lines {
				out = append(out, l.Route)
			}
			return out
		},
		Paths: []desk.Path{{Pattern: "/services/Soap/u/*", Carries: "SOAP calls with base64 bodies"}},
		Metrics: func(tenant cordon.TenantID) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, "cordon_up 1\n")
				if tenant != "" {
					io.WriteString(w, "cordon_items{tenant=\""+string(tenant)+"\"} 1\n")
				}
			})
		},
		Log: slog.New(slog.NewTextHandler(a.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// call makes one request as the named account. Headers come in pairs.
func (a *testAPI) call(login, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	if login != "" {
		req.Header.Set("Authorization", "Bearer "+a.tokens[login])
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, req)
	return w
}

func decode[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

// refused checks that a request was answered with the error, in full.
func (a *testAPI) refused(w *httptest.ResponseRecorder, status int, code string) string {
	a.t.Helper()
	e := decode[errorBody](a.t, w).Error
	if w.Code != status || e.Code != code || e.Message == "" || !strings.HasPrefix(e.Reference, "ref_") {
		a.t.Errorf("answered %d %s, want %d %q", w.Code, w.Body, status, code)
	}
	return e.Message
}

func TestWhoMayWhat(t *testing.T) {
	a := newAPI(t, Config{})
	item := "/v1/items/" + string(a.first)
	for _, test := range []struct {
		login, method, target string
		status                int
	}{
		{"", "GET", "/v1/items", 401},
		{"otto", "GET", "/v1/items", 200},
		{"mule", "GET", "/v1/items", 403},
		{"mule", "GET", item, 404},
		{"mule", "GET", item + "/history", 404},
		{"mule", "GET", "/v1/receipts/" + string(a.first), 404},
		{"other", "GET", item, 404},
		{"other", "GET", "/v1/receipts/" + string(a.first), 404},
		{"other", "POST", item + "/release", 404},
		{"otto", "POST", item + "/release", 403},
		{"mule", "POST", item + "/reject", 403},
		{"rhea", "POST", "/v1/items", 403},
		{"", "GET", "/v1/keys", 200},
		{"", "GET", "/healthz", 200},
		{"otto", "GET", "/v1/ledger/checkpoint", 200},
		{"", "GET", "/v1/ledger/checkpoint", 401},
		{"rhea", "DELETE", item, 404},
		{"rhea", "GET", "/v1/items/itm_no", 400},
	} {
		if w := a.call(test.login, test.method, test.target, `{"reason":"genuine"}`); w.Code != test.status {
			t.Errorf("%s %s as %q: %d, want %d: %s", test.method, test.target, test.login, w.Code, test.status, w.Body)
		}
	}
	a.refused(a.call("", "GET", "/v1/items", ""), 401, "no-token")
	if w := a.call("", "GET", "/v1/items", "", "Authorization", "Bearer "+string(account.NewToken())); w.Header().Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	} else {
		a.refused(w, 401, "bad-token")
	}
	for _, secret := range a.tokens {
		if strings.Contains(a.log.String(), secret) {
			t.Error("a token is in the log")
		}
	}
}

func TestPersonalDataIsForReviewers(t *testing.T) {
	a := newAPI(t, Config{})
	item := "/v1/items/" + string(a.first)
	if got := decode[itemBody](t, a.call("rhea", "GET", item, "")); got.Personal == nil || got.Personal.Username != "m.okafor@acme.example" || len(got.Findings) != 6 {
		t.Errorf("a reviewer gets %+v", got)
	}
	for _, target := range []string{item, item + "/history", "/v1/items", "/v1/receipts/" + string(a.first)} {
		if w := a.call("otto", "GET", target, ""); w.Code != 200 || strings.Contains(w.Body.String(), "okafor") || strings.Contains(w.Body.String(), "0035g0") || strings.Contains(w.Body.String(), "passport") {
			t.Errorf("an auditor gets %d %s", w.Code, w.Body)
		}
	}
}

func TestListing(t *testing.T) {
	a := newAPI(t, Config{})
	var seen []cordon.ID
	next := ""
	for {
		page := decode[itemsBody](t, a.call("otto", "GET", "/v1/items?state=held&order=oldest&limit=2&after="+next, ""))
		for _, i := range page.Items {
			seen = append(seen, i.ID)
		}
		if next = string(page.Next); next == "" {
			break
		}
	}
	if len(seen) != 4 || seen[0] != a.first {
		t.Errorf("the pages list %v", seen)
	}
	if got := decode[itemsBody](t, a.call("otto", "GET", "/v1/unsettled", "")); len(got.Items) != 1 || got.Items[0].State != cordon.Unsettled {
		t.Errorf("unsettled: %+v", got)
	}
	if w := a.call("otto", "GET", "/v1/items?state=held&route=nobody", ""); !strings.Contains(w.Body.String(), `"items":[]`) {
		t.Errorf("an empty list is %s", w.Body)
	}
	for _, bad := range []string{"state=heldd", "limit=0", "limit=x", "limit=201", "after=itm_x", "order=up"} {
		a.refused(a.call("otto", "GET", "/v1/items?"+bad, ""), 400, "invalid")
	}
}

func TestDeciding(t *testing.T) {
	a := newAPI(t, Config{})
	item := "/v1/items/" + string(a.first)
	for _, body := range []string{"", "{}", `{"reason":"harmful"}`, `{"reason":"genuine","why":1}`, `{"reason":"genuine"} x`, `{"reason":"genuine","note":"` + strings.Repeat("x", desk.MaxNote+1) + `"}`} {
		a.refused(a.call("rhea", "POST", item+"/release", body), 400, "invalid")
	}
	a.refused(a.call("rhea", "POST", item+"/reject", `{"reason":"harmful","note":" "}`), 400, "invalid")
	if got := decode[itemBody](t, a.call("rhea", "POST", item+"/reject", `{"reason":"harmful","note":"Not the patient."}`)); got.State != cordon.Rejected {
		t.Errorf("rejecting leads to %s", got.State)
	}
	a.refused(a.call("rhea", "POST", item+"/release", `{"reason":"genuine"}`), 409, "conflict")
	lines := decode[historyBody](t, a.call("otto", "GET", item+"/history", "")).Entries
	last := lines[len(lines)-1]
	if last.Kind != cordon.EntryRejected || !strings.HasPrefix(last.Actor, "person/act_") || last.Index == nil || last.Facts["review"] != "harmful" {
		t.Errorf("the last entry is %+v", last)
	}
}

func TestReceiptWaitsForItsCheckpoint(t *testing.T) {
	a := newAPI(t, Config{})
	a.desk.Behind = true
	w := a.call("otto", "GET", "/v1/receipts/"+string(a.first), "")
	if w.Code != 202 || w.Header().Get("Retry-After") == "" {
		t.Errorf("before the checkpoint: %d %v", w.Code, w.Header())
	}
	a.desk.Behind = false
	w = a.call("otto", "GET", "/v1/receipts/"+string(a.first), "")
	if got := decode[map[string]any](t, w); w.Code != 200 || got["item"] != string(a.first) {
		t.Errorf("after the checkpoint: %d %s", w.Code, w.Body)
	}
}

func TestEveryKindOfErrorHasItsAnswer(t *testing.T) {
	a := newAPI(t, Config{})
	for _, test := range []struct {
		err    error
		status int
	}{
		{cordon.ErrNotFound, 404}, {cordon.ErrConflict, 409}, {cordon.ErrForbidden, 403}, {cordon.ErrInvalid, 400},
		{cordon.ErrTooLarge, 413}, {cordon.ErrBusy, 503}, {cordon.ErrShredded, 410}, {context.DeadlineExceeded, 503},
	} {
		a.desk.Err = errors.Join(errors.New("inside: secret path"), test.err)
		if w := a.call("otto", "GET", "/v1/counts", ""); w.Code != test.status || test.status == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("%v is answered with %d", test.err, w.Code)
		}
	}
	a.desk.Err = errors.New("disk full at /var/lib/cordon")
	message := a.refused(a.call("otto", "GET", "/v1/counts", ""), 500, "internal")
	if strings.Contains(message, "disk") || !strings.Contains(a.log.String(), "disk full") {
		t.Errorf("the caller is told %q, the log says %s", message, a.log)
	}
}

func TestReadiness(t *testing.T) {
	bad := errors.New("no checkpoint for 2 min; look at the sequencer's log")
	a := newAPI(t, Config{},
		Check{Name: "store", Hard: true, Run: func(context.Context) error { return nil }},
		Check{Name: "anchor", Run: func(context.Context) error { return bad }})
	w := a.call("", "GET", "/readyz", "")
	got := decode[readyBody](t, w)
	if w.Code != 200 || !got.Ready || len(got.Checks) != 2 || got.Checks[1].OK || got.Checks[1].Reason != bad.Error() {
		t.Errorf("a soft check fails: %d %s", w.Code, w.Body)
	}
	a.Checks[0].Run = func(context.Context) error { return bad }
	a.ready.at = time.Time{} // as if a second had passed
	if w := a.call("", "GET", "/readyz", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("a hard check fails: %d, %v", w.Code, w.Header())
	}
	if w := a.call("", "GET", "/metrics", ""); !strings.Contains(w.Body.String(), "cordon_up 1") {
		t.Errorf("metrics: %s", w.Body)
	}
}

// Strangers learn nothing of tenants from the doors of operators, and one tenant's account
// nothing of another's; whether the process is ready is the same for all, as probes need it.
func TestOperatorsDoorsKeepTenantsApart(t *testing.T) {
	bad := errors.New("no answer from the org")
	a := newAPI(t, Config{},
		Check{Name: "records", Hard: true, Run: func(context.Context) error { return nil }},
		Check{Name: "Salesforce for clinic", Tenant: desktest.Tenant, Run: func(context.Context) error { return bad }},
		Check{Name: "Salesforce for surgery", Tenant: "surgery", Hard: true, Run: func(context.Context) error { return bad }})
	for _, c := range []struct {
		who           string
		shown, hidden []string
	}{
		{"", []string{"records"}, []string{"clinic", "surgery", bad.Error()}},
		{"otto", []string{"records", "Salesforce for clinic", bad.Error()}, []string{"surgery"}},
	} {
		for _, path := range []string{"/readyz", "/metrics"} {
			w := a.call(c.who, "GET", path, "")
			if path == "/readyz" && w.Code != 503 {
				t.Errorf("%q asks %s: %d, though a hard check of a tenant fails", c.who, path, w.Code)
			}
			for _, text := range c.shown {
				if path == "/readyz" && !strings.Contains(w.Body.String(), text) {
					t.Errorf("%q asks %s and is not told of %q: %s", c.who, path, text, w.Body)
				}
			}
			for _, text := range c.hidden {
				if strings.Contains(w.Body.String(), text) {
					t.Errorf("%q asks %s and is told of %q: %s", c.who, path, text, w.Body)
				}
			}
		}
	}
	if w := a.call("otto", "GET", "/metrics", ""); !strings.Contains(w.Body.String(), `tenant="`+string(desktest.Tenant)+`"`) {
		t.Errorf("metrics for an account: %s", w.Body)
	}
	if w := a.call("mule", "GET", "/metrics", ""); w.Code != 200 || strings.Contains(w.Body.String(), "tenant=") {
		t.Errorf("metrics for an account that may not read: %d %s", w.Code, w.Body)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/readyz", nil)
	r.Header.Set("Authorization", "Bearer crd_nobodys")
	a.ServeHTTP(w, r)
	a.refused(w, 401, "bad-token")
}

// Checks write to the disk, so strangers cannot have them run as often as they ask.
func TestReadinessIsAskedOnceASecond(t *testing.T) {
	var ran atomic.Int32
	a := newAPI(t, Config{}, Check{Name: "store", Hard: true, Run: func(context.Context) error { ran.Add(1); return nil }})
	a.ready.run(t.Context(), a.Checks)
	a.ready.at = time.Now().Add(time.Hour) // no second passes in this test
	for range 20 {
		a.call("", "GET", "/readyz", "")
	}
	if n := ran.Load(); n != 1 {
		t.Errorf("the check ran %d times", n)
	}
}

// Each kind of being away is answered in one way, and never as a fault.
func TestUnavailableIsNeverAFault(t *testing.T) {
	a := newAPI(t, Config{})
	for _, err := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
		context.DeadlineExceeded, cordon.ErrBusy, cordon.ErrUnavailable,
	} {
		a.desk.Err = fmt.Errorf("count: %w", err)
		w := a.call("otto", "GET", "/v1/counts", "")
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), err.Error()) {
			t.Errorf("%v: %d %v %s", err, w.Code, w.Header(), w.Body)
		}
	}
	a.desk.Err = fmt.Errorf("body: %w", cordon.ErrTooSlow)
	a.refused(a.call("otto", "GET", "/v1/counts", ""), 408, "too-slow")
}

// A disk that hangs holds neither the door nor a goroutine for each question.
func TestReadinessDoesNotHangWithItsChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r readiness
		var ran atomic.Int32
		stuck := make(chan struct{})
		checks := []Check{{Name: "bytes", Hard: true, Run: func(context.Context) error { ran.Add(1); <-stuck; return nil }}}
		for range 5 {
			if got := r.run(t.Context(), checks); got[0].OK || !strings.Contains(got[0].Reason, "did not answer") {
				t.Errorf("a check that hangs: %+v", got[0])
			}
			time.Sleep(2 * checkLife)
		}
		if n := ran.Load(); n != 1 {
			t.Errorf("the check was begun %d times while it hung", n)
		}
		close(stuck)
		synctest.Wait()
		if got := r.run(t.Context(), checks); !got[0].OK {
			t.Errorf("a check that hangs no more: %+v", got[0])
		}
	})
}
