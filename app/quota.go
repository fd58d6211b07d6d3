package app

import (
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// quota limits how many uploads one caller may start, by the generic cell rate algorithm
// (ITU-T I.371): a caller may be ahead of the rate by the burst, never by more.
type quota struct {
	every time.Duration // one upload in the long run
	burst time.Duration // how far ahead a caller may be
	now   func() time.Time

	mu  sync.Mutex
	due map[string]time.Time // when the caller's next upload would be due at the even rate
}

// maxCallers bounds the memory that callers can take; those who are not ahead are forgotten.
const maxCallers = 100_000

// newQuota allows perMinute uploads a minute and as many at once.
func newQuota(perMinute int, now func() time.Time) *quota {
	every := time.Minute / time.Duration(perMinute)
	return &quota{every: every, burst: time.Minute, now: now, due: map[string]time.Time{}}
}

// wait admits an upload (0), or says how long the caller has to wait.
func (q *quota) wait(tenant cordon.TenantID, caller string) time.Duration {
	key, now := string(tenant)+"\x00"+caller, q.now()
	q.mu.Lock()
	defer q.mu.Unlock()
	due := q.due[key]
	if due.Before(now) {
		due = now
	}
	if ahead := due.Add(q.every).Sub(now); ahead > q.burst {
		return ahead - q.burst
	}
	if len(q.due) >= maxCallers {
		q.forget(now)
	}
	q.due[key] = due.Add(q.every)
	return 0
}

func (q *quota) forget(now time.Time) {
	for k, due := range q.due {
		if !due.After(now) {
			delete(q.due, k)
		}
	}
}
