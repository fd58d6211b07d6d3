package salesforce

import (
	"net/http"
	"sync"
	"time"
)

// clock compares the org's clock with this machine's.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
	known bool
}

// read takes the Date of an answer that came just now. It has whole seconds.
func (c *clock) read(date string) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.known = time.Until(at).Round(time.Second), true
}

// Ahead returns how far the org's clock was ahead of this machine's when it last answered, to
// the second and with the time that the answer took; false while it has not said.
func (c *Client) Ahead() (time.Duration, bool) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.ahead, c.clock.known
}
