package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

// In the console, too, only who decides about items lets a file pass by a list, and says what for.
func TestWhoMayLetFilesPassByAList(t *testing.T) {
	value := strings.Repeat("ab", 32)
	for login, who := range map[string]struct {
		password     string
		lists, loose bool
	}{
		"rhea": {reviewerPassword, true, true}, "vera": {operatorPassword, true, true}, "ada": {operatorPassword, true, false},
		"otto": {auditorPassword, false, false}, "ruth": {"tall-cedar-dusk", false, false},
	} {
		c := newConsole(t)
		made, err := c.desk.AddKnown(t.Context(), desktest.Tenant, []cordon.KnownFile{{List: cordon.KnownBlocked, Kind: cordon.KnownSHA256, Value: make([]byte, 32)}},
			cordon.KnownBy{Actor: cordon.Cordon, Decides: true}, false)
		if err != nil {
			t.Fatal(err)
		}
		v := c.signedIn(t, login, who.password)
		post := func(path string, form url.Values) int {
			form.Set("token", v.token())
			v.post(path, form)
			return v.last.StatusCode
		}
		page := v.get("/known")
		if v.last.StatusCode == http.StatusOK != who.lists {
			t.Errorf("%s sees the lists: %d", login, v.last.StatusCode)
		}
		if offered := strings.Contains(page, `value="lawful"`); offered != who.loose {
			t.Errorf("%s is offered the list of what may pass: %v", login, offered)
		}
		if offered := strings.Contains(page, "/known/"+string(made.IDs[0])+"/remove"); offered != who.loose {
			t.Errorf("%s is offered to take off what is blocked: %v", login, offered)
		}
		lawful := url.Values{"value": {value}, "kind": {"sha256"}, "list": {"lawful"}}
		if status := post("/known", lawful); who.lists && status != http.StatusUnprocessableEntity {
			t.Errorf("%s lets a file pass without saying what for: %d", login, status)
		}
		for path, form := range map[string]url.Values{
			"/known": {"value": {value}, "kind": {"sha256"}, "list": {"lawful"}, "reason": {"own-material"}},
			"/known/" + string(made.IDs[0]) + "/remove": {},
		} {
			want := http.StatusForbidden
			if who.loose {
				want = http.StatusOK // after the redirect
			}
			if status := post(path, form); status != want {
				t.Errorf("%s: %s: %d, want %d", login, path, status, want)
			}
		}
		left, err := c.desk.KnownFiles(t.Context(), desktest.Tenant, desk.KnownQuery{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		lists := ""
		for _, k := range left {
			lists += string(k.List) + " " + string(k.Reason)
		}
		if want := map[bool]string{true: "lawful own-material", false: "blocked "}[who.loose]; lists != want {
			t.Errorf("after %s the lists hold %q, want %q", login, lists, want)
		}
	}
}
