package events

import (
	"fmt"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// Night is the part of the day in which a backfill goes at its full pace, so that it is out
// of the way of those who work.
type Night struct {
	// Window is two times of day, for example 22:00-06:00. It may go past midnight.
	Window string `json:"window"`
	// Zone is an IANA time zone, for example Europe/Berlin. Default: UTC.
	Zone string `json:"zone,omitempty"`
	// DayRate is how many API calls a second it makes outside of the window. Default: 0, none:
	// it waits.
	DayRate float64 `json:"day_rate,omitempty"`
}

func (n Night) check() error {
	if _, _, err := n.times(); err != nil {
		return err
	}
	if _, err := n.zone(); err != nil {
		return err
	}
	if n.DayRate < 0 {
		return fmt.Errorf("%w: a rate of %g API calls a second by day", cordon.ErrInvalid, n.DayRate)
	}
	return nil
}

// times returns the ends of the window, as time since midnight.
func (n Night) times() (from, to time.Duration, err error) {
	a, b, ok := strings.Cut(n.Window, "-")
	t1, err1 := time.Parse("15:04", strings.TrimSpace(a))
	t2, err2 := time.Parse("15:04", strings.TrimSpace(b))
	if !ok || err1 != nil || err2 != nil || t1.Equal(t2) {
		return 0, 0, fmt.Errorf("%w: a night is two times of day such as 22:00-06:00, not %.40q", cordon.ErrInvalid, n.Window)
	}
	midnight := t1.Truncate(24 * time.Hour)
	return t1.Sub(midnight), t2.Sub(midnight), nil
}

func (n Night) zone() (*time.Location, error) {
	zone, err := time.LoadLocation(n.Zone)
	if err != nil || n.Zone == "Local" {
		return nil, fmt.Errorf("%w: %.60q is no IANA time zone such as Europe/Berlin", cordon.ErrInvalid, n.Zone)
	}
	return zone, nil
}

// in reports whether a moment lies in the window, and if not, when the next one begins. The
// clock on the wall decides, so the window is an hour shorter or longer when that is put
// forward or back.
func (n Night) in(at time.Time) (bool, time.Time) {
	from, to, err := n.times()
	zone, err2 := n.zone()
	if err != nil || err2 != nil {
		return true, at // checked before it was recorded
	}
	local := at.In(zone)
	wall := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second
	if from < to && wall >= from && wall < to || from > to && (wall >= from || wall < to) {
		return true, at
	}
	day := local.Day()
	if wall > from {
		day++
	}
	return false, time.Date(local.Year(), local.Month(), day, int(from/time.Hour), int(from/time.Minute)%60, 0, 0, zone)
}

// rate is how many calls a second the plan allows at a moment, 0 for as many as it can. If
// it allows none, it says when it will again.
func (p Plan) rate(at time.Time) (float64, error) {
	if p.Night == nil {
		return p.Rate, nil
	}
	inside, next := p.Night.in(at)
	switch day := p.Night.DayRate; {
	case inside:
		return p.Rate, nil
	case day == 0:
		return 0, waitError{ErrNight, next}
	case p.Rate > 0:
		return min(p.Rate, day), nil
	default:
		return day, nil
	}
}

// waitError says until when there is nothing to do.
type waitError struct {
	error
	until time.Time
}

func (e waitError) Unwrap() error { return e.error }
