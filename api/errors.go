package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
)

// failure is an error with its own place in the table of answers.
type failure struct {
	status  int
	code    string
	message string
}

func (f *failure) Error() string { return f.message }

var (
	errNoToken    = &failure{http.StatusUnauthorized, "no-token", "Send the account's token in the header \"Authorization: Bearer crd_…\"."}
	errBadToken   = &failure{http.StatusUnauthorized, "bad-token", "The token is not known. Check that it was copied whole, or ask the operator for a new one."}
	errNoSuchPath = &failure{http.StatusNotFound, "no-such-path", "There is nothing at this address for this method. /v1/openapi.json lists what there is."}
)

func errNotPermitted(a account.Account, e endpoint) error {
	return &failure{http.StatusForbidden, "not-permitted",
		fmt.Sprintf("The account %s may not do this: it takes the permission %s. Ask the operator for a role that has it.", a.Login, e.names())}
}

// kinds turns kinds of errors into answers. Where said is set, the error's own text is part of
// the message: those errors are about what the caller sent. The others may tell of the inside.
var kinds = []struct {
	kind   error
	status int
	code   string
	said   bool
	next   string
}{
	{cordon.ErrForged, http.StatusConflict, "not-authentic", false, "Something else than Cordon wrote to this record, so nothing acts on it. Nothing was changed by this request, and sending it again will not help. The operator's log names the row."},
	{cordon.ErrTooSlow, http.StatusRequestTimeout, "too-slow", true, "Nothing was stored. Send the body without long pauses."},
	{cordon.ErrShredded, http.StatusGone, "bytes-gone", false, "The bytes and their key were destroyed, as the retention rules say. The record and the receipt remain."},
	{cordon.ErrTooLarge, http.StatusRequestEntityTooLarge, "too-large", true, "Nothing was stored. Send less, or ask the operator to raise the limit."},
	{cordon.ErrNamedTwice, http.StatusConflict, "external-id-reused", true, "Nothing was stored."},
	{cordon.ErrKeyReused, http.StatusConflict, "conflict", true, "Nothing was stored. Send this request with a key of its own."},
	{cordon.ErrInvalid, http.StatusBadRequest, "invalid", true, "Nothing was changed. Correct the request and send it again."},
	{cordon.ErrNotNow, http.StatusConflict, "conflict", true, "Nothing was changed by this request."},
	{cordon.ErrConflict, http.StatusConflict, "conflict", true, "Nothing was changed by this request. Read the item again and decide anew."},
	{cordon.ErrForbidden, http.StatusForbidden, "forbidden", true, "Nothing was changed."},
	{cordon.ErrNotFound, http.StatusNotFound, "not-found", false, "There is no such thing in this tenant. Check the identifier."},
	{cordon.ErrBusy, http.StatusServiceUnavailable, "busy", false, "Cordon has as much to do as it can hold. Nothing was stored. Wait as Retry-After says and send the request again."},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "busy", false, "It took too long, and was given up. Wait as Retry-After says and send the request again, with the same Idempotency-Key if it had one."},
}

// unavailable answers whatever else cordon.Unavailable knows.
var unavailable = &failure{http.StatusServiceUnavailable, "unavailable",
	"Something that Cordon stands on, such as its disk, its database or its file descriptors, is full, used up or away at this moment. Nothing is lost that was accepted before. Wait as Retry-After says and send the request again, with the same Idempotency-Key if it had one."}

// busySeconds is what Retry-After says when there is too much to do, or something is away.
const busySeconds = 5

// answerTo finds the answer to an error.
func answerTo(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	for _, k := range kinds {
		if !errors.Is(err, k.kind) {
			continue
		}
		if k.said {
			return &failure{k.status, k.code, sentence(err.Error()) + " " + k.next}
		}
		return &failure{k.status, k.code, k.next}
	}
	if cordon.Unavailable(err) {
		return unavailable
	}
	return &failure{http.StatusInternalServerError, "internal", "Something went wrong inside Cordon. Nothing is lost that was accepted before. Try again, and if it stays, give the operator the reference."}
}

// errorBody is what every error looks like.
type errorBody struct {
	Error struct {
		Code      string `json:"code" doc:"A short fixed word for programs."`
		Message   string `json:"message" doc:"What happened and what to do next, for people."`
		Reference string `json:"reference" doc:"The number under which the operator finds this in the log."`
	} `json:"error"`
}

// fail renders and logs an error. It is the only place that does.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := answerTo(err)
	ref := cordon.NewID("ref")
	if r.Context().Err() == nil {
		s.Log.LogAttrs(r.Context(), levelOf(f.status), "api request failed", logAttrs(r, f, ref, err)...)
	}
	switch f.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="cordon"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(busySeconds))
	}
	var body errorBody
	body.Error.Code, body.Error.Message, body.Error.Reference = f.code, f.message, string(ref)
	answer(w, f.status, body)
}

// answer writes v as JSON. Once the status is out, a failure to write can only be the caller's
// going away.
func answer(w http.ResponseWriter, status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(data, '\n'))
	return nil
}

// sentence makes a line of an error chain read as a sentence.
func sentence(s string) string {
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
