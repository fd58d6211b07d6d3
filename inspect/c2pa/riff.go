package c2pa

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// riffFile finds the C2PA chunk of WAV, WebP and AVI files (C2PA 2.2, A.3.6).
type riffFile struct{}

// riffType returns the media type by form, "" if it is no RIFF file of a kind we know.
func riffType(head []byte) string {
	if len(head) < 12 || string(head[:4]) != "RIFF" {
		return ""
	}
	return map[string]string{"WAVE": "audio/wav", "WEBP": "image/webp", "AVI ": "video/x-msvideo"}[string(head[8:12])]
}

// locate walks the chunks of each RIFF list of the file; only large AVI files have more than
// one. The store is usually the last chunk, so it may be what is missing from a file that ends
// before its own length says.
func (riffFile) locate(f *file) (located, error) {
	var out located
	var walk func(start, end int64, outer bool) error
	walk = func(start, end int64, outer bool) error {
		for off := start; off+8 <= end; {
			if err := f.step(); err != nil {
				return err
			}
			head, err := f.bytes(off, 8)
			if err != nil {
				return err
			}
			name, n := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
			if outer && name != "RIFF" { // something follows the file; the hard binding covers it
				return nil
			}
			s := span{off, 8 + n}
			if s.end() > end {
				err := fmt.Errorf("%w: chunk %q of %d bytes", errTruncated, name, n)
				switch {
				case outer: // what is left of it may have the store
					err = errors.Join(err, walk(off+12, end, false))
				case name == "C2PA" && out.at.length == 0:
					out.at = span{off, end - off}
				}
				return err
			}
			switch {
			case outer && n >= 4:
				if err := walk(off+12, s.end(), false); err != nil {
					return err
				}
			case name == "C2PA":
				if out.at.length == 0 {
					out.at = s
				}
				store, err := f.copyOf(span{off + 8, n})
				if err != nil {
					out.broken = err
				} else if len(out.stores) < 2 {
					out.stores = append(out.stores, store)
				}
			case (name == "XMP " || name == "_PMX") && n < maxXMP:
				if xmp, err := f.copyOf(span{off + 8, n}); err == nil {
					out.remote = first(out.remote, provenanceAddress(xmp))
				}
			}
			off = s.end() + n%2
		}
		return nil
	}
	err := walk(0, f.size, true)
	switch {
	case errors.Is(err, errLimit), errors.Is(err, errTruncated) && len(out.stores) > 0:
		out.broken, err = err, nil
	case errors.Is(err, errTruncated):
		err = out.cut(f, err)
	}
	return out, err
}

func (riffFile) pieces(*file) ([]piece, error) { return nil, errNoPieces }
