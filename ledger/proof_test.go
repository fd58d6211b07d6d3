package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/tlog"
)

func treeOf(l *memoryLog) tlog.Tree { return tlog.Tree{N: l.head.Size, Hash: l.head.Root} }

func TestProveEveryEntry(t *testing.T) {
	r := newRig(t)
	for _, n := range []int{1, 1, 5, 248, 1, 1, 300} {
		r.grow(n)
		step := max(1, r.size/40)
		for i := 0; i < r.size; i += step {
			entry := fixedEntry(acme, i)
			p, err := Prove(t.Context(), r.memory, acme, entry.ID)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := OpenCheckpoint(p.Checkpoint, r.signer.Verifier())
			if err != nil || tree != treeOf(r.of(acme)) {
				t.Fatalf("checkpoint of the proof: %v, %v", tree, err)
			}
			body, _ := entry.Canonical()
			if p.Index != int64(i) || string(p.Entry) != string(body) {
				t.Fatalf("proof of entry %d is of %d: %s", i, p.Index, p.Entry)
			}
			if err := tlog.CheckRecord(p.Hashes, tree.N, tree.Hash, p.Index, tlog.RecordHash(p.Entry)); err != nil {
				t.Fatalf("entry %d of %d: %v", i, r.size, err)
			}
		}
	}
}

func TestProvePendingAndUnknown(t *testing.T) {
	r := newRig(t)
	r.grow(3)
	late := fixedEntry(acme, 3)
	r.commit(late)
	if _, err := Prove(t.Context(), r.memory, acme, late.ID); !errors.Is(err, ErrPending) {
		t.Errorf("pending: %v", err)
	}
	if _, err := Prove(t.Context(), r.memory, acme, "ent_nowhere"); !errors.Is(err, cordon.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := Prove(t.Context(), r.memory, "other", late.ID); !errors.Is(err, cordon.ErrNotFound) {
		t.Errorf("another tenant's: %v", err)
	}
}

// A proof is never made over bytes that are not what was signed.
func TestProveNoticesChanges(t *testing.T) {
	for name, change := range map[string]func(*memoryLog){
		"entry":       func(l *memoryLog) { l.leaves[7] = append([]byte{'x'}, l.leaves[7]...) },
		"entry gone":  func(l *memoryLog) { l.leaves = l.leaves[:7] },
		"index":       func(l *memoryLog) { l.ids[fixedEntry(acme, 7).ID] = 900 },
		"leaf tile":   func(l *memoryLog) { l.tiles[[2]int64{0, 0}][7*32]++ },
		"sister hash": func(l *memoryLog) { l.tiles[[2]int64{0, 0}][8*32]++ },
		"upper tile":  func(l *memoryLog) { l.tiles[[2]int64{1, 0}][1]++ },
		"head":        func(l *memoryLog) { l.head.Root[3]++ },
	} {
		r := newRig(t)
		r.grow(600)
		change(r.of(acme))
		if p, err := Prove(t.Context(), r.memory, acme, fixedEntry(acme, 7).ID); err == nil {
			t.Errorf("%s changed: proof %+v", name, p.Index)
		}
	}
}

func TestConsistency(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Batch = 50 })
	r.grow(700)
	roots := map[int64]tlog.Hash{}
	_, reader := oracle(t, r.of(acme).leaves)
	for _, n := range []int64{0, 1, 2, 3, 100, 255, 256, 257, 450, 511, 512, 513, 699, 700} {
		root, err := tlog.TreeHash(n, reader)
		if err != nil {
			t.Fatal(err)
		}
		roots[n] = root
	}
	for older, was := range roots {
		for newer, is := range roots {
			proof, err := Consistency(t.Context(), r.memory, acme, older, newer)
			if older > newer {
				if !errors.Is(err, cordon.ErrInvalid) {
					t.Errorf("%d to %d: %v", older, newer, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%d to %d: %v", older, newer, err)
			}
			if older > 0 {
				if err := tlog.CheckTree(proof, newer, is, older, was); err != nil {
					t.Errorf("%d to %d: %v", older, newer, err)
				}
			}
		}
	}
	for _, c := range [][2]int64{{-1, 5}, {5, 701}, {0, 701}} {
		if _, err := Consistency(t.Context(), r.memory, acme, c[0], c[1]); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// bigLog sequences n small entries.
func bigLog(b *testing.B, n int) *rig {
	r := newRig(b, func(c *Config) { c.Batch = 1 << 16 })
	l := r.of(acme)
	for r.size < n {
		for range min(1<<16, n-r.size) {
			id := cordon.ID(fmt.Sprint("ent_", r.size))
			l.pending = append(l.pending, cordon.PendingEntry{ID: id, Body: []byte(id)})
			l.ids[id] = -1
			r.size++
		}
		if err := r.seq.Flush(b.Context(), acme); err != nil {
			b.Fatal(err)
		}
	}
	return r
}

// BenchmarkProve is one inclusion proof in a log of a million entries, tiles in memory.
func BenchmarkProve(b *testing.B) {
	const n = 1_000_000
	r := bigLog(b, n)
	rnd := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		if _, err := Prove(b.Context(), r.memory, acme, cordon.ID(fmt.Sprint("ent_", rnd.IntN(n)))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(r.calls["tile"])/float64(b.N), "tiles/op")
}

// BenchmarkSequence is the way of an entry from pending to a signed checkpoint, without a database.
func BenchmarkSequence(b *testing.B) {
	for _, batch := range []int{1, 128, 1024} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			r := newRig(b, func(c *Config) { c.Batch = batch })
			r.grow(1000)
			n := 0
			for b.Loop() {
				b.StopTimer()
				r.commit(fixedEntries(acme, r.size, r.size+batch)...)
				r.size += batch
				n += batch
				b.StartTimer()
				if err := r.seq.Flush(b.Context(), acme); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkCheckLedger is a whole check of ten thousand entries.
func BenchmarkCheckLedger(b *testing.B) {
	r := newRig(b)
	r.grow(10_000)
	for b.Loop() {
		if _, err := CheckLedger(b.Context(), r.memory, acme, r.signer.Verifier()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
