// Package keyring makes, wraps and destroys the keys of items.
//
// Each item has a data key of its own. It is stored only wrapped, by the key of the person
// the item is about, or by the intake key of the day until that person is known. Those
// wrapping keys and the tenants' look-up keys are rows, wrapped in turn by the master key,
// which is a file outside the data folder. So destroying one row destroys everything about
// one person, also in copies of the database, as far as they lack the row; and the data
// folder alone opens nothing.
//
// The package does not know of legal holds: whoever calls ForgetSubject has asked first.
package keyring

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/rowmac"
)

// ErrDamaged means that a key or a column at rest does not open: it was changed, moved to
// another row, or written under another key.
var ErrDamaged = cordon.Permanent(cordon.CauseKeyDamaged, "stored secret is damaged, or this is not its key")

// Kinds of key rows.
const (
	kindSubject = "subject" // wraps the data keys of one person's items
	kindIntake  = "intake"  // wraps those of one day whose person is not known yet
	kindLookup  = "lookup"  // makes the tenant's keyed hashes
)

const keySize = 32

// Rows keeps wrapped keys. Each method returns once its effect would survive losing power.
type Rows interface {
	// PutKey inserts the row unless the tenant has one of the same kind and name, and
	// returns the row that stands.
	PutKey(ctx context.Context, k cordon.KeyRow) (cordon.KeyRow, error)
	// Key and KeyNamed return cordon.ErrNotFound if there is no such row.
	Key(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (cordon.KeyRow, error)
	KeyNamed(ctx context.Context, tenant cordon.TenantID, kind, name string) (cordon.KeyRow, error)
	// DeleteKey destroys the row; that there is none is no error.
	DeleteKey(ctx context.Context, tenant cordon.TenantID, id cordon.ID) error
	// StaleIntakeKeys returns the intake keys of all tenants that were created before the
	// time and wrap no item's key any more.
	StaleIntakeKeys(ctx context.Context, before time.Time) ([]cordon.KeyRow, error)
}

// Ring gives out and opens keys. It is safe for concurrent use. It never prints.
type Ring struct {
	master *master
	rows   Rows
	opened *opened
	now    func() time.Time
}

// Open reads the master key file. See CheckApart for where the file may not be.
func Open(path string, rows Rows) (*Ring, error) {
	m, err := readMaster(path)
	if err != nil {
		return nil, err
	}
	return &Ring{master: m, rows: rows, opened: newOpened(maxOpened), now: time.Now}, nil
}

// Format keeps secrets out of every print verb.
func (*Ring) Format(f fmt.State, _ rune) { io.WriteString(f, "[key ring]") }

// RowKeys returns the keys of the marks by which rows that Cordon wrote are told from others. They
// are made from the master key, so that nobody has them who has the database alone.
func (r *Ring) RowKeys() (*rowmac.Keys, error) { return rowmac.New(r.master.rows) }

// NewDataKey returns a fresh key for one item.
func (*Ring) NewDataKey() cordon.DataKey { return cordon.NewDataKey(random(keySize)) }

// Wrap encrypts an item's data key under the key of its subject, which is made on first
// use, or under today's intake key if subject is "". subject is the CRM id of the person's
// record; the caller always spells the same record the same way.
//
// Commit the item soon: an intake key may die a day after its own day is over, and a
// subject's key whenever the subject is forgotten.
func (r *Ring) Wrap(ctx context.Context, tenant cordon.TenantID, subject string, k cordon.DataKey) (keyID cordon.ID, wrapped []byte, err error) {
	if len(k.Bytes()) != keySize {
		return "", nil, fmt.Errorf("%w: data key of %d bytes, %d are needed", cordon.ErrInvalid, len(k.Bytes()), keySize)
	}
	by, err := r.wrapping(ctx, tenant, subject)
	if err != nil {
		return "", nil, fmt.Errorf("wrap data key: %w", err)
	}
	return by.id, by.seal(k.Bytes(), bound("data key", string(tenant), string(by.id))), nil
}

// wrapping returns the key that wraps data keys of the subject.
func (r *Ring) wrapping(ctx context.Context, tenant cordon.TenantID, subject string) (*wrappingKey, error) {
	if subject == "" {
		return r.named(ctx, tenant, kindIntake, r.now().UTC().Format(time.DateOnly))
	}
	name, err := r.subjectName(ctx, tenant, subject)
	if err != nil {
		return nil, err
	}
	// The row is looked for each time: another process may have forgotten the subject,
	// and what is wrapped by a key without a row cannot be read after the next start.
	return r.standing(ctx, tenant, kindSubject, name)
}

// Unwrap returns an item's data key. The error is cordon.ErrShredded if the key that
// wrapped it has been destroyed. In other processes that share the rows, a subject's key
// may still open for a minute after it was destroyed.
func (r *Ring) Unwrap(ctx context.Context, tenant cordon.TenantID, keyID cordon.ID, wrapped []byte) (cordon.DataKey, error) {
	by, err := r.byID(ctx, tenant, keyID)
	if errors.Is(err, cordon.ErrNotFound) {
		return cordon.DataKey{}, fmt.Errorf("key %s: %w", keyID, cordon.ErrShredded)
	}
	if err != nil {
		return cordon.DataKey{}, fmt.Errorf("unwrap data key: %w", err)
	}
	b, err := by.open(wrapped, bound("data key", string(tenant), string(keyID)))
	if err != nil {
		return cordon.DataKey{}, fmt.Errorf("data key under %s: %w", keyID, err)
	}
	return cordon.NewDataKey(b), nil
}

// ForgetSubject destroys the subject's key, and with it every data key it wraps. Forgetting
// again, or whom nobody knows, is no error.
func (r *Ring) ForgetSubject(ctx context.Context, tenant cordon.TenantID, subject string) error {
	if subject == "" {
		return fmt.Errorf("%w: forget which subject?", cordon.ErrInvalid)
	}
	name, err := r.subjectName(ctx, tenant, subject)
	if err != nil {
		return fmt.Errorf("forget subject: %w", err)
	}
	row, err := r.rows.KeyNamed(ctx, tenant, kindSubject, name)
	if errors.Is(err, cordon.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("forget subject: %w", err)
	}
	return r.destroy(ctx, row)
}

// intakeGrace is how old an intake key is at least when it dies: the day it is for, and
// one more for items that were wrapped at its end and committed later.
const intakeGrace = 48 * time.Hour

// RetireIntake destroys the intake keys made before the time that wrap nothing any more,
// and says how many. Keys younger than 48 hours are spared whatever the time says.
func (r *Ring) RetireIntake(ctx context.Context, before time.Time) (n int, err error) {
	if latest := r.now().Add(-intakeGrace); before.After(latest) {
		before = latest
	}
	rows, err := r.rows.StaleIntakeKeys(ctx, before)
	if err != nil {
		return 0, fmt.Errorf("look for old intake keys: %w", err)
	}
	for _, row := range rows {
		// What is destroyed is what its row says, whoever wrote that: the key opens only under the
		// name it was given, which is the day.
		if _, err := r.master.unwrap(row); err != nil {
			return n, fmt.Errorf("look at old intake key %s: %w", row.ID, err)
		}
		day, err := time.Parse(time.DateOnly, row.Name)
		if err != nil || row.Kind != kindIntake || !row.CreatedAt.Before(before) || day.After(r.now().Add(-intakeGrace)) {
			return n, fmt.Errorf("%w: key %s is not an old intake key; nothing more is destroyed", cordon.ErrInvalid, row.ID)
		}
		if err := r.destroy(ctx, row); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (r *Ring) destroy(ctx context.Context, row cordon.KeyRow) error {
	// Before and after: a reader in between would remember the key again.
	r.opened.drop(row.Tenant, row.ID)
	defer r.opened.drop(row.Tenant, row.ID)
	if err := r.rows.DeleteKey(ctx, row.Tenant, row.ID); err != nil {
		return fmt.Errorf("destroy key %s: %w", row.ID, err)
	}
	return nil
}

// subjectName is how a subject's row is found: a keyed hash, so that the table names nobody.
func (r *Ring) subjectName(ctx context.Context, tenant cordon.TenantID, subject string) (string, error) {
	sum, err := r.Lookup(ctx, tenant, kindSubject, []byte(subject))
	return fmt.Sprintf("%x", sum), err
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: the runtime ends the program instead
	return b
}

// sealWith encrypts data under a fresh random nonce, which comes first in the result.
func sealWith(a cipher.AEAD, data, aad []byte) []byte {
	nonce := random(a.NonceSize())
	return a.Seal(nonce, nonce, data, aad)
}

func openWith(a cipher.AEAD, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < a.NonceSize() {
		return nil, fmt.Errorf("%w: only %d bytes", ErrDamaged, len(sealed))
	}
	b, err := a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], aad)
	if err != nil {
		return nil, ErrDamaged
	}
	return b, nil
}
