package foreign

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"time"
)

// Elements of Matroska that ffmpeg writes around raw frames; everything else is passed over.
// https://www.rfc-editor.org/rfc/rfc9559.html
const (
	mkSegment     = 0x18538067
	mkInfo        = 0x1549A966
	mkScale       = 0x2AD7B1 // nanoseconds a tick
	mkCluster     = 0x1F43B675
	mkTime        = 0xE7
	mkBlockGroup  = 0xA0
	mkBlock       = 0xA1
	mkSimpleBlock = 0xA3
)

// blocks reads a Matroska stream as ffmpeg writes it, with one track, and gives out what its
// blocks hold and when that is shown. A block larger than most is an error.
func blocks(r io.Reader, most int64, each func(at time.Duration, data []byte) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	scale, cluster := uint64(1e6), uint64(0)
	for {
		id, _, err := number(in, true)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		size, unknown, err := number(in, false)
		if err != nil {
			return cut(err)
		}
		switch id {
		case mkSegment, mkInfo, mkCluster, mkBlockGroup:
			continue // what is inside comes next
		}
		if unknown {
			return broken("an element without a size")
		}
		switch id {
		case mkScale, mkTime:
			if size > 8 {
				return broken("a number of more than 8 bytes")
			}
			v, err := uintOf(in, size)
			if err != nil {
				return err
			}
			if id == mkScale {
				scale = v
			} else {
				cluster = v
			}
		case mkBlock, mkSimpleBlock:
			if size < 4 || size > uint64(most)+4 {
				return broken("a block of the wrong size")
			}
			var head [4]byte
			if _, err := io.ReadFull(in, head[:]); err != nil {
				return cut(err)
			}
			if head[0]&0x80 == 0 || head[3]&0x06 != 0 {
				return broken("a block with laces")
			}
			data := make([]byte, size-4)
			if _, err := io.ReadFull(in, data); err != nil {
				return cut(err)
			}
			at := float64(cluster) + float64(int16(binary.BigEndian.Uint16(head[1:])))
			at *= float64(scale)
			if !(at >= 0 && at < math.MaxInt64) {
				at = 0
			}
			if err := each(time.Duration(at), data); err != nil {
				return err
			}
		default:
			if size > math.MaxInt64 {
				return broken("an element without an end")
			}
			if _, err := io.CopyN(io.Discard, in, int64(size)); err != nil {
				return cut(err)
			}
		}
	}
}

// number reads an EBML number: the count of leading zero bits says how many bytes follow.
// The marker bit stays in identifiers. All ones is the size of what has none.
func number(in *bufio.Reader, keep bool) (v uint64, unknown bool, err error) {
	first, err := in.ReadByte()
	if err != nil {
		return 0, false, err
	}
	length, mark := 1, byte(0x80)
	for ; mark != 0 && first&mark == 0; mark >>= 1 {
		length++
	}
	if length > 8 {
		return 0, false, broken("a number that is too long")
	}
	v, unknown = uint64(first&(mark-1)), first&(mark-1) == mark-1
	if keep {
		v = uint64(first)
	}
	for range length - 1 {
		b, err := in.ReadByte()
		if err != nil {
			return 0, false, cut(err)
		}
		v, unknown = v<<8|uint64(b), unknown && b == 0xFF
	}
	return v, unknown, nil
}

func uintOf(in io.Reader, size uint64) (v uint64, err error) {
	var b [8]byte
	if _, err := io.ReadFull(in, b[:size]); err != nil {
		return 0, cut(err)
	}
	for _, x := range b[:size] {
		v = v<<8 | uint64(x)
	}
	return v, nil
}

// cut turns an end in the middle into what it is.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
