package storetest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/accident"
	"github.com/cordonhq/cordon/store"
)

func testCommitStoresEverything(t *testing.T, db *store.DB) {
	it := NewItem(acme)
	c := Receive(it)
	c.Lookups = []cordon.Lookup{{Kind: "digest", Value: bytes.Repeat([]byte{1}, 32)}}
	c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectRescan, it.Ref)}
	c.Effects[0].Payload = []byte(`{"a":1}`)
	c.Effects[0].NotBefore = time.Unix(2e9, 5).UTC()
	commit(t, db, c)

	want := it
	want.State, want.Version, want.ChangedAt = cordon.Received, 1, c.Entries[0].At
	if d := cmp.Diff(want, read(t, db, it.Ref)); d != "" {
		t.Fatalf("item (-want +got):\n%s", d)
	}
	history := must(db.History(t.Context(), acme, it.ID))(t)
	said := c.Entries[0] // and the version, which the store adds
	said.Facts = map[string]any{"size": 7, "reasons": []string{"a", "b"}, cordon.FactVersion: 1}
	body := must(said.Canonical())(t)
	if len(history) != 1 || history[0].Index != -1 || !bytes.Equal(history[0].Body, body) || history[0].Entry.ID != c.Entries[0].ID {
		t.Fatalf("history is %+v", history)
	}
	found := must(db.ItemByLookup(t.Context(), acme, "digest", c.Lookups[0].Value))(t)
	if len(found) != 1 || found[0].ID != it.ID {
		t.Fatalf("look-up found %d items", len(found))
	}
	owed := must(db.EffectsOf(t.Context(), it.Ref))(t)
	if len(owed) != 1 || owed[0].State != store.EffectOwed || cmp.Diff(owed[0].Effect, c.Effects[0]) != "" {
		t.Fatalf("effects are %+v", owed)
	}

	// A move without the item leaves all but state, verdict and time.
	m := Move(it.Ref, cordon.Received, cordon.Inspected)
	m.Verdict = &cordon.Verdict{Outcome: cordon.Synthetic, Action: cordon.Hold, Reasons: []cordon.Reason{"known-file"}, Policy: "p@1", At: time.Unix(9, 0).UTC()}
	m.Done = []cordon.ID{c.Effects[0].ID}
	commit(t, db, m)
	want.State, want.Version, want.ChangedAt, want.Verdict = cordon.Inspected, 2, m.Entries[0].At, m.Verdict
	if d := cmp.Diff(want, read(t, db, it.Ref)); d != "" {
		t.Fatalf("item after the move (-want +got):\n%s", d)
	}
	done := must(db.Effect(t.Context(), acme, c.Effects[0].ID))(t)
	wantEqual(t, "state of the effect", done.State, store.EffectDone)

	// One with the item changes everything, and a move without a verdict keeps it.
	want.Blob, want.WrappedKey, want.Sealed, want.UpstreamID = "", nil, nil, "068000000000001AAA"
	m = Move(it.Ref, cordon.Inspected, cordon.Forwarding)
	m.Item = &want
	commit(t, db, m, Move(it.Ref, cordon.Forwarding, cordon.Forwarding))
	got := read(t, db, it.Ref)
	want.State, want.Version, want.ChangedAt = cordon.Forwarding, 4, got.ChangedAt
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("item after it was carried (-want +got):\n%s", d)
	}
}

func testCommitAllOrNone(t *testing.T, db *store.DB) {
	there := receive(t, db, acme)
	fresh := NewItem(acme)
	c := Receive(fresh)
	c.Lookups = []cordon.Lookup{{Kind: "digest", Value: bytes.Repeat([]byte{2}, 32)}}
	c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectShred, fresh.Ref)}
	c.Findings = []cordon.Finding{{Detector: "marks"}}
	wantErr(t, db.Commit(t.Context(), c, Move(there.Ref, cordon.Held, cordon.Released)), cordon.ErrConflict)
	wantNothing(t, db, c)
	wantEqual(t, "state", read(t, db, there.Ref).State, cordon.Received)

	// The same with the failure first.
	wantErr(t, db.Commit(t.Context(), Move(there.Ref, cordon.Held, cordon.Released), c), cordon.ErrConflict)
	wantNothing(t, db, c)

	// Nothing of it is in the way of the next try.
	commit(t, db, c)
	wantErr(t, db.Commit(t.Context(), c), cordon.ErrConflict)
}

// wantNothing checks that no trace of a change that creates an item is there.
func wantNothing(t *testing.T, db *store.DB, c cordon.Change) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	_, err := db.Item(ctx, c.Of.Tenant, c.Of.ID)
	wantErr(t, err, cordon.ErrNotFound)
	_, err = db.EntryIndex(ctx, c.Of.Tenant, c.Entries[0].ID)
	wantErr(t, err, cordon.ErrNotFound)
	for _, e := range c.Effects {
		_, err = db.Effect(ctx, c.Of.Tenant, e.ID)
		wantErr(t, err, cordon.ErrNotFound)
	}
	for _, l := range c.Lookups {
		wantEqual(t, "items found", len(must(db.ItemByLookup(ctx, c.Of.Tenant, l.Kind, l.Value))(t)), 0)
	}
	wantEqual(t, "findings", len(must(db.Findings(ctx, c.Of.Tenant, c.Of.ID))(t)), 0)
	for _, p := range must(db.Pending(ctx, c.Of.Tenant, 1e6))(t) {
		if p.ID == c.Entries[0].ID {
			t.Fatal("its entry waits for the log")
		}
	}
}

// wantAll checks that a change that creates an item is there with its entry and effects.
func wantAll(t *testing.T, db *store.DB, c cordon.Change) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	must(db.Item(ctx, c.Of.Tenant, c.Of.ID))(t)
	must(db.EntryIndex(ctx, c.Of.Tenant, c.Entries[0].ID))(t)
	for _, e := range c.Effects {
		must(db.Effect(ctx, c.Of.Tenant, e.ID))(t)
	}
}

func testCommitRefuses(t *testing.T, db *store.DB) {
	it := NewItem(acme)
	for name, spoil := range map[string]func(*cordon.Change){
		"without an entry":        func(c *cordon.Change) { c.Entries = nil },
		"without its item":        func(c *cordon.Change) { c.Item = nil },
		"without a tenant":        func(c *cordon.Change) { c.Of.Tenant = "" },
		"step not on the list":    func(c *cordon.Change) { c.To = cordon.Delivered },
		"free text in an entry":   func(c *cordon.Change) { c.Entries[0].Facts = map[string]any{"note": "Jane Doe called"} },
		"entry of something else": func(c *cordon.Change) { c.Entries[0].Of.ID = "itm_x" },
	} {
		c := Receive(it)
		spoil(&c)
		if err := db.Commit(t.Context(), c); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%s: error is %v, want ErrInvalid", name, err)
		}
	}
	wantErr(t, db.Commit(t.Context(), Receive(it), Receive(NewItem(other))), cordon.ErrInvalid)
	_, err := db.Item(t.Context(), acme, it.ID)
	wantErr(t, err, cordon.ErrNotFound)
}

func testCommitInOrder(t *testing.T, db *store.DB) {
	it := NewItem(acme)
	commit(t, db, Receive(it), Move(it.Ref, cordon.Received, cordon.Inspected), Move(it.Ref, cordon.Inspected, cordon.Held))
	got := read(t, db, it.Ref)
	wantEqual(t, "state", got.State, cordon.Held)
	wantEqual(t, "version", got.Version, 3)
	wantEqual(t, "entries", len(must(db.History(t.Context(), acme, it.ID))(t)), 3)

	// The version of a carried item is the one that was read before the commit.
	got.Blob = "blb_2"
	second := Move(it.Ref, cordon.Released, cordon.Forwarding)
	second.Item = &got
	commit(t, db, Move(it.Ref, cordon.Held, cordon.Released), second)
	now := read(t, db, it.Ref)
	wantEqual(t, "version", now.Version, 5)
	wantEqual(t, "blob", now.Blob, "blb_2")

	// An item that is created and carried in one call was never read: its version is 0.
	fresh := NewItem(acme)
	carried := Move(fresh.Ref, cordon.Received, cordon.Inspected)
	carried.Item = &fresh
	commit(t, db, Receive(fresh), carried)
	wantEqual(t, "version", read(t, db, fresh.Ref).Version, 2)
}

func testCommitVersions(t *testing.T, db *store.DB) {
	it := receive(t, db, acme)
	commit(t, db, Move(it.Ref, cordon.Received, cordon.Received)) // someone else adds an entry
	stale := Move(it.Ref, cordon.Received, cordon.Inspected)
	stale.Item = &it
	wantErr(t, db.Commit(t.Context(), stale), cordon.ErrConflict)
	wantErr(t, db.Commit(t.Context(), Move(NewItem(acme).Ref, cordon.Received, cordon.Inspected)), cordon.ErrConflict)
	wantErr(t, db.Commit(t.Context(), Receive(it)), cordon.ErrConflict)
	wantEqual(t, "entries", len(must(db.History(t.Context(), acme, it.ID))(t)), 2)
}

func testCommitOfOtherThings(t *testing.T, db *store.DB) {
	of := cordon.Ref{Tenant: acme, Kind: cordon.KindSetting, ID: "policy"}
	change := func(from, to cordon.State) error {
		return db.Commit(t.Context(), cordon.Change{Of: of, From: from, To: to, Entries: []cordon.Entry{Entry(cordon.EntrySetting, of)}})
	}
	wantErr(t, change("draft", "live"), cordon.ErrConflict)
	wantErr(t, change("", "draft"), nil)
	wantErr(t, change("", "draft"), cordon.ErrConflict)
	wantErr(t, change("draft", "live"), nil)
	wantErr(t, change("draft", "live"), cordon.ErrConflict)
	wantErr(t, change("live", "live"), nil)
	wantErr(t, change("draft", "draft"), cordon.ErrConflict)
	wantEqual(t, "entries", len(must(db.HistoryOf(t.Context(), of))(t)), 3)

	of.ID = "never-seen"
	wantErr(t, change("set", "set"), nil)
	wantErr(t, change("set", "set"), nil)
	wantEqual(t, "entries", len(must(db.HistoryOf(t.Context(), of))(t)), 2)
}

func testOneOfManyWins(t *testing.T, db *store.DB) {
	it := receive(t, db, acme)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch err := db.Commit(t.Context(), Move(it.Ref, cordon.Received, cordon.Inspected)); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, cordon.ErrConflict):
				t.Errorf("error is %v, want ErrConflict", err)
			}
		})
	}
	wg.Wait()
	wantEqual(t, "winners", won.Load(), 1)
	wantEqual(t, "entries", len(must(db.History(t.Context(), acme, it.ID))(t)), 2)
}

func testConflictFailsAlone(t *testing.T, db *store.DB) {
	there := receive(t, db, acme)
	var wg sync.WaitGroup
	var kept atomic.Int32
	for i := range 64 {
		wg.Go(func() {
			if i%4 == 0 {
				wantErrIn(t, db.Commit(t.Context(), Receive(there)), cordon.ErrConflict)
				return
			}
			c := Receive(NewItem(acme))
			c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectShred, c.Of)}
			if err := db.Commit(t.Context(), c); err != nil {
				t.Errorf("a commit failed because of another: %v", err)
				return
			}
			kept.Add(1)
		})
	}
	wg.Wait()
	wantEqual(t, "commits", kept.Load(), 48)
	wantEqual(t, "items", must(db.Census(t.Context(), acme, time.Now()))(t).In(cordon.Received), 49)
	wantEqual(t, "effects", len(must(db.OwedEffects(t.Context(), 1000))(t)), 48)
}

func wantErrIn(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want one that wraps %v", err, want)
	}
}

func testCancelledCommit(t *testing.T, db *store.DB) {
	c := Receive(NewItem(acme))
	wantErr(t, db.Commit(ctxDone, c), context.Canceled)
	wantNothing(t, db, c)

	// Whenever the caller leaves, the answer and the truth are the same.
	var wg sync.WaitGroup
	var yes, no atomic.Int32
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*300*time.Microsecond)
			defer cancel()
			c := Receive(NewItem(acme))
			err := db.Commit(ctx, c)
			_, there := db.Item(t.Context(), acme, c.Of.ID)
			switch {
			case err == nil && there == nil:
				yes.Add(1)
			case err != nil && errors.Is(there, cordon.ErrNotFound):
				no.Add(1)
			default:
				t.Errorf("commit said %v, reading says %v", err, there)
			}
		})
	}
	wg.Wait()
	t.Logf("%d happened, %d did not", yes.Load(), no.Load())
	wantEqual(t, "answers", yes.Load()+no.Load(), 200)
}

var errPulled = errors.New("the plug was pulled")

func accidentChange() cordon.Change {
	c := Receive(NewItem(acme))
	c.Lookups = []cordon.Lookup{{Kind: "digest", Value: bytes.Repeat([]byte{3}, 32)}}
	c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectShred, c.Of)}
	return c
}

func testAccidentFailed(t *testing.T, db *store.DB) {
	c := accidentChange()
	wantErr(t, db.Commit(accident.With(t.Context(), accident.BeforeCommit, errPulled), c), errPulled)
	wantNothing(t, db, c)
	commit(t, db, c)
	wantAll(t, db, c)
}

func testAccidentPersisted(t *testing.T, db *store.DB) {
	c := accidentChange()
	// The answer was lost, so the store asks, and learns that it happened.
	if err := db.Commit(accident.With(t.Context(), accident.AfterCommit, errPulled), c); err != nil {
		t.Fatalf("it is stored, and the error says %v", err)
	}
	wantAll(t, db, c)
	commit(t, db, Move(c.Of, cordon.Received, cordon.Inspected))
}

func testMigrateTwice(t *testing.T, db *store.DB) {
	it := receive(t, db, acme)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	read(t, db, it.Ref)
}

func testCommitted(t *testing.T, db *store.DB) {
	var told atomic.Int32
	db.Committed(func(tenant cordon.TenantID) {
		if tenant == acme {
			told.Add(1)
		}
	})
	it := receive(t, db, acme)
	wantErr(t, db.Commit(t.Context(), Receive(it)), cordon.ErrConflict)
	wantEqual(t, "calls", told.Load(), 1)
}
