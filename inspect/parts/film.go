package parts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/foreign"
	"github.com/cordonhq/cordon/media/recording"
)

// Films reports whether files of the type have moving pictures.
func Films(t media.Type) bool {
	return t == media.MP4 || t == media.MOV || t == media.Matroska || t == media.AVI
}

// film has pictures of a recording looked at, spread over it. What the same check says of
// several of them becomes one finding with the stretches of time that it is about.
func (w *walk) film(m *media.Media, at string, _ int) error {
	width, height, err := w.screen(m)
	if err != nil || width == 0 {
		return err
	}
	if w.limits.KeyFrames < 0 {
		w.blind(cordon.LookedSample, "it is not asked for")
		return nil
	}
	f := &film{walk: w, at: at, in: m}
	area := int64(width) * int64(height)
	most, side := min(w.limits.KeyFrames, int(w.pixels/area)), 0
	if most == 0 {
		// Scaled pictures lose invisible marks, and are better than none.
		if most, side = 1, int(math.Sqrt(float64(w.pixels)/float64(area))*float64(max(width, height))); side < 64 {
			w.blind(cordon.LookBeyondLimits, "they have too many pixels")
			return nil
		}
	}
	// Half of the time that is left is for decoding, so that what was seen is told in time.
	ctx, cancel := w.ctx, context.CancelFunc(func() {})
	if end, ok := w.ctx.Deadline(); ok {
		ctx, cancel = context.WithTimeout(w.ctx, time.Until(end)/2)
	}
	err = m.Pictures(ctx, most, side, f.look)
	late := ctx.Err() != nil
	cancel()
	f.tell()
	switch {
	case w.ctx.Err() != nil:
		return w.ctx.Err()
	case err == nil:
	case errors.Is(err, media.ErrNoDecoder):
		w.blind(cordon.LookNoDecoder, "there is no decoder for them here")
	case errors.Is(err, foreign.ErrUnsupported):
		w.blind(cordon.LookNoDecoder, "nothing here decodes them")
	case f.looked > 0:
		// The recording breaks off, which other checks say, or time is up.
	case late:
		w.blind(cordon.LookBeyondLimits, "decoding them takes too long")
	case errors.Is(err, cordon.ErrTooLarge):
		w.blind(cordon.LookBeyondLimits, "the file is too large for that")
	default:
		return fmt.Errorf("%w: the pictures of the recording: %.200s", errUnread, err.Error())
	}
	return nil
}

// screen is the size of the pictures; none if there are only sounds.
func (w *walk) screen(m *media.Media) (width, height int, err error) {
	as := recording.BMFF
	switch m.Type {
	case media.Matroska:
		as = recording.Matroska
	case media.AVI:
		as = recording.AVI
	}
	r, err := recording.Read(w.ctx, m, m.Size(), as, recording.Limits{Bytes: 1, Units: 1, Keys: 1})
	if err != nil {
		return 0, 0, err
	}
	for _, t := range r.Tracks {
		if t.Kind == recording.Video && t.Width > 0 && t.Height > 0 {
			return t.Width, t.Height, nil
		}
	}
	return 0, 0, nil
}

// blind notes a recording whose pictures nobody looked at.
func (w *walk) blind(look cordon.Look, why string) {
	w.unseen++
	if w.unseenWhy == "" {
		w.unseenWhy, w.unseenLook = why, look
	}
}

// film is one recording while its pictures are looked at.
type film struct {
	*walk
	at     string // path of the recording, "" for the file itself
	in     *media.Media
	looked int
	spots  []spot
}

// spot is one thing that a check says of some of the pictures.
type spot struct {
	finding  cordon.Finding
	says     string // its sentence, without figures
	frames   int
	last     int // number of the last picture of the last stretch
	segments []stretch
}

type stretch struct {
	T0 float64 `json:"t0"` // seconds; of the first picture
	T1 float64 `json:"t1"` // of the last one
}

// maxSpots bounds what is said of the pictures of one recording.
const maxSpots = 100

// look has one picture looked at, by the checks that look at files.
func (f *film) look(after time.Duration, picture *image.NRGBA) error {
	content, err := asPNG(picture)
	if err != nil {
		return err
	}
	part, err := f.in.OpenPart(bytes.NewReader(content), int64(len(content)), int64(len(picture.Pix)/4))
	if err != nil {
		return err
	}
	defer part.Close()
	f.looked++
	f.filmed++
	f.pixels -= min(f.pixels, int64(len(picture.Pix)/4))
	at := math.Round(after.Seconds()*1000) / 1000
	for _, d := range f.Parts.frames {
		found, err := f.ask(d, part)
		if err != nil {
			return err
		}
		for _, of := range found {
			if of.Status == cordon.StatusFound || of.Status == cordon.StatusFailed {
				of.Detector, of.Version = d.Name(), d.Version()
				f.spot(of, at)
			}
		}
	}
	return nil
}

func asPNG(img image.Image) ([]byte, error) {
	var out bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&out, img)
	return out.Bytes(), err
}

// spot joins what a check says to what it said of the pictures before.
func (f *film) spot(of cordon.Finding, at float64) {
	says := withoutFigures(of.Sentence)
	for i := range f.spots {
		s := &f.spots[i]
		if s.finding.Detector != of.Detector || s.finding.Label != of.Label || s.says != says || fmt.Sprint(s.finding.Detail["entry"]) != fmt.Sprint(of.Detail["entry"]) {
			continue
		}
		if s.last == f.looked-1 {
			s.segments[len(s.segments)-1].T1 = at
		} else if s.last != f.looked {
			s.segments = append(s.segments, stretch{at, at})
		}
		s.last = f.looked
		s.frames++
		return
	}
	if len(f.spots) < maxSpots {
		f.spots = append(f.spots, spot{of, says, 1, f.looked, []stretch{{at, at}}})
	}
}

// withoutFigures takes the digits out of a sentence: distances differ from picture to picture.
func withoutFigures(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '#'
		}
		return r
	}, s)
}

// tell makes findings of what was seen.
func (f *film) tell() {
	for _, s := range f.spots {
		of := s.finding
		detail := map[string]any{}
		for k, v := range of.Detail {
			detail[k] = v
		}
		detail["segments"], detail["frames"], detail["frames_looked_at"] = s.segments, s.frames, f.looked
		when := spans(s.segments)
		of.Detail, of.Part = detail, join(f.at, when)
		of.Sentence = fmt.Sprintf("In the pictures of the recording, %s: %s", when, of.Sentence)
		if f.at != "" {
			of.Sentence = fmt.Sprintf("Inside, %s, %s: %s", clipped(f.at), when, s.finding.Sentence)
		}
		f.found = append(f.found, of)
	}
}

// spans says stretches of time in words: "at 0:12.5", "from 0:02 to 0:10 and at 0:30".
func spans(segments []stretch) string {
	var out []string
	for _, s := range segments {
		if len(out) == 4 {
			out = append(out, fmt.Sprintf("%d further times", len(segments)-4))
			break
		}
		if s.T1 > s.T0 {
			out = append(out, "from "+recording.Clock(s.T0)+" to "+recording.Clock(s.T1))
		} else {
			out = append(out, "at "+recording.Clock(s.T0))
		}
	}
	if n := len(out); n > 1 {
		return strings.Join(out[:n-1], ", ") + " and " + out[n-1]
	}
	return strings.Join(out, "")
}
