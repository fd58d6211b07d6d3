// Package capture compares when a file says it was made with when it came.
//
// It is context for a reviewer and never more: clocks of cameras are wrong, old pictures are
// sent for good reasons, and most ways of sending a picture take the time out of it. A time
// that is absent is unknown, and says nothing.
package capture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
	"github.com/cordonhq/cordon/media/recording"
)

// Config of the detector. The zero value works.
type Config struct {
	// Before is how long before it came a file may say that it was made without remark.
	// Default: two years.
	Before time.Duration
}

// Detector implements inspect.Detector.
type Detector struct{ before time.Duration }

// New returns the detector.
func New(conf Config) *Detector {
	if conf.Before <= 0 {
		conf.Before = 2 * 366 * 24 * time.Hour
	}
	return &Detector{conf.Before}
}

// Name implements inspect.Detector.
func (*Detector) Name() string { return "capture" }

// Version implements inspect.Detector.
func (*Detector) Version() string { return "1" }

// after is how far behind the time it came a file may say it was made: times in files have no
// zone, or are local where they should not be, and no clock is exact.
const after = 26 * time.Hour

// Inspect implements inspect.Detector.
func (d *Detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	at, where, covered, err := stated(ctx, m)
	if err != nil {
		return nil, err
	}
	f := cordon.Finding{Status: cordon.StatusNone, Class: cordon.Context, Label: cordon.LabelCaptureTime}
	switch {
	case !covered:
		f.Status, f.Label, f.Sentence = cordon.StatusNotApplicable, cordon.LabelNotCovered, "Times of capture are not read from this kind of file."
		return []cordon.Finding{f}, nil
	case at.IsZero():
		f.Label, f.Sentence = cordon.LabelCaptureTimeUnknown, "The file does not say when it was made. Most ways of sending a file take that out."
		return []cordon.Finding{f}, nil
	}
	day := at.Format(time.DateOnly)
	f.Sentence = "The file says that it was made on " + day + ". Anyone can write that."
	f.Detail = map[string]any{"stated": at.Format("2006-01-02T15:04:05"), "where": where}
	if m.Uploaded.IsZero() {
		return []cordon.Finding{f}, nil
	}
	came := m.Uploaded.UTC()
	f.Detail["came"] = came.Format(time.RFC3339)
	switch apart := came.Sub(at); {
	case apart < -after:
		f.Status, f.Label = cordon.StatusFound, cordon.LabelCaptureTimeOdd
		f.Sentence = fmt.Sprintf("The file says that it was made on %s, and it came before, on %s. Clocks of cameras are often wrong.", day, came.Format(time.DateOnly))
	case apart > d.before:
		f.Status, f.Label = cordon.StatusFound, cordon.LabelCaptureTimeOdd
		f.Sentence = fmt.Sprintf("The file says that it was made on %s, long before it came on %s. Older files are sent, and clocks of cameras are often wrong.", day, came.Format(time.DateOnly))
	}
	return []cordon.Finding{f}, nil
}

// stated finds the time in the file and says where; covered is false for kinds of files in
// which it is not looked for.
func stated(ctx context.Context, m *media.Media) (at time.Time, where string, covered bool, err error) {
	switch m.Type {
	case media.JPEG:
		for p, err := range chunk.JPEG(m, m.Size()) {
			if err != nil || p.Name == "SOS" {
				break
			}
			if p.Name == "APP1" {
				if at, where = block(m, p); !at.IsZero() {
					break
				}
			}
		}
	case media.PNG:
		for p, err := range chunk.PNG(m, m.Size()) {
			if err != nil || p.Name == "IDAT" {
				break
			}
			if p.Name == "eXIf" {
				at, where = block(m, p)
			}
		}
	case media.WebP:
		for p, err := range chunk.RIFF(m, m.Size()) {
			if err != nil {
				break
			}
			if p.Name == "EXIF" {
				at, where = block(m, p)
			}
		}
	case media.TIFF, media.DNG:
		at, where = exif(m, m.Size())
	default:
		return inRecording(ctx, m)
	}
	return at, where, true, ctx.Err()
}

// inRecording reads the headers of a recording.
func inRecording(ctx context.Context, m *media.Media) (at time.Time, where string, covered bool, err error) {
	as, ok := map[media.Type]recording.Container{media.MP4: recording.BMFF, media.MOV: recording.BMFF, media.M4A: recording.BMFF,
		media.Matroska: recording.Matroska, media.WAV: recording.WAVE, media.AVI: recording.AVI}[m.Type]
	if !ok {
		return at, "", false, nil
	}
	r, err := recording.Read(ctx, m, m.Size(), as, recording.Limits{Bytes: 1, Units: 1, Keys: 1})
	if err != nil {
		return at, "", true, err
	}
	return r.Created, "header", true, nil
}

// block reads an EXIF block.
func block(m *media.Media, p chunk.Piece) (time.Time, string) {
	b, err := p.Read(m, 1<<20)
	if err != nil {
		return time.Time{}, ""
	}
	if p.Name == "APP1" && !bytes.HasPrefix(b, []byte("Exif\x00")) {
		return time.Time{}, ""
	}
	b = bytes.TrimPrefix(b, []byte("Exif\x00\x00"))
	return exif(bytes.NewReader(b), int64(len(b)))
}

// exif reads when a picture was taken, in the zone that it names, if any.
func exif(r io.ReaderAt, size int64) (at time.Time, where string) {
	const original, digitized, offset = 36867, 36868, 36881
	texts := map[uint16]string{}
	for t, err := range chunk.TIFF(r, size) {
		if err != nil {
			break
		}
		if t.ID == original || t.ID == digitized || t.ID == offset {
			if b, err := t.Read(r, 64); err == nil && texts[t.ID] == "" {
				texts[t.ID] = strings.Trim(string(b), "\x00 ")
			}
		}
	}
	for _, c := range []struct {
		id   uint16
		name string
	}{{original, "DateTimeOriginal"}, {digitized, "DateTimeDigitized"}} {
		if zoned, err := time.Parse("2006:01:02 15:04:05-07:00", texts[c.id]+texts[offset]); err == nil && c.id == original {
			at, where = zoned.UTC(), c.name
		} else if local, err := time.Parse("2006:01:02 15:04:05", texts[c.id]); err == nil {
			at, where = local, c.name
		}
		if !at.IsZero() && at.Year() >= 1980 && at.Year() < 2200 { // else a clock that was never set
			return at, where
		}
	}
	return time.Time{}, ""
}
