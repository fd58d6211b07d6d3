package flow

import (
	"errors"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

// What a reporter calls an alert stands for one report: the same again gets the first alert, and
// another is refused by name, whichever part of it differs.
func TestTheNameOfAnAlertStandsForOneReport(t *testing.T) {
	l, ctx := newLine(), t.Context()
	by := cordon.Actor{Kind: cordon.Client, ID: "act_1"}
	report := func(edit func(*Alert)) (Alert, bool, error) {
		a := Alert{Ref: cordon.Ref{Tenant: tenant}, By: by, Source: "mail", AlertReport: AlertReport{Named: "069000000000001AAA", Note: "from the desk"}}
		edit(&a)
		return l.AcceptAlert(ctx, a, "INC-1", "", time.Minute)
	}
	first, repeated, err := report(func(*Alert) {})
	if err != nil || repeated {
		t.Fatalf("%v, repeated %v", err, repeated)
	}
	if again, repeated, err := report(func(*Alert) {}); err != nil || !repeated || again.ID != first.ID {
		t.Errorf("the same again: %v, repeated %v, %s", err, repeated, again.ID)
	}
	for name, edit := range map[string]func(*Alert){
		"another file":   func(a *Alert) { a.Named = "069000000000002AAA" },
		"another note":   func(a *Alert) { a.Note = "" },
		"another source": func(a *Alert) { a.Source = "" },
		"a fresh look":   func(a *Alert) { a.Again = true },
		"every version":  func(a *Alert) { a.Versions = true },
	} {
		if _, _, err := report(edit); !errors.Is(err, cordon.ErrNamedTwice) {
			t.Errorf("%s: %v, want ErrNamedTwice", name, err)
		}
	}
	if _, repeated, err := report(func(a *Alert) { a.By.ID = "act_2"; a.Named = "069000000000002AAA" }); err != nil || repeated {
		t.Errorf("another reporter's name: %v, repeated %v", err, repeated)
	}
}
