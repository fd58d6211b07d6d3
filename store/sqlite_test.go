package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

func openSQLite(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "cordon.db")})
	if err != nil {
		t.Fatal(err)
	}
	db.Authenticate(storetest.Marks(), false)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.DB { return openSQLite(t) })
	t.Run("Plans", func(t *testing.T) { // of all that the others have asked
		if n := len(store.SQLiteTexts()); n < 100 {
			t.Skipf("only %d statements have been seen: run all of the suite", n)
		}
		t.Run("sqlite", sqlitePlans)
		t.Run("postgres", postgresPlans)
	})
}

// A destroyed key is in none of the files: not in the table's page, not in the log.
func TestSQLiteForgetsDeletedKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	db := openConfig(t, store.Config{Path: path})
	secret := []byte("a-wrapped-key-that-nobody-must-find-again")
	k, err := db.PutKey(t.Context(), cordon.KeyRow{Tenant: "acme", ID: "key_1", Kind: "subject", Name: "n", Wrapped: secret})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := onDisk(t, path, [][]byte{secret}); n == 0 {
		t.Fatal("the key is not even there before it is deleted: the test looks in the wrong place")
	}
	if err := db.DeleteKey(t.Context(), "acme", k.ID); err != nil {
		t.Fatal(err)
	}
	untilGone(t, path, [][]byte{secret})
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	openConfig(t, store.Config{Path: path})
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has permissions %v", filepath.Base(name), info.Mode().Perm())
		}
	}
}

func TestSQLiteReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	if _, err := store.Open(t.Context(), store.Config{Path: path, ReadOnly: true}); err == nil {
		t.Fatal("a file that does not exist was opened")
	}
	db := openConfig(t, store.Config{Path: path})
	it := storetest.NewItem("acme")
	if err := db.Commit(t.Context(), storetest.Receive(it)); err != nil {
		t.Fatal(err)
	}
	reader, err := store.Open(t.Context(), store.Config{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := reader.Item(t.Context(), "acme", it.ID); err != nil {
		t.Fatal(err)
	}
	if err := reader.Commit(t.Context(), storetest.Move(it.Ref, cordon.Received, cordon.Inspected)); !errors.Is(err, cordon.ErrForbidden) {
		t.Fatalf("a commit of a reader: %v", err)
	}
}

// The ledger's rows cannot be rewritten even by a bug of our own.
func TestSQLiteGuardsTheLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	db := openConfig(t, store.Config{Path: path})
	if err := db.Commit(t.Context(), storetest.Receive(storetest.NewItem("acme"))); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, text := range []string{"UPDATE entries SET body = x'00'", "DELETE FROM entries"} {
		if _, err := raw.ExecContext(t.Context(), text); err == nil {
			t.Errorf("%s went through", text)
		}
	}
}

// Callers who come while the store is being closed are answered, and truthfully.
func TestSQLiteCloseAnswersEveryone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	db, err := store.Open(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	db.Authenticate(storetest.Marks(), false)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	said := map[cordon.ID]bool{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for ok := true; ok; {
				it := storetest.NewItem("acme")
				ok = db.Commit(t.Context(), storetest.Receive(it)) == nil
				mu.Lock()
				said[it.ID] = ok
				mu.Unlock()
			}
		})
	}
	for enough := false; !enough; time.Sleep(time.Millisecond) {
		mu.Lock()
		enough = len(said) >= 50
		mu.Unlock()
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	db = openConfig(t, store.Config{Path: path})
	for id, ok := range said {
		if _, err := db.Item(t.Context(), "acme", id); (err == nil) != ok {
			t.Errorf("item %s: commit said stored=%v, reading says %v", id, ok, err)
		}
	}
}

// Ready writes, as every upload does: reading alone would not notice a full disk.
func TestReadyWrites(t *testing.T) {
	db := openConfig(t, store.Config{Path: filepath.Join(t.TempDir(), "cordon.db")})
	var last time.Time
	for range 2 {
		if err := db.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		at, err := db.Leased(t.Context(), "", "ready")
		if err != nil || !at.After(last) {
			t.Fatalf("the row that Ready writes is of %v, before it was of %v (%v)", at, last, err)
		}
		last = at
		time.Sleep(2 * time.Millisecond) // the database's clock counts milliseconds
	}
}
