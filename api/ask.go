package api

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

const (
	maxKey   = 255 // characters of an Idempotency-Key
	maxName  = 255 // bytes of a file name
	maxField = 4 << 10
)

// ask answers POST /v1/items.
func (s *Server) ask(w http.ResponseWriter, r *request) error {
	if tenant := string(r.account.Tenant); s.asks.Take(tenant, r.account.Login, 1) {
		defer s.asks.Give(tenant, r.account.Login, 1)
	} else {
		return fmt.Errorf("no room for another asker: %w", cordon.ErrBusy)
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return fmt.Errorf("%w: Idempotency-Key must be at most %d printable ASCII characters", cordon.ErrInvalid, maxKey)
	}
	q, err := s.question(w, r)
	if err != nil {
		return err
	}
	route, err := s.routeOf(r, q)
	if err != nil {
		return err
	}
	wait := s.conf.Budget
	async := prefersAsync(r.Header.Values("Prefer"))
	if async {
		wait = 0
	}
	a := cordon.Arrival{
		Tenant:         r.account.Tenant,
		Route:          route,
		Client:         r.account.Login,
		CallerKey:      "api:" + r.account.Login,
		DeclaredType:   q.mediaType,
		Op:             cordon.OpAsk,
		IdempotencyKey: key,
		Personal: cordon.Personal{
			Name: q.name, Subject: q.subject, Address: address(r.Request), UserAgent: clip(r.UserAgent(), maxName),
			Staged: cordon.Staged{Op: cordon.OpAsk},
		},
	}
	item, err := s.Desk.Ask(r.Context(), a, q.body, wait)
	if err != nil {
		// What the caller's body did wrong is a better answer than what became of it inside.
		if q.body.err != nil {
			return q.body.err
		}
		return err
	}
	return s.answerAsk(w, r, item, q.body, key, async)
}

func (s *Server) answerAsk(w http.ResponseWriter, r *request, item cordon.Item, body *intake, key string, async bool) error {
	receipt := "/v1/receipts/" + string(item.ID)
	w.Header().Set("Cordon-Receipt", string(item.ID))
	if async {
		w.Header().Set("Preference-Applied", "respond-async")
	}
	out := askedBody{ID: item.ID, State: item.State, Standing: standingOf(item.Stand()), Receipt: receipt, Findings: []cordon.Finding{}, Limits: cordon.Limits(item, nil)}
	if item.Verdict == nil {
		w.Header().Set("Location", "/v1/items/"+string(item.ID))
		w.Header().Set("Retry-After", "2")
		return answer(w, http.StatusAccepted, out)
	}
	view, err := s.Desk.Open(r.Context(), r.account.Tenant, item.ID)
	if err != nil {
		return fmt.Errorf("read the findings of %s: %w", item.Ref, err)
	}
	out.Verdict, out.Findings, out.Limits = verdictOf(item), findingsOf(view), cordon.Limits(view.Item, view.Findings)

	// With a key, the item may be the answer to an earlier request, or to one at the same time.
	// The signature binds bytes, so these must be the ones that were judged. Where that can no
	// longer be known, nothing is signed.
	content := body.sum()
	known := !view.PersonalGone
	if known && view.Personal.SHA256 != content {
		return fmt.Errorf("%w, received as %s; use a new key", cordon.ErrKeyReused, item.ID)
	}
	if known || key == "" {
		if out.Signed, err = s.Signer.Sign(item, content); err != nil {
			return err
		}
	}
	return answer(w, http.StatusOK, out)
}

// question is what a caller sent, with the content still to be read.
type question struct {
	name, mediaType, route, subject, callback string
	body                                      *intake
}

func (q *question) set(name, value string) error {
	if len(value) > maxField {
		return fmt.Errorf("%w: the field %q is longer than %d bytes", cordon.ErrInvalid, name, maxField)
	}
	switch name {
	case "name":
		q.name = clip(value, maxName)
	case "route":
		q.route = value
	case "subject":
		q.subject = clip(value, maxName)
	case "callback_url":
		q.callback = value
	default:
		return fmt.Errorf("%w: there is no field %q; the fields are name, route, subject, callback_url and one file", cordon.ErrInvalid, name)
	}
	return nil
}

func (s *Server) question(w http.ResponseWriter, r *request) (*question, error) {
	if r.ContentLength > s.conf.MaxBody {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", cordon.ErrTooLarge, r.ContentLength, s.conf.MaxBody)
	}
	q := &question{}
	for name, values := range r.URL.Query() {
		if len(values) != 1 {
			return nil, fmt.Errorf("%w: the parameter %q is given %d times", cordon.ErrInvalid, name, len(values))
		}
		if err := q.set(name, values[0]); err != nil {
			return nil, err
		}
	}
	limited := http.MaxBytesReader(w, r.Body, s.conf.MaxBody)
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return nil, fmt.Errorf("%w: Content-Type cannot be read: %w", cordon.ErrInvalid, err)
	}
	if kind == "multipart/form-data" {
		return q, q.form(limited, params["boundary"])
	}
	q.mediaType = kind
	if q.name == "" {
		q.name = fileName(r.Header.Get("Content-Disposition"))
	}
	q.body = newIntake(limited, nil)
	return q, nil
}

// form reads fields up to the file, whose bytes are then streamed. Fields after it would be
// read too late to count, so they are refused before anything is stored.
func (q *question) form(body io.Reader, boundary string) error {
	if boundary == "" {
		return fmt.Errorf("%w: the form names no boundary in Content-Type", cordon.ErrInvalid)
	}
	parts := multipart.NewReader(body, boundary)
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: the form holds no file", cordon.ErrInvalid)
		}
		if err != nil {
			return bodyError(err)
		}
		if p.FileName() == "" {
			value, err := io.ReadAll(io.LimitReader(p, maxField+1))
			if err != nil {
				return bodyError(err)
			}
			if err := q.set(p.FormName(), string(value)); err != nil {
				return err
			}
			continue
		}
		if q.name == "" {
			q.name = fileName(p.Header.Get("Content-Disposition"))
		}
		q.mediaType, _, _ = mime.ParseMediaType(p.Header.Get("Content-Type"))
		q.body = newIntake(p, func() error {
			if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
				return fmt.Errorf("%w: the file must be the last part of the form, and the only file", cordon.ErrInvalid)
			}
			return nil
		})
		return nil
	}
}

// routeOf finds the route and holds the callback address against it.
func (s *Server) routeOf(r *request, q *question) (cordon.Route, error) {
	routes := s.Routes(r.account.Tenant)
	route := cordon.FindRoute(routes, cordon.Call{Host: host(r.Host), Path: r.URL.Path, Client: r.account.Login})
	if q.route != "" {
		found := false
		for _, declared := range routes {
			if declared.Name == q.route {
				route, found = declared, true
			}
		}
		if !found {
			return route, fmt.Errorf("%w: no route is declared under the name %q; GET /v1/routes lists them", cordon.ErrInvalid, q.route)
		}
	}
	if q.callback != "" && q.callback != route.CallbackURL {
		return route, fmt.Errorf("%w: callback_url is not the address declared for the route %q; leave it out, or have the operator declare it", cordon.ErrInvalid, route.Name)
	}
	return route, nil
}

// intake is the content on its way in. It takes the digest that the signed verdict names and
// keeps what went wrong with the body.
type intake struct {
	from  io.Reader
	hash  hash.Hash
	size  int64
	after func() error // at the end of the content
	err   error
}

func newIntake(from io.Reader, after func() error) *intake {
	return &intake{from: from, hash: sha256.New(), after: after}
}

func (b *intake) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.from.Read(p)
	b.hash.Write(p[:n])
	b.size += int64(n)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		b.err = bodyError(err)
	case b.size == 0:
		b.err = fmt.Errorf("%w: the body is empty; send the content itself", cordon.ErrInvalid)
	case b.after != nil:
		b.err = b.after()
	}
	if b.err != nil {
		return n, b.err
	}
	return n, io.EOF
}

func (b *intake) sum() string { return hex.EncodeToString(b.hash.Sum(nil)) }

func bodyError(err error) error {
	if errors.Is(err, cordon.ErrTooSlow) {
		return err
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("%w: the limit is %d bytes", cordon.ErrTooLarge, tooLarge.Limit)
	}
	return fmt.Errorf("%w: the body ended early or cannot be read: %w", cordon.ErrInvalid, err)
}

// fileName takes the last element of the name in a Content-Disposition, "" if there is none.
func fileName(disposition string) string {
	_, params, err := mime.ParseMediaType(disposition)
	if err != nil {
		return ""
	}
	name := params["filename"]
	return clip(name[strings.LastIndexAny(name, `/\`)+1:], maxName)
}

func prefersAsync(values []string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			word, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(word), "respond-async") {
				return true
			}
		}
	}
	return false
}

// clip shortens s to n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

func host(h string) string {
	if name, _, err := net.SplitHostPort(h); err == nil {
		return name
	}
	return h
}

func address(r *http.Request) string { return host(r.RemoteAddr) }

// Notice is the body of a callback: what POST /v1/items would have answered, later. The key
// that signs the call itself is the route's; see package callback.
func (s *Server) Notice(view desk.View) ([]byte, error) { return notice(s.Signer, view) }
