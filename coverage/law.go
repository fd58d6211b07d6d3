package coverage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// Keep is where the law's own records stand.
type Keep interface {
	// Thing returns cordon.ErrNotFound for what nobody ever wrote down.
	Thing(ctx context.Context, of cordon.Ref) (cordon.Thing, error)
	// Commit applies changes, all or none; cordon.ErrConflict if someone else was first.
	Commit(ctx context.Context, changes ...cordon.Change) error
}

// Seals keeps what points to people unreadable at rest.
type Seals interface {
	Seal(ctx context.Context, of cordon.Ref, data []byte) ([]byte, error)
	// Open returns cordon.ErrShredded where the key is gone.
	Open(ctx context.Context, of cordon.Ref, sealed []byte) ([]byte, error)
}

// Config is what a Law works with. Tenant, Org, Records, Keep and Seals are required.
type Config struct {
	Tenant  cordon.TenantID
	Org     Org
	Records Records
	Keep    Keep
	Seals   Seals

	// Floor is the share that has to be examined each day, from 0 to 1.
	Floor float64
	// Fall is how far the share of a day may lie under the median of the seven days before.
	// Default: 0.05.
	Fall float64
	// Settle is how long after midnight the day before is counted for good: until then what
	// was made at its end may not show yet. Default: 20 minutes.
	Settle time.Duration

	Now func() time.Time
	Log *slog.Logger
}

// Law counts coverage day by day, writes it down and raises the alarm. It is safe for
// concurrent use; where several nodes share the records, let one of them call Count.
type Law struct {
	Config
	fresh sync.Mutex // held while the org is asked for a reader
}

// New returns a Law. It begins with the day of the first Count and goes on from there.
func New(c Config) *Law {
	if c.Fall <= 0 {
		c.Fall = 0.05
	}
	if c.Settle <= 0 {
		c.Settle = 20 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Law{Config: c}
}

const (
	// catchUp is how many days are counted late after Cordon was down.
	catchUp = 31
	// again is how many days are counted anew, daily, while there are files that nobody looked
	// at: polling and backfill may have come to them since.
	again = 31
	// latest is how many days back the newest day that is over is looked for.
	latest = 8
	// keepDetail is for how many days it is kept who made files and which nobody looked at.
	keepDetail = 35
)

// standing is the law's own record: since when it holds, and whether it is kept.
type standing struct {
	Since  time.Time `json:"since"`            // the first day that is counted
	Judged time.Time `json:"judged,omitempty"` // the last day that was final and judged
	Alarm  *alarm    `json:"alarm,omitempty"`

	version int64 // of the record
}

func (s standing) state() cordon.State {
	if s.Alarm != nil {
		return raised
	}
	return calm
}

func (l *Law) self() cordon.Ref {
	return cordon.Ref{Tenant: l.Tenant, Kind: cordon.KindSetting, ID: "coverage"}
}

// standing returns the law's own record; cordon.ErrNotFound before the first Count.
func (l *Law) standing(ctx context.Context) (s standing, err error) {
	thing, err := l.Keep.Thing(ctx, l.self())
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(thing.Value, &s); err != nil {
		return s, fmt.Errorf("read how coverage stands: %w", err)
	}
	s.version = thing.Version
	return s, nil
}

// stand writes the law's own record, which is then of the next version.
func (l *Law) stand(ctx context.Context, from cordon.State, s *standing, e cordon.Entry) error {
	value, err := json.Marshal(s)
	if err != nil {
		return err
	}
	err = l.Keep.Commit(ctx, cordon.Change{Of: l.self(), From: from, To: s.state(), Value: value, Version: s.version, Entries: []cordon.Entry{e}})
	if err == nil {
		s.version++
	}
	return err
}

// Run counts now and then until ctx ends: each interval, and when a day is final. It does not
// begin at once, since whoever examines has to begin first.
func (l *Law) Run(ctx context.Context, every time.Duration) {
	wait := min(every, time.Minute)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(every, l.final())
		if err := l.Count(ctx); err != nil && ctx.Err() == nil {
			wait = min(every, 5*time.Minute)
			l.Log.Warn("coverage could not be counted and is counted later", "tenant", l.Tenant, "err", err)
		}
	}
}

// final is how long it takes until a day can be counted for good.
func (l *Law) final() time.Duration {
	now := l.Now()
	at := midnight(now).Add(l.Settle)
	if !at.After(now) {
		at = at.Add(day)
	}
	return at.Sub(now)
}

// Count brings the counts up to date: days that were missed, yesterday when it is over, today
// so far, and days of the last week with files that nobody had looked at. Then it judges the
// days that are final. What was counted before an error stays; the next Count goes on.
func (l *Law) Count(ctx context.Context) error {
	today := midnight(l.Now())
	s, err := l.standing(ctx)
	if errors.Is(err, cordon.ErrNotFound) {
		s = standing{Since: today}
		err = l.stand(ctx, "", &s, l.setting(l.self(), "add"))
	}
	if err != nil {
		return err
	}
	if err := l.drop(ctx, today.Add(-keepDetail*day)); err != nil {
		return err
	}
	from := s.Since
	if first := today.Add(-catchUp * day); from.Before(first) {
		from = first
	}
	for on := from; !on.After(today); on = on.Add(day) {
		if err := l.bring(ctx, on, s); err != nil {
			return err
		}
	}
	return l.assess(ctx, s, from, today)
}

// bring counts one day if that is due.
func (l *Law) bring(ctx context.Context, on time.Time, s standing) error {
	c, err := l.day(ctx, on)
	switch {
	case errors.Is(err, cordon.ErrNotFound):
		_, err = l.count(ctx, on, nil)
	case err == nil && l.due(on, c, s):
		_, err = l.count(ctx, on, &c)
	}
	if errors.Is(err, cordon.ErrConflict) {
		return nil // another node has just counted it
	}
	return err
}

// due reports whether a day that was counted is to be counted once more.
func (l *Law) due(on time.Time, c counted, s standing) bool {
	now := l.Now().UTC()
	over := on.Add(day)
	switch {
	case !c.final:
		return true
	case !now.Before(over.Add(day)) && c.At.Before(over.Add(day)):
		// The clocks of the org and of this machine may differ, and a transaction may have
		// ended late.
		return true
	case c.count().NotExamined() == 0 || now.Sub(on) > again*day:
		return false
	}
	return now.Sub(c.At) >= day || s.Alarm != nil && s.Alarm.Day.Equal(on)
}

// assess judges the days that have become final since the last time, in their order, and the
// newest of all once more, since it may have been counted anew.
func (l *Law) assess(ctx context.Context, s standing, from, today time.Time) error {
	var newest time.Time
	for on := from; on.Before(today); on = on.Add(day) {
		c, err := l.day(ctx, on)
		if errors.Is(err, cordon.ErrNotFound) || err == nil && !c.final {
			continue
		}
		if err != nil {
			return err
		}
		if c.Gained > 0 && on.After(s.Since) {
			newest = on
		}
		if on.After(s.Judged) {
			if s, err = l.judge(ctx, s, on, c); err != nil {
				return err
			}
		}
	}
	if newest.IsZero() || s.Judged.Before(newest) {
		return nil
	}
	c, err := l.day(ctx, newest)
	if err != nil {
		return err
	}
	_, err = l.judge(ctx, s, newest, c)
	return err
}

// judge raises or clears the alarm by one final day. The first day of all is not judged: part
// of it was before Cordon came. A day without files says nothing.
func (l *Law) judge(ctx context.Context, s standing, on time.Time, c counted) (standing, error) {
	was := s.state()
	if on.After(s.Judged) {
		s.Judged = on
	}
	if c.Gained == 0 || !on.After(s.Since) {
		return s, nil // written down with the next day that says something
	}
	earlier, err := l.earlier(ctx, s, on)
	if err != nil {
		return s, err
	}
	now := l.Now().UTC()
	found := judge(c.count(), earlier, l.Floor, l.Fall)
	switch {
	case found == nil && s.Alarm == nil:
		return s, nil
	case found == nil:
		s.Alarm = nil
		l.Log.Info("coverage is as it should be again", "tenant", l.Tenant, "day", on.Format(time.DateOnly), "share", of(c.count()))
		err = l.stand(ctx, was, &s, cordon.NewEntry(cordon.EntryCoverageClear, l.self(), now, cordon.Cordon,
			map[string]any{"day": on.Format(time.DateOnly), "gained": c.Gained, "examined": c.Examined, "share": parts(of(c.count()))}))
		return s, err
	}
	found.Day, found.Raised = on, now
	if a := s.Alarm; a != nil && a.Day.Equal(on) {
		if found.Cause == a.Cause && found.Share == a.Share && found.Bound == a.Bound {
			return s, nil
		}
		found.Raised = a.Raised
	}
	s.Alarm = found
	l.Log.Warn("coverage is lower than it has to be: see the page Coverage or \"cordon report coverage\" for where the files came from",
		"tenant", l.Tenant, "day", on.Format(time.DateOnly), "cause", found.Cause, "share", of(c.count()),
		"bound", float64(found.Bound)/whole, "not_examined", c.count().NotExamined())
	err = l.stand(ctx, was, &s, cordon.NewEntry(cordon.EntryCoverageAlarm, l.self(), now, cordon.Cordon, found.facts(c.count())))
	return s, err
}

// earlier returns the counts of the final days that a day is measured against.
func (l *Law) earlier(ctx context.Context, s standing, on time.Time) (out []desk.CoverageCount, err error) {
	for before := on.Add(-earlierDays * day); before.Before(on); before = before.Add(day) {
		if !before.After(s.Since) {
			continue
		}
		c, err := l.day(ctx, before)
		if errors.Is(err, cordon.ErrNotFound) || err == nil && (!c.final || c.Gained == 0) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c.count())
	}
	return out, nil
}

// of is the share of a day that brought files.
func of(c desk.CoverageCount) float64 {
	share, _ := c.Share()
	return share
}
