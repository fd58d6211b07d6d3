package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// Files keeps blobs in a folder of one machine. It is safe for concurrent use. One process
// at a time works on a folder: a second one would sweep away what the first is still
// writing, and those Puts would fail.
type Files struct {
	dir  string
	disk disk
	proc process
}

// process tells what this process is writing from what an earlier one left behind.
type process struct {
	tag     string
	started time.Time
}

var thisProcess = newProcess()

func newProcess() process {
	return process{tag: string(cordon.NewID("p")), started: time.Now()}
}

// partial ends the names of files that are being written.
const partial = ".partial"

// The last letter of a name is random: 32 folders of even size.
const shards = "0123456789abcdefghjkmnpqrstvwxyz"

// OpenFiles opens the folder, makes it if it is missing, and sweeps away what a process
// that died in the middle of a Put has left. Folders it makes are readable by their owner
// only.
func OpenFiles(dir string) (*Files, error) { return openFiles(dir, osDisk{}, thisProcess) }

func openFiles(dir string, d disk, proc process) (*Files, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &Files{dir: dir, disk: d, proc: proc}
	if err := f.makeFolders(); err != nil {
		return nil, fmt.Errorf("open blob folder (it must be writable by this account): %w", err)
	}
	if err := f.sweep(); err != nil {
		return nil, fmt.Errorf("sweep blob folder: %w", err)
	}
	return f, nil
}

// makeFolders makes what is missing so that it survives losing power.
func (f *Files) makeFolders() error {
	if err := f.makeFolder(f.dir); err != nil {
		return err
	}
	made := false
	for _, s := range shards {
		err := os.Mkdir(filepath.Join(f.dir, string(s)), 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		made = made || err == nil
	}
	if !made {
		return nil
	}
	return f.disk.syncFolder(f.dir)
}

func (f *Files) makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := f.makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return f.disk.syncFolder(parent)
}

func (f *Files) sweep() error {
	for _, s := range shards {
		folder := filepath.Join(f.dir, string(s))
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), partial) || strings.HasSuffix(e.Name(), f.proc.tag+partial) {
				continue
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) || err == nil && !info.ModTime().Before(f.proc.started) {
				continue
			}
			if err != nil {
				return err
			}
			if err := f.disk.remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// Put stores what r gives until its end and returns the new blob's name with the sums of
// the plaintext. When it returns without an error the blob survives losing power. When it
// returns an error, or r panics, nothing of the content is left; should even the removal
// fail, what remains is ciphertext that the next OpenFiles sweeps or List shows.
//
// Errors of r come back wrapped. ctx is looked at between reads: a read that blocks is
// ended by closing its source.
func (f *Files) Put(ctx context.Context, key cordon.DataKey, r io.Reader) (ref cordon.BlobRef, sums Sums, err error) {
	id := cordon.BlobRef(cordon.NewID(cordon.PrefixBlob))
	final, err := f.path(id)
	if err != nil {
		return "", Sums{}, err
	}
	temp := final + "." + f.proc.tag + partial

	out, err := f.disk.create(temp)
	if err != nil {
		// A create that reports an error may have happened all the same.
		f.disk.remove(temp)
		return "", Sums{}, fmt.Errorf("store content: %w", err)
	}
	stored := false
	defer func() {
		if !stored {
			out.Close()
			f.disk.remove(temp)
			f.disk.remove(final)
		}
	}()

	if sums, err = seal(ctx, out, r, key, id); err != nil {
		return "", Sums{}, fmt.Errorf("store content: %w", err)
	}
	// The order is the promise: bytes, then name, then the folder that holds the name.
	if err := out.Sync(); err != nil {
		return "", Sums{}, fmt.Errorf("store content: %w", err)
	}
	if err := out.Close(); err != nil {
		return "", Sums{}, fmt.Errorf("store content: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return "", Sums{}, fmt.Errorf("store content: %w", err)
	}
	if err := f.disk.rename(temp, final); err != nil {
		return "", Sums{}, fmt.Errorf("store content: %w", err)
	}
	if err := f.disk.syncFolder(filepath.Dir(final)); err != nil {
		return "", Sums{}, fmt.Errorf("store content: %w", err)
	}
	stored = true
	return id, sums, nil
}

// Open returns the plaintext of a blob, also of one that was set aside. The error is cordon.ErrNotFound if there is no such
// blob and ErrDamaged if it is not what was put, or was put under another key.
func (f *Files) Open(ctx context.Context, key cordon.DataKey, ref cordon.BlobRef) (*Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := f.path(ref)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && f.TakeBack(ctx, ref) == nil {
		file, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s: %w", ref, cordon.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("open blob: %w", err)
	}
	r, err := newReader(file, file, info.Size(), key, ref)
	if err != nil {
		file.Close()
		return nil, err
	}
	return r, nil
}

// Delete removes a blob for good, wherever it lies. Deleting what is not there is no error, so that a
// deletion can be tried again until it has happened.
func (f *Files) Delete(ctx context.Context, ref cordon.BlobRef) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, err := f.path(ref)
	if err != nil {
		return err
	}
	if err := f.disk.remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob: %w", err)
	}
	// Also when it was gone already: the one who removed it may have died before this.
	if err := f.disk.syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return f.DropAside(ctx, ref)
}

// List yields every blob in the folder, in no useful order. A blob put or deleted meanwhile
// may or may not be among them. It ends after the first error.
func (f *Files) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for _, s := range shards {
			entries, err := os.ReadDir(filepath.Join(f.dir, string(s)))
			if err != nil {
				yield(Info{}, fmt.Errorf("list blobs: %w", err))
				return
			}
			for _, e := range entries {
				ref := cordon.BlobRef(e.Name())
				if _, err := f.path(ref); err != nil {
					continue // being written, or not ours
				}
				if err := ctx.Err(); err != nil {
					yield(Info{}, err)
					return
				}
				info, err := e.Info()
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err != nil {
					yield(Info{}, fmt.Errorf("list blobs: %w", err))
					return
				}
				size, _, ok := measure(info.Size())
				if !ok {
					size = -1
				}
				if !yield(Info{Ref: ref, Size: size, ModTime: info.ModTime()}, nil) {
					return
				}
			}
		}
	}
}

// path returns where a blob lies. Names come from the database too, so they are checked:
// none may point out of the folder.
func (f *Files) path(ref cordon.BlobRef) (string, error) {
	id, err := cordon.ParseID(cordon.PrefixBlob, string(ref))
	if err != nil || string(id) != string(ref) {
		return "", fmt.Errorf("%w: %.60q is not the name of a blob", cordon.ErrInvalid, string(ref))
	}
	return filepath.Join(f.dir, string(ref[len(ref)-1:]), string(ref)), nil
}
