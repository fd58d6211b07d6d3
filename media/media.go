// Package media opens bytes that strangers sent, within limits: what they are by content,
// their pixels, and a preview that holds nothing of the original but the picture.
//
// A Media is shared by all detectors that look at one item. Its picture is decoded at most
// once, when the first of them asks, after its size was read from the header and memory for
// it was taken from the shared Budget. Nothing here trusts a name or a declared type.
package media

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/chunk"
)

// ErrClosed is what a detector meets that still reads after its time was up.
var ErrClosed = errors.New("the media was closed")

// Declared is what the sender says of the content. It is a hint and never trusted.
type Declared struct {
	Name      string // file name, or "" if none came
	MediaType string // or ""
}

// Media is one opened file. It is safe for concurrent use once its exported fields are set.
type Media struct {
	// Type is what the bytes are.
	Type Type
	// Declared is set by who opened the media, before it is inspected.
	Declared Declared
	// Admitted is when the item was taken in; budgets of time count from it. Zero: unknown.
	Admitted time.Time
	// Uploaded is when it came to the CRM's door, for what its sender gave to us. Zero: unknown.
	Uploaded time.Time

	size   int64
	head   []byte
	source source
	pages  *pages
	limits Limits
	closed atomic.Bool

	digest struct {
		lock  chan struct{}
		known bool
		sum   [sha256.Size]byte
	}
	pixels      pixels
	fingerprint fingerprint
	anatomy     anatomyOnce
	page        bool // it is the parent's file with another of its pictures in front
	pdf         pdfOnce
}

// Open looks at the first bytes. It fails only if the file is larger than the limit
// (cordon.ErrTooLarge) or cannot be read; odd content opens as Unknown. r must stay
// readable until Close and be safe for concurrent use, as files are.
func Open(r io.ReaderAt, size int64, lim Limits) (*Media, error) {
	lim = lim.orDefaults()
	if size < 0 {
		return nil, fmt.Errorf("%w: a size of %d bytes", cordon.ErrInvalid, size)
	}
	if size > lim.MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", cordon.ErrTooLarge, size, lim.MaxBytes)
	}
	m := &Media{size: size, limits: lim}
	m.source = source{r: r, size: size}
	m.pages = newPages(&m.source, size)
	m.digest.lock = make(chan struct{}, 1)
	m.pixels.lock = make(chan struct{}, 1)
	m.fingerprint.lock = make(chan struct{}, 1)
	m.anatomy.lock = make(chan struct{}, 1)
	m.pdf.lock = make(chan struct{}, 1)

	m.head = make([]byte, min(size, sniffLen))
	if n, err := r.ReadAt(m.head, 0); int64(n) < int64(len(m.head)) {
		return nil, fmt.Errorf("read the first %d bytes: %w", len(m.head), unexpected(err))
	}
	_, m.page = r.(patched)
	m.Type = Sniff(m.head)
	switch m.Type {
	case ZIP:
		m.Type = m.zipKind()
	case TIFF:
		m.Type = m.tiffKind()
	}
	return m, nil
}

// zipKind looks at the names at the end of an archive, where they all are.
func (m *Media) zipKind() Type {
	tail := make([]byte, min(m.size, 64<<10))
	n, _ := m.ReadAt(tail, m.size-int64(len(tail)))
	if t := sniffZIP(append([]byte("PK\x03\x04"), tail[:n]...)); t != "" {
		return t
	}
	return ZIP
}

// tiffKind tells a DNG whose first directory lies beyond the first bytes.
func (m *Media) tiffKind() Type {
	const dngVersion = 50706
	for t, err := range chunk.TIFF(m, m.size) {
		if err != nil || t.Dir == "IFD1" {
			break
		}
		if t.Dir == "IFD0" && t.ID == dngVersion {
			return DNG
		}
	}
	return TIFF
}

// Head returns the first bytes, at most 16 KiB. It must not be changed.
func (m *Media) Head() []byte { return m.head }

// Size is the length of the file in bytes.
func (m *Media) Size() int64 { return m.size }

// MediaType is the media type by content.
func (m *Media) MediaType() string { return m.Type.MediaType() }

// Modality is the broad kind of content, by content.
func (m *Media) Modality() cordon.Modality { return m.Type.Modality() }

// ReadAt implements io.ReaderAt. Small reads are served from a cache of pages, so that
// walking a container does not cost a system call, or a decryption, a piece.
func (m *Media) ReadAt(p []byte, off int64) (int, error) {
	if m.closed.Load() {
		return 0, ErrClosed
	}
	return m.pages.ReadAt(p, off)
}

// Failed returns the first error of the bytes themselves, nil without one: they could not be read
// where they should be. Whoever looked meanwhile has not seen all of them, whatever it made of that.
func (m *Media) Failed() error {
	if err := m.source.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Reader returns a reader over the whole file that stops when ctx ends.
func (m *Media) Reader(ctx context.Context) io.Reader {
	return &ctxReader{ctx: ctx, r: io.NewSectionReader(m, 0, m.size)}
}

// SetDigest tells the SHA-256 of the content if it is already known, as it is after intake.
// Call it before the media is shared.
func (m *Media) SetDigest(sum [sha256.Size]byte) { m.digest.sum, m.digest.known = sum, true }

// Digest returns the SHA-256 of the content, computed at most once.
func (m *Media) Digest(ctx context.Context) ([sha256.Size]byte, error) {
	select {
	case m.digest.lock <- struct{}{}:
		defer func() { <-m.digest.lock }()
	case <-ctx.Done():
		return [sha256.Size]byte{}, ctx.Err()
	}
	if m.digest.known {
		return m.digest.sum, nil
	}
	h := sha256.New()
	n, err := io.Copy(h, m.Reader(ctx))
	if err != nil || n != m.size {
		return [sha256.Size]byte{}, fmt.Errorf("read for the digest, %d of %d bytes: %w", n, m.size, unexpected(err))
	}
	h.Sum(m.digest.sum[:0])
	m.digest.known = true
	return m.digest.sum, nil
}

// Close gives the memory of the picture back and makes late readers fail. It does not
// close the underlying reader. Closing twice is fine.
func (m *Media) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	m.pixels.free()
	m.limits.held.now.Add(-m.anatomy.held.Swap(0))
	return nil
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func unexpected(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// pages caches the pages read last. Large reads go past it.
type pages struct {
	r    io.ReaderAt
	size int64

	mu   sync.Mutex
	last [8]page
	turn int
}

const pageLen = 32 << 10

type page struct {
	at int64 // page number + 1; 0: unused
	b  []byte
}

func newPages(r io.ReaderAt, size int64) *pages { return &pages{r: r, size: size} }

func (p *pages) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("%w: read at byte %d", cordon.ErrInvalid, off)
	}
	if off >= p.size {
		return 0, io.EOF
	}
	if len(b) > pageLen/2 {
		// Never past the declared size, should the underlying reader hold more.
		n, err := p.r.ReadAt(b[:min(int64(len(b)), p.size-off)], off)
		if err == nil && n < len(b) {
			err = io.EOF
		}
		return n, err
	}
	n := 0
	for n < len(b) {
		if off >= p.size {
			return n, io.EOF
		}
		got, err := p.page(b[n:], off)
		n, off = n+got, off+int64(got)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// page copies from the page that holds off.
func (p *pages) page(b []byte, off int64) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := off/pageLen + 1
	for i := range p.last {
		if pg := &p.last[i]; pg.at == at {
			return copyFrom(b, pg.b, off-(at-1)*pageLen)
		}
	}
	pg := &p.last[p.turn]
	p.turn = (p.turn + 1) % len(p.last)
	if pg.b == nil {
		pg.b = make([]byte, 0, min(pageLen, p.size))
	}
	start := (at - 1) * pageLen
	pg.at = 0
	n, err := p.r.ReadAt(pg.b[:min(pageLen, p.size-start)], start)
	if int64(n) < min(pageLen, p.size-start) {
		return 0, unexpected(err)
	}
	pg.at, pg.b = at, pg.b[:n]
	return copyFrom(b, pg.b, off-start)
}

func copyFrom(dst, src []byte, at int64) (int, error) {
	return copy(dst, src[at:]), nil
}
