package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

func TestKnownFiles(t *testing.T) {
	a := newAPI(t, Config{})
	path := "/v1/known/" + strings.Repeat("ab", 32)
	for _, step := range []struct {
		login, method, path, body string
		want                      int
	}{
		{"rhea", "GET", path, "", http.StatusNotFound},
		{"rhea", "PUT", path, `{"list":"blocked"}`, http.StatusOK},
		{"rhea", "GET", path, "", http.StatusOK},
		{"other", "GET", path, "", http.StatusNotFound},
		{"otto", "PUT", path, `{"list":"lawful"}`, http.StatusForbidden},
		{"otto", "GET", "/v1/known", "", http.StatusForbidden},
		{"otto", "GET", "/v1/known/export?format=csv", "", http.StatusForbidden},
		{"mule", "DELETE", path, "", http.StatusForbidden},
		{"rhea", "PUT", path, `{"list":"everything"}`, http.StatusBadRequest},
		{"rhea", "PUT", "/v1/known/abcd", `{"list":"blocked"}`, http.StatusBadRequest},
		{"rhea", "GET", "/v1/known?list=red", "", http.StatusBadRequest},
		{"rhea", "GET", "/v1/known/export?format=xml", "", http.StatusBadRequest},
		{"rhea", "POST", "/v1/known", `{"list":"blocked"}`, http.StatusBadRequest},
		{"rhea", "POST", "/v1/known", `{"list":"blocked","kind":"pdq","value":"12"}`, http.StatusBadRequest},
		{"rhea", "POST", "/v1/known", `{"list":"lawful","kind":"pdq","value":"` + strings.Repeat("ab", 32) + `"}`, http.StatusBadRequest},
		{"rhea", "POST", "/v1/known", `{"list":"blocked","item":"itm_00000000000000000000000000"}`, http.StatusNotFound},
		{"rhea", "POST", "/v1/known/check", `{}`, http.StatusBadRequest},
		{"rhea", "POST", "/v1/known/import?format=csv&dry_run=perhaps", "kind,value\n", http.StatusBadRequest},
		{"rhea", "DELETE", "/v1/known/knw_00000000000000000000000000", "", http.StatusNotFound},
		{"rhea", "DELETE", path, "", http.StatusOK},
		{"rhea", "GET", path, "", http.StatusNotFound},
	} {
		if got := a.call(step.login, step.method, step.path, step.body).Code; got != step.want {
			t.Errorf("%s %s %s by %s: status %d, want %d", step.method, step.path, step.body, step.login, got, step.want)
		}
	}
}

// An import is all or none and says line by line what is wrong; a dry run changes nothing; what
// is exported can be imported by another, who sees nothing else of it.
func TestKnownFilesImported(t *testing.T) {
	a := newAPI(t, Config{})
	line := func(b int) string { return fmt.Sprintf("pdq,%s,blocked\n", strings.Repeat(fmt.Sprintf("%02x", b), 32)) }
	good := "kind,value,list\n" + line(1) + line(2)
	count := func(login string) int {
		return len(decode[knownPageBody](t, a.call(login, "GET", "/v1/known?limit=200", "")).Entries)
	}
	w := a.call("rhea", "POST", "/v1/known/import?format=csv", good+"pdq,xyz,blocked\nmd5,12,blocked\n")
	bad := decode[knownImportBody](t, w)
	if w.Code != http.StatusUnprocessableEntity || bad.Mistakes != 2 || bad.Problems[0].At != 4 || bad.Problems[1].At != 5 || count("rhea") != 0 {
		t.Fatalf("%d %+v", w.Code, bad)
	}
	dry := decode[knownImportBody](t, a.call("rhea", "POST", "/v1/known/import?format=csv&dry_run=true", good))
	if !dry.DryRun || dry.Added != 2 || count("rhea") != 0 {
		t.Fatalf("%+v", dry)
	}
	if in := decode[knownImportBody](t, a.call("rhea", "POST", "/v1/known/import?format=csv", good)); in.Added != 2 || count("rhea") != 2 {
		t.Fatalf("%+v", in)
	}
	if in := decode[knownImportBody](t, a.call("rhea", "POST", "/v1/known/import?format=csv", good)); in.Same != 2 || count("rhea") != 2 {
		t.Fatalf("once more: %+v", in)
	}
	for _, form := range []string{"csv", "stix", "threatexchange"} {
		out := a.call("rhea", "GET", "/v1/known/export?format="+form, "").Body.String()
		if form != "csv" { // the other tenant has them already
			if in := decode[knownImportBody](t, a.call("other", "POST", "/v1/known/import?format="+form, out)); in.Same != 2 {
				t.Errorf("%s: %+v", form, in)
			}
			continue
		}
		if count("other") != 0 {
			t.Error("one tenant sees what another has")
		}
		if in := decode[knownImportBody](t, a.call("other", "POST", "/v1/known/import?format="+form, out)); in.Added != 2 || count("other") != 2 {
			t.Errorf("%s: %+v\n%s", form, in, out)
		}
	}
}

// An item is put on a list by its digest and its looks; on the lawful list by its digest alone.
func TestKnownItem(t *testing.T) {
	a := newAPI(t, Config{})
	for _, step := range []struct {
		list string
		want int
	}{{"blocked", 2}, {"lawful", 1}} {
		got := decode[knownChangeBody](t, a.call("rhea", "POST", "/v1/known", fmt.Sprintf(`{"list":%q,"item":%q}`, step.list, a.first)))
		if len(got.IDs) != step.want {
			t.Errorf("%s: %+v", step.list, got)
		}
	}
	page := decode[knownPageBody](t, a.call("rhea", "GET", "/v1/known?list=lawful", ""))
	if len(page.Entries) != 1 || page.Entries[0].Item != a.first || page.Entries[0].Value == nil {
		t.Fatalf("%+v", page)
	}
	found := decode[knownMatchesBody](t, a.call("rhea", "POST", "/v1/known/check", `{"sha256":"`+*page.Entries[0].Value+`"}`))
	if len(found.Matches) != 1 || !found.Matches[0].Exact || found.Matches[0].Entry.ID != page.Entries[0].ID {
		t.Errorf("%+v", found)
	}
	value := []byte(*page.Entries[0].Value)
	value[63] = map[bool]byte{true: '0', false: '1'}[value[63] == '1']
	near := decode[knownMatchesBody](t, a.call("rhea", "POST", "/v1/known/check", `{"pdq":"`+string(value)+`"}`))
	if len(near.Matches) != 1 || near.Matches[0].Exact || near.Matches[0].Distance == nil || near.Matches[0].Entry.Kind != string(cordon.KnownPDQ) {
		t.Errorf("%+v", near)
	}
}
