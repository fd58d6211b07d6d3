// Package recording reads what the structure of a recording says of how it was made: its
// tracks, the programs that say they wrote it, its edit lists, its timestamps, and the places
// where one stretch ends and another begins. It decodes neither sound nor picture.
//
// The containers are ISO base media (MP4, MOV, M4A, whole or in fragments), Matroska and WebM,
// WAVE, AVI, MP3, FLAC and Ogg. All give the same shape, so that whoever judges it need not
// know containers; whether something is ordinary is not decided here.
//
// Bytes are a stranger's: tables are streamed and never held whole, counts and depth are
// bounded, and what lies beyond a bound is left unread and said so.
package recording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/cordonhq/cordon/media/chunk"
)

// Container is what holds the tracks.
type Container string

// Containers that are read.
const (
	BMFF     Container = "bmff"
	Matroska Container = "matroska"
	WAVE     Container = "wave"
	AVI      Container = "avi"
	MP3      Container = "mp3"
	FLAC     Container = "flac"
	Ogg      Container = "ogg"
)

// Limits bound what one recording may cost. The zero value of each field means its default.
type Limits struct {
	// Bytes is how far into a file its frames, pages and blocks are followed where they have to
	// be read one after the other. Default: 256 MiB.
	Bytes int64
	// Units is how many samples, frames, pages, blocks or table entries are followed.
	// Default: 4 million.
	Units int64
	// Keys is how many key frames have their first bytes read. Default: 1 024.
	Keys int64
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		value *int64
		or    int64
	}{{&l.Bytes, 256 << 20}, {&l.Units, 4 << 20}, {&l.Keys, 1024}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	return l
}

// Bounds of what is listed. What is beyond is counted.
const (
	maxTracks = 64
	maxTags   = 64
	maxBreaks = 64
	maxEdits  = 256
	maxText   = 200 // bytes of one text
)

// Recording is what the structure of one file says. Times are in seconds from its beginning.
type Recording struct {
	Container Container
	// Created and Modified are stated by the container; zero: not stated, or a value that
	// programs write when they do not know.
	Created, Modified time.Time
	// Declared is how long the file says it is; 0: it does not say.
	Declared float64
	Tracks   []Track
	Tags     []Tag
	Breaks   []Break
	// Beyond is how many further breaks there are.
	Beyond int
	// Fragments is how many movie fragments or clusters the file is written in.
	Fragments int64
	// Open means that the writer left lengths open, as it does where it cannot seek back.
	Open bool
	// Damage says where the structure cannot be followed any further; "": nowhere.
	Damage string
	// Unread says which bound was met, so that the rest was not looked at; "": none.
	Unread string
}

// Kind is what a track holds.
type Kind string

// Kinds of tracks.
const (
	Video Kind = "video"
	Audio Kind = "audio"
	Other Kind = "other" // text, chapters, time codes, sensors
)

// Track is one track or logical stream.
type Track struct {
	ID            uint64
	Kind          Kind
	Codec         string // as the container names it
	Width, Height int    // of video
	Channels      int    // of audio
	Rate          int    // samples of sound a second
	// Declared is how long the track says it is, Counted how long its samples are; 0: unknown.
	Declared, Counted float64
	// Start is the time of its first sample where that is not 0.
	Start float64
	// Stated is how many samples, frames or bytes the file says there are; Samples how many
	// there are. 0: not said, or not counted.
	Stated, Samples int64
	// Absent is how many of them lie outside of the file or of its media data.
	Absent int64
	// Regular means that nearly all samples last equally long.
	Regular bool
	Edits   []Edit
	// Synced are the times of the first key frames, as long as they are needed to judge edits:
	// the second one, and 0 where there is none.
	SecondKey         float64
	Created, Modified time.Time
}

// Edit is one entry of an edit list: what is shown from when to when.
type Edit struct {
	From   float64 // in the media; negative: nothing is shown
	Length float64
	Rate   float64 // 1: as it was recorded
}

// Tag is what a program wrote of itself.
type Tag struct {
	Where  string // for example "moov/udta/©too"
	Value  string
	Offset int64
}

// BreakKind says what changes at a break.
type BreakKind string

// Kinds of breaks.
const (
	NewStream     BreakKind = "stream"     // a further stream begins behind the one before
	NewParameters BreakKind = "parameters" // picture or sound is coded otherwise
	NewEncoder    BreakKind = "encoder"    // another program, or another setting of it, says it encoded
	Gap           BreakKind = "gap"        // timestamps leap forward
	Back          BreakKind = "back"       // timestamps go back
	Lost          BreakKind = "lost"       // numbers of frames or pages are missing
	Foreign       BreakKind = "foreign"    // bytes between the frames that belong to none
	TagInside     BreakKind = "tag"        // a block of tags between the frames
	Reservoir     BreakKind = "reservoir"  // a frame refers to bytes that are not those of the frame before
)

// Break is a place where one stretch ends and another begins.
type Break struct {
	Kind   BreakKind
	Track  uint64
	At     float64 // seconds
	Offset int64   // of the byte where the new stretch begins; -1: no one place
	// Seconds is how much time is skipped or repeated, of gaps and the like.
	Seconds float64
	// From and To are what changes: names of codecs, programs, numbers.
	From, To string
}

// Read reads the recording. An error means that the bytes could not be read or ctx ended;
// damage of the file is no error.
func Read(ctx context.Context, r io.ReaderAt, size int64, as Container, lim Limits) (*Recording, error) {
	w := &walk{ctx: ctx, r: r, size: size, lim: lim.withDefaults(), out: &Recording{Container: as}}
	read, ok := map[Container]func(*walk) error{BMFF: (*walk).bmff, Matroska: (*walk).matroska, WAVE: (*walk).wave,
		AVI: (*walk).avi, MP3: (*walk).mp3, FLAC: (*walk).flac, Ogg: (*walk).ogg}[as]
	if !ok {
		return nil, fmt.Errorf("no reader of %q recordings", as)
	}
	err := read(w)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, chunk.ErrTruncated), errors.Is(err, chunk.ErrStructure), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		w.damage(err.Error())
	case errors.Is(err, chunk.ErrLimit):
		w.unread(err.Error())
	case err != nil:
		return nil, err
	}
	return w.out, nil
}

// walk is one reading of one file.
type walk struct {
	ctx  context.Context
	r    io.ReaderAt
	size int64
	lim  Limits
	out  *Recording
}

func (w *walk) damage(why string) {
	if w.out.Damage == "" {
		w.out.Damage = clip(why)
	}
}

func (w *walk) unread(why string) {
	if w.out.Unread == "" {
		w.out.Unread = clip(why)
	}
}

// errEnough ends a reading at one of its bounds.
var errEnough = fmt.Errorf("%w: more of it than is followed", chunk.ErrLimit)

// enough reports whether no further break is listed, and counts it. It saves the words of
// breaks where a file has millions.
func (w *walk) enough() bool {
	if len(w.out.Breaks) < maxBreaks {
		return false
	}
	w.out.Beyond++
	return true
}

func (w *walk) brk(b Break) {
	if w.enough() {
		return
	}
	b.From, b.To = clip(b.From), clip(b.To)
	b.At, b.Seconds = finite(b.At), finite(b.Seconds)
	w.out.Breaks = append(w.out.Breaks, b)
}

// tag keeps what a program wrote of itself; the same words in one place once.
func (w *walk) tag(where, value string, off int64) {
	value = clip(strings.Trim(value, "\x00 \t\r\n"))
	if value == "" || len(w.out.Tags) >= maxTags {
		return
	}
	for _, t := range w.out.Tags {
		if t.Where == where && t.Value == value {
			return
		}
	}
	w.out.Tags = append(w.out.Tags, Tag{where, value, off})
}

// clip makes short, printable text of bytes.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), 4*maxText)], "\uFFFD"))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// ratio is a/b, and 0 where that is no number.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return finite(a / b)
}

// since1904 is a time as ISO media files state it. Zero, and the years that clocks start in,
// mean that the program did not know.
func since1904(seconds uint64) time.Time {
	const epochs = 2082844800 // seconds from 1904 to 1970
	if seconds > 1<<40 {
		return time.Time{}
	}
	return stated(time.Unix(int64(seconds)-epochs, 0).UTC())
}

// stated returns the zero time for what no recorder of sound or pictures on a disk can mean.
func stated(t time.Time) time.Time {
	if t.Year() < 1975 || t.Year() > 2200 {
		return time.Time{}
	}
	return t
}
