package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

func recordValue(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

func linked(of cordon.Ref, links []cordon.Link, unlinks ...string) cordon.Change {
	return cordon.Change{Of: of, From: cordon.Received, To: cordon.Received, Links: links, Unlinks: unlinks,
		Entries: []cordon.Entry{Entry(cordon.EntryLinked, of)}}
}

func testLinks(t *testing.T, db *store.DB) {
	ctx := t.Context()
	one, two := receive(t, db, acme), receive(t, db, acme)
	wantEqual(t, "links of an item without", len(must(db.Links(ctx, acme, one.ID))(t)), 0)
	wantEqual(t, "links of no item", len(must(db.Links(ctx, acme))(t)), 0)
	a := cordon.Link{ID: "06A1", Record: recordValue(1), Share: "V", Visibility: "AllUsers", Sealed: []byte("sealed")}
	b := cordon.Link{ID: "06A2", Record: recordValue(2), Share: "I"}
	commit(t, db, linked(one.Ref, []cordon.Link{a, b}), linked(two.Ref, []cordon.Link{a}))
	if d := cmp.Diff(map[cordon.ID][]cordon.Link{one.ID: {a, b}, two.ID: {a}}, must(db.Links(ctx, acme, one.ID, two.ID, "itm_unknown"))(t)); d != "" {
		t.Fatalf("links (-want +got):\n%s", d)
	}
	on := func(record byte, want ...cordon.Item) {
		t.Helper()
		var got, ids []cordon.ID
		for _, it := range must(db.ItemsLinked(ctx, acme, recordValue(record), 100))(t) {
			got = append(got, it.ID)
		}
		for _, it := range want {
			ids = append(ids, it.ID)
		}
		slices.Sort(ids)
		slices.Reverse(ids)
		if d := cmp.Diff(ids, got); d != "" {
			t.Fatalf("items on record %d (-want +got):\n%s", record, d)
		}
	}
	on(1, one, two)
	on(2, one)
	on(3)
	wantEqual(t, "limited", len(must(db.ItemsLinked(ctx, acme, recordValue(1), 1))(t)), 1)

	// Nobody adds what is there or takes away what is not: somebody else was first.
	wantErr(t, db.Commit(ctx, linked(one.Ref, []cordon.Link{a})), cordon.ErrConflict)
	wantErr(t, db.Commit(ctx, linked(one.Ref, nil, "06A9")), cordon.ErrConflict)
	wantErr(t, db.Commit(ctx, linked(one.Ref, []cordon.Link{{ID: "06A3"}})), cordon.ErrInvalid)
	// A link that changes is taken away and added.
	moved := a
	moved.Record, moved.Share = recordValue(3), "C"
	commit(t, db, linked(one.Ref, []cordon.Link{moved}, "06A1"))
	on(1, two)
	on(3, one)
	commit(t, db, linked(one.Ref, nil, "06A2"))
	on(2)

	// Where the item's key is gone, what was sealed under it goes as well, and what only the
	// tenant's key tells stays; who is forgotten leaves neither.
	shred := linked(two.Ref, nil)
	bare := read(t, db, two.Ref)
	bare.WrappedKey, bare.Sealed = nil, nil
	shred.Item = &bare
	commit(t, db, shred)
	on(1, two)
	if l := must(db.Links(ctx, acme, two.ID))(t)[two.ID]; len(l) != 1 || l[0].Sealed != nil {
		t.Fatalf("links after shredding are %+v", l)
	}
	forget := linked(two.Ref, nil)
	forget.Forget = true
	commit(t, db, forget)
	on(1)
}

func testLinksOfOthers(t *testing.T, db *store.DB) {
	ctx := t.Context()
	mine, theirs := receive(t, db, acme), receive(t, db, other)
	commit(t, db, linked(mine.Ref, []cordon.Link{{ID: "06A1", Record: recordValue(1)}}))
	commit(t, db, linked(theirs.Ref, []cordon.Link{{ID: "06A1", Record: recordValue(1)}}))
	wantEqual(t, "items of one tenant", len(must(db.ItemsLinked(ctx, acme, recordValue(1), 10))(t)), 1)
	wantEqual(t, "links of another's item", len(must(db.Links(ctx, acme, theirs.ID))(t)), 0)
	wantErr(t, db.Commit(ctx, linked(cordon.Ref{Tenant: acme, Kind: cordon.KindItem, ID: theirs.ID}, nil, "06A1")), cordon.ErrConflict)
	c := cordon.Change{Of: cordon.Ref{Tenant: acme, Kind: cordon.KindSetting, ID: "x"}, From: "at", To: "at", Unlinks: []string{"06A1"}}
	c.Entries = []cordon.Entry{Entry(cordon.EntrySetting, c.Of)}
	wantErr(t, db.Commit(ctx, c), cordon.ErrInvalid)
}

func testDocuments(t *testing.T, db *store.DB) {
	ctx := t.Context()
	made := map[string][]cordon.ID{}
	for i, document := range []string{"069b", "069a", "069b", "", "069B", "069c"} {
		it := NewItem(acme)
		it.DocumentID, it.UpstreamID = document, fmt.Sprint("068", i)
		commit(t, db, Receive(it))
		made[document] = append(made[document], it.ID)
	}
	foreign := NewItem(other)
	foreign.DocumentID = "069a"
	commit(t, db, Receive(foreign))
	got := must(db.ItemsOfDocuments(ctx, acme, "069b", "069c", "069x"))(t)
	want := append(slices.Clone(made["069b"]), made["069c"]...)
	slices.Sort(want)
	for i, it := range got {
		if i >= len(want) || it.ID != want[i] {
			t.Fatalf("items are %v, want %v", got, want)
		}
	}
	wantEqual(t, "items", len(got), len(want))
	wantEqual(t, "items of no document", len(must(db.ItemsOfDocuments(ctx, acme, ""))(t)), 0)
	var all []string
	for after := ""; ; after = all[len(all)-1] {
		some := must(db.Documents(ctx, acme, after, 3))(t)
		all = append(all, some...)
		if len(some) < 3 {
			break
		}
	}
	slices.Sort(all)
	if d := cmp.Diff([]string{"069B", "069a", "069b", "069c"}, all); d != "" {
		t.Fatalf("documents (-want +got):\n%s", d)
	}
}
