package media

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/unpack"
	"github.com/cordonhq/cordon/media/anatomy"
)

// surveyZIP claims entries, directory and end of an archive. What lies between them, before the
// first or in comments is searched, and entries that the directory does not list are unpacked:
// some programs go by the local headers.
func surveyZIP(s *survey) error {
	z, err := zip.NewReader(s.m, s.m.size)
	if err != nil {
		s.also(0, s.m.size)
		return s.unlisted(0, s.m.size)
	}
	for _, f := range z.File {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		off, err := f.DataOffset()
		if err != nil {
			continue
		}
		state := anatomy.Opaque
		if f.Flags&1 != 0 {
			state = anatomy.Encrypted
		}
		// The local header has a name and extra field of its own, which end where the data begins.
		start := localHeader(s.m, off, len(f.Name)+len(f.Extra)+4096)
		s.claim(start, off-start, anatomy.Read, "header")
		s.also(start+4, off-start-4) // names and extra fields; not what makes it a header
		s.claim(off, int64(f.CompressedSize64), state, "entry")
		if f.Flags&8 != 0 { // a data descriptor, 12 to 24 bytes, of which the signature may be left out
			s.claim(off+int64(f.CompressedSize64), descriptor(s.m, off+int64(f.CompressedSize64)), anatomy.Read, "descriptor")
		}
	}
	s.directory()
	gaps := anatomy.Fold(s.m.size, s.claims)
	for _, r := range gaps {
		if r.State == anatomy.Unknown {
			if err := s.unlisted(r.Off, r.End); err != nil {
				return err
			}
		}
	}
	return nil
}

// localHeader is where the header of the data at off begins.
func localHeader(r io.ReaderAt, off int64, most int) int64 {
	from := max(0, off-30-int64(most))
	b := make([]byte, off-from)
	n, _ := r.ReadAt(b, from)
	b = b[:n]
	for i := len(b); ; {
		if i = bytes.LastIndex(b[:i], []byte("PK\x03\x04")); i < 0 {
			return off
		}
		if len(b)-i >= 30 && i+30+int(binary.LittleEndian.Uint16(b[i+26:]))+int(binary.LittleEndian.Uint16(b[i+28:])) == len(b) {
			return from + int64(i)
		}
	}
}

func descriptor(r io.ReaderAt, at int64) int64 {
	var b [28]byte
	n, _ := r.ReadAt(b[:], at)
	for _, length := range []int{16, 24, 12, 20} {
		if n >= length+4 && b[length] == 'P' && b[length+1] == 'K' {
			return int64(length)
		}
	}
	return 16
}

// directory claims the directory and the end of the archive, without its comment.
func (s *survey) directory() {
	at := max(0, s.m.size-22-65535)
	tail := make([]byte, s.m.size-at)
	n, _ := s.m.ReadAt(tail, at)
	i := bytes.LastIndex(tail[:n], []byte("PK\x05\x06"))
	if i < 0 || i+22 > n {
		return
	}
	end := at + int64(i)
	s.claim(end, 22, anatomy.Read, "end of the directory")
	size := int64(binary.LittleEndian.Uint32(tail[i+12:]))
	if size == 0xFFFFFFFF || binary.LittleEndian.Uint32(tail[i+16:]) == 0xFFFFFFFF { // ZIP64: its records stand before the end
		if i >= 20+56 {
			size = int64(binary.LittleEndian.Uint64(tail[i-20-56+40:]))
			s.claim(end-20-56, 20+56, anatomy.Read, "end of the directory")
			end -= 20 + 56
		}
	}
	s.claim(end-size, size, anatomy.Read, "directory")
	s.also(end-size, size) // comments of entries
}

// unlisted unpacks entries between two offsets that no directory lists.
func (s *survey) unlisted(from, to int64) error {
	e := entries{s: s, to: to}
	buffer := make([]byte, min(64<<10, max(to-from, 0)))
	for at := from; at+30 < to; {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		n, _ := s.m.ReadAt(buffer[:min(int64(len(buffer)), to-at)], at)
		if n < 4 {
			return nil
		}
		i := bytes.Index(buffer[:n], []byte("PK\x03\x04"))
		if i < 0 {
			at += int64(n) - 3
			continue
		}
		next, err := e.open(at + int64(i))
		if errors.Is(err, errSpent) {
			s.beyond(at+int64(i), to)
			return nil
		}
		if err != nil {
			return err
		}
		at = next
	}
	return nil
}

// entries unpacks those that no directory lists, one after the other.
type entries struct {
	s        *survey
	to       int64
	packed   *bufio.Reader
	unpacker io.ReadCloser // one for all of them: each has tables of some size
}

// open unpacks the entry whose header begins at a byte, if one does, and returns where to go on.
func (e *entries) open(at int64) (next int64, err error) {
	s := e.s
	if err := s.m.limits.allowed.spend(perHeader); err != nil {
		return at, err
	}
	next = at + 4
	var h [30]byte
	if got, _ := s.m.ReadAt(h[:], at); got < len(h) || !entryHeader(h[:]) {
		return next, nil
	}
	data := at + 30 + int64(binary.LittleEndian.Uint16(h[26:])) + int64(binary.LittleEndian.Uint16(h[28:]))
	method, flags, size := binary.LittleEndian.Uint16(h[8:]), binary.LittleEndian.Uint16(h[6:]), int64(binary.LittleEndian.Uint32(h[18:]))
	name := fmt.Sprintf("entry at byte %d, not listed", at)
	inside := size > 0 && data+size <= e.to
	switch {
	case data >= e.to:
		return next, nil
	case flags&1 != 0 || method != zip.Deflate && method != zip.Store:
		if !inside {
			return next, nil
		}
		look, why := cordon.LookUnopened, "it is packed in a way that is not undone here"
		if flags&1 != 0 {
			look, why = cordon.LookEncrypted, "it is encrypted"
		}
		s.claim(at, data-at, anatomy.Read, "header that is not listed")
		s.child(Child{Name: name, Off: -1, Look: look, Why: why, Certain: true})
		return data + size, nil
	case method == zip.Store:
		if !inside {
			return data, nil // what follows is searched all the same
		}
		s.claim(at, data-at, anatomy.Read, "header that is not listed")
		s.child(Child{Name: name, Off: data, Len: size})
		return data + size, nil
	}
	b, packed, err := e.inflate(data)
	switch {
	case errors.Is(err, errSpent) || s.ctx.Err() != nil:
		return at, err
	case errors.Is(err, cordon.ErrTooLarge):
		s.child(Child{Name: name, Off: -1, Look: cordon.LookBeyondLimits, Why: err.Error(), Certain: true})
	case err == nil && len(b) > 0:
		s.claim(at, data-at+packed, anatomy.Opaque, "entry that is not listed")
		s.carried(name, b, false)
	}
	if err != nil {
		return next, nil
	}
	return data + packed, nil
}

// inflate unpacks what begins at a byte, and says how much of the file that took.
func (e *entries) inflate(at int64) ([]byte, int64, error) {
	from := metered{io.NewSectionReader(e.s.m, at, e.to-at), e.s.m.limits.allowed}
	read := &unpack.Counter{R: io.NewSectionReader(from, 0, e.to-at)}
	if e.packed == nil {
		e.packed = bufio.NewReader(read)
		e.unpacker = flate.NewReader(e.packed)
	} else {
		e.packed.Reset(read)
		_ = e.unpacker.(flate.Resetter).Reset(e.packed, nil)
	}
	packed := func() int64 { return read.N() - int64(e.packed.Buffered()) }
	room := func() int64 { return e.s.m.Room(packed()) }
	b, err := unpack.All(e.s.ctx, paid{e.unpacker, e.s.m.limits.allowed}, room, e.s.most())
	return b, packed(), err
}

// paid pays for what is unpacked, as for what is read.
type paid struct {
	io.Reader
	from *allowance
}

func (p paid) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if spent := p.from.spend(int64(n)); spent != nil {
		return n, spent
	}
	return n, err
}
