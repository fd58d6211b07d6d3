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

// reporting fills in the form.
func reporting(v *visitor, values url.Values) string {
	v.t.Helper()
	values.Set("token", v.token())
	return v.post("/alerts", values)
}

func TestReportAFile(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	page := reporting(v, url.Values{"named": {"0685g00000XyZ12AAF"}, "note": {"<b>odd</b>"}})
	if v.last.StatusCode != http.StatusOK || !strings.HasPrefix(v.last.Request.URL.Path, "/alerts/alr_") {
		t.Fatalf("ended at %s with %d", v.last.Request.URL, v.last.StatusCode)
	}
	for _, want := range []string{"One file is on record.", "no sign found", "No copy of it is on record.", "by you", "0685g00000XyZ12AAF",
		"nobody looked at it", "Look at it", "3 more are not listed.", "Not all is known", "The document has no other version."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of the alert does not say %q", want)
		}
	}
	if page = v.get("/alerts"); !strings.Contains(page, "a version of a file") || !strings.Contains(page, "One file is on record.") {
		t.Error("the alert is not listed")
	}

	// What cannot be taken comes back with what is wrong, as it was typed.
	page = reporting(v, url.Values{"named": {" "}, "note": {"typed"}})
	if v.last.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "say what is reported") || !strings.Contains(page, ">typed</textarea>") {
		t.Errorf("%d: %s", v.last.StatusCode, page)
	}
}

func TestWhoMayReport(t *testing.T) {
	c := newConsole(t)
	auditor := c.signedIn(t, "otto", auditorPassword)
	if page := auditor.get("/alerts"); strings.Contains(page, "Paste a link") {
		t.Error("an auditor is offered to report")
	}
	auditor.post("/alerts", url.Values{"named": {"0685g00000XyZ12AAF"}, "token": {auditor.token()}})
	if auditor.last.StatusCode != http.StatusForbidden {
		t.Errorf("an auditor reports: %d", auditor.last.StatusCode)
	}

	by := cordon.Actor{Kind: cordon.Client, ID: "act_01kb0000000000000000000000"}
	a := desk.Alert{ID: cordon.NewID(cordon.PrefixAlert), At: morning, By: by, Source: "mail-gateway", What: "record", Named: "0035g00000XyZ12AAF", Note: "Anna", Missing: 1, Answered: morning}
	c.desk.PutAlert(desktest.Tenant, a)
	page := auditor.get("/alerts/" + string(a.ID))
	if strings.Contains(page, a.Named) || strings.Contains(page, "Anna") || !strings.Contains(page, "shows Cordon no such file") || !strings.Contains(page, "(mail-gateway)") {
		t.Errorf("an auditor sees %s", page)
	}
	reviewer := c.signedIn(t, "rhea", reviewerPassword)
	if page := reviewer.get("/alerts/" + string(a.ID)); !strings.Contains(page, a.Named) || !strings.Contains(page, "Anna") {
		t.Errorf("a reviewer sees %s", page)
	}
	stranger := c.signedIn(t, "other", "green-anvil-rain")
	if stranger.get("/alerts/" + string(a.ID)); stranger.last.StatusCode != http.StatusNotFound {
		t.Errorf("another tenant: %d", stranger.last.StatusCode)
	}
	if page := stranger.get("/alerts"); !strings.Contains(page, "Nothing has been reported yet.") {
		t.Error("another tenant's list has it")
	}
	slow := c.signedIn(t, "ruth", "tall-cedar-dusk")
	c.desk.Slow = true
	if page := reporting(slow, url.Values{"named": {"0685g00000XyZ12AAF"}}); !strings.Contains(page, "It is being looked at.") || !strings.Contains(page, "Look again") {
		t.Errorf("while it is looked at: %s", page)
	}
}
