package desk

import (
	"errors"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

func TestDecisions(t *testing.T) {
	for _, test := range []struct {
		d                Decision
		release, keepOut bool // whether the act may be done with it
	}{
		{Decision{Outcome: cordon.Genuine}, true, false},
		{Decision{Outcome: cordon.LawfulSynthetic, Note: "A speech device."}, true, false},
		{Decision{Outcome: cordon.Harmful, Note: "Not the patient."}, false, true},
		{Decision{Outcome: cordon.Harmful, Note: " \n"}, false, false},
		{Decision{Outcome: "cannot-tell", Note: "x"}, false, false},
		{Decision{}, false, false},
		{Decision{Outcome: cordon.Genuine, Note: strings.Repeat("x", MaxNote+1)}, false, false},
		{Decision{Outcome: cordon.Harmful, Note: "\xff"}, false, false},
	} {
		for release, want := range map[bool]bool{true: test.release, false: test.keepOut} {
			if err := test.d.Check(release); (err == nil) != want || err != nil && !errors.Is(err, cordon.ErrInvalid) {
				t.Errorf("%.30v, release %v: %v", test.d, release, err)
			}
		}
	}
}
