package store_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// manyItems fills a store with items that were seen in the CRM over thirty days, with four
// findings each, of the size that sealed findings have.
func manyItems(b *testing.B, db *store.DB, n int, start time.Time) {
	b.Helper()
	sealed := map[string]any{"sealed": strings.Repeat("QUJD", 80)}
	types := []string{"image/jpeg", "image/png", "application/pdf", "video/mp4", "text/plain"}
	var changes []cordon.Change
	for i := range n {
		it := storetest.NewItem("acme")
		it.Mode, it.Blob = cordon.ModeEvent, ""
		it.Route, it.Channel = fmt.Sprintf("route-%d", i%6), []cordon.Channel{cordon.ChannelUI, cordon.ChannelPortal, cordon.ChannelEmail}[i%3]
		it.ReceivedAt = start.Add(time.Duration(i) * 30 * 24 * time.Hour / time.Duration(n))
		it.Size, it.MediaType = int64(i%977)*9000, types[i%len(types)]
		v := cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass, Reasons: []cordon.Reason{cordon.ReasonShadow}, Policy: "default@0123456789ab", At: it.ReceivedAt.Add(time.Millisecond)}
		if i%20 == 0 {
			v.Outcome, v.Action, v.Reasons = cordon.Synthetic, cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorMark, cordon.ReasonShadow}
		}
		var found []cordon.Finding
		for d, name := range []string{"c2pa", "kind", "known", "marks"} {
			found = append(found, cordon.Finding{Detector: name, Version: "1.0", Status: cordon.StatusNone, Class: cordon.Deterministic,
				Label: cordon.LabelNoMarks, Detail: sealed, Took: time.Duration((i*7+d)%9000) * time.Microsecond})
		}
		changes = append(changes,
			cordon.Change{Of: it.Ref, To: cordon.Observed, Item: &it, Entries: []cordon.Entry{storetest.Entry(cordon.EntryObserved, it.Ref)}},
			cordon.Change{Of: it.Ref, From: cordon.Observed, To: cordon.Inspected, Verdict: &v, Findings: found, Entries: []cordon.Entry{storetest.Entry(cordon.EntryInspected, it.Ref)}},
			cordon.Change{Of: it.Ref, From: cordon.Inspected, To: cordon.Kept, Entries: []cordon.Entry{storetest.Entry(cordon.EntryKept, it.Ref)}})
		if len(changes) >= 1500 || i == n-1 {
			if err := db.Commit(b.Context(), changes...); err != nil {
				b.Fatal(err)
			}
			changes = changes[:0]
		}
	}
}

// BenchmarkTallies is what a report on 100 000 items asks of the database.
func BenchmarkTallies(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		manyItems(b, db, 100_000, start)
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
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for range b.N {
					f()
				}
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/report")
			})
		}
	})
}
