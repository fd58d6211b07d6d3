package salesforce

import (
	"errors"
	"net/http"
	"slices"

	"github.com/cordonhq/cordon"
)

// HasCode reports whether err is an answer of the org with one of the error codes.
func HasCode(err error, codes ...string) bool {
	var p *Problem
	return errors.As(err, &p) && slices.ContainsFunc(p.Errors, func(e Error) bool { return slices.Contains(codes, e.ErrorCode) })
}

// MayPass reports whether the same request may succeed later. Errors that are neither the
// org's nor the connection's are not repeated.
func MayPass(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status >= 500 && !HasCode(err, "EXCEEDED_ID_LIMIT") || p.Status == http.StatusUnauthorized ||
			p.Status == http.StatusTooManyRequests || p.Status == http.StatusConflict
	}
	return !errors.Is(err, cordon.ErrConflict) && !errors.Is(err, cordon.ErrInvalid) && !errors.Is(err, cordon.ErrTooLarge) && !errors.Is(err, cordon.ErrNotFound)
}
