package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// wayTo returns the states from nothing to s through which something with a purpose can go.
func wayTo(p cordon.Purpose, s cordon.State) []cordon.State {
	ways := [][]cordon.State{{cordon.Received}, {cordon.Observed}}
	seen := map[cordon.State]bool{}
	for len(ways) > 0 {
		way := ways[0]
		ways = ways[1:]
		last := way[len(way)-1]
		if _, can := p.Stand(last); !can || seen[last] {
			continue
		}
		if seen[last] = true; last == s {
			return way
		}
		for _, next := range cordon.States() {
			if next != last && last.CanBecome(next) {
				ways = append(ways, append(slices.Clone(way), next))
			}
		}
	}
	return nil
}

// stood creates an item and takes it to a state by the steps that there are.
func stood(t testing.TB, db *store.DB, it cordon.Item, way []cordon.State) cordon.Item {
	t.Helper()
	c := Receive(it)
	c.To = way[0]
	commit(t, db, c)
	for i, to := range way[1:] {
		commit(t, db, Move(it.Ref, way[i], to))
	}
	return must(db.Item(t.Context(), it.Tenant, it.ID))(t)
}

// Everywhere puts an item of every operation and mode in every state in which it can be, and
// returns them as they stand.
func Everywhere(t testing.TB, db *store.DB, tenant cordon.TenantID, came time.Time) (all []cordon.Item) {
	t.Helper()
	for _, op := range append(cordon.Operations(), "") {
		for _, mode := range cordon.Modes() {
			purpose, possible := cordon.PurposeOf(op, mode)
			for _, s := range cordon.States() {
				if way := wayTo(purpose, s); possible && way != nil {
					it := NewItem(tenant)
					it.Op, it.Mode, it.ReceivedAt = op, mode, came
					all = append(all, stood(t, db, it, way))
				}
			}
		}
	}
	return all
}

// testStands takes items for everything an item can be for to every state, and holds what the
// store counts and lists against what each item says of itself.
func testStands(t *testing.T, db *store.DB) {
	ctx := t.Context()
	now := time.Now().UTC()
	unexamined := 0
	byState, owing, of := map[cordon.StandCount]int{}, map[cordon.Debt][]cordon.ID{}, map[cordon.ID]cordon.Item{}
	for _, it := range Everywhere(t, db, acme, now.Add(-time.Minute)) {
		purpose, _ := cordon.PurposeOf(it.Op, it.Mode)
		byState[cordon.StandCount{State: it.State, Purpose: purpose}]++
		if d := it.Stand().Owes; d != "" {
			owing[d] = append(owing[d], it.ID)
		}
		if it.Stand().Owes == cordon.OweRescan { // nobody judged it
			unexamined++
		}
		of[it.ID] = it
	}
	for _, op := range append(cordon.Operations(), "") {
		for _, mode := range cordon.Modes() {
			for _, s := range cordon.States() {
				if _, err := cordon.StandOf(s, op, mode); err != nil {
					it := NewItem(acme)
					it.Op, it.Mode = op, mode
					refused(t, db, it, s)
				}
			}
		}
	}
	got := must(db.Census(ctx, acme, now))(t)
	counted := map[cordon.StandCount]int{}
	for _, line := range got.Stands {
		n := line.Items
		line.Items = 0
		counted[line] += n
	}
	if d := cmp.Diff(byState, counted); d != "" {
		t.Errorf("counts by state and purpose (-want +got):\n%s", d)
	}
	wantEqual(t, "unexamined", got.Unexamined, unexamined)
	for _, d := range cordon.Debts() {
		wantEqual(t, "items that owe "+string(d), got.Owing(d), len(owing[d]))
		listed := ids(must(db.Items(ctx, acme, store.ItemQuery{Owes: d, Oldest: true, Limit: 1000}))(t))
		slices.Sort(owing[d])
		if diff := cmp.Diff(owing[d], listed); diff != "" {
			t.Errorf("the list of what owes %s is not what its number counts (-want +got):\n%s", d, diff)
		}
		if d == cordon.OweDelivery {
			for _, id := range listed {
				if of[id].Op == cordon.OpAsk {
					t.Errorf("%s was only asked about, and is listed as owing delivery", id)
				}
			}
		}
	}
	wantEqual(t, "another tenant's", len(must(db.Census(ctx, other, now))(t).Stands), 0)
	heldByAge(t, db, now)
}

// refused tries to take an item to a state that it cannot be in, by itself and by the item.
func refused(t *testing.T, db *store.DB, it cordon.Item, s cordon.State) {
	t.Helper()
	for _, from := range append([]cordon.State{""}, cordon.States()...) {
		if from == s || !from.CanBecome(s) {
			continue
		}
		c := Move(it.Ref, from, s)
		c.Item = &it
		if err := db.Commit(t.Context(), c); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("operation %q in mode %q went from %q to %s: %v", it.Op, it.Mode, from, s, err)
		}
		if p, ok := cordon.PurposeOf(it.Op, it.Mode); ok && from != "" && wayTo(p, from) != nil {
			there := it
			there.Ref.ID = cordon.NewID(cordon.PrefixItem)
			there.Tenant = "third" // not among what is counted
			there = stood(t, db, there, wayTo(p, from))
			if err := db.Commit(t.Context(), Move(there.Ref, from, s)); err == nil {
				t.Errorf("operation %q in mode %q went from %q to %s without its item", it.Op, it.Mode, from, s)
			}
			wantEqual(t, "what could not move", must(db.Item(t.Context(), there.Tenant, there.ID))(t).State, from)
		}
	}
}

// heldByAge holds the counts of what is on hold, by route and age, against what was put there.
func heldByAge(t *testing.T, db *store.DB, now time.Time) {
	t.Helper()
	tenant := cordon.TenantID("fourth")
	for i, age := range []time.Duration{time.Minute, 59 * time.Minute, time.Hour, 7 * time.Hour, 8 * time.Hour, 24 * time.Hour, 90 * time.Hour} {
		it := NewItem(tenant)
		it.Route, it.ReceivedAt = fmt.Sprintf("route-%d", i%2), now.Add(-age)
		stood(t, db, it, []cordon.State{cordon.Received, cordon.Inspected, cordon.Held})
	}
	stood(t, db, NewItem(tenant), []cordon.State{cordon.Received})
	line := func(route string, hour, shift, day, up int, oldest time.Duration) cordon.HeldCount {
		return cordon.HeldCount{Route: route, Channel: cordon.ChannelPortal, Hour: hour, Shift: shift, Day: day, Up: up, Oldest: now.Add(-oldest)}
	}
	want := []cordon.HeldCount{line("route-0", 1, 1, 1, 1, 90*time.Hour), line("route-1", 1, 1, 0, 1, 24*time.Hour)}
	got := must(db.Census(t.Context(), tenant, now))(t)
	if d := cmp.Diff(want, got.Held); d != "" {
		t.Errorf("on hold by route and age (-want +got):\n%s", d)
	}
	total := 0
	for _, h := range got.Held {
		total += h.Total()
	}
	wantEqual(t, "on hold in all routes", total, got.In(cordon.Held))
}
