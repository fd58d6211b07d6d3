package recording

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon/media/recording"
)

// judgement is what the structure of one recording amounts to.
type judgement struct {
	r            *recording.Recording
	length       float64 // seconds
	spliced      []mark
	edited       []mark
	inconsistent []mark
	ordinary     []mark // what recorders do by themselves
}

// many is how many breaks of one kind are a habit of the program that wrote the file: it
// records what moves, or puts a tag into every piece of a stream.
const many = 16

func judge(r *recording.Recording) *judgement {
	j := &judgement{r: r, length: r.Declared}
	for _, t := range r.Tracks {
		if t.Kind != recording.Other {
			j.length = max(j.length, t.Start+t.Counted)
		}
	}
	for _, b := range r.Breaks {
		j.length = max(j.length, b.At)
	}
	if r.Container == recording.Ogg { // its tracks are one behind the other
		j.length = 0
		for _, b := range r.Breaks {
			if b.Kind == recording.NewStream {
				j.length = b.At
			}
		}
		last := 0.0
		for i := len(r.Tracks) - 1; i >= 0 && i > len(r.Tracks)-3; i-- {
			last = max(last, r.Tracks[i].Counted)
		}
		j.length += last
	}
	j.breaks()
	for i := range r.Tracks {
		j.edits(&r.Tracks[i])
		j.counts(&r.Tracks[i])
	}
	j.whole()
	return j
}

func sorted(marks []mark) []mark {
	return slices.SortedStableFunc(slices.Values(marks), func(a, b mark) int { return cmp.Compare(a.T0, b.T0) })
}

// breaks sorts the places where one stretch ends and another begins.
func (j *judgement) breaks() {
	r := j.r
	count := map[recording.BreakKind]int{}
	for _, b := range r.Breaks {
		count[b.Kind]++
	}
	for _, b := range r.Breaks {
		m := mark{Code: string(b.Kind), T0: round(b.At), From: b.From, To: b.To, cuts: true}
		if b.Offset >= 0 {
			m.Offset = &b.Offset
		}
		if b.Track != 0 {
			m.Track = &b.Track
		}
		at := "at " + recording.Clock(b.At) + " "
		switch b.Kind {
		case recording.NewParameters:
			m.Says = at + "the settings of the coding change"
			if b.From != "" {
				m.Says = at + "the coding changes from " + b.From + " to " + b.To
			}
			j.spliced = append(j.spliced, m)
		case recording.NewEncoder:
			m.Says = at + "the encoder changes from " + b.From + " to " + b.To
			name, _, _ := strings.Cut(b.From, ", settings ")
			if to, _, has := strings.Cut(b.To, ", settings "); has && to == name {
				m.Says = at + "the settings of the encoder (" + name + ") change"
			}
			j.spliced = append(j.spliced, m)
		case recording.NewStream:
			m.Says = at + "a further recording begins in the same file"
			j.place(m, j.oneMaking())
		case recording.Reservoir:
			m.Says = at + "a frame of sound does not follow the one before"
			j.spliced = append(j.spliced, m)
		case recording.TagInside:
			m.Says = at + "a block of tags (" + b.To + ") stands between the frames"
			j.place(m, count[b.Kind] > many)
		case recording.Gap, recording.Back:
			m.Says = fmt.Sprintf("%sthe timestamps leap forward by %s", at, recording.Clock(b.Seconds))
			if b.Kind == recording.Back {
				m.Says = fmt.Sprintf("%sthe timestamps go back by %s", at, recording.Clock(b.Seconds))
			} else {
				end := round(b.At + b.Seconds)
				m.T1 = &end
			}
			// Written while it was recorded: lost connections and restarts look like this.
			ordinary := r.Open || count[b.Kind] > many
			if !ordinary && b.Kind == recording.Gap && !j.everywhere(b) {
				j.inconsistent = append(j.inconsistent, m)
				continue
			}
			j.place(m, ordinary)
		case recording.Lost:
			m.Says = fmt.Sprintf("%spieces are missing (number %s follows %s)", at, b.To, b.From)
			if r.Open || count[b.Kind] > many {
				j.ordinary = append(j.ordinary, m)
				continue
			}
			j.inconsistent = append(j.inconsistent, m)
		case recording.Foreign:
			m.Says = at + b.To + " between the frames belong to none"
			if m.cuts = false; count[b.Kind] > many {
				j.ordinary = append(j.ordinary, m)
				continue
			}
			j.inconsistent = append(j.inconsistent, m)
		}
	}
	j.spliced = sorted(j.spliced)
}

func (j *judgement) place(m mark, ordinary bool) {
	if ordinary {
		j.ordinary = append(j.ordinary, m)
		return
	}
	j.spliced = append(j.spliced, m)
}

// oneMaking reports whether a further stream in the file is what recorders do by themselves:
// chains of web radio, segments of a browser's recorder, streams that begin again, and parts
// that one encoder made with one setting. A change of either is a break of its own.
func (j *judgement) oneMaking() bool {
	switch j.r.Container {
	case recording.Ogg, recording.Matroska:
		return true
	case recording.BMFF:
		if j.r.Fragments > 0 {
			return true
		}
		// A second movie box behind the first is shown by no player; an encoder that begins
		// again in one track is.
		return !slices.ContainsFunc(j.r.Breaks, func(b recording.Break) bool { return b.Kind == recording.NewStream && b.Track == 0 })
	}
	return false
}

// everywhere reports whether all tracks with sound or pictures leap at the same time. Where
// one goes on, the other only misses something.
func (j *judgement) everywhere(gap recording.Break) bool {
	for _, t := range j.r.Tracks {
		if t.Kind == recording.Other || t.ID == gap.Track || t.Samples == 0 {
			continue
		}
		if !slices.ContainsFunc(j.r.Breaks, func(b recording.Break) bool {
			return b.Kind == recording.Gap && b.Track == t.ID && math.Abs(b.At-gap.At) < 1
		}) {
			return false
		}
	}
	return true
}

// edits judges an edit list. Delays, the priming of decoders, and a trim that begins within
// the first group of pictures are what telephones and encoders write.
func (j *judgement) edits(t *recording.Track) {
	if t.Kind == recording.Other || len(t.Edits) == 0 {
		return
	}
	id := t.ID
	add := func(code, says string, t0, t1 float64) {
		t1 = round(t1)
		j.edited = append(j.edited, mark{Code: code, Says: says, Track: &id, T0: round(t0), T1: &t1})
	}
	shown, now, pieces, first, last, empty := 0.0, 0.0, 0, -1.0, 0.0, 0
	order, rate := false, false
	for i, e := range t.Edits {
		switch {
		case e.From < 0:
			if i > 0 && i < len(t.Edits)-1 {
				empty++
			}
		default:
			if first < 0 {
				first = e.From
			}
			order = order || e.From < last-0.01
			rate = rate || e.Rate != 1
			pieces++
			shown += e.Length
			last = e.From + e.Length
		}
		now += e.Length
	}
	switch {
	case rate:
		add("edit-rate", fmt.Sprintf("an edit list plays %s faster or slower, or stands still", t.Kind), 0, now)
	case order:
		add("edit-order", fmt.Sprintf("an edit list plays %s in another order than it was recorded", t.Kind), 0, now)
	case pieces > 1:
		add("edit-pieces", fmt.Sprintf("an edit list plays %d pieces of %s and leaves out what is between", pieces, t.Kind), 0, now)
	case empty > 0:
		add("edit-empty", fmt.Sprintf("an edit list shows nothing of %s for a while", t.Kind), 0, now)
	}
	if pieces != 1 || j.r.Fragments > 0 {
		return
	}
	if hidden := first; j.hides(t, hidden) {
		add("edit-hidden", fmt.Sprintf("the first %s of %s are in the file and not played", recording.Clock(hidden), t.Kind), 0, 0)
	} else if hidden > 0 {
		j.trimmed(id, hidden, string(t.Kind))
	}
	if rest := t.Counted - last; t.Counted > 0 && shown > 0 && rest > 2 && rest > 0.02*t.Counted {
		add("edit-hidden", fmt.Sprintf("the last %s of %s are in the file and not played", recording.Clock(rest), t.Kind), now, now)
	}
}

// trimmed notes a beginning that is left out as encoders and telephones do.
func (j *judgement) trimmed(id uint64, hidden float64, kind string) {
	if hidden < 0.3 { // delays of decoders
		return
	}
	j.ordinary = append(j.ordinary, mark{Code: "trim", Says: fmt.Sprintf("the first %.1f s of %s are left out, up to where pictures can begin", hidden, kind), Track: &id})
}

// hides reports whether more is left out at the beginning than decoding needs: a whole group
// of pictures, or more sound than goes with the pictures.
func (j *judgement) hides(t *recording.Track, hidden float64) bool {
	if t.Kind == recording.Video {
		const delay = 0.25 // of pictures that refer to later ones
		return t.SecondKey > 0 && hidden >= t.SecondKey+delay || hidden > 10
	}
	most := 1.0
	for _, v := range j.r.Tracks {
		if v.Kind == recording.Video && len(v.Edits) > 0 {
			for _, e := range v.Edits {
				if e.From > 0 {
					most = max(most, e.From+1)
					break
				}
			}
		}
	}
	return hidden > most
}

// counts compares what a track says of itself with what is there.
func (j *judgement) counts(t *recording.Track) {
	if t.Kind == recording.Other {
		return
	}
	id := t.ID
	add := func(code, says string) {
		j.inconsistent = append(j.inconsistent, mark{Code: code, Says: says, Track: &id, T0: 0})
	}
	if t.Absent > 0 {
		add("samples-absent", fmt.Sprintf("%d of %d samples of %s are not in the file", t.Absent, t.Samples, t.Kind))
	}
	if j.r.Unread != "" {
		return // not all was counted
	}
	if d := t.Stated - t.Samples; t.Stated > 0 && t.Samples > 0 && (d > 2 || d < -2) && math.Abs(float64(d)) > 0.01*float64(t.Stated) && !j.joined() {
		add("samples-stated", fmt.Sprintf("%s is said to have %d samples or frames, and has %d", t.Kind, t.Stated, t.Samples))
	} else if apart(t.Declared, t.Counted) && !j.joined() && j.r.Fragments == 0 {
		add("length-stated", fmt.Sprintf("%s is said to last %s, and lasts %s", t.Kind, recording.Clock(t.Declared), recording.Clock(t.Counted)))
	}
}

// joined reports whether a further stream follows: then the first one's numbers are its own.
func (j *judgement) joined() bool {
	return slices.ContainsFunc(j.r.Breaks, func(b recording.Break) bool { return b.Kind == recording.NewStream && b.Track == 0 })
}

func apart(a, b float64) bool {
	return a > 0 && b > 0 && math.Abs(a-b) > max(1, 0.02*max(a, b))
}

// whole judges what is said of the file as a whole.
func (j *judgement) whole() {
	r := j.r
	if r.Damage != "" {
		j.inconsistent = append(j.inconsistent, mark{Code: "damaged", Says: "it cannot be followed to its end", To: r.Damage, T0: round(j.length)})
	}
	edits, counted := false, 0.0
	for _, t := range r.Tracks {
		edits = edits || len(t.Edits) > 0
		if t.Kind != recording.Other {
			counted = max(counted, t.Start+t.Counted)
		}
	}
	if r.Unread == "" && !edits && !j.joined() && len(j.inconsistent) == 0 && apart(r.Declared, counted) {
		j.inconsistent = append(j.inconsistent, mark{Code: "length-stated", Says: fmt.Sprintf("it is said to last %s, and lasts %s", recording.Clock(r.Declared), recording.Clock(counted)), T0: 0})
	}
	j.origins()
}

// origins compares when the tracks say they were made. A camera makes all of them at once;
// where sound was put under pictures later, they may keep their own times.
func (j *judgement) origins() {
	var first, last time.Time
	for _, t := range j.r.Tracks {
		if t.Kind == recording.Other || t.Created.IsZero() {
			continue
		}
		if first.IsZero() || t.Created.Before(first) {
			first = t.Created
		}
		if t.Created.After(last) {
			last = t.Created
		}
	}
	if last.Sub(first) > time.Hour {
		end := round(j.length)
		j.edited = append(j.edited, mark{Code: "track-times", Says: "sound and pictures say that they were made at different times", T1: &end,
			From: first.Format(time.RFC3339), To: last.Format(time.RFC3339)})
	}
}
