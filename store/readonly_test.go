package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
)

// look is what there is of a folder: names, contents and times.
func look(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name()] = fmt.Sprintf("%x at %v", sha256.Sum256(b), info.ModTime())
	}
	return out
}

// readAlone is what the child does that may write nowhere.
func readAlone() {
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{Path: os.Getenv("STORE_TEST_PATH"), ReadOnly: true})
	if err == nil {
		_, err = db.Item(ctx, "acme", cordon.ID(os.Getenv("STORE_TEST_ITEM")))
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

// A file that is opened to be read is read in full and left as it is, with its folder: a copy of
// what a process works on, what a killed one left, with and without the index of the log, and what
// was closed in order; also by somebody who may write neither the file nor the folder.
func TestSQLiteReadOnlyLeavesNoTrace(t *testing.T) {
	live := filepath.Join(t.TempDir(), "cordon.db")
	db := openConfig(t, store.Config{Path: live})
	it := storetest.NewItem("acme")
	if err := db.Commit(t.Context(), storetest.Receive(it)); err != nil {
		t.Fatal(err)
	}
	copyTo := func(t *testing.T, ends ...string) string {
		t.Helper()
		dir, err := os.MkdirTemp("/tmp", "cordon-read-") // whose folders above are open to everybody
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			os.Chmod(dir, 0o700)
			os.RemoveAll(dir)
		})
		for _, end := range ends {
			b, err := os.ReadFile(live + end)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, "cordon.db"+end), b, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	copies := map[string]string{
		"with its log and index": copyTo(t, "", "-wal", "-shm"),
		"with its log":           copyTo(t, "", "-wal"),
	}
	if err := db.DeleteKey(t.Context(), "acme", "none"); err != nil { // empties the log
		t.Fatal(err)
	}
	for info := os.FileInfo(nil); info == nil || info.Size() > 0; {
		var err error
		if info, err = os.Stat(live + "-wal"); err != nil {
			t.Fatal(err)
		}
	}
	copies["with an empty log"] = copyTo(t, "", "-wal")
	copies["the file alone"] = copyTo(t, "")

	for name, dir := range copies {
		t.Run(name, func(t *testing.T) {
			before := look(t, dir)
			path := filepath.Join(dir, "cordon.db")
			reader, err := store.Open(t.Context(), store.Config{Path: path, ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := reader.Item(t.Context(), "acme", it.ID); err != nil {
				t.Error(err)
			}
			if reader.Overtaken() {
				t.Error("nobody works on it")
			}
			if err := reader.Commit(t.Context(), storetest.Move(it.Ref, cordon.Received, cordon.Inspected)); !errors.Is(err, cordon.ErrForbidden) {
				t.Errorf("a commit of a reader: %v", err)
			}
			if err := reader.Close(); err != nil {
				t.Error(err)
			}
			if after := look(t, dir); !maps.Equal(before, after) {
				t.Errorf("before %v, after %v", before, after)
			}

			// Where writing is impossible.
			for file := range before {
				if err := os.Chmod(filepath.Join(dir, file), 0o444); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			child := exec.CommandContext(t.Context(), unprivilegedSelf(t))
			child.Env = append(os.Environ(), childVar+"=read", "STORE_TEST_PATH="+path, "STORE_TEST_ITEM="+string(it.ID))
			if os.Geteuid() == 0 {
				child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
				child.Dir = "/"
			}
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}

	// Who is overtaken is told.
	path := filepath.Join(copyTo(t, "", "-wal"), "cordon.db")
	reader, err := store.Open(t.Context(), store.Config{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	openConfig(t, store.Config{Path: path})
	if !reader.Overtaken() {
		t.Error("somebody works on the file, and the reader does not know")
	}
}

// unprivilegedSelf is this test binary where everybody may run it.
func unprivilegedSelf(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return os.Args[0]
	}
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.CreateTemp("/tmp", "cordon-self-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(f.Name()) })
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(0o755), f.Close()); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// Beside a process that works on the file, what it has committed is seen, and nothing is made anew.
func TestSQLiteReadOnlyBesideAProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	func() {
		db, err := store.Open(t.Context(), store.Config{Path: path})
		if err == nil {
			err = errors.Join(db.Migrate(t.Context()), db.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}()
	child, says := startChild(t, "commit", []string{"STORE_TEST_PATH=" + path})
	defer child.Wait()
	defer child.Process.Kill()
	var item cordon.ID
	if _, err := fmt.Fscanf(says, "ack %s", &item); err != nil {
		t.Fatal(err)
	}
	reader, err := store.Open(t.Context(), store.Config{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for range 20 {
		if _, err := reader.Item(t.Context(), "acme", item); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Census(t.Context(), "acme", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}
