package desk

import (
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
}

// CoverageCount is how many files were gained and what became of them.
type CoverageCount struct {
	Gained   int // files that the org has gained
	Examined int // of these, with a verdict that rests on their content
	Tried    int // of these, on record but not to be read: gone, withheld by the org, too big
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
	Final bool
}

// CoveragePart is what one creator brought by one way.
type CoveragePart struct {
	Channel cordon.Channel
	Creator string // id of the org's user
	Client  string // client or connected app, "" where the org does not say
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
