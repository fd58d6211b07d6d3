package storetest

import (
	"bytes"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// testItemsSame looks for content in one record among others with the same content.
func testItemsSame(t *testing.T, db *store.DB) {
	value, record := bytes.Repeat([]byte{9}, 32), "068000000000001AAA"
	put := func(tenant cordon.TenantID, upstream string, kind string, states ...cordon.State) cordon.ID {
		it := NewItem(tenant)
		it.UpstreamID = upstream
		c := Receive(it)
		c.Lookups = []cordon.Lookup{{Kind: kind, Value: value}}
		commit(t, db, c)
		from := cordon.Received
		for _, to := range states {
			commit(t, db, Move(it.Ref, from, to))
			from = to
		}
		return it.ID
	}
	first := put(acme, record, "digest")
	put(acme, "068000000000002AAA", "digest", cordon.Forwarding) // another record
	put(acme, "", "digest")                                      // not on its way
	put(acme, record, "retry")                                   // another look-up
	put(other, record, "digest")                                 // another tenant
	onItsWay := put(acme, "", "digest", cordon.Forwarding)
	unsettled := put(acme, "", "digest", cordon.Forwarding, cordon.Unsettled)
	second := put(acme, record, "digest")
	got := ids(must(db.ItemsSame(t.Context(), acme, "digest", value, record))(t))
	want := map[cordon.ID]bool{first: true, second: true, onItsWay: true, unsettled: true}
	if len(got) != len(want) {
		t.Fatalf("found %v", got)
	}
	for _, id := range got {
		if !want[id] {
			t.Errorf("found %s", id)
		}
	}
	wantEqual(t, "of other content", len(must(db.ItemsSame(t.Context(), acme, "digest", bytes.Repeat([]byte{8}, 32), record))(t)), 0)
}
