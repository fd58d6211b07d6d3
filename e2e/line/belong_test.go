package line_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/keyring"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// refused starts the gateway, which must not come up, and returns why.
func (w *world) refused(name string, want ...string) {
	w.T.Helper()
	before := w.dataFiles()
	a, err := app.New(context.Background(), w.Conf, w.Options)
	if err == nil {
		_ = a.Stop(context.Background())
		w.T.Fatalf("%s: the gateway starts", name)
	}
	if !errors.Is(err, cordon.ErrApart) {
		w.T.Errorf("%s: %v; want ErrApart", name, err)
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			w.T.Errorf("%s: the refusal does not say %q: %v", name, text, err)
		}
	}
	if after := w.dataFiles(); fmt.Sprint(before) != fmt.Sprint(after) {
		w.T.Errorf("%s: the start changed the folders:\nbefore %v\nafter  %v", name, before, after)
	}
}

// dataFiles names every file of bytes, keys and ledger.
func (w *world) dataFiles() (out []string) {
	for _, dir := range []string{"data/bytes", "data/ledger", "keys"} {
		_ = filepath.WalkDir(filepath.Join(w.Dir, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				out = append(out, strings.TrimPrefix(path, w.Dir))
			}
			return nil
		})
	}
	return out
}

// away moves files of a glob out of the way, and returns what puts them back.
func (w *world) away(pattern string) (back func()) {
	w.T.Helper()
	found, err := filepath.Glob(filepath.Join(w.Dir, pattern))
	if err != nil || len(found) == 0 {
		w.T.Fatalf("%s: %v, %v", pattern, found, err)
	}
	aside := w.T.TempDir()
	for _, f := range found {
		if err := os.Rename(f, filepath.Join(aside, filepath.Base(f))); err != nil {
			w.T.Fatal(err)
		}
	}
	return func() {
		made, _ := filepath.Glob(filepath.Join(w.Dir, pattern))
		for _, f := range made {
			os.RemoveAll(f)
		}
		for _, f := range found {
			if err := os.Rename(filepath.Join(aside, filepath.Base(f)), f); err != nil {
				w.T.Fatal(err)
			}
		}
	}
}

// withHolds is a world that has stopped with files on hold.
func withHolds(t *testing.T, edit ...func(*app.Config)) (w *world, receipts []string) {
	w = newWorld(t, edit...)
	for i := range 3 {
		a, err := w.UploadJSON(fmt.Sprintf("id %d", i), "id.jpg", e2e.Media.Generated.Bytes)
		if err != nil || a.Receipt == "" {
			t.Fatalf("%v %s", err, a.Body)
		}
		receipts = append(receipts, a.Receipt)
	}
	w.Stop()
	return w, receipts
}

// released starts the gateway and releases what was on hold: every byte is there.
func (w *world) releasesAll(receipts []string) {
	w.T.Helper()
	w.Start()
	for _, r := range receipts {
		if status := w.release(r); status != 200 {
			w.T.Errorf("release of %s: %d", r, status)
		}
	}
	w.Until("everything to be delivered", func() bool { return len(w.Items("delivered")) == len(receipts) })
}

// TestAStartWithWhatDoesNotBelongTogetherIsRefused takes one part away at a time, or puts
// another's in its place. Nothing is made, moved or deleted, and with the right part back every
// hold can be released.
func TestAStartWithWhatDoesNotBelongTogetherIsRefused(t *testing.T) {
	w, receipts := withHolds(t)

	back := w.away("data/cordon.db*")
	w.refused("no records", "no records", "cordon.db: not there", "3 files", "published ledger")
	if _, err := os.Stat(filepath.Join(w.Dir, "data", "cordon.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the refused start made records: %v", err)
	}
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(w.Dir, "data", "cordon.db"), Log: w.Options.Log})
	if err == nil {
		err = errors.Join(db.Migrate(t.Context()), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	w.refused("empty records", "the records", "of no installation", "which has begun")
	back()

	back = w.away("keys/master.key")
	w.refused("no master key", "no master key", "master.key: not there")
	if err := keyring.Create(filepath.Join(w.Dir, "keys", "master.key")); err != nil {
		t.Fatal(err)
	}
	w.refused("another master key", "the master key is not the one of the records")
	back()

	back = w.away("keys/ledger-clinic.key")
	w.refused("no ledger key", "ledger-clinic.key, is not there")
	back()

	// Only the records are left, and the key that opens them is gone.
	backBytes, backLedger, backKey := w.away("data/bytes"), w.away("data/ledger"), w.away("keys/master.key")
	w.refused("records and no master key", "of no installation")
	backKey()
	backLedger()
	os.RemoveAll(filepath.Join(w.Dir, "data", "bytes"))
	backBytes()

	w.releasesAll(receipts)
}

// TestAStartWithForeignBytesIsRefused: more bytes without a record than crashes leave say that
// these are not the records they belong to. Whoever knows better says so.
func TestAStartWithForeignBytesIsRefused(t *testing.T) {
	w, receipts := withHolds(t, func(c *app.Config) { c.Limits.Uploads = 2 })
	old := w.strays(17, 3)
	w.refused("many old strays", "17 of 20 files", "17 of them for more than an hour", "--set-aside")
	for _, ref := range old {
		if err := os.Remove(filepath.Join(w.Dir, "data", "bytes", string(ref[len(ref)-1:]), string(ref))); err != nil {
			t.Fatal(err)
		}
	}
	w.strays(131, 0) // 2 uploads and 128 others may be under way
	w.refused("many strays", "131 of 134 files")
	if n := len(w.aside()); n != 0 {
		t.Errorf("%d files were set aside by a start that was refused", n)
	}
	w.Options.SetAside = true
	w.releasesAll(receipts)
	if n := len(w.aside()); n != 131 {
		t.Errorf("%d files were set aside, want 131", n)
	}
}

// TestBytesAreFoundAgainWithTheirRecords: a start with older records sets the bytes of newer
// holds aside. With the right records back they are where they were.
func TestBytesAreFoundAgainWithTheirRecords(t *testing.T) {
	w := newWorld(t)
	if a, err := w.UploadJSON("photo", "photo.jpg", e2e.Media.Camera.Bytes); err != nil || a.Status != 201 {
		t.Fatalf("%v %d", err, a.Status)
	}
	w.Stop()
	records := filepath.Join(w.Dir, "data", "cordon.db")
	older, err := os.ReadFile(records)
	if err != nil {
		t.Fatal(err)
	}
	w.Start()
	held, err := w.UploadJSON("id", "id.jpg", e2e.Media.Generated.Bytes)
	if err != nil || held.Receipt == "" {
		t.Fatalf("%v %s", err, held.Body)
	}
	w.Stop()
	newer, err := os.ReadFile(records)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(b []byte) { putRecords(t, records, b) }
	swap(older)
	// Beside the published ledger, nothing is set aside that older records lack. Without it nobody can
	// tell them from records whose last upload crashed.
	back := w.away("data/ledger/clinic")
	a, err := app.New(t.Context(), w.Conf, w.Options)
	if err == nil {
		err = a.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.aside()); n != 1 {
		t.Errorf("%d files are set aside, want the newer hold's", n)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Join(w.Dir, "data", "ledger", "clinic")); err != nil {
		t.Fatal(err)
	}
	back()

	swap(newer)
	w.Start()
	if len(w.aside()) != 0 {
		t.Errorf("%v still lie aside, %v in their place", w.aside(), w.blobs())
	}
	if status := w.release(held.Receipt); status != 200 {
		t.Errorf("release: %d", status)
	}
	w.Until("the hold to be delivered", func() bool { return w.Item(held.Receipt).State == cordon.Delivered })
}

// TestAnEmptyPostgreSQLDatabaseIsRefused: the same, where the records are elsewhere.
func TestAnEmptyPostgreSQLDatabaseIsRefused(t *testing.T) {
	right, wrong := pgcluster.Start(t), pgcluster.Start(t)
	conf := func(d pgcluster.Database) app.DatabaseConfig {
		return app.DatabaseConfig{URL: d.App, OwnerURL: d.Owner, WorkerURL: d.Worker, SequencerURL: d.Sequencer}
	}
	w, receipts := withHolds(t, func(c *app.Config) { c.Database = conf(right) })
	w.Conf.Database = conf(wrong)
	w.refused("empty records", "of no installation", "which has begun", "PostgreSQL")
	w.Conf.Database = conf(right)
	back := w.away("keys/master.key")
	w.refused("no master key", "no master key")
	back()
	w.releasesAll(receipts)
}

// putRecords has the file of records be as it was, with nothing that waits to be written into it.
func putRecords(t *testing.T, path string, b []byte) {
	t.Helper()
	for _, suffix := range []string{"-wal", "-shm"} {
		os.Remove(path + suffix)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
