package storetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/accident"
	"github.com/cordonhq/cordon/store"
)

// place returns the append that a sequencer would make of the entries. The tiles and the
// checkpoint are stand-ins: the store does not look into them.
func place(from int64, pending []cordon.PendingEntry) cordon.LedgerAppend {
	a := cordon.LedgerAppend{From: from, Head: cordon.LedgerHead{Size: from + int64(len(pending)), At: time.Now().UTC()}}
	for _, p := range pending {
		a.Entries = append(a.Entries, p.ID)
	}
	a.Head.Root = sha256.Sum256(fmt.Append(nil, a.Head.Size))
	a.Head.Checkpoint = fmt.Appendf(nil, "test\n%d\n", a.Head.Size)
	a.Tiles = []cordon.LedgerTile{{Level: 0, N: from / 256, Data: a.Head.Root[:]}}
	return a
}

func lead(t *testing.T, db *store.DB, tenant cordon.TenantID, holder string) int64 {
	t.Helper()
	fence, ok, err := db.Lead(t.Context(), tenant, holder, time.Minute)
	if err != nil || !ok {
		t.Fatalf("lead: %v, %v", ok, err)
	}
	return fence
}

func testLedgerAppend(t *testing.T, db *store.DB) {
	ctx := t.Context()
	head := must(db.Head(ctx, acme))(t)
	if head.Size != 0 || head.Root != [32]byte{} || head.Checkpoint != nil {
		t.Fatalf("head of an empty log is %+v", head)
	}
	wantEqual(t, "tenants", len(must(db.Tenants(ctx))(t)), 0)
	it := receive(t, db, acme)
	commit(t, db, Move(it.Ref, cordon.Received, cordon.Inspected))
	receive(t, db, other)
	if d := cmp.Diff([]cordon.TenantID{acme, other}, must(db.Tenants(ctx))(t)); d != "" {
		t.Fatalf("tenants (-want +got):\n%s", d)
	}
	pending := must(db.Pending(ctx, acme, 100))(t)
	history := must(db.History(ctx, acme, it.ID))(t)
	wantEqual(t, "pending", len(pending), 2)
	for i, p := range pending {
		if p.ID != history[i].Entry.ID || p.Of != it.Ref || !bytes.Equal(p.Body, history[i].Body) {
			t.Fatalf("pending %d is %+v", i, p)
		}
	}
	wantEqual(t, "limited", len(must(db.Pending(ctx, acme, 1))(t)), 1)
	wantEqual(t, "index", must(db.EntryIndex(ctx, acme, pending[1].ID))(t), -1)

	a := place(0, pending)
	fence := lead(t, db, acme, "one")
	wantErr(t, db.AppendLedger(ctx, acme, fence, a), nil)
	if d := cmp.Diff(a.Head, must(db.Head(ctx, acme))(t)); d != "" {
		t.Fatalf("head (-want +got):\n%s", d)
	}
	wantEqual(t, "pending", len(must(db.Pending(ctx, acme, 100))(t)), 0)
	wantEqual(t, "pending elsewhere", len(must(db.Pending(ctx, other, 100))(t)), 1)
	wantEqual(t, "index", must(db.EntryIndex(ctx, acme, pending[1].ID))(t), 1)
	wantEqual(t, "index in the history", must(db.History(ctx, acme, it.ID))(t)[1].Index, 1)
	if got := must(db.Tile(ctx, acme, 0, 0))(t); !bytes.Equal(got, a.Tiles[0].Data) {
		t.Fatalf("tile is %x", got)
	}

	// A partial tile grows.
	commit(t, db, Move(it.Ref, cordon.Inspected, cordon.Held))
	b := place(2, must(db.Pending(ctx, acme, 100))(t))
	wantErr(t, db.AppendLedger(ctx, acme, fence, b), nil)
	if got := must(db.Tile(ctx, acme, 0, 0))(t); !bytes.Equal(got, b.Tiles[0].Data) {
		t.Fatalf("tile is %x", got)
	}
	var sizes []int64
	for _, c := range must(db.Checkpoints(ctx, acme, 0, 10))(t) {
		if c.At.IsZero() || !bytes.Equal(c.Checkpoint, fmt.Appendf(nil, "test\n%d\n", c.Size)) {
			t.Fatalf("checkpoint is %+v", c)
		}
		sizes = append(sizes, c.Size)
	}
	if d := cmp.Diff([]int64{2, 3}, sizes); d != "" {
		t.Fatalf("sizes of checkpoints (-want +got):\n%s", d)
	}
	wantEqual(t, "checkpoints after 2", len(must(db.Checkpoints(ctx, acme, 2, 10))(t)), 1)
	wantEqual(t, "checkpoints, limited", must(db.Checkpoints(ctx, acme, 0, 1))(t)[0].Size, 2)
	leaves := must(db.LeafEntries(ctx, acme, 1, 10))(t)
	if len(leaves) != 2 || !bytes.Equal(leaves[0], pending[1].Body) {
		t.Fatalf("leaves are %q", leaves)
	}
}

func testLedgerRefuses(t *testing.T, db *store.DB) {
	ctx := t.Context()
	it := receive(t, db, acme)
	commit(t, db, Move(it.Ref, cordon.Received, cordon.Inspected))
	foreign := receive(t, db, other)
	foreignEntry := must(db.History(ctx, other, foreign.ID))(t)[0].Entry.ID
	pending := must(db.Pending(ctx, acme, 100))(t)
	a := place(0, pending)
	wantErr(t, db.AppendLedger(ctx, acme, 1, a), cordon.ErrConflict) // nobody leads
	fence := lead(t, db, acme, "one")

	for name, spoil := range map[string]func(*cordon.LedgerAppend){
		"an unknown entry":       func(a *cordon.LedgerAppend) { a.Entries = []cordon.ID{pending[0].ID, "ent_unknown"} },
		"another tenant's entry": func(a *cordon.LedgerAppend) { a.Entries = []cordon.ID{pending[0].ID, foreignEntry} },
		"an entry twice":         func(a *cordon.LedgerAppend) { a.Entries = []cordon.ID{pending[0].ID, pending[0].ID} },
		"the wrong place":        func(a *cordon.LedgerAppend) { a.From, a.Head.Size = 5, 7 },
	} {
		b := place(0, pending)
		spoil(&b)
		if err := db.AppendLedger(ctx, acme, fence, b); !errors.Is(err, cordon.ErrConflict) {
			t.Errorf("%s: error is %v, want ErrConflict", name, err)
		}
	}
	b := place(0, pending)
	b.Head.Size = 9
	wantErr(t, db.AppendLedger(ctx, acme, fence, b), cordon.ErrInvalid)
	wantErr(t, db.AppendLedger(ctx, acme, fence, place(0, nil)), cordon.ErrInvalid)
	wantEqual(t, "size", must(db.Head(ctx, acme))(t).Size, 0)
	wantEqual(t, "pending", len(must(db.Pending(ctx, acme, 100))(t)), 2)
	_, err := db.Tile(ctx, acme, 0, 0)
	wantErr(t, err, cordon.ErrNotFound)

	wantErr(t, db.AppendLedger(ctx, acme, fence, a), nil)
	wantErr(t, db.AppendLedger(ctx, acme, fence, a), cordon.ErrConflict)
	wantErr(t, db.AppendLedger(ctx, acme, fence, place(2, pending)), cordon.ErrConflict) // placed already
	wantEqual(t, "size", must(db.Head(ctx, acme))(t).Size, 2)
}

func testLedgerAccidents(t *testing.T, db *store.DB) {
	ctx := t.Context()
	receive(t, db, acme)
	fence := lead(t, db, acme, "one")
	a := place(0, must(db.Pending(ctx, acme, 100))(t))
	wantErr(t, db.AppendLedger(accident.With(ctx, accident.BeforeCommit, errPulled), acme, fence, a), errPulled)
	wantEqual(t, "size after it failed", must(db.Head(ctx, acme))(t).Size, 0)
	wantEqual(t, "pending after it failed", len(must(db.Pending(ctx, acme, 100))(t)), 1)
	wantErr(t, db.AppendLedger(accident.With(ctx, accident.AfterCommit, errPulled), acme, fence, a), nil)
	wantEqual(t, "size after the answer was lost", must(db.Head(ctx, acme))(t).Size, 1)
	wantErr(t, db.AppendLedger(ctx, acme, fence, a), cordon.ErrConflict)
}

func testLedgerLead(t *testing.T, db *store.DB) {
	ctx := t.Context()
	receive(t, db, acme)
	one := lead(t, db, acme, "one")
	_, ok, err := db.Lead(ctx, acme, "two", time.Minute)
	if ok || err != nil {
		t.Fatalf("two lead at once: %v, %v", ok, err)
	}
	wantEqual(t, "fence after renewing", lead(t, db, acme, "one"), one)
	lead(t, db, other, "two")

	if _, ok, err := db.Lead(ctx, acme, "one", 0); !ok || err != nil {
		t.Fatalf("giving up the lead: %v, %v", ok, err)
	}
	two := lead(t, db, acme, "two")
	if two <= one {
		t.Fatalf("fence went from %d to %d", one, two)
	}
	a := place(0, must(db.Pending(ctx, acme, 100))(t))
	wantErr(t, db.AppendLedger(ctx, acme, one, a), cordon.ErrConflict)
	wantErr(t, db.AppendLedger(ctx, acme, two, a), nil)
}

// writers commit from many goroutines and report, per item, the order in which its
// commits returned.
func writers(t *testing.T, db *store.DB, n, items int) map[cordon.ID][]cordon.ID {
	t.Helper()
	var mu sync.Mutex
	order := map[cordon.ID][]cordon.ID{}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for range items {
				it := NewItem(acme)
				steps := []cordon.Change{Receive(it), Move(it.Ref, cordon.Received, cordon.Inspected),
					Move(it.Ref, cordon.Inspected, cordon.Held), Move(it.Ref, cordon.Held, cordon.Rejected)}
				// The last two go together, with two entries in one change.
				steps[2].Entries = append(steps[2].Entries, Entry(cordon.EntryViewed, it.Ref))
				var mine []cordon.ID
				for _, c := range [][]cordon.Change{steps[:1], steps[1:2], steps[2:]} {
					if err := db.Commit(t.Context(), c...); err != nil {
						t.Error(err)
						return
					}
					for _, c := range c {
						for _, e := range c.Entries {
							mine = append(mine, e.ID)
						}
					}
				}
				mu.Lock()
				order[it.ID] = mine
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return order
}

// checkLog reads the whole log and holds it against what was committed: every entry once,
// in places without gaps, and in the order of its item.
func checkLog(t *testing.T, db *store.DB, order map[cordon.ID][]cordon.ID) {
	t.Helper()
	head := must(db.Head(t.Context(), acme))(t)
	placed := map[cordon.ID]int64{}
	for i, body := range must(db.LeafEntries(t.Context(), acme, 0, head.Size))(t) {
		e := must(cordon.ParseEntry(body))(t)
		if _, twice := placed[e.ID]; twice {
			t.Fatalf("entry %s is in the log twice", e.ID)
		}
		placed[e.ID] = int64(i)
		wantEqual(t, "index", must(db.EntryIndex(t.Context(), acme, e.ID))(t), int64(i))
	}
	total := 0
	for item, entries := range order {
		last := int64(-1)
		for _, id := range entries {
			at, ok := placed[id]
			if !ok {
				t.Fatalf("entry %s of %s is not in the log", id, item)
			}
			if at <= last {
				t.Fatalf("entry %s of %s stands at %d, the one before it at %d", id, item, at, last)
			}
			last = at
			total++
		}
	}
	wantEqual(t, "leaves", len(placed), total)
	wantEqual(t, "size", head.Size, int64(total))
}

func testLedgerLosesNothing(t *testing.T, db *store.DB) {
	fence := lead(t, db, acme, "one")
	stop := make(chan struct{})
	var sequencer sync.WaitGroup
	sequencer.Go(func() {
		var size int64
		for last := false; ; {
			pending, err := db.Pending(t.Context(), acme, 37) // an odd number: prefixes everywhere
			if err == nil && len(pending) > 0 {
				if err = db.AppendLedger(t.Context(), acme, fence, place(size, pending)); err == nil {
					size += int64(len(pending))
				}
			}
			if err != nil {
				t.Error(err)
				return
			}
			if len(pending) == 0 && last {
				return
			}
			select {
			case <-stop:
				last = true
			default:
			}
		}
	})
	order := writers(t, db, 12, 25)
	close(stop)
	sequencer.Wait()
	checkLog(t, db, order)
}

// Two sequencers that both believe to lead: the fence and the size let one append at a time.
func testLedgerTwoSequencers(t *testing.T, db *store.DB) {
	stop := make(chan struct{})
	var sequencers sync.WaitGroup
	for _, name := range []string{"one", "two"} {
		sequencers.Go(func() {
			for last := false; ; {
				fence, ok, err := db.Lead(t.Context(), acme, name, time.Millisecond)
				if err != nil {
					t.Error(err)
					return
				}
				head, err := db.Head(t.Context(), acme)
				if err != nil {
					t.Error(err)
					return
				}
				pending, err := db.Pending(t.Context(), acme, 20)
				if err != nil {
					t.Error(err)
					return
				}
				if ok && len(pending) > 0 {
					err := db.AppendLedger(t.Context(), acme, fence, place(head.Size, pending))
					if err != nil && !errors.Is(err, cordon.ErrConflict) {
						t.Error(err)
						return
					}
				}
				if len(pending) == 0 && last {
					return
				}
				select {
				case <-stop:
					last = true
				default:
				}
			}
		})
	}
	order := writers(t, db, 6, 15)
	close(stop)
	sequencers.Wait()
	checkLog(t, db, order)
}
