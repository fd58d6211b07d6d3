package bench_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// BenchmarkShadow asks a running gateway for a report on 100 000 items of thirty days, on
// SQLite, alone and with everything decided again, and says by how much memory grew.
func BenchmarkShadow(b *testing.B) {
	const items = 100_000
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	w := newWorld(b, func(c *app.Config) {
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			b.Fatal(err)
		}
		db, err := store.Open(b.Context(), store.Config{Path: filepath.Join(c.Data, "cordon.db")})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		if err := db.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		storetest.ManyItems(b, db, "clinic", items, start)
	})
	w.Until("the ledger has caught up", func() bool {
		var note []byte
		w.API("GET", "/v1/ledger/checkpoint", nil, &note)
		lines := strings.Split(string(note), "\n")
		return len(lines) > 1 && lines[1] == strconv.Itoa(3*items)
	})
	const path = "/v1/reports/shadow?from=2026-10-01&to=2026-10-31"
	for name, ask := range map[string]func() desk.Shadow{
		"report": func() (r desk.Shadow) { w.API("GET", path, nil, &r); return r },
		"replay": func() desk.Shadow {
			return w.Replayed("name: other\nevidence:\n  generator-mark: {action: pass}\n", path)
		},
	} {
		b.Run(name, func(b *testing.B) {
			runtime.GC()
			grown, stop := watchHeap()
			before := processorTime()
			b.ResetTimer()
			for range b.N {
				if r := ask(); r.Total.Items != items || r.Total.WouldHold != items/20 {
					b.Fatalf("%+v", r.Total)
				}
			}
			b.StopTimer()
			stop()
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/report")
			b.ReportMetric((processorTime()-before).Seconds()/float64(b.N), "cpu-s/report")
			b.ReportMetric(float64(grown())/(1<<20), "MiB-grown")
		})
	}
}

// watchHeap says by how many bytes the heap in use grew at most until stop.
func watchHeap() (grown func() uint64, stop func()) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base, most := m.HeapInuse, m.HeapInuse
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
		}
	})
	return func() uint64 { return most - base }, func() { close(done); wg.Wait() }
}
