package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/anatomy"
)

// Anatomy is what a file is made of, and what of it opens as a file of its own.
type Anatomy struct {
	// Ranges are a partition of the file: every byte is in one.
	Ranges []anatomy.Range
	// Children are files inside: behind the end, in metadata, between the pieces, as text.
	Children []Child
	// More says that there are more of them than are listed.
	More bool
	// Unknown is how many bytes belong to nothing and to no child.
	Unknown int64
}

// Child is a file inside of another.
type Child struct {
	Name string // where it is, for people
	Off  int64  // where it begins, if its bytes are bytes of the parent; else -1
	Len  int64
	// Content are its bytes if they had to be unpacked.
	Content []byte
	// Over are bytes that stand in it instead of the parent's, as for a file that begins with
	// another of its pictures.
	Over []Patch
	// Look says why it could not be had; "" if it could.
	Look cordon.Look
	Why  string
	// Certain says that the format itself names it as a file, so that it is one even if it is
	// damaged; else it was found by what it begins with.
	Certain bool
}

// Patch is what stands at an offset of a child.
type Patch struct {
	Off   int64
	Bytes []byte
}

// Open returns the child's bytes.
func (c Child) Open(m *Media) (io.ReaderAt, int64) {
	if c.Content != nil {
		return bytes.NewReader(c.Content), int64(len(c.Content))
	}
	r := io.NewSectionReader(m, c.Off, c.Len)
	if len(c.Over) > 0 {
		return patched{r, c.Over}, c.Len
	}
	return r, c.Len
}

// patched is a file some of whose bytes are others.
type patched struct {
	io.ReaderAt
	over []Patch
}

func (p patched) ReadAt(b []byte, off int64) (int, error) {
	n, err := p.ReaderAt.ReadAt(b, off)
	for _, o := range p.over {
		if from, to := max(o.Off, off), min(o.Off+int64(len(o.Bytes)), off+int64(n)); from < to {
			copy(b[from-off:to-off], o.Bytes[from-o.Off:])
		}
	}
	return n, err
}

// Limits of what is opened beside a file's own format.
const (
	maxChild    = 64 << 20  // bytes of one that had to be unpacked
	maxChildren = 256 << 20 // of all of them
	// maxClaimed bounds the pieces that are told apart. What comes behind them is beyond limits.
	maxClaimed = 4 * anatomy.MaxRanges
)

// survey is one reading of a file's structure: claims, and files inside.
type survey struct {
	m        *Media
	ctx      context.Context
	claims   []anatomy.Claim
	pieces   int // that were claimed
	children []Child
	more     bool
	spent    int64
	looked   [][2]int64 // ranges that are searched although somebody reads them
	quiet    bool       // what is unknown of such files is no surprise
}

// surveyors have a reader for each type; what has none is unknown.
var surveyors = map[Type]func(*survey) error{
	JPEG: surveyJPEG, PNG: surveyPNG, GIF: surveyGIF, WebP: surveyWebP, BMP: surveyBMP, ICO: surveyICO, TIFF: surveyTIFF, DNG: surveyTIFF,
	HEIC: surveyBoxes, AVIF: surveyBoxes, CR3: surveyBoxes, JPEG2000: surveyBoxes, JPEGXL: surveyBoxes, PSD: surveyPSD,
	MP4: surveyBoxes, MOV: surveyBoxes, M4A: surveyBoxes, AVI: surveyRIFF, Matroska: surveyMatroska,
	MP3: surveyFramed(mp3Len, ""), AAC: surveyFramed(aacLen, ""), AMR: surveyFramed(amrLen, "#!AMR\n"),
	FLAC: surveyFLAC, Ogg: surveyOgg, WAV: surveyRIFF, RIFF: surveyRIFF, AIFF: surveyAIFF,
	ZIP: surveyZIP, OOXML: surveyZIP, Archive: surveyPacked, OLE: surveyOLE, PDF: surveyPDF, DICOM: surveyDICOM,
	SVG: surveyText, HTML: surveyText, XML: surveyText, JSON: surveyText, Text: surveyText, RTF: surveyText,
	CDA: surveyText, FHIRJSON: surveyText, FHIRXML: surveyText, JOSE: surveyOwned,
	C2PA: surveyOwned, Executable: surveyWhole, Empty: surveyOwned,
}

type anatomyOnce struct {
	lock  chan struct{}
	known bool
	of    *Anatomy
	err   error
	held  atomic.Int64 // bytes of children, until the file is closed
}

// Anatomy reads the structure, at most once. Damage is part of the answer; errors are ctx's and
// those of reading the file.
func (m *Media) Anatomy(ctx context.Context) (*Anatomy, error) {
	a := &m.anatomy
	select {
	case a.lock <- struct{}{}:
		defer func() { <-a.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a.known {
		return a.of, a.err
	}
	of, err := m.survey(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err() // the next may have more time
	}
	a.known, a.of, a.err = true, of, err
	return of, err
}

func (m *Media) survey(ctx context.Context) (*Anatomy, error) {
	s := &survey{m: m, ctx: ctx}
	if read, ok := surveyors[m.Type]; ok {
		if err := read(s); err != nil {
			return nil, err
		}
	}
	if m.page { // what is beside its picture is the parent's matter
		s.quiet, s.looked = true, nil
		s.claims = append(s.claims, anatomy.Claim{Len: m.size, State: anatomy.Opaque, Owner: "the file around it", Shared: true})
	}
	ranges := anatomy.Fold(m.size, s.claims)
	for _, r := range ranges {
		if r.State == anatomy.Unknown || r.State == anatomy.Contested {
			s.looked = append(s.looked, [2]int64{r.Off, r.End})
		}
	}
	for _, at := range s.looked {
		if err := s.search(at[0], at[1]); err != nil {
			return nil, err
		}
	}
	if len(s.children) > 0 || s.more {
		ranges = anatomy.Fold(m.size, s.claims)
	}
	out := &Anatomy{Ranges: ranges, Children: s.children, More: s.more}
	if !s.quiet {
		sum := anatomy.Sum(ranges)
		out.Unknown = sum[anatomy.Unknown] + sum[anatomy.Contested]
		for _, r := range ranges {
			if (r.State == anatomy.Unknown || r.State == anatomy.Contested) && m.plain(r) {
				out.Unknown -= r.Len()
			}
		}
	}
	return out, nil
}

// plain reports whether a range is one byte over and over, or white space: padding that nobody
// has claimed.
func (m *Media) plain(r anatomy.Range) bool {
	buffer := make([]byte, min(64<<10, r.Len()))
	first := byte(0)
	for at := r.Off; at < r.End; {
		n, err := m.ReadAt(buffer[:min(int64(len(buffer)), r.End-at)], at)
		if n == 0 || err != nil && !errors.Is(err, io.EOF) {
			return false
		}
		if at == r.Off {
			first = buffer[0]
		}
		for _, c := range buffer[:n] {
			if c != first && c != 0 && c != ' ' && c != '\r' && c != '\n' && c != 0xFF {
				return false
			}
		}
		at += int64(n)
	}
	return true
}

func (s *survey) claim(off, n int64, state anatomy.State, owner string) {
	if most := int(s.m.Room(maxClaimed)); s.pieces >= most {
		if s.pieces++; s.pieces == most+1 {
			s.claims = append(s.claims, anatomy.Claim{Off: off, Len: s.m.size - off, State: anatomy.Beyond, Owner: "more pieces", Shared: true})
			s.also(off, s.m.size-off) // files among them are found all the same
			s.more = true
		}
		return
	}
	s.pieces++
	if k := len(s.claims) - 1; k >= 0 {
		if c := &s.claims[k]; c.Off+c.Len == off && c.Len > 0 && n > 0 && c.State == state && c.Owner == owner && !c.Shared {
			c.Len += n // neighbours that are the same are one range in any case
			return
		}
	}
	s.claims = append(s.claims, anatomy.Claim{Off: off, Len: n, State: state, Owner: owner})
}

// metadata claims a range that is read, and has it searched for files as well.
func (s *survey) metadata(off, n int64, owner string) {
	s.claim(off, n, anatomy.Read, owner)
	s.also(off, n)
}

// also has a range searched that somebody reads.
func (s *survey) also(off, n int64) {
	if k := len(s.looked); k > 0 && s.looked[k-1][1] == off {
		s.looked[k-1][1] = off + n
		return
	}
	s.looked = append(s.looked, [2]int64{off, off + n})
}

// search looks for files between two offsets.
func (s *survey) search(from, to int64) error {
	return s.carve(from, min(to, s.m.size))
}

// carve adds the files between two offsets, but those of some types.
func (s *survey) carve(from, to int64, but ...Type) error {
	c := carver{s.ctx, s.m, s.m.limits.allowed, but}
	// At the first byte is the file itself, and what it holds is not to be skipped with it.
	stopped, err := c.carve(max(from, 1), to, func(o opening) bool {
		return s.child(Child{Name: fmt.Sprintf("%s at byte %d", o.is, o.off), Off: o.off, Len: o.end - o.off})
	})
	if errors.Is(err, errSpent) {
		s.beyond(stopped, to)
		return nil
	}
	return err
}

// beyond says that nobody looked for files between two offsets.
func (s *survey) beyond(from, to int64) {
	s.more = true
	s.claims = append(s.claims, anatomy.Claim{Off: from, Len: to - from, State: anatomy.Beyond, Owner: "not searched", Shared: true})
}

// child adds one, and reports whether there is room for more.
func (s *survey) child(c Child) bool {
	if c.Content != nil {
		c.Off = -1
		n := int64(len(c.Content))
		if s.spent += n; s.spent > s.m.Room(maxChildren) || !s.m.limits.held.take(n) {
			s.more = true
			return false
		}
		s.m.anatomy.held.Add(n)
	}
	if len(s.children) >= int(s.m.Room(maxCarved)) {
		s.more = true
		return false
	}
	s.children = append(s.children, c)
	if c.Off >= 0 && len(c.Over) == 0 { // what opens is no longer unknown
		s.claims = append(s.claims, anatomy.Claim{Off: c.Off, Len: c.Len, State: anatomy.Opaque, Owner: c.Name, Shared: true})
	}
	return true
}

// carried adds bytes that had to be unpacked, if they open as something that is looked at.
func (s *survey) carried(name string, b []byte, certain bool) bool {
	return s.child(Child{Name: name, Content: b, Off: -1, Len: int64(len(b)), Certain: certain})
}
