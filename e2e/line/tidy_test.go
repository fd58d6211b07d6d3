package line_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/blob"
	"github.com/cordonhq/cordon/e2e"
)

// TestBytesWithoutAnItemAreSetAside: a process that dies between storing bytes and recording
// them leaves bytes that nobody can read. But a record may be missing for another reason, so
// nothing is deleted: they are set aside for 30 days, and said to be.
func TestBytesWithoutAnItemAreSetAside(t *testing.T) {
	w := newWorld(t)
	held, err := w.UploadJSON("id", "id.jpg", e2e.Media.Generated.Bytes)
	if err != nil || held.Receipt == "" {
		t.Fatalf("%v %s", err, held.Body)
	}
	stray := w.strays(1, 0)[0]
	if n := len(w.blobs()); n != 2 {
		t.Fatalf("%d blobs before, want 2", n)
	}
	w.Restart()
	if got := w.blobs(); len(got) != 1 || filepath.Base(got[0]) == string(stray) {
		t.Errorf("after the start there are %v, want only the held item's", got)
	}
	if got := w.aside(); len(got) != 1 || filepath.Base(got[0]) != string(stray) {
		t.Errorf("set aside is %v, want the stray", got)
	}
	if s := w.Item(held.Receipt).State; s != cordon.Held {
		t.Errorf("the held item is %s", s)
	}
	if m := w.Metrics(); !strings.Contains(m, "cordon_bytes_aside 1") {
		t.Error("/metrics does not say that a file is set aside")
	}
	resp, err := http.Get(w.Console + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(string(b), "1 files without a record are set aside") {
		t.Errorf("readyz: %d %s", resp.StatusCode, b)
	}

	// They stay for 30 days, and go after that.
	for _, c := range []struct{ days, left int }{{29, 1}, {33, 0}} {
		w.Stop()
		from := w.aside()[0]
		to := filepath.Join(filepath.Dir(filepath.Dir(from)), time.Now().UTC().AddDate(0, 0, -c.days).Format(time.DateOnly), filepath.Base(from))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.Rename(from, to)); err != nil {
			t.Fatal(err)
		}
		w.Start()
		if got := w.aside(); len(got) != c.left {
			t.Errorf("after %d days %v lie aside, want %d", c.days, got, c.left)
		}
	}
}

// strays puts bytes that no item needs into the data folder, some hours old.
func (w *world) strays(n int, hours time.Duration) (refs []cordon.BlobRef) {
	w.T.Helper()
	dir := filepath.Join(w.Dir, "data", "bytes")
	files, err := blob.OpenFiles(dir)
	for range n {
		var ref cordon.BlobRef
		if err == nil {
			ref, _, err = files.Put(w.T.Context(), cordon.NewDataKey(make([]byte, 32)), bytes.NewReader([]byte("left behind")))
		}
		if err == nil {
			at := time.Now().Add(-hours * time.Hour)
			err = os.Chtimes(filepath.Join(dir, string(ref[len(ref)-1:]), string(ref)), at, at)
		}
		if err != nil {
			w.T.Fatal(err)
		}
		refs = append(refs, ref)
	}
	return refs
}

// aside are the files of bytes that were set aside.
func (w *world) aside() []string {
	found, err := filepath.Glob(filepath.Join(w.Dir, "data", "bytes", "aside", "*", "*"))
	if err != nil {
		w.T.Fatal(err)
	}
	return found
}

// TestOneProcessAFolder: a second gateway on the same data is refused and changes nothing.
func TestOneProcessAFolder(t *testing.T) {
	w := newWorld(t)
	conf := w.Config()
	conf.FillDefaults()
	if _, err := app.New(t.Context(), conf, w.Options); !errors.Is(err, cordon.ErrConflict) {
		t.Fatalf("a second gateway on the same folder: %v, want ErrConflict", err)
	}
	if a, err := w.UploadJSON("photo", "photo.jpg", e2e.Media.Camera.Bytes); err != nil || a.Status != 201 {
		t.Errorf("afterwards: %v %d", err, a.Status)
	}
}
