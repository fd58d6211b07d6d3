package media

import (
	"encoding/binary"

	"github.com/cordonhq/cordon/media/anatomy"
)

// surveyPSD claims the sections of a Photoshop file. Resources hold previews and descriptions, and
// layers pictures of their own in ways that nobody else has; both are searched.
func surveyPSD(s *survey) error {
	var h [26]byte
	if n, _ := s.m.ReadAt(h[:], 0); n < len(h) {
		return nil
	}
	s.claim(0, 26, anatomy.Read, "header")
	wide := h[5] == 2 // PSB
	at := int64(26)
	for i, name := range []string{"colours", "resources", "layers"} {
		size := int64(4)
		if wide && i == 2 {
			size = 8
		}
		var b [8]byte
		if n, _ := s.m.ReadAt(b[:size], at); int64(n) < size {
			return s.ctx.Err()
		}
		n := int64(binary.BigEndian.Uint32(b[:]))
		if size == 8 {
			n = int64(binary.BigEndian.Uint64(b[:]) & (1<<62 - 1))
		}
		if n > s.m.size-at-size {
			s.claim(at, s.m.size-at, anatomy.Damaged, name)
			s.also(at, s.m.size-at)
			return nil
		}
		s.metadata(at, size+n, name)
		at += size + n
	}
	channels, height, width, depth := int64(binary.BigEndian.Uint16(h[12:])), int64(binary.BigEndian.Uint32(h[14:])),
		int64(binary.BigEndian.Uint32(h[18:])), int64(binary.BigEndian.Uint16(h[22:]))
	var b [2]byte
	if n, _ := s.m.ReadAt(b[:], at); n < 2 || height > 300_000 || width > 300_000 || channels > 56 || depth > 32 {
		return s.ctx.Err()
	}
	n := channels * height * ((width*depth + 7) / 8)
	switch binary.BigEndian.Uint16(b[:]) {
	case 0:
	case 1:
		n = s.packedRows(at+2, channels*height, wide)
	default: // ZIP, which says nowhere how long it is
		n = s.m.size - at - 2
		s.also(at+2, n)
	}
	s.claim(at, min(2+n, s.m.size-at), anatomy.Opaque, "pixels")
	return s.ctx.Err()
}

// packedRows is how many bytes rows take that are packed as run lengths, with the table of their
// lengths.
func (s *survey) packedRows(at, rows int64, wide bool) (n int64) {
	each := int64(2)
	if wide {
		each = 4
	}
	n = rows * each
	buffer := make([]byte, 32<<10)
	for done := int64(0); done < rows*each && s.ctx.Err() == nil; {
		got, _ := s.m.ReadAt(buffer[:min(int64(len(buffer)), rows*each-done)], at+done)
		if int64(got) < each {
			break
		}
		for b := buffer[:got]; int64(len(b)) >= each; b = b[each:] {
			if wide {
				n += int64(binary.BigEndian.Uint32(b))
			} else {
				n += int64(binary.BigEndian.Uint16(b))
			}
		}
		done += int64(got) &^ (each - 1)
	}
	return n
}

// codestream claims the headers and tiles of JPEG 2000 without boxes around it, up to its end.
func (s *survey) codestream(at, to int64) error {
	for at+2 <= to {
		var h [12]byte
		n, _ := s.m.ReadAt(h[:min(12, to-at)], at)
		if n < 2 || h[0] != 0xFF || s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		switch {
		case h[1] == 0x4F: // the start
			s.claim(at, 2, anatomy.Read, "mark")
			at += 2
			continue
		case h[1] == 0xD9: // the end
			s.claim(at, 2, anatomy.Read, "mark")
			return nil
		case n < 4:
			return nil
		}
		length := 2 + int64(binary.BigEndian.Uint16(h[2:]))
		if h[1] == 0x90 && n == 12 { // a part of a tile
			if length = int64(binary.BigEndian.Uint32(h[6:])); length == 0 { // up to the end, which nobody says
				s.claim(at, to-at, anatomy.Opaque, "tile")
				s.also(at+12, to-at-12)
				return nil
			}
			if length < 12 || length > to-at {
				s.claim(at, to-at, anatomy.Damaged, "tile")
				s.also(at+12, to-at-12)
				return nil
			}
			s.claim(at, length, anatomy.Opaque, "tile")
		} else {
			if length > to-at {
				return nil
			}
			s.metadata(at, length, "segment")
		}
		at += length
	}
	return nil
}
