package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

func write(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenReadsSecretsFromFiles(t *testing.T) {
	token, second := NewToken(), NewToken()
	sum := sha256.Sum256([]byte(second))
	b, err := Open([]Config{
		{Login: "Rhea@Example.com", Tenant: "acme", Roles: []Role{Reviewer}, PasswordFile: write(t, "p", "quiet heron lamp\n", 0o600)},
		{Login: "mule", Tenant: "acme", Roles: []Role{Integration}, TokenFile: write(t, "t", string(token)+"\n", 0o600)},
		{Login: "mule-two", Tenant: "acme", Roles: []Role{Integration}, TokenFile: write(t, "t", "sha256:"+hex.EncodeToString(sum[:]), 0o640)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := b.SignIn(t.Context(), Try{Login: " rhea@example.COM", Password: "quiet heron lamp", Address: "192.0.2.1"}); err != nil || a.Login != "rhea@example.com" || !a.May(Decide) {
		t.Errorf("signed in as %+v: %v", a, err)
	}
	if a, err := b.Bearer(string(token)); err != nil || a.Login != "mule" || a.Kind() != cordon.Client {
		t.Errorf("the token belongs to %+v: %v", a, err)
	}
	if a, err := b.Bearer(string(second)); err != nil || a.Login != "mule-two" {
		t.Errorf("the token given by its digest belongs to %+v: %v", a, err)
	}
	for _, wrong := range []string{"", "crd_", string(NewToken()), string(token) + "x", "sha256:" + hex.EncodeToString(sum[:])} {
		if _, err := b.Bearer(wrong); !errors.Is(err, cordon.ErrForbidden) {
			t.Errorf("token %q: %v", wrong, err)
		}
	}
	if _, err := b.SignIn(t.Context(), Try{Login: "mule", Password: "", Address: "192.0.2.1"}); !errors.Is(err, cordon.ErrForbidden) {
		t.Errorf("an account without password signs in: %v", err)
	}
	if _, ok := b.Account("globex", "mule"); ok {
		t.Error("an account is found in another tenant")
	}
}

func TestOpenReportsEveryMistake(t *testing.T) {
	good := func() string { return write(t, "p", "long enough it is", 0o600) }
	_, err := Open([]Config{
		{Login: "", Tenant: "acme", Roles: []Role{Auditor}, PasswordFile: good()},
		{Login: "b", Roles: []Role{Auditor}, PasswordFile: good()},
		{Login: "c", Tenant: "acme", PasswordFile: good()},
		{Login: "d", Tenant: "acme", Roles: []Role{"root"}, PasswordFile: good()},
		{Login: "e", Tenant: "acme", Roles: []Role{Auditor}},
		{Login: "f", Tenant: "acme", Roles: []Role{Auditor}, PasswordFile: write(t, "p", "short", 0o600)},
		{Login: "g", Tenant: "acme", Roles: []Role{Auditor}, PasswordFile: write(t, "p", "everybody reads this", 0o604)},
		{Login: "h", Tenant: "acme", Roles: []Role{Auditor}, TokenFile: write(t, "t", "not-a-token", 0o600)},
		{Login: "i", Tenant: "acme", Roles: []Role{Auditor}, TokenFile: write(t, "t", "sha256:00", 0o600)},
		{Login: "j", Tenant: "acme", Roles: []Role{Auditor}, PasswordFile: write(t, "p", "two\nlines of it", 0o600)},
		{Login: "k", Tenant: "acme", Roles: []Role{Auditor}, PasswordFile: filepath.Join(t.TempDir(), "absent")},
		{Login: "fine", Tenant: "acme", Roles: []Role{Auditor}, PasswordFile: good()},
		{Login: "FINE", Tenant: "acme", Roles: []Role{Auditor}, PasswordFile: good()},
	})
	if err == nil {
		t.Fatal("all of it is taken")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 12 {
		t.Errorf("%d mistakes are reported, want 12:\n%v", len(lines), err)
	}
	for i, want := range []string{"login", "tenant", "role", "none of", "nobody could use it", "shorter than", "chmod o=", "begin with", "64 hex", "exactly one line", "absent", "declared twice"} {
		if i < len(lines) && !strings.Contains(lines[i], want) {
			t.Errorf("mistake %d does not say %q: %s", i+1, want, lines[i])
		}
	}
}

func TestSharedTokensAreRefused(t *testing.T) {
	token := string(NewToken())
	_, err := OpenStatic(Static{Login: "a", Tenant: "t", Roles: []Role{Auditor}, Token: token}, Static{Login: "b", Tenant: "t", Roles: []Role{Auditor}, Token: token})
	if err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("two accounts with one token: %v", err)
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	token := NewToken()
	s := Static{Login: "a", Password: "quiet-heron", Token: string(token)}
	p := hashPassword("quiet-heron")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out := fmt.Sprintf(verb+verb+verb, token, s, p)
		if strings.Contains(out, string(token)) || strings.Contains(out, "quiet-heron") || strings.Contains(out, fmt.Sprint(p.hash[0], " ", p.hash[1])) {
			t.Errorf("%s prints %s", verb, out)
		}
	}
	if out, err := json.Marshal(map[string]any{"token": token, "account": s}); err != nil || strings.Contains(string(out), string(token)) || strings.Contains(string(out), "quiet-heron") {
		t.Errorf("JSON says %s: %v", out, err)
	}
}

func TestRoles(t *testing.T) {
	for _, test := range []struct {
		roles []Role
		may   []Permission
		not   []Permission
	}{
		{[]Role{Reviewer}, []Permission{Read, Personal, Preview, Decide, Ledger}, []Permission{Ask}},
		{[]Role{Responder}, []Permission{Read, Preview}, []Permission{Decide, Personal, Ask}},
		{[]Role{Auditor}, []Permission{Read, Ledger}, []Permission{Decide, Personal, Preview, Ask}},
		{[]Role{Admin}, []Permission{Read}, []Permission{Decide, Personal, Preview, Ask}},
		{[]Role{Integration}, []Permission{Ask, ReadOwn}, []Permission{Read, Decide, Personal, Preview}},
		{[]Role{Admin, Reviewer}, []Permission{Decide}, []Permission{Ask}},
		{nil, nil, []Permission{Read, ReadOwn, Ledger}},
	} {
		a := Account{Roles: test.roles}
		for _, p := range test.may {
			if !a.May(p) {
				t.Errorf("%v may not %s", test.roles, p)
			}
		}
		for _, p := range test.not {
			if a.May(p) {
				t.Errorf("%v may %s", test.roles, p)
			}
		}
	}
}

// book returns a book with one account and a clock that stands still.
func book(t *testing.T) (*Book, *time.Time) {
	t.Helper()
	b, err := OpenStatic(Static{Login: "rhea", Tenant: "acme", Roles: []Role{Reviewer}, Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	b.slow.now = func() time.Time { return now }
	return b, &now
}

func TestGuessingSlowsDown(t *testing.T) {
	b, now := book(t)
	guess := func() error {
		_, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "wrong", Address: "192.0.2.1"})
		return err
	}
	for range freePerLogin {
		if err := guess(); !errors.Is(err, cordon.ErrForbidden) {
			t.Fatal(err)
		}
	}
	want := firstWait
	for range 7 {
		tooMany, ok := errors.AsType[*TooManyError](guess())
		if !ok || tooMany.Wait != want || !errors.Is(tooMany, cordon.ErrBusy) {
			t.Fatalf("wait %+v, want %s", tooMany, want)
		}
		if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "192.0.2.1"}); !errors.Is(err, cordon.ErrBusy) {
			t.Fatal("the right password gets through while waiting")
		}
		*now = now.Add(want)
		if err := guess(); !errors.Is(err, cordon.ErrForbidden) {
			t.Fatal(err)
		}
		want = min(2*want, longestWait)
	}
	// The owner, elsewhere, is not kept out; and after the wait not here either.
	if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "192.0.2.2"}); err != nil {
		t.Error(err)
	}
	*now = now.Add(longestWait)
	if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "192.0.2.1"}); err != nil {
		t.Error(err)
	}
	if err := guess(); !errors.Is(err, cordon.ErrForbidden) {
		t.Errorf("the slate was not wiped: %v", err)
	}
}

func TestOneAddressManyLogins(t *testing.T) {
	b, _ := book(t)
	for i := range freePerAddress {
		if _, err := b.SignIn(t.Context(), Try{Login: fmt.Sprint("user", i), Password: "wrong", Address: "192.0.2.1"}); !errors.Is(err, cordon.ErrForbidden) {
			t.Fatal(err)
		}
	}
	if _, err := b.SignIn(t.Context(), Try{Login: "one-more", Password: "wrong", Address: "192.0.2.1"}); !errors.Is(err, cordon.ErrBusy) {
		t.Errorf("guessing goes on: %v", err)
	}
}

func TestGuessesAllAtOnceAreCounted(t *testing.T) {
	b, _ := book(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	tried := 0
	for range 40 {
		wg.Go(func() {
			if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "wrong", Address: "192.0.2.1"}); errors.Is(err, cordon.ErrForbidden) {
				mu.Lock()
				tried++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if most := freePerLogin + hashers - 1; tried > most {
		t.Errorf("%d guesses were checked, want at most %d", tried, most)
	}
}

func TestBrakeForgets(t *testing.T) {
	now := time.Now()
	b := newBrake(func() time.Time { return now })
	for i := range maxTracked * 2 {
		b.failed("login", fmt.Sprint(i), "")
	}
	if len(b.tries) > maxTracked+2 {
		t.Errorf("%d tries are kept", len(b.tries))
	}
}

func TestLongPasswords(t *testing.T) {
	p := hashPassword(strings.Repeat("x", maxPassword-1))
	if p.fits(strings.Repeat("x", maxPassword+1)) || !p.fits(strings.Repeat("x", maxPassword-1)) {
		t.Error("a longer password fits, or the right one does not")
	}
}

func TestMemorySessions(t *testing.T) {
	var s Sessions = NewMemory()
	ctx, until := t.Context(), time.Now().Add(time.Hour)
	if err := s.PutSession(ctx, []byte("h"), "acme", "rhea", until); err != nil {
		t.Fatal(err)
	}
	if tenant, login, got, err := s.Session(ctx, []byte("h")); err != nil || tenant != "acme" || login != "rhea" || !got.Equal(until) {
		t.Errorf("%s %s %s %v", tenant, login, got, err)
	}
	for range 2 {
		if err := s.DeleteSession(ctx, []byte("h")); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, err := s.Session(ctx, []byte("h")); !errors.Is(err, cordon.ErrNotFound) {
		t.Errorf("after deleting: %v", err)
	}
}

// Many addresses that guess at one login are slowed down together; its owner gets in from where
// nobody guessed, and from a browser that signed in before whatever strangers do.
func TestGuessingFromManyAddresses(t *testing.T) {
	b, _ := book(t)
	device := b.Device("rhea")
	checked := 0
	guess := func(address string) error {
		_, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "wrong", Address: address})
		if errors.Is(err, cordon.ErrForbidden) {
			checked++
		}
		return err
	}
	for i := range 50 {
		for range freePerLogin {
			guess(fmt.Sprint("198.51.100.", i))
		}
	}
	if want := 50 + strangersAgain; checked != want {
		t.Errorf("%d of 250 guesses were checked, want one of each address and %d more", checked, strangersAgain)
	}
	if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "192.0.2.77"}); err != nil {
		t.Errorf("the owner at a new place: %v", err)
	}
	for i := range 200 {
		guess(fmt.Sprint("203.0.113.", i))
	}
	if want := strangersFirst + strangersAgain; checked != want {
		t.Errorf("%d guesses were checked from ever new addresses, want %d", checked, want)
	}
	if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "192.0.2.78"}); !errors.Is(err, cordon.ErrBusy) {
		t.Errorf("a stranger with the right password meanwhile: %v", err)
	}
	for _, forged := range []string{"", "x", device + "x", b.Device("somebody-else")} {
		if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "192.0.2.78", Device: forged}); !errors.Is(err, cordon.ErrBusy) {
			t.Errorf("with the device text %q: %v", forged, err)
		}
	}
	if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "192.0.2.78", Device: device}); err != nil {
		t.Errorf("the owner's browser meanwhile: %v", err)
	}
	// A browser is braked by itself.
	for range freePerLogin {
		b.SignIn(t.Context(), Try{Login: "rhea", Password: "wrong", Address: "192.0.2.78", Device: device})
	}
	if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "192.0.2.78", Device: device}); !errors.Is(err, cordon.ErrBusy) {
		t.Errorf("a browser that was wrong too often: %v", err)
	}
	results := b.SignIns()
	if results[Slowed] == 0 || results[WrongWords] == 0 || results[SignedIn] != 2 {
		t.Errorf("counted: %v", results)
	}
}

// A day of guessing from ever new addresses is a bounded number of guesses.
func TestGuessesOfADay(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	b := newBrake(func() time.Time { return now })
	checked := 0
	for i := range 24 * 60 {
		now = now.Add(time.Minute)
		for j := range 3 {
			address := fmt.Sprintf("2001:db8::%x:%x", i, j)
			if b.allow("rhea", address, "") == nil {
				b.failed("rhea", address, "")
				checked++
			}
		}
	}
	if least, most := 24*60-strangersFirst, 24*60+strangersFirst; checked < least || checked > most {
		t.Errorf("%d guesses were checked in a day, want %d to %d", checked, least, most)
	}
}

// crowd makes every hasher busy and lets guesses of one network wait, of ever new addresses and
// logins, until no place is left. It returns what makes the hashers free again.
func crowd(t *testing.T, b *Book, wait *sync.WaitGroup) (free func()) {
	t.Helper()
	for range hashers {
		if err := b.queue.enter(t.Context(), &waiter{address: "192.0.2.250"}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxWaiting {
		wait.Go(func() {
			b.SignIn(t.Context(), Try{Login: fmt.Sprint("x", i), Password: "wrong", Address: fmt.Sprint("192.0.2.", 1+i)})
		})
	}
	waiting(b, maxWaiting)
	return func() {
		for range hashers {
			b.queue.leave()
		}
	}
}

// waiting returns when so many wait.
func waiting(b *Book, n int) {
	for {
		b.queue.mu.Lock()
		now := len(b.queue.waiting)
		b.queue.mu.Unlock()
		if now == n {
			return
		}
		runtime.Gosched()
	}
}

// While one network's guesses take every place, whoever comes from elsewhere has the next turn,
// and one of the guesses gives its place up. Of those, the one goes first whose login was right
// at that address before.
func TestTheQueueIsFair(t *testing.T) {
	b, _ := book(t)
	if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "203.0.113.5"}); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	free := crowd(t, b, &wait)
	for _, w := range []*waiter{
		{login: "rhea", address: "198.51.100.1"},
		{login: "rhea", address: "203.0.113.5", known: b.wasRight("rhea", "203.0.113.5")},
	} {
		w.turn = make(chan error, 1)
		if err := b.queue.join(w); err != nil {
			t.Fatalf("from %s: %v", w.address, err)
		}
	}
	if n := len(b.queue.waiting); n != maxWaiting {
		t.Errorf("%d wait, want %d", n, maxWaiting)
	}
	var turns []string
	b.queue.mu.Lock()
	order := slices.Clone(b.queue.waiting)
	b.queue.mu.Unlock()
	slices.SortStableFunc(order, func(x, y *waiter) int {
		switch {
		case b.queue.before(x, y):
			return -1
		case b.queue.before(y, x):
			return 1
		}
		return 0
	})
	for _, w := range order[:2] {
		turns = append(turns, w.address)
	}
	if want := []string{"203.0.113.5", "198.51.100.1"}; !slices.Equal(turns, want) {
		t.Fatalf("the first turns are of %v, want %v", turns, want)
	}
	// One more of the crowd finds no place.
	if _, err := b.SignIn(t.Context(), Try{Login: "one", Password: "more", Address: "192.0.2.200"}); !errors.Is(err, cordon.ErrBusy) {
		t.Errorf("one more of them: %v", err)
	}
	// And an owner who tries in earnest gets in. The two who joined by hand give their turns back.
	var owner error
	wait.Go(func() {
		_, owner = b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "203.0.113.5"})
	})
	for _, w := range order[:2] {
		wait.Go(func() {
			if err := <-w.turn; err != nil {
				t.Errorf("from %s: %v", w.address, err)
			}
			b.queue.leave()
		})
	}
	free()
	wait.Wait()
	if owner != nil {
		t.Error(owner)
	}
	if b.queue.hashing != 0 || len(b.queue.waiting) != 0 || len(b.queue.turns) != 0 {
		t.Errorf("something is left behind: %+v", &b.queue)
	}
}

// Who leaves the queue leaves nothing behind.
func TestLeavingTheQueue(t *testing.T) {
	b, _ := book(t)
	var crowded sync.WaitGroup
	free := crowd(t, b, &crowded)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		left <- b.queue.enter(ctx, &waiter{login: "rhea", address: "198.51.100.1"})
	}()
	for {
		b.queue.mu.Lock()
		in := slices.ContainsFunc(b.queue.waiting, func(w *waiter) bool { return w.address == "198.51.100.1" })
		b.queue.mu.Unlock()
		if in {
			break
		}
		runtime.Gosched()
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	waiting(b, maxWaiting-1)
	free()
	crowded.Wait()
	if _, err := b.SignIn(t.Context(), Try{Login: "rhea", Password: "right", Address: "198.51.100.1"}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestNamesForLogs(t *testing.T) {
	b, _ := book(t)
	if got := b.Name(" RHEA "); got != "rhea" {
		t.Errorf("a login is named %q", got)
	}
	if got := b.Name("my-Password-by-mistake"); got != "unknown" {
		t.Errorf("what is no login is named %q", got)
	}
}
