package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// oweMany has n items owe one effect each, all due.
func oweMany(t testing.TB, db *store.DB, n int) {
	t.Helper()
	var changes []cordon.Change
	for i := range n {
		c := storetest.Receive(storetest.NewItem("acme"))
		c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectRescan, c.Of)}
		changes = append(changes, c)
		if len(changes) == 500 || i == n-1 {
			if err := db.Commit(t.Context(), changes...); err != nil {
				t.Fatal(err)
			}
			changes = changes[:0]
		}
	}
}

// BenchmarkSweep is one pass of the sweeper over a standing backlog, each of which a job waits
// for, alone and behind jobs and effects that are done.
func BenchmarkSweep(b *testing.B) {
	benchmarkSweep(b, (*store.DB).Sweep)
}

// BenchmarkSweepForLost is the pass, once in eight, that compares effects and jobs.
func BenchmarkSweepForLost(b *testing.B) {
	benchmarkSweep(b, (*store.DB).SweepLost)
}

func benchmarkSweep(b *testing.B, sweep func(*store.DB, context.Context) error) {
	for _, c := range []struct{ owed, finished int }{{5_000, 0}, {5_000, 50_000}} {
		b.Run(fmt.Sprintf("%d-owed-%d-finished", c.owed, c.finished), func(b *testing.B) {
			engines(b, func(b *testing.B, db *store.DB) {
				oweMany(b, db, c.finished)
				if err := db.FinishJobs(b.Context()); err != nil {
					b.Fatal(err)
				}
				oweMany(b, db, c.owed)
				for b.Loop() {
					if err := sweep(db, b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/sweep")
				if n, err := db.WaitingJobs(b.Context()); err != nil || n != c.owed {
					b.Fatal("jobs that wait:", n, err)
				}
			})
		})
	}
}
