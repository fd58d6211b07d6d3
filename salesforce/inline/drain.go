package inline

import (
	"context"
	"errors"
)

var errDraining = errors.New("the gateway is being stopped")

// bodiesPerUpload is how many bodies may be arriving for each upload that may run. A body costs a
// connection and a buffer and may take long; what runs costs processor, disk and the CRM.
const bodiesPerUpload = 4

// stay is an upload's stay in the gateway: in the room of bodies until its own has arrived, then
// in that of uploads.
type stay struct {
	g              *Gateway
	tenant, caller string
	here           bool
}

// admit counts an upload in, or says why there is no room. leave must be called once after it.
func (g *Gateway) admit(c *call) (*stay, error) {
	creds, _ := credentialsOf(c.in)
	s := &stay{g: g, tenant: string(c.tenant.ID), caller: c.tenant.callers.key(creds)}
	g.drain.Lock()
	defer g.drain.Unlock()
	if g.drain.closed {
		return nil, g.busy(errDraining)
	}
	if !g.bodies.Take(s.tenant, s.caller, 1) {
		return nil, g.busy(errBusy)
	}
	g.drain.running++
	return s, nil
}

// arrived moves the upload on when its body has come to its end, or says that there is no room.
func (s *stay) arrived() error {
	if !s.g.uploads.Take(s.tenant, s.caller, 1) {
		return s.g.busy(errBusy)
	}
	s.here = true
	s.g.bodies.Give(s.tenant, s.caller, 1)
	return nil
}

func (s *stay) leave() {
	g := s.g
	if s.here {
		g.uploads.Give(s.tenant, s.caller, 1)
	} else {
		g.bodies.Give(s.tenant, s.caller, 1)
	}
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
