package salesforce

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
)

// Problem is an answer of the org other than success. Its text holds codes and field names, not
// the org's message, which may quote values.
type Problem struct {
	Status int
	Errors []Error
	signIn bool // to a request for a token
}

func (p *Problem) Error() string {
	text := fmt.Sprintf("Salesforce answered %d", p.Status)
	for _, e := range p.Errors {
		text += " " + e.ErrorCode
		if len(e.Fields) > 0 {
			text += " (" + strings.Join(e.Fields, ", ") + ")"
		}
	}
	return text
}

// Is makes errors.Is tell the kinds apart.
func (p *Problem) Is(target error) bool {
	switch target {
	case cordon.ErrNotFound:
		return p.Status == http.StatusNotFound
	case cordon.ErrForbidden:
		return p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden
	case cordon.ErrBusy:
		return p.Status == http.StatusServiceUnavailable
	case cordon.ErrPermanent:
		return !p.transient()
	case cordon.ErrTransient:
		return p.transient()
	}
	return false
}

// transientCodes say that the same request may succeed later, whatever the status.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
var transientCodes = []string{
	"UNABLE_TO_LOCK_ROW", // somebody else writes the record or its parent
	"SERVER_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION",
	"API_CURRENTLY_DISABLED", "ORG_LOCKED", "TXN_SECURITY_METERING_ERROR",
	"INVALID_SESSION_ID", // Cordon signs in anew, or an administrator puts it right
}

// transientStatuses do so where no code says otherwise.
var transientStatuses = []int{
	http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect, // the org moves
	http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusRequestTimeout, 420, http.StatusLocked,
	http.StatusTooEarly, http.StatusTooManyRequests,
}

// transient reports whether the same request may succeed later. What says nothing about it, and
// is about the request, is permanent: what the org refused once it refuses again.
func (p *Problem) transient() bool {
	if p.signIn {
		return true // how Cordon signs in is put right by an administrator, and says nothing of a file
	}
	for _, e := range p.Errors {
		if slices.Contains(transientCodes, e.ErrorCode) {
			return true
		}
	}
	if len(p.Errors) > 0 && p.Status != http.StatusUnauthorized && p.Status < 500 && p.Status != http.StatusTooManyRequests {
		return false
	}
	return p.Status >= 500 || slices.Contains(transientStatuses, p.Status) || p.Status < 400 && p.Status != http.StatusMultipleChoices
}

// FailureCause is the org's own code for what happened.
func (p *Problem) FailureCause() cordon.Cause {
	switch {
	case p.signIn:
		return cordon.CauseNotSet
	case len(p.Errors) > 0:
		return cordon.OrgCause(p.Errors[0].ErrorCode)
	case p.transient():
		return cordon.CauseUnreachable
	}
	return cordon.CauseRefused
}

func statusError(status int, body []byte) *Problem {
	return &Problem{Status: status, Errors: ParseErrors(body)}
}
