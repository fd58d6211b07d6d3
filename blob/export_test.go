package blob

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"

	"github.com/cordonhq/cordon"
)

// OpenAsNewProcess opens the folder as a process would that has just started.
func OpenAsNewProcess(dir string) (*Files, error) { return openFiles(dir, osDisk{}, newProcess()) }

// OpenOn opens the folder on a disk that can be made to fail.
func OpenOn(dir string, d *ShakyDisk) (*Files, error) { return openFiles(dir, d, thisProcess) }

// OpenBytes opens a blob that lies in memory.
func OpenBytes(src io.ReaderAt, length int64, key cordon.DataKey, ref cordon.BlobRef) (*Reader, error) {
	return newReader(src, nil, length, key, ref)
}

// Reseal encrypts plaintext the way the given header says.
func Reseal(key cordon.DataKey, ref cordon.BlobRef, header, plain []byte) ([]byte, error) {
	s, err := openHeader(key, ref, header)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(header)
	for i := int64(0); ; i++ {
		n := min(len(plain), segmentSize)
		last := n == len(plain)
		out = s.seal(out, i, last, plain[:n])
		if plain = plain[n:]; last {
			return out, nil
		}
	}
}

// HeaderSize is the length of a blob's header at rest.
const HeaderSize = headerSize

// Steps of a Put, in the order they happen.
var Steps = []string{"create", "write", "second write", "last write", "sync", "close", "rename", "sync folder"}

// ShakyDisk is the real disk, with a fault on demand and a memory of what was asked of it.
type ShakyDisk struct {
	osDisk
	mu        sync.Mutex
	broken    string
	persisted bool
	Log       []string
}

// Break makes the next such step fail. If persisted, it happens all the same.
func (d *ShakyDisk) Break(step string, persisted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken, d.persisted = step, persisted
}

// do carries the step out, unless it is the broken one.
func (d *ShakyDisk) do(step string, act func() error) error {
	d.mu.Lock()
	broken, persisted := d.broken == step, d.persisted
	if broken {
		d.broken = ""
	}
	d.Log = append(d.Log, step)
	d.mu.Unlock()
	if broken && !persisted {
		return fmt.Errorf("%s: %w", step, syscall.ENOSPC)
	}
	if err := act(); err != nil || !broken {
		return err
	}
	return fmt.Errorf("%s: %w", step, syscall.EIO)
}

func (d *ShakyDisk) create(path string) (file, error) {
	var f file
	err := d.do("create", func() (err error) {
		f, err = d.osDisk.create(path)
		return err
	})
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, err
	}
	return &shakyFile{file: f, d: d}, nil
}

func (d *ShakyDisk) rename(from, to string) error {
	return d.do("rename", func() error { return d.osDisk.rename(from, to) })
}

func (d *ShakyDisk) syncFolder(path string) error {
	return d.do("sync folder", func() error { return d.osDisk.syncFolder(path) })
}

type shakyFile struct {
	file
	d      *ShakyDisk
	writes int
}

func (f *shakyFile) Write(p []byte) (n int, err error) {
	f.writes++
	step := "write"
	switch {
	case f.writes == 2:
		step = "second write"
	case f.writes > 2 && len(p) < sealedSize:
		step = "last write"
	}
	err = f.d.do(step, func() error {
		n, err = f.file.Write(p)
		return err
	})
	return n, err
}

func (f *shakyFile) Sync() error { return f.d.do("sync", f.file.Sync) }

func (f *shakyFile) Close() error { return f.d.do("close", f.file.Close) }

// SealTo is the part of Put between the source and the disk.
func SealTo(ctx context.Context, w io.Writer, key cordon.DataKey, ref cordon.BlobRef, r io.Reader) error {
	_, err := seal(ctx, w, r, key, ref)
	return err
}
