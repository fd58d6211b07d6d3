package cordon

import (
	"fmt"
	"slices"
)

// Settlement is what a person says of a write whose answer was lost: the way out of Unsettled.
type Settlement string

// Settlements.
const (
	IsThere   Settlement = "there"      // the CRM has it, as the record named
	SendAgain Settlement = "send-again" // the CRM does not have it, and is to get it
	GiveUp    Settlement = "give-up"    // nobody will know; Cordon lets go of it
)

// Settlements returns all of them.
func Settlements() []Settlement { return []Settlement{IsThere, SendAgain, GiveUp} }

// Proof says by what a record of the CRM was told to be an item.
type Proof string

// Proofs, the best first.
const (
	ByDigest Proof = "digest" // its bytes were read and are the item's
	BySize   Proof = "size"   // its bytes cannot be read, and are as many
	ByID     Proof = "id"     // it is there, and the CRM says no more of it
)

// Check reports whether a settlement can be taken: an id belongs to what is there, and to nothing else.
func (s Settlement) Check(upstreamID string) error {
	switch {
	case !slices.Contains(Settlements(), s):
		return fmt.Errorf("%w: what became of a write is %q, %q or %q, not %.40q", ErrInvalid, IsThere, SendAgain, GiveUp, s)
	case s == IsThere && upstreamID == "":
		return fmt.Errorf("%w: say as which record of the CRM it is there", ErrInvalid)
	case s != IsThere && upstreamID != "":
		return fmt.Errorf("%w: a record is named only with %q", ErrInvalid, IsThere)
	}
	return nil
}
