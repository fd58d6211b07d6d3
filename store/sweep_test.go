package store_test

import (
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// onBoth runs a test on both engines.
func onBoth(t *testing.T, f func(*testing.T, *store.DB)) {
	t.Run("sqlite", func(t *testing.T) { f(t, openSQLite(t)) })
	t.Run("postgres", func(t *testing.T) {
		db, _ := openPostgres(t)
		f(t, db)
	})
}

// What is owed and due has a job after each way of losing one, and a backlog gets no second ones.
func TestSweepFindsWhatNoJobPointsAt(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		waiting := func(what string, want int) {
			t.Helper()
			if n, err := db.WaitingJobs(ctx); err != nil || n != want {
				t.Fatalf("%s: %d jobs wait, want %d (%v)", what, n, want, err)
			}
		}
		sweep := func() {
			t.Helper()
			if err := db.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
		}
		oweMany(t, db, 3)
		owed, err := db.OwedEffects(ctx, 10)
		if err != nil || len(owed) != 3 {
			t.Fatal(owed, err)
		}
		waiting("with the commit", 3)
		sweep()
		if err := db.SweepLost(ctx); err != nil {
			t.Fatal(err)
		}
		waiting("a backlog that everything points at", 3)

		// A process took one and died; its lease is over.
		if _, err := db.ClaimEffect(ctx, "acme", owed[0].ID, "dead", -time.Second); err != nil {
			t.Fatal(err)
		}
		sweep()
		waiting("one whose process died", 4)
		sweep()
		waiting("found once", 4)

		// A job comes while somebody is at it, and is used up.
		if _, err := db.ClaimEffect(ctx, "acme", owed[1].ID, "one", time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ClaimEffect(ctx, "acme", owed[1].ID, "another", time.Hour); err == nil {
			t.Fatal("two have one effect")
		}
		sweep()
		waiting("one in hand", 4)
		if err := db.GiveBack(ctx, "acme", owed[1].ID, "one"); err != nil {
			t.Fatal(err)
		}
		waiting("given back", 5)

		// The queue loses all.
		if err := db.LoseJobs(ctx); err != nil {
			t.Fatal(err)
		}
		sweep()
		waiting("lost, and not looked for", 0)
		if err := db.SweepLost(ctx); err != nil {
			t.Fatal(err)
		}
		waiting("lost and found", 3)

		// What is not due yet is nobody's concern.
		c := storetest.Receive(storetest.NewItem("acme"))
		e := cordon.NewEffect(cordon.EffectShred, c.Of)
		e.NotBefore = time.Now().Add(time.Hour)
		c.Effects = []cordon.Effect{e}
		if err := db.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := db.LoseJobs(ctx); err != nil {
			t.Fatal(err)
		}
		if err := db.SweepLost(ctx); err != nil {
			t.Fatal(err)
		}
		waiting("due ones", 3)
	})
}
