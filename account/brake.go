package account

import (
	"fmt"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// Guessing at one login from one address is free for a few mistakes, then each further one
// doubles the wait. One address guessing at many logins meets the second limit.
const (
	freePerLogin   = 5
	freePerAddress = 30
	firstWait      = 30 * time.Second
	longestWait    = 15 * time.Minute
	forgetAfter    = time.Hour
	maxTracked     = 20_000
)

// TooManyError says how long to wait before the next try. It wraps cordon.ErrBusy.
type TooManyError struct{ Wait time.Duration }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("too many wrong passwords; wait %s and try again", e.Wait.Round(time.Second))
}

// Unwrap makes errors.Is(err, cordon.ErrBusy) true.
func (e *TooManyError) Unwrap() error { return cordon.ErrBusy }

// brake slows guessing down. A login alone is never locked, or strangers could keep its owner out.
type brake struct {
	now func() time.Time

	mu    sync.Mutex
	tries map[try]*tries
}

type try struct{ login, address string } // login "": the address as a whole

type tries struct {
	wrong int
	last  time.Time
	until time.Time
}

func newBrake(now func() time.Time) *brake { return &brake{now: now, tries: map[try]*tries{}} }

func (b *brake) allow(login, address string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for _, k := range []try{{login, address}, {"", address}} {
		if t := b.tries[k]; t != nil && now.Before(t.until) {
			return &TooManyError{Wait: t.until.Sub(now)}
		}
	}
	return nil
}

func (b *brake) failed(login, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.forget(now)
	b.count(try{login, address}, freePerLogin, now)
	b.count(try{"", address}, freePerAddress, now)
}

func (b *brake) count(k try, free int, now time.Time) {
	t := b.tries[k]
	if t == nil {
		t = &tries{}
		b.tries[k] = t
	}
	t.wrong++
	t.last = now
	if over := t.wrong - free; over >= 0 {
		wait := longestWait
		if over < 10 {
			wait = min(firstWait<<over, longestWait)
		}
		t.until = now.Add(wait)
	}
}

// succeeded forgets the mistakes of this login at this address, not those of the address: a
// guesser with one account of their own must not be able to wipe the slate.
func (b *brake) succeeded(login, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.tries, try{login, address})
}

// forget keeps the table small. When it is full of recent tries, the whole of it goes: better
// a fresh start for guessers than memory without bound.
func (b *brake) forget(now time.Time) {
	if len(b.tries) < maxTracked {
		return
	}
	for k, t := range b.tries {
		if now.Sub(t.last) > forgetAfter {
			delete(b.tries, k)
		}
	}
	if len(b.tries) >= maxTracked {
		clear(b.tries)
	}
}
