package chromaprint

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Index finds the recordings that sound like another. It is held in memory, some 15 kB for two
// minutes, and is safe for concurrent use. The zero value is empty and ready.
//
// The upper halves of the numbers lead to places where they stand; places that many numbers
// agree on are compared whole.
type Index[T comparable] struct {
	mu     sync.RWMutex
	prints map[T]Print
	places map[uint16][]place[T]
	gone   int // values whose places are still listed
}

type place[T comparable] struct {
	value T
	at    int
}

// Match is a recording that agrees with another.
type Match[T comparable] struct {
	Value    T
	Likeness float64       // share of bits that agree where the recordings do, 0 to 1
	Overlap  time.Duration // how much of them agrees
}

const (
	crowd    = 512 // places of one number beyond which it tells nothing
	hints    = 2   // numbers that must agree on a place before it is compared
	compared = 64  // places that are compared at most
)

// Len is the number of recordings.
func (x *Index[T]) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.prints)
}

// Put adds a recording under a value, or gives the value another. One that does not tell
// enough is taken and never found.
func (x *Index[T]) Put(value T, p Print) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.prints == nil {
		x.prints, x.places = map[T]Print{}, map[uint16][]place[T]{}
	}
	if _, in := x.prints[value]; in {
		x.remove(value)
		x.tidy(true) // the places of the old one lead astray
	}
	x.prints[value] = p
	x.list(value, p)
}

func (x *Index[T]) list(value T, p Print) {
	if !p.Tells() {
		return
	}
	for i, v := range p {
		k := uint16(v >> 16)
		x.places[k] = append(x.places[k], place[T]{value, i})
	}
}

// Keep takes out the recordings for which keep is false. keep must not call the index.
func (x *Index[T]) Keep(keep func(T) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for value := range x.prints {
		if !keep(value) {
			x.remove(value)
		}
	}
	x.tidy(false)
}

func (x *Index[T]) remove(value T) {
	delete(x.prints, value)
	x.gone++
}

// tidy lists the places anew once many lead nowhere.
func (x *Index[T]) tidy(now bool) {
	if !now && x.gone <= len(x.prints) {
		return
	}
	clear(x.places)
	x.gone = 0
	for value, p := range x.prints {
		x.list(value, p)
	}
}

// Near returns the recordings that agree with p for MinOverlap at least, those that agree
// longest first.
func (x *Index[T]) Near(p Print) []Match[T] {
	if !p.Tells() {
		return nil
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	votes := map[place[T]]int{}
	for j, v := range p {
		listed := x.places[uint16(v>>16)]
		if len(listed) > crowd {
			continue
		}
		for _, l := range listed {
			votes[place[T]{l.value, l.at - j}]++
		}
	}
	likely := make([]place[T], 0, len(votes))
	for at, n := range votes {
		if n >= hints {
			likely = append(likely, at)
		}
	}
	slices.SortFunc(likely, func(a, b place[T]) int { return votes[b] - votes[a] })
	best := map[T]Match[T]{}
	for _, l := range likely[:min(len(likely), compared)] {
		a, in := x.prints[l.value]
		if !in {
			continue
		}
		frames, likeness := compare(a, p, l.at)
		overlap := time.Duration(frames) * Frame
		if overlap >= MinOverlap && overlap > best[l.value].Overlap {
			best[l.value] = Match[T]{l.value, likeness, overlap}
		}
	}
	out := make([]Match[T], 0, len(best))
	for _, m := range best {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Match[T]) int {
		return cmp.Or(cmp.Compare(b.Overlap, a.Overlap), cmp.Compare(b.Likeness, a.Likeness))
	})
	return out
}
