package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// NewKnown returns an entry of the lists of known files with every field set.
func NewKnown(list cordon.KnownList, kind cordon.KnownKind, value []byte) cordon.Known {
	return cordon.Known{ID: cordon.NewID(cordon.PrefixKnown), List: list, Kind: kind, Value: value, Sealed: []byte("sealed"), Key: "key_1",
		By: cordon.Actor{Kind: cordon.Person, ID: "act_1"}, Expires: time.Now().Add(time.Hour).UTC()}
}

// know returns the change of the lists of known files.
func know(tenant cordon.TenantID, known ...cordon.Known) cordon.Change {
	of := cordon.Ref{Tenant: tenant, Kind: cordon.KindSetting, ID: cordon.KnownFiles}
	return cordon.Change{Of: of, From: "set", To: "set", Known: known, Entries: []cordon.Entry{Entry(cordon.EntrySetting, of)}}
}

func value(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func testKnown(t *testing.T, db *store.DB) {
	ctx := t.Context()
	_, ok, err := db.Known(ctx, acme, value(5))
	if ok || err != nil {
		t.Fatal(ok, err)
	}
	first := NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value(5))
	commit(t, db, know(acme, first))
	k, ok, err := db.Known(ctx, acme, value(5))
	if err != nil || !ok || k.At.IsZero() || k.Number != 1 {
		t.Fatalf("%+v, %v, %v", k, ok, err)
	}
	k.At, k.Number = time.Time{}, 0
	if d := cmp.Diff(first, k); d != "" {
		t.Fatal(d)
	}
	// A value is on one list: put on another it leaves the first, and the entry stays the same.
	again := NewKnown(cordon.KnownLawful, cordon.KnownSHA256, value(5))
	again.Expires = time.Time{}
	commit(t, db, know(acme, again))
	k, _, err = db.Known(ctx, acme, value(5))
	if err != nil || k.List != cordon.KnownLawful || k.ID != first.ID || !k.Expires.IsZero() {
		t.Fatalf("%+v, %v", k, err)
	}
	for what, found := range map[string]int{
		"by value": func() int { _, ok, _ := db.Known(ctx, other, value(5)); return map[bool]int{true: 1}[ok] }(),
		"by id":    len(must(db.KnownEntries(ctx, other, first.ID))(t)),
		"in pages": len(must(db.KnownPage(ctx, other, store.KnownQuery{Limit: 9}))(t)),
		"counted":  len(must(db.KnownCounts(ctx, other))(t)),
	} {
		if found != 0 {
			t.Errorf("another tenant's list answers %s", what)
		}
	}
	commit(t, db, know(acme, cordon.Known{Value: value(5), Remove: true}))
	if _, ok, err = db.Known(ctx, acme, value(5)); ok || err != nil {
		t.Fatal(ok, err)
	}
	commit(t, db, know(acme, cordon.Known{Value: value(5), Remove: true})) // gone already

	bad := know(acme, first)
	bad.Entries = nil
	wantErr(t, db.Commit(ctx, bad), cordon.ErrInvalid)
	// What was made from an item is forgotten with it.
	it := receive(t, db, acme)
	made := NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value(6))
	made.Item = it.ID
	commit(t, db, know(acme, made, NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value(7))))
	forget := Move(it.Ref, cordon.Received, cordon.Received)
	forget.Forget = true
	commit(t, db, forget)
	if left := must(db.KnownPage(ctx, acme, store.KnownQuery{Limit: 9}))(t); len(left) != 1 || !bytes.Equal(left[0].Value, value(7)) {
		t.Errorf("left on the lists: %+v", left)
	}

	elsewhere := know(acme, first)
	elsewhere.Of.ID = "another-setting"
	elsewhere.Entries[0].Of = elsewhere.Of
	wantErr(t, db.Commit(ctx, elsewhere), cordon.ErrInvalid)
	unfit := first
	unfit.List = "favourites"
	wantErr(t, db.Commit(ctx, know(acme, unfit)), cordon.ErrInvalid)
}

func testKnownByLikeness(t *testing.T, db *store.DB) {
	ctx := t.Context()
	if n := must(db.KnownNumber(ctx, acme))(t); n != 0 {
		t.Fatalf("number %d before the first change", n)
	}
	exact := NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value(1))
	a := NewKnown(cordon.KnownBlocked, cordon.KnownPDQ, value(2))
	b := NewKnown(cordon.KnownWatched, cordon.KnownPDQ, value(3))
	c := NewKnown(cordon.KnownOrdinary, cordon.KnownChromaprint, value(4))
	commit(t, db, know(acme, exact, a, b))
	commit(t, db, know(acme, c))
	since := func(n int64, limit int) (ids []cordon.ID, last int64) {
		for _, k := range must(db.KnownSince(ctx, acme, n, limit))(t) {
			ids, last = append(ids, k.ID), k.Number
		}
		return ids, last
	}
	wantIDs := func(got []cordon.ID, want ...cordon.ID) {
		t.Helper()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	got, _ := since(0, 100)
	wantIDs(got, a.ID, b.ID, c.ID)
	got, last := since(0, 1) // a change is never cut in two
	wantIDs(got, a.ID, b.ID)
	got, last = since(last, 1)
	wantIDs(got, c.ID)
	if n := must(db.KnownNumber(ctx, acme))(t); n != last || n != 2 {
		t.Fatalf("the last change is %d, entries say %d", n, last)
	}
	got, _ = since(last, 1)
	wantIDs(got)
	wantIDs(must(db.KnownLikeIDs(ctx, acme))(t), a.ID, b.ID, c.ID)
	if len(must(db.KnownSince(ctx, other, 0, 9))(t))+len(must(db.KnownLikeIDs(ctx, other))(t)) != 0 || must(db.KnownNumber(ctx, other))(t) != 0 {
		t.Error("another tenant's list answers")
	}
	// What moves to another list has changed.
	b2 := b
	b2.ID, b2.List = cordon.NewID(cordon.PrefixKnown), cordon.KnownBlocked
	commit(t, db, know(acme, b2))
	got, _ = since(last, 9)
	wantIDs(got, b.ID)
	entries := must(db.KnownEntries(ctx, acme, b.ID, a.ID, "knw_nobody"))(t)
	if len(entries) != 2 {
		t.Fatalf("%+v", entries)
	}
}

func testKnownPages(t *testing.T, db *store.DB) {
	ctx := t.Context()
	var all []cordon.Known
	for i := range 5 {
		k := NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value(byte(i)))
		if i == 2 {
			k.List, k.Kind = cordon.KnownWatched, cordon.KnownPDQ
		}
		all = append(all, k)
	}
	commit(t, db, know(acme, all...))
	var paged []cordon.ID
	for after := cordon.ID(""); ; {
		page := must(db.KnownPage(ctx, acme, store.KnownQuery{Limit: 2, After: after}))(t)
		if len(page) == 0 {
			break
		}
		for _, k := range page {
			paged = append(paged, k.ID)
		}
		after = page[len(page)-1].ID
	}
	if !slices.IsSortedFunc(paged, func(a, b cordon.ID) int { return -cmpID(a, b) }) || len(paged) != 5 {
		t.Errorf("pages: %v", paged)
	}
	if page := must(db.KnownPage(ctx, acme, store.KnownQuery{List: cordon.KnownWatched, Limit: 9}))(t); len(page) != 1 || page[0].ID != all[2].ID {
		t.Errorf("of one list: %+v", page)
	}
	if page := must(db.KnownPage(ctx, acme, store.KnownQuery{Kind: cordon.KnownSHA256, Limit: 9}))(t); len(page) != 4 {
		t.Errorf("of one kind: %+v", page)
	}
	want := []cordon.KnownCount{{List: cordon.KnownBlocked, Kind: cordon.KnownSHA256, Count: 4}, {List: cordon.KnownWatched, Kind: cordon.KnownPDQ, Count: 1}}
	if d := cmp.Diff(want, must(db.KnownCounts(ctx, acme))(t)); d != "" {
		t.Error(d)
	}
}

func cmpID(a, b cordon.ID) int { return bytes.Compare([]byte(a), []byte(b)) }

func testKnownEnds(t *testing.T, db *store.DB) {
	ctx := t.Context()
	now := time.Now().UTC()
	over, never, later := NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value(1)), NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value(2)), NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value(3))
	over.Expires, never.Expires, later.Expires = now.Add(-time.Second), time.Time{}, now.Add(time.Hour)
	commit(t, db, know(acme, over, never, later))
	ended := must(db.KnownExpired(ctx, acme, now, 10))(t)
	if len(ended) != 1 || ended[0].ID != over.ID || !ended[0].Expired(now) || later.Expired(now) || never.Expired(now) {
		t.Fatalf("%+v", ended)
	}
	// Of two who take it off, one does.
	commit(t, db, know(acme, cordon.Known{ID: over.ID, Remove: true}))
	wantErr(t, db.Commit(ctx, know(acme, cordon.Known{ID: over.ID, Remove: true})), cordon.ErrConflict)
	if n := must(db.KnownNumber(ctx, acme))(t); n != 2 {
		t.Errorf("a change that did not happen was counted: %d", n)
	}
}

// look returns the change by which an item is inspected and seen.
func look(it cordon.Item, s cordon.Seen) cordon.Change {
	c := Move(it.Ref, cordon.Received, cordon.Inspected)
	c.Seen = &s
	return c
}

func testSeen(t *testing.T, db *store.DB) {
	ctx := t.Context()
	now := time.Now().UTC()
	digest := value(7)
	see := func(ago time.Duration, print []byte) cordon.Item {
		it := NewItem(acme)
		c := Receive(it)
		c.Lookups = []cordon.Lookup{{Kind: "digest", Value: digest}}
		commit(t, db, c)
		commit(t, db, look(it, cordon.Seen{At: now.Add(-ago), Past: ago > time.Hour, Record: value(1), Print: print, Key: "key_1"}))
		return it
	}
	latest, middle, oldest := see(0, []byte("print")), see(time.Minute, nil), see(2*time.Hour, []byte("old"))
	ids := func(seen []cordon.Seen) (out []cordon.ID) {
		for _, s := range seen {
			out = append(out, s.Item)
		}
		return out
	}
	same := must(db.SeenSame(ctx, acme, "digest", digest, now.Add(-time.Hour), 9))(t)
	if !slices.Equal(ids(same), []cordon.ID{latest.ID, middle.ID}) {
		t.Fatalf("%+v", same)
	}
	if d := cmp.Diff(cordon.Seen{Item: latest.ID, At: now.Truncate(0), Record: value(1), Print: []byte("print"), Key: "key_1"}, same[0]); d != "" {
		t.Error(d)
	}
	if n := len(must(db.SeenSame(ctx, acme, "digest", digest, time.Time{}, 1))(t)); n != 1 {
		t.Errorf("%d of at most one", n)
	}
	if n := len(must(db.SeenSame(ctx, other, "digest", digest, time.Time{}, 9))(t)) + len(must(db.SeenItems(ctx, other, latest.ID))(t)) +
		len(must(db.SeenPrints(ctx, other, time.Time{}, 9))(t)); n != 0 {
		t.Errorf("another tenant sees %d", n)
	}
	prints := must(db.SeenPrints(ctx, acme, time.Time{}, 9))(t)
	if !slices.Equal(ids(prints), []cordon.ID{latest.ID, oldest.ID}) || !prints[1].Past {
		t.Errorf("%+v", prints)
	}
	// Looked at once more it was still seen when it was seen first.
	again := Move(latest.Ref, cordon.Inspected, cordon.Inspected)
	again.Seen = &cordon.Seen{At: now.Add(time.Hour), Record: value(2), Print: []byte("print 2"), Key: "key_2"}
	commit(t, db, again)
	if s := must(db.SeenItems(ctx, acme, latest.ID))(t); len(s) != 1 || !s[0].At.Equal(now) || s[0].Key != "key_2" || !bytes.Equal(s[0].Record, value(2)) {
		t.Errorf("%+v", s)
	}
	forget := Move(middle.Ref, cordon.Inspected, cordon.Inspected)
	forget.Forget = true
	commit(t, db, forget)
	if s := must(db.SeenItems(ctx, acme, middle.ID, oldest.ID))(t); len(s) != 1 || s[0].Item != oldest.ID {
		t.Errorf("forgotten and still there: %+v", s)
	}
	if n := must(db.DropSeen(ctx, acme, now.Add(-time.Hour), 10))(t); n != 1 {
		t.Errorf("%d were dropped for their age, want 1", n)
	}
	see(time.Second, nil)
	see(2*time.Second, nil)
	if n := must(db.DropSeen(ctx, acme, now.Add(-time.Hour), 2))(t); n != 1 {
		t.Errorf("%d were dropped for their number, want 1", n)
	}
	if s := must(db.SeenItems(ctx, acme, latest.ID))(t); len(s) != 1 {
		t.Error("the latest was dropped")
	}
	of := cordon.Ref{Tenant: acme, Kind: cordon.KindSetting, ID: "x"}
	wantErr(t, db.Commit(ctx, cordon.Change{Of: of, From: "set", To: "set", Seen: &cordon.Seen{}, Entries: []cordon.Entry{Entry(cordon.EntrySetting, of)}}), cordon.ErrInvalid)
}

// An intake key lives as long as something is sealed under it.
func testSeenKeepsItsKey(t *testing.T, db *store.DB) {
	ctx := t.Context()
	made := time.Now().Add(-100 * time.Hour)
	key := must(db.PutKey(ctx, cordon.KeyRow{Tenant: acme, ID: cordon.NewID(cordon.PrefixKey), Kind: "intake", Name: "day", Wrapped: []byte{1}, CreatedAt: made}))(t)
	it := receive(t, db, acme)
	commit(t, db, look(it, cordon.Seen{At: made, Print: []byte("print"), Key: key.ID}))
	if stale := must(db.StaleIntakeKeys(ctx, time.Now()))(t); len(stale) != 0 {
		t.Fatalf("a key that is needed counts as stale: %+v", stale)
	}
	must(db.DropSeen(ctx, acme, time.Now(), 10))(t)
	if stale := must(db.StaleIntakeKeys(ctx, time.Now()))(t); len(stale) != 1 {
		t.Fatalf("%+v", stale)
	}
}
