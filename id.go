package cordon

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// ID names one thing under control, for example "itm_01kq…". It is a prefix, an
// underscore and 26 letters that sort by creation time. It is random beyond the
// millisecond and says nothing of the content or of a person.
type ID string

// Prefixes of identifiers, one a kind of thing.
const (
	PrefixItem    = "itm" // an item; the same text is the number of its receipt
	PrefixEntry   = "ent" // an entry of the ledger
	PrefixEffect  = "eff" // an effect
	PrefixActor   = "act" // a pseudonym of a person or a client
	PrefixKey     = "key" // a wrapping key
	PrefixBlob    = "blb" // bytes at rest
	PrefixAlert   = "alr" // what somebody else reported
	PrefixRemoval = "rem" // a removal; the letters of a proposal are those of its item
	PrefixKnown   = "knw" // an entry of the lists of known files
)

// crockford is Douglas Crockford's base 32 in lower case: no i, l, o, u, so that a
// receipt can be read over the telephone. https://www.crockford.com/base32.html
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID returns a fresh identifier: 48 bits of milliseconds, then 80 random bits.
func NewID(prefix string) ID {
	var b [16]byte
	rand.Read(b[:]) // never fails: the runtime ends the program instead
	ms := uint64(time.Now().UnixMilli())
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], ms<<16)
	copy(b[:6], t[:6])

	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var out [26]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return ID(prefix + "_" + string(out[:]))
}

// ParseID checks that s is an identifier with the prefix. People type receipt
// numbers, so capitals and surrounding space are forgiven.
func ParseID(prefix, s string) (ID, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	rest, ok := strings.CutPrefix(s, prefix+"_")
	if !ok || len(rest) != 26 || strings.Trim(rest, crockford) != "" {
		return "", fmt.Errorf("%w: %.60q is not an identifier of the form %s_ and 26 letters", ErrInvalid, s, prefix)
	}
	return ID(s), nil
}

// TenantID names one organisation under protection, as its configuration spells it.
type TenantID string

// Kind says what sort of thing a Ref names.
type Kind string

// Kinds of things that change only through Commit.
const (
	KindItem     Kind = "item"
	KindSetting  Kind = "setting"
	KindBackfill Kind = "backfill" // what people have said of a backfill
	KindAlert    Kind = "alert"    // what a person or another tool reported
	KindSession  Kind = "session"  // somebody who was signed in; on record once that is over
	KindRemoval  Kind = "removal"  // taking something out that the CRM has
)

// Ref names one thing of one tenant.
type Ref struct {
	Tenant TenantID `json:"tenant"`
	Kind   Kind     `json:"kind"`
	ID     ID       `json:"id"`
}

func (r Ref) String() string { return string(r.Tenant) + "/" + string(r.Kind) + "/" + string(r.ID) }
