package storetest

import (
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// testItemsOwing: what a state owes is found missing, of all tenants, and what is owed, set aside
// or not asked for is not.
func testItemsOwing(t *testing.T, db *store.DB) {
	shred := []cordon.EffectKind{cordon.EffectShred, cordon.EffectLate}
	to := []cordon.State{cordon.Received, cordon.Erased}
	missing := func(withBytes bool, kinds ...cordon.EffectKind) map[cordon.ID]bool {
		t.Helper()
		out := map[cordon.ID]bool{}
		for _, it := range must(db.ItemsOwing(t.Context(), to, withBytes, kinds, 100))(t) {
			out[it.ID] = true
		}
		return out
	}
	put := func(tenant cordon.TenantID, owed ...cordon.EffectKind) cordon.Item {
		it := NewItem(tenant)
		c := Receive(it)
		for _, k := range owed {
			c.Effects = append(c.Effects, cordon.NewEffect(k, it.Ref))
		}
		commit(t, db, c)
		return it
	}
	bare, elsewhere, owing, late, others := put(acme), put(other), put(acme, cordon.EffectShred), put(acme, cordon.EffectLate), put(acme, cordon.EffectCallback)
	got := missing(true, shred...)
	for _, c := range []struct {
		it   cordon.Item
		want bool
	}{{bare, true}, {elsewhere, true}, {owing, false}, {late, false}, {others, true}} {
		wantEqual(t, "missing of "+string(c.it.ID), got[c.it.ID], c.want)
	}
	wantEqual(t, "how many", len(got), 3)
	wantEqual(t, "within a limit", len(must(db.ItemsOwing(t.Context(), to, true, shred, 2))(t)), 2)
	wantEqual(t, "in other states", len(must(db.ItemsOwing(t.Context(), []cordon.State{cordon.Held}, false, shred, 10))(t)), 0)

	// What was done is not owed any more; what is set aside for a person still is.
	done := read(t, db, owing.Ref)
	effects := must(db.EffectsOf(t.Context(), owing.Ref))(t)
	c := Move(done.Ref, cordon.Received, cordon.Received)
	c.Done = []cordon.ID{effects[0].ID}
	commit(t, db, c)
	wantEqual(t, "done", missing(true, shred...)[owing.ID], true)

	// Without bytes there is nothing to destroy.
	gone := read(t, db, bare.Ref)
	gone.Blob = ""
	c = Move(gone.Ref, cordon.Received, cordon.Received)
	c.Item = &gone
	commit(t, db, c)
	wantEqual(t, "without bytes", missing(true, shred...)[bare.ID], false)
	wantEqual(t, "without bytes, asked for", missing(false, shred...)[bare.ID], true)

	e := must(db.ClaimEffect(t.Context(), acme, must(db.EffectsOf(t.Context(), late.Ref))(t)[0].ID, "n/1", time.Minute))(t)
	wantEqual(t, "somebody is at it", missing(true, shred...)[late.ID], false)
	if err := db.GiveBack(t.Context(), acme, e.ID, "n/1"); err != nil {
		t.Fatal(err)
	}
}
