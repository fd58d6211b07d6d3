package inline

import (
	"context"
	"errors"
)

var errDraining = errors.New("the gateway is being stopped")

// admit counts an upload in, or says why there is no room. leave must be called once after it.
func (g *Gateway) admit() (leave func(), err error) {
	g.drain.Lock()
	defer g.drain.Unlock()
	if g.drain.closed {
		return nil, g.busy(errDraining)
	}
	if !g.uploads.TryAcquire(1) {
		return nil, g.busy(errBusy)
	}
	g.drain.running++
	return g.leave, nil
}

func (g *Gateway) leave() {
	g.uploads.Release(1)
	g.drain.Lock()
	defer g.drain.Unlock()
	if g.drain.running--; g.drain.running == 0 && g.drain.done != nil {
		close(g.drain.done)
	}
}

// Drain stops admitting uploads, which are answered 503 from now on, and waits for those that
// run. Calls without media still pass. It returns the context's error if uploads still run then.
func (g *Gateway) Drain(ctx context.Context) error {
	g.drain.Lock()
	if !g.drain.closed {
		g.drain.closed = true
		g.drain.done = make(chan struct{})
		if g.drain.running == 0 {
			close(g.drain.done)
		}
	}
	done := g.drain.done
	g.drain.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
