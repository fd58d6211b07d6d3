package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
)

// Origin is the first line of every checkpoint of a tenant, and the name of its key:
// "cordon/" and the tenant.
func Origin(tenant cordon.TenantID) string { return originPrefix + string(tenant) }

const originPrefix = "cordon/"

// Signer signs the checkpoints of one tenant with Ed25519. It never prints its secret.
type Signer struct {
	note.Signer
	verifier note.Verifier
	vkey     string
	secret   string // the encoded signing key; kept so that it can be saved once
}

// NewSigner makes a key that lives in memory only, for tests and demonstrations.
func NewSigner(name string) (*Signer, error) {
	secret, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("make a signing key for %q: %w", name, err)
	}
	return newSigner(secret, vkey)
}

func newSigner(secret, vkey string) (*Signer, error) {
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, fmt.Errorf("%w: the signing key cannot be read (%v)", cordon.ErrInvalid, err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("%w: the name of the key cannot stand in a signed note: no space, no plus (%v)", cordon.ErrInvalid, err)
	}
	if signer.Name() != verifier.Name() || signer.KeyHash() != verifier.KeyHash() {
		return nil, fmt.Errorf("%w: the two halves of the key do not belong together", cordon.ErrInvalid)
	}
	return &Signer{Signer: signer, verifier: verifier, vkey: vkey, secret: secret}, nil
}

// CreateSigner makes a key and saves it at path, readable by its owner only. The file is
// on disk when CreateSigner returns. A file that is already there is left as it is:
// losing a signing key would end the log.
func CreateSigner(path, name string) (*Signer, error) {
	s, err := NewSigner(name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("signing key %q exists already and is not replaced: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("save the signing key: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s\n%s\n", s.secret, s.vkey)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("save the signing key %q: %w", path, err), os.Remove(path))
	}
	return s, nil
}

// LoadSigner reads what CreateSigner saved. It refuses a file that others may read.
func LoadSigner(path string) (*Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open the signing key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: the signing key %q may be read by others (%v): set its mode to 0600",
			cordon.ErrForbidden, path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	secret, vkey, _ := strings.Cut(string(b), "\n")
	s, err := newSigner(secret, strings.TrimSuffix(vkey, "\n"))
	if err != nil {
		return nil, fmt.Errorf("signing key %q: %w", path, err)
	}
	return s, nil
}

// VKey returns the verifier key as auditors pass it to cordon-verify --key. It is public.
func (s *Signer) VKey() string { return s.vkey }

// Verifier checks what the Signer signed.
func (s *Signer) Verifier() note.Verifier { return s.verifier }

// String returns the verifier key, so that no print verb shows the secret.
func (s *Signer) String() string { return s.vkey }

// GoString hides the secret from %#v.
func (s *Signer) GoString() string { return s.vkey }

// Format hides the secret from every print verb.
func (s *Signer) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.vkey) }

// MarshalJSON writes the verifier key.
func (s *Signer) MarshalJSON() ([]byte, error) { return []byte(`"` + s.vkey + `"`), nil }
