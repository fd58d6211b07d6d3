package media

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"

	"github.com/cordonhq/cordon/media/anatomy"
)

// sound is one reading of a file of sound that has no directory: tags, and frames one behind the other.
type sound struct {
	*survey
	end    int64 // where its tags at the end begin
	buffer []byte
	held   []byte // of buffer, from byte from on
	from   int64
}

// frameMost is more than the longest frame has.
const frameMost = 16 << 10

// window returns what follows a byte, as much as two frames at least. What was read before is not
// read again, however short the steps are.
func (s *sound) window(at int64) ([]byte, error) {
	if i := at - s.from; i >= 0 && i < int64(len(s.held)) && (int64(len(s.held))-i >= 2*frameMost || s.from+int64(len(s.held)) == s.end) {
		return s.held[i:], nil
	}
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	if s.buffer == nil {
		s.buffer = make([]byte, 256<<10)
	}
	n, err := s.m.ReadAt(s.buffer[:min(int64(len(s.buffer)), max(s.end-at, 0))], at)
	s.held, s.from = s.buffer[:n], at
	if n > 0 || errors.Is(err, io.EOF) {
		err = nil
	}
	return s.held, err
}

// tags claims the tags at both ends, and returns where the sound begins.
func (s *sound) tags() int64 {
	s.end = s.m.size
	at := int64(0)
	for {
		n := id3Len(s.m, at)
		if n == 0 {
			break
		}
		s.id3(at, n)
		at += n
	}
	for s.end > at {
		n := s.tagBefore(s.end)
		if n == 0 || n > s.end-at {
			break
		}
		s.end -= n
		s.metadata(s.end, n, "tag")
	}
	return at
}

// tagBefore is how long the tag is that ends at a byte; 0 if none does.
func (s *sound) tagBefore(end int64) int64 {
	var b [32]byte
	read := func(from int64, n int) []byte {
		if from < 0 {
			return nil
		}
		got, _ := s.m.ReadAt(b[:n], from)
		return b[:got]
	}
	if bytes.HasPrefix(read(end-128, 3), []byte("TAG")) {
		return 128
	}
	if h := read(end-32, 32); len(h) == 32 && string(h[:8]) == "APETAGEX" {
		n := int64(binary.LittleEndian.Uint32(h[12:]))
		if binary.LittleEndian.Uint32(h[20:])&(1<<31) != 0 {
			n += 32 // a header as well
		}
		return max(n, 32)
	}
	if h := read(end-9, 9); string(h) == "LYRICS200" {
		if h = read(end-15, 6); len(h) == 6 {
			n := int64(0)
			for _, c := range h {
				n = n*10 + int64(c-'0')
			}
			return n + 15
		}
	}
	if h := read(end-10, 10); len(h) == 10 && string(h[:3]) == "3DI" {
		return 20 + synchsafe(h[6:])
	}
	return 0
}

func synchsafe(b []byte) int64 {
	return int64(b[0]&0x7F)<<21 | int64(b[1]&0x7F)<<14 | int64(b[2]&0x7F)<<7 | int64(b[3]&0x7F)
}

// id3Len is how long the ID3 tag is that begins at a byte; 0 if none does.
func id3Len(r io.ReaderAt, at int64) int64 {
	var h [10]byte
	if n, _ := r.ReadAt(h[:], at); n < len(h) || string(h[:3]) != "ID3" || h[3] == 0xFF || h[4] == 0xFF || (h[6]|h[7]|h[8]|h[9])&0x80 != 0 {
		return 0
	}
	n := 10 + synchsafe(h[6:])
	if h[5]&0x10 != 0 {
		n += 10 // it comes again at its end
	}
	return n
}

// id3 claims a tag. In one that is unsynchronised a byte stands between those of a picture, which
// is taken out.
func (s *sound) id3(at, n int64) {
	n = min(n, s.m.size-at)
	s.metadata(at, n, "tag")
	if n > maxHeaders {
		return // what is not taken out of it is found as it is, or is none
	}
	b := make([]byte, n)
	got, _ := s.m.ReadAt(b, at)
	if b = b[:got]; bytes.Contains(b, []byte{0xFF, 0x00}) && bytes.Contains(b, []byte{0xFF, 0x00, 0xD8}) || len(b) > 5 && b[5]&0x80 != 0 {
		s.within("the tag", bytes.ReplaceAll(b, []byte{0xFF, 0x00}, []byte{0xFF}))
	}
}

// surveyFramed claims sound in frames that each say how long they are: MP3, AAC, AMR.
func surveyFramed(length func([]byte) int, head string) func(*survey) error {
	return func(in *survey) error {
		s := &sound{survey: in}
		at := s.tags()
		if head != "" {
			s.claim(at, int64(len(head)), anatomy.Read, "header")
			at += int64(len(head))
			if string(s.m.head[:min(len(s.m.head), len(head)+3)]) == head[:5]+"-WB\n" {
				s.claim(at, 3, anatomy.Read, "header")
				at, length = at+3, amrWideLen
			}
		}
		for at < s.end {
			b, err := s.window(at)
			if len(b) == 0 {
				return err
			}
			next := s.run(b, at, length)
			if next == at { // nothing begins here: what lies before the next frames is nobody's
				next += s.lost(b, length)
			}
			at = next
		}
		return nil
	}
}

// run claims the frames at the beginning of b, and returns where they end.
func (s *sound) run(b []byte, at int64, length func([]byte) int) int64 {
	i := 0
	for i+8 <= len(b) || i < len(b) && at+int64(len(b)) == s.end {
		n := length(b[i:])
		if n <= 0 {
			if tag := id3Len(s.m, at+int64(i)); tag > 0 { // tracks that were put behind one another
				s.claim(at, int64(i), anatomy.Opaque, "sound")
				s.id3(at+int64(i), tag)
				return at + int64(i) + tag
			}
			break
		}
		i += n
	}
	end := min(at+int64(i), s.end)
	s.claim(at, end-at, anatomy.Opaque, "sound")
	return end
}

// lost is how far it is to where two frames follow one another, or to the end of b.
func (s *sound) lost(b []byte, length func([]byte) int) int64 {
	for i := 1; i+8 <= len(b); i++ {
		if n := length(b[i:]); n > 0 && i+n+8 <= len(b) && length(b[i+n:]) > 0 {
			return int64(i)
		}
		if b[i] == 'I' && string(b[i:i+3]) == "ID3" {
			return int64(i)
		}
	}
	return int64(max(1, len(b)-7))
}

// mp3Len is mpegLen behind the bits that all frames begin with.
func mp3Len(b []byte) int {
	if len(b) < 4 || b[0] != 0xFF || b[1]&0xE0 != 0xE0 {
		return 0
	}
	return mpegLen(b)
}

func aacLen(b []byte) int {
	if len(b) < 7 || b[0] != 0xFF || b[1]&0xF6 != 0xF0 {
		return 0
	}
	if n := adtsLen(b); n >= 7 {
		return n
	}
	return 0
}

// Frames of AMR by their type.
func amrLen(b []byte) int {
	return amrFrame(b, [16]int{13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1})
}

func amrWideLen(b []byte) int {
	return amrFrame(b, [16]int{18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1})
}

func amrFrame(b []byte, sizes [16]int) int {
	if len(b) < 1 || b[0]&0x83 != 0 {
		return 0
	}
	return sizes[b[0]>>3&15]
}

// surveyFLAC claims the blocks in front of the sound. Where each frame ends only decoding tells, so
// the sound is searched.
func surveyFLAC(in *survey) error {
	s := &sound{survey: in}
	at := s.tags()
	s.claim(at, 4, anatomy.Read, "mark")
	at += 4
	for last := false; !last; {
		var h [4]byte
		if n, _ := s.m.ReadAt(h[:], at); n < len(h) || s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		last = h[0]&0x80 != 0
		n := int64(h[1])<<16 | int64(h[2])<<8 | int64(h[3])
		switch kind := h[0] & 0x7F; {
		case at+4+n > s.end:
			return nil
		case kind == 1: // filling
			s.claim(at, 4, anatomy.Read, "header")
			s.gap(at+4, at+4+n)
		case kind > 6:
			s.claim(at, 4, anatomy.Read, "header")
		default:
			s.metadata(at, 4+n, "block")
			if kind == 4 && n <= maxHeaders {
				b := make([]byte, n)
				got, _ := s.m.ReadAt(b, at+4)
				s.pictures(b[:got])
			}
		}
		at += 4 + n
	}
	s.claim(at, s.end-at, anatomy.Opaque, "sound")
	s.also(at, s.end-at)
	return nil
}

// pictures opens those that comments of Vorbis hold, in base64 behind a header of their own.
func (s *survey) pictures(b []byte) {
	const key = "METADATA_BLOCK_PICTURE="
	upper := bytes.Clone(b)
	for i, c := range upper {
		if c >= 'a' && c <= 'z' {
			upper[i] = c - 'a' + 'A' // of letters only, so that nothing moves
		}
	}
	for i := 0; ; {
		j := bytes.Index(upper[i:], []byte(key))
		if j < 0 {
			break
		}
		i += j + len(key)
		raw := b[i:]
		end := 0
		for end < len(raw) && letterOfBase64(raw[end]) {
			end++
		}
		raw = raw[:end]
		out := make([]byte, base64.RawStdEncoding.DecodedLen(len(raw)))
		n, _ := base64.RawStdEncoding.Decode(out, raw)
		s.within("a comment", out[:n])
		i += len(raw)
	}
	_ = s.carriedBy(b) // an older way: COVERART, a file in base64 as it is
}

func letterOfBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

// maxHeaders is how much of the headers of one file is put together, in bytes.
const maxHeaders = 8 << 20

// surveyOgg claims pages. Comments may go over many of them, and are put together for the pictures
// that they hold.
func surveyOgg(in *survey) error {
	s := &sound{survey: in}
	at := s.tags()
	headers := map[uint32]*bytes.Buffer{} // the packets in front of the sound, by stream
	room := int64(maxHeaders)
	for at < s.end {
		b, err := s.window(at)
		if len(b) == 0 {
			return err
		}
		if len(b) < 27 || string(b[:4]) != "OggS" || len(b) < 27+int(b[26]) {
			if i := bytes.Index(b[1:], []byte("OggS")); i >= 0 {
				at += 1 + int64(i)
			} else {
				at += max(1, int64(len(b)-3))
			}
			continue
		}
		head, body := int64(27+int(b[26])), int64(0)
		for _, l := range b[27:head] {
			body += int64(l)
		}
		body = min(body, s.end-at-head)
		s.claim(at, head, anatomy.Read, "page")
		granule, serial := int64(binary.LittleEndian.Uint64(b[6:])), binary.LittleEndian.Uint32(b[14:])
		switch packets := headers[serial]; {
		case granule <= 0 && body <= room && (packets != nil || len(headers) < 64):
			if packets == nil {
				packets = &bytes.Buffer{}
				headers[serial] = packets
			}
			room -= body
			_, _ = io.Copy(packets, io.NewSectionReader(s.m, at+head, body))
			s.metadata(at+head, body, "header")
		case granule <= 0:
			s.metadata(at+head, body, "header")
			s.more = true
		default:
			s.claim(at+head, body, anatomy.Opaque, "sound")
		}
		at += head + body
	}
	for _, packets := range headers {
		s.within("a header", packets.Bytes())
		s.pictures(packets.Bytes())
	}
	return nil
}
