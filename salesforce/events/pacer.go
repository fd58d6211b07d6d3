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
}

func (p *pacer) set(rate float64, workers int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate, p.workers = rate, workers
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

// wait returns when the next call may be made.
func (p *pacer) wait(ctx context.Context) error {
	p.mu.Lock()
	if p.rate <= 0 {
		p.mu.Unlock()
		return ctx.Err()
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	turn := p.next
	p.next = p.next.Add(time.Duration(float64(time.Second) / p.rate))
	p.mu.Unlock()
	timer := time.NewTimer(time.Until(turn))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
