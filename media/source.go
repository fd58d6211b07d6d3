package media

import (
	"fmt"
	"io"
	"sync/atomic"
)

// source is where the bytes come from. It remembers that some could not be had, since readers of
// formats take that for the end of a damaged file.
type source struct {
	r      io.ReaderAt
	size   int64
	failed atomic.Pointer[error]
}

// ReadAt implements io.ReaderAt. Nobody asks for more than there should be.
func (s *source) ReadAt(p []byte, off int64) (n int, err error) {
	defer func() {
		if r := recover(); r != nil { // decoders recover as well, and take it for damage
			why := fmt.Errorf("read at byte %d of %d: panic: %v", off, s.size, r)
			s.failed.CompareAndSwap(nil, &why)
			n, err = 0, why
		}
	}()
	n, err = s.r.ReadAt(p, off)
	if n < len(p) {
		why := fmt.Errorf("read %d bytes at byte %d of %d: %w", len(p), off, s.size, unexpected(err))
		s.failed.CompareAndSwap(nil, &why)
	}
	return n, err
}
