package app

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// coming are the requests of one listener whose content is still coming. A stop cannot wait for
// senders as slow as they like; what has arrived whole it does wait for, since a receipt may be
// on its way.
type coming struct {
	mu   sync.Mutex
	open map[*body]struct{}
	done bool
}

// cut ends all that is still coming, now and from now on, and returns how many that were.
func (b *coming) cut() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = true
	for one := range b.open {
		one.rc.SetReadDeadline(time.Unix(1, 0)) // not supported: the server is closed soon after
	}
	return len(b.open)
}

func (b *coming) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			h.ServeHTTP(w, r)
			return
		}
		one := &body{ReadCloser: r.Body, of: b, rc: http.NewResponseController(w)}
		b.mu.Lock()
		b.open[one] = struct{}{}
		b.mu.Unlock()
		defer b.whole(one)
		r.Body = one
		h.ServeHTTP(w, r)
	})
}

// whole takes a body out that has come to its end.
func (b *coming) whole(one *body) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, one)
}

func (b *coming) stopped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done
}

type body struct {
	io.ReadCloser
	of  *coming
	rc  *http.ResponseController
	end bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.end {
		return b.ReadCloser.Read(p)
	}
	if b.of.stopped() {
		return 0, errStopped
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.end = true
		b.of.whole(b)
	case err != nil && b.of.stopped():
		err = errStopped
	}
	return n, err
}

// errStopped ends a body that was still coming when the time for it was up. It is something that
// happened to the connection, not to what was sent.
var errStopped error = stopped{fmt.Errorf("%w: the gateway is being stopped, and the rest of the request had not come", cordon.ErrBusy)}

type stopped struct{ error }

func (s stopped) Unwrap() error { return s.error }
func (stopped) Timeout() bool   { return true }
func (stopped) Temporary() bool { return true }
