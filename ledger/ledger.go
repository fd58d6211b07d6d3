// Package ledger keeps the tamper-evident record of everything the gateway did.
//
// Each tenant has a Merkle log of its own. An entry inside a committed change is durable;
// the Sequencer gives it an index within a second and covers it with a signed checkpoint,
// and from then on it cannot be changed, moved or dropped unseen. Anyone who holds the
// verifier key can check a Receipt or an exported folder of tiles without trusting the
// gateway. CheckLedger rebuilds the tree from the stored bytes.
//
// The format follows C2SP tlog-tiles, tlog-checkpoint and signed-note, and is written down
// byte by byte in docs/ledger-format.md. Without an Anchor outside the operator's reach the
// operator could still rewrite all of it; Status says "anchored: never" then.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// Log is where the Sequencer puts entries in order. Safe for concurrent use.
type Log interface {
	// Pending returns at most limit committed entries without an index, in an order that
	// keeps each item's order.
	Pending(ctx context.Context, tenant cordon.TenantID, limit int) ([]cordon.PendingEntry, error)
	// Lead takes or renews the leadership for one tenant until ttl from now, and returns a
	// fence that grows each time the leader changes. ok is false while another holder's
	// time has not run out. A ttl of zero gives the leadership up.
	Lead(ctx context.Context, tenant cordon.TenantID, holder string, ttl time.Duration) (fence int64, ok bool, err error)
	// Head returns the zero head for a tenant without entries.
	Head(ctx context.Context, tenant cordon.TenantID) (cordon.LedgerHead, error)
	// AppendLedger does all of a or nothing, and nothing with cordon.ErrConflict when the
	// fence is not the latest or the log's size is not a.From.
	AppendLedger(ctx context.Context, tenant cordon.TenantID, fence int64, a cordon.LedgerAppend) error
	// Tile returns the tile as it stands, 1 to 256 hashes of 32 bytes; cordon.ErrNotFound.
	Tile(ctx context.Context, tenant cordon.TenantID, level int, n int64) ([]byte, error)
}

// Reader is what proving, exporting and checking need of the log.
type Reader interface {
	// Head and Tile are as in Log.
	Head(ctx context.Context, tenant cordon.TenantID) (cordon.LedgerHead, error)
	Tile(ctx context.Context, tenant cordon.TenantID, level int, n int64) ([]byte, error)
	// LeafEntries returns the canonical bytes of the entries from, from+1, … before to.
	// It returns fewer when the log ends earlier.
	LeafEntries(ctx context.Context, tenant cordon.TenantID, from, to int64) ([][]byte, error)
	// EntryIndex returns -1 for an entry that is committed and not sequenced yet, and
	// cordon.ErrNotFound for one that is not there.
	EntryIndex(ctx context.Context, tenant cordon.TenantID, entry cordon.ID) (int64, error)
	// Checkpoints returns at most limit signed heads of more than after entries, smallest
	// first. Their Root need not be filled in: the signed note is what counts.
	Checkpoints(ctx context.Context, tenant cordon.TenantID, after int64, limit int) ([]cordon.LedgerHead, error)
}

var (
	// ErrPending: an entry is not yet covered by a checkpoint. It will be within a second.
	ErrPending = errors.New("not yet covered by a checkpoint")
	// ErrDistrusted: the record is not what was signed before, so nothing more is signed.
	// docs/ledger-format.md, "When Cordon refuses to sign", says what to do.
	ErrDistrusted = errors.New("the ledger does not match what was signed before")
	// ErrUntrustedKey: a checkpoint carries no signature by the key that was given.
	ErrUntrustedKey = errors.New("not signed by the given key")
)

// Difference says where a log first differs from what it should be.
type Difference struct {
	Index int64 // of the first entry concerned; for a checkpoint, its size
	What  string
}

func (d *Difference) Error() string {
	return fmt.Sprintf("ledger differs at entry %d: %s", d.Index, d.What)
}

// Is makes a Difference a kind of ErrDistrusted.
func (d *Difference) Is(target error) bool { return target == ErrDistrusted }

func differs(index int64, format string, args ...any) error {
	return &Difference{Index: index, What: fmt.Sprintf(format, args...)}
}
