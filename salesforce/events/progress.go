package events

import (
	"slices"
	"time"

	"github.com/cordonhq/cordon"
)

// Progress is how far a backfill has come. It is committed with every batch, so a new
// process goes on from it, and stays when the backfill has ended.
type Progress struct {
	State cordon.State `json:"-"`
	Plan  `json:"-"`

	Batches int64     `json:"batches"` // commits of this Progress
	At      time.Time `json:"at"`      // of the last one
	Ended   time.Time `json:"ended,omitzero"`

	Listed      int   `json:"listed"` // files that match the filter and were passed
	Taken       int   `json:"taken"`  // of these, looked at or known already
	Observed    int   `json:"observed"`
	WouldHold   int   `json:"would_hold"` // of these, what the policy would have kept back
	Known       int   `json:"known"`
	Gone        int   `json:"gone"`
	NotReadable int   `json:"not_readable"`
	Elsewhere   int   `json:"elsewhere"`
	Empty       int   `json:"empty"` // of Observed, files of no length, which cost no call
	Bytes       int64 `json:"bytes"`

	// Calls counts API calls, failed ones included. Unsure is how many more a process may have
	// made that was killed: it books its calls with its batches.
	Calls  int64 `json:"calls"`
	Unsure int64 `json:"unsure,omitempty"`
	Lists  int64 `json:"lists"` // pages of lists that were read
	// Ahead is how many calls may be made before the next commit; 0 after a clean end.
	Ahead int64 `json:"ahead,omitempty"`

	Object int   `json:"object"` // index in Estimate.Objects; beyond them, files are read again
	Place  place `json:"place"`
	// Later are files that could not be read, as Object/Id, to be tried once more at the end.
	Later []string `json:"later,omitempty"`

	Day      string `json:"day"`       // UTC date of DayCalls
	DayCalls int64  `json:"day_calls"` // API calls of this backfill on that day, Unsure ones included

	Waiting *Waiting        `json:"waiting,omitempty"`
	Waits   map[Why]Waited  `json:"waits,omitempty"`
	Late    []float64       `json:"late,omitempty"` // files per second of late batches
	Worked  time.Duration   `json:"worked_ns"`      // spent listing, reading and committing
	Parts   map[string]Part `json:"parts,omitempty"`
	// Outcomes and Reasons count the verdicts of Observed.
	Outcomes map[cordon.Outcome]int `json:"outcomes,omitempty"`
	Reasons  map[cordon.Reason]int  `json:"reasons,omitempty"`
}

// Part is what was met in one object, or came by one channel. The keys of Progress.Parts are
// "object/ContentVersion" and "channel/email".
type Part struct {
	Files       int   `json:"files"` // observed
	WouldHold   int   `json:"would_hold"`
	NotExamined int   `json:"not_examined"` // gone or not readable
	Bytes       int64 `json:"bytes"`
}

// Why says what a running backfill waits for.
type Why string

// What a running backfill waits for.
const (
	WaitBudget Why = "budget" // API calls: its share of the day, or the org's
	WaitNight  Why = "night"  // its window
	WaitAway   Why = "away"   // the org, which does not answer
	WaitDown   Why = "down"   // a process that runs it
)

// Waiting is a wait that has not ended.
type Waiting struct {
	Why   Why       `json:"why"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: unknown
}

// Waited is how often and how long it was waited.
type Waited struct {
	Times int           `json:"times"`
	For   time.Duration `json:"for_ns"`
}

func (w *Waited) add(d time.Duration) { w.Times, w.For = w.Times+1, w.For+max(0, d) }

// spend books API calls.
func (p *Progress) spend(now time.Time, calls int64) {
	p.day(now)
	p.Calls, p.DayCalls = p.Calls+calls, p.DayCalls+calls
}

func (p *Progress) day(now time.Time) {
	if day := now.UTC().Format(time.DateOnly); day != p.Day {
		p.Day, p.DayCalls = day, 0
	}
}

// resumed books what happened since the last commit: a process that was killed may have made
// calls, and none of it was worked.
func (p *Progress) resumed(now time.Time) {
	if p.Ahead == 0 {
		return
	}
	p.day(now)
	p.Unsure, p.DayCalls, p.Ahead = p.Unsure+p.Ahead, p.DayCalls+p.Ahead, 0
	if p.Waiting == nil {
		since := p.At
		if p.Turned.After(since) {
			since = p.Turned
		}
		p.Waiting = &Waiting{Why: WaitDown, Since: since}
	}
}

// goesOn ends a wait.
func (p *Progress) goesOn(now time.Time) {
	if p.Waiting == nil {
		return
	}
	waits := map[Why]Waited{}
	for why, w := range p.Waits {
		waits[why] = w
	}
	w := waits[p.Waiting.Why]
	w.add(now.Sub(p.Waiting.Since))
	waits[p.Waiting.Why] = w
	p.Waits, p.Waiting = waits, nil
}

// waits begins a wait, or goes on with it.
func (p *Progress) waits(why Why, now, until time.Time) {
	if p.Waiting != nil && p.Waiting.Why != why {
		p.goesOn(now)
	}
	w := Waiting{Why: why, Since: now, Until: until}
	if p.Waiting != nil {
		w.Since = p.Waiting.Since
	}
	p.Waiting = &w
}

// mostLater bounds the memory of what could not be read; the rest is not tried again.
const mostLater = 1000

// add books what came of a batch. The maps are replaced, so that a copy of the Progress
// before keeps its own.
func (p *Progress) add(files []File, sightings []cordon.Sighting) {
	p.copyMaps()
	for i, f := range files {
		s := sightings[i]
		if !s.New {
			p.Known++
			continue
		}
		p.count(f, s, 1)
		if reason := notExamined(s); reason == cordon.ReasonNotReadable && len(p.Later) < mostLater {
			p.Later = append(slices.Clip(p.Later), f.Object+"/"+f.ID)
		}
	}
}

// count books, or with -1 takes back, what came of one file that was new.
func (p *Progress) count(f File, s cordon.Sighting, n int) {
	part := Part{}
	switch notExamined(s) {
	case cordon.ReasonNotReadable:
		p.NotReadable, part.NotExamined = p.NotReadable+n, n
	case cordon.ReasonGone:
		p.Gone, part.NotExamined = p.Gone+n, n
	default:
		p.Observed, part.Files, part.Bytes = p.Observed+n, n, int64(n)*s.Item.Size
		if f.Size == 0 {
			p.Empty += n
		}
		if s.Item.Verdict.Action.Holds() {
			p.WouldHold, part.WouldHold = p.WouldHold+n, n
		}
		p.Bytes += part.Bytes
		p.Outcomes[s.Item.Verdict.Outcome] += n
		for _, r := range s.Item.Verdict.Reasons {
			if r != cordon.ReasonShadow { // all of them
				p.Reasons[r] += n
			}
		}
	}
	for _, key := range []string{"object/" + f.Object, "channel/" + string(s.Item.Channel)} {
		was := p.Parts[key]
		p.Parts[key] = Part{was.Files + part.Files, was.WouldHold + part.WouldHold, was.NotExamined + part.NotExamined, was.Bytes + part.Bytes}
	}
}

// notExamined is why nobody could look at a file, "" if somebody did.
func notExamined(s cordon.Sighting) cordon.Reason {
	for _, r := range []cordon.Reason{cordon.ReasonNotReadable, cordon.ReasonGone} {
		if s.Item.Verdict != nil && slices.Contains(s.Item.Verdict.Reasons, r) {
			return r
		}
	}
	return ""
}

func (p *Progress) copyMaps() {
	p.Parts, p.Outcomes, p.Reasons = cloned(p.Parts), cloned(p.Outcomes), cloned(p.Reasons)
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	out := make(map[K]V, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// LeastCalls is how few API calls the files that were observed can cost: each is downloaded
// once, and each page of the lists is read once.
func (p Progress) LeastCalls() int64 { return p.Lists + int64(p.Observed-p.Empty) }

// lateBatches is how many batches Speed looks at.
const lateBatches = 20

func (p *Progress) timed(files int, took time.Duration) {
	p.Worked += took
	if files == 0 || took <= 0 {
		return
	}
	late := append(slices.Clone(p.Late), float64(files)/took.Seconds())
	p.Late = late[max(0, len(late)-lateBatches):]
}

// Speed is how fast a backfill goes and how long it may still take, waits apart.
type Speed struct {
	FilesPerSecond float64
	// Least and Most bound the time left, by the fastest and the slowest of late batches.
	Least, Most time.Duration
}

// Speed tells how fast it goes and what that means for what is left; all is zero, for
// unknown, until three batches are done.
func (p Progress) Speed() Speed {
	if len(p.Late) < 3 {
		return Speed{}
	}
	// The mean of how long a file takes, not of the rates: slow batches weigh what they cost.
	var each float64
	for _, r := range p.Late {
		each += 1 / r
	}
	left := float64(max(0, p.Estimate.Take-p.Taken))
	after := func(rate float64) time.Duration { return time.Duration(left / rate * float64(time.Second)) }
	return Speed{FilesPerSecond: float64(len(p.Late)) / each, Least: after(slices.Max(p.Late)), Most: after(slices.Min(p.Late))}
}
