package ledger

import (
	"errors"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

// What entries say has to fit together, however well the tree is made.
func TestEntriesMakeSense(t *testing.T) {
	jane, of := cordon.Actor{Kind: cordon.Person, ID: "act_1"}, cordon.Ref{Tenant: "acme", Kind: cordon.KindItem, ID: "itm_1"}
	at := func(version int64, kind cordon.EntryKind, by cordon.Actor) cordon.Entry {
		facts := map[string]any{}
		if version > 0 {
			facts[cordon.FactVersion] = version
		}
		return cordon.NewEntry(kind, of, time.Unix(9, 0), by, facts)
	}
	self := cordon.Cordon
	for name, c := range map[string]struct {
		entries []cordon.Entry
		wrong   int // the entry that cannot have happened; -1: none
	}{
		"a life":            {[]cordon.Entry{at(1, cordon.EntryReceived, self), at(2, cordon.EntryInspected, self), at(3, cordon.EntryHeld, self), at(4, cordon.EntryReleased, jane), at(5, cordon.EntryForward, self), at(6, cordon.EntryDelivered, self)}, -1},
		"two of one change": {[]cordon.Entry{at(1, cordon.EntryReceived, self), at(2, cordon.EntryInspected, self), at(2, cordon.EntryViewed, jane)}, -1},
		"an earlier release": {[]cordon.Entry{at(0, cordon.EntryReceived, self), at(0, cordon.EntryHeld, self), at(0, cordon.EntryReleased, self),
			at(7, cordon.EntryForward, self)}, -1},
		"another thing": {[]cordon.Entry{at(4, cordon.EntryReceived, self), cordon.NewEntry(cordon.EntryReceived, cordon.Ref{Tenant: "acme", Kind: cordon.KindItem, ID: "itm_2"},
			time.Unix(9, 0), self, map[string]any{cordon.FactVersion: int64(1)})}, -1},
		"a hole":                 {[]cordon.Entry{at(1, cordon.EntryReceived, self), at(3, cordon.EntryHeld, self)}, 1},
		"backwards":              {[]cordon.Entry{at(2, cordon.EntryReceived, self), at(1, cordon.EntryHeld, self)}, 1},
		"without a version":      {[]cordon.Entry{at(1, cordon.EntryReceived, self), at(0, cordon.EntryHeld, self)}, 1},
		"released by a program":  {[]cordon.Entry{at(1, cordon.EntryHeld, self), at(2, cordon.EntryReleased, self)}, 1},
		"dismissed by a program": {[]cordon.Entry{at(1, cordon.EntryDismissed, cordon.Actor{Kind: cordon.Client, ID: "act_2"})}, 0},
		"never released":         {[]cordon.Entry{at(1, cordon.EntryHeld, self), at(2, cordon.EntryForward, self)}, 1},
		"delivered from a hold":  {[]cordon.Entry{at(1, cordon.EntryHeld, self), at(2, cordon.EntryDelivered, self)}, 1},
	} {
		s := newSense()
		for i, e := range c.entries {
			err := s.check(int64(i), e)
			var d *Difference
			if (i == c.wrong) != errors.As(err, &d) {
				t.Errorf("%s: entry %d: %v", name, i, err)
			}
			if err != nil {
				break
			}
		}
	}
}
