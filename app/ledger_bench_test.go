package app

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/ledger"
	"github.com/cordonhq/cordon/store"
)

// benchLog is a log on a store on SQLite, as the gateway has it.
type benchLog struct {
	b         *testing.B
	db        *store.DB
	sequencer *ledger.Sequencer
	item      cordon.Ref
	entries   []cordon.ID
}

func newBenchLog(b *testing.B) *benchLog {
	dir := b.TempDir()
	db, err := store.Open(b.Context(), store.Config{Path: filepath.Join(dir, "cordon.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	const tenant = cordon.TenantID("clinic")
	signer, err := ledger.CreateSigner(filepath.Join(dir, "ledger.key"), ledger.Origin(tenant))
	if err != nil {
		b.Fatal(err)
	}
	sequencer, err := ledger.NewSequencer(db, ledger.Config{Signers: map[cordon.TenantID]*ledger.Signer{tenant: signer}})
	if err != nil {
		b.Fatal(err)
	}
	return &benchLog{b: b, db: db, sequencer: sequencer,
		item: cordon.Ref{Tenant: tenant, Kind: "bench", ID: "bench_1"}}
}

// commit adds n entries that have no place in the log yet, in changes of at most 512.
func (l *benchLog) commit(n int) {
	for n > 0 {
		c := cordon.Change{Of: l.item, From: "open", To: "open"}
		for range min(n, 512) {
			e := cordon.NewEntry(cordon.EntryViewed, l.item, time.Now().UTC(), cordon.Cordon, map[string]any{"reasons": []string{"a", "b"}})
			c.Entries = append(c.Entries, e)
			l.entries = append(l.entries, e.ID)
		}
		if err := l.db.Commit(l.b.Context(), c); err != nil {
			l.b.Fatal(err)
		}
		n -= len(c.Entries)
	}
}

func (l *benchLog) flush() {
	if err := l.sequencer.Flush(l.b.Context(), l.item.Tenant); err != nil {
		l.b.Fatal(err)
	}
}

// BenchmarkSequence gives committed entries their places in the log on SQLite: read, hashed,
// placed and signed, 4 096 at a time in batches of 1 024.
func BenchmarkSequence(b *testing.B) {
	const at = 4096
	l := newBenchLog(b)
	l.commit(at)
	l.flush()
	n := 0
	for b.Loop() {
		b.StopTimer()
		l.commit(at)
		n += at
		b.StartTimer()
		l.flush()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkProve is an inclusion proof in a log of 200 000 entries on SQLite.
func BenchmarkProve(b *testing.B) {
	const size = 200_000
	l := newBenchLog(b)
	for range size / 8000 {
		l.commit(8000)
		l.flush()
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	var each []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := ledger.Prove(b.Context(), l.db, l.item.Tenant, l.entries[rnd.IntN(size)]); err != nil {
			b.Fatal(err)
		}
		each = append(each, time.Since(start))
	}
	slices.Sort(each)
	b.ReportMetric(float64(each[len(each)/2])/1e6, "p50-ms")
}
