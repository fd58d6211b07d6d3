// Package room shares what there is only so much of, such as slots or bytes of memory, among
// tenants and their callers.
package room

import "sync"

// Room lends parts of a whole. Half of it is set apart for the tenants in equal shares, so that
// each can have its own at any time; the other half goes to whoever asks first. No caller has
// more than its most, so that one cannot take the room of the others of its tenant.
// It is safe for concurrent use.
type Room struct {
	share  int64 // set apart for each tenant
	common int64
	most   int64 // for one caller

	mu      sync.Mutex
	lent    int64 // of the common half
	tenants map[string]int64
	callers map[[2]string]int64
}

// New returns a room of a size for so many tenants, where one caller has at most a part of it,
// but always one.
func New(size int64, tenants int, most float64) *Room {
	share := size / 2 / int64(max(1, tenants))
	return &Room{share: share, common: size - share*int64(max(1, tenants)), most: max(1, int64(float64(size)*most)),
		tenants: map[string]int64{}, callers: map[[2]string]int64{}}
}

// Take lends n to a caller of a tenant, or nothing and returns false. What was lent is given
// back by Give with the same words.
func (r *Room) Take(tenant, caller string, n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	has, who := r.tenants[tenant], [2]string{tenant, caller}
	more := r.over(has+n) - r.over(has)
	if r.callers[who]+n > r.most || r.lent+more > r.common {
		return false
	}
	r.lent += more
	r.tenants[tenant] += n
	r.callers[who] += n
	return true
}

// Give takes n back.
func (r *Room) Give(tenant, caller string, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	has, who := r.tenants[tenant], [2]string{tenant, caller}
	r.lent -= r.over(has) - r.over(has-n)
	if r.tenants[tenant] -= n; r.tenants[tenant] == 0 {
		delete(r.tenants, tenant)
	}
	if r.callers[who] -= n; r.callers[who] == 0 {
		delete(r.callers, who)
	}
}

// Has returns how much a tenant has.
func (r *Room) Has(tenant string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tenants[tenant]
}

// over is what of n a tenant takes from the common half.
func (r *Room) over(n int64) int64 { return max(0, n-r.share) }
