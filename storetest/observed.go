package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

func testValues(t *testing.T, db *store.DB) {
	of := cordon.Ref{Tenant: acme, Kind: cordon.KindSetting, ID: "cursor"}
	change := func(from, to cordon.State, value []byte, version int64) cordon.Change {
		return cordon.Change{Of: of, From: from, To: to, Value: value, Version: version, Entries: []cordon.Entry{Entry(cordon.EntrySetting, of)}}
	}
	_, err := db.Thing(t.Context(), of)
	wantErr(t, err, cordon.ErrNotFound)
	is := func(state cordon.State, version int64, value []byte) {
		t.Helper()
		got := must(db.Thing(t.Context(), of))(t)
		if got.Ref != of || got.State != state || got.Version != version || !bytes.Equal(got.Value, value) || (got.Value == nil) != (value == nil) {
			t.Fatalf("thing is %+v", got)
		}
	}
	commit(t, db, change("at", "at", nil, 0))
	is("at", 1, nil)
	commit(t, db, change("at", "at", []byte("one"), 1))
	is("at", 2, []byte("one"))
	commit(t, db, change("at", "at", nil, 0)) // an entry without a word on the value leaves it
	is("at", 3, []byte("one"))
	commit(t, db, change("at", "done", []byte("two"), 3))
	is("done", 4, []byte("two"))
	commit(t, db, change("done", "at", nil, 0))
	is("at", 5, []byte("two"))

	// All or none, with items beside it.
	it := NewItem(acme)
	commit(t, db, Receive(it), change("at", "at", []byte("three"), cordon.AnyVersion))
	is("at", 6, []byte("three"))
	wantErr(t, db.Commit(t.Context(), change("at", "at", []byte("four"), 6), Receive(it)), cordon.ErrConflict)
	is("at", 6, []byte("three"))

	// The version is the one that was read before the call, also for a second change in it.
	commit(t, db, change("at", "done", []byte("four"), 6), change("done", "at", []byte("five"), 6))
	is("at", 8, []byte("five"))

	of.ID = "made"
	commit(t, db, change("", "at", []byte("first"), 0))
	is("at", 1, []byte("first"))
	of.Tenant = other
	_, err = db.Thing(t.Context(), of)
	wantErr(t, err, cordon.ErrNotFound)

	of.Tenant = acme
	wantErr(t, db.Commit(t.Context(), change("at", "at", make([]byte, cordon.MaxValue+1), 1)), cordon.ErrInvalid)
	c := Receive(NewItem(acme))
	c.Value = []byte("an item has none")
	wantErr(t, db.Commit(t.Context(), c), cordon.ErrInvalid)
}

// Of two who read the same thing and write what they made of it, one is told.
func testThingVersions(t *testing.T, db *store.DB) {
	of := cordon.Ref{Tenant: acme, Kind: cordon.KindRemoval, ID: cordon.NewID(cordon.PrefixRemoval)}
	write := func(from, to cordon.State, version int64, value string) error {
		c := cordon.Change{Of: of, From: from, To: to, Version: version, Entries: []cordon.Entry{Entry(cordon.EntryProposed, of)}}
		if value != "" {
			c.Value = []byte(value)
		}
		return db.Commit(t.Context(), c)
	}
	wantErr(t, write("", "proposed", 0, "none"), nil)
	wantErr(t, write("", "proposed", 0, "none"), cordon.ErrConflict)
	read := must(db.Thing(t.Context(), of))(t)
	wantErr(t, write("proposed", "proposed", read.Version, "late-look"), nil)
	for _, version := range []int64{read.Version, 0, 9} { // read before, never read, never there
		wantErr(t, write("proposed", "proposed", version, "known-later"), cordon.ErrConflict)
		wantErr(t, write("proposed", "dismissed", version, "known-later"), cordon.ErrConflict)
	}
	now := must(db.Thing(t.Context(), of))(t)
	if now.Version != 2 || string(now.Value) != "late-look" {
		t.Fatalf("thing is %+v", now)
	}
	wantErr(t, write("proposed", "dismissed", now.Version, "dismissed"), nil)
	// A step that is not on the list is none, whoever asks; nor does a kind nobody has listed move.
	wantErr(t, write("dismissed", "accepted", 3, "no"), cordon.ErrInvalid)
	wantErr(t, write("dismissed", "answered", 3, "no"), cordon.ErrInvalid)
	of.Kind = "unheard-of"
	wantErr(t, write("", "proposed", 0, "no"), cordon.ErrInvalid)
}

// Things are found by whom they are about and by when they are due.
func testThingsFound(t *testing.T, db *store.DB) {
	due := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for i, id := range []cordon.ID{"a", "b", "c", "d"} {
		of := cordon.Ref{Tenant: acme, Kind: cordon.KindAlert, ID: id}
		c := cordon.Change{Of: of, To: "accepted", Value: []byte("x"), Entries: []cordon.Entry{Entry(cordon.EntryAlert, of)}}
		if c.Subject = "act_1"; i%2 == 1 {
			c.Subject = "itm_1"
		}
		if id != "d" {
			c.DueAt = due.Add(-time.Duration(i) * time.Hour)
		}
		commit(t, db, c)
	}
	find := func(tenant cordon.TenantID, q store.ThingQuery) (ids string) {
		t.Helper()
		for _, thing := range must(db.FindThings(t.Context(), tenant, cordon.KindAlert, q))(t) {
			ids += string(thing.ID)
		}
		return ids
	}
	wantEqual(t, "due, the first of them first", find(acme, store.ThingQuery{Due: due.Add(time.Second)}), "cba")
	wantEqual(t, "due before", find(acme, store.ThingQuery{Due: due}), "cb")
	wantEqual(t, "due, behind the first", find(acme, store.ThingQuery{Due: due, After: "c"}), "b")
	wantEqual(t, "about an item", find(acme, store.ThingQuery{Subject: "itm_1"}), "db")
	wantEqual(t, "about an actor, in a state", find(acme, store.ThingQuery{Subject: "act_1", State: "accepted"}), "ca")
	wantEqual(t, "in another state", find(acme, store.ThingQuery{Subject: "act_1", State: "answered"}), "")
	wantEqual(t, "of another tenant", find(other, store.ThingQuery{Subject: "act_1"}), "")
	of := cordon.Ref{Tenant: acme, Kind: cordon.KindAlert, ID: "c"}
	commit(t, db, cordon.Change{Of: of, From: "accepted", To: "answered", Version: 1, Value: []byte("y"), Subject: "act_1", Entries: []cordon.Entry{Entry(cordon.EntryAnswered, of)}})
	wantEqual(t, "due once it is answered", find(acme, store.ThingQuery{Due: due}), "b")
	got := must(db.Thing(t.Context(), of))(t)
	if got.Subject != "act_1" || !got.DueAt.IsZero() {
		t.Errorf("thing is %+v", got)
	}
}

func testItemsUpstream(t *testing.T, db *store.DB) {
	var made []cordon.ID
	for _, upstream := range []string{"068000000000001AAA", "068000000000001AAA", "068000000000002AAA", ""} {
		it := NewItem(acme)
		it.UpstreamID = upstream
		commit(t, db, Receive(it))
		made = append(made, it.ID)
	}
	got := must(db.ItemsUpstream(t.Context(), acme, "068000000000001AAA"))(t)
	if len(got) != 2 || got[0].ID != max(made[0], made[1]) || got[1].ID != min(made[0], made[1]) {
		t.Fatalf("items are %v", got)
	}
	wantEqual(t, "items of no record", len(must(db.ItemsUpstream(t.Context(), acme, ""))(t)), 0)
	wantEqual(t, "items of another tenant", len(must(db.ItemsUpstream(t.Context(), other, "068000000000001AAA"))(t)), 0)
}

// Of many who observe the same content, one makes the item.
func testObservedOnce(t *testing.T, db *store.DB) {
	value := bytes.Repeat([]byte{9}, 32)
	onlyOneGets(t, db, "observed", value)
	c := Receive(NewItem(other))
	c.Lookups = []cordon.Lookup{{Kind: "observed", Value: value}}
	commit(t, db, c)
}

func testThings(t *testing.T, db *store.DB) {
	list := func(tenant cordon.TenantID, after cordon.ID, limit int) (ids []cordon.ID) {
		t.Helper()
		for _, thing := range must(db.Things(t.Context(), tenant, cordon.KindAlert, after, limit))(t) {
			if thing.State == "" || thing.Version == 0 || thing.ChangedAt.IsZero() || thing.Tenant != tenant || thing.Kind != cordon.KindAlert {
				t.Errorf("listed: %+v", thing)
			}
			ids = append(ids, thing.ID)
		}
		return ids
	}
	wantEqual(t, "things before any", len(list(acme, "", 10)), 0)
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for i, id := range []cordon.ID{"d", "b", "c", "a"} { // two of them at one instant
		of := cordon.Ref{Tenant: acme, Kind: cordon.KindAlert, ID: id}
		e := Entry(cordon.EntryAlert, of)
		e.At = at.Add(time.Duration(i/2) * time.Second)
		commit(t, db, cordon.Change{Of: of, To: "accepted", Value: []byte{byte(i)}, Entries: []cordon.Entry{e}})
	}
	wantEqual(t, "all", slices.Equal(list(acme, "", 10), []cordon.ID{"c", "a", "d", "b"}), true)
	wantEqual(t, "first page", slices.Equal(list(acme, "", 3), []cordon.ID{"c", "a", "d"}), true)
	wantEqual(t, "behind it", slices.Equal(list(acme, "d", 3), []cordon.ID{"b"}), true)
	wantEqual(t, "at the end", len(list(acme, "b", 3)), 0)
	wantEqual(t, "of another tenant", len(list(other, "", 10)), 0)

	of := cordon.Ref{Tenant: acme, Kind: cordon.KindAlert, ID: "d"}
	commit(t, db, cordon.Change{Of: of, From: "accepted", To: "answered", Entries: []cordon.Entry{Entry(cordon.EntryAnswered, of)}})
	in := func(state cordon.State, after cordon.ID) (ids []cordon.ID) {
		for _, thing := range must(db.ThingsIn(t.Context(), acme, cordon.KindAlert, state, after, 2))(t) {
			if thing.State != state {
				t.Errorf("listed as %s: %+v", state, thing)
			}
			ids = append(ids, thing.ID)
		}
		return ids
	}
	wantEqual(t, "closed", slices.Equal(in("answered", ""), []cordon.ID{"d"}), true)
	wantEqual(t, "open", slices.Equal(in("accepted", ""), []cordon.ID{"c", "a"}), true)
	wantEqual(t, "open, behind them", slices.Equal(in("accepted", "a"), []cordon.ID{"b"}), true)
	counts := must(db.CountThings(t.Context(), acme, cordon.KindAlert))(t)
	wantEqual(t, "counts", len(counts) == 2 && counts["accepted"] == 3 && counts["answered"] == 1, true)
	wantEqual(t, "counts of another tenant", len(must(db.CountThings(t.Context(), other, cordon.KindAlert))(t)), 0)
}
