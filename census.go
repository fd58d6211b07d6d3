package cordon

import "time"

// Census is how everything of a tenant stood at one instant. All counts in it are of one
// snapshot, so that the pages and figures made from it cannot disagree.
type Census struct {
	At     time.Time
	Stands []StandCount // only those with items, in no order
	Held   []HeldCount  // by route, those first that have waited longest
	// Unexamined is how many delivered items passed while a check was silent and wait to be
	// looked at again. They are among the delivered of Stands, too.
	Unexamined int
	Removals   map[State]int // proposals by their state
}

// StandCount is how many items for one purpose are in one state. Purpose is "" for records
// that contradict themselves.
type StandCount struct {
	State   State
	Purpose Purpose
	Items   int
}

// Stand is how they stand.
func (c StandCount) Stand() Stand {
	stand, ok := c.Purpose.Stand(c.State)
	if !ok {
		return contradiction(c.State, string(c.Purpose))
	}
	return stand
}

// HeldCount is how many items of a route are on hold, by how long ago they came.
type HeldCount struct {
	Route                string
	Channel              Channel
	Hour, Shift, Day, Up int // under an hour, under eight, under a day, longer
	Oldest               time.Time
}

// Total is how many items of the route are on hold.
func (h HeldCount) Total() int { return h.Hour + h.Shift + h.Day + h.Up }

// In is how many items are in a state, whatever they are for.
func (c Census) In(s State) (n int) {
	for _, line := range c.Stands {
		if line.State == s {
			n += line.Items
		}
	}
	return n
}

// Owing is how many items owe a debt. Records that contradict themselves are for a person to
// settle.
func (c Census) Owing(d Debt) (n int) {
	for _, line := range c.Stands {
		if line.Stand().Owes == d {
			n += line.Items
		}
	}
	if d == OweRescan {
		n += c.Unexamined
	}
	return n
}
