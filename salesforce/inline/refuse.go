package inline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// ReceiptHeader names the item on every answer about an upload.
const ReceiptHeader = "Cordon-Receipt"

// refusal is an answer in the platform's own error shape.
type refusal struct {
	status  int
	code    string
	message string
	fields  []string
	receipt cordon.ID
	wait    time.Duration // Retry-After, if positive
	cause   error         // for the log
	part    string        // of a form, that it is about
}

func (r *refusal) Error() string {
	if r.cause != nil {
		return fmt.Sprintf("%s: %v", r.code, r.cause)
	}
	return r.code
}

func (r *refusal) Unwrap() error { return r.cause }

func refusalf(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func unknownHost(host string) *refusal {
	return refusalf(http.StatusMisdirectedRequest, "MISDIRECTED_REQUEST",
		"No organisation is served under the host %.100q. Check the base URL, or add the host to a tenant of the gateway.", hostName(host))
}

func (g *Gateway) busy(cause error) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, code: salesforce.CodeUnavailable, wait: g.conf.RetryAfter, cause: cause,
		message: "The gateway has no room for another upload right now. Nothing was stored; try again shortly."}
}

// away is the answer while something that the gateway stands on is full or away: 503, and the
// client comes again.
func (g *Gateway) away(cause error) *refusal {
	r := g.busy(cause)
	if !errors.Is(cause, cordon.ErrBusy) {
		r.message = "The gateway cannot take the request at this moment. Nothing was stored; try again shortly."
	}
	if cordon.NoDescriptors(cause) {
		r.message = "The gateway has as many connections and files open as it may. Nothing was stored; try again shortly."
	}
	return r
}

// withReceipt turns an error of the line into an answer that names the item.
func (g *Gateway) withReceipt(err error, id cordon.ID) error {
	var known *refusal
	if errors.As(err, &known) {
		known.receipt = id
		return known
	}
	switch {
	case cordon.Unavailable(err):
		r := g.away(err)
		if r.receipt = id; id != "" && !errors.Is(err, cordon.ErrBusy) {
			r.message = fmt.Sprintf("The gateway could not finish the upload at this moment. Send it again shortly; receipt %s.", id)
		}
		return r
	case errors.Is(err, cordon.ErrKeyReused):
		return &refusal{status: http.StatusBadRequest, code: salesforce.CodeDuplicate, receipt: id, cause: err,
			message: "This Idempotency-Key was used for another request. Nothing was stored; send this one with a key of its own."}
	}
	r := &refusal{status: http.StatusInternalServerError, code: salesforce.CodeUnknown, receipt: id, cause: err,
		message: "The gateway could not finish the upload."}
	if id != "" {
		r.message = fmt.Sprintf("The gateway could not finish the upload. Ask about receipt %s before sending the file again.", id)
	}
	return r
}

// fail answers with the error: its own refusal, or the closest one.
func (g *Gateway) fail(c *call, err error) {
	c.allowOrigin()
	if g.answerNative(c, err) {
		return
	}
	var known *refusal
	if !errors.As(err, &known) {
		switch {
		case cordon.Unavailable(err):
			known = g.away(err)
		case errors.Is(err, cordon.ErrTooSlow), isTimeout(err):
			known = &refusal{status: http.StatusRequestTimeout, code: salesforce.CodeMalformed, cause: err,
				message: "The request's body stopped arriving. Nothing was stored."}
		case c.in.Context().Err() != nil || errors.Is(err, context.Canceled):
			g.log.Debug("client left", "tenant", c.tenant.ID, "path", c.target.name)
			panic(http.ErrAbortHandler) // nobody is there to read an answer
		default:
			known = &refusal{status: http.StatusInternalServerError, code: salesforce.CodeUnknown, cause: err,
				message: "The gateway met a fault. Nothing was passed on."}
		}
	}
	level := slog.LevelInfo
	if known.status >= 500 {
		level = slog.LevelWarn
	}
	attrs := []any{"tenant", c.tenant.ID, "path", c.target.name, "status", known.status, "code", known.code}
	if known.receipt != "" {
		attrs = append(attrs, "receipt", known.receipt)
	}
	if known.cause != nil {
		attrs = append(attrs, "cause", known.cause.Error())
	}
	g.log.Log(context.Background(), level, "answered with an error", attrs...)
	g.refuseAs(c.w, c.in, c.target.isSOAP(), c.target.xml, known)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

// refuse answers before anything is known of the request but its headers.
func (g *Gateway) refuse(w http.ResponseWriter, r *http.Request, f *refusal) {
	g.refuseAs(w, r, false, false, f)
}

func (g *Gateway) refuseAs(w http.ResponseWriter, r *http.Request, soap, xml bool, f *refusal) {
	e := salesforce.Error{Message: f.message, ErrorCode: f.code, Fields: f.fields}
	h := w.Header()
	var body []byte
	status := f.status
	switch {
	case soap:
		body = salesforce.SOAPFault(e)
		h.Set("Content-Type", "text/xml; charset=UTF-8")
		status = http.StatusInternalServerError // faults always travel so
		if f.status == http.StatusServiceUnavailable {
			status = f.status
		}
	case xml || wantsXML(r):
		body = salesforce.XMLErrors(e)
		h.Set("Content-Type", "application/xml;charset=UTF-8")
	default:
		body = salesforce.JSONErrors(e)
		h.Set("Content-Type", "application/json;charset=UTF-8")
	}
	if f.receipt != "" {
		h.Set(ReceiptHeader, string(f.receipt))
	}
	if f.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.wait.Seconds()))))
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// wantsXML reports whether a caller reads XML and not JSON.
func wantsXML(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept"), ",") {
		switch media, _, _ := mime.ParseMediaType(part); media {
		case "application/xml", "text/xml":
			return true
		case "application/json", "*/*":
			return false
		}
	}
	return false
}

func isRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}
