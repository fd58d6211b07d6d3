package line_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// others puts a part of another installation, which has files on hold as well, in the place of this
// one's, and returns what puts it back.
func (w *world) others(of *world, part string) (back func()) {
	w.T.Helper()
	mine, saved := filepath.Join(w.Dir, part), filepath.Join(w.T.TempDir(), "mine")
	if err := os.Rename(mine, saved); err != nil {
		w.T.Fatal(err)
	}
	if err := copyTree(filepath.Join(of.Dir, part), mine); err != nil {
		w.T.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.RemoveAll(mine), os.Rename(saved, mine)); err != nil {
			w.T.Fatal(err)
		}
	}
}

func copyTree(from, to string) error {
	if info, err := os.Stat(from); err != nil || info.IsDir() {
		if err != nil {
			return err
		}
		return os.CopyFS(to, os.DirFS(from))
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// databases returns two databases of each engine: nothing for SQLite, whose file lies in the data folder.
func twoDatabases(t *testing.T, postgres bool) (one, two app.DatabaseConfig) {
	if !postgres {
		return one, two
	}
	conf := func(d pgcluster.Database) app.DatabaseConfig {
		return app.DatabaseConfig{URL: d.App, OwnerURL: d.Owner, WorkerURL: d.Worker, SequencerURL: d.Sequencer}
	}
	return conf(pgcluster.Start(t)), conf(pgcluster.Start(t))
}

// TestPartsOfTwoInstallations takes each part of an installation from another one, or away, and all
// that are in one folder together. No start goes through, nothing is made or moved, the refusal names
// the part, and with the right parts back every hold is released.
func TestPartsOfTwoInstallations(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			one, two := twoDatabases(t, engine == "postgres")
			w, receipts := withHolds(t, func(c *app.Config) { c.Database = one })
			other, _ := withHolds(t, func(c *app.Config) { c.Database = two })
			defer other.Start() // a world ends running
			records := func() (back func()) {
				if engine == "sqlite" {
					return w.others(other, "data/cordon.db")
				}
				w.Conf.Database = two
				return func() { w.Conf.Database = one }
			}

			back := records()
			w.refused("another's records", "records", "of installation ins_", "the keys folder")
			back()
			for _, part := range []string{"data/bytes", "data/ledger", "data/ledger/clinic", "data", "keys"} {
				back := w.others(other, part)
				w.refused("another's "+part, "of installation ins_", "the keys folder")
				back()
			}
			for _, key := range []string{"master.key", "ledger-clinic.key"} {
				back := w.others(other, "keys/"+key)
				w.refused("another's "+key, "")
				back()
			}
			for _, part := range []string{"data/bytes", "data/bytes/ins_*", "data/ledger/clinic/installation", "keys/installation", "keys/master.key",
				"keys/ledger-clinic.key", "keys/verdict.key", "keys"} {
				back := w.away(part)
				if part == "keys" { // as a start makes it before it looks
					if err := os.Mkdir(filepath.Join(w.Dir, "keys"), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				w.refused("without "+part, "")
				os.Remove(filepath.Join(w.Dir, "keys")) // only where it is empty
				back()
			}
			// A node of its own: the records of this installation, and its keys, with a folder for bytes that
			// nobody else has.
			back = w.away("data")
			w.refused("a second node with a folder of its own", "of no installation", "which has begun")
			back()
			if engine == "postgres" {
				back, backKeys := w.away("data"), w.away("keys")
				w.refused("a second node with nothing", "the records", "of none")
				os.RemoveAll(filepath.Join(w.Dir, "data"))
				os.RemoveAll(filepath.Join(w.Dir, "keys"))
				back()
				backKeys()
			}
			w.releasesAll(receipts)
		})
	}
}

// TestAnInstallationBegins: an id is made where there is nothing at all, or "cordon init" has made it,
// and an installation of an earlier release gets one. A crash before the end is repeated.
func TestAnInstallationBegins(t *testing.T) {
	e2e.Engines(t, func(t *testing.T, db app.DatabaseConfig) {
		w, receipts := withHolds(t, func(c *app.Config) { c.Database = db })
		ids := func() (out []string) {
			for _, path := range []string{"keys/installation", "data/ledger/clinic/installation"} {
				b, err := os.ReadFile(filepath.Join(w.Dir, path))
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, strings.TrimSpace(string(b)))
			}
			return append(out, filepath.Base(w.bytesMark()))
		}
		first := ids()
		if len(slices.Compact(slices.Clone(first))) != 1 || !strings.HasPrefix(first[0], "ins_") {
			t.Fatalf("the parts are of %q", first)
		}
		// Stopped before the last step: the parts have it, and the installation has not begun.
		if err := os.Rename(filepath.Join(w.Dir, "keys/installation"), filepath.Join(w.Dir, "keys/installation.new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(w.bytesMark()); err != nil {
			t.Fatal(err)
		}
		w.Start()
		w.Stop()
		if again := ids(); !slices.Equal(first, again) {
			t.Errorf("begun again the parts are of %q, were of %q", again, first)
		}
		w.releasesAll(receipts)
	})

	w := newWorld(t) // of an earlier release: nothing says what it is of
	held, err := w.UploadJSON("id", "id.jpg", e2e.Media.Generated.Bytes)
	if err != nil || held.Receipt == "" {
		t.Fatalf("%v %s", err, held.Body)
	}
	w.Stop()
	for _, path := range []string{filepath.Join(w.Dir, "keys/installation"), w.bytesMark(), filepath.Join(w.Dir, "data/ledger/clinic/installation")} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	w.sql("DELETE FROM installation")
	w.releasesAll([]string{held.Receipt})
	if _, err := os.Stat(filepath.Join(w.Dir, "keys/installation")); err != nil {
		t.Error(err)
	}

	keys := t.TempDir()
	path, made, err := app.MakeInstallation(keys)
	if err != nil || !made {
		t.Fatal(path, made, err)
	}
	newWorld(t, func(c *app.Config) { c.Keys = keys })
	if _, err := os.Stat(path); err == nil {
		t.Error("an installation that was made by init has not begun")
	}
}

// TestAShorterLedger: records that are older than what was published of them, as after a database was
// put back or a standby took over. Nothing is built on them, and what carries no media goes on.
func TestAShorterLedger(t *testing.T) {
	w := newWorld(t)
	early, err := w.UploadJSON("early", "early.jpg", e2e.Media.Generated.Bytes)
	if err != nil || early.Receipt == "" {
		t.Fatalf("%v %s", err, early.Body)
	}
	w.Stop()
	records := filepath.Join(w.Dir, "data", "cordon.db")
	older, err := os.ReadFile(records)
	if err != nil {
		t.Fatal(err)
	}
	w.Start()
	late, err := w.UploadJSON("late", "late.jpg", e2e.Media.Generated.Bytes)
	if err != nil || late.Receipt == "" {
		t.Fatalf("%v %s", err, late.Body)
	}
	w.Stop()
	newer, err := os.ReadFile(records)
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) { putRecords(t, records, b) }

	put(older)
	before := w.dataFiles()
	w.Start()
	if a, err := w.UploadJSON("now", "now.jpg", e2e.Media.Camera.Bytes); err != nil || a.Status != http.StatusServiceUnavailable {
		t.Errorf("an upload is answered with %v %d %s", err, a.Status, a.Body)
	}
	if status := w.release(early.Receipt); status != http.StatusServiceUnavailable {
		t.Errorf("a release is answered with %d", status)
	}
	if status := w.through("/services/data/v64.0/limits"); status != http.StatusOK {
		t.Errorf("a call without media is answered with %d", status)
	}
	if ready := w.ready(); !strings.Contains(ready, "shorter than what was published") {
		t.Errorf("readiness says %s", ready)
	}
	w.Stop()
	if after := w.dataFiles(); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("with older records the folders changed:\nbefore %v\nafter  %v", before, after)
	}
	if _, err := (app.Verification{Path: filepath.Join(w.Dir, "data"), Keys: filepath.Join(w.Dir, "keys")}).Run(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "shorter than what was published") {
		t.Errorf("ledger verify says %v", err)
	}

	put(newer)
	w.releasesAll([]string{early.Receipt, late.Receipt})
}

// bytesMark is the folder whose name says which installation the bytes are of.
func (w *world) bytesMark() string {
	w.T.Helper()
	found, err := filepath.Glob(filepath.Join(w.Dir, "data", "bytes", "ins_*"))
	if err != nil || len(found) != 1 {
		w.T.Fatalf("the bytes are of %v (%v)", found, err)
	}
	return found[0]
}

// sql changes the records of a gateway that has stopped.
func (w *world) sql(text string) {
	w.T.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.Dir, "data", "cordon.db"))
	if err == nil {
		_, err = db.Exec(text)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		w.T.Fatal(err)
	}
}

// through asks the org for something without media, by way of the gateway.
func (w *world) through(path string) int {
	w.T.Helper()
	req, err := http.NewRequest(http.MethodGet, w.Gateway+path, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Caller)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (w *world) ready() string {
	w.T.Helper()
	resp, err := http.Get(w.Console + "/readyz")
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || !json.Valid(b) {
		w.T.Fatal(err, string(b))
	}
	return string(b)
}
