package media

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"

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
	for at := from; at+30 < to; {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		window := make([]byte, min(1<<20, to-at))
		n, _ := s.m.ReadAt(window, at)
		i := bytes.Index(window[:n], []byte("PK\x03\x04"))
		if i < 0 {
			at += max(int64(n)-3, 1)
			continue
		}
		at += int64(i)
		var h [30]byte
		if got, _ := s.m.ReadAt(h[:], at); got < len(h) || !entryHeader(h[:]) {
			at += 4
			continue
		}
		data := at + 30 + int64(binary.LittleEndian.Uint16(h[26:])) + int64(binary.LittleEndian.Uint16(h[28:]))
		packed := &unpack.Counter{R: io.NewSectionReader(s.m, data, max(to-data, 0))}
		if binary.LittleEndian.Uint16(h[8:]) == zip.Deflate && binary.LittleEndian.Uint16(h[6:])&1 == 0 {
			b, err := unpack.All(s.ctx, flate.NewReader(packed), s.packed(packed), s.most())
			if err == nil && len(b) > 0 {
				s.claim(at, data-at+packed.N(), anatomy.Opaque, "entry that is not listed")
				if !s.carried(fmt.Sprintf("entry at byte %d, not listed", at), b, false) {
					return nil
				}
			}
		}
		at = max(at+4, min(data, to))
	}
	return nil
}
