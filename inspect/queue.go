package inspect

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// QueueConfig of a Queue. The zero value works.
type QueueConfig struct {
	// Slots is how many files are looked at at one time. Default: two for each processor and
	// four at least, so that a file which takes long does not hold the others up.
	Slots int
	// Share is how long a file may wait for its checks to begin, so that enough of their budget
	// is left. Default: 5 s.
	Share time.Duration
}

// Queue decides who is looked at next, and turns away at once whoever could not be in time.
//
// It measures how long checks take, and so knows how long the next one would wait. Tenants take
// turns, and the callers of a tenant take turns within it: who sends much waits behind himself.
// No caller has more than half of the slots, so that files which take long leave room for
// others. Work that nobody waits for has half of the slots at most and one at least.
// It is safe for concurrent use.
type Queue struct {
	conf QueueConfig

	mu      sync.Mutex
	took    float64 // seconds that checks take, a moving mean
	running int
	beside  int    // of the running: those that nobody waits for
	kept    int    // places that are not left
	crowd   uint64 // counts the moments at which it became more than there are processors
	patient []*Place
	tenants map[cordon.TenantID]*turns
	served  uint64
}

// turns are the places of a tenant, or of one of its callers.
type turns struct {
	running int
	places  int               // kept, running or not
	last    uint64            // when it was served, or came
	callers map[string]*turns // of a tenant
	waiting []*Place          // of a caller
}

// firstTook is what checks are taken to last before any was measured.
const firstTook = 0.1

// NewQueue returns a Queue.
func NewQueue(conf QueueConfig) *Queue {
	if conf.Slots <= 0 {
		conf.Slots = max(4, 2*runtime.GOMAXPROCS(0))
	}
	if conf.Share <= 0 {
		conf.Share = 5 * time.Second
	}
	return &Queue{conf: conf, took: firstTook, tenants: map[cordon.TenantID]*turns{}}
}

// Place is one file's place. Its methods may be called once each, in any order after Leave too.
type Place struct {
	queue   *Queue
	tenant  cordon.TenantID // "": nobody waits
	caller  string
	at      time.Time // when it was kept
	turn    chan struct{}
	running time.Time // since when; zero: not yet
	crowd   uint64    // of the queue then
	crowded bool
	left    bool
}

// Keep keeps a place for a file of a caller, or returns cordon.ErrBusy where its checks could
// not begin in time. The place counts until Leave.
func (q *Queue) Keep(tenant cordon.TenantID, caller string) (*Place, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if wait := q.expected(tenant, caller); wait > q.conf.Share {
		return nil, fmt.Errorf("%w: checks would begin in %s at the earliest, and %s is the most", cordon.ErrBusy, wait.Round(time.Millisecond), q.conf.Share)
	}
	t := q.tenants[tenant]
	if t == nil {
		t = &turns{last: q.served, callers: map[string]*turns{}}
		q.tenants[tenant] = t
	}
	c := t.callers[caller]
	if c == nil {
		c = &turns{last: q.served}
		t.callers[caller] = c
	}
	t.places++
	c.places++
	q.add(1)
	return &Place{queue: q, tenant: tenant, caller: caller, at: time.Now(), turn: make(chan struct{})}, nil
}

// expected is how long one more file of the caller would wait: behind its own, behind those of
// the tenant's other callers whose turn comes before, and behind those of other tenants.
func (q *Queue) expected(tenant cordon.TenantID, caller string) time.Duration {
	own := 0
	if t := q.tenants[tenant]; t != nil && t.callers[caller] != nil {
		own = t.callers[caller].places
	}
	within := func(t *turns) (n int) {
		for name, c := range t.callers {
			if name != caller {
				n += min(c.places, own+1)
			}
		}
		return n
	}
	of := own
	if t := q.tenants[tenant]; t != nil {
		of += within(t)
	}
	all := of
	for id, t := range q.tenants {
		if id != tenant {
			all += min(t.places, of+1)
		}
	}
	ahead := func(n, slots int) float64 { return float64(max(0, n-slots+1)) / float64(slots) }
	rounds := max(ahead(own, q.most()), ahead(all, q.conf.Slots))
	return time.Duration(rounds * q.took * float64(time.Second))
}

// most is how many slots one caller has, and work that nobody waits for.
func (q *Queue) most() int { return max(1, q.conf.Slots/2) }

// Beside returns a place for work that nobody waits for. It is never too late for it.
func (q *Queue) Beside() *Place {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(1)
	return &Place{queue: q, turn: make(chan struct{})}
}

func (q *Queue) add(n int) {
	if q.kept += n; q.full() {
		q.crowd++
	}
}

// full reports whether more files want the machine than it has processors.
func (q *Queue) full() bool { return q.kept > runtime.GOMAXPROCS(0) }

// Crowded reports whether more files wanted the machine than it has processors, at any time
// since the turn of this one came. Checks that did not end meanwhile may have lacked nothing but
// the processor.
func (p *Place) Crowded() bool {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	return p.crowded || p.crowd != p.queue.crowd
}

// Enter waits for the turn of the place. It returns cordon.ErrBusy when the share of the budget
// that may pass in waiting is over, and since when the budget counts: since the place was kept.
// With patience it waits as long as ctx does, and the budget counts from now.
func (p *Place) Enter(ctx context.Context, patience bool) (since time.Time, err error) {
	q := p.queue
	var late <-chan time.Time
	if p.tenant != "" && !patience {
		t := time.NewTimer(time.Until(p.at.Add(q.conf.Share)))
		defer t.Stop()
		late = t.C
	}
	q.mu.Lock()
	if p.tenant == "" {
		q.patient = append(q.patient, p)
	} else {
		c := q.tenants[p.tenant].callers[p.caller]
		c.waiting = append(c.waiting, p)
	}
	q.grant()
	q.mu.Unlock()
	select {
	case <-p.turn:
	case <-late:
		err = fmt.Errorf("%w: checks did not begin within %s", cordon.ErrBusy, q.conf.Share)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil && !q.withdraw(p) {
		err = nil // its turn came at the last moment
	}
	if err != nil {
		return time.Time{}, err
	}
	if p.tenant == "" || patience {
		return time.Now(), nil
	}
	return p.at, nil
}

// withdraw takes a place out of the queue, and reports whether it was in it.
func (q *Queue) withdraw(p *Place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !p.running.IsZero() {
		return false
	}
	list := &q.patient
	if p.tenant != "" {
		list = &q.tenants[p.tenant].callers[p.caller].waiting
	}
	for i, other := range *list {
		if other == p {
			*list = append((*list)[:i], (*list)[i+1:]...)
			break
		}
	}
	return true
}

// Leave gives the place up, whether or not its turn has come. Calling it again does nothing.
func (p *Place) Leave() {
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.left {
		return
	}
	p.left = true
	q.add(-1)
	ran := !p.running.IsZero()
	if ran {
		q.running--
		if p.tenant == "" {
			q.beside--
		} else {
			// A twentieth of the new each time: one slow file changes little, a slow machine much.
			q.took += (time.Since(p.running).Seconds() - q.took) / 20
		}
	}
	if p.tenant != "" {
		t := q.tenants[p.tenant]
		c := t.callers[p.caller]
		for _, of := range []*turns{t, c} {
			if of.places--; ran {
				of.running--
			}
		}
		if c.places == 0 {
			delete(t.callers, p.caller)
		}
		if t.places == 0 {
			delete(q.tenants, p.tenant)
		}
	}
	q.grant()
}

// grant gives free slots to those whose turn it is.
func (q *Queue) grant() {
	for q.running < q.conf.Slots {
		p := q.next()
		if p == nil {
			return
		}
		q.running++
		q.served++
		p.running, p.crowd, p.crowded = time.Now(), q.crowd, q.full()
		if p.tenant == "" {
			q.beside++
		} else {
			t := q.tenants[p.tenant]
			for _, of := range []*turns{t, t.callers[p.caller]} {
				of.running++
				of.last = q.served
			}
		}
		close(p.turn)
	}
}

// next takes the place whose turn it is out of the queue: of the tenant that was served the
// longest ago, and of its caller likewise.
func (q *Queue) next() *Place {
	if len(q.patient) > 0 && q.beside == 0 {
		return pop(&q.patient)
	}
	var tenant, from *turns
	for _, t := range q.tenants {
		if tenant != nil && tenant.last < t.last {
			continue
		}
		var caller *turns
		for _, c := range t.callers {
			if len(c.waiting) > 0 && c.running < q.most() && (caller == nil || c.last < caller.last) {
				caller = c
			}
		}
		if caller != nil {
			tenant, from = t, caller
		}
	}
	switch {
	case from != nil:
		return pop(&from.waiting)
	case len(q.patient) > 0 && q.beside < q.most():
		return pop(&q.patient)
	}
	return nil
}

func pop(list *[]*Place) *Place {
	p := (*list)[0]
	*list = (*list)[1:]
	return p
}

// Standing is what a Queue does at a moment.
type Standing struct {
	Running, Kept int
	// Took is how long checks take, a moving mean.
	Took time.Duration
}

// Standing returns how many files are looked at, and how many have a place, those included.
func (q *Queue) Standing() Standing {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Standing{Running: q.running, Kept: q.kept, Took: time.Duration(q.took * float64(time.Second))}
}
