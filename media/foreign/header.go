package foreign

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/chunk"
)

var errHeader = fmt.Errorf("%w: its header cannot be read", cordon.ErrInvalid)

// Dimensions reads width and height of a still picture from its header, without decoding.
func (*Decoder) Dimensions(r io.ReaderAt, size int64, f Format) (w, h int, err error) {
	return dimensions(r, size, f)
}

func dimensions(r io.ReaderAt, size int64, f Format) (w, h int, err error) {
	var x, y uint64
	switch f {
	case "jpeg":
		x, y, _, err = jpegSize(r, size)
	case "jp2":
		x, y, err = jp2Size(r, size)
	case "avif", "heic":
		x, y, err = heifSize(r, size)
	default:
		return 0, 0, fmt.Errorf("%w: %s", ErrUnsupported, f)
	}
	if err != nil {
		return 0, 0, err
	}
	if x < 1 || y < 1 || x > 1<<20 || y > 1<<20 {
		return 0, 0, fmt.Errorf("%w: %d by %d pixels", errHeader, x, y)
	}
	return int(x), int(y), nil
}

// jpegSize goes from marker to marker up to the frame header, and says whether it is that of
// JPEG-LS.
func jpegSize(r io.ReaderAt, size int64) (w, h uint64, ls bool, err error) {
	var b [9]byte
	for at := int64(2); at < min(size, 64<<20); {
		if _, err := r.ReadAt(b[:], at); err != nil {
			return 0, 0, false, fmt.Errorf("%w: %w", errHeader, err)
		}
		switch {
		case b[0] != 0xFF:
			return 0, 0, false, fmt.Errorf("%w: no marker at %d", errHeader, at)
		case b[1] == 0xFF: // padding
			at++
		case b[1] >= 0xD0 && b[1] <= 0xD7 || b[1] == 0x01:
			at += 2
		case b[1] >= 0xC0 && b[1] <= 0xCF && b[1] != 0xC4 && b[1] != 0xC8 && b[1] != 0xCC || b[1] == 0xF7:
			return uint64(binary.BigEndian.Uint16(b[7:])), uint64(binary.BigEndian.Uint16(b[5:])), b[1] == 0xF7, nil
		case b[1] == 0xDA || b[1] == 0xD9:
			return 0, 0, false, fmt.Errorf("%w: no frame header before the data", errHeader)
		default:
			at += 2 + max(2, int64(binary.BigEndian.Uint16(b[2:])))
		}
	}
	return 0, 0, false, fmt.Errorf("%w: no frame header", errHeader)
}

// jp2Size reads the size marker of a codestream, or finds the codestream in the boxes of a JP2
// file first.
func jp2Size(r io.ReaderAt, size int64) (w, h uint64, err error) {
	start := int64(0)
	var b [22]byte
	if _, err := r.ReadAt(b[:4], 0); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errHeader, err)
	}
	if b[0] != 0xFF {
		start = -1
		for p, err := range chunk.BMFF(r, size) {
			if err != nil {
				return 0, 0, fmt.Errorf("%w: %w", errHeader, err)
			}
			if p.Path == "jp2c" {
				start = p.Off
				break
			}
		}
		if start < 0 {
			return 0, 0, fmt.Errorf("%w: no codestream", errHeader)
		}
	}
	if _, err := r.ReadAt(b[:], start); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errHeader, err)
	}
	if binary.BigEndian.Uint32(b[:]) != 0xFF4FFF51 {
		return 0, 0, fmt.Errorf("%w: no size marker", errHeader)
	}
	// The reference grid is from the offsets on; ffmpeg gives out what lies on it.
	var rest [8]byte
	if _, err := r.ReadAt(rest[:], start+16); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errHeader, err)
	}
	x, y := uint64(binary.BigEndian.Uint32(b[8:])), uint64(binary.BigEndian.Uint32(b[12:]))
	x0, y0 := uint64(binary.BigEndian.Uint32(rest[:])), uint64(binary.BigEndian.Uint32(rest[4:]))
	if x0 >= x || y0 >= y {
		return 0, 0, fmt.Errorf("%w: an empty grid", errHeader)
	}
	return x - x0, y - y0, nil
}
