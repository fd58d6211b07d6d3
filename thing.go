package cordon

import (
	"slices"
	"time"
)

// Thing is something under control other than an item.
type Thing struct {
	Ref
	State   State
	Version int64  // grows by one with every change
	Value   []byte // as the last change left it, nil if none ever said

	Subject ID        // whom or what it is about, an item or an actor; "" for nobody
	DueAt   time.Time // until when somebody has to see to it; zero: never

	ChangedAt time.Time
}

// MaxValue is the largest value of a thing in bytes.
const MaxValue = 64 << 10

// AnyVersion is the Change.Version of a thing of which only the last word counts, such as how far
// a list has been read.
const AnyVersion int64 = -1

// thingMoves lists every permitted step of things, by kind. Settings are many small records with
// states of their own, which only whoever keeps them knows.
var thingMoves = map[Kind]map[State][]State{
	KindSetting: nil,
	KindRemoval: {"": {"proposed"}, "proposed": {"accepted", "dismissed"}, "dismissed": {"proposed"}},
	KindSession: {"": {"ended"}},
	KindAlert:   {"": {"accepted"}, "accepted": {"answered"}},
	KindBackfill: {"": {"running"}, "running": {"paused", "stopped", "done"},
		"paused": {"running", "stopped"}},
}

// MayMove reports whether a thing of the kind may go from one state to another. It may always stay
// where it is; a kind that nobody has listed may do nothing.
func (k Kind) MayMove(from, to State) bool {
	moves, listed := thingMoves[k]
	return listed && to != "" && (k == KindSetting || slices.Contains(moves[from], to) || from == to)
}
