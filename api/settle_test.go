package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// What is unsettled is settled by who may decide, in one of three ways, and by nobody else.
func TestSettling(t *testing.T) {
	for _, as := range cordon.Settlements() {
		a := newAPI(t, Config{})
		item := "/v1/items/" + string(decode[itemsBody](t, a.call("otto", "GET", "/v1/unsettled?limit=1", "")).Items[0].ID)
		body := fmt.Sprintf(`{"as":%q,"note":"I looked."}`, as)
		if as == cordon.IsThere {
			body = `{"as":"there","id":"068000000000001AAA"}`
		}
		for login, status := range map[string]int{"": 401, "otto": 403, "ada": 403, "mule": 403, "radar": 403, "other": 404} {
			if w := a.call(login, "POST", item+"/settle", body); w.Code != status {
				t.Errorf("%s as %q: %d, want %d", as, login, w.Code, status)
			}
		}
		a.refused(a.call("rhea", "POST", "/v1/items/"+string(a.first)+"/settle", body), 409, "conflict")
		to := map[cordon.Settlement]cordon.State{cordon.IsThere: cordon.Delivered, cordon.SendAgain: cordon.Released, cordon.GiveUp: cordon.Erased}[as]
		if got := decode[itemBody](t, a.call("rhea", "POST", item+"/settle", body)); got.State != to {
			t.Errorf("%s leads to %s, want %s", as, got.State, to)
		}
		a.refused(a.call("rhea", "POST", item+"/settle", body), 409, "conflict")
		lines := decode[historyBody](t, a.call("otto", "GET", item+"/history", "")).Entries
		if last := lines[len(lines)-1]; last.Kind != cordon.EntryResolved || !strings.HasPrefix(last.Actor, "person/act_") || last.Facts["as"] != string(as) {
			t.Errorf("the last entry is %+v", last)
		}
	}
	a := newAPI(t, Config{})
	item := "/v1/items/" + string(decode[itemsBody](t, a.call("otto", "GET", "/v1/unsettled?limit=1", "")).Items[0].ID)
	for _, body := range []string{"", "{}", `{"as":"perhaps"}`, `{"as":"there"}`, `{"as":"give-up","id":"068000000000001AAA"}`, `{"as":"give-up","why":1}`,
		`{"as":"give-up"} x`, `{"as":"give-up","note":"` + strings.Repeat("x", desk.MaxNote+1) + `"}`} {
		a.refused(a.call("rhea", "POST", item+"/settle", body), 400, "invalid")
	}
}
