package keyring

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

// memoryRows keeps key rows in memory.
type memoryRows struct {
	mu    sync.Mutex
	rows  []cordon.KeyRow
	inUse map[cordon.ID]bool // intake keys that still wrap an item's key
	reads int
	// afterRead, if set, runs once after the next row was read, before it is returned.
	afterRead func()
	fail      error
}

func (m *memoryRows) PutKey(_ context.Context, k cordon.KeyRow) (cordon.KeyRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return cordon.KeyRow{}, m.fail
	}
	for _, r := range m.rows {
		if r.Tenant == k.Tenant && r.Kind == k.Kind && r.Name == k.Name {
			return r, nil
		}
	}
	m.rows = append(m.rows, k)
	return k, nil
}

func (m *memoryRows) find(is func(cordon.KeyRow) bool) (cordon.KeyRow, error) {
	m.mu.Lock()
	m.reads++
	row, err, after := cordon.KeyRow{}, m.fail, m.afterRead
	m.afterRead = nil
	if err == nil {
		err = cordon.ErrNotFound
		if i := slices.IndexFunc(m.rows, is); i >= 0 {
			row, err = m.rows[i], nil
		}
	}
	m.mu.Unlock()
	if after != nil {
		after()
	}
	return row, err
}

func (m *memoryRows) Key(_ context.Context, tenant cordon.TenantID, id cordon.ID) (cordon.KeyRow, error) {
	return m.find(func(r cordon.KeyRow) bool { return r.Tenant == tenant && r.ID == id })
}

func (m *memoryRows) KeyNamed(_ context.Context, tenant cordon.TenantID, kind, name string) (cordon.KeyRow, error) {
	return m.find(func(r cordon.KeyRow) bool { return r.Tenant == tenant && r.Kind == kind && r.Name == name })
}

func (m *memoryRows) DeleteKey(_ context.Context, tenant cordon.TenantID, id cordon.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.rows = slices.DeleteFunc(m.rows, func(r cordon.KeyRow) bool { return r.Tenant == tenant && r.ID == id })
	return nil
}

func (m *memoryRows) StaleIntakeKeys(_ context.Context, before time.Time) (out []cordon.KeyRow, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.Kind == kindIntake && r.CreatedAt.Before(before) && !m.inUse[r.ID] {
			out = append(out, r)
		}
	}
	return out, m.fail
}

// row returns the only row of the kind.
func (m *memoryRows) row(t *testing.T, kind string) *cordon.KeyRow {
	t.Helper()
	var found []*cordon.KeyRow
	for i := range m.rows {
		if m.rows[i].Kind == kind {
			found = append(found, &m.rows[i])
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d rows of kind %s, want 1", len(found), kind)
	}
	return found[0]
}

// newRing returns a ring over fresh rows and its key file.
func newRing(t *testing.T) (*Ring, *memoryRows, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := Create(path); err != nil {
		t.Fatal(err)
	}
	rows := &memoryRows{}
	return openRing(t, path, rows), rows, path
}

func openRing(t *testing.T, path string, rows Rows) *Ring {
	t.Helper()
	r, err := Open(path, rows)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// clock makes the ring's time stand still, and returns what sets it forward.
func clock(r *Ring, now time.Time) (forward func(time.Duration)) {
	r.now = func() time.Time { return now }
	return func(d time.Duration) { now = now.Add(d) }
}
