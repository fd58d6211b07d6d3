// Package anatomy says what a file is made of: readers claim ranges of bytes, and the claims are
// folded into a partition in which every byte has exactly one state. What nobody claims is
// unknown, and what two claim that share nothing is contested.
package anatomy

import (
	"cmp"
	"slices"
)

// State is what is known of a range of bytes.
type State string

// States.
const (
	Read      State = "read"          // a reader makes sense of every byte
	Opaque    State = "opaque"        // samples, scans and the like, to which an index points
	Padding   State = "padding"       // nothing
	Encrypted State = "encrypted"     // takes a key
	Damaged   State = "damaged"       // claimed, and does not hold what it should
	Contested State = "contested"     // claimed by two that share nothing
	Beyond    State = "beyond limits" // nobody looked, for want of room
	Unknown   State = "unknown"       // claimed by nobody
)

// MaxRanges bounds a partition. What comes after so many ranges is beyond limits.
const MaxRanges = 1 << 16

// Claim is what a reader says of a range.
type Claim struct {
	Off, Len int64
	State    State
	Owner    string // what it is of, as "APP1" or "IDAT"
	// Shared says that the format lets others have the same bytes.
	Shared bool
}

// Range is a range of bytes that are in one state.
type Range struct {
	Off, End int64
	State    State
	Owner    string // "" of what is unknown or contested
}

// Len is how many bytes it has.
func (r Range) Len() int64 { return r.End - r.Off }

// Fold makes a partition of size bytes from claims. Ranges come in order, the first begins at 0,
// each begins where the one before ends, the last ends at size; equal neighbours are one. Claims
// beyond the file count as far as they lie in it.
func Fold(size int64, claims []Claim) []Range {
	if size <= 0 {
		return nil
	}
	sorted := inOrder(size, claims)

	var f fold
	var open []Claim // that cover the byte at hand
	at := int64(0)
	for len(sorted) > 0 || len(open) > 0 {
		next := size
		if len(sorted) > 0 {
			next = sorted[0].Off
		}
		for _, c := range open {
			next = min(next, c.Off+c.Len)
		}
		if next > at {
			f.add(at, next, open)
			at = next
		}
		open = slices.DeleteFunc(open, func(c Claim) bool { return c.Off+c.Len <= at })
		for len(sorted) > 0 && sorted[0].Off <= at {
			if len(open) < maxOpen {
				open = append(open, sorted[0])
			}
			sorted = sorted[1:]
		}
		if f.full {
			break
		}
	}
	if f.full {
		f.out[len(f.out)-1] = Range{f.out[len(f.out)-1].Off, size, Beyond, ""}
	} else if at < size {
		f.add(at, size, nil)
		if f.full {
			f.out[len(f.out)-1] = Range{f.out[len(f.out)-1].Off, size, Beyond, ""}
		}
	}
	return f.out
}

// inOrder returns claims by where they begin, as far as they lie in a file of so many bytes. Readers
// that go from front to back have made them so, and then they are not copied.
func inOrder(size int64, claims []Claim) []Claim {
	at, fine := int64(0), true
	for _, c := range claims {
		fine = fine && c.Off >= at && c.Len > 0 && c.Len <= size-c.Off
		at = c.Off
	}
	if fine {
		return claims
	}
	sorted := make([]Claim, 0, len(claims))
	for _, c := range claims {
		if c.Off < 0 {
			c.Len, c.Off = c.Len+c.Off, 0
		}
		if c.Off < size && c.Len > 0 {
			c.Len = min(c.Len, size-c.Off)
			sorted = append(sorted, c)
		}
	}
	slices.SortStableFunc(sorted, func(a, b Claim) int { return cmp.Compare(a.Off, b.Off) })
	return sorted
}

// maxOpen bounds the claims on one byte that are compared: two suffice to contest it.
const maxOpen = 64

type fold struct {
	out  []Range
	full bool
}

func (f *fold) add(from, to int64, claims []Claim) {
	r := Range{Off: from, End: to, State: Unknown}
	for i, c := range claims {
		switch {
		case i == 0:
			r.State, r.Owner = c.State, c.Owner
		case c.Owner == r.Owner && c.State == r.State:
		case c.Shared || claims[0].Shared:
			if order(c.State) < order(r.State) {
				r.State, r.Owner = c.State, c.Owner
			}
		default:
			r.State, r.Owner = Contested, ""
		}
		if r.State == Contested {
			break
		}
	}
	if n := len(f.out); n > 0 && f.out[n-1].State == r.State && f.out[n-1].Owner == r.Owner {
		f.out[n-1].End = to
		return
	}
	f.out = append(f.out, r)
	f.full = len(f.out) >= MaxRanges
}

// order is which of two shared states says more.
func order(s State) int {
	return slices.Index([]State{Damaged, Encrypted, Beyond, Unknown, Read, Opaque, Padding}, s)
}

// Sum is how many bytes are in each state.
func Sum(ranges []Range) map[State]int64 {
	out := map[State]int64{}
	for _, r := range ranges {
		out[r.State] += r.Len()
	}
	return out
}
