package media

import "sync/atomic"

// Bounds of what is unpacked of one file, and of the files inside of it, at any one time: with
// the usual room, and with any.
const (
	maxHeld  = 512 << 20
	mostHeld = 1 << 30
)

// held counts the bytes that are unpacked of one file, with all that is inside of it.
type held struct {
	most int64
	now  atomic.Int64
}

func (h *held) take(n int64) bool {
	if h.now.Add(n) > h.most {
		h.now.Add(-n)
		return false
	}
	return true
}

// Room is n times the room that readers have for the file: what a bound of n is there.
func (m *Media) Room(n int64) int64 { return n * int64(m.limits.Room) }

// Left is how many bytes may be unpacked at the moment of the file that m is, or is inside of.
func (m *Media) Left() int64 { return max(0, m.limits.held.most-m.limits.held.now.Load()) }

// Hold counts bytes that are unpacked and kept, until release. It reports whether there is room.
func (m *Media) Hold(n int64) (release func(), ok bool) {
	if !m.limits.held.take(n) {
		return nil, false
	}
	return func() { m.limits.held.now.Add(-n) }, true
}

// most is how many bytes one child may have that has to be unpacked.
func (s *survey) most() int64 { return min(s.m.Room(maxChild), s.m.Left()) }
