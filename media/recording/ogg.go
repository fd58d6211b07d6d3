package recording

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// oggFile is one Ogg file as it is read: a chain of links, each of which has one or more
// logical streams side by side. RFC 3533.
type oggFile struct {
	*walk
	v       window
	streams []*oggStream // of the link that is being read
	past    []*oggStream // of the link before
	all     []Track
	base    float64 // seconds of the links before
	link    int
	begun   bool // pages with sound or pictures have come in this link
}

// maxLinks bounds a chain. A day of web radio has some hundred.
const maxLinks = 10_000

type oggStream struct {
	Track
	serial   uint32
	vendor   string
	next     uint32 // number of the page to come
	pages    int64
	ended    bool
	clock    float64 // granules a second, 0: not understood
	skip     int64   // granules in front that are not played
	block    int64   // most granules of one packet
	granule  int64
	from     int64
	toc      []byte // beginning of a packet that goes on on the next page
	opus     bool
	measured bool
}

func (w *walk) ogg() error {
	o := &oggFile{walk: w, v: window{w: w}}
	err := o.follow()
	o.endLink()
	w.out.Tracks = o.all
	return err
}

func (o *oggFile) follow() error {
	pages := int64(0)
	for off := int64(0); off < o.size; {
		if off > o.lim.Bytes || pages >= o.lim.Units || o.link > maxLinks {
			o.unread(fmt.Sprintf("what comes after byte %d is not followed", off))
			return nil
		}
		b, err := o.v.at(off, 27+255+255*255)
		if err != nil {
			return err
		}
		if len(b) < 27 || string(b[:4]) != "OggS" {
			next, err := o.resync(off)
			if err != nil || next < 0 {
				return err
			}
			if pages > 0 {
				o.brk(Break{Kind: Foreign, At: o.reached(), Offset: off, To: fmt.Sprintf("%d bytes", next-off)})
			}
			off = next
			continue
		}
		lacing := b[27:min(len(b), 27+int(b[26]))]
		n := 0
		for _, l := range lacing {
			n += int(l)
		}
		body := b[min(len(b), 27+int(b[26])):]
		o.page(b[:27], lacing, body[:min(n, len(body))], off)
		off += int64(27 + int(b[26]) + n)
		if pages++; off > o.size {
			o.damage(fmt.Sprintf("the page at byte %d ends behind the file", off))
		}
	}
	return nil
}

// resync looks for the next page; -1 if none follows.
func (o *oggFile) resync(off int64) (int64, error) {
	for at := off + 1; at+4 <= o.size && at <= o.lim.Bytes; {
		b, err := o.v.at(at, 64<<10)
		if err != nil || len(b) < 4 {
			return -1, err
		}
		if i := bytes.Index(b, []byte("OggS")); i >= 0 {
			return at + int64(i), nil
		}
		at += int64(len(b) - 3)
	}
	return -1, nil
}

func (o *oggFile) page(head, lacing, body []byte, off int64) {
	flags, granule := head[5], int64(binary.LittleEndian.Uint64(head[6:]))
	serial, number := binary.LittleEndian.Uint32(head[14:]), binary.LittleEndian.Uint32(head[18:])
	const continued, first, last = 1, 2, 4
	var s *oggStream
	for _, known := range o.streams {
		if known.serial == serial && !known.ended {
			s = known
		}
	}
	if flags&first != 0 {
		if o.begun {
			o.endLink()
		}
		if len(o.streams) >= maxTracks {
			return
		}
		s = &oggStream{serial: serial, granule: -1, from: -1, next: number}
		s.ID, s.Kind = uint64(serial), Other
		s.identify(body)
		o.streams = append(o.streams, s)
		if o.link > 0 && len(o.streams) == 1 {
			o.brk(Break{Kind: NewStream, Track: s.ID, At: o.base, Offset: off, To: fmt.Sprintf("link %d of the chain", o.link+1)})
		}
	}
	if s == nil {
		return // a stream without a beginning
	}
	if number != s.next && s.pages > 0 {
		kind := Lost
		if number < s.next {
			kind = Back
		}
		if !o.enough() {
			o.brk(Break{Kind: kind, Track: s.ID, At: o.at(s), Offset: off, From: fmt.Sprint(s.next), To: fmt.Sprint(number)})
		}
		s.measured = false
	}
	s.next = number + 1
	if s.pages++; s.pages == 2 {
		o.comments(s, body, off)
	}
	length, packets := s.packets(lacing, body, flags&continued != 0)
	if granule > 0 && s.clock > 0 {
		o.begun = true
		o.time(s, granule, length, packets, off, flags&last != 0)
	}
	if flags&last != 0 {
		s.ended = true
	}
}

// time compares the position that a page states with what is on it.
func (o *oggFile) time(s *oggStream, granule, length, packets, off int64, last bool) {
	if length == 0 {
		length = packets * s.block
	}
	switch {
	case s.granule < 0:
		s.from = max(0, granule-length)
		if float64(s.from) > s.clock && s.opus {
			s.Start = float64(s.from) / s.clock
		} else if !s.opus && float64(s.from) > s.clock {
			s.Start = float64(s.from) / s.clock
		} else {
			s.from = 0
		}
	case !s.measured: // pages are missing in front of it
	case float64(granule-s.granule-length) > s.clock:
		o.brk(Break{Kind: Gap, Track: s.ID, At: o.at(s), Offset: off, Seconds: float64(granule-s.granule-length) / s.clock})
	case float64(s.granule-granule) > s.clock && !last:
		o.brk(Break{Kind: Back, Track: s.ID, At: o.at(s), Offset: off, Seconds: float64(s.granule-granule) / s.clock})
	}
	s.measured = true
	s.granule = granule
}

// at is the time that a stream has reached.
func (o *oggFile) at(s *oggStream) float64 { return o.base + s.length() }

func (s *oggStream) length() float64 {
	if s.granule < 0 || s.clock == 0 {
		return 0
	}
	return max(0, float64(s.granule-max(s.from, 0)-s.skip)/s.clock)
}

func (o *oggFile) reached() (at float64) {
	at = o.base
	for _, s := range o.streams {
		at = max(at, o.at(s))
	}
	return at
}

// endLink closes the streams that stood side by side.
func (o *oggFile) endLink() {
	o.base = o.reached()
	for _, s := range o.streams {
		s.Counted = s.length()
		if len(o.all) < maxTracks {
			o.all = append(o.all, s.Track)
		}
	}
	o.past, o.streams, o.begun = o.streams, nil, false
	o.link++
}

// identify reads the first packet of a stream.
func (s *oggStream) identify(b []byte) {
	switch {
	case bytes.HasPrefix(b, []byte("\x01vorbis")) && len(b) >= 30:
		s.Kind, s.Codec, s.Channels, s.Rate = Audio, "vorbis", int(b[11]), int(int32(binary.LittleEndian.Uint32(b[12:])))
		s.clock, s.block = max(0, float64(s.Rate)), 1<<(b[28]>>4)
	case bytes.HasPrefix(b, []byte("OpusHead")) && len(b) >= 19:
		s.Kind, s.Codec, s.Channels, s.Rate = Audio, "opus", int(b[9]), int(binary.LittleEndian.Uint32(b[12:]))
		s.clock, s.skip, s.opus = 48000, int64(binary.LittleEndian.Uint16(b[10:])), true
	case bytes.HasPrefix(b, []byte("\x7fFLAC")) && len(b) >= 9+8+18:
		v := binary.BigEndian.Uint64(b[9+8+10:])
		s.Kind, s.Codec, s.Channels, s.Rate = Audio, "flac", int(v>>41&7)+1, int(v>>44)
		s.clock, s.block = float64(s.Rate), 65536
	case bytes.HasPrefix(b, []byte("Speex   ")) && len(b) >= 52:
		s.Kind, s.Codec, s.Rate, s.Channels = Audio, "speex", int(int32(binary.LittleEndian.Uint32(b[36:]))), int(int32(binary.LittleEndian.Uint32(b[48:])))
		s.clock, s.block = max(0, float64(s.Rate)), 10*640
	case bytes.HasPrefix(b, []byte("\x80theora")) && len(b) >= 20:
		s.Kind, s.Codec = Video, "theora"
		s.Width, s.Height = int(b[14])<<16|int(b[15])<<8|int(b[16]), int(b[17])<<16|int(b[18])<<8|int(b[19])
	}
}

func (s *oggStream) says() string {
	if s.Kind == Video {
		return fmt.Sprintf("%s %d×%d", s.Codec, s.Width, s.Height)
	}
	return fmt.Sprintf("%s %d Hz, channels: %d", s.Codec, s.Rate, s.Channels)
}

// comments reads the second packet: who encoded the stream. Of a further link it is held
// against the one before.
func (o *oggFile) comments(s *oggStream, body []byte, off int64) {
	for _, mark := range []string{"\x03vorbis", "OpusTags", "\x81theora", ""} {
		if rest, ok := bytes.CutPrefix(body, []byte(mark)); ok && (mark != "" || s.Codec == "speex") {
			s.vendor = vorbisTags(o.walk, s.Codec, rest, off)
			break
		}
	}
	if o.link == 0 {
		return
	}
	for _, p := range o.past {
		if p.Kind != s.Kind || s.Kind == Other {
			continue
		}
		if p.says() != s.says() {
			o.brk(Break{Kind: NewParameters, Track: s.ID, At: o.base, Offset: off, From: p.says(), To: s.says()})
		}
		if p.vendor != s.vendor && p.Codec == s.Codec {
			o.brk(Break{Kind: NewEncoder, Track: s.ID, At: o.base, Offset: off, From: p.vendor, To: s.vendor})
		}
		return
	}
}

// packets counts the packets that end on a page, and how long they are where that shows.
func (s *oggStream) packets(lacing, body []byte, continued bool) (length, n int64) {
	start, fresh := 0, !continued
	at := 0
	for _, l := range lacing {
		at += int(l)
		if l == 255 {
			continue
		}
		toc := body[min(start, len(body)):min(at, len(body))]
		if !fresh {
			toc = s.toc
		}
		if s.opus {
			length += opusLength(toc)
		}
		n++
		start, fresh = at, true
	}
	if start < at && fresh {
		rest := body[min(start, len(body)):]
		s.toc = bytes.Clone(rest[:min(2, len(rest))])
	}
	return length, n
}

// opusLength is the length of a packet at 48 kHz. RFC 6716, 3.1.
func opusLength(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	var frame int64
	switch config := b[0] >> 3; {
	case config < 12:
		frame = [4]int64{480, 960, 1920, 2880}[config&3]
	case config < 16:
		frame = [2]int64{480, 960}[config&1]
	default:
		frame = 120 << (config & 3)
	}
	switch b[0] & 3 {
	case 0:
		return frame
	case 1, 2:
		return 2 * frame
	}
	if len(b) < 2 {
		return 0
	}
	return frame * int64(b[1]&63)
}
