package account

import (
	"fmt"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// Guessing at one login from one address is free for a few mistakes, then each further one
// doubles the wait. One address guessing at many logins meets the second limit. Many addresses
// guessing at one login meet the third and the fourth: all strangers together have so many
// mistakes at once, and one more each minute or two. An address that was wrong before and one
// that comes for the first time have accounts apart, so that the owner at a new place is not kept
// out by a few dozen guessers.
const (
	freePerLogin   = 5
	freePerAddress = 30
	firstWait      = 30 * time.Second
	longestWait    = 15 * time.Minute
	forgetAfter    = time.Hour
	maxTracked     = 20_000

	strangersAgain = 20 // mistakes at one login, of addresses that were wrong before
	everyAgain     = 2 * time.Minute
	strangersFirst = 100 // of addresses that come for the first time
	everyFirst     = time.Minute
)

// TooManyError says how long to wait before the next try. It wraps cordon.ErrBusy.
type TooManyError struct{ Wait time.Duration }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("too many wrong passwords; wait %s and try again", e.Wait.Round(time.Second))
}

// Unwrap makes errors.Is(err, cordon.ErrBusy) true.
func (e *TooManyError) Unwrap() error { return cordon.ErrBusy }

// brake slows guessing down. A login alone is never locked for a browser that signed in before:
// it is braked by itself only, whatever strangers do. Whoever has neither such a browser nor
// patience can be kept out by more than a hundred addresses that guess for as long as they do;
// without that, they could guess without end.
type brake struct {
	now func() time.Time

	mu    sync.Mutex
	tries map[try]*tries
}

// try is what is counted together. login "": the address as a whole. An address that begins with
// a blank is none: " device …" for a browser, " again" and " first" for all strangers.
type try struct{ login, address string }

const again, first = " again", " first"

type tries struct {
	wrong int
	last  time.Time
	until time.Time
	back  time.Time // of strangers: since when the next mistake comes back
}

func newBrake(now func() time.Time) *brake { return &brake{now: now, tries: map[try]*tries{}} }

// allow says whether somebody may try. device is the nonce of a browser that signed in with this
// login before, or "".
func (b *brake) allow(login, address, device string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	keys := []try{{login, address}, {"", address}, {login, b.strangers(login, address)}}
	if device != "" {
		keys = []try{{login, " device " + device}}
	}
	for _, k := range keys {
		if t := b.tries[k]; t != nil && now.Before(t.until) {
			return &TooManyError{Wait: t.until.Sub(now)}
		}
	}
	return nil
}

// strangers says with whom an address is counted.
func (b *brake) strangers(login, address string) string {
	if b.tries[try{login, address}] != nil {
		return again
	}
	return first
}

func (b *brake) failed(login, address, device string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.forget(now)
	if device != "" {
		b.count(try{login, " device " + device}, freePerLogin, now)
		return
	}
	switch who := b.strangers(login, address); who {
	case again:
		b.spend(try{login, who}, strangersAgain, everyAgain, now)
	default:
		b.spend(try{login, who}, strangersFirst, everyFirst, now)
	}
	b.count(try{login, address}, freePerLogin, now)
	b.count(try{"", address}, freePerAddress, now)
}

// spend takes one of n mistakes, of which one comes back each time that every has passed.
func (b *brake) spend(k try, n int, every time.Duration, now time.Time) {
	t := b.tries[k]
	if t == nil {
		t = &tries{}
		b.tries[k] = t
	}
	if !t.last.IsZero() {
		t.wrong = max(0, t.wrong-int(now.Sub(t.back)/every))
	}
	if t.wrong == 0 {
		t.back = now
	} else {
		t.back = t.back.Add(now.Sub(t.back) / every * every)
	}
	t.wrong++
	t.last = now
	if t.wrong >= n {
		t.until = t.back.Add(every)
	}
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
