package desk

import (
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// KnownQuery asks for entries of the lists of known files. Empty fields do not restrict.
type KnownQuery struct {
	List  cordon.KnownList
	Kind  cordon.KnownKind
	After cordon.ID // the last entry of the page before; "" for the first page
	Limit int       // at most this many; the doors always set it
}

// Check refuses lists and kinds that there are none of.
func (q KnownQuery) Check() error {
	switch {
	case q.List != "" && !q.List.Valid():
		return fmt.Errorf("%w: there is no list %.20q; there are blocked, watched, lawful and ordinary", cordon.ErrInvalid, q.List)
	case q.Kind != "" && !q.Kind.Valid():
		return fmt.Errorf("%w: there is no kind %.20q; there are sha256, pdq and chromaprint", cordon.ErrInvalid, q.Kind)
	}
	return nil
}

// KnownMatch is an entry that names a file, or one that looks or sounds like it.
type KnownMatch struct {
	cordon.KnownFile
	Exact    bool
	Distance int           // of pictures: bits of 256
	Likeness float64       // of recordings: share of bits that agree, 0 to 1
	Overlap  time.Duration // of recordings: how much of them agrees
}

// KnownFrom returns entries of the values of an item, with everything else as said: of the kind
// that is said, or of each kind that the list takes.
func KnownFrom(values []cordon.KnownFile, said cordon.KnownFile, item cordon.ID) ([]cordon.KnownFile, error) {
	var out []cordon.KnownFile
	for _, v := range values {
		k := said
		k.Kind, k.Value, k.Item = v.Kind, v.Value, item
		if said.Kind == v.Kind || said.Kind == "" && (v.Kind == cordon.KnownSHA256 || said.List != cordon.KnownLawful) {
			out = append(out, k)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: nothing is left by which the item could be recognised; its key may be gone. Give the digest of the file instead", cordon.ErrInvalid)
	}
	return out, nil
}
