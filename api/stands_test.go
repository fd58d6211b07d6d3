package api

import (
	"net/http"
	"testing"

	"github.com/cordonhq/cordon"
)

// The API says of every item what its state means for it, and its numbers are those of its lists.
func TestEveryStateInEveryAnswer(t *testing.T) {
	a := newAPI(t, Config{})
	for _, it := range a.desk.Standing() {
		stand := it.Stand()
		w := a.call("otto", "GET", "/v1/items/"+string(it.ID), "")
		got := decode[itemBody](t, w)
		if want := standingOf(stand); w.Code != http.StatusOK || got.Standing != want {
			t.Errorf("%s of operation %q in mode %q is told as %+v", it.State, it.Op, it.Mode, got.Standing)
		}
	}
	counts := decode[countsBody](t, a.call("otto", "GET", "/v1/counts", ""))
	sum, byState := 0, 0
	for _, line := range counts.Standings {
		sum += line.Items
		if line.Name == "" || line.Purpose == cordon.ToAnswer && line.Owes == cordon.OweDelivery {
			t.Errorf("counted as %+v", line)
		}
	}
	for _, n := range counts.States {
		byState += n
	}
	if sum != byState || counts.AsOf.IsZero() {
		t.Errorf("%d by standing, %d by state, as of %s", sum, byState, counts.AsOf)
	}
	for _, d := range cordon.Debts() {
		n, after := 0, ""
		for {
			page := decode[itemsBody](t, a.call("otto", "GET", "/v1/items?limit=7&owes="+string(d)+after, ""))
			for _, it := range page.Items {
				if n++; it.Standing.Owes != d {
					t.Errorf("%s is listed as owing %s and owes %q", it.ID, d, it.Standing.Owes)
				}
			}
			if page.Next == "" {
				break
			}
			after = "&after=" + string(page.Next)
		}
		if n != counts.Owed[string(d)] {
			t.Errorf("%d are listed as owing %s, %d counted", n, d, counts.Owed[string(d)])
		}
	}
	a.refused(a.call("otto", "GET", "/v1/items?owes=money", ""), http.StatusBadRequest, "invalid")
	a.refused(a.call("otto", "GET", "/v1/items?owes=delivery&state=held", ""), http.StatusBadRequest, "invalid")
}
