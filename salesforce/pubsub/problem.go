package pubsub

import (
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// Problem is an error of the service. Its text holds codes only: the service's own message
// may quote what nobody should log.
type Problem struct {
	Status codes.Code
	// Code is the service's own, from the trailer error-code, without its common prefix; ""
	// if there was none.
	// https://developer.salesforce.com/docs/platform/pub-sub-api/guide/handling-errors.html
	Code string
}

const codePrefix = "sfdc.platform.eventbus.grpc."

var isCode = regexp.MustCompile(`^[a-z][a-z.]{0,99}$`)

// explain turns an error of gRPC into a Problem.
func explain(err error, trailer metadata.MD) error {
	s, is := status.FromError(err)
	if err == nil || !is {
		return err
	}
	p := &Problem{Status: s.Code()}
	for _, code := range trailer.Get("error-code") {
		if code, has := strings.CutPrefix(code, codePrefix); has && isCode.MatchString(code) {
			p.Code = code
		}
	}
	return p
}

func (p *Problem) Error() string {
	text := "the Pub/Sub API answered " + p.Status.String()
	if p.Code != "" {
		text += " " + p.Code
	}
	return text
}

// Is makes errors.Is tell the kinds apart.
func (p *Problem) Is(target error) bool {
	switch target {
	case cordon.ErrNotFound:
		return p.Status == codes.NotFound
	case cordon.ErrForbidden:
		return p.Status == codes.PermissionDenied || p.Status == codes.Unauthenticated
	case cordon.ErrBusy:
		return p.Status == codes.Unavailable || p.Status == codes.ResourceExhausted
	case salesforce.ErrReplayLost:
		return strings.HasPrefix(p.Code, "subscription.fetch.replayid.")
	}
	return false
}

// stale reports whether a fresh token may help.
func (p *Problem) stale() bool {
	return p.Status == codes.Unauthenticated || p.Code == "service.auth.error"
}

// stays reports whether the same call would get the same answer for a long time.
func (p *Problem) stays() bool {
	switch p.Status {
	case codes.NotFound, codes.PermissionDenied, codes.Unimplemented:
		return true
	case codes.InvalidArgument:
		return p.Code != "" && !p.stale()
	}
	return false
}
