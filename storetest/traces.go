package storetest

import (
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

func testTraces(t *testing.T, db *store.DB) {
	const one, two, three = "068000000000001AAA", "068000000000002AAA", "068000000000003AAA"
	made := func(tenant cordon.TenantID, upstream string) cordon.Item {
		it := NewItem(tenant)
		it.UpstreamID, it.Client = upstream, "act_1"
		commit(t, db, Receive(it))
		return it
	}
	judge := func(of cordon.Ref, from, to cordon.State, kind cordon.EntryKind, outcome string) {
		c := Move(of, from, to)
		c.Entries = []cordon.Entry{Entry(kind, of)}
		c.Entries[0].Facts = map[string]any{"outcome": outcome, "reasons": []string{"shadow"}}
		commit(t, db, c)
	}
	first := made(acme, one)
	judge(first.Ref, cordon.Received, cordon.Inspected, cordon.EntryInspected, "cannot-tell")
	judge(first.Ref, cordon.Inspected, cordon.Forwarding, cordon.EntryForward, "none")
	judge(first.Ref, cordon.Forwarding, cordon.Delivered, cordon.EntryRescanned, "no-sign")
	second := made(acme, one) // its bytes were written over
	other := made(acme, two)
	made("other", three)
	made(acme, "")

	got := must(db.Traces(t.Context(), acme, []string{one, two, three, "", one}))(t)
	if len(got) != 2 || len(got[two]) != 1 {
		t.Fatalf("traces of %d records: %+v", len(got), got)
	}
	byItem := map[cordon.ID]store.Trace{}
	for _, tr := range append(got[one], got[two]...) {
		byItem[tr.Item] = tr
	}
	if len(byItem) != 3 {
		t.Fatalf("traces are of %d items", len(byItem))
	}
	tr := byItem[first.ID]
	if tr.UpstreamID != one || tr.Object != first.Object || tr.Op != first.Op || tr.State != cordon.Delivered || tr.Channel != first.Channel ||
		tr.Client != "act_1" || tr.Entries != 4 || tr.Judged == nil || tr.Judged.Facts["outcome"] != "no-sign" {
		t.Errorf("the inspected item is %+v", tr)
	}
	for _, it := range []cordon.Item{second, other} {
		if tr := byItem[it.ID]; tr.Entries != 1 || tr.Judged != nil || tr.UpstreamID != it.UpstreamID {
			t.Errorf("an item that was only received is %+v", tr)
		}
	}
	wantEqual(t, "traces of nothing", len(must(db.Traces(t.Context(), acme, nil))(t)), 0)
	wantEqual(t, "traces of another tenant", len(must(db.Traces(t.Context(), "other", []string{one, two}))(t)), 0)
}
