package events

import (
	"context"
	"errors"
	"io"
	"time"
)

var errStalled = errors.New("the org sent nothing of the file for too long")

// stalls runs a download and ends it when nothing comes for a while: a connection whose other
// end is gone would otherwise keep a poll for ever. Time that the reader takes does not count.
func stalls(ctx context.Context, after time.Duration, w io.Writer, download func(context.Context, io.Writer) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := time.AfterFunc(after, func() { cancel(errStalled) })
	defer t.Stop()
	err := download(ctx, writerFunc(func(p []byte) (int, error) {
		t.Stop()
		defer t.Reset(after)
		return w.Write(p)
	}))
	if err != nil && context.Cause(ctx) == errStalled {
		return errStalled // and not that somebody has cancelled it
	}
	return err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
