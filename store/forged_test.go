package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// raw is a database as somebody has it who can write SQL and lacks the keys folder.
type raw struct {
	*sql.DB
	t        testing.TB
	postgres bool
}

func (r raw) exec(text string, args ...any) {
	r.t.Helper()
	if _, err := r.Exec(text, args...); err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
}

var quiet = slog.New(slog.DiscardHandler)

// bothRaw runs a test on both engines, with a store and everything that SQL can do to it.
func bothRaw(t *testing.T, f func(*testing.T, *store.DB, raw)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cordon.db")
		db := openConfig(t, store.Config{Path: path, Log: quiet})
		sdb, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sdb.Close() })
		for _, trigger := range []string{"entries_stay", "entries_last", "leaves_stay", "leaves_last", "checkpoints_stay", "checkpoints_last"} {
			if _, err := sdb.Exec("DROP TRIGGER " + trigger); err != nil {
				t.Fatal(err)
			}
		}
		f(t, db, raw{sdb, t, false})
	})
	t.Run("postgres", func(t *testing.T) {
		d := pgcluster.Start(t)
		conf := productionConfig(d)
		conf.Log = quiet
		db := openConfig(t, conf)
		sdb, err := sql.Open("pgx", d.Owner)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sdb.Close() })
		r := raw{sdb, t, true}
		rows, err := sdb.Query(`SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relnamespace = current_schema()::regnamespace`)
		if err != nil {
			t.Fatal(err)
		}
		var tables []string
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			tables = append(tables, name)
		}
		for _, name := range tables { // the owner may as well
			r.exec("ALTER TABLE " + name + " NO FORCE ROW LEVEL SECURITY")
		}
		f(t, db, r)
	})
}

func wantForged(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, cordon.ErrForged) {
		t.Errorf("%s: error is %v, want cordon.ErrForged", what, err)
	}
}

func held(t *testing.T, db *store.DB) cordon.Item {
	t.Helper()
	it := storetest.NewItem("acme")
	if err := db.Commit(t.Context(), storetest.Receive(it), storetest.Move(it.Ref, cordon.Received, cordon.Inspected),
		storetest.Move(it.Ref, cordon.Inspected, cordon.Held)); err != nil {
		t.Fatal(err)
	}
	return it
}

// A held file is not released by SQL: neither by its row, nor by an entry, nor by what is owed.
func TestReleaseBySQL(t *testing.T) {
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		ctx := t.Context()
		it, other := held(t, db), held(t, db)
		r.exec(`UPDATE items SET state = 'released', version = version + 1 WHERE id = '` + string(it.ID) + `'`)
		r.exec(`INSERT INTO effects (tenant, id, kind, of_kind, of_id, state, not_before, attempts, code, holder, lease_until, created_at, done_at)
			VALUES ('acme', 'eff_forged', 'release', 'item', '` + string(it.ID) + `', 'owed', 0, 0, '', '', 0, 1, 0)`)
		_, err := db.Item(ctx, "acme", it.ID)
		wantForged(t, "the item", err)
		wantForged(t, "a move of it", db.Commit(ctx, storetest.Move(it.Ref, cordon.Released, cordon.Forwarding)))
		_, err = db.ClaimEffect(ctx, "acme", "eff_forged", "me", time.Minute)
		wantForged(t, "the effect", err)
		wantForged(t, "a person who wishes for it", db.RetryEffect(ctx, "acme", "eff_forged", "", time.Now(), ""))
		listed, err := db.Items(ctx, "acme", store.ItemQuery{})
		if err != nil || len(listed) != 2 {
			t.Fatalf("%d items are listed, %v: one row must not hide the rest", len(listed), err)
		}
		for _, l := range listed {
			if l.Forged != (l.ID == it.ID) {
				t.Errorf("item %s is listed as forged: %t", l.ID, l.Forged)
			}
			l.Blob = ""
			c := storetest.Move(l.Ref, l.State, l.State)
			c.Item = &l
			if err := db.Commit(ctx, c); (l.ID == it.ID) != errors.Is(err, cordon.ErrForged) {
				t.Errorf("a change that carries %s as it is listed: %v", l.ID, err)
			}
		}
		if err := db.Commit(ctx, storetest.Move(other.Ref, cordon.Held, cordon.Rejected)); err != nil {
			t.Errorf("another item does not move any more: %v", err)
		}
		if n := db.Forged(); n["items"] == 0 || n["effects"] == 0 {
			t.Errorf("counted: %v", n)
		}
	})
}

// What waits for its place in the log is placed only if Cordon wrote it, and does not keep the rest.
func TestForgedEntryIsNotPlaced(t *testing.T) {
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		it := held(t, db)
		e := cordon.NewEntry(cordon.EntryReleased, it.Ref, time.Now().UTC(), cordon.Actor{Kind: cordon.Person, ID: "act_1"}, map[string]any{"review": "genuine"})
		body, err := e.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		r.exec(fmt.Sprintf(`INSERT INTO entries (tenant, id, of_kind, of_id, body) VALUES ('acme', '%s', 'item', '%s', %s)`, e.ID, it.ID, r.bytes(body)))
		r.exec(`INSERT INTO unsequenced (tenant, seq) SELECT tenant, seq FROM entries WHERE id = '` + string(e.ID) + `'`)
		after := held(t, db)
		for _, limit := range []int{1, 3, 4, 100} {
			pending, err := db.Pending(t.Context(), "acme", limit)
			if err != nil || len(pending) != min(limit, 6) {
				t.Fatalf("%d of at most %d entries wait, %v", len(pending), limit, err)
			}
			for _, p := range pending {
				if p.ID == e.ID {
					t.Fatal("the forged entry would be signed")
				}
			}
		}
		if got, err := db.Item(t.Context(), "acme", after.ID); err != nil || got.State != cordon.Held {
			t.Error(err)
		}
		// Nor does it speak for the item in place of Cordon's own.
		if got, err := db.Item(t.Context(), "acme", it.ID); err != nil || got.State != cordon.Held {
			t.Errorf("item is %q, %v", got.State, err)
		}
	})
}

func (r raw) bytes(b []byte) string {
	if r.postgres {
		return fmt.Sprintf(`'\x%x'`, b)
	}
	return fmt.Sprintf("x'%x'", b)
}

// An old row has a mark that fits. What the ledger says since tells that it is old.
func TestOldRowPutBack(t *testing.T) {
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		ctx := t.Context()
		it := held(t, db)
		if err := db.Commit(ctx, storetest.Move(it.Ref, cordon.Held, cordon.Released)); err != nil {
			t.Fatal(err)
		}
		r.exec(`CREATE TABLE kept AS SELECT * FROM items WHERE id = '` + string(it.ID) + `'`)
		if err := db.Commit(ctx, storetest.Move(it.Ref, cordon.Released, cordon.Held)); err != nil { // its target is not permitted
			t.Fatal(err)
		}
		r.exec(`DELETE FROM items WHERE id = '` + string(it.ID) + `'`)
		r.exec(`INSERT INTO items SELECT * FROM kept`)
		_, err := db.Item(ctx, "acme", it.ID)
		wantForged(t, "the item", err)
		wantForged(t, "a move of it", db.Commit(ctx, storetest.Move(it.Ref, cordon.Released, cordon.Forwarding)))
		listed, err := db.Items(ctx, "acme", store.ItemQuery{})
		if err != nil || len(listed) != 1 {
			t.Fatal(err)
		}
		c := storetest.Move(it.Ref, cordon.Released, cordon.Forwarding)
		c.Item = &listed[0]
		wantForged(t, "a move that carries it as it is listed", db.Commit(ctx, c))
	})
}

// That a thing is not there is believed only where the ledger never spoke of it.
func TestThingTakenAway(t *testing.T) {
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		ctx := t.Context()
		of := cordon.Ref{Tenant: "acme", Kind: cordon.KindRemoval, ID: cordon.NewID(cordon.PrefixRemoval)}
		c := cordon.Change{Of: of, To: "proposed", Value: []byte("x"), Entries: []cordon.Entry{storetest.Entry(cordon.EntryProposed, of)}}
		if err := db.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
		r.exec(`UPDATE things SET value = ` + r.bytes([]byte("y")))
		_, err := db.Thing(ctx, of)
		wantForged(t, "a thing with another value", err)
		r.exec(`DELETE FROM things`)
		_, err = db.Thing(ctx, of)
		wantForged(t, "a thing that is gone", err)
		c.Entries[0] = storetest.Entry(cordon.EntryProposed, of)
		wantForged(t, "making it anew", db.Commit(ctx, c))
		of.ID = "rmv_never"
		if _, err := db.Thing(ctx, of); !errors.Is(err, cordon.ErrNotFound) {
			t.Errorf("a thing that never was: %v", err)
		}
	})
}

// Nobody signs in by SQL, nor as somebody else, nor again with a session that was ended.
func TestSignInBySQL(t *testing.T) {
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		ctx := t.Context()
		jane, err := db.ActorFor(ctx, "acme", cordon.Person, "jane")
		if err != nil {
			t.Fatal(err)
		}
		joe, err := db.ActorFor(ctx, "acme", cordon.Person, "joe")
		if err != nil {
			t.Fatal(err)
		}
		hash := []byte(strings.Repeat("h", 32))
		session := store.Session{Tenant: "acme", TokenHash: hash, Actor: jane, CreatedAt: time.Now(), Until: time.Now().Add(time.Hour)}
		if err := db.PutSession(ctx, session); err != nil {
			t.Fatal(err)
		}
		r.exec(fmt.Sprintf(`INSERT INTO sessions (tenant, token, actor_kind, actor_id, created_at, until) VALUES ('acme', %s, 'person', '%s', 1, 4000000000000000000)`,
			r.bytes([]byte("forged")), joe.ID))
		_, err = db.Session(ctx, "acme", []byte("forged"))
		wantForged(t, "a made session", err)
		r.exec(`CREATE TABLE kept AS SELECT * FROM sessions`)
		restore := func() { r.exec(`DELETE FROM sessions`); r.exec(`INSERT INTO sessions SELECT * FROM kept`) }
		for _, change := range []string{`actor_id = '` + string(joe.ID) + `'`, `actor_kind = 'client'`, `until = until + 1`, `created_at = created_at + 1`, `mac = NULL`} {
			r.exec(`UPDATE sessions SET ` + change)
			_, err := db.Session(ctx, "acme", hash)
			wantForged(t, change, err)
			restore()
		}
		if _, err := db.Session(ctx, "acme", hash); err != nil {
			t.Fatal(err)
		}
		if err := db.DeleteSession(ctx, "acme", hash); err != nil {
			t.Fatal(err)
		}
		restore()
		_, err = db.Session(ctx, "acme", hash)
		wantForged(t, "a session that was ended", err)

		r.exec(`UPDATE actors SET name = 'x' WHERE id = '` + string(jane.ID) + `'`)
		r.exec(`UPDATE actors SET name = 'jane' WHERE id = '` + string(joe.ID) + `'`)
		_, err = db.ActorName(ctx, "acme", joe.ID)
		wantForged(t, "a name that was swapped", err)
		_, err = db.ActorFor(ctx, "acme", cordon.Person, "jane")
		wantForged(t, "who has the name now", err)
	})
}

// Lists of known files neither lose nor gain nor change an entry unseen.
func TestListsBySQL(t *testing.T) {
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		ctx := t.Context()
		of := cordon.Ref{Tenant: "acme", Kind: cordon.KindSetting, ID: cordon.KnownFiles}
		value := func(b byte) []byte { return []byte(strings.Repeat(string(rune(b)), 32)) }
		put := func(known ...cordon.Known) {
			t.Helper()
			if err := db.Commit(ctx, cordon.Change{Of: of, From: "set", To: "set", Known: known, Entries: []cordon.Entry{storetest.Entry(cordon.EntrySetting, of)}}); err != nil {
				t.Fatal(err)
			}
		}
		blocked := storetest.NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, value('a'))
		lawful := blocked
		lawful.List = cordon.KnownLawful
		put(lawful)
		r.exec(`CREATE TABLE before AS SELECT * FROM known`)
		r.exec(`CREATE TABLE sums AS SELECT * FROM known_sums`)
		put(blocked, storetest.NewKnown(cordon.KnownWatched, cordon.KnownPDQ, value('b')))
		r.exec(`CREATE TABLE kept AS SELECT * FROM known`)
		whole := func() {
			t.Helper()
			if k, ok, err := db.Known(ctx, "acme", value('a')); err != nil || !ok || k.List != cordon.KnownBlocked {
				t.Fatalf("the lists as they were: %+v, %t, %v", k, ok, err)
			}
			if _, err := db.KnownSince(ctx, "acme", 0, 100); err != nil {
				t.Fatal(err)
			}
			if _, ok, err := db.Known(ctx, "acme", value('z')); err != nil || ok {
				t.Fatal(ok, err)
			}
		}
		whole()
		for name, change := range map[string]string{
			"turned":               `UPDATE known SET list = 'lawful' WHERE kind = 'sha256'`,
			"ended":                `UPDATE known SET expires = 1 WHERE kind = 'sha256'`,
			"taken away":           `DELETE FROM known WHERE kind = 'sha256'`,
			"as it was before":     `DELETE FROM known WHERE kind = 'sha256'; INSERT INTO known SELECT * FROM before`,
			"with the other value": `UPDATE known SET value = ` + r.bytes(value('a')[:31]) + ` WHERE kind = 'sha256'`,
		} {
			r.exec(change)
			_, _, err := db.Known(ctx, "acme", value('a'))
			wantForged(t, name, err)
			r.exec(`DELETE FROM known`)
			r.exec(`INSERT INTO known SELECT * FROM kept`)
			whole()
		}
		r.exec(`DELETE FROM known WHERE kind = 'pdq'`)
		_, err := db.KnownSince(ctx, "acme", 0, 100)
		wantForged(t, "what looks alike, taken away", err)
		r.exec(`INSERT INTO known SELECT * FROM kept WHERE kind = 'pdq'`)
		whole()
		// With everything that says otherwise taken away or put back, but the ledger.
		r.exec(`CREATE TABLE after AS SELECT * FROM known_sums`)
		for name, change := range map[string]string{
			"without sums":     `DELETE FROM known_sums`,
			"with older sums":  `DELETE FROM known_sums; INSERT INTO known_sums SELECT * FROM sums; DELETE FROM known; INSERT INTO known SELECT * FROM before`,
			"without anything": `DELETE FROM known_sums; DELETE FROM known`,
			"nor the setting":  `CREATE TABLE things_kept AS SELECT * FROM things; DELETE FROM known_sums; DELETE FROM known; DELETE FROM things`,
		} {
			r.exec(change)
			_, _, err := db.Known(ctx, "acme", value('a'))
			wantForged(t, name, err)
			r.exec(`DELETE FROM known; DELETE FROM known_sums; INSERT INTO known SELECT * FROM kept; INSERT INTO known_sums SELECT * FROM after`)
			if name == "nor the setting" {
				r.exec(`INSERT INTO things SELECT * FROM things_kept; DROP TABLE things_kept`)
			}
			whole()
		}
		put(cordon.Known{Value: value('a'), Remove: true})
		if _, ok, err := db.Known(ctx, "acme", value('a')); err != nil || ok {
			t.Error(ok, err)
		}
	})
}

// A look-up value leads to the item that Cordon entered under it.
func TestLookupBySQL(t *testing.T) {
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		value := []byte(strings.Repeat("v", 32))
		first, second := storetest.NewItem("acme"), storetest.NewItem("acme")
		c := storetest.Receive(first)
		c.Lookups = []cordon.Lookup{{Kind: "idempotency", Value: value}}
		if err := db.Commit(t.Context(), c, storetest.Receive(second)); err != nil {
			t.Fatal(err)
		}
		r.exec(`UPDATE lookups SET item = '` + string(second.ID) + `'`)
		found, err := db.ItemByLookup(t.Context(), "acme", "idempotency", value)
		if err != nil || len(found) != 0 {
			t.Errorf("a request is answered with somebody else's item: %v, %v", found, err)
		}
		token := []byte("token")
		if err := db.RememberClient(t.Context(), "acme", token, "portal", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		r.exec(`UPDATE clients SET client = 'sync'`)
		_, err = db.ClientOf(t.Context(), "acme", token)
		wantForged(t, "another client", err)
	})
}

// A key that data refers to is never made anew.
func TestKeyTakenAway(t *testing.T) {
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		ctx := t.Context()
		key := func(kind string) (cordon.KeyRow, error) {
			return db.PutKey(ctx, cordon.KeyRow{Tenant: "acme", ID: cordon.NewID(cordon.PrefixKey), Kind: kind, Name: "1", Wrapped: []byte("w"), CreatedAt: time.Now()})
		}
		for _, kind := range []string{"lookup", "lists"} {
			first, err := key(kind)
			if err != nil {
				t.Fatal(err)
			}
			r.exec(`DELETE FROM keys WHERE kind = '` + kind + `'`)
			if _, err := key(kind); err != nil {
				t.Fatalf("nothing refers to the key %s: %v", first.ID, err)
			}
		}
		c := storetest.Receive(storetest.NewItem("acme"))
		c.Lookups = []cordon.Lookup{{Kind: "digest", Value: []byte(strings.Repeat("d", 32))}}
		of := cordon.Ref{Tenant: "acme", Kind: cordon.KindSetting, ID: cordon.KnownFiles}
		known := storetest.NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, []byte(strings.Repeat("k", 32)))
		if err := db.Commit(ctx, c, cordon.Change{Of: of, From: "set", To: "set", Known: []cordon.Known{known}, Entries: []cordon.Entry{storetest.Entry(cordon.EntrySetting, of)}}); err != nil {
			t.Fatal(err)
		}
		r.exec(`UPDATE keys SET name = name || 'x'`)
		for _, kind := range []string{"lookup", "lists"} {
			_, err := key(kind)
			wantForged(t, kind, err)
		}
		if _, err := key("subject"); err != nil {
			t.Error(err)
		}
		r.exec(`UPDATE keys SET name = '1'`)
		for _, kind := range []string{"lookup", "lists"} {
			if _, err := key(kind); err != nil {
				t.Error(err)
			}
		}
	})
}

// Rows of a release that marked none are taken as they are until they are sealed, and never after.
func TestSeal(t *testing.T) {
	bothRaw(t, func(t *testing.T, db *store.DB, r raw) {
		ctx := t.Context()
		if empty, err := db.Empty(ctx); err != nil || !empty {
			t.Fatalf("empty: %t, %v", empty, err)
		}
		it := held(t, db)
		of := cordon.Ref{Tenant: "acme", Kind: cordon.KindSetting, ID: cordon.KnownFiles}
		known := storetest.NewKnown(cordon.KnownBlocked, cordon.KnownSHA256, []byte(strings.Repeat("k", 32)))
		c := storetest.Move(it.Ref, cordon.Held, cordon.Held)
		c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectShred, it.Ref)}
		c.Lookups = []cordon.Lookup{{Kind: "digest", Value: []byte(strings.Repeat("d", 32))}}
		if err := db.Commit(ctx, c, cordon.Change{Of: of, From: "set", To: "set", Known: []cordon.Known{known}, Entries: []cordon.Entry{storetest.Entry(cordon.EntrySetting, of)}}); err != nil {
			t.Fatal(err)
		}
		jane, err := db.ActorFor(ctx, "acme", cordon.Person, "jane")
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"items", "things", "entries", "effects", "lookups", "known", "actors"} {
			r.exec(`UPDATE ` + table + ` SET mac = NULL`)
		}
		r.exec(`DELETE FROM known_sums`)
		reads := func() map[string]error {
			out := map[string]error{}
			_, out["item"] = db.Item(ctx, "acme", it.ID)
			_, out["thing"] = db.Thing(ctx, of)
			_, _, out["known"] = db.Known(ctx, "acme", known.Value)
			_, out["name"] = db.ActorName(ctx, "acme", jane.ID)
			found, err := db.ItemByLookup(ctx, "acme", "digest", c.Lookups[0].Value)
			if err == nil && len(found) != 1 {
				err = cordon.ErrForged
			}
			out["look-up"] = err
			return out
		}
		for what, err := range reads() {
			wantForged(t, what+" without a mark", err)
		}
		db.Authenticate(storetest.Marks(), true)
		for what, err := range reads() {
			if err != nil {
				t.Errorf("%s before sealing: %v", what, err)
			}
		}
		if _, err := db.Seal(ctx); !errors.Is(err, cordon.ErrNotNow) {
			t.Fatalf("sealed while entries wait: %v", err)
		}
		r.exec(`DELETE FROM unsequenced`)
		r.exec(`INSERT INTO ledger_heads (tenant, size, root, at, holder, lease_until, fence) VALUES ('acme', 0, ` + r.bytes(make([]byte, 32)) + `, 0, '', 0, 0)`)
		n, err := db.Seal(ctx)
		if err != nil || n != 6 {
			t.Fatalf("%d rows sealed, %v", n, err)
		}
		if n, err := db.Seal(ctx); err != nil || n != 0 {
			t.Errorf("%d rows sealed again, %v", n, err)
		}
		db.Authenticate(storetest.Marks(), false)
		for what, err := range reads() {
			if err != nil {
				t.Errorf("%s after sealing: %v", what, err)
			}
		}
		if _, err := db.ClaimEffect(ctx, "acme", c.Effects[0].ID, "me", time.Minute); err != nil {
			t.Error(err)
		}
	})
}
