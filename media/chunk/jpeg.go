package chunk

import (
	"bytes"
	"fmt"
	"io"
	"iter"
)

// JPEG walks the segments of a JPEG file from SOI to EOI. Entropy-coded data comes as
// pieces named "ECS"; the walk reads through it only if the caller goes on after SOS.
// The last piece of a complete file is "EOI"; what follows it is not looked at.
func JPEG(r io.ReaderAt, size int64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		var head [4]byte
		if err := full(r, head[:2], 0); err != nil {
			yield(Piece{}, err)
			return
		}
		if head[0] != 0xFF || head[1] != 0xD8 {
			yield(Piece{}, fmt.Errorf("%w: no start of image", ErrStructure))
			return
		}
		if !yield(Piece{Name: "SOI", Path: "SOI", Start: 0, Off: 2}, nil) {
			return
		}
		off := int64(2)
		for range maxPieces {
			at, err := marker(r, size, off)
			if err != nil {
				yield(Piece{}, err)
				return
			}
			if err := full(r, head[:2], at); err != nil {
				yield(Piece{}, err)
				return
			}
			name := markerName(head[1])
			p := Piece{Name: name, Path: name, Start: at, Off: at + 2}
			if name == "EOI" {
				yield(p, nil)
				return
			}
			if alone(head[1]) {
				off = p.Off
				continue
			}
			if err := full(r, head[2:4], at+2); err != nil {
				yield(Piece{}, err)
				return
			}
			n := be16(head[2:4])
			if n < 2 {
				yield(Piece{}, fmt.Errorf("%w: segment %s at byte %d has length %d", ErrStructure, name, at, n))
				return
			}
			p.Off, p.Len = at+4, n-2
			if p.End() > size {
				yield(Piece{}, fmt.Errorf("%w: segment %s at byte %d", ErrTruncated, name, at))
				return
			}
			if !yield(p, nil) {
				return
			}
			off = p.End()
			if name == "SOS" {
				end, err := entropyEnd(r, size, off)
				if !yield(Piece{Name: "ECS", Path: "ECS", Start: off, Off: off, Len: end - off}, nil) {
					return
				}
				if err != nil {
					yield(Piece{}, err)
					return
				}
				off = end
			}
		}
		yield(Piece{}, fmt.Errorf("%w: more than %d segments", ErrLimit, maxPieces))
	}
}

// marker finds the next marker at or after off. Some encoders pad between segments, and
// decoders skip that; more than 64 KiB of it is not a JPEG any more.
func marker(r io.ReaderAt, size, off int64) (int64, error) {
	buf := make([]byte, 512)
	for start := off; off < size; {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if n == 0 {
			return 0, fmt.Errorf("%w at byte %d: %w", ErrTruncated, off, err)
		}
		for i := 0; i+1 < n; i++ {
			if buf[i] == 0xFF && buf[i+1] != 0xFF && buf[i+1] != 0 {
				return off + int64(i), nil
			}
		}
		if off-start > 64<<10 {
			return 0, fmt.Errorf("%w: no segment where one must be, at byte %d", ErrStructure, start)
		}
		off += int64(max(n-1, 1))
	}
	return 0, fmt.Errorf("%w: no end of image", ErrTruncated)
}

// entropyEnd returns the offset of the first marker after entropy-coded data that starts at off.
func entropyEnd(r io.ReaderAt, size, off int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for off < size {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if n == 0 {
			return off, fmt.Errorf("%w at byte %d: %w", ErrTruncated, off, err)
		}
		b := buf[:n]
		for i := 0; ; {
			j := bytes.IndexByte(b[i:], 0xFF)
			if j < 0 {
				off += int64(n)
				break
			}
			i += j
			if i+1 == n { // the second byte is in the next window
				if off+int64(i)+1 >= size {
					return size, fmt.Errorf("%w: no end of image", ErrTruncated)
				}
				off += int64(i)
				break
			}
			if c := b[i+1]; c != 0 && c != 0xFF && (c < 0xD0 || c > 0xD7) {
				return off + int64(i), nil
			}
			i++
		}
	}
	return size, fmt.Errorf("%w: no end of image", ErrTruncated)
}

func alone(m byte) bool { return m == 0x01 || m >= 0xD0 && m <= 0xD8 }

func markerName(m byte) string {
	switch {
	case m >= 0xE0 && m <= 0xEF:
		return fmt.Sprintf("APP%d", m-0xE0)
	case m == 0xC4:
		return "DHT"
	case m == 0xC8:
		return "JPG"
	case m == 0xCC:
		return "DAC"
	case m >= 0xC0 && m <= 0xCF:
		return fmt.Sprintf("SOF%d", m-0xC0)
	case m >= 0xD0 && m <= 0xD7:
		return fmt.Sprintf("RST%d", m-0xD0)
	}
	switch m {
	case 0xD8:
		return "SOI"
	case 0xD9:
		return "EOI"
	case 0xDA:
		return "SOS"
	case 0xDB:
		return "DQT"
	case 0xDC:
		return "DNL"
	case 0xDD:
		return "DRI"
	case 0xFE:
		return "COM"
	}
	return fmt.Sprintf("0x%02X", m)
}
