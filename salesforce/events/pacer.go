package events

import (
	"context"
	"sync"
	"time"
)

// pacer spaces calls out. Without a rate it lets all of them through. It is safe for
// concurrent use.
type pacer struct {
	mu      sync.Mutex
	rate    float64 // calls a second, 0 for no bound
	workers int
	next    time.Time
	changed chan struct{} // closed when the rate changes; nil: nobody waits
}

// set changes the pace, also for whoever waits for a turn that the old one gave.
func (p *pacer) set(rate float64, workers int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.workers = workers
	if rate == p.rate {
		return
	}
	p.rate, p.next = rate, time.Time{}
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// width is how many files are read at a time; without a word otherwise it is as many as given.
func (p *pacer) width(otherwise int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers <= 0 {
		return otherwise
	}
	return p.workers
}

// turn books the next turn. free means that there is nothing to wait for; changed is closed when
// the turn is worth nothing any more.
func (p *pacer) turn() (at time.Time, free bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rate <= 0 {
		return at, true, nil
	}
	if now := time.Now(); p.next.Before(now) {
		p.next = now
	}
	at = p.next
	p.next = p.next.Add(time.Duration(float64(time.Second) / p.rate))
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return at, false, p.changed
}

// wait returns when the next call may be made.
func (p *pacer) wait(ctx context.Context) error {
	for {
		at, free, changed := p.turn()
		if free {
			return ctx.Err()
		}
		timer := time.NewTimer(time.Until(at))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
			return nil
		case <-changed:
			timer.Stop()
		}
	}
}
