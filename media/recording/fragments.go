package recording

import (
	"encoding/binary"
	"io"

	"github.com/cordonhq/cordon/media/chunk"
)

// fragment is one track's part of one movie fragment while it is read.
type fragment struct {
	duration, size uint32
	described      uint32
	start          int64 // of its header
	base           int64 // where its data is counted from
	runs           int
}

// defaults reads what samples of fragments are like where a fragment does not say.
func (m *movie) defaults(mvex chunk.Piece) {
	body := io.NewSectionReader(m.r, mvex.Off, mvex.Len)
	for p, err := range chunk.BMFF(body, mvex.Len) {
		if err != nil {
			return
		}
		if p.Name != "trex" || p.Len < 24 {
			continue
		}
		b, err := p.Read(body, 24)
		if err != nil || len(b) < 24 {
			return
		}
		if t := m.byID(uint64(binary.BigEndian.Uint32(b[4:]))); t != nil {
			t.described, t.usual, t.usualSize = binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:])
		}
	}
}

// byID returns the track of the last movie box that has the number.
func (m *movie) byID(id uint64) *bmffTrack {
	for i := len(m.tracks) - 1; i >= 0; i-- {
		if m.tracks[i].ID == id {
			return m.tracks[i]
		}
	}
	return nil
}

// sequence looks at the number of a fragment: one more than the one before.
func (m *movie) sequence(p chunk.Piece) {
	_, b := m.full(p, 8)
	if len(b) < 4 {
		return
	}
	n := binary.BigEndian.Uint32(b)
	if m.sequences && n > m.lastSeq+1 && m.lastSeq != 0 {
		m.brk(Break{Kind: Lost, At: m.reached(), Offset: p.Start, From: number(int64(m.lastSeq)), To: number(int64(n))})
	}
	m.sequences, m.lastSeq = true, n
}

// inFragment reads one track's part of a fragment.
func (m *movie) inFragment(p chunk.Piece) error {
	switch p.Name {
	case "tfhd":
		_, b := m.full(p, 64)
		if m.fragment = nil; len(b) < 4 {
			return nil
		}
		t := m.byID(uint64(binary.BigEndian.Uint32(b)))
		if t == nil {
			return nil // a segment whose movie box is elsewhere
		}
		f, err := p.Read(m.r, 4)
		if err != nil {
			return err
		}
		flags := binary.BigEndian.Uint32(f)
		t.frag = fragment{duration: t.usual, size: t.usualSize, described: t.described, start: p.Start, base: m.moof}
		b = b[4:]
		if flags&1 != 0 && len(b) >= 8 {
			t.frag.base = int64(binary.BigEndian.Uint64(b) & (1<<62 - 1))
			b = b[8:]
		}
		for _, field := range []struct {
			flag uint32
			to   *uint32
		}{{2, &t.frag.described}, {8, &t.frag.duration}, {16, &t.frag.size}} {
			if flags&field.flag != 0 && len(b) >= 4 {
				*field.to = binary.BigEndian.Uint32(b)
				b = b[4:]
			}
		}
		if t.begun && t.frag.described != t.described && t.described != 0 {
			m.parameters(t, uint64(t.described), uint64(t.frag.described), ratio(float64(t.next), t.scale), p.Start)
		}
		t.described = t.frag.described
		m.fragment = t
	case "tfdt":
		if t := m.fragment; t != nil {
			m.begins(t, p)
		}
	case "trun":
		if t := m.fragment; t != nil {
			return m.run(t, p)
		}
	}
	return nil
}

// begins compares when a fragment says it begins with the end of the one before.
func (m *movie) begins(t *bmffTrack, p chunk.Piece) {
	version, b := m.full(p, 12)
	var at uint64
	switch {
	case version == 1 && len(b) >= 8:
		at = binary.BigEndian.Uint64(b)
	case version == 0 && len(b) >= 4:
		at = uint64(binary.BigEndian.Uint32(b))
	default:
		return
	}
	if at > 1<<62 {
		return
	}
	switch {
	case !t.begun:
		t.Start = ratio(float64(at), t.scale)
	case float64(at) > float64(t.next)+t.scale:
		m.brk(Break{Kind: Gap, Track: t.ID, At: ratio(float64(t.next), t.scale), Offset: t.frag.start, Seconds: ratio(float64(at-t.next), t.scale)})
	case float64(at) < float64(t.next)-max(t.scale/2, 2*float64(t.last)):
		m.brk(Break{Kind: Back, Track: t.ID, At: ratio(float64(t.next), t.scale), Offset: t.frag.start, Seconds: ratio(float64(t.next-at), t.scale)})
	}
	t.begun, t.next = true, at
}

// run adds up the samples of one run.
func (m *movie) run(t *bmffTrack, p chunk.Piece) error {
	head, err := p.Read(m.r, 8)
	if err != nil || len(head) < 8 {
		return err
	}
	flags, count := binary.BigEndian.Uint32(head)&0xFFFFFF, int64(binary.BigEndian.Uint32(head[4:]))
	skip, fields := int64(8), int64(0)
	for _, f := range []uint32{1, 4} {
		if flags&f != 0 {
			skip += 4
		}
	}
	for _, f := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&f != 0 {
			fields++
		}
	}
	if t.frag.runs++; t.frag.runs == 1 && flags&1 != 0 {
		if err := m.firstSample(t, p, flags, skip); err != nil {
			return err
		}
	}
	t.begun = true
	t.last = uint64(t.frag.duration)
	if flags&0x100 == 0 {
		t.next += uint64(count) * uint64(t.frag.duration)
		t.Samples += count
		return nil
	}
	c := m.table(p, skip, min(count, m.lim.Units)*fields, false)
	for range min(count, m.lim.Units) {
		d, ok := c.next()
		if !ok {
			break
		}
		t.last = d
		t.next += d
		t.Samples++
		for range fields - 1 {
			c.next()
		}
	}
	return c.err
}

// firstSample looks at the first sample of a fragment: fragments of video mostly begin with a
// key frame.
func (m *movie) firstSample(t *bmffTrack, trun chunk.Piece, flags uint32, skip int64) error {
	d := m.description(t, uint64(t.frag.described))
	if d == nil || d.nalLen == 0 || int64(t.look.n) >= m.lim.Keys {
		return nil
	}
	b, err := trun.Read(m.r, skip+8)
	if err != nil || int64(len(b)) < skip {
		return err
	}
	off, size := t.frag.base+int64(int32(binary.BigEndian.Uint32(b[8:]))), uint32(keyLen)
	at := skip
	if flags&0x100 != 0 {
		at += 4
	}
	if flags&0x200 != 0 && int64(len(b)) >= at+4 {
		size = binary.BigEndian.Uint32(b[at:])
	} else if t.frag.size > 0 {
		size = t.frag.size
	}
	return t.look.sample(d, off, int64(size), ratio(float64(t.next), t.scale))
}
