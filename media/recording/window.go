package recording

import (
	"errors"
	"fmt"
	"io"

	"github.com/cordonhq/cordon/media/chunk"
)

// window reads a file from front to back in large pieces and lets a parser look at a stretch
// of it without copying. Nothing before the last looked-at byte is kept.
type window struct {
	w   *walk
	buf []byte
	off int64 // of buf[0]
}

const windowLen = 256 << 10

// at returns n bytes at off, fewer where the file ends. They hold until the next call.
func (v *window) at(off int64, n int) ([]byte, error) {
	if off >= v.w.size || off < 0 || n <= 0 {
		return nil, nil
	}
	n = int(min(int64(n), v.w.size-off))
	if off >= v.off && off+int64(n) <= v.off+int64(len(v.buf)) {
		return v.buf[off-v.off:][:n], nil
	}
	if err := v.w.ctx.Err(); err != nil {
		return nil, err
	}
	if cap(v.buf) == 0 {
		v.buf = make([]byte, windowLen)
	}
	if n > windowLen {
		return nil, fmt.Errorf("%w: a piece of %d bytes", chunk.ErrLimit, n)
	}
	v.buf = v.buf[:min(windowLen, v.w.size-off)]
	got, err := v.w.r.ReadAt(v.buf, off)
	if got == len(v.buf) {
		err = nil
	}
	v.buf, v.off = v.buf[:got], off
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return v.buf[:min(n, got)], nil
}

// bytes reads n bytes at off for keeps, fewer where the file ends.
func (w *walk) bytes(off, n int64) ([]byte, error) {
	if off < 0 || off >= w.size || n <= 0 {
		return nil, nil
	}
	b := make([]byte, min(n, w.size-off))
	got, err := w.r.ReadAt(b, off)
	if err == io.EOF {
		err = nil
	}
	return b[:got], err
}
