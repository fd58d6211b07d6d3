package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// propose proposes to take out what was delivered.
func (a *testAPI) propose() cordon.ID {
	a.t.Helper()
	delivered := decode[itemsBody](a.t, a.call("otto", "GET", "/v1/items?state=delivered&limit=1", "")).Items
	if len(delivered) != 1 {
		a.t.Fatal("nothing was delivered")
	}
	return a.desk.Propose(delivered[0].ID)
}

func TestRemovals(t *testing.T) {
	a := newAPI(t, Config{})
	if got := decode[removalsBody](t, a.call("rhea", "GET", "/v1/removals", "")); len(got.Removals) != 0 || got.Removals == nil || got.Waiting != 0 {
		t.Errorf("before any: %+v", got)
	}
	id := string(a.propose())
	got := decode[removalsBody](t, a.call("otto", "GET", "/v1/removals?state=proposed", ""))
	if len(got.Removals) != 1 || string(got.Removals[0].ID) != id || got.Waiting != 1 || got.Removals[0].Item.State != cordon.Delivered || got.Removals[0].DecidedAt != nil {
		t.Fatalf("listed: %+v", got)
	}
	if got := decode[removalsBody](t, a.call("other", "GET", "/v1/removals", "")); len(got.Removals) != 0 || got.Waiting != 0 {
		t.Errorf("another tenant sees %+v", got)
	}
	item := "/v1/items/" + string(got.Removals[0].Item.ID)
	if one := decode[itemBody](t, a.call("rhea", "GET", item, "")); one.Removal == nil || string(one.Removal.ID) != id || one.Removal.State != "proposed" {
		t.Errorf("the item says of it: %+v", one.Removal)
	}
	path := "/v1/removals/" + id
	for _, c := range []struct {
		login, method, target, body string
		want                        int
	}{
		{"otto", "POST", path + "/accept", `{"reason":"harmful","note":"x"}`, http.StatusForbidden},
		{"mule", "GET", path, "", http.StatusForbidden},
		{"other", "GET", path, "", http.StatusNotFound},
		{"other", "POST", path + "/dismiss", `{"reason":"genuine"}`, http.StatusNotFound},
		{"rhea", "GET", "/v1/removals?state=held", "", http.StatusBadRequest},
		{"rhea", "GET", "/v1/removals/itm_01kq0000000000000000000000", "", http.StatusBadRequest},
		{"rhea", "POST", path + "/accept", `{"reason":"genuine"}`, http.StatusBadRequest},
		{"rhea", "POST", path + "/accept", `{"reason":"harmful"}`, http.StatusBadRequest}, // why?
		{"rhea", "POST", path + "/dismiss", `{"reason":"harmful","note":"x"}`, http.StatusBadRequest},
	} {
		if w := a.call(c.login, c.method, c.target, c.body); w.Code != c.want {
			t.Errorf("%s %s by %s with %s: %d %s, want %d", c.method, c.target, c.login, c.body, w.Code, w.Body, c.want)
		}
	}
	done := decode[removalBody](t, a.call("rhea", "POST", path+"/accept", `{"reason":"harmful","note":"The clinic never sent it."}`))
	if done.State != "accepted" || done.DecidedAt == nil || done.By == "" || done.Note == "" || done.Item.State != cordon.Delivered || done.Link == "" ||
		!slices.ContainsFunc(done.ToDo, func(s string) bool { return strings.Contains(s, "does not take files out of the CRM") }) {
		t.Errorf("accepted: %+v", done)
	}
	if seen := decode[removalBody](t, a.call("otto", "GET", path, "")); seen.Note != "" {
		t.Error("the note is shown to somebody who may not see what is personal")
	}
	if w := a.call("rhea", "POST", path+"/dismiss", `{"reason":"genuine"}`); w.Code != http.StatusConflict {
		t.Errorf("decided twice: %d", w.Code)
	}
}
