package keyring

import (
	"context"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon"
)

// kindLists seals what a tenant keeps of known files: they are of no one person.
const kindLists = "lists"

// SealFor encrypts a few bytes under the key of a subject, which is made on first use, or under
// today's intake key if subject is "", and says which key that is. They can be read as long as
// the key stands. aad says where they belong; OpenBy must be told the same.
func (r *Ring) SealFor(ctx context.Context, tenant cordon.TenantID, subject string, aad, data []byte) (keyID cordon.ID, sealed []byte, err error) {
	by, err := r.wrapping(ctx, tenant, subject)
	if err != nil {
		return "", nil, fmt.Errorf("seal for a subject: %w", err)
	}
	return by.id, by.seal(data, sealedBy(by, aad)), nil
}

// SealList encrypts a few bytes under the tenant's key for lists of known files, which is made
// on first use.
func (r *Ring) SealList(ctx context.Context, tenant cordon.TenantID, aad, data []byte) (keyID cordon.ID, sealed []byte, err error) {
	by, err := r.named(ctx, tenant, kindLists, "1")
	if err != nil {
		return "", nil, fmt.Errorf("seal an entry of a list: %w", err)
	}
	return by.id, by.seal(data, sealedBy(by, aad)), nil
}

// OpenBy returns what SealFor or SealList sealed. The error is cordon.ErrShredded if the key has
// been destroyed, and ErrDamaged if the bytes were changed or belong elsewhere.
func (r *Ring) OpenBy(ctx context.Context, tenant cordon.TenantID, keyID cordon.ID, aad, sealed []byte) ([]byte, error) {
	by, err := r.byID(ctx, tenant, keyID)
	if errors.Is(err, cordon.ErrNotFound) {
		return nil, fmt.Errorf("key %s: %w", keyID, cordon.ErrShredded)
	}
	if err != nil {
		return nil, fmt.Errorf("open what key %s sealed: %w", keyID, err)
	}
	b, err := by.open(sealed, sealedBy(by, aad))
	if err != nil {
		return nil, fmt.Errorf("what key %s sealed: %w", keyID, err)
	}
	return b, nil
}

// sealedBy binds to the key's own row and to a purpose apart from wrapped data keys.
func sealedBy(k *wrappingKey, aad []byte) []byte {
	return bound("sealed bytes", string(k.tenant), string(k.id), string(aad))
}
