package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cordonhq/cordon"
)

// Reader reads the plaintext of one blob. Each segment is authenticated before any of it
// is given out, and the last one before Open returns, so that Size can be relied on. What
// must not act on half a file calls Verify first.
//
// ReadAt, Size, Verify and NewReader may be used by several goroutines at once; Read, Seek
// and WriteTo share one position and may not.
type Reader struct {
	ref    cordon.BlobRef
	src    io.ReaderAt
	closer io.Closer
	segs   segments
	size   int64 // bytes of plaintext
	count  int64 // segments
	at     cursor
	closed atomic.Bool

	// Parsers read small pieces of a few places in turn, so a few opened segments are
	// kept: one decryption of 64 KiB serves thousands of reads of a box header.
	mu   sync.Mutex
	kept [4]opened
	tick uint64
}

// opened is a segment that has been authenticated.
type opened struct {
	number int64
	plain  []byte // nil: nothing kept here
	used   uint64
}

var (
	_ cordon.Content    = (*Reader)(nil)
	_ io.ReadSeekCloser = (*Reader)(nil)
	_ io.WriterTo       = (*Reader)(nil)
)

// plainBuffers are empty whenever they lie in the pool.
var plainBuffers = sync.Pool{New: func() any { return new([segmentSize]byte) }}

var sealedBuffers = sync.Pool{New: func() any { return new([sealedSize]byte) }}

// newReader opens the blob that lies in src and is length bytes long at rest.
func newReader(src io.ReaderAt, closer io.Closer, length int64, key cordon.DataKey, ref cordon.BlobRef) (*Reader, error) {
	size, count, ok := measure(length)
	if !ok {
		return nil, fmt.Errorf("%w: no blob is %d bytes long at rest, as %s is", ErrDamaged, length, ref)
	}
	var header [headerSize]byte
	if err := readFull(src, header[:], 0); err != nil {
		return nil, fmt.Errorf("header of %s: %w", ref, err)
	}
	segs, err := openHeader(key, ref, header[:])
	if err != nil {
		return nil, err
	}
	r := &Reader{ref: ref, src: src, closer: closer, segs: segs, size: size, count: count}
	r.at.r = r
	// Only the last segment says that it is the last: a cut end shows here.
	if _, err := r.segment(count - 1); err != nil {
		return nil, err
	}
	return r, nil
}

// Size returns the length of the plaintext in bytes.
func (r *Reader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (n int, err error) {
	if r.closed.Load() {
		return 0, os.ErrClosed
	}
	if off < 0 {
		return 0, fmt.Errorf("%w: read at offset %d", cordon.ErrInvalid, off)
	}
	for n < len(p) {
		if off >= r.size {
			return n, io.EOF
		}
		number, within := off/segmentSize, int(off%segmentSize)
		var m int
		if length := r.length(number); within == 0 && len(p)-n >= length {
			m, err = length, r.openInto(p[n:n:n+length], number)
		} else {
			m, err = r.copyOut(p[n:], number, within)
		}
		if err != nil {
			return n, err
		}
		n += m
		off += int64(m)
	}
	return n, nil
}

// readFull reads what must be there: an end before it is damage, and never an io.EOF that
// a caller could take for the end of the content.
func readFull(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: cut short", ErrDamaged)
	}
	return err
}

// length returns the number of plaintext bytes in a segment.
func (r *Reader) length(number int64) int {
	if number == r.count-1 {
		return int(r.size - number*segmentSize)
	}
	return segmentSize
}

// openInto appends the plaintext of a segment to dst, which must have room for it.
func (r *Reader) openInto(dst []byte, number int64) error {
	buf := sealedBuffers.Get().(*[sealedSize]byte)
	defer sealedBuffers.Put(buf)
	sealed := buf[:r.length(number)+tagSize]
	if err := readFull(r.src, sealed, int64(headerSize)+number*sealedSize); err != nil {
		return fmt.Errorf("segment %d of %s: %w", number, r.ref, err)
	}
	if _, err := r.segs.open(dst, number, number == r.count-1, sealed); err != nil {
		return fmt.Errorf("%w: segment %d of %s", ErrDamaged, number, r.ref)
	}
	return nil
}

func (r *Reader) copyOut(p []byte, number int64, within int) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Load() {
		return 0, os.ErrClosed
	}
	plain, err := r.segment(number)
	if err != nil {
		return 0, err
	}
	return copy(p, plain[within:]), nil
}

// segment returns an opened segment. The caller holds mu.
func (r *Reader) segment(number int64) ([]byte, error) {
	r.tick++
	oldest := &r.kept[0]
	for i := range r.kept {
		k := &r.kept[i]
		if k.plain != nil && k.number == number {
			k.used = r.tick
			return k.plain, nil
		}
		if k.used < oldest.used {
			oldest = k
		}
	}
	length := r.length(number)
	buf := oldest.plain
	*oldest = opened{}
	if buf == nil {
		buf = plainBuffers.Get().(*[segmentSize]byte)[:]
	}
	if err := r.openInto(buf[:0], number); err != nil {
		return nil, err
	}
	*oldest = opened{number: number, plain: buf[:length], used: r.tick}
	return oldest.plain, nil
}

// Verify authenticates every segment. It returns nil if the whole content can be given out.
func (r *Reader) Verify(ctx context.Context) error {
	buf := make([]byte, segmentSize)
	for number := range r.count {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.closed.Load() {
			return os.ErrClosed
		}
		if err := r.openInto(buf[:0], number); err != nil {
			return err
		}
	}
	return nil
}

// NewReader returns a reader from the start that has a position of its own. It is an
// io.Seeker and an io.WriterTo too, and ends when the Reader is closed.
func (r *Reader) NewReader() io.Reader { return &cursor{r: r} }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) { return r.at.Read(p) }

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) { return r.at.Seek(offset, whence) }

// WriteTo implements io.WriterTo.
func (r *Reader) WriteTo(w io.Writer) (int64, error) { return r.at.WriteTo(w) }

// Close forgets the opened segments and closes the file. Reading afterwards is os.ErrClosed.
func (r *Reader) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.kept {
		if plain := r.kept[i].plain; plain != nil {
			plain = plain[:segmentSize]
			clear(plain)
			plainBuffers.Put((*[segmentSize]byte)(plain))
		}
		r.kept[i] = opened{}
	}
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// cursor is a position in a Reader.
type cursor struct {
	r   *Reader
	pos int64
}

func (c *cursor) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.r.ReadAt(p, c.pos)
	c.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (c *cursor) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += c.pos
	case io.SeekEnd:
		offset += c.r.size
	default:
		return 0, fmt.Errorf("%w: seek from %d", cordon.ErrInvalid, whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("%w: seek to %d", cordon.ErrInvalid, offset)
	}
	c.pos = offset
	return offset, nil
}

func (c *cursor) WriteTo(w io.Writer) (written int64, err error) {
	buf := make([]byte, segmentSize)
	for {
		// Up to the end of the segment, so that whole segments are opened in place.
		n, err := c.Read(buf[:segmentSize-c.pos%segmentSize])
		if n > 0 {
			m, werr := w.Write(buf[:n])
			written += int64(m)
			if werr != nil {
				return written, werr
			}
		}
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}
