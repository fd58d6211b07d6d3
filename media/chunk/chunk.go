// Package chunk walks the pieces that containers are made of: JPEG segments, PNG chunks,
// GIF blocks, RIFF chunks, ISO base media boxes, Matroska elements and TIFF directories.
//
// It trusts nothing: every length is checked against the end of the file, nesting and
// counts are bounded, and no payload is read unless the caller asks. A walk ends with an
// error that says what is wrong with the structure; the pieces before it stand.
package chunk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// How a walk may end before the end.
var (
	// ErrTruncated: the bytes end before the structure says they should.
	ErrTruncated = errors.New("ends too early")
	// ErrStructure: the bytes contradict the container's rules.
	ErrStructure = errors.New("structure cannot be read")
	// ErrLimit: too many pieces, or nested too deeply.
	ErrLimit = errors.New("limit of structure met")
)

// Bounds of every walk. Real files stay far below: a JPEG with a 4 MiB colour profile has
// 70 segments, a two-hour MP4 a few hundred boxes outside its sample tables.
const (
	maxPieces = 1 << 16
	maxDepth  = 16
)

// Piece is one piece of a container. Offsets and lengths are in bytes of the file.
type Piece struct {
	// Name is the four-letter name, or for JPEG the marker's ("APP1", "SOS"). Names of
	// boxes are bytes, not UTF-8: the copyright sign of "©too" is the single byte 0xA9.
	Name string
	// Path has the names of the enclosing pieces and this one, joined by "/".
	Path string
	// Start is where the piece begins, header included; Off where its payload begins.
	Start, Off int64
	// Len is the length of the payload.
	Len int64
	// Form is the type of a RIFF or LIST piece, whose payload begins after it.
	Form string
}

// End is the offset of the first byte after the payload.
func (p Piece) End() int64 { return p.Off + p.Len }

// Read returns at most limit bytes of the payload.
func (p Piece) Read(r io.ReaderAt, limit int64) ([]byte, error) {
	n := min(p.Len, limit)
	if n <= 0 {
		return nil, nil
	}
	b := make([]byte, n)
	got, err := r.ReadAt(b, p.Off)
	if err == io.EOF && int64(got) == n {
		err = nil
	}
	return b[:got], err
}

// full reads exactly len(b) bytes at off, or reports ErrTruncated.
func full(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == io.EOF || err == io.ErrUnexpectedEOF || err == nil:
		return fmt.Errorf("%w at byte %d", ErrTruncated, off+int64(n))
	}
	return err
}

func be16(b []byte) int64 { return int64(binary.BigEndian.Uint16(b)) }
func be32(b []byte) int64 { return int64(binary.BigEndian.Uint32(b)) }
func le32(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) }
