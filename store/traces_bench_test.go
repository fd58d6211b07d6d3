package store_test

import (
	"fmt"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// BenchmarkTraces looks up 500 records among 20 000 that are on record with three entries
// each: what counting 500 files of a day costs.
func BenchmarkTraces(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		const items, batch = 20_000, 500
		id := func(i int) string { return fmt.Sprintf("068%012dAAA", i) }
		for from := 0; from < items; from += batch {
			var changes []cordon.Change
			for i := range batch {
				it := storetest.NewItem("acme")
				it.UpstreamID = id(from + i)
				judged := storetest.Move(it.Ref, cordon.Received, cordon.Inspected)
				judged.Entries = []cordon.Entry{storetest.Entry(cordon.EntryInspected, it.Ref), storetest.Entry(cordon.EntryKept, it.Ref)}
				judged.Entries[0].Facts = map[string]any{"outcome": "no-sign", "reasons": []string{"shadow"}}
				changes = append(changes, storetest.Receive(it), judged)
			}
			if err := db.Commit(b.Context(), changes...); err != nil {
				b.Fatal(err)
			}
		}
		n := 0
		for b.Loop() {
			ids := make([]string, batch)
			for i := range ids {
				ids[i] = id((n*batch + i*37) % items)
			}
			n++
			got, err := db.Traces(b.Context(), "acme", ids)
			if err != nil || len(got) != batch {
				b.Fatal(len(got), err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n*batch), "µs/file")
	})
}
