package cordon

// Review is a person's decision about an item.
type Review string

// Decisions. Genuine and LawfulSynthetic let an item go, Harmful keeps it out; the others
// leave it held.
const (
	Genuine         Review = "genuine"
	LawfulSynthetic Review = "lawful-synthetic"
	Harmful         Review = "harmful"
	CannotSay       Review = "cannot-tell"
	WrongLane       Review = "wrong-lane"
	SpecialLane     Review = "special-lane"
)

// Releases reports whether the decision lets the item go.
func (r Review) Releases() bool { return r == Genuine || r == LawfulSynthetic }

// Rejects reports whether the decision keeps the item out.
func (r Review) Rejects() bool { return r == Harmful }
