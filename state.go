package cordon

import "slices"

// State is where an item stands. The zero value means that it does not exist yet.
type State string

// States of an item. See docs/architecture.md for the picture. What a state means for an item,
// and what is owed, depends on what the item is for: see Stand.
const (
	Received        State = "received"         // bytes and record are safe, nothing decided
	Inspected       State = "inspected"        // findings and verdict are on record
	Held            State = "held"             // kept back until a person decides
	Released        State = "released"         // a person let it go; a write is owed its delivery
	Rejected        State = "rejected"         // a person kept it out
	Forwarding      State = "forwarding"       // the intent to write it upstream is committed
	Delivered       State = "delivered"        // the CRM has it and said so
	RefusedUpstream State = "refused-upstream" // the CRM said no; nothing of it is there
	Unsettled       State = "unsettled"        // nobody knows whether the CRM has it; a person looks
	Observed        State = "observed"         // the CRM had it before Cordon saw it
	Kept            State = "kept"             // seen in the CRM, or only asked about; it stays where it is
	Isolated        State = "isolated"
	Restored        State = "restored"
	Removed         State = "removed"
	Erased          State = "erased"
)

// moves lists every permitted step. forwarding → released and forwarding → held are
// taken only when it is certain that the CRM has nothing of the item, and so is released →
// refused-upstream, for what nobody decides on. received → erased and
// inspected → erased are for content whose sender got no receipt and was told, by an error
// or a cut connection, to send it again.
var moves = map[State][]State{
	"":              {Received, Observed},
	Received:        {Inspected, Forwarding, Erased},
	Inspected:       {Forwarding, Held, Kept, Isolated, Erased},
	Held:            {Released, Rejected, Erased},
	Released:        {Forwarding, Held, Kept, RefusedUpstream, Erased},
	Rejected:        {Erased},
	Forwarding:      {Delivered, RefusedUpstream, Unsettled, Released, Held},
	Unsettled:       {Delivered, RefusedUpstream, Released, Erased},
	RefusedUpstream: {Erased},
	Observed:        {Inspected},
	Delivered:       {Isolated, Erased},
	Kept:            {Isolated, Erased},
	Isolated:        {Restored, Removed, Erased},
	Restored:        {Isolated, Erased},
	Removed:         {Restored, Erased},
}

// CanBecome reports whether an item in state s may move to state to. A thing may
// always stay where it is: an entry about it is then written without a move.
func (s State) CanBecome(to State) bool {
	return s == to && s != "" || slices.Contains(moves[s], to)
}

// Waits reports whether the state asks something of a person.
func (s State) Waits() bool { return s == Held || s == Unsettled }

// States returns every state, in the order an item may meet them.
func States() []State {
	return []State{Received, Inspected, Held, Released, Rejected, Forwarding, Delivered,
		RefusedUpstream, Unsettled, Observed, Kept, Isolated, Restored, Removed, Erased}
}
