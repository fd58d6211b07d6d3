package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/tlog"
)

func TestCheckLedgerReports(t *testing.T) {
	r := newRig(t)
	for range 10 {
		r.grow(70)
	}
	got := r.check(700)
	first, last := fixedEntry(acme, 0).At, fixedEntry(acme, 699).At
	if got.Tenant != acme || got.Checkpoints != 10 || !got.First.Equal(first) || !got.Last.Equal(last) ||
		got.Kinds[cordon.EntryReceived] != 234 || got.Kinds[cordon.EntryHeld] != 233 || got.Tiles != 4 ||
		got.Root != tlog.Hash(r.of(acme).head.Root) {
		t.Errorf("report %+v", got)
	}
	if got.First.Location() != time.UTC {
		t.Errorf("times are in %v", got.First.Location())
	}
}

// Every way to change a stored log is found, at the first entry that it concerns.
func TestCheckLedgerFindsChanges(t *testing.T) {
	signer := fixedSigner(acme, "test")
	canonical := func(e cordon.Entry) []byte { b, _ := e.Canonical(); return b }
	// resign makes the stored log what an operator with the key would make of changed leaves.
	resign := func(t *testing.T, l *memoryLog) {
		forged := newRig(t)
		for i, body := range l.leaves {
			id := cordon.ID(fixedEntry(acme, i).ID)
			forged.of(acme).pending = append(forged.of(acme).pending, cordon.PendingEntry{ID: id, Body: body})
			forged.of(acme).ids[id] = -1
		}
		if err := forged.seq.Flush(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		*l = *forged.of(acme)
	}
	for name, c := range map[string]struct {
		index  int64
		says   string
		change func(*testing.T, *memoryLog)
	}{
		"entry changed": {300, "bytes do not match", func(t *testing.T, l *memoryLog) {
			e := fixedEntry(acme, 300)
			e.Kind = cordon.EntryReleased
			l.leaves[300] = canonical(e)
		}},
		"entry missing": {699, "missing", func(t *testing.T, l *memoryLog) { l.leaves = l.leaves[:699] }},
		"two entries swapped": {10, "bytes do not match", func(t *testing.T, l *memoryLog) {
			l.leaves[10], l.leaves[11] = l.leaves[11], l.leaves[10]
		}},
		"leaf tile changed":  {513, "do not match its leaf hash", func(t *testing.T, l *memoryLog) { l.tiles[[2]int64{0, 2}][32]++ }},
		"leaf tile missing":  {0, "", func(t *testing.T, l *memoryLog) { delete(l.tiles, [2]int64{0, 1}) }},
		"upper tile changed": {256, "hash 1 of tile 1/0", func(t *testing.T, l *memoryLog) { l.tiles[[2]int64{1, 0}][33]++ }},
		"entry and tile changed": {100, "commits to another root", func(t *testing.T, l *memoryLog) {
			e := fixedEntry(acme, 130)
			e.Kind = cordon.EntryReleased
			l.leaves[130] = canonical(e)
			leaf := tlog.RecordHash(l.leaves[130])
			copy(l.tiles[[2]int64{0, 0}][130*32:], leaf[:])
		}},
		"checkpoint of another root": {200, "commits to another root", func(t *testing.T, l *memoryLog) {
			l.heads[2].Root[0]++
			l.heads[2].Checkpoint, _ = signCheckpoint(signer, tlog.Tree{N: 300, Hash: l.heads[2].Root})
		}},
		"checkpoint changed": {300, "signature", func(t *testing.T, l *memoryLog) {
			l.heads[2].Checkpoint = []byte(strings.Replace(string(l.heads[2].Checkpoint), "300", "301", 1))
		}},
		"checkpoint filed elsewhere": {300, "filed", func(t *testing.T, l *memoryLog) {
			l.heads[2].Checkpoint = l.heads[3].Checkpoint
		}},
		"checkpoint by another key": {300, "not signed by the given key", func(t *testing.T, l *memoryLog) {
			l.heads[2].Checkpoint, _ = signCheckpoint(fixedSigner(acme, "another"), tlog.Tree{N: 300, Hash: l.heads[2].Root})
		}},
		"checkpoints out of order": {100, "out of order", func(t *testing.T, l *memoryLog) {
			l.heads[1] = l.heads[0]
		}},
		"last checkpoint dropped": {600, "no checkpoint covers", func(t *testing.T, l *memoryLog) { l.heads = l.heads[:6] }},
		"head set back":           {600, "behind its head", func(t *testing.T, l *memoryLog) { l.head = l.heads[5] }},
		"head's root changed":     {700, "another root", func(t *testing.T, l *memoryLog) { l.head.Root[1]++ }},
		"head's note changed":     {700, "does not fit", func(t *testing.T, l *memoryLog) { l.head.Checkpoint = l.heads[1].Checkpoint }},
		"looked up elsewhere":     {5, "looked up at 6", func(t *testing.T, l *memoryLog) { l.ids[fixedEntry(acme, 5).ID] = 6 }},
		"entry twice, signed": {20, "looked up at 40", func(t *testing.T, l *memoryLog) {
			l.leaves[20] = l.leaves[40]
			resign(t, l)
		}},
		"entry of another tenant, signed": {20, `tenant "other"`, func(t *testing.T, l *memoryLog) {
			l.leaves[20] = canonical(fixedEntry("other", 20))
			resign(t, l)
		}},
		"entry not canonical, signed": {20, "canonical", func(t *testing.T, l *memoryLog) {
			l.leaves[20] = append(l.leaves[20][:len(l.leaves[20]):len(l.leaves[20])], ' ')
			resign(t, l)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			for range 7 {
				r.grow(100)
			}
			c.change(t, r.of(acme))
			_, err := CheckLedger(t.Context(), r.memory, acme, signer.Verifier())
			if name == "leaf tile missing" {
				if !errors.Is(err, cordon.ErrNotFound) {
					t.Errorf("got %v", err)
				}
				return
			}
			var d *Difference
			if !errors.As(err, &d) || d.Index != c.index || !strings.Contains(d.What, c.says) {
				t.Errorf("got %v, want a difference at %d that says %q", err, c.index, c.says)
			}
			if !errors.Is(err, ErrDistrusted) {
				t.Errorf("%v is not a kind of ErrDistrusted", err)
			}
		})
	}
}
