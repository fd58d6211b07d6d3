package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const acme cordon.TenantID = "acme"

// memory is a log of any number of tenants that forgets everything at exit. It keeps its
// contract strictly and counts what the sequencer does.
type memory struct {
	mu      sync.Mutex
	tenants map[cordon.TenantID]*memoryLog

	// accident, if set, decides the fate of each append: whether it is stored, and what the
	// caller is told.
	accident func(a cordon.LedgerAppend) (store bool, err error)
	failTile error // returned by every Tile

	calls  map[string]int
	signed map[string]map[int64]cordon.LedgerHead // tenant → size → what was handed over under it
	broken []string                               // laws that the sequencer broke
}

type memoryLog struct {
	pending []cordon.PendingEntry
	leaves  [][]byte
	ids     map[cordon.ID]int64 // -1: pending
	tiles   map[[2]int64][]byte
	heads   []cordon.LedgerHead
	head    cordon.LedgerHead
	fence   int64
	holder  string
	until   time.Time
}

func newMemory() *memory {
	return &memory{tenants: map[cordon.TenantID]*memoryLog{}, calls: map[string]int{}, signed: map[string]map[int64]cordon.LedgerHead{}}
}

func (m *memory) of(tenant cordon.TenantID) *memoryLog {
	l := m.tenants[tenant]
	if l == nil {
		l = &memoryLog{ids: map[cordon.ID]int64{}, tiles: map[[2]int64][]byte{}}
		m.tenants[tenant] = l
	}
	return l
}

func (m *memory) lock(call string) func() {
	m.mu.Lock()
	m.calls[call]++
	return m.mu.Unlock
}

// commit does what the store's Commit does for entries.
func (m *memory) commit(entries ...cordon.Entry) {
	defer m.lock("commit")()
	for _, e := range entries {
		body, err := e.Canonical()
		if err != nil {
			panic(err)
		}
		l := m.of(e.Of.Tenant)
		l.pending = append(l.pending, cordon.PendingEntry{ID: e.ID, Of: e.Of, Body: body})
		l.ids[e.ID] = -1
	}
}

func (m *memory) Pending(_ context.Context, tenant cordon.TenantID, limit int) ([]cordon.PendingEntry, error) {
	defer m.lock("pending")()
	p := m.of(tenant).pending
	return slices.Clone(p[:min(limit, len(p))]), nil
}

func (m *memory) Lead(_ context.Context, tenant cordon.TenantID, holder string, ttl time.Duration) (int64, bool, error) {
	defer m.lock("lead")()
	l := m.of(tenant)
	now := time.Now()
	if l.holder != holder {
		if now.Before(l.until) {
			return l.fence, false, nil
		}
		l.holder = holder
		l.fence++
	}
	l.until = now.Add(ttl)
	return l.fence, true, nil
}

func (m *memory) Head(_ context.Context, tenant cordon.TenantID) (cordon.LedgerHead, error) {
	defer m.lock("head")()
	return m.of(tenant).head, nil
}

func (m *memory) AppendLedger(_ context.Context, tenant cordon.TenantID, fence int64, a cordon.LedgerAppend) error {
	defer m.lock("append")()
	signed := m.signed[string(tenant)]
	if signed == nil {
		signed = map[int64]cordon.LedgerHead{}
		m.signed[string(tenant)] = signed
	}
	if before, ok := signed[a.Head.Size]; ok && before.Root != a.Head.Root {
		m.broken = append(m.broken, fmt.Sprintf("two roots signed at size %d", a.Head.Size))
	}
	signed[a.Head.Size] = a.Head
	if len(a.Entries) == 0 || a.From+int64(len(a.Entries)) != a.Head.Size {
		m.broken = append(m.broken, fmt.Sprintf("%d entries from %d make size %d", len(a.Entries), a.From, a.Head.Size))
	}
	store, failure := true, error(nil)
	if m.accident != nil {
		store, failure = m.accident(a)
	}
	if !store {
		return failure
	}
	l := m.of(tenant)
	if fence != l.fence || a.From != l.head.Size {
		return cordon.ErrConflict
	}
	bodies := map[cordon.ID][]byte{}
	for _, p := range l.pending {
		bodies[p.ID] = p.Body
	}
	for i, id := range a.Entries {
		if l.ids[id] != -1 || bodies[id] == nil {
			m.broken = append(m.broken, fmt.Sprintf("entry %s is placed at %d and is not pending", id, a.From+int64(i)))
			return cordon.ErrInvalid
		}
		l.ids[id] = a.From + int64(i)
		l.leaves = append(l.leaves, bodies[id])
	}
	l.pending = slices.DeleteFunc(l.pending, func(p cordon.PendingEntry) bool { return l.ids[p.ID] >= 0 })
	for _, t := range a.Tiles {
		l.tiles[[2]int64{int64(t.Level), t.N}] = slices.Clone(t.Data)
	}
	l.head = a.Head
	l.heads = append(l.heads, a.Head)
	return failure
}

func (m *memory) Tile(_ context.Context, tenant cordon.TenantID, level int, n int64) ([]byte, error) {
	defer m.lock("tile")()
	if m.failTile != nil {
		return nil, m.failTile
	}
	data, ok := m.of(tenant).tiles[[2]int64{int64(level), n}]
	if !ok {
		return nil, cordon.ErrNotFound
	}
	return data, nil
}

func (m *memory) LeafEntries(_ context.Context, tenant cordon.TenantID, from, to int64) ([][]byte, error) {
	defer m.lock("leaves")()
	leaves := m.of(tenant).leaves
	n := int64(len(leaves))
	return leaves[min(from, n):min(to, n)], nil
}

func (m *memory) EntryIndex(_ context.Context, tenant cordon.TenantID, entry cordon.ID) (int64, error) {
	defer m.lock("index")()
	i, ok := m.of(tenant).ids[entry]
	if !ok {
		return 0, cordon.ErrNotFound
	}
	return i, nil
}

func (m *memory) Checkpoints(_ context.Context, tenant cordon.TenantID, after int64, limit int) ([]cordon.LedgerHead, error) {
	defer m.lock("checkpoints")()
	var out []cordon.LedgerHead
	for _, h := range m.of(tenant).heads {
		if h.Size > after && len(out) < limit {
			out = append(out, h)
		}
	}
	return out, nil
}

// snapshot copies a tenant's log as a database backup would.
func (m *memory) snapshot(tenant cordon.TenantID) *memoryLog {
	defer m.lock("snapshot")()
	l := *m.of(tenant)
	l.pending, l.leaves, l.heads = slices.Clone(l.pending), slices.Clone(l.leaves), slices.Clone(l.heads)
	l.ids, l.tiles = maps.Clone(l.ids), maps.Clone(l.tiles)
	return &l
}

// counted returns how often each call was made.
func (m *memory) counted() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.calls)
}

func (m *memory) restore(tenant cordon.TenantID, l *memoryLog) {
	defer m.lock("restore")()
	m.tenants[tenant] = l
}

// fixedSigner makes the same key from the same seed, so that documents can show real bytes.
func fixedSigner(tenant cordon.TenantID, seed string) *Signer {
	name := Origin(tenant)
	sum := sha256.Sum256([]byte(seed))
	private := ed25519.NewKeyFromSeed(sum[:])
	vkey, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	hash := sha256.Sum256(slices.Concat([]byte(name+"\n\x01"), private.Public().(ed25519.PublicKey)))
	secret := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, binary.BigEndian.Uint32(hash[:]),
		base64.StdEncoding.EncodeToString(append([]byte{1}, sum[:]...)))
	s, err := newSigner(secret, vkey)
	if err != nil {
		panic(err)
	}
	return s
}

// fixedEntry is the i-th entry of a made-up history: three entries an item.
func fixedEntry(tenant cordon.TenantID, i int) cordon.Entry {
	item := cordon.ID(fmt.Sprintf("itm_%026d", i/3))
	e := cordon.Entry{
		ID: cordon.ID(fmt.Sprintf("ent_%026d", i)), Of: cordon.Ref{Tenant: tenant, Kind: cordon.KindItem, ID: item},
		At: time.Date(2026, 3, 1, 9, 0, i, 250e6, time.UTC), Actor: cordon.Cordon,
	}
	switch i % 3 {
	case 0:
		e.Kind = cordon.EntryReceived
		e.Facts = map[string]any{"route": "portal", "media_type": "image/png", "commitment": strings.Repeat("5a", 32)}
	case 1:
		e.Kind = cordon.EntryInspected
		e.Facts = map[string]any{"outcome": "synthetic", "action": "hold", "reasons": []string{"generator-mark"}, "policy": "default@0123456789ab"}
	case 2:
		e.Kind = cordon.EntryHeld
	}
	return e
}

func fixedEntries(tenant cordon.TenantID, from, to int) []cordon.Entry {
	var out []cordon.Entry
	for i := from; i < to; i++ {
		out = append(out, fixedEntry(tenant, i))
	}
	return out
}

// rig is a log with its sequencer.
type rig struct {
	*memory
	t      testing.TB
	signer *Signer
	seq    *Sequencer
	size   int // entries committed
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{memory: newMemory(), t: t, signer: fixedSigner(acme, "test")}
	r.seq = r.sequencer(change...)
	return r
}

func (r *rig) sequencer(change ...func(*Config)) *Sequencer {
	r.t.Helper()
	cfg := Config{Signers: map[cordon.TenantID]*Signer{acme: r.signer}}
	for _, c := range change {
		c(&cfg)
	}
	s, err := NewSequencer(r.memory, cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// grow commits n entries and sequences them.
func (r *rig) grow(n int) {
	r.t.Helper()
	r.commit(fixedEntries(acme, r.size, r.size+n)...)
	r.size += n
	if err := r.seq.Flush(r.t.Context(), acme); err != nil {
		r.t.Fatal(err)
	}
}

// check is the law: the stored log is whole, and no rule was broken on the way.
func (r *rig) check(size int) Report {
	r.t.Helper()
	report, err := CheckLedger(r.t.Context(), r.memory, acme, r.signer.Verifier())
	if err != nil {
		r.t.Fatalf("after %d entries: %v", size, err)
	}
	if report.Entries != int64(size) {
		r.t.Fatalf("the ledger has %d entries, want %d", report.Entries, size)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.broken) > 0 {
		r.t.Fatalf("laws broken: %q", r.broken)
	}
	return report
}

// oracle computes root and tiles with x/mod alone, from the stored leaves.
func oracle(t testing.TB, leaves [][]byte) (tlog.Hash, tlog.HashReader) {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			if x >= int64(len(stored)) {
				return nil, errors.New("hash beyond the tree")
			}
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, leaf := range leaves {
		hashes, err := tlog.StoredHashes(int64(i), leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(int64(len(leaves)), reader)
	if err != nil {
		t.Fatal(err)
	}
	return root, reader
}

// compareWithOracle holds every stored tile against x/mod.
func (r *rig) compareWithOracle() {
	r.t.Helper()
	l := r.of(acme)
	root, reader := oracle(r.t, l.leaves)
	if root != tlog.Hash(l.head.Root) {
		r.t.Fatalf("root of %d entries: %s, x/mod says %s", len(l.leaves), tlog.Hash(l.head.Root), root)
	}
	tiles := tlog.NewTiles(tileHeight, 0, int64(len(l.leaves)))
	if len(tiles) != len(l.tiles) {
		r.t.Fatalf("%d tiles at %d entries, x/mod says %d", len(l.tiles), len(l.leaves), len(tiles))
	}
	for _, tile := range tiles {
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			r.t.Fatal(err)
		}
		if got := l.tiles[[2]int64{int64(tile.L), tile.N}]; !bytes.Equal(got, want) {
			r.t.Fatalf("tile %s at %d entries differs from x/mod's", tile.Path(), len(l.leaves))
		}
	}
}
