package store_test

import (
	"testing"
	"time"

	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// BenchmarkTallies is what a report on 100 000 items asks of the database.
func BenchmarkTallies(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		storetest.ManyItems(b, db, "acme", 100_000, start)
		end, ctx := start.AddDate(0, 0, 30), b.Context()
		fail := func(err error) {
			if err != nil {
				b.Fatal(err)
			}
		}
		for name, f := range map[string]func(){
			"counts":    func() { fail(db.Tallies(ctx, "acme", start, end, func(store.Tally) {})) },
			"times":     func() { _, err := db.Timings(ctx, "acme", start, end); fail(err) },
			"checks":    func() { _, err := db.CheckCounts(ctx, "acme", start, end); fail(err) },
			"waits":     func() { fail(db.Waits(ctx, "acme", start, end, func(store.Wait) {})) },
			"held-back": func() { fail(db.HeldBack(ctx, "acme", start, end, func(store.HeldBack) {})) },
			"judged":    func() { fail(db.Judged(ctx, "acme", start, end, func(store.Judged) error { return nil })) },
		} {
			b.Run(name, func(b *testing.B) {
				for range b.N {
					f()
				}
				b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/report")
			})
		}
	})
}
