package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/tlog"
)

// Anchor knows checkpoints that are kept where the operator cannot take them back. Restoring
// an old database rolls a log back, and signing on from there would fork it: an anchor is
// how the Sequencer notices.
type Anchor interface {
	// Last returns the newest checkpoint that was anchored, or nil if none ever was.
	Last(ctx context.Context, tenant cordon.TenantID) (checkpoint []byte, err error)
}

// What Status.Anchored says besides "at 1234 entries".
const (
	anchoredNever   = "never"
	anchoredUnknown = "unknown"
)

// anchorRetry is how long an anchor that could not be reached, or did not match, is left alone.
const anchorRetry = 10 * time.Second

type anchorState struct {
	checked bool
	err     error
	again   time.Time // when to ask again after an error
}

// trust decides whether the log may be signed on from head: the head carries our own
// signature, the stored tiles make its root, it continues what this process has seen, and
// it continues what is anchored. On return the line's edge is that of head.
func (s *Sequencer) trust(ctx context.Context, l *line, head cordon.LedgerHead) error {
	if l.edge == nil || head.Size != l.trusted.Size || head.Root != l.trusted.Root || !bytes.Equal(head.Checkpoint, l.trusted.Checkpoint) {
		e, err := s.checkHead(ctx, l, head)
		if err != nil {
			return fmt.Errorf("ledger %s: %w", l.tenant, err)
		}
		l.edge, l.trusted = e, head
		l.statusMu.Lock()
		l.status.Size, l.status.At = head.Size, head.At
		l.statusMu.Unlock()
	}
	if s.cfg.Anchor == nil || l.anchor.checked {
		return nil
	}
	now := time.Now()
	if l.anchor.err != nil && now.Before(l.anchor.again) {
		return l.anchor.err
	}
	anchored, err := s.checkAnchor(ctx, l, head)
	if err != nil {
		err = fmt.Errorf("ledger %s: %w", l.tenant, err)
		l.anchor = anchorState{err: err, again: now.Add(anchorRetry)}
		return err
	}
	l.anchor = anchorState{checked: true}
	l.statusMu.Lock()
	l.status.Anchored = anchored
	l.statusMu.Unlock()
	return nil
}

// checkHead returns the edge of a head that was not seen before.
func (s *Sequencer) checkHead(ctx context.Context, l *line, head cordon.LedgerHead) (*edge, error) {
	if head.Size < l.trusted.Size {
		return nil, fmt.Errorf("%w: it has %d entries and had %d a moment ago", ErrDistrusted, head.Size, l.trusted.Size)
	}
	if head.Size == 0 {
		return &edge{}, nil
	}
	tree, err := OpenCheckpoint(head.Checkpoint, l.signer.Verifier())
	if errors.Is(err, ErrUntrustedKey) {
		return nil, fmt.Errorf("%w: its head was signed by another key than %s: put the log's own signing key back", ErrDistrusted, l.signer)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its head: %w", ErrDistrusted, err)
	}
	if tree.N != head.Size || tree.Hash != head.Root {
		return nil, fmt.Errorf("%w: its head says %d entries, the checkpoint %d", ErrDistrusted, head.Size, tree.N)
	}
	e, err := loadEdge(ctx, s.log, l.tenant, head.Size)
	if err != nil {
		return nil, err
	}
	if e.root() != tree.Hash {
		return nil, fmt.Errorf("%w: the tiles do not make the root signed at %d entries", ErrDistrusted, head.Size)
	}
	if l.trusted.Size > 0 {
		if err := s.continues(ctx, l, tree, tlog.Tree{N: l.trusted.Size, Hash: l.trusted.Root}); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// checkAnchor holds the log against the anchored checkpoint.
func (s *Sequencer) checkAnchor(ctx context.Context, l *line, head cordon.LedgerHead) (anchored string, err error) {
	msg, err := s.cfg.Anchor.Last(ctx, l.tenant)
	if err != nil {
		return "", fmt.Errorf("ask the anchor for the last checkpoint, to sign nothing that contradicts it: %w", err)
	}
	if len(msg) == 0 {
		return anchoredNever, nil
	}
	old, err := OpenCheckpoint(msg, l.signer.Verifier())
	if err != nil {
		return "", fmt.Errorf("%w: the anchored checkpoint: %w", ErrDistrusted, err)
	}
	if head.Size < old.N {
		return "", fmt.Errorf("%w: it has %d entries, and %d were anchored: an old copy of the store was put back", ErrDistrusted, head.Size, old.N)
	}
	if old.N > 0 {
		if err := s.continues(ctx, l, tlog.Tree{N: head.Size, Hash: head.Root}, old); err != nil {
			return "", fmt.Errorf("what was anchored: %w", err)
		}
	}
	return fmt.Sprintf("at %d entries", old.N), nil
}

// continues checks that the tree begins with the entries of an older one.
func (s *Sequencer) continues(ctx context.Context, l *line, tree, old tlog.Tree) error {
	root, err := tlog.TreeHash(old.N, treeReader(ctx, s.log, l.tenant, tree))
	if err != nil {
		return fmt.Errorf("read the tree at %d entries: %w", old.N, err)
	}
	if root != old.Hash {
		return fmt.Errorf("%w: its first %d entries are not those that were signed", ErrDistrusted, old.N)
	}
	return nil
}
