package sim

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Verb is what a Fault does to a request that it meets.
type Verb string

// Verbs.
const (
	// Answer replies with Status and Body instead of doing what was asked.
	Answer Verb = "answer"
	// Delay waits for Wait, then carries on.
	Delay Verb = "delay"
	// Cut closes the connection before anything was done.
	Cut Verb = "cut"
	// CutInBody reads the first Bytes of the body, then closes the connection.
	CutInBody Verb = "cut-in-body"
	// LoseAnswer does what was asked, then closes the connection instead of answering.
	LoseAnswer Verb = "lose-answer"
	// Truncate does what was asked, and closes the connection halfway through the answer.
	Truncate Verb = "truncate"
	// ExpireToken makes the caller's access token worthless, then carries on.
	ExpireToken Verb = "expire-token"
)

// Verbs of events. They meet what subscriptions deliver, and Path is the topic.
const (
	// DropStream breaks the subscription instead of delivering an event.
	DropStream Verb = "drop-stream"
	// SkipEvent loses an event without a word.
	SkipEvent Verb = "skip-event"
	// RepeatEvent delivers an event twice.
	RepeatEvent Verb = "repeat-event"
	// GapEvent delivers a header with GAP_ before its change type instead of an event.
	GapEvent Verb = "gap-event"
	// OverflowEvent delivers GAP_OVERFLOW, which names no record, instead of an event.
	OverflowEvent Verb = "overflow-event"
	// DelayEvent waits for Wait before it delivers an event.
	DelayEvent Verb = "delay-event"
	// LoseReplay refuses the replay id that a subscription begins with, as one that is too
	// old.
	LoseReplay Verb = "lose-replay"
)

// Methods that faults of events are matched with.
const (
	methodEvent  = "EVENT"
	methodReplay = "REPLAY"
)

// method is what a request or an event must be for the verb, "" for any request.
func (v Verb) method() string {
	switch v {
	case DropStream, SkipEvent, RepeatEvent, GapEvent, OverflowEvent, DelayEvent:
		return methodEvent
	case LoseReplay:
		return methodReplay
	}
	return ""
}

// Fault is an accident waiting for requests. Empty conditions match every request.
type Fault struct {
	Verb Verb `json:"verb"`

	Method string `json:"method,omitempty"` // "POST"
	// Path is a glob over the canonical path, in which * does not cross a slash:
	// "/services/data/*/query". Without a star it is a prefix.
	Path string `json:"path,omitempty"`
	// Object is the sObject that the path names: "ContentVersion".
	Object string `json:"object,omitempty"`

	After int `json:"after,omitempty"` // matching requests to let pass first
	Times int `json:"times,omitempty"` // requests to hit; 0 is one, -1 is all

	Status int           `json:"status,omitempty"`  // of Answer; default 503
	Body   string        `json:"body,omitempty"`    // of Answer; default: what the platform words for the status
	Wait   time.Duration `json:"wait_ns,omitempty"` // of Delay; others wait for it first
	Bytes  int64         `json:"bytes,omitempty"`   // of CutInBody
}

// After is a fault that lets n requests pass and answers the next with the status.
func After(n, status int) Fault { return Fault{Verb: Answer, After: n, Status: status} }

// Fail arms faults. Each request meets the first that matches it.
func (o *Org) Fail(list ...Fault) { o.faults.add(list) }

// Heal disarms every fault.
func (o *Org) Heal() { o.faults.clear() }

// Faults returns those that are still armed, with the counts that remain.
func (o *Org) Faults() []Fault {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	out := []Fault{}
	for _, f := range o.faults.armed {
		out = append(out, *f)
	}
	return out
}

type faults struct {
	mu    sync.Mutex
	armed []*Fault
}

func (l *faults) add(list []Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range list {
		if f.Verb == "" {
			f.Verb = Answer
		}
		if f.Times == 0 {
			f.Times = 1
		}
		l.armed = append(l.armed, &f)
	}
}

func (l *faults) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = nil
}

func (l *faults) match(method, rawPath string) (Fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := path.Clean("/" + strings.ToLower(rawPath))
	for i, f := range l.armed {
		if !f.matches(method, p) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		hit := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				l.armed = append(l.armed[:i:i], l.armed[i+1:]...)
			}
		}
		return hit, true
	}
	return Fault{}, false
}

func (f *Fault) matches(method, p string) bool {
	if own := f.Verb.method(); own != method && (own != "" || method == methodEvent || method == methodReplay) {
		return false
	}
	if f.Method != "" && !strings.EqualFold(f.Method, method) {
		return false
	}
	if f.Object != "" {
		_, rest, found := strings.Cut(p, "/sobjects/")
		name, _, _ := strings.Cut(rest, "/")
		if !found || !strings.EqualFold(name, f.Object) {
			return false
		}
	}
	want := strings.ToLower(f.Path)
	if !strings.Contains(want, "*") {
		return strings.HasPrefix(p, want)
	}
	matched, err := path.Match(want, p)
	return err == nil && matched
}

// suffer lets a fault happen to a request.
func (o *Org) suffer(f Fault, x *exchange, r *http.Request) {
	x.line.Fault = string(f.Verb)
	if f.Wait > 0 {
		select {
		case <-time.After(f.Wait):
		case <-r.Context().Done():
			return
		}
	}
	switch f.Verb {
	case Delay:
		o.route(x, r)
	case ExpireToken:
		o.mu.Lock()
		delete(o.sessions, bearer(r))
		o.mu.Unlock()
		o.route(x, r)
	case Cut:
		hangUp(x)
	case CutInBody:
		io.CopyN(io.Discard, r.Body, f.Bytes)
		hangUp(x)
	case LoseAnswer:
		real := x.ResponseWriter
		x.ResponseWriter = &deaf{header: http.Header{}}
		o.route(x, r)
		x.ResponseWriter = real
		hangUp(x)
	case Truncate:
		heard := &deaf{header: http.Header{}, keep: true}
		real := x.ResponseWriter
		x.ResponseWriter = heard
		o.route(x, r)
		x.ResponseWriter = real
		if heard.body.Len() == 0 {
			hangUp(x) // there is no half of nothing
			return
		}
		for k, v := range heard.header {
			real.Header()[k] = v
		}
		real.Header().Set("Content-Length", strconv.Itoa(heard.body.Len()))
		real.WriteHeader(heard.status)
		real.Write(heard.body.Bytes()[:heard.body.Len()/2])
		http.NewResponseController(real).Flush()
		panic(http.ErrAbortHandler)
	default:
		status := f.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		if f.Body != "" {
			x.Header().Set("Content-Type", "application/json;charset=UTF-8")
			x.WriteHeader(status)
			io.WriteString(x, f.Body)
			return
		}
		x.refuse(r, usualFault(status))
	}
}

// hangUp closes the connection under a request that gets no answer.
func hangUp(x *exchange) {
	x.record(0) // before the caller can notice
	conn, _, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err != nil { // HTTP/2 has no connection to give; this resets the stream
		panic(http.ErrAbortHandler)
	}
	if tcp, is := conn.(*net.TCPConn); is {
		tcp.SetLinger(0) // a reset, as when a peer dies: not a clean end
	}
	conn.Close()
}

// usualFault is how the platform words a failure of its own.
func usualFault(status int) *fault {
	switch status {
	case http.StatusUnauthorized:
		return badSession()
	case http.StatusForbidden:
		return newFault(status, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
	case http.StatusNotFound:
		return notFound()
	case http.StatusBadRequest:
		return newFault(status, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "A validation rule of the org refused the record.").on()
	case http.StatusConflict:
		return newFault(status, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record").on()
	case http.StatusServiceUnavailable:
		return newFault(status, "SERVER_UNAVAILABLE", "We are down for maintenance. Sorry for the inconvenience.")
	}
	return newFault(status, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: %d", status)
}

// deaf takes an answer that nobody hears, or keeps it.
type deaf struct {
	header http.Header
	status int
	keep   bool
	body   bytes.Buffer
}

func (d *deaf) Header() http.Header { return d.header }

func (d *deaf) WriteHeader(status int) {
	if d.status == 0 {
		d.status = status
	}
}

func (d *deaf) Write(p []byte) (int, error) {
	d.WriteHeader(http.StatusOK)
	if d.keep {
		d.body.Write(p)
	}
	return len(p), nil
}

// Hijack is refused: there is no connection here.
func (d *deaf) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, fmt.Errorf("the answer goes nowhere")
}
