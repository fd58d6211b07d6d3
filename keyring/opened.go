package keyring

import (
	"container/list"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// maxOpened is how many opened keys are kept in memory, a few hundred bytes each.
const maxOpened = 4096

// subjectFor is how long an opened subject's key is used without looking whether its row
// still stands, which another process may have destroyed. Intake keys are destroyed only
// when nothing is wrapped by them, and look-up keys not at all.
const subjectFor = time.Minute

// opened keeps keys that were opened lately.
type opened struct {
	max int

	mu      sync.Mutex
	byID    map[ownID]*list.Element
	byName  map[ownName]*list.Element
	recent  *list.List // of *kept, the latest first
	dropped uint64
}

type ownID struct {
	tenant cordon.TenantID
	id     cordon.ID
}

type ownName struct {
	tenant     cordon.TenantID
	kind, name string
}

type kept struct {
	key *wrappingKey
	at  time.Time // when its row was seen
}

func newOpened(max int) *opened {
	return &opened{max: max, byID: map[ownID]*list.Element{}, byName: map[ownName]*list.Element{}, recent: list.New()}
}

func (o *opened) named(tenant cordon.TenantID, kind, name string) *wrappingKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.byName[ownName{tenant, kind, name}]
	if e == nil {
		return nil
	}
	o.recent.MoveToFront(e)
	return e.Value.(*kept).key
}

func (o *opened) withID(tenant cordon.TenantID, id cordon.ID, now time.Time) *wrappingKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.byID[ownID{tenant, id}]
	if e == nil {
		return nil
	}
	k := e.Value.(*kept)
	if k.key.kind == kindSubject && now.Sub(k.at) > subjectFor {
		o.remove(e)
		return nil
	}
	o.recent.MoveToFront(e)
	return k.key
}

// drops counts how often a key was dropped. Who reads a row asks before, and keep refuses
// if it has changed since: the row may have been destroyed after it was read.
func (o *opened) drops() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

func (o *opened) keep(k *wrappingKey, drops uint64, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dropped != drops {
		return
	}
	if e := o.byID[ownID{k.tenant, k.id}]; e != nil {
		o.remove(e)
	}
	if e := o.byName[ownName{k.tenant, k.kind, k.name}]; e != nil {
		o.remove(e)
	}
	e := o.recent.PushFront(&kept{k, now})
	o.byID[ownID{k.tenant, k.id}] = e
	o.byName[ownName{k.tenant, k.kind, k.name}] = e
	for o.recent.Len() > o.max {
		o.remove(o.recent.Back())
	}
}

func (o *opened) drop(tenant cordon.TenantID, id cordon.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropped++
	if e := o.byID[ownID{tenant, id}]; e != nil {
		o.remove(e)
	}
}

func (o *opened) remove(e *list.Element) {
	k := e.Value.(*kept).key
	delete(o.byID, ownID{k.tenant, k.id})
	delete(o.byName, ownName{k.tenant, k.kind, k.name})
	o.recent.Remove(e)
}
