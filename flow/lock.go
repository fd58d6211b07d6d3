package flow

import "sync"

// keyedLock lets one request at a time decide about the same key, so that two copies of a
// retry that arrive together do not both become items. Across processes the unique
// idempotency value in the store does the same.
type keyedLock struct {
	mu   sync.Mutex
	held map[string]*waiters
}

type waiters struct {
	mu sync.Mutex
	n  int
}

func (l *keyedLock) lock(key string) (unlock func()) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*waiters{}
	}
	w := l.held[key]
	if w == nil {
		w = &waiters{}
		l.held[key] = w
	}
	w.n++
	l.mu.Unlock()

	w.mu.Lock()
	return func() {
		w.mu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if w.n--; w.n == 0 {
			delete(l.held, key)
		}
	}
}
