package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// object is a JSON object that keeps the order of its members, as the platform's do.
type object []member

type member struct {
	key   string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := marshal(m.key)
		if err != nil {
			return nil, err
		}
		value, err := marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (o object) get(key string) any {
	for _, m := range o {
		if strings.EqualFold(m.key, key) {
			return m.value
		}
	}
	return nil
}

// marshal is json.Marshal without the escaping of <, > and &, which clients would see.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// fault is an error as the REST API words it.
type fault struct {
	status  int
	code    string
	message string
	fields  []string // nil: the answer has no fields member
}

func (f *fault) Error() string { return f.code + ": " + f.message }

func (f *fault) json() object {
	o := object{{"message", f.message}, {"errorCode", f.code}}
	if f.fields != nil {
		o = append(o, member{"fields", f.fields})
	}
	return o
}

// inResult is the error as results of collections, trees and saves carry it.
func (f *fault) inResult() object {
	fields := f.fields
	if fields == nil {
		fields = []string{}
	}
	return object{{"statusCode", f.code}, {"message", f.message}, {"fields", fields}}
}

func newFault(status int, code, format string, args ...any) *fault {
	return &fault{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// on names the fields that a data error is about; none still makes an empty list.
func (f *fault) on(fields ...string) *fault {
	f.fields = append([]string{}, fields...)
	return f
}

// Errors that many places answer with.

func notFound() *fault {
	return newFault(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

func badSession() *fault {
	return newFault(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
}

func methodNotAllowed(method string, allowed ...string) *fault {
	return newFault(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED",
		"HTTP Method '%s' not allowed. Allowed are %s", method, strings.Join(allowed, ","))
}

func noAccess() *fault {
	return newFault(http.StatusBadRequest, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id").on()
}

func noAccessToParent(id string) *fault {
	return newFault(http.StatusBadRequest, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
		"insufficient access rights on cross-reference id: %s", id).on()
}

func badParent(names ...string) *fault {
	return newFault(http.StatusBadRequest, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id").on(names...)
}

func badJSON(format string, args ...any) *fault {
	return newFault(http.StatusBadRequest, "JSON_PARSER_ERROR", format, args...)
}

func noSuchColumn(name, on string) *fault {
	return newFault(http.StatusBadRequest, "INVALID_FIELD", "No such column '%s' on sobject of type %s", name, on)
}

// asFault makes a fault of any error; what is not one already is the org's own failure.
func asFault(err error) *fault {
	if f, ok := err.(*fault); ok {
		return f
	}
	return newFault(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "An unexpected error occurred: %v", err)
}

// answer is what a resource replies, before it is written as JSON or XML.
type answer struct {
	status int
	header http.Header
	body   any    // object, []any, or nil for no content
	root   string // name of the outermost XML element
	blob   *blob  // instead of body: bytes to stream
	raw    []byte // instead of body: text of the type in header
}

func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }

func noContent() *answer { return &answer{status: http.StatusNoContent} }

func (a *answer) with(key, value string) *answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(key, value)
	return a
}

func refusal(f *fault) *answer {
	return &answer{status: f.status, body: []any{f.json()}, root: "Errors"}
}

// saved is the result of a create.
func saved(id string, created *bool) object {
	o := object{{"id", id}, {"success", true}, {"errors", []any{}}}
	if created != nil {
		o = append(o, member{"created", *created})
	}
	return o
}
