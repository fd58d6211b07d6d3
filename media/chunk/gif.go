package chunk

import (
	"fmt"
	"io"
	"iter"
)

// GIF walks the blocks of a GIF file: "image", "comment", "control", "text", "app" and at
// the end "trailer". The payload of an extension is its raw data sub-blocks, length bytes
// included; the Form of an "app" block is its eleven-letter identifier.
func GIF(r io.ReaderAt, size int64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		var head [13]byte
		if err := full(r, head[:], 0); err != nil {
			yield(Piece{}, err)
			return
		}
		if s := string(head[:6]); s != "GIF87a" && s != "GIF89a" {
			yield(Piece{}, fmt.Errorf("%w: no GIF signature", ErrStructure))
			return
		}
		off := 13 + tableLen(head[10])
		buf := make([]byte, 16<<10) // one for all blocks
		for range maxPieces {
			if err := full(r, head[:2], off); err != nil {
				if err = full(r, head[:1], off); err != nil || head[0] != 0x3B {
					yield(Piece{}, fmt.Errorf("%w: no GIF trailer", ErrTruncated))
					return
				}
			}
			p := Piece{Start: off}
			switch head[0] {
			case 0x3B:
				p.Name, p.Path, p.Off = "trailer", "trailer", off+1
				yield(p, nil)
				return
			case 0x2C:
				if err := full(r, head[:10], off); err != nil {
					yield(Piece{}, err)
					return
				}
				p.Name, p.Off = "image", off+10+tableLen(head[9])+1
			case 0x21:
				p.Name, p.Off = extension(head[1]), off+2
				if p.Name == "app" {
					if err := full(r, head[:12], off+2); err != nil {
						yield(Piece{}, err)
						return
					}
					if head[0] == 11 {
						p.Form, p.Off = string(head[1:12]), off+14
					}
				}
			default:
				yield(Piece{}, fmt.Errorf("%w: block 0x%02x at byte %d", ErrStructure, head[0], off))
				return
			}
			end, err := subBlocksEnd(r, size, p.Off, buf)
			if err != nil {
				yield(Piece{}, err)
				return
			}
			p.Path, p.Len = p.Name, end-p.Off
			if !yield(p, nil) {
				return
			}
			off = end
		}
		yield(Piece{}, fmt.Errorf("%w: more than %d blocks", ErrLimit, maxPieces))
	}
}

// tableLen is the length of the colour table that the packed field announces.
func tableLen(packed byte) int64 {
	if packed&0x80 == 0 {
		return 0
	}
	return 3 << (packed&7 + 1)
}

func extension(label byte) string {
	switch label {
	case 0xF9:
		return "control"
	case 0xFE:
		return "comment"
	case 0x01:
		return "text"
	case 0xFF:
		return "app"
	}
	return fmt.Sprintf("0x%02X", label)
}

// firstLook is how much is read of data sub-blocks at first. A file of very many short ones is not
// read over and over for the little that each has.
const firstLook = 64

// subBlocksEnd skips data sub-blocks and their terminator. What it reads comes into buf.
func subBlocksEnd(r io.ReaderAt, size, off int64, buf []byte) (int64, error) {
	for look := firstLook; off < size; look = min(4*look, len(buf)) {
		n, err := r.ReadAt(buf[:min(int64(look), size-off)], off)
		if n == 0 {
			return 0, fmt.Errorf("%w at byte %d: %w", ErrTruncated, off, err)
		}
		i := 0
		for i < n {
			if buf[i] == 0 {
				return off + int64(i) + 1, nil
			}
			i += 1 + int(buf[i])
		}
		off += int64(i)
	}
	return 0, fmt.Errorf("%w: data without end", ErrTruncated)
}
