package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// A SQLite file that is opened to be read is left as it is, and so is its folder: nothing is
// written and no file is made beside it, whether somebody works on it, nobody does, or it is a
// copy. What that takes depends on which of these it is.

// toRead says how to open the file.
func (s *sqlite) toRead(path string) ([]string, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	live, err := workedOn(path)
	if err != nil {
		return nil, err
	}
	if live {
		s.left = opened.enter(path)
		return []string{"mode=ro"}, nil // beside the files that are there
	}
	s.still = true
	log, err := os.Stat(path + "-wal")
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && log.Size() == 0:
		// All is in the file itself, and opened like this SQLite makes no log for it.
		return []string{"mode=ro", "immutable=1"}, nil
	case err != nil:
		return nil, err
	default:
		// What a process that was killed left behind, or a copy of what one was working on. Without
		// locks, and alone, SQLite keeps the index of the log in memory instead of in a file.
		return []string{"mode=ro", "vfs=unix-none", "_pragma=locking_mode(EXCLUSIVE)"}, nil
	}
}

// Overtaken reports whether the store was opened to be read while nobody worked on its file, and
// somebody does now: what was read since may be half of the old and half of the new, and should be
// read again.
func (db *DB) Overtaken() bool { return db.engine.overtaken() }

func (s *sqlite) overtaken() bool {
	if !s.still {
		return false
	}
	live, err := workedOn(s.path)
	return live || err != nil
}

// opened are the SQLite files that this process works on, by their real paths. The question whether
// another process does may not be asked of them: closing a file ends all locks of the process on it.
var opened = openFiles{n: map[string]int{}}

type openFiles struct {
	mu sync.Mutex
	n  map[string]int
}

func realPath(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		path = p
	}
	if p, err := filepath.Abs(path); err == nil {
		path = p
	}
	return path
}

// enter notes that this process works on a file, until the result is called.
func (o *openFiles) enter(path string) (leave func()) {
	path = realPath(path)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n[path]++
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.n[path]--; o.n[path] == 0 {
			delete(o.n, path)
		}
	}
}

// workedOn reports whether a process has the file open with its log: each such process holds a
// lock on one byte of the index of the log.
func workedOn(path string) (bool, error) {
	opened.mu.Lock()
	defer opened.mu.Unlock()
	if opened.n[realPath(path)] > 0 {
		return true, nil
	}
	f, err := os.Open(path + "-shm")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	// UNIX_SHM_DMS of SQLite's os_unix.c.
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: 0, Start: 128, Len: 1}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil {
		return false, fmt.Errorf("ask who works on %s: %w", path, err)
	}
	return lock.Type != syscall.F_UNLCK, nil
}
