package desk

import (
	"cmp"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
)

// Coverage says of the files that an org has gained, by the org's own lists, which are on
// record here and which nobody has looked at.
type Coverage struct {
	From, To time.Time // midnights in UTC; To is excluded
	AsOf     time.Time // when the org was asked last; zero: never, and nothing below is known
	CoverageCount
	Days  []CoverageDay  // oldest first, only days that were counted
	Parts []CoveragePart // most files nobody looked at first
	// Unexamined lists the files that nobody looked at, newest first; where there are more
	// than were asked for, More is how many.
	Unexamined []Unexamined
	More       int
	// Why counts the files that nobody looked at by the reason, most first.
	Why []CoverageWhy
	// Alarm is set while coverage is lower than it has to be, whatever was asked for.
	Alarm *CoverageAlarm
}

// CoverageQuery asks for the coverage of some days.
type CoverageQuery struct {
	From, To time.Time // midnights in UTC; To is excluded
	Limit    int       // how many files that nobody looked at are listed at most
	// Fresh counts anew, by the org's lists as they are now, and lists every file that nobody
	// looked at. It costs calls of the org's API.
	Fresh bool
}

// MaxCoverageDays and MaxFreshDays bound what one query may ask for.
const (
	MaxCoverageDays = 400
	MaxFreshDays    = 31
)

// CoverageCount is how many files were gained and what became of them.
type CoverageCount struct {
	Gained   int // files that the org has gained
	Examined int // of these, with a verdict that rests on their content
	Partly   int // of the examined, those of which something was not looked at
	Tried    int // of these, on record without such a verdict: gone, withheld, of a kind no check covers
	// Elsewhere is how many links and files of other systems were made, of which the org
	// holds no bytes. They are not in Gained.
	Elsewhere int
}

// NotExamined is how many files nobody looked at.
func (c CoverageCount) NotExamined() int { return c.Gained - c.Examined }

// Add adds another count.
func (c *CoverageCount) Add(o CoverageCount) {
	c.Gained += o.Gained
	c.Examined += o.Examined
	c.Partly += o.Partly
	c.Tried += o.Tried
	c.Elsewhere += o.Elsewhere
}

// Share is the part that was examined, from 0 to 1; ok is false where nothing was gained,
// because then there is no share.
func (c CoverageCount) Share() (share float64, ok bool) {
	if c.Gained == 0 {
		return 0, false
	}
	return float64(c.Examined) / float64(c.Gained), true
}

// CoverageDay is one day in UTC, by the CreatedDate of the files.
type CoverageDay struct {
	Day time.Time
	CoverageCount
	// Final says that the day was over when it was counted.
	Final   bool
	Counted time.Time // when the org was asked
}

// CoverageWhy is how many files nobody looked at for one reason.
type CoverageWhy struct {
	Reason cordon.Reason // "" for those on no record at all
	Files  int
}

// CoverageAlarm says that a day's share was lower than it has to be.
type CoverageAlarm struct {
	Day    time.Time
	Cause  CoverageCause
	Share  float64 // examined that day, from 0 to 1
	Bound  float64 // what it had to reach
	Raised time.Time
}

// CoverageCause says which of the two bounds was missed.
type CoverageCause string

// Causes.
const (
	CoverageBelowFloor CoverageCause = "below-floor" // the share that the configuration asks for
	CoverageFell       CoverageCause = "fell"        // the median of the days before
)

// CoveragePart is what one creator brought by one way.
type CoveragePart struct {
	Channel cordon.Channel
	Creator string // id of the org's user; "" for several who are not told apart
	Client  string // client or connected app, "" where nobody knows
	CoverageCount
}

// Unexamined is a file that nobody looked at.
type Unexamined struct {
	Object  string // ContentVersion, Attachment or Document
	ID      string // of the record
	Channel cordon.Channel
	Creator string
	Created time.Time
	Size    int64
	Why     cordon.Reason // "" where it is on no record at all
}

// WithoutPeople is the coverage for readers who may not see what points to a person: nobody
// who made a file is named.
func (c Coverage) WithoutPeople() Coverage {
	parts := make([]CoveragePart, len(c.Parts))
	for i, p := range c.Parts {
		p.Creator = ""
		parts[i] = p
	}
	c.Parts = MergeParts(parts)
	files := slices.Clone(c.Unexamined)
	for i := range files {
		files[i].Creator = ""
	}
	c.Unexamined = files
	return c
}

// MergeParts adds up the parts of the same channel, creator and client and puts those first of
// which most files were not looked at. The result is never nil.
func MergeParts(parts []CoveragePart) []CoveragePart {
	type key struct {
		channel         cordon.Channel
		creator, client string
	}
	out, at := []CoveragePart{}, map[key]int{}
	for _, p := range parts {
		k := key{p.Channel, p.Creator, p.Client}
		i, there := at[k]
		if !there {
			i, at[k] = len(out), len(out)
			out = append(out, CoveragePart{Channel: p.Channel, Creator: p.Creator, Client: p.Client})
		}
		out[i].Add(p.CoverageCount)
	}
	slices.SortFunc(out, func(a, b CoveragePart) int {
		return cmp.Or(cmp.Compare(b.NotExamined(), a.NotExamined()), cmp.Compare(b.Gained, a.Gained),
			cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Creator, b.Creator), cmp.Compare(a.Client, b.Client))
	})
	return out
}

// Missed says in a few words why nobody looked at a file.
func Missed(why cordon.Reason) string {
	switch why {
	case "":
		return "on no record"
	case cordon.ReasonGone:
		return "deleted before it could be examined"
	case cordon.ReasonNotReadable:
		return "withheld by the org"
	case cordon.ReasonNotCovered:
		return "of a kind that no check covers"
	case cordon.ReasonPassedUnscanned:
		return "passed unscanned, not examined since"
	case cordon.ReasonDetectorSilent:
		return "a check did not finish"
	}
	return string(why)
}
