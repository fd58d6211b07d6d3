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

// delivered is what the CRM has of the desk's day.
func (c *testConsole) delivered(t *testing.T) cordon.ID {
	t.Helper()
	items, err := c.desk.Items(t.Context(), desktest.Tenant, desk.Query{States: []cordon.State{cordon.Delivered}, Limit: 1})
	if err != nil || len(items) != 1 {
		t.Fatalf("%v, %d items", err, len(items))
	}
	return items[0].ID
}

func TestProposals(t *testing.T) {
	c := newConsole(t)
	rhea := c.signedIn(t, "rhea", reviewerPassword)
	if page := rhea.get("/removals"); !strings.Contains(page, "No proposal waits") {
		t.Error("the empty list does not say that nothing waits")
	}
	if page := rhea.get("/"); !strings.Contains(page, "<b>0</b><span>let through, and would be held now</span>") {
		t.Error("the start page does not count proposals")
	}
	item := c.delivered(t)
	path := "/removals/" + string(c.desk.Propose(item))
	if page := rhea.get("/"); !strings.Contains(page, "<b>1</b><span>let through, and would be held now</span>") {
		t.Error("the start page does not count the proposal")
	}
	if page := rhea.get("/removals"); !strings.Contains(page, path) || !strings.Contains(page, "waits for a decision") {
		t.Error("the proposal is not on the list")
	}
	if page := rhea.get("/items/" + string(item)); !strings.Contains(page, path) {
		t.Error("the item does not lead to its proposal")
	}
	page := rhea.get(path)
	for _, want := range []string{"This file is <b>delivered</b>.", "A later check", "A person decides whether it is taken out.", "invisible mark of Stable Diffusion XL",
		"Record the decision", "my.salesforce.com", "/items/" + string(item)} {
		if !strings.Contains(page, want) {
			t.Errorf("the proposal does not say %q", want)
		}
	}
	for _, word := range []string{"fake", "fraud", "suspicious", "manipulated", "rejected", "violation"} {
		if strings.Contains(strings.ToLower(page), word) {
			t.Errorf("the proposal says %q", word)
		}
	}

	// Who may not decide sees it without the form, and another tenant does not see it.
	otto := c.signedIn(t, "otto", auditorPassword)
	if page := otto.get(path); otto.last.StatusCode != http.StatusOK || strings.Contains(page, "Record the decision") {
		t.Error("an auditor is offered the decision")
	}
	other := c.signedIn(t, "other", "green-anvil-rain")
	if other.get(path); other.last.StatusCode != http.StatusNotFound {
		t.Errorf("another tenant gets %d", other.last.StatusCode)
	}

	// What is missing is said, and what was typed stays.
	page = rhea.post(path+"/decide", url.Values{"token": {rhea.token()}, "outcome": {"harmful"}, "note": {" "}})
	if rhea.last.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "Write in a sentence why it is to be taken out") || !strings.Contains(page, `value="harmful" checked`) {
		t.Errorf("without a reason: %d", rhea.last.StatusCode)
	}
	if page = rhea.post(path+"/decide", url.Values{"token": {rhea.token()}}); !strings.Contains(page, "Choose one of the three outcomes") {
		t.Error("without an outcome")
	}
	page = rhea.post(path+"/decide", url.Values{"token": {rhea.token()}, "outcome": {"harmful"}, "note": {"The clinic never sent it."}})
	for _, want := range []string{"to be taken out", "This release does not take files out of the CRM", "The clinic never sent it.", "by you: harmful"} {
		if !strings.Contains(page, want) {
			t.Errorf("after accepting it does not say %q", want)
		}
	}
	if strings.Contains(page, "Record the decision") {
		t.Error("it can be decided twice")
	}
	if page := otto.get(path); strings.Contains(page, "The clinic never sent it.") {
		t.Error("the note is shown to an auditor")
	}
	if page := rhea.get("/removals?state=accepted"); !strings.Contains(page, path) {
		t.Error("it is not listed as accepted")
	}
	if rhea.get("/removals?state=held"); rhea.last.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown state: %d", rhea.last.StatusCode)
	}
}
