package console

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

// A reviewer says what became of a write whose answer was lost, and nobody else is asked.
func TestReviewerSettles(t *testing.T) {
	c := newConsole(t)
	lost, err := c.desk.Items(t.Context(), desktest.Tenant, desk.Query{States: []cordon.State{cordon.Unsettled}, Limit: 1})
	if err != nil || len(lost) != 1 {
		t.Fatal(err, len(lost))
	}
	path := "/items/" + string(lost[0].ID)
	if page := c.signedIn(t, "otto", auditorPassword).get(path); strings.Contains(page, "What became of it") {
		t.Error("an auditor is asked what became of it")
	}
	v := c.signedIn(t, "rhea", reviewerPassword)
	page := v.get(path)
	for _, want := range []string{"What became of it", "It is there", "send it again", "Give up"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	send := func(as, id, note string) string {
		return v.post(path+"/settle", url.Values{"token": {v.token()}, "as": {as}, "id": {id}, "note": {note}})
	}
	if page = send("", "", "typed <b>already</b>"); !strings.Contains(page, "Choose one of the three") || !strings.Contains(page, "typed &lt;b&gt;already&lt;/b&gt;") {
		t.Error("what was typed is lost where nothing was chosen")
	}
	if page = send("there", " ", ""); !strings.Contains(page, "Give the id of the record") {
		t.Error("it is there, and nobody asks as what")
	}
	if page = send("give-up", "", strings.Repeat("x", desk.MaxNote+1)); !strings.Contains(page, "The note is too long") {
		t.Error("a note of any length is taken")
	}
	send("there", "068000000000001AAA", "I looked")
	if now, _ := c.desk.Open(t.Context(), desktest.Tenant, lost[0].ID); now.Item.State != cordon.Delivered || now.Item.UpstreamID != "068000000000001AAA" {
		t.Errorf("it is %s as %q", now.Item.State, now.Item.UpstreamID)
	}
	if page = send("give-up", "", ""); !strings.Contains(page, "That is not possible as things stand") {
		t.Error("settled twice")
	}
	if page = v.get(path); strings.Contains(page, "Record what became of it") || !strings.Contains(page, "A person said what became of it") {
		t.Error("once settled, its page asks again, or does not tell")
	}
}
