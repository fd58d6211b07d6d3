package keyring

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Lookup returns 32 bytes by which a value can be found again without being stored:
// HMAC-SHA-256 under the tenant's look-up key. Equal parts give equal bytes within one
// tenant and kind, and nothing comparable across tenants or kinds. The parts are kept
// apart, so that ("ab", "c") and ("a", "bc") differ.
func (r *Ring) Lookup(ctx context.Context, tenant cordon.TenantID, kind string, parts ...[]byte) ([]byte, error) {
	k, err := r.named(ctx, tenant, kindLookup, "1")
	if err != nil {
		return nil, fmt.Errorf("look-up key: %w", err)
	}
	mac := hmac.New(sha256.New, k.key)
	mac.Write(bound("look-up", kind))
	var length [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(p)))
		mac.Write(length[:])
		mac.Write(p)
	}
	return mac.Sum(nil), nil
}
