package media

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/unpack"
	"github.com/cordonhq/cordon/media/anatomy"
)

// surveyPacked opens what holds files and is no ZIP archive. What is not opened here is said, and
// searched all the same: archives may keep files as they are.
func surveyPacked(s *survey) error {
	switch head := string(s.m.head); {
	case strings.HasPrefix(head, "\x1F\x8B"):
		return s.packed(gunzip)
	case strings.HasPrefix(head, "BZh"):
		return s.packed(bunzip)
	case strings.HasPrefix(head, xzMark):
		return s.packed(unxz)
	case strings.HasPrefix(head, "\x28\xB5\x2F\xFD"):
		return s.packed(unzstd)
	case len(head) >= tarBlock && tarHeader(s.m.head[:tarBlock]):
		return s.tar()
	case strings.HasPrefix(head, "!<arch>\n"), strings.HasPrefix(head, "07070"):
		return surveyWhole(s) // files as they are, between headers of text
	}
	s.claim(0, s.m.size, anatomy.Beyond, "archive that is not opened")
	s.also(1, s.m.size-1)
	s.child(Child{Name: "what is packed", Off: -1, Look: cordon.LookUnopened, Why: "archives of this kind are not unpacked", Certain: true})
	return nil
}

// packedFile is a packed file as it is read, byte for byte, so that it is known where it ends.
type packedFile struct {
	*bufio.Reader
	in   *survey
	read unpack.Counter
}

// at is how much was taken of it.
func (s *packedFile) at() int64 { return s.read.N() - int64(s.Buffered()) }

// errTrailing means that what follows is no more of what is packed.
var errTrailing = errors.New("what follows is not packed")

// packed unpacks what holds one file, and says what is behind it.
func (s *survey) packed(open func(*packedFile) (name string, r io.Reader, err error)) error {
	from := &packedFile{in: s, read: unpack.Counter{R: s.m.Reader(s.ctx)}}
	from.Reader = bufio.NewReader(&from.read)
	name, r, err := open(from)
	var b []byte
	if err == nil {
		b, err = unpack.All(s.ctx, r, func() int64 { return s.m.Room(from.at()) }, s.most())
		if c, ok := r.(io.Closer); ok {
			_ = c.Close()
		}
	}
	if name == "" {
		name = "what is packed"
	}
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	end := s.m.size
	short := func(look cordon.Look, why string) {
		s.child(Child{Name: name, Off: -1, Look: look, Why: why, Certain: true})
	}
	switch {
	case err == nil, errors.Is(err, errTrailing):
		end = min(from.at(), end)
	case errors.Is(err, cordon.ErrTooLarge):
		short(cordon.LookBeyondLimits, err.Error())
		s.claim(0, end, anatomy.Beyond, "packed")
		return nil
	default:
		// What could be had is looked at, and it is said that it is not all.
		short(cordon.LookUnopened, fmt.Sprintf("it cannot be unpacked: %v", err))
		end = min(from.at(), end)
		s.also(max(0, end-trailerMost), s.m.size-max(0, end-trailerMost))
	}
	if len(b) > 0 {
		s.carried(name, b, true)
	}
	s.claim(0, end, anatomy.Opaque, "packed")
	return nil
}

// trailerMost is more than what an unpacker reads to see that what follows is nothing of its own.
const trailerMost = 64

// members is gzip: files that were packed one after the other, and are one.
type members struct {
	from *packedFile
	z    *gzip.Reader
	end  bool
}

func gunzip(from *packedFile) (string, io.Reader, error) {
	z, err := gzip.NewReader(from)
	if err != nil {
		return "", nil, err
	}
	z.Multistream(false)
	if extra := z.Extra; len(extra) > 0 || z.Comment != "" {
		from.in.within("the header", append(extra, z.Comment...))
	}
	return z.Name, &members{from: from, z: z}, nil
}

func (m *members) Read(p []byte) (int, error) {
	if m.end {
		return 0, errTrailing
	}
	n, err := m.z.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	next, peek := m.from.Peek(2)
	switch {
	case len(next) < 2 && peek != nil:
		return n, io.EOF
	case next[0] != 0x1F || next[1] != 0x8B:
		return n, errTrailing
	}
	if err := m.z.Reset(m.from); err != nil {
		return n, err
	}
	m.z.Multistream(false)
	return n, nil
}

func bunzip(from *packedFile) (string, io.Reader, error) {
	return "", bzip2.NewReader(from), nil
}

// unzstd unpacks with little memory: a window as large as a child may be is enough for one.
func unzstd(from *packedFile) (string, io.Reader, error) {
	z, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(uint64(max(from.in.most(), 1))), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return "", nil, err
	}
	return "", z.IOReadCloser(), nil
}

// maxWindow is the most of what was unpacked that an unpacker keeps to look back at, in bytes. The
// usual settings of zstd and xz take 8 MiB.
const maxWindow = 16 << 20
