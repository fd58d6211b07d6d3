package storetest

import (
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

func testThings(t *testing.T, db *store.DB) {
	list := func(tenant cordon.TenantID, kind cordon.Kind, want ...string) {
		t.Helper()
		got := must(db.Things(t.Context(), tenant, kind))(t)
		if got == nil || len(got) != len(want) {
			t.Fatalf("%s has the %s %+v, want %v", tenant, kind, got, want)
		}
		for i, thing := range got {
			one := must(db.Thing(t.Context(), thing.Ref))(t)
			if string(thing.ID) != want[i] || thing.Tenant != tenant || thing.State != one.State || thing.Version != one.Version || string(thing.Value) != string(one.Value) {
				t.Errorf("listed is %+v, by itself %+v", thing, one)
			}
		}
	}
	list(acme, cordon.KindBackfill)
	for _, of := range []cordon.Ref{
		{Tenant: acme, Kind: cordon.KindBackfill, ID: "two"}, {Tenant: acme, Kind: cordon.KindBackfill, ID: "one"},
		{Tenant: other, Kind: cordon.KindBackfill, ID: "theirs"}, {Tenant: acme, Kind: "plan", ID: "none"},
	} {
		commit(t, db, cordon.Change{Of: of, To: "running", Value: []byte(of.ID), Entries: []cordon.Entry{Entry(cordon.EntrySetting, of)}})
	}
	list(acme, cordon.KindBackfill, "one", "two")
	list(other, cordon.KindBackfill, "theirs")
	list(other, "plan")
}
