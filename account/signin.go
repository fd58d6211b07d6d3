package account

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Try is one attempt to sign in.
type Try struct {
	Login, Password string
	// Address is where it comes from.
	Address string
	// Device is what Device gave to the browser when it last signed in, or "".
	Device string
}

// Results of attempts to sign in, as SignIns counts them.
const (
	SignedIn   = "signed-in"
	WrongWords = "wrong"  // login or password
	Slowed     = "slowed" // after too many wrong ones
	Crowded    = "busy"   // too many at once
)

// SignIn checks a password. A wrong login and a wrong password are the same ErrForbidden; after
// too many of them it is a *TooManyError, and while too many wait to be checked ErrBusy, which
// the former wraps.
func (b *Book) SignIn(ctx context.Context, t Try) (a Account, err error) {
	t.Login = fold(t.Login)
	result := Crowded
	defer func() { b.count(result) }()
	// Asked twice: now, so that those who are to wait anyway take no place, and when the turn
	// has come, so that guesses sent all at once are counted one after the other.
	device := b.knows(t.Login, t.Device)
	if err := b.slow.allow(t.Login, t.Address, device); err != nil {
		result = Slowed
		return Account{}, err
	}
	known := device != "" || b.wasRight(t.Login, t.Address)
	if err := b.queue.enter(ctx, &waiter{known: known, login: t.Login, address: t.Address}); err != nil {
		return Account{}, err
	}
	defer b.queue.leave()
	if err := b.slow.allow(t.Login, t.Address, device); err != nil {
		result = Slowed
		return Account{}, err
	}
	e := b.accounts[t.Login]
	exists := e != nil && e.password != nil
	against := b.nobody
	if exists {
		against = *e.password
	}
	if fits := against.fits(t.Password); !exists || !fits {
		b.slow.failed(t.Login, t.Address, device)
		result = WrongWords
		return Account{}, fmt.Errorf("%w: the login or the password is not right", cordon.ErrForbidden)
	}
	b.slow.succeeded(t.Login, t.Address)
	b.mu.Lock()
	b.right[t.Login] = t.Address
	b.mu.Unlock()
	result = SignedIn
	return e.Account, nil
}

// wasRight reports whether the login was last right at this address. It tells of sign-ins since
// the process began.
func (b *Book) wasRight(login, address string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, ok := b.right[login]
	return ok && last == address
}

// Name returns the login if the book has it, else "unknown": people type passwords into the
// wrong field, and what they typed must not reach a log.
func (b *Book) Name(login string) string {
	if e := b.accounts[fold(login)]; e != nil {
		return e.Login
	}
	return "unknown"
}

func (b *Book) count(result string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results[result]++
}

// SignIns returns how many attempts to sign in have ended how. Every result is there.
func (b *Book) SignIns() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int{SignedIn: 0, WrongWords: 0, Slowed: 0, Crowded: 0}
	for r, n := range b.results {
		out[r] = n
	}
	return out
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
