package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// onDisk returns how many of the secrets are in any of the database's files.
func onDisk(t *testing.T, path string, secrets [][]byte) (n int, where string) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range secrets {
			if bytes.Contains(b, s) {
				n++
				where += " " + filepath.Base(name)
			}
		}
	}
	return n, where
}

func untilGone(t *testing.T, path string, secrets [][]byte) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		n, where := onDisk(t, path, secrets)
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d secrets stay on disk:%.200s", n, where)
		}
	}
}

// Keys of items that were shredded are in none of the files, while a backlog stands that nobody
// carries out, a runner sweeps and others read all the time. The items grow on their way, as items
// do, so that their rows have been moved about in the file.
func TestSQLiteShredsUnderABacklog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	db := openConfig(t, store.Config{Path: path})
	const items = 100
	oweMany(t, db, 1000)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 3 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := db.Items(context.WithoutCancel(t.Context()), "acme", store.ItemQuery{Limit: 200}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	runner, err := db.Work(t.Context(), store.WorkConfig{Node: "a", Sweep: 20 * time.Millisecond, Handle: func(ctx context.Context, e cordon.Effect) error {
		<-ctx.Done() // nobody answers
		return ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		runner.Stop(ended)
	}()
	defer busy.Wait()
	defer close(stop)

	var secrets [][]byte
	for i := range items {
		it := storetest.NewItem("acme")
		it.WrappedKey = []byte(rand.Text() + rand.Text())
		secrets = append(secrets, it.WrappedKey)
		steps := []cordon.Change{storetest.Receive(it)}
		looked := storetest.Move(it.Ref, cordon.Received, cordon.Inspected)
		looked.Verdict = &cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass, Reasons: []cordon.Reason{cordon.ReasonShadow}, Policy: "default@0123456789ab", At: time.Now()}
		steps = append(steps, looked, storetest.Move(it.Ref, cordon.Inspected, cordon.Forwarding))
		for _, c := range steps {
			if err := db.Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 0 { // some sooner, some later
			shred(t, db, it.Ref)
		}
	}
	there := 0
	for after := cordon.ID(""); ; {
		it, err := db.Items(t.Context(), "acme", store.ItemQuery{States: []cordon.State{cordon.Forwarding}, After: after, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		if len(it) == 0 {
			break
		}
		for _, i := range it {
			there++
			shred(t, db, i.Ref)
			after = i.ID
		}
	}
	if there != items/2 {
		t.Fatalf("%d items were left, want %d", there, items/2)
	}
	untilGone(t, path, secrets)
}

// shred delivers an item and destroys its key.
func shred(t *testing.T, db *store.DB, of cordon.Ref) {
	t.Helper()
	it, err := db.Item(t.Context(), of.Tenant, of.ID)
	if err != nil {
		t.Fatal(err)
	}
	it.WrappedKey, it.Sealed, it.UpstreamID = nil, nil, "068000000000001AAA"
	c := storetest.Move(of, cordon.Forwarding, cordon.Delivered)
	c.Item = &it
	if err := db.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// What a process deleted and could not make disappear before it died, the next one does.
func TestSQLiteEmptiesTheLogOfADeadProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	db := openConfig(t, store.Config{Path: path})
	secret := []byte(rand.Text() + rand.Text())
	if _, err := db.PutKey(t.Context(), cordon.KeyRow{Tenant: "acme", ID: "key_1", Kind: "subject", Name: "n", Wrapped: secret}); err != nil {
		t.Fatal(err)
	}
	// Somebody reads, and so the log cannot be emptied.
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	tx, err := raw.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM keys").Scan(&n); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if err := db.DeleteKey(t.Context(), "acme", "key_1"); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(t.TempDir(), "cordon.db")
	for _, end := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + end)
		if err == nil {
			err = os.WriteFile(dead+end, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if n, _ := onDisk(t, dead, [][]byte{secret}); n == 0 {
		t.Fatal("the key is not even there: the test proves nothing")
	}
	openConfig(t, store.Config{Path: dead})
	untilGone(t, dead, [][]byte{secret})

	// And here it goes as soon as nobody reads any more.
	if n, _ := onDisk(t, path, [][]byte{secret}); n == 0 {
		t.Fatal("the log was emptied under somebody who reads")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	untilGone(t, path, [][]byte{secret})
}
