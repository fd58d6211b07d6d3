package cordon

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCauses(t *testing.T) {
	missing := Permanent(CauseBytesMissing, "the bytes are not there")
	for name, c := range map[string]struct {
		err       error
		permanent bool
		cause     Cause
	}{
		"nobody knows":             {errors.New("x"), false, CauseOther},
		"permanent":                {fmt.Errorf("a: %w", ErrPermanent), true, CauseOther},
		"with a cause":             {fmt.Errorf("a: %w", fmt.Errorf("%w: %w", ErrNotSent, missing)), true, CauseBytesMissing},
		"transient beats invalid":  {fmt.Errorf("%w: %w", ErrInvalid, ErrTransient), false, CauseOther},
		"permanent beats all":      {fmt.Errorf("%w: %w", ErrTransient, missing), true, CauseBytesMissing},
		"invalid":                  {ErrInvalid, true, CauseOther},
		"too large":                {ErrTooLarge, true, CauseOther},
		"shredded":                 {ErrShredded, true, CauseKeyGone},
		"not sent":                 {ErrNotSent, false, CauseUnreachable},
		"refused, nobody says why": {ErrRefusedUpstream, false, CauseRefused},
	} {
		if got := IsPermanent(c.err); got != c.permanent {
			t.Errorf("%s: permanent %v, want %v", name, got, c.permanent)
		}
		if got := CauseOf(c.err); got != c.cause {
			t.Errorf("%s: cause %q, want %q", name, got, c.cause)
		}
	}
	if !errors.Is(missing, ErrPermanent) || errors.Is(missing, ErrTransient) || !strings.Contains(missing.Error(), "not there") {
		t.Errorf("%v", missing)
	}
}

// A cause stands in the ledger: whatever an org calls its error, no name slips in.
func TestOrgCauseIsACode(t *testing.T) {
	for code, want := range map[string]Cause{"INVALID_FIELD": "crm:INVALID_FIELD", "": CauseRefused, "Jane Doe": CauseRefused, "jane": CauseRefused,
		"A\n": CauseRefused, strings.Repeat("A", 65): CauseRefused, strings.Repeat("A", 64): "crm:" + Cause(strings.Repeat("A", 64))} {
		got := OrgCause(code)
		if got != want || !isCode(string(got)) {
			t.Errorf("%q becomes %q, want %q", code, got, want)
		}
	}
}
