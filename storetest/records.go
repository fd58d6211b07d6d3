package storetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

func ids(items []cordon.Item) []cordon.ID {
	out := []cordon.ID{}
	for _, it := range items {
		out = append(out, it.ID)
	}
	return out
}

func testItems(t *testing.T, db *store.DB) {
	var all []cordon.ID
	base := time.Now().UTC()
	for i := range 9 {
		it := NewItem(acme)
		it.ReceivedAt = base.Add(time.Duration(i) * time.Second)
		it.Route = []string{"portal", "sync", "portal"}[i%3]
		c := []cordon.Change{Receive(it)}
		if i%3 > 0 {
			c = append(c, Move(it.Ref, cordon.Received, cordon.Inspected))
		}
		if i%3 == 2 {
			c = append(c, Move(it.Ref, cordon.Inspected, cordon.Held))
		}
		commit(t, db, c...)
		all = append(all, it.ID)
		time.Sleep(2 * time.Millisecond) // identifiers sort by the millisecond
	}
	receive(t, db, other)
	newest := slices.Clone(all)
	slices.Reverse(newest)
	pick := func(from []cordon.ID, at ...int) []cordon.ID {
		out := []cordon.ID{}
		for _, i := range at {
			out = append(out, from[i])
		}
		return out
	}
	for name, c := range map[string]struct {
		q    store.ItemQuery
		want []cordon.ID
	}{
		"all":         {store.ItemQuery{}, newest},
		"oldest":      {store.ItemQuery{Oldest: true}, all},
		"page":        {store.ItemQuery{Limit: 2}, newest[:2]},
		"next page":   {store.ItemQuery{Limit: 2, After: newest[1]}, newest[2:4]},
		"next oldest": {store.ItemQuery{Limit: 2, Oldest: true, After: all[1]}, all[2:4]},
		"held":        {store.ItemQuery{States: []cordon.State{cordon.Held}}, pick(all, 8, 5, 2)},
		"two states":  {store.ItemQuery{States: []cordon.State{cordon.Held, cordon.Received}, Limit: 3}, pick(all, 8, 6, 5)},
		"route":       {store.ItemQuery{Route: "sync"}, pick(all, 7, 4, 1)},
		"before":      {store.ItemQuery{Before: base.Add(2 * time.Second)}, pick(all, 1, 0)},
		"none":        {store.ItemQuery{Route: "nowhere"}, []cordon.ID{}},
		"everything": {store.ItemQuery{States: []cordon.State{cordon.Held, cordon.Inspected}, Route: "portal", Oldest: true,
			Before: base.Add(time.Minute), After: all[2]}, pick(all, 5, 8)},
	} {
		got := must(db.Items(t.Context(), acme, c.q))(t)
		if d := cmp.Diff(c.want, ids(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	wantEqual(t, "items received of all tenants", len(must(db.ItemsIn(t.Context(), cordon.Received, 100))(t)), 4)
	wantEqual(t, "limited", len(must(db.ItemsIn(t.Context(), cordon.Received, 2))(t)), 2)
}

func testLookups(t *testing.T, db *store.DB) {
	value := bytes.Repeat([]byte{7}, 32)
	var order []cordon.ID
	for range 3 {
		c := Receive(NewItem(acme))
		c.Lookups = []cordon.Lookup{{Kind: "retry", Value: value}, {Kind: "digest", Value: value}}
		commit(t, db, c)
		order = append([]cordon.ID{c.Of.ID}, order...)
		time.Sleep(2 * time.Millisecond)
	}
	got := ids(must(db.ItemByLookup(t.Context(), acme, "retry", value))(t))
	if d := cmp.Diff(order, got); d != "" {
		t.Fatalf("newest first (-want +got):\n%s", d)
	}
	wantEqual(t, "another kind", len(must(db.ItemByLookup(t.Context(), acme, "idempotency", value))(t)), 0)

	add := Move(cordon.Ref{Tenant: acme, Kind: cordon.KindItem, ID: order[0]}, cordon.Received, cordon.Received)
	add.Lookups = []cordon.Lookup{{Kind: "retry", Value: value}} // again: no error
	commit(t, db, add)
	add.Entries = []cordon.Entry{Entry(cordon.EntryShredded, add.Of)}
	add.Forget = true
	commit(t, db, add)
	got = ids(must(db.ItemByLookup(t.Context(), acme, "retry", value))(t))
	if d := cmp.Diff(order[1:], got); d != "" {
		t.Fatalf("after forgetting one (-want +got):\n%s", d)
	}
}

// onlyOneGets lets many create an item with the same look-up value at the same time: one
// does, and the others meet cordon.ErrConflict. It returns that item.
func onlyOneGets(t *testing.T, db *store.DB, kind string, value []byte) cordon.Item {
	t.Helper()
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			c := Receive(NewItem(acme))
			c.Lookups = []cordon.Lookup{{Kind: kind, Value: value}}
			if err := db.Commit(t.Context(), c); err == nil {
				won.Add(1)
			} else {
				wantErrIn(t, err, cordon.ErrConflict)
			}
		})
	}
	wg.Wait()
	wantEqual(t, "winners", won.Load(), 1)
	found := must(db.ItemByLookup(t.Context(), acme, kind, value))(t)
	wantEqual(t, "items", len(found), 1)
	return found[0]
}

func testIdempotencyOnce(t *testing.T, db *store.DB) {
	value := bytes.Repeat([]byte{8}, 32)
	first := onlyOneGets(t, db, "idempotency", value)

	// Another tenant's key is another key, and a forgotten one is free.
	c := Receive(NewItem(other))
	c.Lookups = []cordon.Lookup{{Kind: "idempotency", Value: value}}
	commit(t, db, c)
	forget := Move(first.Ref, cordon.Received, cordon.Received)
	forget.Forget = true
	commit(t, db, forget)
	c = Receive(NewItem(acme))
	c.Lookups = []cordon.Lookup{{Kind: "idempotency", Value: value}}
	commit(t, db, c)
}

func testTenantsApart(t *testing.T, db *store.DB) {
	it := NewItem(acme)
	value := bytes.Repeat([]byte{9}, 32)
	c := Receive(it)
	c.Lookups = []cordon.Lookup{{Kind: "digest", Value: value}}
	c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectShred, it.Ref)}
	c.Findings = []cordon.Finding{{Detector: "marks"}}
	ctx := t.Context()
	key := must(db.PutKey(ctx, cordon.KeyRow{Tenant: acme, ID: cordon.NewID(cordon.PrefixKey), Kind: "lookup", Name: "n", Wrapped: []byte{1}, CreatedAt: time.Now()}))(t)
	commit(t, db, c)
	actor := must(db.ActorFor(ctx, acme, cordon.Person, "jane"))(t)
	commit(t, db, know(acme, NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value)))
	wantErr(t, db.RememberClient(ctx, acme, value, "app", time.Now().Add(time.Hour)), nil)
	wantErr(t, db.PutSession(ctx, store.Session{Tenant: acme, TokenHash: value, Actor: actor, Until: time.Now().Add(time.Hour)}), nil)

	notFound := map[string]error{}
	_, notFound["item"] = db.Item(ctx, other, it.ID)
	_, notFound["entry"] = db.EntryIndex(ctx, other, c.Entries[0].ID)
	_, notFound["effect"] = db.Effect(ctx, other, c.Effects[0].ID)
	_, notFound["key"] = db.Key(ctx, other, key.ID)
	_, notFound["key by name"] = db.KeyNamed(ctx, other, "lookup", "n")
	_, notFound["actor"] = db.ActorName(ctx, other, actor.ID)
	_, notFound["client"] = db.ClientOf(ctx, other, value)
	_, notFound["session"] = db.Session(ctx, other, value)
	_, notFound["tile"] = db.Tile(ctx, other, 0, 0)
	for what, err := range notFound {
		if !errors.Is(err, cordon.ErrNotFound) {
			t.Errorf("%s of another tenant: %v, want ErrNotFound", what, err)
		}
	}
	ref := it.Ref
	ref.Tenant = other
	_, known, err := db.Known(ctx, other, value)
	for what, n := range map[string]int{
		"items":    len(must(db.Items(ctx, other, store.ItemQuery{}))(t)),
		"counts":   len(must(db.Census(ctx, other, time.Now()))(t).Stands),
		"look-ups": len(must(db.ItemByLookup(ctx, other, "digest", value))(t)),
		"findings": len(must(db.Findings(ctx, other, it.ID))(t)),
		"history":  len(must(db.History(ctx, other, it.ID))(t)),
		"effects":  len(must(db.EffectsOf(ctx, ref))(t)),
		"pending":  len(must(db.Pending(ctx, other, 10))(t)),
	} {
		if n != 0 {
			t.Errorf("%s of another tenant: %d", what, n)
		}
	}
	if known || err != nil {
		t.Errorf("a file known to another tenant: %v, %v", known, err)
	}
	wantErr(t, db.Commit(ctx, Move(ref, cordon.Received, cordon.Inspected)), cordon.ErrConflict)
	done := Receive(NewItem(other))
	done.Done = []cordon.ID{c.Effects[0].ID}
	wantErr(t, db.Commit(ctx, done), cordon.ErrConflict)
	wantErr(t, db.DeleteKey(ctx, other, key.ID), nil)
	must(db.Key(ctx, acme, key.ID))(t)
}

func testFindings(t *testing.T, db *store.DB) {
	it := receive(t, db, acme)
	score := 0.25
	first := []cordon.Finding{
		{Detector: "c2pa", Version: "1", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelManifestBroken,
			Sentence: "It does not match.", Detail: map[string]any{"codes": []any{"a", "b"}}, Took: 1500 * time.Microsecond},
		{Detector: "model", Status: cordon.StatusFound, Class: cordon.Statistical, Score: &score, Calibrated: true},
	}
	c := Move(it.Ref, cordon.Received, cordon.Inspected)
	c.Findings = first
	commit(t, db, c)
	c = Move(it.Ref, cordon.Inspected, cordon.Inspected)
	c.Findings = []cordon.Finding{{Detector: "late", Status: cordon.StatusFailed, Label: cordon.LabelTimeout}}
	commit(t, db, c)
	want := append(first, c.Findings...)
	want[1].Detail, want[2].Detail = map[string]any{}, map[string]any{}
	if d := cmp.Diff(want, must(db.Findings(t.Context(), acme, it.ID))(t)); d != "" {
		t.Fatalf("findings (-want +got):\n%s", d)
	}
}

func testKeys(t *testing.T, db *store.DB) {
	k := cordon.KeyRow{Tenant: acme, ID: cordon.NewID(cordon.PrefixKey), Kind: "subject", Name: "abc", Wrapped: []byte{1, 2, 3}, CreatedAt: time.Now().UTC()}
	if d := cmp.Diff(k, must(db.PutKey(t.Context(), k))(t)); d != "" {
		t.Fatal(d)
	}
	second := k
	second.ID, second.Wrapped = cordon.NewID(cordon.PrefixKey), []byte{9}
	if d := cmp.Diff(k, must(db.PutKey(t.Context(), second))(t)); d != "" {
		t.Fatalf("the first row stands (-want +got):\n%s", d)
	}
	if d := cmp.Diff(k, must(db.KeyNamed(t.Context(), acme, "subject", "abc"))(t)); d != "" {
		t.Fatal(d)
	}
	wantErr(t, db.DeleteKey(t.Context(), acme, k.ID), nil)
	wantErr(t, db.DeleteKey(t.Context(), acme, k.ID), nil)
	_, err := db.Key(t.Context(), acme, k.ID)
	wantErr(t, err, cordon.ErrNotFound)

	// Many at once agree on one.
	var mu sync.Mutex
	stands := map[cordon.ID]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			row, err := db.PutKey(t.Context(), cordon.KeyRow{Tenant: acme, ID: cordon.NewID(cordon.PrefixKey), Kind: "intake", Name: "2026-01-01", Wrapped: []byte{1}})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			stands[row.ID] = true
		})
	}
	wg.Wait()
	wantEqual(t, "keys", len(stands), 1)
}

func testStaleIntakeKeys(t *testing.T, db *store.DB) {
	now := time.Now().UTC()
	put := func(tenant cordon.TenantID, kind, name string, age time.Duration) cordon.ID {
		return must(db.PutKey(t.Context(), cordon.KeyRow{Tenant: tenant, ID: cordon.NewID(cordon.PrefixKey), Kind: kind, Name: name,
			Wrapped: []byte{1}, CreatedAt: now.Add(-age)}))(t).ID
	}
	used := put(acme, "intake", "d1", 72*time.Hour)
	put(acme, "subject", "s", 72*time.Hour)
	put(acme, "intake", "today", time.Hour)
	idle := put(other, "intake", "d1", 48*time.Hour)

	it := NewItem(acme)
	it.KeyID = used
	commit(t, db, Receive(it))
	stale := func() []cordon.ID {
		out := []cordon.ID{}
		for _, k := range must(db.StaleIntakeKeys(t.Context(), now.Add(-24*time.Hour)))(t) {
			out = append(out, k.ID)
		}
		return out
	}
	if d := cmp.Diff([]cordon.ID{idle}, stale()); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
	it = read(t, db, it.Ref)
	it.WrappedKey = nil
	shred := Move(it.Ref, cordon.Received, cordon.Received)
	shred.Item = &it
	commit(t, db, shred)
	if d := cmp.Diff([]cordon.ID{used, idle}, stale()); d != "" {
		t.Fatalf("after shredding (-want +got):\n%s", d)
	}
}

func testActors(t *testing.T, db *store.DB) {
	ctx := t.Context()
	jane := must(db.ActorFor(ctx, acme, cordon.Person, "jane@example.com"))(t)
	again := must(db.ActorFor(ctx, acme, cordon.Person, "jane@example.com"))(t)
	wantEqual(t, "pseudonym", again, jane)
	wantEqual(t, "name", must(db.ActorName(ctx, acme, jane.ID))(t), "jane@example.com")
	for _, different := range []cordon.Actor{
		must(db.ActorFor(ctx, acme, cordon.Client, "jane@example.com"))(t),
		must(db.ActorFor(ctx, other, cordon.Person, "jane@example.com"))(t),
		must(db.ActorFor(ctx, acme, cordon.Person, "joe@example.com"))(t),
	} {
		if different.ID == jane.ID {
			t.Error("two actors share a pseudonym")
		}
	}
	wantEqual(t, "Cordon", must(db.ActorFor(ctx, acme, cordon.Self, ""))(t), cordon.Cordon)
	_, err := db.ActorFor(ctx, acme, cordon.Person, "")
	wantErr(t, err, cordon.ErrInvalid)
	_, err = db.ActorName(ctx, acme, "act_nobody")
	wantErr(t, err, cordon.ErrNotFound)
}

func testClients(t *testing.T, db *store.DB) {
	ctx := t.Context()
	token := sha256.Sum256([]byte("token"))
	wantErr(t, db.RememberClient(ctx, acme, token[:], "app-1", time.Now().Add(time.Hour)), nil)
	wantErr(t, db.RememberClient(ctx, acme, token[:], "app-2", time.Now().Add(time.Hour)), nil)
	wantEqual(t, "client", must(db.ClientOf(ctx, acme, token[:]))(t), "app-2")
	wantErr(t, db.RememberClient(ctx, acme, token[:], "app-2", time.Now().Add(-time.Second)), nil)
	_, err := db.ClientOf(ctx, acme, token[:])
	wantErr(t, err, cordon.ErrNotFound)
}

func testSessions(t *testing.T, db *store.DB) {
	ctx := t.Context()
	s := store.Session{Tenant: acme, TokenHash: []byte("one"), Actor: cordon.Actor{Kind: cordon.Person, ID: "act_1"},
		CreatedAt: time.Now().UTC(), Until: time.Now().Add(time.Hour).UTC()}
	wantErr(t, db.PutSession(ctx, s), nil)
	if d := cmp.Diff(s, must(db.Session(ctx, acme, s.TokenHash))(t)); d != "" {
		t.Fatal(d)
	}
	over := s
	over.TokenHash, over.Until = []byte("two"), time.Now().Add(-time.Second)
	wantErr(t, db.PutSession(ctx, over), nil)
	_, err := db.Session(ctx, acme, over.TokenHash)
	wantErr(t, err, cordon.ErrNotFound)
	wantErr(t, db.DeleteSession(ctx, acme, s.TokenHash), nil)
	_, err = db.Session(ctx, acme, s.TokenHash)
	wantErr(t, err, cordon.ErrNotFound)
}

func testRouteUse(t *testing.T, db *store.DB) {
	ctx := t.Context()
	first, last := time.Unix(1000, 0).UTC(), time.Unix(2000, 0).UTC()
	for _, when := range []time.Time{time.Unix(1500, 0), last, first} {
		wantErr(t, db.TouchRoute(ctx, acme, "portal", "inspected", when), nil)
	}
	wantErr(t, db.TouchRoute(ctx, acme, "portal", "refused", last), nil)
	wantErr(t, db.TouchRoute(ctx, other, "portal", "inspected", last), nil)
	var got []store.RouteUse
	eventually(t, "the counts are written", func() bool {
		got = must(db.RouteUse(ctx, acme))(t)
		return len(got) == 2
	})
	want := []store.RouteUse{
		{Route: "portal", What: "inspected", Count: 3, First: first, Last: last},
		{Route: "portal", What: "refused", Count: 1, First: last, Last: last},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}
