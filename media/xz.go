package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ulikunitz/xz/lzma"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/unpack"
)

const xzMark = "\xFD7zXZ\x00"

var errXZ = errors.New("the archive is damaged, or packed in a way that is not undone here")

// xzReader unpacks an xz file block by block. The memory that a block asks for is what it says, so
// it is looked at first. https://tukaani.org/xz/xz-file-format.txt
type xzReader struct {
	from  *packedFile
	block io.Reader
	start int64 // where its packed bytes begin
	check int   // bytes of the sum behind a block
	asked int64 // memory for all blocks so far
	buf   [1024]byte
}

func unxz(from *packedFile) (string, io.Reader, error) {
	x := &xzReader{from: from}
	return "", x, x.stream()
}

// stream reads the header of a stream.
func (x *xzReader) stream() error {
	h := x.buf[:12]
	if _, err := io.ReadFull(x.from, h); err != nil {
		return fmt.Errorf("%w: %w", errXZ, err)
	}
	if string(h[:6]) != xzMark || h[6] != 0 || h[7]&0xF0 != 0 {
		return errXZ
	}
	x.check = [16]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[h[7]]
	return nil
}

func (x *xzReader) Read(p []byte) (int, error) {
	for {
		if x.block == nil {
			if err := x.next(); err != nil {
				return 0, err
			}
		}
		n, err := x.block.Read(p)
		if !errors.Is(err, io.EOF) {
			if n > 0 {
				err = nil // it comes again
			}
			return n, err
		}
		x.block = nil
		if err := x.skip((4-(x.from.at()-x.start)%4)%4 + int64(x.check)); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

func (x *xzReader) skip(n int64) error {
	_, err := io.CopyN(io.Discard, x.from, n)
	if err != nil {
		return fmt.Errorf("%w: %w", errXZ, io.ErrUnexpectedEOF)
	}
	return nil
}

// next goes to the next block, over the index and to the next stream if this one has no more.
func (x *xzReader) next() error {
	for {
		size, err := x.from.ReadByte()
		if err != nil {
			return fmt.Errorf("%w: %w", errXZ, io.ErrUnexpectedEOF)
		}
		if size != 0 {
			return x.open(int(size)*4 + 4)
		}
		if err := x.index(); err != nil {
			return err
		}
		for { // streams follow one another, with fours of empty bytes between them
			b, err := x.from.Peek(6)
			switch {
			case len(b) == 0:
				return io.EOF
			case len(b) >= 4 && binary.LittleEndian.Uint32(b) == 0:
				if err := x.skip(4); err != nil {
					return err
				}
				continue
			case err != nil || string(b) != xzMark:
				return errTrailing
			}
			break
		}
		if err := x.stream(); err != nil {
			return err
		}
	}
}

// open reads the header of a block: one filter, and that LZMA2.
func (x *xzReader) open(size int) error {
	h := x.buf[:size-1]
	if _, err := io.ReadFull(x.from, h); err != nil {
		return fmt.Errorf("%w: %w", errXZ, io.ErrUnexpectedEOF)
	}
	flags, at := h[0], 1
	for _, has := range []byte{0x40, 0x80} { // sizes, which may be left out
		if flags&has != 0 {
			for at < len(h) && h[at]&0x80 != 0 {
				at++
			}
			at++
		}
	}
	if flags&0x3F != 0 || at+3 > len(h)-4 || h[at] != 0x21 || h[at+1] != 1 {
		return fmt.Errorf("%w: its filters", errXZ)
	}
	window, err := lzma.DecodeDictCap(h[at+2])
	if err != nil {
		return fmt.Errorf("%w: %w", errXZ, err)
	}
	// The window need not be larger than what is unpacked, and that not than its limit.
	window = max(lzma.MinDictCap, min(window, max(unpack.Most*x.from.in.m.size, 1<<20)))
	if x.asked += window; window > maxWindow || x.asked > 16*maxWindow {
		return fmt.Errorf("%w: the archive takes %d MiB of memory", cordon.ErrTooLarge, x.asked>>20)
	}
	x.start = x.from.at()
	x.block, err = lzma.Reader2Config{DictCap: int(window)}.NewReader2(x.from)
	return err
}

// index skips the index of a stream and its footer.
func (x *xzReader) index() error {
	start := x.from.at() - 1
	records, err := binary.ReadUvarint(x.from)
	for ; err == nil && records > 0; records-- {
		if _, err = binary.ReadUvarint(x.from); err == nil {
			_, err = binary.ReadUvarint(x.from)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: its index: %w", errXZ, err)
	}
	return x.skip((4-(x.from.at()-start)%4)%4 + 4 + 12)
}
