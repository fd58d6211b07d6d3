package recording

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// flacFile is one FLAC file as it is read. RFC 9639.
type flacFile struct {
	*walk
	v      window
	t      Track
	bits   int
	block  int // samples of a frame where all have the same
	least  int // bytes of the smallest frame, 0: not said
	most   int
	total  int64
	n      int // streams so far
	vendor string
}

// flacHead is the header of one frame.
type flacHead struct {
	variable bool
	number   int64 // of the frame, or of its first sample
	block    int
	rate     int // 0: as the stream says
	channels int
	bits     int // 0: as the stream says
	len      int
}

func (w *walk) flac() error {
	f := &flacFile{walk: w, v: window{w: w}}
	f.t = Track{ID: 1, Kind: Audio, Codec: "flac"}
	off, err := f.skipID3(0)
	if err == nil {
		err = f.streams(off)
	}
	w.out.Declared = f.t.Declared
	w.out.Tracks = []Track{f.t}
	return err
}

// skipID3 passes a tag that some programs put in front.
func (f *flacFile) skipID3(off int64) (int64, error) {
	b, err := f.bytes(off, 10)
	if err != nil || len(b) < 10 || string(b[:3]) != "ID3" {
		return off, err
	}
	return off + 10 + int64(b[6]&0x7F)<<21 + int64(b[7]&0x7F)<<14 + int64(b[8]&0x7F)<<7 + int64(b[9]&0x7F), nil
}

func (f *flacFile) streams(off int64) error {
	for {
		next, err := f.metadata(off)
		if err != nil || next < 0 {
			return err
		}
		if off, err = f.frames(next); err != nil || off < 0 {
			return err
		}
	}
}

// metadata reads the blocks in front of the frames and returns where these begin, -1 if this
// is no stream.
func (f *flacFile) metadata(off int64) (int64, error) {
	start := off
	b, err := f.bytes(off, 4)
	if err != nil || string(b) != "fLaC" {
		f.damage(fmt.Sprintf("no FLAC stream at byte %d", off))
		return -1, err
	}
	f.n++
	before, vendorBefore, bitsBefore := f.t, f.vendor, f.bits
	for off += 4; ; {
		head, err := f.bytes(off, 4)
		if err != nil || len(head) < 4 {
			f.damage(fmt.Sprintf("ends within the blocks at byte %d", off))
			return -1, err
		}
		n := int64(head[1])<<16 | int64(head[2])<<8 | int64(head[3])
		switch head[0] & 0x7F {
		case 0:
			if b, err = f.bytes(off+4, min(n, 34)); err != nil {
				return -1, err
			}
			f.info(b)
		case 4:
			if b, err = f.bytes(off+4, min(n, 64<<10)); err != nil {
				return -1, err
			}
			f.vendor = vorbisTags(f.walk, "FLAC", b, off)
		}
		off += 4 + n
		if head[0]&0x80 != 0 {
			break
		}
	}
	if f.n > 1 {
		f.brk(Break{Kind: NewStream, At: f.t.Counted, Offset: start, From: vendorBefore, To: f.vendor})
		if f.vendor != vendorBefore {
			f.brk(Break{Kind: NewEncoder, At: f.t.Counted, Offset: start, From: vendorBefore, To: f.vendor})
		}
		if f.t.Rate != before.Rate || f.t.Channels != before.Channels || f.bits != bitsBefore {
			f.brk(Break{Kind: NewParameters, At: f.t.Counted, Offset: start, From: flacSays(before.Rate, before.Channels, bitsBefore), To: flacSays(f.t.Rate, f.t.Channels, f.bits)})
		}
	}
	return off, nil
}

func flacSays(rate, channels, bits int) string {
	return fmt.Sprintf("%d Hz, channels: %d, bits: %d", rate, channels, bits)
}

// info reads STREAMINFO.
func (f *flacFile) info(b []byte) {
	if len(b) < 34 {
		return
	}
	v := binary.BigEndian.Uint64(b[10:])
	f.t.Rate, f.t.Channels, f.bits, f.total = int(v>>44), int(v>>41&7)+1, int(v>>36&31)+1, int64(v&(1<<36-1))
	f.block = int(binary.BigEndian.Uint16(b[2:]))
	f.least, f.most = int(b[4])<<16|int(b[5])<<8|int(b[6]), int(b[7])<<16|int(b[8])<<8|int(b[9])
	f.t.Stated += f.total
	f.t.Declared += ratio(float64(f.total), float64(f.t.Rate))
}

// vorbisTags reads a comment block: who encoded, and the vendor for itself.
func vorbisTags(w *walk, where string, b []byte, off int64) (vendor string) {
	text := func() (string, bool) {
		if len(b) < 4 {
			return "", false
		}
		n := int64(binary.LittleEndian.Uint32(b))
		if n > int64(len(b)-4) {
			return "", false
		}
		s := string(b[4 : 4+n])
		b = b[4+n:]
		return s, true
	}
	v, ok := text()
	vendor = clip(v)
	w.tag(where+" vendor", vendor, off)
	if !ok || len(b) < 4 {
		return vendor
	}
	n := binary.LittleEndian.Uint32(b)
	b = b[4:]
	for range min(n, 256) {
		s, ok := text()
		if !ok {
			break
		}
		if key, value, ok := bytes.Cut([]byte(s), []byte("=")); ok && signs[string(bytes.ToUpper(key))] {
			w.tag(where+" "+string(bytes.ToUpper(key)), string(value), off)
		}
	}
	return vendor
}

// frames follows the frames and returns where a further stream begins, -1 at the end.
func (f *flacFile) frames(off int64) (int64, error) {
	b, err := f.v.at(off, 32)
	if err != nil {
		return -1, err
	}
	h, ok := flacHeader(b)
	if !ok {
		f.damage(fmt.Sprintf("no frame at byte %d", off))
		return -1, nil
	}
	if h.number != 0 {
		f.t.Start = f.seconds(h.first(f.block))
	}
	var n int64
	for {
		n++
		if off > f.lim.Bytes || n > f.lim.Units {
			f.unread(fmt.Sprintf("what comes after byte %d is not followed", off))
			return -1, nil
		}
		f.t.Samples += int64(h.block)
		f.t.Counted += f.seconds(int64(h.block))
		if bits, rate := max(h.bits, 0), h.rate; h.channels != f.t.Channels || rate != 0 && rate != f.t.Rate || bits != 0 && bits != f.bits {
			f.brk(Break{Kind: NewParameters, At: f.t.Counted, Offset: off, From: flacSays(f.t.Rate, f.t.Channels, f.bits), To: flacSays(rate, h.channels, bits)})
		}
		next, head, stream, err := f.next(off, h)
		switch {
		case err != nil || next < 0:
			return -1, err
		case stream:
			return next, nil
		}
		if want := h.after(); head.number > want {
			f.brk(Break{Kind: Lost, At: f.t.Counted, Offset: next, From: number(want), To: number(head.number)})
		} else if head.number < want {
			f.brk(Break{Kind: Back, At: f.t.Counted, Offset: next, From: number(want), To: number(head.number), Seconds: f.seconds(h.first(f.block) - head.first(f.block))})
		}
		off, h = next, head
	}
}

func (f *flacFile) seconds(samples int64) float64 { return ratio(float64(samples), float64(f.t.Rate)) }

// after is the number that the frame behind must have.
func (h flacHead) after() int64 {
	if h.variable {
		return h.number + int64(h.block)
	}
	return h.number + 1
}

// first is the number of the first sample.
func (h flacHead) first(block int) int64 {
	if h.variable {
		return h.number
	}
	return h.number * int64(block)
}

// next finds the frame behind the one at off. Its length is written nowhere: a header that
// has the right number and the right sum is one; one that has another number is one if the
// sum over the frame before it fits.
func (f *flacFile) next(off int64, h flacHead) (at int64, head flacHead, stream bool, err error) {
	const most = 4 << 20 // of a frame
	sum := crc16{f: f, at: off}
	for at = off + int64(max(h.len, 1)); at < off+most; {
		b, err := f.v.at(at, 64<<10)
		if err != nil {
			return -1, head, false, err
		}
		if len(b) < 4 {
			return -1, head, false, f.last(off)
		}
		end := len(b)
		if end == 64<<10 {
			end -= 31 // a header is looked at whole
		}
		for i := 0; i < end; i++ {
			j := bytes.IndexByte(b[i:end], 0xFF)
			if k := bytes.Index(b[i:min(len(b), i+max(j, 0)+4)], []byte("fLaC")); k >= 0 && (j < 0 || k < j) {
				if ok, err := sum.fits(at + int64(i+k)); err != nil || ok {
					return at + int64(i+k), head, true, err
				}
			} else if j < 0 {
				if k := bytes.Index(b[i:], []byte("fLaC")); k >= 0 {
					if ok, err := sum.fits(at + int64(i+k)); err != nil || ok {
						return at + int64(i+k), head, true, err
					}
				}
				break
			}
			i += max(j, 0)
			got, ok := flacHeader(b[i:min(len(b), i+32)])
			if !ok {
				continue
			}
			if got.number == h.after() && got.variable == h.variable {
				return at + int64(i), got, false, nil
			}
			if ok, err := sum.fits(at + int64(i)); err != nil || ok {
				return at + int64(i), got, false, err
			}
		}
		if at += int64(end); end < 64<<10-31 {
			return -1, head, false, f.last(off)
		}
	}
	f.damage(fmt.Sprintf("no frame behind the one at byte %d", off))
	return -1, head, false, nil
}

// last looks at the frame behind which none comes: its sum must fit somewhere in what is left.
// Tags, and what was appended, may stand behind it.
func (f *flacFile) last(off int64) error {
	const most = 1 << 20
	if f.size-off > most {
		return nil
	}
	b, err := f.bytes(off, most)
	sum := uint16(0)
	for i, x := range b {
		if sum = sum<<8 ^ crcTable[byte(sum>>8)^x]; sum == 0 && i > 8 {
			return err
		}
	}
	if err == nil {
		f.damage(fmt.Sprintf("the frame at byte %d is cut", off))
	}
	return err
}

// crc16 sums up a frame as far as it has been looked at, each byte once.
type crc16 struct {
	f   *flacFile
	at  int64
	sum uint16
	v   window
}

// fits reports whether the two bytes before end are the sum of what is before them: with
// them, the sum is zero.
func (c *crc16) fits(end int64) (bool, error) {
	c.v.w = c.f.walk
	for c.at < end {
		b, err := c.f.bytes(c.at, min(32<<10, end-c.at))
		if err != nil || len(b) == 0 {
			return false, err
		}
		for _, x := range b {
			c.sum = c.sum<<8 ^ crcTable[byte(c.sum>>8)^x]
		}
		c.at += int64(len(b))
	}
	return c.at == end && c.sum == 0, nil
}

var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x8005
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()

// flacHeader reads the header of a frame; false if it is none, by its sum too.
func flacHeader(b []byte) (h flacHead, ok bool) {
	if len(b) < 6 || b[0] != 0xFF || b[1]&0xFE != 0xF8 || b[3]&1 != 0 {
		return h, false
	}
	h.variable = b[1]&1 == 1
	size, rate, channels, bits := b[2]>>4, b[2]&15, b[3]>>4, b[3]>>1&7
	if size == 0 || rate == 15 || channels > 10 || bits == 3 {
		return h, false
	}
	h.channels = int(channels) + 1
	if channels > 7 {
		h.channels = 2
	}
	h.bits = [8]int{0, 8, 12, 0, 16, 20, 24, 32}[bits]
	h.rate = [16]int{0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}[rate]
	at := 4
	// The number is coded as UTF-8 codes characters, in up to seven bytes.
	c := b[at]
	at++
	more := 0
	for m := byte(0x80); c&m != 0 && m > 0; m >>= 1 {
		more++
	}
	switch {
	case more == 0:
		h.number = int64(c)
	case more == 1 || more > 7:
		return h, false
	default:
		h.number = int64(c & (0x7F >> more))
		for range more - 1 {
			if at >= len(b) || b[at]&0xC0 != 0x80 {
				return h, false
			}
			h.number = h.number<<6 | int64(b[at]&0x3F)
			at++
		}
	}
	extra := func(n int) (v int) {
		for range n {
			if at < len(b) {
				v = v<<8 | int(b[at])
			}
			at++
		}
		return v
	}
	switch {
	case size == 1:
		h.block = 192
	case size <= 5:
		h.block = 576 << (size - 2)
	case size == 6:
		h.block = extra(1) + 1
	case size == 7:
		h.block = extra(2) + 1
	default:
		h.block = 256 << (size - 8)
	}
	switch rate {
	case 12:
		h.rate = extra(1) * 1000
	case 13:
		h.rate = extra(2)
	case 14:
		h.rate = extra(2) * 10
	}
	if at >= len(b) {
		return h, false
	}
	sum := byte(0)
	for _, x := range b[:at] {
		sum ^= x
		for range 8 {
			if sum&0x80 != 0 {
				sum = sum<<1 ^ 7
			} else {
				sum <<= 1
			}
		}
	}
	h.len = at + 1
	return h, sum == b[at]
}
