package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

func testUnread(t *testing.T, db *store.DB) {
	ctx := t.Context()
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	entry := func(of cordon.Ref, at time.Time) []cordon.Entry {
		return []cordon.Entry{cordon.NewEntry(cordon.EntryRetried, of, at, cordon.Cordon, nil)}
	}
	observe := func(tenant cordon.TenantID, why cordon.Reason) cordon.Item {
		it := NewItem(tenant)
		it.Op, it.Mode = "", cordon.ModeEvent
		v := cordon.Verdict{Outcome: cordon.NotTested, Action: cordon.Watch, Reasons: []cordon.Reason{why, cordon.ReasonShadow}}
		commit(t, db, cordon.Change{Of: it.Ref, To: cordon.Observed, Item: &it, Entries: entry(it.Ref, start)},
			cordon.Change{Of: it.Ref, From: cordon.Observed, To: cordon.Inspected, Verdict: &v, Entries: entry(it.Ref, start)},
			cordon.Change{Of: it.Ref, From: cordon.Inspected, To: cordon.Kept, Entries: entry(it.Ref, start)})
		return it
	}
	first, second := observe(acme, cordon.ReasonNotReadable), observe(acme, cordon.ReasonNotReadable)
	observe(acme, cordon.ReasonGone)
	observe(other, cordon.ReasonNotReadable)
	due := func(at time.Time) (ids []cordon.ID) {
		t.Helper()
		for _, it := range must(db.Unread(ctx, acme, at, 10))(t) {
			ids = append(ids, it.ID)
		}
		return ids
	}
	wantEqual(t, "counted", must(db.CountUnread(ctx, acme))(t), 2)
	wantEqual(t, "due at once", len(due(start.Add(time.Minute))), 0)
	wantEqual(t, "due after an hour", len(due(start.Add(time.Hour))), 2)
	wantEqual(t, "limited", len(must(db.Unread(ctx, acme, start.Add(time.Hour), 1))(t)), 1)

	// Each attempt doubles the wait, and there is a last one.
	at, attempts := start, 0
	for wait := time.Hour; ; wait *= 2 {
		if len(due(at.Add(wait-time.Minute))) > 0 {
			t.Fatalf("due too early after %d attempts", attempts)
		}
		at = at.Add(wait)
		if !slices.Contains(due(at), first.ID) {
			break
		}
		attempts++
		commit(t, db, cordon.Change{Of: first.Ref, From: cordon.Kept, To: cordon.Kept, Entries: entry(first.Ref, at)})
		if attempts == 1 {
			v := cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass, Reasons: []cordon.Reason{}}
			commit(t, db, cordon.Change{Of: second.Ref, From: cordon.Kept, To: cordon.Kept, Verdict: &v, Entries: entry(second.Ref, at)})
			wantEqual(t, "counted after one was read", must(db.CountUnread(ctx, acme))(t), 1)
		}
		if attempts > 20 {
			t.Fatal("there is no last attempt")
		}
	}
	wantEqual(t, "attempts", attempts, 9)
	wantEqual(t, "still counted", must(db.CountUnread(ctx, acme))(t), 1)
}
