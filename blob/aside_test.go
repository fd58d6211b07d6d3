package blob_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
)

func readBlob(t *testing.T, files *blob.Files, ref cordon.BlobRef) (string, error) {
	t.Helper()
	r, err := files.Open(t.Context(), key(1), ref)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// TestWhatWasSetAsideIsFoundAgain: bytes without a record keep being readable under their name.
func TestWhatWasSetAsideIsFoundAgain(t *testing.T) {
	for _, how := range []string{"open", "take back"} {
		dir := t.TempDir()
		files, err := blob.OpenFiles(dir)
		if err != nil {
			t.Fatal(err)
		}
		ref, _, err := files.Put(t.Context(), key(1), strings.NewReader("a record's bytes"))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // again: no error
			if err := files.SetAside(t.Context(), ref, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		for info := range files.List(t.Context()) {
			t.Errorf("%s is listed as if it lay in its place", info.Ref)
		}
		aside, err := files.ListAside(t.Context())
		if err != nil || len(aside) != 1 || aside[0].Ref != ref || time.Since(aside[0].Day) > 48*time.Hour {
			t.Fatalf("set aside are %+v, %v", aside, err)
		}
		if n, err := blob.Count(t.Context(), dir); n != 1 || err != nil {
			t.Errorf("%d blobs are counted, %v", n, err)
		}
		if how == "take back" {
			if err := files.TakeBack(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := readBlob(t, files, ref); got != "a record's bytes" || err != nil {
			t.Errorf("%s: %q, %v", how, got, err)
		}
		if aside, _ := files.ListAside(t.Context()); len(aside) != 0 {
			t.Errorf("%s: it still lies aside: %+v", how, aside)
		}
		if err := files.DropAside(t.Context(), ref); err != nil {
			t.Error(err)
		}
		if got, err := readBlob(t, files, ref); got != "a record's bytes" || err != nil {
			t.Errorf("%s, after what lies aside was dropped: %q, %v", how, got, err)
		}
		if err := files.TakeBack(t.Context(), ref); !errors.Is(err, cordon.ErrNotFound) {
			t.Errorf("taking back what is in its place: %v, want ErrNotFound", err)
		}
	}
}

// TestDeletedIsGoneFromAsideToo: what has to be destroyed does not survive where it was set aside.
func TestDeletedIsGoneFromAsideToo(t *testing.T) {
	dir := t.TempDir()
	files, err := blob.OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, destroy := range map[string]func(cordon.BlobRef) error{
		"delete": func(r cordon.BlobRef) error { return files.Delete(t.Context(), r) },
		"drop":   func(r cordon.BlobRef) error { return files.DropAside(t.Context(), r) },
	} {
		ref, _, err := files.Put(t.Context(), key(1), strings.NewReader("x"))
		if err == nil {
			err = files.SetAside(t.Context(), ref, time.Now())
		}
		if err == nil {
			err = destroy(ref)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readBlob(t, files, ref); !errors.Is(err, cordon.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
		if n, _ := blob.Count(t.Context(), dir); n != 0 {
			t.Errorf("%s: %d blobs are left", name, n)
		}
	}
}

// TestSettingAsideLosesNothing breaks each step of a move, before and after it has happened: the
// blob can be read afterwards, and the move can be tried again.
func TestSettingAsideLosesNothing(t *testing.T) {
	for _, step := range []string{"rename", "sync folder"} {
		for _, persisted := range []bool{false, true} {
			for _, back := range []bool{false, true} {
				disk := &blob.ShakyDisk{}
				files, err := blob.OpenOn(t.TempDir(), disk)
				if err != nil {
					t.Fatal(err)
				}
				ref, _, err := files.Put(t.Context(), key(1), strings.NewReader("bytes"))
				if err != nil {
					t.Fatal(err)
				}
				move := func() error { return files.SetAside(t.Context(), ref, time.Now()) }
				if back {
					if err := move(); err != nil {
						t.Fatal(err)
					}
					move = func() error { return files.TakeBack(t.Context(), ref) }
				}
				disk.Break(step, persisted)
				if err := move(); err == nil {
					t.Errorf("%s fails, persisted %v, back %v: no error", step, persisted, back)
				}
				if err := move(); err != nil && !errors.Is(err, cordon.ErrNotFound) {
					t.Errorf("%s failed, persisted %v, back %v, tried again: %v", step, persisted, back, err)
				}
				if got, err := readBlob(t, files, ref); got != "bytes" || err != nil {
					t.Errorf("%s failed, persisted %v, back %v: %q, %v", step, persisted, back, got, err)
				}
			}
		}
	}
}

func TestHowLongBytesStayAside(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	a := blob.Aside{Day: day}
	if set := day.Add(23*time.Hour + 59*time.Minute); a.Expired(set.Add(blob.KeptAside)) || !a.Expired(day.Add(32*24*time.Hour)) {
		t.Error("what was set aside late in the day goes too early, or never")
	}
	// Nothing else in the folder is taken for bytes.
	dir := t.TempDir()
	for _, name := range []string{"2026-03-01/notes.txt", "before/blb_01kq0000000000000000000000", "2026-03-01/../x"} {
		path := filepath.Join(dir, "aside", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if aside, err := blob.ListAside(t.Context(), dir); err != nil || len(aside) != 0 {
		t.Errorf("%+v, %v", aside, err)
	}
}
