package recording

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/cordonhq/cordon/media/chunk"
)

// tableRoom is how much of a table is held, in bytes: a multiple of both widths.
const tableRoom = 48 << 10

// cursor reads a table of 32-bit numbers one after the other, in pieces.
type cursor struct {
	w    *walk
	off  int64
	end  int64
	wide bool   // the numbers have 64 bits
	buf  []byte // what is left of room
	room []byte
	err  error
}

// table opens the table that begins skip bytes into a box and holds at most so many numbers.
func (w *walk) table(p chunk.Piece, skip, numbers int64, wide bool) *cursor {
	width := int64(4)
	if wide {
		width = 8
	}
	return &cursor{w: w, off: p.Off + skip, end: min(p.End(), p.Off+skip+numbers*width), wide: wide}
}

// next returns the next number, false at the end of the table.
func (c *cursor) next() (uint64, bool) {
	width := 4
	if c.wide {
		width = 8
	}
	if len(c.buf) < width {
		n := min(int64(tableRoom), c.end-c.off)
		if n < int64(width) || c.err != nil {
			return 0, false
		}
		if c.err = c.w.ctx.Err(); c.err != nil {
			return 0, false
		}
		if c.room == nil {
			c.room = make([]byte, n)
		}
		got, err := c.w.r.ReadAt(c.room[:n], c.off)
		if c.buf = c.room[:got]; got < width {
			if c.err = err; err == io.EOF {
				c.err = nil
			}
			return 0, false
		}
		c.off += int64(len(c.buf))
	}
	var v uint64
	if c.wide {
		v = binary.BigEndian.Uint64(c.buf)
	} else {
		v = uint64(binary.BigEndian.Uint32(c.buf))
	}
	c.buf = c.buf[width:]
	return v, true
}

// entries is how many entries a table says it has, as far as they fit into its box.
func (w *walk) entries(p chunk.Piece, head, size int64) int64 {
	b, err := p.Read(w.r, head)
	if err != nil || int64(len(b)) < head {
		return 0
	}
	return min(int64(binary.BigEndian.Uint32(b[head-4:])), max(0, p.Len-head)/size)
}

// sampleTables follows the samples of a track through the tables of its movie box.
func (m *movie) sampleTables(t *bmffTrack) error {
	times, regular, err := m.durations(t)
	if err != nil {
		return err
	}
	t.Regular = regular
	s := &samples{movie: m, t: t, usual: times}
	return s.follow()
}

// durations adds up how long the samples are, and returns the usual length in ticks and
// whether nearly all are of about that length. Phones let the lengths of frames vary a
// little, recorders of screens write a frame when something moves.
func (m *movie) durations(t *bmffTrack) (usual uint64, regular bool, err error) {
	stts, ok := t.tables["stts"]
	if !ok {
		return 0, false, nil
	}
	c := m.table(stts, 8, 2*min(m.entries(stts, 8, 8), m.lim.Units), false)
	lengths := map[uint64]uint64{}
	var total, count, widest uint64
	for {
		n, _ := c.next()
		delta, ok := c.next()
		if !ok {
			break
		}
		if int32(uint32(delta)) < 0 {
			delta = 0 // some writers mean a step back
		}
		if total > math.MaxUint64-n*delta { // 2^64 at the most
			break
		}
		total, count = total+n*delta, count+n
		if len(lengths) < 4096 || lengths[delta] > 0 {
			lengths[delta] += n
		}
	}
	for delta, n := range lengths {
		if n > lengths[widest] || n == lengths[widest] && delta < widest {
			widest = delta
		}
	}
	near := uint64(0)
	for delta, n := range lengths {
		if 2*delta >= widest && 2*delta <= 3*widest {
			near += n
		}
	}
	t.Stated = int64(min(count, 1<<62))
	t.Counted = ratio(float64(total), t.scale)
	return widest, widest > 0 && count > 8 && float64(near) >= 0.9*float64(count), c.err
}

// samples walks the samples of one track in the order of their times.
type samples struct {
	*movie
	t     *bmffTrack
	usual uint64

	durations, runs, chunks, sizes, syncs *cursor
	fixed                                 uint64 // size of every sample, 0: they differ
}

func (s *samples) follow() error {
	t := s.t
	has := func(name string) (chunk.Piece, bool) { p, ok := t.tables[name]; return p, ok }
	count := int64(0)
	if p, ok := has("stsz"); ok {
		if b, err := p.Read(s.r, 12); err == nil && len(b) == 12 {
			count, s.fixed = int64(binary.BigEndian.Uint32(b[8:])), uint64(binary.BigEndian.Uint32(b[4:]))
		}
		s.sizes = s.table(p, 12, s.lim.Units, false)
	}
	t.Samples = count
	stts, ok1 := has("stts")
	stsc, ok2 := has("stsc")
	offsets, wide := t.tables["stco"], false
	if p, ok := has("co64"); ok {
		offsets, wide = p, true
	}
	if count == 0 || !ok1 || !ok2 || offsets.Len < 8 {
		return nil
	}
	size := int64(4)
	if wide {
		size = 8
	}
	s.durations = s.table(stts, 8, 2*min(s.entries(stts, 8, 8), s.lim.Units), false)
	s.runs = s.table(stsc, 8, 3*min(s.entries(stsc, 8, 12), s.lim.Units), false)
	s.chunks = s.table(offsets, 8, min(s.entries(offsets, 8, size), s.lim.Units), wide)
	stride := int64(1)
	if p, ok := has("stss"); ok {
		n := s.entries(p, 8, 4)
		s.syncs = s.table(p, 8, min(n, s.lim.Units), false)
		stride = max(1, (n+s.lim.Keys-1)/s.lim.Keys)
		if stride > 1 {
			s.unread(fmt.Sprintf("of %d key frames every %dth has its beginning read", n, stride))
		}
	}
	return s.each(count, stride)
}

// each goes through the samples: durations, chunks and key frames at once.
func (s *samples) each(count, stride int64) error {
	t := s.t
	var now, delta, deltas uint64 // ticks; how many samples still last delta
	var inChunk, perChunk, described uint64
	nextRun, okRun := s.runs.next()
	chunkNo, at := uint64(0), uint64(0)
	sync, okSync := uint64(0), false
	if s.syncs != nil {
		sync, okSync = s.syncs.next()
	}
	keys, synced := int64(0), int64(0)
	known := true // the place of samples
	for i := int64(0); i < count; i++ {
		if s.followed++; s.followed > s.lim.Units {
			s.unread(fmt.Sprintf("of %d samples of track %d the first %d are followed", count, t.ID, i))
			break
		}
		if deltas == 0 {
			n, ok1 := s.durations.next()
			d, ok2 := s.durations.next()
			if !ok1 || !ok2 {
				break
			}
			if deltas, delta = n, d; int32(uint32(d)) < 0 {
				delta = 0
			}
			if deltas == 0 {
				i--
				continue
			}
		}
		deltas--
		seconds := ratio(float64(now), t.scale)
		// The chunk that the sample is in.
		if inChunk == 0 && known {
			chunkNo++
			if okRun && nextRun == chunkNo {
				perChunk, _ = s.runs.next()
				d, _ := s.runs.next()
				if described != 0 && d != described && perChunk > 0 {
					s.parameters(t, described, d, seconds, int64(at))
				}
				described = d
				nextRun, okRun = s.runs.next()
			}
			var ok bool
			if at, ok = s.chunks.next(); !ok || perChunk == 0 {
				t.Absent += count - i
				known = false
			}
			inChunk = perChunk
		}
		size := s.fixed
		if size == 0 && s.sizes != nil {
			size, _ = s.sizes.next()
		}
		if known && (at > uint64(s.size) || size > uint64(s.size)-at) {
			t.Absent++
		}
		// Key frames.
		for okSync && int64(sync) < i+1 {
			sync, okSync = s.syncs.next()
		}
		if okSync && int64(sync) == i+1 {
			if synced++; synced == 2 {
				t.SecondKey = seconds
			}
			if keys%stride == 0 && known && at < uint64(s.size) {
				if d := s.description(t, described); d != nil && d.nalLen > 0 {
					if err := t.look.sample(d, int64(at), int64(min(size, 1<<30)), seconds); err != nil {
						return err
					}
				}
			}
			keys++
		}
		// The last sample may last as long as it likes.
		if t.Regular && i+1 < count && i > 0 && float64(delta) > max(t.scale, 10*float64(s.usual)) {
			s.brk(Break{Kind: Gap, Track: t.ID, At: seconds, Offset: int64(at), Seconds: ratio(float64(delta), t.scale)})
		}
		now += delta
		at += size
		if inChunk > 0 {
			inChunk--
		}
	}
	for _, c := range []*cursor{s.durations, s.runs, s.chunks, s.sizes, s.syncs} {
		if c != nil && c.err != nil {
			return c.err
		}
	}
	return nil
}

// description returns the one with the number, from 1.
func (m *movie) description(t *bmffTrack, n uint64) *description {
	if n < 1 || n > uint64(len(t.descriptions)) {
		return nil
	}
	return &t.descriptions[n-1]
}

// parameters notes that another description applies from here on. Protection is put over
// the samples of a track from some point on, with the same coding below.
func (m *movie) parameters(t *bmffTrack, from, to uint64, at float64, off int64) {
	a, b := m.description(t, from), m.description(t, to)
	if m.enough() {
		return
	}
	if a == nil || b == nil || a.config == b.config || protected(a) != protected(b) {
		return
	}
	says := b.says
	if a.says == b.says {
		says += ", other settings"
	}
	m.brk(Break{Kind: NewParameters, Track: t.ID, At: at, Offset: off, From: a.says, To: says})
}

func protected(d *description) bool { return d.codec == "encv" || d.codec == "enca" }
