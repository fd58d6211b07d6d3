package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cordonhq/cordon"
)

// Bytes whose record is missing are set aside, not deleted: a record may be missing because the
// wrong records were opened. They lie in a folder for the day on which they were, stay under
// their names, and are found by Open as before, which takes them back.
const asideFolder = "aside"

// KeptAside is how long at least bytes stay that were set aside.
const KeptAside = 30 * 24 * time.Hour

// SetAside moves a blob to those of the day. It is no error if it lies there already.
func (f *Files) SetAside(ctx context.Context, ref cordon.BlobRef, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	from, err := f.path(ref)
	if err != nil {
		return err
	}
	folder := filepath.Join(f.dir, asideFolder, now.UTC().Format(time.DateOnly))
	if err := f.makeFolder(folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("set a blob aside: %w", err)
	}
	if err := f.move(from, filepath.Join(folder, string(ref))); err != nil {
		if there, _ := f.whereAside(ref); there != "" && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("set a blob aside: %w", err)
	}
	return nil
}

// TakeBack moves a blob that was set aside to where it was before. It is cordon.ErrNotFound if
// it was not.
func (f *Files) TakeBack(ctx context.Context, ref cordon.BlobRef) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	to, err := f.path(ref)
	if err != nil {
		return err
	}
	from, err := f.whereAside(ref)
	if err != nil {
		return fmt.Errorf("take a blob back: %w", err)
	}
	if from == "" {
		return fmt.Errorf("blob %s: %w", ref, cordon.ErrNotFound)
	}
	if err := f.move(from, to); err != nil {
		if _, gone := os.Stat(to); gone == nil && errors.Is(err, fs.ErrNotExist) {
			return nil // somebody else has just taken it back
		}
		return fmt.Errorf("take a blob back: %w", err)
	}
	return nil
}

// DropAside removes a blob that was set aside for good, and not one that was taken back.
func (f *Files) DropAside(ctx context.Context, ref cordon.BlobRef) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := f.path(ref); err != nil {
		return err
	}
	path, err := f.whereAside(ref)
	if err != nil || path == "" {
		return err
	}
	if err := f.disk.remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete a blob that was set aside: %w", err)
	}
	if err := f.disk.syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("delete a blob that was set aside: %w", err)
	}
	os.Remove(filepath.Dir(path)) // the day, once it is empty
	return nil
}

// move renames so that the blob survives losing power in one of the two places.
func (f *Files) move(from, to string) error {
	if err := f.disk.rename(from, to); err != nil {
		return err
	}
	return errors.Join(f.disk.syncFolder(filepath.Dir(to)), f.disk.syncFolder(filepath.Dir(from)))
}

// whereAside returns where a blob lies that was set aside, "" if it was not.
func (f *Files) whereAside(ref cordon.BlobRef) (string, error) {
	days, err := f.days()
	for _, day := range days {
		path := filepath.Join(f.dir, asideFolder, day, string(ref))
		if _, err := os.Lstat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", err
}

// days lists the days on which something was set aside.
func (f *Files) days() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, asideFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range entries {
		if _, bad := time.Parse(time.DateOnly, e.Name()); bad == nil && e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// Count returns how many blobs lie in a folder, those set aside included. It only looks.
func Count(ctx context.Context, dir string) (int, error) {
	f := &Files{dir: dir}
	n := 0
	for _, s := range shards {
		entries, err := os.ReadDir(filepath.Join(dir, string(s)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, fmt.Errorf("count blobs: %w", err)
		}
		for _, e := range entries {
			if _, err := f.path(cordon.BlobRef(e.Name())); err == nil {
				n++
			}
		}
	}
	aside, err := ListAside(ctx, dir)
	return n + len(aside), err
}

// Aside is a blob that was set aside.
type Aside struct {
	Ref cordon.BlobRef
	Day time.Time // its beginning, in UTC
}

// Expired reports whether it was kept for long enough.
func (a Aside) Expired(now time.Time) bool { return now.Sub(a.Day) > KeptAside+24*time.Hour }

// ListAside returns what was set aside and not taken back, oldest day first.
func (f *Files) ListAside(ctx context.Context) ([]Aside, error) { return ListAside(ctx, f.dir) }

// ListAside is Files.ListAside for a folder of blobs that is only looked at.
func ListAside(ctx context.Context, dir string) ([]Aside, error) {
	f := &Files{dir: dir}
	days, err := f.days()
	if err != nil {
		return nil, fmt.Errorf("list what was set aside: %w", err)
	}
	out := []Aside{}
	for _, day := range days {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at, _ := time.Parse(time.DateOnly, day) // days has checked it
		entries, err := os.ReadDir(filepath.Join(dir, asideFolder, day))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list what was set aside: %w", err)
		}
		for _, e := range entries {
			ref := cordon.BlobRef(e.Name())
			if _, err := f.path(ref); err == nil {
				out = append(out, Aside{ref, at})
			}
		}
	}
	return out, nil
}
