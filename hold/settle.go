package hold

import (
	"fmt"

	"github.com/cordonhq/cordon"
)

// MaySettle refuses what no role may do: to settle what is settled, or as anything but a person.
func MaySettle(it cordon.Item, by cordon.Actor) error {
	if by.Kind != cordon.Person {
		return fmt.Errorf("%w: only a person says what became of a write", cordon.ErrForbidden)
	}
	if it.State != cordon.Unsettled {
		return fmt.Errorf("%w: item %s is %s, not unsettled", cordon.ErrNotNow, it.ID, it.State)
	}
	return nil
}
