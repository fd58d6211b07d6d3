package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrBehind: a log has fewer entries than were published of it. The records are older than the folder.
var ErrBehind = errors.New("the ledger is shorter than what was published of it")

// CheckPublished holds a log against the folder it was published to: the log's head and the
// folder's checkpoint are signed with the key, and what was published is how the log begins. A log
// that ends earlier is ErrBehind, anything else that does not fit ErrDistrusted. It returns how many
// entries were published, 0 where there is no folder.
func CheckPublished(ctx context.Context, log Reader, tenant cordon.TenantID, dir string, verifier note.Verifier) (published int64, err error) {
	// The folder first: it never grows beyond a log that is read later.
	msg, err := os.ReadFile(filepath.Join(dir, checkpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("read what was published of ledger %s: %w", tenant, err)
	}
	head, err := log.Head(ctx, tenant)
	if err != nil && !errors.Is(err, cordon.ErrNotFound) {
		return 0, fmt.Errorf("read the head of ledger %s: %w", tenant, err)
	}
	tree := tlog.Tree{N: head.Size, Hash: head.Root}
	if head.Size > 0 {
		if signed, err := OpenCheckpoint(head.Checkpoint, verifier); err != nil || signed != tree {
			return 0, fmt.Errorf("%w: the head of the records at %d entries is not signed with the key %s", ErrDistrusted, head.Size, verifier.Name())
		}
	}
	if len(msg) == 0 {
		return 0, nil
	}
	old, err := OpenCheckpoint(msg, verifier)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: the checkpoint in %q: %w", ErrDistrusted, dir, err)
	case old.N > tree.N:
		return old.N, fmt.Errorf("%w: it has %d entries, and %d were published in %q", ErrBehind, tree.N, old.N, dir)
	case old.N == 0:
		return 0, nil
	}
	root, err := tlog.TreeHash(old.N, treeReader(ctx, log, tenant, tree))
	if err != nil {
		return old.N, fmt.Errorf("read ledger %s at %d entries: %w", tenant, old.N, err)
	}
	if root != old.Hash {
		return old.N, fmt.Errorf("%w: its first %d entries are not those that were published in %q", ErrDistrusted, old.N, dir)
	}
	return old.N, nil
}
