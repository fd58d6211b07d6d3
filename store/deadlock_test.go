package store_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// Two commits that touch the same things in opposite orders both come to an end, because neither
// holds one while it waits for another: a third transaction stops both at the first of them, and
// the server never looks for deadlocks.
func TestPostgresCommitsDoNotDeadlock(t *testing.T) {
	first, second := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	observe := func(value []byte) cordon.Change {
		it := storetest.NewItem("acme")
		it.Op, it.Mode = "", cordon.ModeEvent // the org had it before
		return cordon.Change{Of: it.Ref, To: cordon.Observed, Item: &it, Lookups: []cordon.Lookup{{Kind: "observed", Value: value}},
			Entries: []cordon.Entry{storetest.Entry(cordon.EntryObserved, it.Ref)}}
	}
	for name, c := range map[string]struct {
		// prepare returns what stops everybody, and the two commits.
		prepare func(t *testing.T, db *store.DB) (stop string, args []any, one, two []cordon.Change)
		both    bool // are stored
	}{
		"what can be observed once": {func(t *testing.T, db *store.DB) (string, []any, []cordon.Change, []cordon.Change) {
			return `INSERT INTO lookups (tenant, kind, value, item) VALUES ('acme', 'observed', $1, 'itm_other')`, []any{first},
				[]cordon.Change{observe(first), observe(second)}, []cordon.Change{observe(second), observe(first)}
		}, false},
		"values of one item": {func(t *testing.T, db *store.DB) (string, []any, []cordon.Change, []cordon.Change) {
			one, two := observe(first), observe(second)
			one.Lookups = append(one.Lookups, cordon.Lookup{Kind: "observed", Value: second})
			two.Lookups = append(two.Lookups, cordon.Lookup{Kind: "observed", Value: first})
			return `INSERT INTO lookups (tenant, kind, value, item) VALUES ('acme', 'observed', $1, 'itm_other')`, []any{first},
				[]cordon.Change{one}, []cordon.Change{two}
		}, false},
		"items": {func(t *testing.T, db *store.DB) (string, []any, []cordon.Change, []cordon.Change) {
			a, b := storetest.NewItem("acme"), storetest.NewItem("acme")
			if a.ID > b.ID {
				a, b = b, a
			}
			if err := db.Commit(t.Context(), storetest.Receive(a), storetest.Receive(b)); err != nil {
				t.Fatal(err)
			}
			again := func(it cordon.Item) cordon.Change { return storetest.Move(it.Ref, cordon.Received, cordon.Received) }
			return `SELECT 1 FROM items WHERE id = $1 FOR UPDATE`, []any{a.ID},
				[]cordon.Change{again(a), again(b)}, []cordon.Change{again(b), again(a)}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			db, d := openPostgres(t)
			stop, args, one, two := c.prepare(t, db)
			admin, watch := connect(t, d.Admin), connect(t, d.Admin)
			if _, err := admin.Exec(t.Context(), `ALTER ROLE gateway SET deadlock_timeout = '1h'`); err != nil {
				t.Fatal(err)
			}
			defer admin.Exec(context.WithoutCancel(t.Context()), `ALTER ROLE gateway RESET deadlock_timeout`)
			db = openConfig(t, productionConfig(d)) // with connections that have the setting
			tx, err := admin.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), stop, args...); err != nil {
				t.Fatal(err)
			}
			results := make(chan error, 2)
			for i, changes := range [][]cordon.Change{one, two} {
				go func() { results <- db.Commit(t.Context(), changes...) }()
				untilWaiting(t, watch, i+1)
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			stored := 0
			for range 2 {
				select {
				case err := <-results:
					if err == nil {
						stored++
					} else if !errors.Is(err, cordon.ErrConflict) {
						t.Error(err)
					}
				case <-time.After(2 * time.Minute): // says only that it will never happen
					t.Fatal("the two wait for each other")
				}
			}
			if want := map[bool]int{true: 2, false: 1}[c.both]; stored != want {
				t.Errorf("%d are stored, want %d", stored, want)
			}
		})
	}
}

// untilWaiting returns when so many of the gateway's transactions wait for a lock.
func untilWaiting(t *testing.T, c *pgx.Conn, want int) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var n int
		if err := c.QueryRow(t.Context(), `
			SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'gateway' AND wait_event_type = 'Lock'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d transactions wait, want %d", n, want)
		}
	}
}
