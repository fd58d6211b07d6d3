package account

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// Config declares one account.
type Config struct {
	// Login is the name to sign in with. Capitals make no difference.
	Login string `json:"login" yaml:"login"`
	// Tenant is the organisation whose items the account may see.
	Tenant cordon.TenantID `json:"tenant" yaml:"tenant"`
	// Roles are any of reviewer, responder, auditor, admin, integration, reporter.
	Roles []Role `json:"roles" yaml:"roles"`
	// PasswordFile holds the password for the console in one line, at least 12 characters; a file
	// that everybody may read is refused. Without it the account cannot sign in there.
	PasswordFile string `json:"password_file" yaml:"password_file"`
	// TokenFile holds the token for the API as "cordon token" printed it, or "sha256:" and the
	// hex digest of the token. Without it the account cannot use the API.
	TokenFile string `json:"token_file" yaml:"token_file"`
}

// minPassword is the least number of bytes a password from a file must have.
const minPassword = 12

// Book holds the accounts. It is safe for concurrent use.
type Book struct {
	accounts map[string]*entry // by folded login
	tokens   map[[32]byte]*entry
	nobody   password // what unknown logins are checked against
	slow     *brake
	queue    queue

	deviceKey []byte

	mu      sync.Mutex
	results map[string]int    // of attempts to sign in
	right   map[string]string // by login, the address at which it was last right
}

type entry struct {
	Account
	password *password // nil: may not sign in
}

// Open reads the accounts and their secrets. Every mistake is reported, not only the first.
func Open(configs []Config) (*Book, error) {
	b := newBook()
	var errs []error
	for i, c := range configs {
		s := Static{Login: c.Login, Tenant: c.Tenant, Roles: c.Roles}
		var err error
		if c.PasswordFile != "" {
			s.Password, err = secret(c.PasswordFile)
			if err == nil && len(s.Password) < minPassword {
				err = fmt.Errorf("%w: the password in %q is shorter than %d characters; choose a longer one", cordon.ErrInvalid, c.PasswordFile, minPassword)
			}
		}
		if err == nil && c.TokenFile != "" {
			s.Token, err = secret(c.TokenFile)
		}
		if err == nil {
			err = b.add(s)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("account %d (%q): %w", i+1, c.Login, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return b, nil
}

// Static is an account whose secrets are given directly. It is for the demo and for tests,
// which listen on loopback only; everything else reads secrets from files through Open.
type Static struct {
	Login    string
	Tenant   cordon.TenantID
	Roles    []Role
	Password string `json:"-"` // "": may not sign in
	Token    string `json:"-"` // "": may not use the API
}

// Format hides the secrets from every print verb.
func (s Static) Format(f fmt.State, _ rune) { io.WriteString(f, "account "+s.Login) }

// OpenStatic makes a book of accounts whose secrets are given directly.
func OpenStatic(accounts ...Static) (*Book, error) {
	b := newBook()
	for _, s := range accounts {
		if err := b.add(s); err != nil {
			return nil, fmt.Errorf("account %q: %w", s.Login, err)
		}
	}
	return b, nil
}

func newBook() *Book {
	return &Book{
		accounts: map[string]*entry{},
		tokens:   map[[32]byte]*entry{},
		nobody:   hashPassword(string(NewToken())),
		slow:     newBrake(time.Now),
		queue:    queue{turns: map[string]int{}},

		deviceKey: random(32),
		results:   map[string]int{},
		right:     map[string]string{},
	}
}

func (b *Book) add(s Static) error {
	login := fold(s.Login)
	switch {
	case login == "" || strings.ContainsAny(login, "\x00\r\n\t"):
		return fmt.Errorf("%w: an account needs a login in one line", cordon.ErrInvalid)
	case s.Tenant == "":
		return fmt.Errorf("%w: say which tenant the account belongs to", cordon.ErrInvalid)
	case len(s.Roles) == 0:
		return fmt.Errorf("%w: give the account at least one role of %v", cordon.ErrInvalid, Roles())
	case b.accounts[login] != nil:
		return fmt.Errorf("%w: the login is declared twice", cordon.ErrInvalid)
	case s.Password == "" && s.Token == "":
		return fmt.Errorf("%w: without password_file and token_file nobody could use it", cordon.ErrInvalid)
	}
	for _, r := range s.Roles {
		if grants[r] == nil {
			return fmt.Errorf("%w: role %q is none of %v", cordon.ErrInvalid, r, Roles())
		}
	}
	e := &entry{Account: Account{Login: login, Tenant: s.Tenant, Roles: slices.Clone(s.Roles)}}
	if s.Token != "" {
		sum, err := tokenDigest(s.Token)
		if err != nil {
			return err
		}
		if b.tokens[sum] != nil {
			return fmt.Errorf("%w: account %q has the same token; make one for each", cordon.ErrInvalid, b.tokens[sum].Login)
		}
		b.tokens[sum] = e
	}
	if s.Password != "" {
		p := hashPassword(s.Password)
		e.password = &p
	}
	b.accounts[login] = e
	return nil
}

// tokenDigest accepts a token or the digest of one.
func tokenDigest(s string) (sum [32]byte, err error) {
	if digest, ok := strings.CutPrefix(s, "sha256:"); ok {
		raw, err := hex.DecodeString(digest)
		if err != nil || len(raw) != len(sum) {
			return sum, fmt.Errorf("%w: after \"sha256:\" a token file holds 64 hex digits", cordon.ErrInvalid)
		}
		return [32]byte(raw), nil
	}
	if !Token(s).wellFormed() {
		return sum, fmt.Errorf("%w: the token is not one that Cordon made; tokens begin with %q", cordon.ErrInvalid, tokenPrefix)
	}
	return sha256.Sum256([]byte(s)), nil
}

// Account returns the account with the login, if the book still has it.
func (b *Book) Account(tenant cordon.TenantID, login string) (Account, bool) {
	e := b.accounts[fold(login)]
	if e == nil || e.Tenant != tenant {
		return Account{}, false
	}
	return e.Account, true
}

// Bearer returns the account that a token belongs to, or ErrForbidden. Looking a token up by
// its SHA-256 tells nothing about other tokens, so it needs no slowing down.
func (b *Book) Bearer(token string) (Account, error) {
	if Token(token).wellFormed() {
		if e := b.tokens[sha256.Sum256([]byte(token))]; e != nil {
			return e.Account, nil
		}
	}
	return Account{}, fmt.Errorf("%w: the token is not known", cordon.ErrForbidden)
}

func fold(login string) string { return strings.ToLower(strings.TrimSpace(login)) }

// secret reads a one-line secret from a file that others may not read.
func secret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("%w: everybody on this machine may read %q; run: chmod o= %q", cordon.ErrInvalid, path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	s := strings.TrimRight(string(data), "\r\n")
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return "", fmt.Errorf("%w: %q must hold exactly one line", cordon.ErrInvalid, path)
	}
	return s, nil
}
