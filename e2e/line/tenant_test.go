package line_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// newNeighbours is one gateway in front of two orgs: "clinic" under 127.0.0.1, "hospital"
// under localhost. Both worlds share the app.
func newNeighbours(t *testing.T) (clinic, hospital *world) {
	t.Helper()
	other := sim.NewOrg(e2e.OwnApp(sim.Demo()))
	server := httptest.NewServer(other.Handler())
	t.Cleanup(func() { server.Close(); other.Close() })
	token := string(account.NewToken())
	clinic = newWorldWith(t, e2e.WorldOptions{
		App: func(c *app.Config) {
			c.Tenants[0].Hosts = []string{"127.0.0.1"}
			second := c.Tenants[0]
			second.ID, second.Hosts, second.Upstream = "hospital", []string{"localhost"}, server.URL
			second.Routes = []cordon.Route{
				{Name: "kiosk", Channel: cordon.ChannelPortal, Match: []cordon.Match{{Client: "demo"}}},
				{Name: "ward", Channel: cordon.ChannelAPI, Match: []cordon.Match{{}}},
			}
			c.Tenants = append(c.Tenants, second)
		},
		Options: func(o *app.Options) {
			o.Accounts = append(o.Accounts, account.Static{Login: "nurse@example.com", Tenant: "hospital",
				Roles: []account.Role{account.Reviewer, account.Auditor, account.Integration}, Password: "another long password", Token: token})
		},
	})
	hospital = &world{&e2e.World{T: t, Org: other, OrgURL: server.URL, App: clinic.App, Dir: clinic.Dir, Console: clinic.Console,
		Gateway: strings.Replace(clinic.Gateway, "127.0.0.1", "localhost", 1), Caller: other.Token("demo@example.com"), Token: token}}
	return clinic, hospital
}

// TestTenantsSeeNothingOfEachOther: what belongs to one tenant does not exist for the other.
func TestTenantsSeeNothingOfEachOther(t *testing.T) {
	clinic, hospital := newNeighbours(t)
	held := map[*world]string{}
	for w, name := range map[*world]string{clinic: "clinic", hospital: "hospital"} {
		a, err := w.UploadJSON("id-"+name, "id.jpg", e2e.Media.Generated.Bytes) // the same file in both
		if err != nil || a.Receipt == "" {
			t.Fatalf("%s: %v %d %s", name, err, a.Status, a.Body)
		}
		held[w] = a.Receipt
		w.Until("a receipt", func() bool { return w.API("GET", "/v1/receipts/"+a.Receipt, nil, nil) == http.StatusOK })
	}
	if held[clinic] == held[hospital] {
		t.Fatal("the same file in two tenants got one receipt")
	}
	var histories []string
	for w, stranger := range map[*world]*world{clinic: hospital, hospital: clinic} {
		id := held[stranger]
		for _, k := range []struct {
			method, path string
			in           any
		}{
			{"GET", "/v1/items/" + id, nil},
			{"GET", "/v1/items/" + id + "/history", nil},
			{"GET", "/v1/receipts/" + id, nil},
			{"POST", "/v1/items/" + id + "/release", map[string]string{"reason": "genuine"}},
			{"POST", "/v1/items/" + id + "/reject", map[string]string{"reason": "harmful", "note": "n"}},
		} {
			var raw []byte
			if s := w.API(k.method, k.path, k.in, &raw); s != http.StatusNotFound {
				t.Errorf("%s %s of another tenant: %d %s, want 404", k.method, k.path, s, raw)
			}
		}
		if all := w.Items(""); len(all) != 1 || string(all[0].ID) != held[w] {
			t.Errorf("the list shows %+v", all)
		}
		var raw []byte
		w.API("GET", "/v1/items?after="+id, nil, &raw)
		if bytes.Contains(raw, []byte(id)) {
			t.Errorf("a page after another tenant's item: %s", raw)
		}
		var h struct {
			Entries []struct {
				ID    string
				Facts map[string]any
			}
		}
		stranger.API("GET", "/v1/items/"+id+"/history", nil, &h)
		for _, e := range h.Entries {
			if s := w.API("GET", "/v1/ledger/proof?entry="+e.ID, nil, nil); s == http.StatusOK {
				t.Errorf("a proof of another tenant's entry %s", e.ID)
			}
			if c, ok := e.Facts["commitment"].(string); ok {
				histories = append(histories, c)
			}
		}
		if it := stranger.Item(id); it.State != cordon.Held {
			t.Errorf("the other tenant's item is %s now", it.State)
		}
	}
	if len(histories) != 2 || histories[0] == histories[1] {
		t.Errorf("commitments %v: the same file in two tenants must not be linked", histories)
	}

	// No look-up value is the same in both either.
	items := map[string][]byte{}
	for _, tenant := range []cordon.TenantID{"clinic", "hospital"} {
		for _, it := range clinic.all(tenant) {
			for _, part := range [][]byte{it.WrappedKey, it.Sealed, it.Commitment, []byte(it.Blob), []byte(it.KeyID)} {
				if other, dup := items[string(part)]; dup {
					t.Errorf("a value of %s occurs in %s too", tenant, other)
				}
				items[string(part)] = []byte(tenant)
			}
		}
	}
	if up := len(clinic.Org.Files()) + len(hospital.Org.Files()); up != 0 {
		t.Errorf("%d files upstream", up)
	}

	// Each reviewer releases their own, into their own org.
	if s := hospital.release(held[hospital]); s != http.StatusOK {
		t.Errorf("release: %d", s)
	}
	hospital.Until("delivery", func() bool { return hospital.Item(held[hospital]).State == cordon.Delivered })
	if len(hospital.copies(e2e.Media.Generated.Bytes)) != 1 || len(clinic.Org.Files()) != 0 || clinic.Item(held[clinic]).State != cordon.Held {
		t.Error("a release reached the wrong org, or the other tenant's item")
	}
}

// TestTokensAndRoutesAreApart: a token of one org is nothing in the other, and which client it
// was issued to is remembered for its own tenant only.
func TestTokensAndRoutesAreApart(t *testing.T) {
	clinic, hospital := newNeighbours(t)
	swapped := *hospital.World
	swapped.Caller = clinic.Caller
	if a, err := swapped.UploadJSON("x", "x.jpg", e2e.Media.Camera.Bytes); err != nil || a.Status != http.StatusUnauthorized {
		t.Errorf("a token of another org: %v %d %s, want 401", err, a.Status, a.Body)
	}
	if n := len(hospital.Items("")); n != 0 {
		t.Errorf("%d items of strangers", n)
	}

	signIn := func(w *world) string {
		resp, err := http.PostForm(w.Gateway+"/services/oauth2/token", url.Values{"grant_type": {"password"}, "client_id": {"demo"},
			"client_secret": {"demo"}, "username": {"demo@example.com"}, "password": {"demo"}})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		_, rest, _ := strings.Cut(string(b), `"access_token":"`)
		token, _, _ := strings.Cut(rest, `"`)
		if token == "" {
			t.Fatalf("sign in: %d %s", resp.StatusCode, b)
		}
		return token
	}
	// A token that the clinic's org issued to "demo" is not thereby known at the hospital.
	routeOf := func(w *world, title string) string {
		a, err := w.UploadJSON(title, "p.jpg", append(bytes.Clone(e2e.Media.Camera.Bytes), title...))
		if err != nil || a.Status != http.StatusCreated {
			t.Fatalf("%s: %v %d %s", title, err, a.Status, a.Body)
		}
		var it struct{ Route string }
		w.API("GET", "/v1/items/"+a.Receipt, nil, &it)
		return it.Route
	}
	if r := routeOf(hospital, "not issued here"); r != "ward" {
		t.Errorf("route %q of a token that was not issued through the gateway, want ward", r)
	}
	hospital.Caller = signIn(hospital)
	if r := routeOf(hospital, "issued here"); r != "kiosk" {
		t.Errorf("route %q of a token issued to demo, want kiosk", r)
	}
	clinic.Caller = signIn(clinic)
	if r := routeOf(clinic, "clinic"); r != "portal" {
		t.Errorf("route %q at the clinic", r)
	}
	for w, want := range map[*world]string{clinic: "portal", hospital: "kiosk,ward"} {
		var got struct{ Routes []struct{ Name string } }
		w.API("GET", "/v1/routes", nil, &got)
		var names []string
		for _, r := range got.Routes {
			names = append(names, r.Name)
		}
		if strings.Join(names, ",") != want {
			t.Errorf("routes %v, want %s", names, want)
		}
	}
}

// TestConsoleKeepsTenantsApart asks for pages, previews and decisions as somebody of the
// other tenant.
func TestConsoleKeepsTenantsApart(t *testing.T) {
	clinic, hospital := newNeighbours(t)
	mine, err := hospital.UploadJSON("mine", "mine.jpg", e2e.Media.Generated.Bytes)
	if err != nil || mine.Receipt == "" {
		t.Fatal(err, mine.Status)
	}
	theirs, err := clinic.UploadJSON("theirs", "theirs.jpg", e2e.Media.Generated.Bytes)
	if err != nil || theirs.Receipt == "" {
		t.Fatal(err, theirs.Status)
	}
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	get := func(path string) (int, string) {
		resp, err := browser.Get(clinic.Console + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	tokenOf := func(page string) string {
		m := regexp.MustCompile(`name="([a-z_]*(?:csrf|token|form)[a-z_]*)"[^>]*value="([^"]*)"`).FindStringSubmatch(page)
		if m == nil {
			return ""
		}
		return m[1] + "=" + url.QueryEscape(m[2])
	}
	post := func(path, form string) int {
		req, _ := http.NewRequest("POST", clinic.Console+path, strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", clinic.Console)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	_, page := get("/sign-in")
	post("/sign-in", fmt.Sprintf("login=%s&password=%s&%s", url.QueryEscape("nurse@example.com"), url.QueryEscape("another long password"), tokenOf(page)))
	s, page := get("/items/" + mine.Receipt)
	if s != http.StatusOK || !strings.Contains(page, mine.Receipt) {
		t.Fatalf("my own item: %d", s)
	}
	token := tokenOf(page)
	for _, path := range []string{"/items/" + theirs.Receipt, "/items/" + theirs.Receipt + "/preview", "/receipts/" + theirs.Receipt, "/receipts/" + theirs.Receipt + "/download"} {
		if s, _ := get(path); s != http.StatusNotFound {
			t.Errorf("GET %s of another tenant: %d, want 404", path, s)
		}
	}
	for _, path := range []string{"/items/" + theirs.Receipt + "/decide", "/items/" + theirs.Receipt + "/show"} {
		if s := post(path, "decision=release&outcome=genuine&reason=genuine&"+token); s < 400 {
			t.Errorf("POST %s of another tenant: %d", path, s)
		}
	}
	if _, page := get("/holds"); strings.Contains(page, theirs.Receipt) || !strings.Contains(page, mine.Receipt) {
		t.Error("the list of holds shows another tenant's item, or not my own")
	}
	if it := clinic.Item(theirs.Receipt); it.State != cordon.Held {
		t.Errorf("the other tenant's item is %s now", it.State)
	}
}
