package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Report is what a whole check of a log saw.
type Report struct {
	Tenant      cordon.TenantID            `json:"tenant"`
	Entries     int64                      `json:"entries"`
	Kinds       map[cordon.EntryKind]int64 `json:"kinds"` // entries of each kind
	Tiles       int64                      `json:"tiles"` // compared hash by hash
	Checkpoints int64                      `json:"checkpoints"`
	Root        tlog.Hash                  `json:"root"`
	First       time.Time                  `json:"first"` // time of the first entry
	Last        time.Time                  `json:"last"`  // time of the last entry
}

// CheckLedger rebuilds a tenant's tree from the stored bytes of its entries and compares
// everything else with it: each entry is canonical, belongs to the tenant and has one place;
// each tile holds the hashes of the tree; each checkpoint is signed by the verifier's key and
// commits to the root at its size; and what entries say of one thing can have happened: no version
// is missing, persons decide, nothing is handed on from a hold that nobody released. It reads the
// log as of its head when called, in pages; memory grows by some bytes for each thing. The error is a *Difference naming the first entry concerned, or what
// kept the check from going on; the report then says how far it came.
func CheckLedger(ctx context.Context, log Reader, tenant cordon.TenantID, verifier note.Verifier) (Report, error) {
	r := Report{Tenant: tenant, Kinds: map[cordon.EntryKind]int64{}}
	head, err := log.Head(ctx, tenant)
	if err != nil {
		return r, fmt.Errorf("read the head of ledger %s: %w", tenant, err)
	}
	cps := &checkpoints{log: log, tenant: tenant, verifier: verifier, size: head.Size}
	e, err := rebuild(ctx, log, head.Size, &r, func(index int64, entry cordon.Entry, e *edge) error {
		at, err := log.EntryIndex(ctx, tenant, entry.ID)
		if err != nil {
			return fmt.Errorf("find entry %s of %s: %w", entry.ID, tenant, err)
		}
		if at != index {
			return differs(index, "entry %s is looked up at %d: it stands twice or was moved", entry.ID, at)
		}
		return cps.compare(ctx, e, &r)
	})
	if err != nil {
		return r, err
	}
	r.Root = e.root()
	if r.Root != tlog.Hash(head.Root) && head.Size > 0 {
		return r, differs(cps.good, "the head has another root than its %d entries", head.Size)
	}
	if cps.good != head.Size {
		return r, differs(cps.good, "no checkpoint covers the entries from here to the head at %d", head.Size)
	}
	if head.Size > 0 {
		if tree, err := OpenCheckpoint(head.Checkpoint, verifier); err != nil || tree.N != head.Size || tree.Hash != r.Root {
			return r, differs(head.Size, "the head's checkpoint does not fit it (%v)", err)
		}
	}
	return r, beyondHead(ctx, log, tenant, head)
}

// beyondHead finds entries behind the last checkpoint, which would mean that the head was set back.
func beyondHead(ctx context.Context, log Reader, tenant cordon.TenantID, head cordon.LedgerHead) error {
	more, err := log.LeafEntries(ctx, tenant, head.Size, head.Size+1)
	if err != nil {
		return fmt.Errorf("read behind the head of %s: %w", tenant, err)
	}
	if len(more) == 0 {
		return nil
	}
	now, err := log.Head(ctx, tenant)
	if err != nil {
		return fmt.Errorf("read the head of ledger %s: %w", tenant, err)
	}
	if now.Size > head.Size {
		return nil // it grew while we looked
	}
	return differs(head.Size, "the log has entries behind its head")
}

// leafSource is a log's entries and tiles.
type leafSource interface {
	tileSource
	LeafEntries(ctx context.Context, tenant cordon.TenantID, from, to int64) ([][]byte, error)
}

// rebuild makes the tree from entries and compares it with the tiles on the way. each is
// called after every entry, with the tree up to it.
func rebuild(ctx context.Context, from leafSource, size int64, r *Report, each func(index int64, entry cordon.Entry, e *edge) error) (*edge, error) {
	e, sense := &edge{}, newSense()
	same := func(level int, n int64, hashes []tlog.Hash) error {
		stored, err := readTile(ctx, from, r.Tenant, level, n, len(hashes))
		if err != nil {
			return err
		}
		r.Tiles++
		for i, h := range hashesOf(stored) {
			if h != hashes[i] {
				return differs((n<<tileHeight+int64(i))<<(tileHeight*level), "hash %d of tile %d/%d is not that of its entries", i, level, n)
			}
		}
		return nil
	}
	for e.size < size {
		to := min(e.size+tileWidth, size)
		page, err := from.LeafEntries(ctx, r.Tenant, e.size, to)
		if err != nil {
			return e, fmt.Errorf("read entries %d to %d of %s: %w", e.size, to-1, r.Tenant, err)
		}
		// Leaf hashes are compared one by one, so that a changed entry is named itself and
		// not only the checkpoint after it.
		stored, err := readTile(ctx, from, r.Tenant, 0, e.size/tileWidth, int(to-e.size))
		if err != nil {
			return e, err
		}
		leaves := hashesOf(stored)
		for i := range leaves {
			index := e.size
			if i >= len(page) {
				return e, differs(index, "the entry's bytes are missing")
			}
			leaf := tlog.RecordHash(page[i])
			if leaf != leaves[i] {
				return e, differs(index, "the entry's bytes do not match its leaf hash")
			}
			entry, err := cordon.ParseEntry(page[i])
			if err != nil {
				return e, differs(index, "%v", err)
			}
			if entry.Of.Tenant != r.Tenant {
				return e, differs(index, "the entry belongs to tenant %q", entry.Of.Tenant)
			}
			if err := e.add(leaf, same); err != nil {
				return e, err
			}
			if err := sense.check(index, entry); err != nil {
				return e, err
			}
			r.count(entry)
			if err := each(index, entry, e); err != nil {
				return e, err
			}
		}
	}
	return e, e.partial(same)
}

func (r *Report) count(e cordon.Entry) {
	if r.Entries == 0 {
		r.First = e.At
	}
	r.Last = e.At
	r.Entries++
	r.Kinds[e.Kind]++
}

// checkpoints compares stored checkpoints with a growing tree.
type checkpoints struct {
	log      Reader
	tenant   cordon.TenantID
	verifier note.Verifier
	size     int64 // where to stop

	page []cordon.LedgerHead
	read int64 // size of the last checkpoint read
	end  bool
	good int64 // size of the last checkpoint that was right
}

const checkpointPage = 512

// compare checks every checkpoint of the tree's present size.
func (c *checkpoints) compare(ctx context.Context, e *edge, r *Report) error {
	for {
		if len(c.page) == 0 && !c.end {
			page, err := c.log.Checkpoints(ctx, c.tenant, c.read, checkpointPage)
			if err != nil {
				return fmt.Errorf("read checkpoints of %s after %d: %w", c.tenant, c.read, err)
			}
			c.page, c.end = page, len(page) == 0
		}
		if len(c.page) == 0 || c.page[0].Size > e.size || c.page[0].Size > c.size {
			return nil
		}
		cp := c.page[0]
		c.page = c.page[1:]
		if cp.Size <= c.read || cp.Size != e.size {
			return differs(cp.Size, "a checkpoint of %d entries is out of order", cp.Size)
		}
		c.read = cp.Size
		tree, err := OpenCheckpoint(cp.Checkpoint, c.verifier)
		if err != nil {
			return differs(cp.Size, "checkpoint of %d entries: %v", cp.Size, err)
		}
		root := e.root()
		if tree.N != cp.Size {
			return differs(cp.Size, "the checkpoint filed under %d entries is of %d", cp.Size, tree.N)
		}
		if tree.Hash != root {
			return differs(c.good, "the checkpoint of %d entries commits to another root: the entries since %d were changed", cp.Size, c.good)
		}
		c.good = cp.Size
		r.Checkpoints++
	}
}
