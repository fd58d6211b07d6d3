package api

import (
	"strings"
	"testing"

	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

// Who brought what is shown to whoever may see personal values, and to nobody else.
func TestInventoryNamesNoUserToAnAuditor(t *testing.T) {
	a := newAPI(t, Config{})
	if got := decode[desk.InventoryState](t, a.call("otto", "GET", "/v1/inventory", "")); got.Last != nil || got.Running {
		t.Errorf("nothing was ever counted, and it says %+v", got)
	}
	stock := desktest.Stock(morning)
	a.desk.SetInventory(desk.InventoryState{Last: &stock})
	for login, want := range map[string]bool{"rhea": true, "otto": false} {
		if body := a.call(login, "GET", "/v1/inventory", "").Body.String(); strings.Contains(body, "005Si") != want || strings.Contains(body, "null,") {
			t.Errorf("%s gets %s", login, body)
		}
		if body := a.call(login, "POST", "/v1/inventory", "").Body.String(); strings.Contains(body, "005Si") != want || !strings.Contains(body, `"running":true`) {
			t.Errorf("%s gets %s", login, body)
		}
	}
	if w := a.call("mule", "GET", "/v1/inventory", ""); w.Code != 403 {
		t.Errorf("a program that only asks gets %d", w.Code)
	}
	if len(stock.Creators) == 0 {
		t.Error("hiding from one hid from all")
	}
}
