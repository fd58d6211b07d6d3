// Package recording reports whether the structure of a recording says that it was put
// together from parts, edited without being coded anew, or lacks something of what it states.
//
// None of it is evidence of synthesis, and much of it happens every day: telephones trim,
// players of music join, calls lose their connection. So the findings are hints: the default
// policy lists such files and holds none. What recorders write by themselves (delays of
// decoders, trims to a key frame, rates that vary, chains of web radio, parts of one making)
// stays neutral. A recording that was coded anew as a whole after it was edited shows nothing.
package recording

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/recording"
)

// Config of the detector. The zero value works.
type Config struct {
	// Whole has frames, pages and blocks followed up to 4 GiB into a file, where nobody waits
	// for the answer, and not only up to 256 MiB.
	Whole bool
}

// Detector implements inspect.Detector.
type Detector struct{ limits recording.Limits }

// New returns the detector.
func New(conf Config) *Detector {
	d := &Detector{}
	if conf.Whole {
		d.limits = recording.Limits{Bytes: 4 << 30, Units: 32 << 20, Keys: 16 << 10}
	}
	return d
}

// Name implements inspect.Detector.
func (*Detector) Name() string { return "recording" }

// Version implements inspect.Detector.
func (*Detector) Version() string { return "1" }

// Late implements inspect.Late: in front a long recording is not followed to its end.
func (d *Detector) Late(t media.Type) bool { return d.limits.Bytes > 0 && containers[t] != "" }

// containers are the types whose structure is read.
var containers = map[media.Type]recording.Container{
	media.MP4: recording.BMFF, media.MOV: recording.BMFF, media.M4A: recording.BMFF, media.Matroska: recording.Matroska,
	media.WAV: recording.WAVE, media.AVI: recording.AVI, media.MP3: recording.MP3, media.FLAC: recording.FLAC, media.Ogg: recording.Ogg,
}

// Inspect implements inspect.Detector.
func (d *Detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	as, ok := containers[m.Type]
	if !ok {
		return []cordon.Finding{{Status: cordon.StatusNotApplicable, Class: cordon.Deterministic, Label: cordon.LabelNotCovered,
			Sentence: "This is no recording whose structure is read."}}, nil
	}
	r, err := recording.Read(ctx, m, m.Size(), as, d.limits)
	if err != nil {
		return nil, err
	}
	j := judge(r)
	var out []cordon.Finding
	for _, say := range []struct {
		label    cordon.Label
		marks    []mark
		sentence string
	}{
		{cordon.LabelRecordingSpliced, j.spliced, "The structure says that parts of other making follow one another: %s. Joining files does that, and so do some recorders."},
		{cordon.LabelRecordingEdited, j.edited, "The structure says that it was edited after it was recorded: %s. That is common and says nothing of what it shows."},
		{cordon.LabelRecordingInconsistent, j.inconsistent, "The structure does not agree with itself: %s. Files that were cut off or damaged do that."},
	} {
		if len(say.marks) == 0 {
			continue
		}
		detail := j.detail()
		stretches := j.segments(say.marks)
		detail["indicators"], detail["segments"] = say.marks[:min(len(say.marks), maxListed)], stretches
		out = append(out, cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Label: say.label,
			Sentence: fmt.Sprintf(say.sentence, words(say.marks)) + ranges(stretches), Detail: detail})
	}
	if len(out) == 0 {
		detail := j.detail()
		detail["segments"] = j.segments(nil)
		if len(j.ordinary) > 0 {
			detail["ordinary"] = j.ordinary[:min(len(j.ordinary), maxListed)]
		}
		out = append(out, cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelRecordingPlain,
			Sentence: j.plain(), Detail: detail})
	}
	return out, nil
}

// maxListed bounds what one finding lists, maxSaid what its sentence says.
const (
	maxListed = 32
	maxSaid   = 3
)

// mark is one thing that the structure shows, and where.
type mark struct {
	Code   string   `json:"code"`
	Says   string   `json:"says"` // for the sentence
	Track  *uint64  `json:"track,omitempty"`
	T0     float64  `json:"t0"` // seconds
	T1     *float64 `json:"t1,omitempty"`
	Offset *int64   `json:"offset,omitempty"` // of the byte
	From   string   `json:"from,omitempty"`
	To     string   `json:"to,omitempty"`
	cuts   bool     // one stretch ends here and another begins
}

// segment is one stretch of a recording.
type segment struct {
	T0 float64 `json:"t0"` // seconds
	T1 float64 `json:"t1"`
}

// words names the first marks.
func words(marks []mark) string {
	var out []string
	for _, m := range marks {
		if !slices.Contains(out, m.Says) { // each track says it
			out = append(out, m.Says)
		}
	}
	if more := len(out) - maxSaid; more > 0 {
		out = append(out[:maxSaid], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "; ")
}

// segments cuts the recording where the marks say that one stretch ends.
func (j *judgement) segments(marks []mark) []segment {
	out := []segment{}
	from := 0.0
	for _, m := range sorted(marks) {
		// Marks of one place are some milliseconds apart, a track each.
		if m.cuts && m.T0 > from+0.25 && m.T0 < j.length-0.25 {
			out = append(out, segment{round(from), round(m.T0)})
			from = m.T0
		}
	}
	return append(out, segment{round(from), round(max(from, j.length))})
}

// ranges says the stretches in words, where there are several.
func ranges(stretches []segment) string {
	if len(stretches) < 2 {
		return ""
	}
	var out []string
	for _, s := range stretches {
		if len(out) == 6 {
			out = append(out, fmt.Sprintf("and %d more", len(stretches)-6))
			break
		}
		out = append(out, recording.Clock(s.T0)+" to "+recording.Clock(s.T1))
	}
	return " Stretches: " + strings.Join(out, ", ") + "."
}

func round(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }

// plain says what the recording is where nothing about it is remarkable.
func (j *judgement) plain() string {
	var tracks []string
	for _, t := range j.r.Tracks {
		if name := string(t.Kind) + " " + t.Codec; t.Kind != recording.Other && len(tracks) < 3 && !slices.Contains(tracks, name) {
			tracks = append(tracks, name)
		}
	}
	s := "The recording lasts " + recording.Clock(j.length)
	if j.length == 0 {
		s = "The recording does not say how long it is"
	}
	if len(tracks) > 0 {
		s += " (" + strings.Join(tracks, ", ") + ")"
	}
	if len(j.ordinary) > 0 {
		s += ". Ordinary for recordings: " + words(j.ordinary)
	} else {
		s += ", and its structure shows one stretch"
	}
	if j.r.Unread != "" {
		s += ". Not all of it was followed"
	}
	return s + "."
}

// detail is the evidence: what others can check.
func (j *judgement) detail() map[string]any {
	tracks := []map[string]any{}
	for _, t := range j.r.Tracks {
		d := map[string]any{"id": t.ID, "kind": string(t.Kind), "codec": t.Codec, "seconds": round(t.Counted), "samples": t.Samples}
		if t.Width > 0 {
			d["width"], d["height"] = t.Width, t.Height
		}
		if t.Rate > 0 {
			d["rate"], d["channels"] = t.Rate, t.Channels
		}
		if t.Declared > 0 {
			d["declared_seconds"] = round(t.Declared)
		}
		if len(t.Edits) > 0 {
			edits := []map[string]any{}
			for _, e := range t.Edits[:min(len(t.Edits), maxListed)] {
				edits = append(edits, map[string]any{"from": round(e.From), "seconds": round(e.Length), "rate": e.Rate})
			}
			d["edits"] = edits
		}
		tracks = append(tracks, d)
	}
	encoders := []map[string]any{}
	for _, t := range j.r.Tags {
		encoders = append(encoders, map[string]any{"where": t.Where, "says": t.Value, "offset": t.Offset})
	}
	d := map[string]any{"container": string(j.r.Container), "seconds": round(j.length), "tracks": tracks, "encoders": encoders}
	if j.r.Unread != "" {
		d["not_followed"] = j.r.Unread
	}
	if j.r.Beyond > 0 {
		d["further_breaks"] = j.r.Beyond
	}
	return d
}
