package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// A reviewer puts an item on a list from its page, sees where it is from, and takes it off; who
// may not keep lists sees none of it.
func TestKnownFiles(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	if page := v.get(v.item()); !strings.Contains(page, `href="/known?item=`+string(c.first)) {
		t.Fatal("the item's page does not lead to the lists")
	}
	if page := v.get("/known?item=" + string(c.first)); !strings.Contains(page, `value="`+string(c.first)+`"`) || !strings.Contains(page, "No file is on a list.") {
		t.Fatalf("%s", page)
	}
	add := func(values url.Values) string {
		t.Helper()
		values.Set("token", v.token())
		return v.post("/known", values)
	}
	page := add(url.Values{"item": {string(c.first)}, "list": {"blocked"}, "note": {"<b>three</b> times"}, "expires": {"2031-05-06"}})
	for _, want := range []string{"<b>Must not pass</b>, by its exact bytes", "<b>Must not pass</b>, by what it looks like", "by you", "ends: 2031-05-06",
		"&lt;b&gt;three&lt;/b&gt; times", `<b>2</b> Must not pass`, `href="/items/` + string(c.first)} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for what, values := range map[string]url.Values{
		"neither item nor value": {"list": {"blocked"}},
		"no digits":              {"list": {"blocked"}, "kind": {"pdq"}, "value": {"xyz"}},
		"lawful by its looks":    {"list": {"lawful"}, "kind": {"pdq"}, "value": {strings.Repeat("ab", 32)}},
		"an unknown item":        {"list": {"blocked"}, "item": {"itm_00000000000000000000000000"}},
		"a day that is no day":   {"list": {"blocked"}, "item": {string(c.first)}, "expires": {"soon"}},
	} {
		if page := add(values); v.last.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, `class="problem"`) {
			t.Errorf("%s: status %d", what, v.last.StatusCode)
		}
	}
	first := regexp.MustCompile(`/known/(knw_[0-9a-z]+)/remove`).FindStringSubmatch(page)
	if first == nil {
		t.Fatal("nothing can be taken off")
	}
	if page = v.post("/known/"+first[1]+"/remove", url.Values{"token": {v.token()}}); strings.Contains(page, first[1]) || !strings.Contains(page, `<b>1</b> Must not pass`) {
		t.Error("it is still there")
	}
	if page = v.get("/known?list=watched"); !strings.Contains(page, "No file is on this list.") {
		t.Error("another list shows it")
	}
	auditor := c.signedIn(t, "otto", auditorPassword)
	if page := auditor.get("/"); strings.Contains(page, "/known") {
		t.Error("an auditor is led to the lists")
	}
	if auditor.get("/known"); auditor.last.StatusCode != http.StatusForbidden {
		t.Errorf("an auditor's look at the lists: status %d", auditor.last.StatusCode)
	}
}
