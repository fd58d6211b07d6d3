package account

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// Sessions remembers who is signed in to the console, by the SHA-256 of a secret that only the
// browser has. It is safe for concurrent use.
type Sessions interface {
	PutSession(ctx context.Context, hash []byte, tenant cordon.TenantID, login string, until time.Time) error
	// Session returns cordon.ErrNotFound when there is none. It may return one that has ended.
	Session(ctx context.Context, hash []byte) (tenant cordon.TenantID, login string, until time.Time, err error)
	// DeleteSession forgets it; forgetting twice is no error.
	DeleteSession(ctx context.Context, hash []byte) error
}

// Memory keeps sessions until the process ends.
type Memory struct {
	mu  sync.Mutex
	all map[string]session
}

type session struct {
	tenant cordon.TenantID
	login  string
	until  time.Time
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{all: map[string]session{}} }

// PutSession implements Sessions.
func (m *Memory) PutSession(_ context.Context, hash []byte, tenant cordon.TenantID, login string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[string(hash)] = session{tenant, login, until}
	return nil
}

// Session implements Sessions.
func (m *Memory) Session(_ context.Context, hash []byte) (cordon.TenantID, string, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.all[string(hash)]
	if !ok {
		return "", "", time.Time{}, fmt.Errorf("session: %w", cordon.ErrNotFound)
	}
	return s.tenant, s.login, s.until, nil
}

// DeleteSession implements Sessions.
func (m *Memory) DeleteSession(_ context.Context, hash []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, string(hash))
	return nil
}
