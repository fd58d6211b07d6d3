package app

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/media"
)

// lateBudget is the least time that the checks of a late look have together. They give way to
// uploads meanwhile.
const lateBudget = 2 * time.Minute

// latePixels is the memory for pictures that are decoded late: nobody who waits goes without.
const latePixels = 512 << 20

// lateLane has the inspectors of what is looked at late, by type. Types without any are absent.
type lateLane map[media.Type]*inspect.Inspector

// newLateLane chooses from the detectors of the lane where nobody waits those that have more to
// say there than in front of the CRM.
func newLateLane(beside []inspect.Detector, budget time.Duration) lateLane {
	out := lateLane{}
	for _, t := range media.Types() {
		var some []inspect.Detector
		for _, d := range beside {
			if l, ok := d.(inspect.Late); ok && l.Late(t) {
				some = append(some, d)
			}
		}
		if len(some) > 0 {
			out[t] = inspect.New(some, inspect.Config{Budget: max(lateBudget, 6*budget)})
		}
	}
	return out
}

// furtherRoom is how many times the usual limits hold for what met them at first.
const furtherRoom = 10

// newFurther has the detectors of the lane where nobody waits, and as many times the time.
func newFurther(beside []inspect.Detector, budget time.Duration) *inspect.Inspector {
	return inspect.New(beside, inspect.Config{Budget: max(furtherRoom*time.Minute, furtherRoom*budget)})
}

// further looks at everything again, with more room: one file at a time, so that what it takes of
// memory is taken once.
func (e *examiner) further(ctx context.Context, c cordon.Content, hint flow.Hint) []cordon.Finding {
	ctx = media.WithPace(ctx, e.traffic.give)
	select {
	case e.furtherOne <- struct{}{}:
		defer func() { <-e.furtherOne }()
	case <-ctx.Done():
		return unopened(ctx.Err())
	}
	lim := e.limits
	lim.Budget, lim.Room = e.latePixels, furtherRoom
	m, err := open(c, lim, hint)
	if err != nil {
		return unopened(err)
	}
	defer m.Close()
	if err := media.Pace(ctx); err != nil {
		return unopened(err)
	}
	return e.inspectors[hint.Tenant].further.Inspect(ctx, m)
}

// again is further for what was looked at just now, within the time that one file may hold up
// those behind it. What did not finish says less than the first look.
func (e *examiner) again(ctx context.Context, c cordon.Content, hint flow.Hint) ([]cordon.Finding, bool) {
	ctx, cancel := context.WithTimeout(ctx, lateBudget)
	defer cancel()
	found := e.further(ctx, c, hint)
	return found, ctx.Err() == nil && !slices.ContainsFunc(found, func(f cordon.Finding) bool {
		return f.Status == cordon.StatusFailed && f.Label != cordon.LabelLimit
	})
}

// Late implements flow.Examiner.
func (e *examiner) Late(tenant cordon.TenantID, mediaType string) bool {
	for t := range e.inspectors[tenant].late {
		if t.MediaType() == mediaType {
			return true
		}
	}
	return false
}

// ExamineLate implements flow.Examiner.
func (e *examiner) ExamineLate(ctx context.Context, c cordon.Content, hint flow.Hint) []cordon.Finding {
	if hint.Further {
		return e.further(ctx, c, hint)
	}
	ctx = media.WithPace(ctx, e.traffic.give)
	lim := e.limits
	lim.Budget = e.latePixels
	m, err := open(c, lim, hint)
	if err != nil {
		return unopened(err)
	}
	defer m.Close()
	lane := e.inspectors[hint.Tenant].late[m.Type]
	if lane == nil {
		return nil
	}
	if err := media.Pace(ctx); err != nil {
		return unopened(err)
	}
	return lane.Inspect(ctx, m)
}

// traffic counts the inspections that somebody waits for.
type traffic struct{ waited atomic.Int64 }

// give holds late work up while any inspection is waited for, but never for long at a time: it
// must come to its end on a busy day, too.
func (t *traffic) give(ctx context.Context) error {
	const step, most = 2 * time.Millisecond, 100 * time.Millisecond
	for waited := time.Duration(0); waited < most && t.waited.Load() > 0; waited += step {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(step):
		}
	}
	return ctx.Err()
}
