package c2pa

import (
	"bytes"
	"errors"
	"fmt"
)

// gifFile finds the C2PA_GIF application extension (C2PA 2.2, A.3.3).
type gifFile struct{}

func isGIF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("GIF87a")) || bytes.HasPrefix(head, []byte("GIF89a"))
}

func (gifFile) locate(f *file) (located, error) {
	var out located
	err := walkGIF(f, func(s span, data int64) error {
		if out.at.length == 0 {
			out.at = s
		}
		store, err := joinBlocks(f, data)
		if err != nil {
			out.broken = err
		} else if len(out.stores) < 2 {
			out.stores = append(out.stores, store)
		}
		return nil
	})
	switch {
	case errors.Is(err, errTruncated):
		err = out.torn(f, err) // of a store that was found the hard binding covers what is missing
	case errors.Is(err, errLimit):
		out.broken, err = err, nil
	}
	return out, err
}

// walkGIF calls visit for each C2PA extension with its span and the offset of its first
// sub-block.
func walkGIF(f *file, visit func(s span, data int64) error) error {
	screen, err := f.bytes(6, 7)
	if err != nil {
		return err
	}
	off := int64(13) + colours(screen[4])
	for {
		b, err := f.bytes(off, 1)
		if err != nil {
			return err
		}
		switch b[0] {
		case 0x3B: // trailer
			return nil
		case 0x2C: // image: descriptor, colours, code size, data
			if b, err = f.bytes(off, 10); err != nil {
				return err
			}
			if off, err = skipBlocks(f, off+10+colours(b[9])+1); err != nil {
				return err
			}
		case 0x21: // extension
			if b, err = f.bytes(off, 3); err != nil {
				return err
			}
			name := []byte(nil)
			if b[1] == 0xFF && b[2] == 11 {
				if name, err = f.bytes(off+3, 11); err != nil {
					return err
				}
			}
			found := bytes.HasPrefix(name, []byte("C2PA_GIF"))
			end, err := skipBlocks(f, off+2)
			if err != nil {
				return err
			}
			if found {
				if err := visit(span{off, end - off}, off+14); err != nil {
					return err
				}
			}
			off = end
		default:
			return fmt.Errorf("%w: block 0x%02x", errTruncated, b[0])
		}
	}
}

// colours is the size of the colour table that packed flags announce.
func colours(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// skipBlocks returns the offset behind the sub-blocks that start at off.
func skipBlocks(f *file, off int64) (int64, error) {
	for {
		if err := f.step(); err != nil {
			return 0, err
		}
		b, err := f.bytes(off, 1)
		if err != nil {
			return 0, err
		}
		if off += 1 + int64(b[0]); b[0] == 0 {
			return off, nil
		}
	}
}

// joinBlocks returns the content of the sub-blocks that start at off.
func joinBlocks(f *file, off int64) ([]byte, error) {
	var out []byte
	for {
		b, err := f.bytes(off, 1)
		if err != nil || b[0] == 0 {
			return out, err
		}
		n := int(b[0])
		if b, err = f.bytes(off+1, n); err != nil {
			return nil, err
		}
		if int64(len(out)+n) > f.limits.StoreBytes {
			return nil, fmt.Errorf("%w: manifest store in a GIF file", errLimit)
		}
		out = append(out, b...)
		off += 1 + int64(n)
	}
}

func (gifFile) pieces(*file) ([]piece, error) { return nil, errNoPieces }
