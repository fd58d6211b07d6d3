package coverage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// check fills in the days that q leaves open, the last seven and today, and refuses what is
// no range of days.
func (l *Law) check(q desk.CoverageQuery) (desk.CoverageQuery, error) {
	if q.To.IsZero() {
		q.To = midnight(l.Now()).Add(day)
		if !q.From.IsZero() && !q.From.Before(q.To) {
			return q, fmt.Errorf("%w: %s is in the future", cordon.ErrInvalid, q.From.Format(time.DateOnly))
		}
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-8 * day)
	}
	most := desk.MaxCoverageDays
	if q.Fresh {
		most = desk.MaxFreshDays
	}
	switch days := q.To.Sub(q.From) / day; {
	case !q.From.Equal(midnight(q.From)) || !q.To.Equal(midnight(q.To)):
		return q, fmt.Errorf("%w: coverage is counted by days in UTC, from midnight to midnight", cordon.ErrInvalid)
	case days <= 0:
		return q, fmt.Errorf("%w: the last day, %s, is before the first, %s", cordon.ErrInvalid, q.To.Add(-day).Format(time.DateOnly), q.From.Format(time.DateOnly))
	case days > time.Duration(most):
		return q, fmt.Errorf("%w: %d days are asked for, and %d are the most at once", cordon.ErrInvalid, days, most)
	}
	q.From, q.To = q.From.UTC(), q.To.UTC()
	return q, nil
}

// Coverage says what was counted of some days, by default the last seven and today so far.
// Days that were never counted are absent; where none was, AsOf is zero and nothing is known.
// With Fresh it counts the days anew, changes nothing on record, and lists every file that
// nobody looked at; for one reader at a time, others get cordon.ErrBusy.
func (l *Law) Coverage(ctx context.Context, q desk.CoverageQuery) (desk.Coverage, error) {
	q, err := l.check(q)
	if err != nil {
		return desk.Coverage{}, err
	}
	if q.Fresh {
		if !l.fresh.TryLock() {
			return desk.Coverage{}, fmt.Errorf("%w: the org is being asked for somebody else", cordon.ErrBusy)
		}
		defer l.fresh.Unlock()
	}
	out := desk.Coverage{From: q.From, To: q.To, Days: []desk.CoverageDay{}, Unexamined: []desk.Unexamined{}}
	parts, why := []desk.CoveragePart{}, map[cordon.Reason]int{}
	for on := q.From; on.Before(q.To) && !on.After(l.Now()); on = on.Add(day) {
		c, d, err := l.recall(ctx, on, q.Fresh)
		if errors.Is(err, cordon.ErrNotFound) {
			continue
		}
		if err != nil {
			return out, err
		}
		out.Add(c.count())
		out.Days = append(out.Days, desk.CoverageDay{Day: on, CoverageCount: c.count(), Final: c.final, Counted: c.At})
		if c.At.After(out.AsOf) {
			out.AsOf = c.At
		}
		for r, n := range c.Why {
			why[r] += n
		}
		parts = append(parts, d.Parts...)
		out.Unexamined = append(out.Unexamined, d.Files...)
	}
	out.Parts, out.Why = desk.MergeParts(parts), whys(why)
	newestFirst(out.Unexamined)
	if !q.Fresh && len(out.Unexamined) > q.Limit {
		out.Unexamined = out.Unexamined[:max(0, q.Limit)]
	}
	out.More = out.NotExamined() - len(out.Unexamined)
	s, err := l.standing(ctx)
	if err != nil && !errors.Is(err, cordon.ErrNotFound) {
		return out, err
	}
	out.Alarm = s.Alarm.desk()
	return out, nil
}

// recall returns what is on record of a day, or counts it anew.
func (l *Law) recall(ctx context.Context, on time.Time, fresh bool) (counted, detail, error) {
	if !fresh {
		c, err := l.day(ctx, on)
		if err != nil {
			return c, detail{}, err
		}
		d, err := l.open(ctx, on, c)
		return c, d, err
	}
	now := l.Now().UTC()
	t := newTally(-1)
	if _, err := l.census(ctx, on, t); err != nil {
		return counted{}, detail{}, err
	}
	c := counted{At: now, Gained: t.Gained, Examined: t.Examined, Partly: t.Partly, Tried: t.Tried, Elsewhere: t.Elsewhere, Why: t.why,
		final: !now.Before(on.Add(day + l.Settle))}
	return c, detail{Parts: t.list(), Files: t.unexamined}, nil
}

// Latest returns the newest day that is final and brought files, and today so far; false where
// there is none. It is for meters: nothing sealed is opened.
func (l *Law) Latest(ctx context.Context) (full, today desk.CoverageDay, hasFull, hasToday bool, err error) {
	now := midnight(l.Now())
	for on := now; !on.Before(now.Add(-latest*day)) && !hasFull; on = on.Add(-day) {
		c, err := l.day(ctx, on)
		if errors.Is(err, cordon.ErrNotFound) {
			continue
		}
		if err != nil {
			return full, today, false, false, err
		}
		d := desk.CoverageDay{Day: on, CoverageCount: c.count(), Final: c.final, Counted: c.At}
		switch {
		case on.Equal(now):
			today, hasToday = d, true
		case c.final && c.Gained > 0:
			full, hasFull = d, true
		}
	}
	return full, today, hasFull, hasToday, nil
}

// Alarm returns the alarm that stands, nil if none does.
func (l *Law) Alarm(ctx context.Context) (*desk.CoverageAlarm, error) {
	s, err := l.standing(ctx)
	if errors.Is(err, cordon.ErrNotFound) {
		return nil, nil
	}
	return s.Alarm.desk(), err
}
