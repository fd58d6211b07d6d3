package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/cordonhq/cordon/media/chunk"
)

// movie is one ISO base media file as it is read. ISO/IEC 14496-12.
type movie struct {
	*walk
	scale     float64 // ticks of the movie a second
	tracks    []*bmffTrack
	movies    int
	media     [][2]int64 // where media data lies
	keys      []string   // of QuickTime metadata, by number from 1
	sequences bool       // fragments are numbered
	lastSeq   uint32
	fragment  *bmffTrack // the one whose traf is open
	moof      int64      // where the open fragment begins
	followed  int64      // samples, of all tracks
}

// bmffTrack is a track with its place in the file.
type bmffTrack struct {
	Track
	scale        float64
	movie        int // the movie box it was declared in, from 1
	stbl         chunk.Piece
	tables       map[string]chunk.Piece
	descriptions []description
	usual        uint32 // duration of a sample in fragments that do not say
	usualSize    uint32
	// of the fragments read so far
	begun     bool
	next      uint64
	last      uint64 // duration of the sample before
	frag      fragment
	described uint32
	look      keyFrames
}

// description is how samples are coded.
type description struct {
	codec    string
	says     string // for people: codec and size or rate
	config   string // all of it that must be equal
	compress string // name that the encoder wrote
	nalLen   int    // bytes of the length before each unit of a sample, 0: not such a codec
	hevc     bool
	sets     map[string]bool // parameter sets
}

func (w *walk) bmff() error {
	m := &movie{walk: w, scale: 1}
	err := m.boxes()
	for _, t := range m.tracks {
		if w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		if len(t.tables) > 0 {
			if e := m.sampleTables(t); e != nil {
				return e
			}
		}
		m.finish(t)
	}
	return err
}

func (m *movie) boxes() error {
	var track *bmffTrack
	end := int64(0) // of the last box of the file itself
	for p, err := range chunk.BMFF(m.r, m.size) {
		if err != nil {
			if (m.movies > 0 || m.out.Fragments > 0) && !errors.Is(err, chunk.ErrLimit) && !m.boxAt(end) {
				return nil // something was appended that is no box; players do not look at it
			}
			return err
		}
		if p.Path == p.Name {
			end = p.End()
		}
		if m.ctx.Err() != nil {
			return m.ctx.Err()
		}
		switch p.Path {
		case "ftyp":
			m.fileType(p)
		case "moov":
			m.movies++
			if track = nil; m.movies > 1 {
				m.brk(Break{Kind: NewStream, Offset: p.Start, At: m.reached(), To: fmt.Sprintf("movie box %d", m.movies)})
			}
		case "moov/mvhd":
			m.header(p)
		case "moov/mvex":
			m.defaults(p)
		case "moov/trak":
			if track = nil; len(m.tracks) < maxTracks {
				track = &bmffTrack{movie: m.movies, scale: 1, tables: map[string]chunk.Piece{}}
				track.Kind = Other
				track.look.walk = m.walk
				m.tracks = append(m.tracks, track)
			}
		case "mdat":
			if len(m.media) < 1<<16 {
				m.media = append(m.media, [2]int64{p.Off, p.End()})
			}
		case "moof":
			m.out.Fragments++
			m.fragment, m.moof = nil, p.Start
		case "moof/mfhd":
			m.sequence(p)
		case "moof/traf/tfhd", "moof/traf/tfdt", "moof/traf/trun":
			if err := m.inFragment(p); err != nil {
				return err
			}
		}
		if track != nil && strings.HasPrefix(p.Path, "moov/trak/") {
			m.inTrack(track, p)
		}
		m.text(p)
	}
	return nil
}

// boxAt reports whether a box that belongs at the top of a recording begins at off.
func (m *movie) boxAt(off int64) bool {
	b, err := m.bytes(off, 8)
	if err != nil || len(b) < 8 {
		return false
	}
	switch string(b[4:]) {
	case "ftyp", "styp", "moov", "moof", "mdat", "mfra", "sidx", "free", "skip", "wide", "uuid", "meta", "udta":
		return true
	}
	return false
}

// reached is how far the movie is known to go.
func (m *movie) reached() (s float64) {
	for _, t := range m.tracks {
		s = max(s, t.Declared, t.Counted, ratio(float64(t.next), t.scale))
	}
	return s
}

func (m *movie) fileType(p chunk.Piece) {
	if b, err := p.Read(m.r, 4); err == nil && len(b) == 4 {
		m.tag("ftyp", string(b), p.Start)
	}
}

// full reads a box that begins with version and flags.
func (m *movie) full(p chunk.Piece, limit int64) (version byte, rest []byte) {
	b, err := p.Read(m.r, limit)
	if err != nil || len(b) < 4 {
		return 0, nil
	}
	return b[0], b[4:]
}

// times reads two times, a scale and a duration, as mvhd and mdhd have them.
func times(version byte, b []byte) (created, modified uint64, scale float64, length float64, ok bool) {
	switch {
	case version == 1 && len(b) >= 28:
		d := binary.BigEndian.Uint64(b[20:])
		scale = float64(binary.BigEndian.Uint32(b[16:]))
		if d != math.MaxUint64 {
			length = ratio(float64(d), scale)
		}
		return binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), scale, length, scale > 0
	case version == 0 && len(b) >= 16:
		d := binary.BigEndian.Uint32(b[12:])
		scale = float64(binary.BigEndian.Uint32(b[8:]))
		if d != math.MaxUint32 {
			length = ratio(float64(d), scale)
		}
		return uint64(binary.BigEndian.Uint32(b)), uint64(binary.BigEndian.Uint32(b[4:])), scale, length, scale > 0
	}
	return 0, 0, 1, 0, false
}

func (m *movie) header(p chunk.Piece) {
	created, modified, scale, length, ok := times(m.full(p, 64))
	if !ok || m.movies > 1 {
		return
	}
	m.scale = scale
	m.out.Created, m.out.Modified, m.out.Declared = since1904(created), since1904(modified), length
}

func (m *movie) inTrack(t *bmffTrack, p chunk.Piece) {
	switch strings.TrimPrefix(p.Path, "moov/trak/") {
	case "tkhd":
		version, b := m.full(p, 96)
		at := 8
		if version == 1 {
			at = 16
		}
		if len(b) >= at+4 {
			t.ID = uint64(binary.BigEndian.Uint32(b[at:]))
			t.look.track = t.ID
		}
	case "edts/elst":
		m.edits(t, p)
	case "mdia/mdhd":
		if created, modified, scale, length, ok := times(m.full(p, 64)); ok {
			t.scale, t.Declared, t.Created, t.Modified = scale, length, since1904(created), since1904(modified)
		}
	case "mdia/hdlr":
		_, b := m.full(p, 256)
		if len(b) < 20 {
			return
		}
		switch string(b[4:8]) {
		case "vide":
			t.Kind = Video
		case "soun":
			t.Kind = Audio
		}
		name := string(b[20:])
		if len(name) > 0 && int(name[0]) == len(name)-1 {
			name = name[1:] // QuickTime counts, ISO ends with a zero
		}
		m.tag("hdlr", name, p.Start)
	case "mdia/minf/stbl":
		t.stbl = p
		m.tableOf(t, p)
	}
}

// tableOf notes where the sample tables of a track are.
func (m *movie) tableOf(t *bmffTrack, stbl chunk.Piece) {
	for p, err := range chunk.BMFF(io.NewSectionReader(m.r, stbl.Off, stbl.Len), stbl.Len) {
		if err != nil {
			m.damage(fmt.Sprintf("sample tables at byte %d: %v", stbl.Off, err))
			return
		}
		p.Start, p.Off = p.Start+stbl.Off, p.Off+stbl.Off
		if _, twice := t.tables[p.Name]; !twice && len(p.Path) == 4 {
			t.tables[p.Name] = p
		}
	}
	if p, ok := t.tables["stsd"]; ok {
		m.describe(t, p)
	}
}

// edits reads an edit list.
func (m *movie) edits(t *bmffTrack, p chunk.Piece) {
	version, b := m.full(p, 4+4+20*maxEdits)
	if len(b) < 4 {
		return
	}
	count := int64(binary.BigEndian.Uint32(b))
	b = b[4:]
	size := 12
	if version == 1 {
		size = 20
	}
	if count > maxEdits {
		m.unread(fmt.Sprintf("an edit list of %d entries", count))
	}
	for ; count > 0 && len(b) >= size && len(t.Edits) < maxEdits; count-- {
		var length, from float64
		rate := b[size-4:]
		if version == 1 {
			length, from = float64(binary.BigEndian.Uint64(b)), float64(int64(binary.BigEndian.Uint64(b[8:])))
		} else {
			length, from = float64(binary.BigEndian.Uint32(b)), float64(int32(binary.BigEndian.Uint32(b[4:])))
		}
		// The scale of the media may stand behind the edit list; it is applied at the end.
		t.Edits = append(t.Edits, Edit{From: from, Length: length, Rate: float64(int32(binary.BigEndian.Uint32(rate))) / 65536})
		b = b[size:]
	}
}

// finish turns ticks into seconds and hands the track out.
func (m *movie) finish(t *bmffTrack) {
	t.look.end()
	for i := range t.Edits {
		e := &t.Edits[i]
		e.Length = ratio(e.Length, m.scale)
		if e.From < 0 {
			e.From = -1
		} else {
			e.From = ratio(e.From, t.scale)
		}
	}
	if t.begun {
		t.Counted = max(t.Counted, ratio(float64(t.next), t.scale)-t.Start)
	}
	m.out.Tracks = append(m.out.Tracks, t.Track)
	m.out.Open = m.out.Open || m.out.Fragments > 0 && m.out.Declared == 0
}

// text keeps what programs wrote of themselves.
func (m *movie) text(p chunk.Piece) {
	if p.Len > 64<<10 {
		return
	}
	switch {
	case strings.HasSuffix(p.Path, "/meta/keys") || p.Path == "meta/keys":
		if b, err := p.Read(m.r, 64<<10); err == nil {
			m.keys = keyNames(b)
		}
	case p.Name == "data" && p.Len > 8:
		i := strings.Index(p.Path, "/ilst/")
		if i < 0 {
			return
		}
		name := strings.TrimSuffix(p.Path[i+len("/ilst/"):], "/data")
		if len(name) == 4 && name[0] == 0 {
			if n := int64(binary.BigEndian.Uint32([]byte(name))); n >= 1 && n <= int64(len(m.keys)) {
				name = m.keys[n-1]
			}
		}
		m.program(p, name, 8)
	case strings.HasSuffix(p.Path, "udta/"+p.Name) && len(p.Name) == 4 && p.Name[0] == 0xA9 && p.Len > 4:
		m.program(p, p.Name, 4)
	}
}

// programs are the keys under which programs sign.
var programs = map[string]bool{"\xA9too": true, "\xA9swr": true, "\xA9enc": true, "\xA9mak": true, "\xA9mod": true,
	"com.apple.quicktime.software": true, "com.apple.quicktime.make": true, "com.apple.quicktime.model": true,
	"com.apple.quicktime.creationdate": true, "com.android.version": true, "com.android.manufacturer": true, "com.android.model": true}

func (m *movie) program(p chunk.Piece, name string, skip int) {
	if !programs[name] {
		return
	}
	if b, err := p.Read(m.r, 1024); err == nil && len(b) > skip {
		m.tag(strings.ReplaceAll(name, "\xA9", "©"), string(b[skip:]), p.Start)
	}
}

func keyNames(b []byte) (keys []string) {
	if len(b) < 8 {
		return nil
	}
	for b = b[8:]; len(b) >= 8 && len(keys) < 1024; {
		n := int64(binary.BigEndian.Uint32(b))
		if n < 8 || n > int64(len(b)) {
			break
		}
		keys = append(keys, string(b[8:n]))
		b = b[n:]
	}
	return keys
}
