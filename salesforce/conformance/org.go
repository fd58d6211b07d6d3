package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// Org is an org to ask: where it is, and a token for it.
type Org struct {
	Base    *url.URL // its origin
	Token   string   // an access token; it goes to Base only and is never written anywhere
	Version string   // of the API, such as "64.0"
	HTTP    *http.Client
	Timeout time.Duration // of one call; default DefaultTimeout
}

// maxAnswer bounds what is read of an answer, in bytes. The longest is a describe.
const maxAnswer = 16 << 20

// DefaultTimeout bounds one call unless an Org says otherwise.
const DefaultTimeout = 60 * time.Second

// Answer is what an org said to one call.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Took   time.Duration
}

// errSpent says that a call was not made, because the budget is used up.
var errSpent = errors.New("the budget of API calls is used up")

// line carries calls to an org and counts them.
type line struct {
	org    Org
	budget int // calls that may be made in all; 0: any number
	spent  int
}

func newLine(org Org, budget int) *line {
	if org.HTTP == nil {
		org.HTTP = &http.Client{}
	}
	org.Timeout = cmp.Or(org.Timeout, DefaultTimeout)
	own := *org.HTTP
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the token goes nowhere else
	org.HTTP = &own
	return &line{org: org, budget: budget}
}

// request is a call with its variables filled in.
type request struct {
	method, path string // path with its query
	body         string
	header       map[string]string
	as           caller
}

// send makes a call. Each counts, whatever becomes of it. Errors hold neither address nor token.
func (l *line) send(ctx context.Context, r request) (Answer, error) {
	if l.budget > 0 && l.spent >= l.budget {
		return Answer{}, errSpent
	}
	l.spent++
	ctx, cancel := context.WithTimeout(ctx, l.org.Timeout)
	defer cancel()
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, l.org.Base.Scheme+"://"+l.org.Base.Host+r.path, body)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: a script has a path that is none", cordon.ErrInvalid)
	}
	req.Header.Set("Accept", "application/json")
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	switch r.as {
	case self:
		req.Header.Set("Authorization", "Bearer "+l.org.Token)
	case stranger:
		req.Header.Set("Authorization", "Bearer 00D000000000000!nobody.issued.this")
	}
	start := time.Now()
	resp, err := l.org.HTTP.Do(req)
	if err != nil {
		return Answer{}, silence(ctx)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return Answer{}, silence(ctx)
	case len(text) > maxAnswer:
		return Answer{}, fmt.Errorf("%w: an answer is longer than %d bytes", cordon.ErrTooLarge, maxAnswer)
	}
	return Answer{resp.StatusCode, resp.Header, text, time.Since(start)}, nil
}

// Ways in which an org does not answer. The causes that net/http gives name the address.
var (
	errSilent = errors.New("the org did not answer")
	errSlow   = errors.New("the org did not answer in time")
)

func silence(ctx context.Context) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errSlow
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return errSilent
}

// ask fills in the variables of a step and makes its call.
func (l *line) ask(ctx context.Context, s Step, v Variables) (Answer, error) {
	r := request{method: s.Method, path: v.fill(s.Path), body: v.fill(s.Body), header: map[string]string{}, as: s.As}
	if r.method == "" {
		r.method = http.MethodGet
		if r.body != "" {
			r.method = http.MethodPost
		}
	}
	if s.SOQL != "" {
		if r.path == "" {
			r.path = "query"
		}
		r.path += "?q=" + url.QueryEscape(v.fill(s.SOQL))
	}
	if !strings.HasPrefix(r.path, "/") {
		r.path = "/services/data/v" + l.org.Version + "/" + r.path
	}
	if r.body != "" {
		r.header["Content-Type"] = "application/json"
	}
	if s.Type != "" {
		r.header["Content-Type"] = s.Type
	}
	for k, value := range s.Header {
		r.header[k] = v.fill(value)
	}
	return l.send(ctx, r)
}
