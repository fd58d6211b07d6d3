package blob_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
	"github.com/cordonhq/cordon/blobtest"
)

func TestFiles(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) *blobtest.Subject {
		dir := t.TempDir()
		disk := &blob.ShakyDisk{}
		files, err := blob.OpenOn(dir, disk)
		if err != nil {
			t.Fatal(err)
		}
		return &blobtest.Subject{
			Blobs:  files,
			AtRest: func(t testing.TB) map[string][]byte { return atRest(t, dir) },
			Bytes: func(t testing.TB, ref cordon.BlobRef) []byte {
				b, err := os.ReadFile(pathOf(t, dir, ref))
				if err != nil {
					t.Fatal(err)
				}
				return b
			},
			Overwrite: func(t testing.TB, ref cordon.BlobRef, b []byte) {
				if err := os.WriteFile(pathOf(t, dir, ref), b, 0o600); err != nil {
					t.Fatal(err)
				}
			},
			Steps: blob.Steps,
			Break: func(f blobtest.Fault) { disk.Break(f.Step, f.Persisted) },
		}
	})
}

// atRest returns every file below the folder.
func atRest(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[strings.TrimPrefix(path, dir)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func pathOf(t testing.TB, dir string, ref cordon.BlobRef) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*", string(ref)))
	if err != nil || len(found) != 1 {
		t.Fatalf("blob %s lies at %v, %v", ref, found, err)
	}
	return found[0]
}

// The promise of Put is an order: bytes are flushed before they get their name, and the
// name before Put returns.
func TestPutFlushesBeforeItPromises(t *testing.T) {
	disk := &blob.ShakyDisk{}
	files, err := blob.OpenOn(t.TempDir(), disk)
	if err != nil {
		t.Fatal(err)
	}
	disk.Log = nil
	if _, _, err := files.Put(t.Context(), key(1), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	want := []string{"create", "write", "second write", "sync", "close", "rename", "sync folder"}
	if !slices.Equal(disk.Log, want) {
		t.Errorf("steps %q, want %q", disk.Log, want)
	}
}

func TestDeleteFlushesTheFolderEachTime(t *testing.T) {
	disk := &blob.ShakyDisk{}
	files, err := blob.OpenOn(t.TempDir(), disk)
	if err != nil {
		t.Fatal(err)
	}
	ref, _, err := files.Put(t.Context(), key(1), strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	disk.Break("sync folder", true)
	if err := files.Delete(t.Context(), ref); err == nil {
		t.Fatal("a deletion that may come back after a power cut was reported as done")
	}
	disk.Log = nil
	if err := files.Delete(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(disk.Log, "sync folder") {
		t.Error("the second try did not flush the folder")
	}
}

func TestOnlyTheOwnerCanRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "blobs")
	files, err := blob.OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := files.Put(t.Context(), key(1), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a-file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		if _, err := blob.OpenFiles(dir); err == nil {
			t.Errorf("%s was opened as a folder of blobs", dir)
		}
	}
}

func TestPutWhenTheFolderIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	files, err := blob.OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := files.Put(t.Context(), key(1), strings.NewReader("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Put into a folder that is gone: %v", err)
	}
}

// A real process is killed in the middle of a Put. What it leaves is unreadable, is not
// listed, and is gone after the next start.
func TestKilledInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "CORDON_BLOB_FOLDER="+dir)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	secret := strings.Repeat("in the middle of a sentence ", 10_000)
	if _, err := io.WriteString(in, secret); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "taken\n" {
		t.Fatalf("child says %q, %v", line, err)
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	child.Wait()

	left := atRest(t, dir)
	if len(left) != 1 {
		t.Fatalf("%d files are left, want the one that was being written", len(left))
	}
	for name, b := range left {
		if len(b) == 0 || bytes.Contains(b, []byte(secret[:16])) {
			t.Errorf("%s is empty or holds plaintext", name)
		}
	}
	time.Sleep(10 * time.Millisecond) // file times are coarser than the clock
	files, err := blob.OpenAsNewProcess(dir)
	if err != nil {
		t.Fatal(err)
	}
	for info, err := range files.List(t.Context()) {
		t.Errorf("listed: %v, %v", info, err)
	}
	if left := atRest(t, dir); len(left) != 0 {
		t.Errorf("%d files are left after the next start", len(left))
	}
}

// TestMain is also the process that TestKilledInTheMiddle kills.
func TestMain(m *testing.M) {
	dir := os.Getenv("CORDON_BLOB_FOLDER")
	if dir == "" {
		os.Exit(m.Run())
	}
	files, err := blob.OpenFiles(dir)
	if err == nil {
		_, _, err = files.Put(context.Background(), key(1), &telling{r: os.Stdin, after: 200_000})
	}
	fmt.Println("Put came to an end:", err)
	os.Exit(1)
}

// telling says on standard output when so many bytes have been taken and stored.
type telling struct {
	r     io.Reader
	n     int
	after int
}

func (r *telling) Read(p []byte) (int, error) {
	if r.n >= r.after {
		os.Stdout.WriteString("taken\n")
		r.after = 1 << 62
	}
	n, err := r.r.Read(p)
	r.n += n
	return n, err
}

// What another opening of this process is writing is not swept away.
func TestSweepSparesWhatIsBeingWritten(t *testing.T) {
	dir := t.TempDir()
	files, err := blob.OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	type result struct {
		ref cordon.BlobRef
		err error
	}
	done := make(chan result)
	go func() {
		ref, _, err := files.Put(t.Context(), key(1), r)
		done <- result{ref, err}
	}()
	io.WriteString(w, "first half, ") // returns once Put has taken it
	if _, err := blob.OpenFiles(dir); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "second half")
	w.Close()
	res := <-done
	if res.err != nil {
		t.Fatal(res.err)
	}
	got, err := files.Open(t.Context(), key(1), res.ref)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if b, err := io.ReadAll(got); err != nil || string(b) != "first half, second half" {
		t.Errorf("read %q, %v", b, err)
	}
}

func key(seed byte) cordon.DataKey { return cordon.NewDataKey(bytes.Repeat([]byte{seed}, 32)) }
