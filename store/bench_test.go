package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// engines runs a benchmark on both.
func engines(b *testing.B, f func(*testing.B, *store.DB)) {
	b.Run("sqlite", func(b *testing.B) { f(b, openSQLite(b)) })
	b.Run("postgres", func(b *testing.B) {
		db, _ := openPostgres(b)
		f(b, db)
	})
}

// parallel runs f b.N times from the given number of goroutines.
func parallel(b *testing.B, callers int, f func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkCommit is 64 callers who each create items that owe one effect.
func BenchmarkCommit(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		b.ResetTimer()
		parallel(b, 64, func() error {
			c := storetest.Receive(storetest.NewItem("acme"))
			c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectRescan, c.Of)}
			return db.Commit(b.Context(), c)
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	})
}

// BenchmarkCommitOne is one caller, who waits for the disk each time.
func BenchmarkCommitOne(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		b.ResetTimer()
		parallel(b, 1, func() error {
			c := storetest.Receive(storetest.NewItem("acme"))
			c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectRescan, c.Of)}
			return db.Commit(b.Context(), c)
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	})
}

// BenchmarkItem reads one item of 1 000.
func BenchmarkItem(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		var ids []cordon.ID
		for range 1000 {
			it := storetest.NewItem("acme")
			if err := db.Commit(b.Context(), storetest.Receive(it)); err != nil {
				b.Fatal(err)
			}
			ids = append(ids, it.ID)
		}
		for i := 0; b.Loop(); i++ {
			if _, err := db.Item(b.Context(), "acme", ids[i%len(ids)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAppendLedger places entries in batches of 1 024, with four tiles and a
// checkpoint each, reading them from Pending first as the sequencer does.
func BenchmarkAppendLedger(b *testing.B) {
	const batch = 1024
	engines(b, func(b *testing.B, db *store.DB) {
		fence, ok, err := db.Lead(b.Context(), "acme", "bench", time.Hour)
		if err != nil || !ok {
			b.Fatal(ok, err)
		}
		it := storetest.NewItem("acme")
		if err := db.Commit(b.Context(), storetest.Receive(it)); err != nil {
			b.Fatal(err)
		}
		size := int64(0)
		appendAll := func(atLeast int) {
			pending, err := db.Pending(b.Context(), "acme", batch)
			if err != nil || len(pending) < atLeast {
				b.Fatal(len(pending), err)
			}
			a := cordon.LedgerAppend{From: size, Head: cordon.LedgerHead{Size: size + int64(len(pending)), Checkpoint: make([]byte, 200), At: time.Now()}}
			for _, p := range pending {
				a.Entries = append(a.Entries, p.ID)
			}
			for i := range int64(4) {
				a.Tiles = append(a.Tiles, cordon.LedgerTile{N: size/256 + i, Data: make([]byte, 8192)})
			}
			if err := db.AppendLedger(b.Context(), "acme", fence, a); err != nil {
				b.Fatal(err)
			}
			size += int64(len(pending))
		}
		appendAll(1)
		for b.Loop() {
			b.StopTimer()
			for range 4 {
				c := storetest.Move(it.Ref, cordon.Received, cordon.Received)
				c.Entries = nil
				for range batch / 4 {
					c.Entries = append(c.Entries, storetest.Entry(cordon.EntryViewed, it.Ref))
				}
				if err := db.Commit(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
			appendAll(batch)
		}
		b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "entries/s")
	})
}
