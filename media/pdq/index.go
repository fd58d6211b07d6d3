package pdq

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
)

// Index finds the hashes near another one without comparing with all of them. It is held in
// memory, some 150 bytes for each hash, and is safe for concurrent use. The zero value is
// empty and ready.
//
// A hash is cut into sixteen parts of sixteen bits. Two hashes that differ in at most 31
// bits differ in at most one bit in at least one part, so only those that share such a part
// need to be compared (multi-index hashing, Norouzi, Punjani and Fleet, 2012).
type Index[T comparable] struct {
	mu      sync.RWMutex
	hashes  []words
	values  []T
	removed []bool
	gone    int
	at      map[T]int // the place of each value
	tables  [parts]table
	built   int // hashes[:built] are in tables; the others are compared one by one
}

const (
	parts   = 16
	buckets = 1 << 16
	// loose is how many hashes may wait outside of tables.
	loose = 4096
)

// words is a Hash as it is compared.
type words [4]uint64

func wordsOf(h Hash) (w words) {
	for i := range w {
		w[i] = binary.BigEndian.Uint64(h[8*i:])
	}
	return w
}

func (w words) distance(o words) int {
	return bits.OnesCount64(w[0]^o[0]) + bits.OnesCount64(w[1]^o[1]) +
		bits.OnesCount64(w[2]^o[2]) + bits.OnesCount64(w[3]^o[3])
}

func (w words) part(i int) uint16 { return uint16(w[i/4] >> (16 * (i % 4))) }

// table lists the places of hashes by one of their parts: those with part p are
// places[from[p]:from[p+1]].
type table struct {
	from   []uint32
	places []uint32
}

// Match is a value whose hash is near.
type Match[T comparable] struct {
	Value    T
	Distance int // bits
}

// Len is the number of hashes.
func (x *Index[T]) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.hashes) - x.gone
}

// Put adds a hash under a value, or gives the value another hash.
func (x *Index[T]) Put(value T, h Hash) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(value)
	if x.at == nil {
		x.at = map[T]int{}
	}
	x.at[value] = len(x.hashes)
	x.hashes = append(x.hashes, wordsOf(h))
	x.values = append(x.values, value)
	x.removed = append(x.removed, false)
	// Doubling keeps the work for all of many hashes in proportion to their number.
	if n := len(x.hashes) - x.built; n > loose && n > x.built/2 {
		x.build()
	}
}

// Remove takes a value out; whether it was in.
func (x *Index[T]) Remove(value T) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.remove(value)
}

// Has reports whether a value is in.
func (x *Index[T]) Has(value T) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, in := x.at[value]
	return in
}

// Keep takes out the values for which keep is false. It calls keep with every value, and keep
// must not call the index.
func (x *Index[T]) Keep(keep func(T) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, value := range slices.Clone(x.values) {
		if _, in := x.at[value]; in && !keep(value) {
			x.remove(value)
		}
	}
}

func (x *Index[T]) remove(value T) bool {
	i, in := x.at[value]
	if !in {
		return false
	}
	delete(x.at, value)
	x.removed[i] = true
	if x.gone++; x.gone > loose && x.gone > len(x.hashes)/2 {
		x.build()
	}
	return true
}

// Build puts all hashes into the tables, which makes the next look-ups as fast as can be.
// It is never needed; after many calls of Put it is worth its time.
func (x *Index[T]) Build() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.build()
}

func (x *Index[T]) build() {
	if x.gone > 0 {
		kept := 0
		for i, gone := range x.removed {
			if !gone {
				x.hashes[kept], x.values[kept] = x.hashes[i], x.values[i]
				x.at[x.values[i]] = kept
				kept++
			}
		}
		clear(x.values[kept:])
		x.hashes, x.values = x.hashes[:kept], x.values[:kept]
		x.removed, x.gone = make([]bool, kept), 0
	}
	for part := range x.tables {
		x.tables[part] = tableOf(x.hashes, part)
	}
	x.built = len(x.hashes)
}

// tableOf sorts places by a part of their hashes, by counting.
func tableOf(hashes []words, part int) table {
	t := table{from: make([]uint32, buckets+1), places: make([]uint32, len(hashes))}
	for _, h := range hashes {
		t.from[int(h.part(part))+1]++
	}
	for i := range buckets {
		t.from[i+1] += t.from[i]
	}
	next := slices.Clone(t.from[:buckets])
	for i, h := range hashes {
		p := h.part(part)
		t.places[next[p]] = uint32(i)
		next[p]++
	}
	return t
}

// Near returns what differs from h in at most radius bits, nearest first. Up to Near bits it
// uses the tables, beyond that it compares with every hash.
func (x *Index[T]) Near(h Hash, radius int) []Match[T] {
	w := wordsOf(h)
	var found []Match[T]
	x.mu.RLock()
	defer x.mu.RUnlock()
	compare := func(i int) {
		if d := w.distance(x.hashes[i]); d <= radius && !x.removed[i] {
			found = append(found, Match[T]{x.values[i], d})
		}
	}
	rest := x.built
	if radius > Near {
		rest = 0
	} else if x.built > 0 {
		x.candidates(w, compare)
	}
	for i := rest; i < len(x.hashes); i++ {
		compare(i)
	}
	slices.SortStableFunc(found, func(a, b Match[T]) int { return a.Distance - b.Distance })
	return found
}

// candidates calls with each place that shares a part with w, give or take one bit. A place
// is called once: by the first part that it shares.
func (x *Index[T]) candidates(w words, call func(place int)) {
	for part := range x.tables {
		t, p := &x.tables[part], w.part(part)
		for flip := range 17 {
			q := int(p)
			if flip > 0 {
				q ^= 1 << (flip - 1)
			}
			for _, i := range t.places[t.from[q]:t.from[q+1]] {
				if !sharesEarlier(w, x.hashes[i], part) {
					call(int(i))
				}
			}
		}
	}
}

// sharesEarlier reports whether two hashes share one of the first n parts, give or take a bit.
func sharesEarlier(a, b words, n int) bool {
	for i := range n {
		if d := a.part(i) ^ b.part(i); d&(d-1) == 0 {
			return true
		}
	}
	return false
}
