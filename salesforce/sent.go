package salesforce

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// Sent watches whether anything of a request left for the upstream. Its zero value is ready.
type Sent struct{ any atomic.Bool }

// Watch returns a context for one request.
func (s *Sent) Watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// Another connection is sought only when nothing left over the one before.
		GetConn:          func(string) { s.any.Store(false) },
		WroteHeaderField: func(string, []string) { s.any.Store(true) },
	})
}

// Any reports whether something may have been sent. When it is false after an error, it is
// certain that nothing was.
func (s *Sent) Any() bool { return s.any.Load() }
