package keyring

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cordonhq/cordon"
)

// wrappingKey is a key row, opened.
type wrappingKey struct {
	tenant cordon.TenantID
	id     cordon.ID
	kind   string
	name   string
	key    []byte
	aead   cipher.AEAD
}

// Format keeps the key out of every print verb.
func (k *wrappingKey) Format(f fmt.State, _ rune) { io.WriteString(f, "[key "+string(k.id)+"]") }

func (k *wrappingKey) seal(data, aad []byte) []byte { return sealWith(k.aead, data, aad) }

func (k *wrappingKey) open(sealed, aad []byte) ([]byte, error) { return openWith(k.aead, sealed, aad) }

// named returns the tenant's key of that kind and name, made now if there is none. A key
// that was opened before is trusted to stand: use it for keys that outlive their use.
func (r *Ring) named(ctx context.Context, tenant cordon.TenantID, kind, name string) (*wrappingKey, error) {
	if k := r.opened.named(tenant, kind, name); k != nil {
		return k, nil
	}
	return r.standing(ctx, tenant, kind, name)
}

// standing is like named, but makes sure that the row is there now.
func (r *Ring) standing(ctx context.Context, tenant cordon.TenantID, kind, name string) (*wrappingKey, error) {
	if tenant == "" {
		return nil, fmt.Errorf("%w: key without a tenant", cordon.ErrInvalid)
	}
	drops := r.opened.drops()
	row, err := r.rows.KeyNamed(ctx, tenant, kind, name)
	if errors.Is(err, cordon.ErrNotFound) {
		fresh := cordon.KeyRow{Tenant: tenant, ID: cordon.NewID(cordon.PrefixKey), Kind: kind, Name: name, CreatedAt: r.now().UTC()}
		fresh.Wrapped = r.master.wrap(random(keySize), fresh)
		row, err = r.rows.PutKey(ctx, fresh)
	}
	if err != nil {
		return nil, err
	}
	if row.Tenant != tenant || row.Kind != kind || row.Name != name {
		return nil, fmt.Errorf("%w: asked for a %s key, got row %s of another", ErrDamaged, kind, row.ID)
	}
	return r.openRow(row, drops)
}

// byID returns the key with that id, or cordon.ErrNotFound if its row is gone.
func (r *Ring) byID(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (*wrappingKey, error) {
	if k := r.opened.withID(tenant, id, r.now()); k != nil {
		return k, nil
	}
	drops := r.opened.drops()
	row, err := r.rows.Key(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if row.Tenant != tenant || row.ID != id {
		return nil, fmt.Errorf("%w: asked for key %s, got another row", ErrDamaged, id)
	}
	return r.openRow(row, drops)
}

// openRow opens a row that was read after drops were counted, and remembers it.
func (r *Ring) openRow(row cordon.KeyRow, drops uint64) (*wrappingKey, error) {
	if k := r.opened.withID(row.Tenant, row.ID, r.now()); k != nil && k.kind == row.Kind && k.name == row.Name {
		return k, nil
	}
	key, err := r.master.unwrap(row)
	if err != nil {
		return nil, err
	}
	aead, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	k := &wrappingKey{tenant: row.Tenant, id: row.ID, kind: row.Kind, name: row.Name, key: key, aead: aead}
	r.opened.keep(k, drops, r.now())
	return k, nil
}

// A wrapped row is a version, the mark of the master key that wrapped it, and the sealed key.
const rowVersion = 1

func (m *master) wrap(key []byte, row cordon.KeyRow) []byte {
	return append(append([]byte{rowVersion}, m.mark[:]...), sealWith(m.aead, key, rowBinding(row))...)
}

func (m *master) unwrap(row cordon.KeyRow) ([]byte, error) {
	if len(row.Wrapped) < 1+markSize || row.Wrapped[0] != rowVersion {
		return nil, fmt.Errorf("%w: key row %s is not of version %d", ErrDamaged, row.ID, rowVersion)
	}
	if mark := row.Wrapped[1 : 1+markSize]; !bytes.Equal(mark, m.mark[:]) {
		return nil, fmt.Errorf("%w: key row %s was wrapped by master key %x, and the file holds master key %x: point the configuration at the file this data was written with",
			ErrDamaged, row.ID, mark, m.mark)
	}
	key, err := openWith(m.aead, row.Wrapped[1+markSize:], rowBinding(row))
	if err != nil {
		return nil, fmt.Errorf("key row %s: %w", row.ID, err)
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("%w: key row %s holds %d bytes", ErrDamaged, row.ID, len(key))
	}
	return key, nil
}

// rowBinding ties a wrapped key to its row: under another tenant, kind, id or name it does
// not open, so that nobody who can write the table can give one person's key to another.
func rowBinding(row cordon.KeyRow) []byte {
	return bound("key row", string(row.Tenant), row.Kind, string(row.ID), row.Name)
}

// bound joins what something is bound to so that no two lists look the same.
func bound(what string, parts ...string) []byte {
	b := []byte("cordon 1 " + what)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
