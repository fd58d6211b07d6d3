package sim

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// inMemory is the size up to which bytes are not worth a file.
const inMemory = 1 << 20

// blob is the value of a base64 field: bytes that were read to their end.
type blob struct {
	size   int64
	sha256 [sha256.Size]byte
	md5    [md5.Size]byte
	data   []byte // when small
	path   string // when large
	made   *made  // when generated: computed as it is read
	kept   bool   // a record holds it; set under the org's lock
	name   string // file name of a multipart part
}

var errTooLarge = errors.New("file is too large")

// blobs stores what is larger than inMemory in files of one folder.
type blobs struct {
	mu      sync.Mutex
	dir     string // as configured; "" until a temporary one is needed
	made    bool   // dir is ours to remove
	written map[string]bool
}

// take reads r to its end. It returns errTooLarge, having stored nothing, when there
// are more than limit bytes. Memory stays flat, whatever the size.
func (s *blobs) take(r io.Reader, limit int64) (_ *blob, err error) {
	b := &blob{}
	sha, md := sha256.New(), md5.New()
	r = io.TeeReader(io.LimitReader(r, limit+1), io.MultiWriter(sha, md))

	var head bytes.Buffer
	n, err := io.CopyN(&head, r, inMemory+1)
	switch {
	case err == io.EOF:
		b.data = head.Bytes()
	case err != nil:
		return nil, err
	default:
		f, err := s.create()
		if err != nil {
			return nil, err
		}
		b.path = f.Name()
		defer func() {
			if err != nil {
				s.drop(b)
			}
		}()
		rest, err := io.Copy(f, io.MultiReader(&head, r))
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			s.drop(b)
			return nil, err
		}
		n = rest
	}
	if n > limit {
		s.drop(b)
		return nil, errTooLarge
	}
	b.size = n
	sha.Sum(b.sha256[:0])
	md.Sum(b.md5[:0])
	return b, nil
}

func (s *blobs) create() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "cordon-sim-")
		if err != nil {
			return nil, fmt.Errorf("make a folder for files (set Config.Dir to choose another place): %w", err)
		}
		s.dir, s.made = dir, true
	}
	f, err := os.CreateTemp(s.dir, "file-")
	if err != nil {
		return nil, fmt.Errorf("store a file: %w", err)
	}
	if s.written == nil {
		s.written = map[string]bool{}
	}
	s.written[f.Name()] = true
	return f, nil
}

// open returns a reader of the bytes. On Unix it stays good when the file is removed.
func (b *blob) open() (io.ReadSeekCloser, error) {
	if b.made != nil {
		return b.made.open(), nil
	}
	if b.path == "" {
		return nopCloser{bytes.NewReader(b.data)}, nil
	}
	return os.Open(b.path)
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

func (s *blobs) drop(b *blob) {
	if b.path == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.written, b.path)
	os.Remove(b.path) // if it stays, clear removes the folder
}

// clear removes every file, and the folder if it was made here.
func (s *blobs) clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed []error
	for path := range s.written {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			failed = append(failed, err)
		}
	}
	s.written = nil
	if s.made {
		failed = append(failed, os.RemoveAll(filepath.Clean(s.dir)))
		s.dir, s.made = "", false
	}
	return errors.Join(failed...)
}
