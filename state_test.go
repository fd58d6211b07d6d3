package cordon

import (
	"slices"
	"testing"
)

func TestMovesNameKnownStates(t *testing.T) {
	all := States()
	for from, tos := range moves {
		if from != "" && !slices.Contains(all, from) {
			t.Errorf("moves from %q, which States does not list", from)
		}
		for _, to := range tos {
			if !slices.Contains(all, to) {
				t.Errorf("%s may become %q, which States does not list", from, to)
			}
			if from == to {
				t.Errorf("%s → %s is listed; staying is always permitted", from, to)
			}
		}
	}
}

func TestEveryStateCanBeReached(t *testing.T) {
	reached := map[State]bool{}
	var visit func(State)
	visit = func(s State) {
		for _, to := range moves[s] {
			if !reached[to] {
				reached[to] = true
				visit(to)
			}
		}
	}
	visit("")
	for _, s := range States() {
		if !reached[s] {
			t.Errorf("no way leads to %s", s)
		}
		if !s.CanBecome(s) {
			t.Errorf("%s cannot stay as it is", s)
		}
		if s.CanBecome("") {
			t.Errorf("%s can cease to exist", s)
		}
	}
	if State("").CanBecome("") {
		t.Error("nothing became nothing")
	}
}

// What a person decided must not be undone by a shortcut, and nothing passes undecided.
func TestMovesThatMustNotBe(t *testing.T) {
	for _, m := range [][2]State{
		{Held, Forwarding}, {Held, Delivered}, {Received, Delivered}, {Received, Held}, {Inspected, Delivered},
		{Rejected, Released}, {Rejected, Forwarding}, {Erased, Restored}, {Erased, Received}, {"", Delivered},
		{Isolated, Delivered}, {Unsettled, Forwarding}, {Delivered, Removed},
	} {
		if m[0].CanBecome(m[1]) {
			t.Errorf("%q may become %q", m[0], m[1])
		}
	}
	for _, m := range [][2]State{
		{"", Received}, {"", Observed}, {Received, Inspected}, {Inspected, Held}, {Held, Released}, {Released, Forwarding},
		{Forwarding, Delivered}, {Removed, Restored}, {Delivered, Isolated}, {Kept, Erased},
	} {
		if !m[0].CanBecome(m[1]) {
			t.Errorf("%q may not become %q", m[0], m[1])
		}
	}
	if len(moves[Erased]) != 0 {
		t.Errorf("an erased item may become %v", moves[Erased])
	}
}

func TestWaits(t *testing.T) {
	for _, s := range States() {
		if want := s == Held || s == Unsettled; s.Waits() != want {
			t.Errorf("%s waits: %v", s, s.Waits())
		}
	}
}
