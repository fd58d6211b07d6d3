package recording

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// mpegHead is the header of one frame of MPEG audio. ISO/IEC 11172-3, 2.4.2.3.
type mpegHead struct {
	version byte // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
	layer   byte // 1: Layer III, 2: Layer II, 3: Layer I
	bits    int  // a second
	rate    int
	pad     int
	mode    byte // 3: mono
	sum     bool // a checksum follows
	flags   byte // copyright, original, emphasis: constant in what one encoder makes
}

var mpegBits = [2][4][16]int{
	{ // MPEG-1, by layer
		1: {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		2: {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		3: {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
	},
	{
		1: {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		2: {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		3: {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
	},
}

// mpegHeader reads four bytes; false if they are no header.
func mpegHeader(b []byte) (h mpegHead, ok bool) {
	if len(b) < 4 || b[0] != 0xFF || b[1]&0xE0 != 0xE0 {
		return h, false
	}
	h = mpegHead{version: b[1] >> 3 & 3, layer: b[1] >> 1 & 3, sum: b[1]&1 == 0, pad: int(b[2] >> 1 & 1), mode: b[3] >> 6, flags: b[3] & 0x0F}
	rate, freq := b[2]>>4, b[2]>>2&3
	if h.version == 1 || h.layer == 0 || rate == 0 || rate == 15 || freq == 3 || b[3]&3 == 2 {
		return h, false
	}
	low := 0
	h.rate = [3]int{44100, 48000, 32000}[freq]
	switch h.version {
	case 2:
		low, h.rate = 1, h.rate/2
	case 0:
		low, h.rate = 1, h.rate/4
	}
	h.bits = mpegBits[low][h.layer][rate] * 1000
	return h, true
}

// length is the length of the frame in bytes.
func (h mpegHead) length() int {
	switch {
	case h.layer == 3:
		return (12*h.bits/h.rate + h.pad) * 4
	case h.layer == 1 && h.version != 3:
		return 72*h.bits/h.rate + h.pad
	}
	return 144*h.bits/h.rate + h.pad
}

// samples is how many samples of each channel the frame has.
func (h mpegHead) samples() int {
	switch {
	case h.layer == 3:
		return 384
	case h.layer == 1 && h.version != 3:
		return 576
	}
	return 1152
}

func (h mpegHead) channels() int {
	if h.mode == 3 {
		return 1
	}
	return 2
}

// side is the length of the side information of Layer III, and where it begins.
func (h mpegHead) side() (at, n int) {
	at = 4
	if h.sum {
		at += 2
	}
	switch {
	case h.version == 3 && h.mode != 3:
		return at, 32
	case h.version == 3 || h.mode != 3:
		return at, 17
	}
	return at, 9
}

func (h mpegHead) says() string {
	names := map[byte]string{1: "Layer III", 2: "Layer II", 3: "Layer I"}
	return fmt.Sprintf("MPEG %s %d Hz, channels: %d", names[h.layer], h.rate, h.channels())
}

// same reports whether frames with both headers may follow one another in one stream.
func (h mpegHead) same(o mpegHead) bool {
	return h.version == o.version && h.layer == o.layer && h.rate == o.rate && h.channels() == o.channels()
}

// maxTries bounds how often what looks like a frame is tried where there is none. Noise of
// 256 MiB has half as many.
const maxTries = 1 << 17

// steady is how many frames in a row are alike before that counts as an encoder's setting:
// five seconds.
const steady = 200

// habit is what an encoder keeps the same from frame to frame.
type habit struct {
	bits  int // a second; 0: it varies
	mode  byte
	flags byte
	sum   bool
}

func (h habit) says() string {
	s := [4]string{"stereo", "joint stereo", "two channels", "mono"}[h.mode]
	if h.bits > 0 {
		s = fmt.Sprintf("%d kbit/s, ", h.bits/1000) + s
	}
	if h.sum {
		s += ", checksums"
	}
	return fmt.Sprintf("%s, flags %X", s, h.flags)
}

// mpeg is one MP3 file as it is read.
type mpeg struct {
	*walk
	v        window
	t        Track
	seconds  float64
	frames   int64
	head     mpegHead
	encoder  string
	variable bool    // says that its bit rate varies
	tail     []Break // seen since the last frame; counts if a further one comes

	// what frames have in common, and since when
	base, run   habit
	runs, flips int
	runAt       float64
	runOff      int64
	// bytes of sound that frames before have not used
	reservoir int
	cleared   int64 // frames since the reservoir was last uncertain
	breaks    []Break
}

func (w *walk) mp3() error {
	m := &mpeg{walk: w, v: window{w: w}}
	m.t = Track{ID: 1, Kind: Audio, Codec: "mp3"}
	err := m.follow()
	m.t.Counted = m.seconds
	if m.t.Samples = m.frames; m.frames == 0 && err == nil {
		w.damage("no frame of sound")
	}
	// An encoder that refers to more than there is does so often, and a cut once.
	if len(m.breaks) <= 8 {
		for _, b := range m.breaks {
			w.brk(b)
		}
	}
	w.out.Declared = m.t.Declared
	w.out.Tracks = []Track{m.t}
	return err
}

func (m *mpeg) follow() error {
	for off := int64(0); off < m.size; {
		if off > m.lim.Bytes || m.frames >= m.lim.Units {
			m.unread(fmt.Sprintf("what comes after byte %d is not followed", off))
			return nil
		}
		b, err := m.v.at(off, 4096)
		if err != nil {
			return err
		}
		if n := m.tagLen(b, off); n > 0 {
			off += n
			continue
		}
		h, ok := mpegHeader(b)
		if !ok || m.frames == 0 && !m.leads(h, off) {
			next, err := m.resync(off)
			if err != nil || next < 0 {
				return err
			}
			if m.frames > 0 {
				m.tail = append(m.tail[:min(len(m.tail), 16)], Break{Kind: Foreign, At: m.seconds, Offset: off, To: fmt.Sprintf("%d bytes", next-off)})
			}
			off = next
			continue
		}
		n := h.length()
		m.frame(h, b[:min(len(b), n)], off)
		off += int64(n)
		if off > m.size {
			break // the last frame is cut, as where a stream was recorded
		}
	}
	return nil
}

// leads reports whether another frame of its kind stands where the frame ends.
func (m *mpeg) leads(h mpegHead, off int64) bool {
	at := off + int64(h.length())
	if at == m.size {
		return true
	}
	b, err := m.bytes(at, 4)
	if err != nil || len(b) < 4 {
		return false
	}
	next, ok := mpegHeader(b)
	return ok && next.same(h) || string(b[:3]) == "TAG" || string(b) == "APET" || string(b[:3]) == "ID3"
}

// resync looks for the next frame; -1 if none follows.
func (m *mpeg) resync(off int64) (int64, error) {
	tries := 0
	for at := off + 1; at+4 <= m.size; {
		if at > m.lim.Bytes {
			m.unread(fmt.Sprintf("what comes after byte %d is not followed", at))
			return -1, nil
		}
		b, err := m.v.at(at, 64<<10)
		if err != nil || len(b) < 4 {
			return -1, err
		}
		for i := 0; i+4 <= len(b); i++ {
			j := bytes.IndexByte(b[i:len(b)-3], 0xFF)
			if j < 0 {
				break
			}
			i += j
			if h, ok := mpegHeader(b[i:]); ok && (m.frames == 0 || h.same(m.head)) {
				if m.leads(h, at+int64(i)) {
					return at + int64(i), nil
				}
				if tries++; tries > maxTries {
					m.unread(fmt.Sprintf("too much after byte %d looks like the beginning of a frame", off))
					return -1, nil
				}
			}
			if string(b[i:min(len(b), i+3)]) == "ID3" {
				return at + int64(i), nil
			}
		}
		at += int64(len(b) - 3)
		if len(b) < 64<<10 {
			break
		}
	}
	return -1, nil
}

// tagLen is the length of a block of tags that begins here, 0 if none does.
func (m *mpeg) tagLen(b []byte, off int64) int64 {
	var n int64
	kind := ""
	switch {
	case len(b) >= 10 && string(b[:3]) == "ID3" && b[3] < 0xFF && b[6]|b[7]|b[8]|b[9] < 0x80:
		kind = "ID3v2"
		n = 10 + (int64(b[6])<<21 | int64(b[7])<<14 | int64(b[8])<<7 | int64(b[9]))
		if b[5]&0x10 != 0 {
			n += 10
		}
	case len(b) >= 128 && string(b[:3]) == "TAG":
		kind, n = "ID3v1", 128
	case len(b) >= 32 && string(b[:8]) == "APETAGEX":
		kind, n = "APE", 32
		if binary.LittleEndian.Uint32(b[20:])&(1<<29) != 0 { // it is the header, the footer comes last
			n += int64(binary.LittleEndian.Uint32(b[12:]))
		}
	}
	if n > 0 && m.frames > 0 {
		m.tail = append(m.tail[:min(len(m.tail), 16)], Break{Kind: TagInside, At: m.seconds, Offset: off, To: kind})
	}
	return n
}

// frame takes one frame in.
func (m *mpeg) frame(h mpegHead, b []byte, off int64) {
	if len(m.tail) > 0 {
		for _, t := range m.tail {
			m.brk(t)
		}
		m.tail, m.cleared = nil, 0
	}
	switch {
	case m.frames == 0:
		m.t.Channels, m.t.Rate = h.channels(), h.rate
		m.t.Codec = [4]string{"", "mp3", "mp2", "mp1"}[h.layer]
	case !h.same(m.head):
		m.brk(Break{Kind: NewParameters, At: m.seconds, Offset: off, From: m.head.says(), To: h.says()})
		m.cleared, m.base, m.run, m.flips = 0, habit{}, habit{}, 0
	}
	first := m.frames == 0
	m.head = h
	if h.layer == 1 && m.info(h, b, off, first) {
		m.cleared = 0
		if first {
			return // no sound in it
		}
	}
	m.habits(h, off)
	if h.layer == 1 {
		m.sound(h, b, off)
	}
	m.frames++
	m.seconds += ratio(float64(h.samples()), float64(h.rate))
}

// info reads the frame without sound in which encoders describe the file: how many frames,
// and who encoded it. Where it comes again, another file begins.
func (m *mpeg) info(h mpegHead, b []byte, off int64, first bool) bool {
	at, n := h.side()
	at += n
	if len(b) >= 54 && string(b[36:40]) == "VBRI" {
		if !first {
			m.brk(Break{Kind: NewStream, At: m.seconds, Offset: off, From: m.encoder, To: "VBRI"})
		} else {
			m.stated(h, int64(binary.BigEndian.Uint32(b[50:])))
		}
		return true
	}
	if len(b) < at+8 {
		return false
	}
	kind := string(b[at : at+4])
	if kind != "Xing" && kind != "Info" {
		return false
	}
	flags, rest := binary.BigEndian.Uint32(b[at+4:]), b[at+8:]
	for _, field := range []struct {
		flag uint32
		n    int
	}{{1, 4}, {2, 4}, {4, 100}, {8, 4}} {
		if flags&field.flag == 0 {
			continue
		}
		if len(rest) < field.n {
			return true
		}
		if field.flag == 1 && first {
			m.stated(h, int64(binary.BigEndian.Uint32(rest)))
		}
		rest = rest[field.n:]
	}
	name := kind
	if len(rest) >= 9 {
		if s := clip(string(bytes.Trim(rest[:9], "\x00 "))); s != "" {
			name = s
			m.tag(kind+" frame", s, off)
		}
	}
	if first {
		m.encoder = name
		return true
	}
	m.brk(Break{Kind: NewStream, At: m.seconds, Offset: off, From: m.encoder, To: name})
	if name != m.encoder && m.encoder != "" {
		m.brk(Break{Kind: NewEncoder, At: m.seconds, Offset: off, From: m.encoder, To: name})
	}
	m.encoder, m.variable = name, false
	m.base, m.run, m.flips = habit{}, habit{}, 0
	return true
}

func (m *mpeg) stated(h mpegHead, frames int64) {
	m.t.Stated = frames
	m.t.Declared = ratio(float64(frames)*float64(h.samples()), float64(h.rate))
}

// habits notes where what an encoder keeps the same changes for good: bit rate, unless it
// varies, the way of two channels, checksums and flags.
func (m *mpeg) habits(h mpegHead, off int64) {
	now := habit{mode: h.mode, flags: h.flags, sum: h.sum}
	if !m.variable {
		now.bits = h.bits
	}
	if now != m.run {
		if m.run != (habit{}) {
			m.flips++
		}
		m.run, m.runs, m.runAt, m.runOff = now, 0, m.seconds, off
	}
	if m.runs++; m.runs != steady {
		return
	}
	switch {
	case m.base == (habit{}) && m.flips <= 2, m.base == now:
	case m.base != (habit{}) && m.flips == 1:
		m.brk(Break{Kind: NewEncoder, At: m.runAt, Offset: m.runOff, From: m.base.says(), To: now.says()})
	default:
		m.variable = true // what the file says of that is not to be relied on: joiners write it anew
		m.base, m.run = habit{}, habit{}
		return
	}
	m.base, m.flips = now, 0
}

// sound follows the bit reservoir: the sound of a frame may begin in the room that frames
// before it left. Where it would begin in the midst of another frame's sound, or before
// there is any, the frames were not made one after the other.
func (m *mpeg) sound(h mpegHead, b []byte, off int64) {
	at, n := h.side()
	if len(b) < at+n {
		return
	}
	side := bitsOf(b[at : at+n])
	begin, granules := 0, 1
	if h.version == 3 {
		begin, granules = side.take(9), 2
		side.take(map[bool]int{true: 5, false: 3}[h.mode == 3])
		side.take(4 * h.channels())
	} else {
		begin = side.take(8)
		side.take(map[bool]int{true: 1, false: 2}[h.mode == 3])
	}
	used := 0
	for range granules * h.channels() {
		used += side.take(12)
		side.skip(map[bool]int{true: 47, false: 51}[h.version == 3])
	}
	room := h.length() - at - n
	if m.cleared > 8 && begin > m.reservoir {
		if len(m.breaks) <= 8 {
			m.breaks = append(m.breaks, Break{Kind: Reservoir, At: m.seconds, Offset: off, From: number(int64(m.reservoir)), To: number(int64(begin))})
		}
		m.cleared = 0
	}
	// What this frame leaves: all from its beginning on that its sound does not use.
	m.reservoir = min(max(0, begin+room-(used+7)/8), 511)
	if m.cleared++; m.cleared <= 8 {
		m.reservoir = 511
	}
}

// bitsOf reads numbers of some bits each.
func bitsOf(b []byte) *bitReader { return &bitReader{b: b} }

type bitReader struct {
	b  []byte
	at int
}

func (r *bitReader) take(n int) (v int) {
	for range n {
		bit := 0
		if i := r.at / 8; i < len(r.b) {
			bit = int(r.b[i] >> (7 - r.at%8) & 1)
		}
		v, r.at = v<<1|bit, r.at+1
	}
	return v
}

func (r *bitReader) skip(n int) { r.at += n }
