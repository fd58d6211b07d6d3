package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
)

// looseners are all requests by which a file could pass that would be held: known is listed as
// blocked, fresh is on no list.
func looseners(known, fresh, entry string) [][3]string {
	sooner := time.Now().AddDate(0, 0, 1).UTC().Format(time.RFC3339)
	return [][3]string{
		{"PUT", "/v1/known/" + fresh, `{"list":"lawful"}`},
		{"PUT", "/v1/known/" + fresh, `{"list":"ordinary"}`},
		{"POST", "/v1/known", `{"list":"lawful","kind":"sha256","value":"` + fresh + `"}`},
		{"POST", "/v1/known", `{"list":"ordinary","kind":"pdq","value":"` + fresh + `"}`},
		{"POST", "/v1/known/import?format=csv", "list,kind,value\nblocked,sha256," + fresh + "\nlawful,sha256," + known + "\n"},
		{"POST", "/v1/known/import?format=csv&list=ordinary", "kind,value\nsha256," + fresh + "\n"},
		{"PUT", "/v1/known/" + known, `{"list":"watched"}`},
		{"PUT", "/v1/known/" + known, `{"list":"lawful"}`},
		{"POST", "/v1/known", `{"list":"blocked","kind":"sha256","value":"` + known + `","expires_at":"` + sooner + `"}`},
		{"DELETE", "/v1/known/" + known, ""},
		{"DELETE", "/v1/known/" + entry, ""},
	}
}

// Nobody lets a file pass by a list who may not decide about items, whatever the request is
// called; who keeps the lists can still make them stricter.
func TestWhoMayLetFilesPassByAList(t *testing.T) {
	roles := map[string]account.Role{"rhea": account.Reviewer, "otto": account.Auditor, "ada": account.Admin, "mule": account.Integration, "radar": account.Reporter}
	sum := func(text string) string { b := sha256.Sum256([]byte(text)); return hex.EncodeToString(b[:]) }
	for login, role := range roles {
		account := account.Account{Roles: []account.Role{role}}
		for i := range looseners("", "", "") {
			a := newAPI(t, Config{})
			known, fresh := sum("known"), sum(fmt.Sprint("fresh ", i))
			made := decode[knownChangeBody](t, a.call("rhea", "POST", "/v1/known", `{"list":"blocked","kind":"sha256","value":"`+known+`"}`))
			try := looseners(known, fresh, string(made.IDs[0]))[i]
			w := a.call(login, try[0], try[1], try[2])
			want := http.StatusForbidden
			if may := account.May("lists") && account.May("decide"); may {
				want = http.StatusOK
			}
			if w.Code != want {
				t.Errorf("%s: %s %s %s: %d %s", role, try[0], try[1], try[2], w.Code, w.Body)
			}
			still := a.call("rhea", "GET", "/v1/known/"+known, "")
			if blocked := still.Code == http.StatusOK && decode[knownBody](t, still).List == cordon.KnownBlocked; want == http.StatusForbidden && !blocked {
				t.Errorf("%s was refused %s %s, and the file is blocked no more", role, try[0], try[1])
			}
		}
	}
	a := newAPI(t, Config{})
	for _, stricter := range [][3]string{
		{"PUT", "/v1/known/" + sum("a"), `{"list":"blocked"}`},
		{"PUT", "/v1/known/" + sum("b"), `{"list":"watched"}`},
		{"PUT", "/v1/known/" + sum("b"), `{"list":"blocked"}`},
		{"DELETE", "/v1/known/" + sum("c"), ""},
	} {
		a.call("rhea", "PUT", "/v1/known/"+sum("c"), `{"list":"lawful"}`)
		if w := a.call("ada", stricter[0], stricter[1], stricter[2]); w.Code != http.StatusOK {
			t.Errorf("an admin cannot make the lists stricter: %v: %d %s", stricter, w.Code, w.Body)
		}
	}
	a.refused(a.call("rhea", "POST", "/v1/known", `{"list":"lawful","kind":"sha256","value":"`+sum("d")+`","reason":"because"}`), http.StatusBadRequest, "invalid")
}
