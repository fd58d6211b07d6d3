package ledger

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that an entry is in the log that a checkpoint commits to.
type Proof struct {
	Index      int64
	Entry      []byte      // canonical JSON
	Hashes     []tlog.Hash // RFC 6962 audit path, from the leaf upwards
	Checkpoint []byte      // signed note
}

// Prove returns the proof of one entry under the latest checkpoint. It returns ErrPending
// for an entry that is not sequenced yet and cordon.ErrNotFound for one that is not there.
// The proof has been checked against the stored bytes and tiles.
func Prove(ctx context.Context, log Reader, tenant cordon.TenantID, entry cordon.ID) (Proof, error) {
	proofs, err := prove(ctx, log, tenant, []cordon.ID{entry})
	if err != nil {
		return Proof{}, err
	}
	return proofs[0], nil
}

// prove proves several entries under one checkpoint.
func prove(ctx context.Context, log Reader, tenant cordon.TenantID, entries []cordon.ID) ([]Proof, error) {
	out := make([]Proof, len(entries))
	for i, id := range entries {
		index, err := log.EntryIndex(ctx, tenant, id)
		if err != nil {
			return nil, fmt.Errorf("find entry %s of %s: %w", id, tenant, err)
		}
		if index < 0 {
			return nil, fmt.Errorf("entry %s of %s: %w", id, tenant, ErrPending)
		}
		out[i].Index = index
	}
	// The head comes after the indexes: a head is stored with its entries, so it covers them.
	head, err := log.Head(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("read the head of ledger %s: %w", tenant, err)
	}
	tree := tlog.Tree{N: head.Size, Hash: head.Root}
	reader := treeReader(ctx, log, tenant, tree)
	for i := range out {
		p := &out[i]
		if p.Index >= head.Size {
			return nil, differs(p.Index, "entry %s has an index beyond the head's %d entries", entries[i], head.Size)
		}
		leaf, err := log.LeafEntries(ctx, tenant, p.Index, p.Index+1)
		if err != nil {
			return nil, fmt.Errorf("read entry %d of %s: %w", p.Index, tenant, err)
		}
		if len(leaf) != 1 {
			return nil, differs(p.Index, "the entry's bytes are missing")
		}
		hashes, err := tlog.ProveRecord(tree.N, p.Index, reader)
		if err != nil {
			return nil, fmt.Errorf("prove entry %d of %s: %w", p.Index, tenant, err)
		}
		if tlog.CheckRecord(hashes, tree.N, tree.Hash, p.Index, tlog.RecordHash(leaf[0])) != nil {
			return nil, differs(p.Index, "the stored entry is not the one that was signed")
		}
		p.Entry, p.Hashes, p.Checkpoint = leaf[0], hashes, head.Checkpoint
	}
	return out, nil
}

// Consistency proves that the log of newer entries begins with the log of older entries,
// as RFC 6962 section 2.1.2 defines it: 0 ≤ older ≤ newer ≤ the log's size. The proof is
// empty when older is 0 or equals newer.
func Consistency(ctx context.Context, log Reader, tenant cordon.TenantID, older, newer int64) ([]tlog.Hash, error) {
	head, err := log.Head(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("read the head of ledger %s: %w", tenant, err)
	}
	if older < 0 || older > newer || newer > head.Size {
		return nil, fmt.Errorf("%w: consistency of %d with %d entries in a ledger of %d", cordon.ErrInvalid, older, newer, head.Size)
	}
	if older == 0 || older == newer {
		return []tlog.Hash{}, nil
	}
	proof, err := tlog.ProveTree(newer, older, treeReader(ctx, log, tenant, tlog.Tree{N: head.Size, Hash: head.Root}))
	if err != nil {
		return nil, fmt.Errorf("prove that %d entries of %s continue %d: %w", newer, tenant, older, err)
	}
	return proof, nil
}

// treeReader reads hashes of the tree from its tiles, each checked against the root.
func treeReader(ctx context.Context, from tileSource, tenant cordon.TenantID, tree tlog.Tree) tlog.HashReader {
	return tlog.TileHashReader(tree, tileReader{ctx, from, tenant})
}

// tileReader is one use of a tileSource, which is why it may hold a context.
type tileReader struct {
	ctx    context.Context
	from   tileSource
	tenant cordon.TenantID
}

func (r tileReader) Height() int { return tileHeight }

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		data, err := readTile(r.ctx, r.from, r.tenant, t.L, t.N, t.W)
		if err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}

// SaveTiles does nothing: the tiles came from where they are kept.
func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
