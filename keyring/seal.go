package keyring

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Seal encrypts a personal column under the item's key. aad says where the column belongs,
// for example the item's Ref; OpenSealed must be told the same.
func (*Ring) Seal(k cordon.DataKey, aad, data []byte) ([]byte, error) {
	a, err := columns(k)
	if err != nil {
		return nil, err
	}
	return sealWith(a, data, aad), nil
}

// OpenSealed returns what was sealed, or ErrDamaged if it was changed, belongs elsewhere or
// was sealed under another key.
func (*Ring) OpenSealed(k cordon.DataKey, aad, sealed []byte) ([]byte, error) {
	a, err := columns(k)
	if err != nil {
		return nil, err
	}
	b, err := openWith(a, sealed, aad)
	if err != nil {
		return nil, fmt.Errorf("sealed column: %w", err)
	}
	return b, nil
}

// columns derives the key for columns from the item's key, which also encrypts the item's
// bytes in another way: one key, one use.
func columns(k cordon.DataKey) (cipher.AEAD, error) {
	if len(k.Bytes()) != keySize {
		return nil, fmt.Errorf("%w: data key of %d bytes, %d are needed", cordon.ErrInvalid, len(k.Bytes()), keySize)
	}
	b, err := hkdf.Key(sha256.New, k.Bytes(), nil, "cordon sealed columns 1", keySize)
	if err != nil {
		return nil, err
	}
	return newGCM(b)
}
