// Package pace bounds how slowly the bodies of requests may arrive, at every listener alike.
//
// Only the time counts in which the server waits for the sender: who is slow because the server
// is, is not cut. A sender whose body keeps to the least rate on the whole is never cut before
// the total time is over, however unevenly the body comes, as on a mobile line.
package pace

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/cordonhq/cordon"
)

// Limits of a body. The zero value is sensible.
type Limits struct {
	// Rate is the least number of bytes in a second, on the whole. Default: 1024.
	Rate int64
	// Pause is how long a sender may pause, and how far it may fall behind the rate.
	// Default: 30 s.
	Pause time.Duration
	// Within is how long a body may take from its first byte to its last. Default: 1 h.
	Within time.Duration
}

func (l Limits) orDefaults() Limits {
	if l.Rate <= 0 {
		l.Rate = 1 << 10
	}
	if l.Pause <= 0 {
		l.Pause = 30 * time.Second
	}
	if l.Within <= 0 {
		l.Within = time.Hour
	}
	return l
}

// Handler gives h requests whose bodies fail with cordon.ErrTooSlow when they come too slowly.
func Handler(h http.Handler, limits Limits) http.Handler {
	limits = limits.orDefaults()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			h.ServeHTTP(w, r)
			return
		}
		b := &body{ReadCloser: r.Body, limits: limits, conn: http.NewResponseController(w), start: time.Now()}
		defer b.end()
		paced := *r
		paced.Body = b
		h.ServeHTTP(w, &paced)
	})
}

// body is a request's body with an eye on its pace. Reads are not concurrent.
type body struct {
	io.ReadCloser
	limits Limits
	conn   interface{ SetReadDeadline(time.Time) error }
	start  time.Time
	set    time.Time     // the deadline of the connection
	waited time.Duration // for the sender
	got    int64
	err    error
}

// A deadline costs about as much as a system call, so it moves in steps.
func (b *body) step() time.Duration { return b.limits.Pause / 16 }

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	now := time.Now()
	// Divided before it is multiplied, so that no body is too long for the sum.
	behind := b.limits.Pause + time.Duration(b.got/b.limits.Rate)*time.Second - b.waited
	left := min(behind, b.limits.Pause, b.start.Add(b.limits.Within).Sub(now))
	if left <= 0 {
		return 0, b.slow(os.ErrDeadlineExceeded)
	}
	if until := now.Add(left); b.set.IsZero() || until.Sub(b.set).Abs() > b.step() {
		b.set = until
		b.conn.SetReadDeadline(until) // not supported: looked at between two reads all the same
	}
	n, err := b.ReadCloser.Read(p)
	b.waited += time.Since(now)
	b.got += int64(n)
	switch {
	case err == io.EOF:
		// The server goes on reading this connection to notice that the client left. After a
		// failure the deadline stays: the server must not wait for the rest either.
		b.conn.SetReadDeadline(time.Time{})
		b.err = err
	case isTimeout(err):
		err = b.slow(err)
	case err != nil:
		b.err = err
	}
	return n, err
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}

func (b *body) slow(cause error) error {
	b.err = fmt.Errorf("%w: %d bytes came in %s, and the least is %d a second without pauses of more than %s, for %s at most: %w",
		cordon.ErrTooSlow, b.got, time.Since(b.start).Round(time.Millisecond), b.limits.Rate, b.limits.Pause, b.limits.Within, cause)
	return b.err
}

// end bounds the time in which the server reads what the handler left behind.
func (b *body) end() {
	if b.err == nil {
		b.conn.SetReadDeadline(time.Now().Add(min(b.limits.Pause, 5*time.Second)))
	}
}
