package app_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/blob"
)

// TestBytesWithoutAnItemGoAtStart: a process that dies between storing bytes and recording
// them leaves bytes that nobody can read; the next start deletes them and nothing else.
func TestBytesWithoutAnItemGoAtStart(t *testing.T) {
	w := newWorld(t)
	held, err := w.uploadJSON("id", "id.jpg", media.Generated.Bytes)
	if err != nil || held.Receipt == "" {
		t.Fatalf("%v %s", err, held.Body)
	}
	files, err := blob.OpenFiles(filepath.Join(w.dir, "data", "bytes"))
	if err != nil {
		t.Fatal(err)
	}
	stray, _, err := files.Put(t.Context(), cordon.NewDataKey(make([]byte, 32)), bytes.NewReader([]byte("left behind")))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.blobs()); n != 2 {
		t.Fatalf("%d blobs before, want 2", n)
	}
	w.restart()
	if got := w.blobs(); len(got) != 1 || filepath.Base(got[0]) == string(stray) {
		t.Errorf("after the start there are %v, want only the held item's", got)
	}
	if s := w.item(held.Receipt).State; s != cordon.Held {
		t.Errorf("the held item is %s", s)
	}
}

// TestOneProcessAFolder: a second gateway on the same data is refused and changes nothing.
func TestOneProcessAFolder(t *testing.T) {
	w := newWorld(t)
	conf := w.config()
	conf.FillDefaults()
	if _, err := app.New(t.Context(), conf, w.options); !errors.Is(err, cordon.ErrConflict) {
		t.Fatalf("a second gateway on the same folder: %v, want ErrConflict", err)
	}
	if a, err := w.uploadJSON("photo", "photo.jpg", media.Camera.Bytes); err != nil || a.Status != 201 {
		t.Errorf("afterwards: %v %d", err, a.Status)
	}
}
