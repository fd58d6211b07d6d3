package recording

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/cordonhq/cordon/media/chunk"
)

// segment is one Matroska or WebM file as it is read. RFC 9559.
type segment struct {
	*walk
	n       int     // segments so far
	scale   float64 // seconds of one tick
	base    float64 // seconds where this segment begins
	cluster float64 // seconds, in this segment
	tracks  []*ebmlTrack
	open    *ebmlTrack // the entry that is being read
	writer  string     // who wrote this segment
	program string     // the name of a tag, until its value comes
	first   bool       // the first block of the segment is still to come
	head    [12]byte   // of a block
}

type ebmlTrack struct {
	Track
	description
	number  uint64
	segment int
	pace    pace
	look    keyFrames
}

func (w *walk) matroska() error {
	s := &segment{walk: w, scale: 1e-3}
	err := s.elements()
	for _, t := range s.tracks {
		t.look.end()
		t.Regular = t.pace.regular()
		for _, b := range t.pace.gaps {
			if t.Regular && b.Seconds > max(1, 10*t.pace.usual()) {
				w.brk(b)
			}
		}
		t.Counted = t.pace.length()
		w.out.Tracks = append(w.out.Tracks, t.Track)
	}
	return err
}

func (s *segment) elements() error {
	for p, err := range chunk.EBML(s.r, s.size) {
		if err != nil {
			return err
		}
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if p.Start > s.lim.Bytes && p.Name == "Cluster" {
			s.unread(fmt.Sprintf("what comes after the first %d MiB is not followed", s.lim.Bytes>>20))
			return nil
		}
		path, inSegment := strings.CutPrefix(p.Path, "Segment/")
		switch {
		case p.Path == "Segment":
			s.begin(p)
		case !inSegment:
		case strings.HasPrefix(path, "Info/"):
			s.info(p)
		case strings.HasPrefix(path, "Tracks/"):
			s.track(p)
		case strings.HasPrefix(path, "Tags/"):
			s.tags(p)
		case path == "Cluster":
			s.out.Fragments++
			if p.End() == s.size {
				s.out.Open = s.out.Open || s.out.Declared == 0
			}
		case path == "Cluster/Timestamp":
			s.clusterAt(p)
		case path == "Cluster/SimpleBlock", path == "Cluster/BlockGroup/Block":
			if err := s.block(p, p.Name == "SimpleBlock"); err != nil {
				return err
			}
		}
	}
	return nil
}

// clusterAt takes the time of a cluster, which only grows. That of its blocks goes back and
// forth, where pictures refer to later ones.
func (s *segment) clusterAt(p chunk.Piece) {
	at := finite(s.number(p) * s.scale)
	if back := s.cluster - at; back > 1 {
		s.brk(Break{Kind: Back, At: s.base + s.cluster, Offset: p.Start, Seconds: back})
		for _, t := range s.tracks {
			t.pace.last = s.base + at
		}
	}
	s.cluster = at
}

func (s *segment) begin(p chunk.Piece) {
	s.n++
	s.cluster, s.scale, s.first = 0, 1e-3, true
	for _, t := range s.tracks {
		s.base = max(s.base, t.pace.length()+t.Start)
	}
	if s.n > 1 {
		s.brk(Break{Kind: NewStream, At: s.base, Offset: p.Start, From: s.writer, To: fmt.Sprintf("segment %d", s.n)})
	}
}

// number reads an unsigned number, or a number with a fraction for elements that have one.
func (s *segment) number(p chunk.Piece) float64 {
	if p.Len > 8 {
		return 0
	}
	var buf [8]byte
	got, err := s.r.ReadAt(buf[:p.Len], p.Off)
	if int64(got) < p.Len && err != nil {
		return 0
	}
	b := buf[:p.Len]
	if p.Name == "Duration" || p.Name == "SamplingFrequency" {
		switch len(b) {
		case 4:
			return finite(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
		case 8:
			return finite(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
		return 0
	}
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return float64(v)
}

func (s *segment) words(p chunk.Piece) string {
	b, err := p.Read(s.r, 1024)
	if err != nil {
		return ""
	}
	return clip(strings.TrimRight(string(b), "\x00"))
}

func (s *segment) info(p chunk.Piece) {
	switch p.Name {
	case "TimestampScale":
		if v := s.number(p); v > 0 && v < 1e12 {
			s.scale = v / 1e9
		}
	case "Duration":
		if s.n == 1 {
			s.out.Declared = finite(max(0, s.number(p)*s.scale))
		}
	case "DateUTC":
		if b, err := p.Read(s.r, 8); err == nil && len(b) == 8 && s.n == 1 {
			ns := int64(binary.BigEndian.Uint64(b))
			s.out.Created = stated(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(ns)))
		}
	case "MuxingApp", "WritingApp":
		v := s.words(p)
		s.tag("Info/"+p.Name, v, p.Start)
		if p.Name == "WritingApp" {
			if s.n > 1 && v != s.writer && s.writer != "" {
				s.brk(Break{Kind: NewEncoder, At: s.base, Offset: p.Start, From: s.writer, To: v})
			}
			s.writer = v
		}
	}
}

func (s *segment) track(p chunk.Piece) {
	if p.Name == "TrackEntry" {
		if s.open = nil; len(s.tracks) < maxTracks {
			s.open = &ebmlTrack{segment: s.n}
			s.open.Kind = Other
			s.tracks = append(s.tracks, s.open)
		}
		return
	}
	t := s.open
	if t == nil {
		return
	}
	switch p.Name {
	case "TrackNumber":
		t.number = uint64(s.number(p))
		t.ID, t.look = t.number, keyFrames{walk: s.walk, track: t.number}
	case "TrackType":
		switch s.number(p) {
		case 1:
			t.Kind = Video
		case 2:
			t.Kind = Audio
		}
	case "CodecID":
		t.Codec = s.words(p)
		t.codec = t.Codec
	case "CodecPrivate":
		b, err := p.Read(s.r, 64<<10)
		if err != nil {
			return
		}
		t.config = string(b)
		if t.description.sets = map[string]bool{}; len(b) > 6 && t.Codec == "V_MPEG4/ISO/AVC" {
			t.nalLen = int(b[4]&3) + 1
			t.avcSets(b[5:])
		}
		if len(b) > 22 && t.Codec == "V_MPEGH/ISO/HEVC" {
			t.nalLen, t.hevc = int(b[21]&3)+1, true
			t.hevcSets(b[22:])
		}
	case "PixelWidth":
		t.Width = int(min(s.number(p), 1<<20))
	case "PixelHeight":
		t.Height = int(min(s.number(p), 1<<20))
	case "SamplingFrequency":
		t.Rate = int(min(max(s.number(p), 0), 1e9))
	case "Channels":
		t.Channels = int(min(s.number(p), 1024))
	}
}

// sameAs says in words what the track is, to compare it with that of the segment before.
func (t *ebmlTrack) sameAs() string {
	if t.Kind == Audio {
		return fmt.Sprintf("%s %d Hz, channels: %d", t.Codec, t.Rate, t.Channels)
	}
	return fmt.Sprintf("%s %d×%d", t.Codec, t.Width, t.Height)
}

// signs are the tags under which programs sign. https://www.matroska.org/technical/tagging.html
var signs = map[string]bool{"ENCODER": true, "ENCODED_BY": true, "ENCODER_SETTINGS": true, "WRITING_APP": true, "MUXING_APP": true, "SOFTWARE": true, "HANDLER_NAME": true}

func (s *segment) tags(p chunk.Piece) {
	switch p.Name {
	case "TagName":
		s.program = strings.ToUpper(s.words(p))
	case "TagString":
		if signs[s.program] {
			s.tag("Tags/"+s.program, s.words(p), p.Start)
		}
		s.program = ""
	}
}

// block looks at one block: its track, its time, and of key frames the beginning.
func (s *segment) block(p chunk.Piece, simple bool) error {
	got, err := s.r.ReadAt(s.head[:min(p.Len, int64(len(s.head)))], p.Off)
	if err == io.EOF {
		err = nil
	}
	b := s.head[:got]
	if err != nil || len(b) < 4 {
		return err
	}
	n := 1
	for m := byte(0x80); n <= 8 && b[0]&m == 0; m >>= 1 {
		n++
	}
	if n > 8 || n+3 > len(b) {
		return nil
	}
	number := uint64(b[0]) & (0xFF >> n)
	for _, c := range b[1:n] {
		number = number<<8 | uint64(c)
	}
	var t *ebmlTrack
	for i := len(s.tracks) - 1; i >= 0 && t == nil; i-- {
		if s.tracks[i].number == number && s.tracks[i].segment == s.n {
			t = s.tracks[i]
		}
	}
	if t == nil {
		return nil
	}
	if s.first {
		s.first = false
		s.compare(p)
	}
	at := max(0, s.base+s.cluster+float64(int16(binary.BigEndian.Uint16(b[n:])))*s.scale)
	if t.Samples++; t.Samples > s.lim.Units {
		s.unread(fmt.Sprintf("of track %d the first %d blocks are followed", t.number, s.lim.Units))
		return errEnough
	}
	if t.pace.n == 0 {
		t.Start = at
	}
	if leap := t.pace.step(at); leap > 1 && len(t.pace.gaps) < maxBreaks {
		t.pace.gaps = append(t.pace.gaps, Break{Kind: Gap, Track: number, At: at - leap, Offset: p.Start, Seconds: leap})
	}
	const key, lacing = 0x80, 0x06
	if flags := b[n+2]; t.nalLen > 0 && simple && flags&key != 0 && flags&lacing == 0 && int64(t.look.n) < s.lim.Keys {
		head := int64(n) + 3
		return t.look.sample(&t.description, p.Off+head, p.Len-head, at)
	}
	return nil
}

// compare holds the tracks of a further segment against those of the one before.
func (s *segment) compare(p chunk.Piece) {
	for _, t := range s.tracks {
		for _, before := range s.tracks {
			if t.segment == s.n && before.segment == s.n-1 && before.number == t.number && (before.sameAs() != t.sameAs() || before.config != t.config) {
				to := t.sameAs()
				if to == before.sameAs() {
					to += ", other settings"
				}
				s.brk(Break{Kind: NewParameters, Track: t.number, At: s.base, Offset: p.Start, From: before.sameAs(), To: to})
			}
		}
	}
}

// pace tells whether the samples of a track come at a steady rate. Times need not grow:
// pictures that refer to later ones are stored behind these.
type pace struct {
	n     int64
	first float64
	last  float64         // the latest time so far
	steps map[int64]int64 // how often which step forward, in tenths of a millisecond
	gaps  []Break
}

// step takes the time of a further sample and returns by how much it is later than the
// latest so far.
func (p *pace) step(at float64) (leap float64) {
	if p.n++; p.n == 1 {
		p.first, p.last, p.steps = at, at, map[int64]int64{}
		return 0
	}
	by := at - p.last
	if by > 0 {
		p.last = at
		if tick := int64(min(by, 1e9) * 1e4); len(p.steps) < 4096 || p.steps[tick] > 0 {
			p.steps[tick]++
		}
	}
	return by
}

func (p *pace) usual() float64 {
	best := int64(0)
	for tick, n := range p.steps {
		if n > p.steps[best] || n == p.steps[best] && tick < best {
			best = tick
		}
	}
	return float64(best) / 1e4
}

func (p *pace) regular() bool {
	usual := int64(p.usual() * 1e4)
	var near, all int64
	for tick, n := range p.steps {
		// Stamps are rounded to milliseconds, and pictures that refer to later ones make the
		// steps between the latest times so far longer.
		if all += n; tick <= 5*usual+20 {
			near += n
		}
	}
	return usual > 0 && all > 8 && float64(near) >= 0.9*float64(all)
}

// length is how long the samples are, as far as their times tell.
func (p *pace) length() float64 {
	if p.n < 2 {
		return 0
	}
	return max(0, p.last-p.first+p.usual())
}
