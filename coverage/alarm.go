package coverage

import (
	"math"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// earlierDays is how many days before one are its measure, and fewestDays how many of them
// must have brought files for there to be one.
const (
	earlierDays = 7
	fewestDays  = 3
)

// alarm is a standing alarm as it is kept. Shares are in ten-thousandths.
type alarm struct {
	Day    time.Time          `json:"day"`
	Cause  desk.CoverageCause `json:"cause"`
	Share  int                `json:"share"`
	Bound  int                `json:"bound"`
	Raised time.Time          `json:"raised"`
}

const whole = 10_000

// judge returns what is wrong with the coverage of a day, nil if nothing is. earlier are the
// counts of the days before it, those without files left out.
func judge(c desk.CoverageCount, earlier []desk.CoverageCount, floor, fall float64) *alarm {
	share, ok := c.Share()
	if !ok {
		return nil
	}
	if share < floor {
		return &alarm{Cause: desk.CoverageBelowFloor, Share: parts(share), Bound: parts(floor)}
	}
	if len(earlier) < fewestDays {
		return nil
	}
	shares := make([]float64, len(earlier))
	for i, e := range earlier {
		shares[i], _ = e.Share()
	}
	if bound := median(shares) - fall; share < bound {
		return &alarm{Cause: desk.CoverageFell, Share: parts(share), Bound: parts(bound)}
	}
	return nil
}

func median(of []float64) float64 {
	slices.Sort(of)
	n := len(of)
	return (of[(n-1)/2] + of[n/2]) / 2
}

// parts is a share in ten-thousandths. What is not all is never rounded to all, so that an
// alarm does not read as if nothing were wrong.
func parts(share float64) int {
	n := int(math.Round(share * whole))
	if n == whole && share < 1 {
		n--
	}
	return n
}

func (a *alarm) desk() *desk.CoverageAlarm {
	if a == nil {
		return nil
	}
	return &desk.CoverageAlarm{Day: a.Day, Cause: a.Cause, Share: float64(a.Share) / whole, Bound: float64(a.Bound) / whole, Raised: a.Raised}
}

// facts are what the ledger says when the alarm is raised.
func (a *alarm) facts(c desk.CoverageCount) map[string]any {
	return map[string]any{"day": a.Day.Format(time.DateOnly), "cause": string(a.Cause), "gained": c.Gained, "examined": c.Examined,
		"share": a.Share, "bound": a.Bound}
}

// States of the law's own record.
const (
	calm   cordon.State = "calm"
	raised cordon.State = "raised"
)
