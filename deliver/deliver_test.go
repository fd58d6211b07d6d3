package deliver

import (
	"fmt"
	"testing"

	"github.com/cordonhq/cordon"
)

// TestAfterRelease: what may be written later is still owed, and what never will be goes back to
// the people who decide, at once and with its cause.
func TestAfterRelease(t *testing.T) {
	never := cordon.Permanent("c", "never")
	later := &cordon.Failure{Kind: cordon.ErrTransient, Cause: "c", Text: "later"}
	for name, c := range map[string]struct {
		err   error
		to    cordon.State
		cause cordon.Cause
	}{
		"written":                 {nil, cordon.Delivered, ""},
		"not sent":                {cordon.ErrNotSent, cordon.Released, cordon.CauseUnreachable},
		"not sent, and never":     {fmt.Errorf("%w: %w", cordon.ErrNotSent, never), cordon.Held, "c"},
		"not sent, as it is":      {fmt.Errorf("%w: %w", cordon.ErrNotSent, cordon.ErrInvalid), cordon.Held, cordon.CauseUnreachable},
		"refused":                 {cordon.ErrRefusedUpstream, cordon.Held, cordon.CauseRefused},
		"refused, and never":      {fmt.Errorf("%w: %w", cordon.ErrRefusedUpstream, never), cordon.Held, "c"},
		"refused for the moment":  {fmt.Errorf("%w: %w", cordon.ErrRefusedUpstream, later), cordon.Released, "c"},
		"nobody knows":            {later, cordon.Unsettled, ""},
		"nobody knows, and never": {never, cordon.Unsettled, ""},
	} {
		if o := AfterRelease(c.err); o.To != c.to || o.Cause != c.cause {
			t.Errorf("%s: %s because of %q, want %s because of %q", name, o.To, o.Cause, c.to, c.cause)
		}
	}
}
