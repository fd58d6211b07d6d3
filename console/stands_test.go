package console

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk/desktest"
)

// Whatever an item is for and wherever it stands, its page, its receipt, the lists and the
// numbers say the same of it, and say nothing that is not so.
func TestEveryStateOnEveryPage(t *testing.T) {
	c := newConsole(t)
	items := c.desk.Standing()
	v := c.signedIn(t, "rhea", reviewerPassword)
	shown := func(page, text string) bool { return strings.Contains(html.UnescapeString(page), text) }
	for _, it := range items {
		stand, what := it.Stand(), fmt.Sprintf("what is %s, operation %q in mode %q", it.State, it.Op, it.Mode)
		page, receipt := v.get("/items/"+string(it.ID)), v.get("/receipts/"+string(it.ID))
		for _, text := range []string{"This item is <b>" + stand.Name + "</b>.", stand.Next} {
			if !shown(page, text) || !shown(receipt, text) {
				t.Errorf("%s: its page or its receipt lacks %q", what, text)
			}
		}
		if !shown(page, ">"+placeWords[stand.Place]+"<") {
			t.Errorf("%s: its page does not ask %q", what, placeWords[stand.Place])
		}
		if decidable := shown(page, "Record the decision"); decidable != (it.State == cordon.Held) {
			t.Errorf("%s: its page takes a decision: %v", what, decidable)
		}
		if asks := shown(page, "Record what became of it"); asks != (it.State == cordon.Unsettled) {
			t.Errorf("%s: its page asks what became of it: %v", what, asks)
		}
		if it.Op == cordon.OpAsk && (shown(page, "deliver") || shown(page, "<dt>Into</dt>")) {
			t.Errorf("%s: its page speaks of a delivery", what)
		}
	}
	checkNumbers(t, c, v)
}

// checkNumbers holds the start page against the census and against the lists that it leads to.
func checkNumbers(t *testing.T, c *testConsole, v *visitor) {
	t.Helper()
	census, err := c.desk.Census(t.Context(), desktest.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	now := v.get("/")
	if !strings.Contains(now, "As of <time") {
		t.Error("the start page does not say when its numbers are from")
	}
	for _, d := range cordon.Debts() {
		address, n := "/holds?owes="+string(d), census.Owing(d)
		if d == cordon.OweDecision {
			address, n = "/holds", census.In(cordon.Held)
		}
		if want := fmt.Sprintf(`<a href="%s"><b>%d</b>`, address, n); !strings.Contains(now, want) {
			t.Errorf("the start page lacks %s", want)
		}
		var listed []string
		for page := v.get(address); ; {
			listed = append(listed, itemLinks(page)...)
			next := nextPage(page)
			if next == "" {
				break
			}
			page = v.get(next)
		}
		slices.Sort(listed)
		if listed = slices.Compact(listed); len(listed) != n {
			t.Errorf("the start page says that %d owe %s, and the list behind it has %d", n, d, len(listed))
		}
	}
	held := 0
	for _, h := range census.Held {
		held += h.Total()
		if want := fmt.Sprintf(`<dd><a href="/holds?route=%s">%d</a></dd>`, h.Route, h.Total()); !strings.Contains(v.get("/routes"), want) {
			t.Errorf("the page of routes lacks %s", want)
		}
	}
	if held != census.In(cordon.Held) {
		t.Errorf("%d on hold by route, %d in all", held, census.In(cordon.Held))
	}
}

func itemLinks(page string) (ids []string) {
	for _, part := range strings.Split(page, `<a href="/items/`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		ids = append(ids, id)
	}
	return ids
}

func nextPage(page string) string {
	before, _, ok := strings.Cut(page, `">Next page`)
	if !ok {
		return ""
	}
	return html.UnescapeString(before[strings.LastIndex(before, `href="`)+len(`href="`):])
}
