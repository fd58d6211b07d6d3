package ledger

import (
	"hash/maphash"

	"github.com/cordonhq/cordon"
)

// sense checks that what entries say of one thing can have happened: whoever has the database and
// not its keys may leave an entry out before it has its place, and a program may err. Entries of
// releases that named no versions are taken as they are.
type sense struct {
	seed maphash.Seed
	of   map[uint64]told // by a hash of tenant, kind and id: there are as many as things
}

// told is what the entries so far have said of a thing.
type told struct {
	version        int64 // that the last entry made; 0: none has named one
	held, released bool
}

func newSense() *sense { return &sense{maphash.MakeSeed(), map[uint64]told{}} }

// check returns what is wrong with the next entry, or nil.
func (s *sense) check(index int64, e cordon.Entry) error {
	of := maphash.String(s.seed, e.Of.String())
	t := s.of[of]
	version, named := e.Facts[cordon.FactVersion].(int64)
	switch {
	case named && t.version > 0 && version != t.version && version != t.version+1:
		return differs(index, "entry %s makes version %d of %s, after version %d: an entry between them is missing", e.ID, version, e.Of, t.version)
	case named && version < 1, !named && t.version > 0:
		return differs(index, "entry %s does not say which version of %s it makes, and earlier ones do", e.ID, e.Of)
	}
	if named {
		t.version = version
	}
	switch e.Kind {
	case cordon.EntryReleased, cordon.EntryRejected, cordon.EntryAccepted, cordon.EntryDismissed:
		if named && e.Actor.Kind != cordon.Person {
			return differs(index, "entry %s decides about %s, and %s is no person", e.ID, e.Of, e.Actor)
		}
		t.released = t.released || e.Kind == cordon.EntryReleased
	case cordon.EntryHeld:
		t.held = true
	case cordon.EntryForward, cordon.EntryDelivered:
		if named && t.held && !t.released {
			return differs(index, "entry %s hands %s on, which was on hold and which nobody released", e.ID, e.Of)
		}
	}
	s.of[of] = t
	return nil
}
