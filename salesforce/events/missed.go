package events

import (
	"context"
	"time"

	"github.com/cordonhq/cordon"
)

// Polling tells a Subscriber what it found, and the Subscriber counts what events should have
// told before. The methods here do nothing on a nil Subscriber, which is a Poller without
// events.

// found is a file that polling was the first to observe.
type found struct {
	at    time.Time // when
	stamp time.Time // its SystemModstamp
}

// mostWaiting bounds what is remembered for one object.
const mostWaiting = 10_000

// gap is readable when a poll should not wait.
func (s *Subscriber) gap() <-chan struct{} {
	if s == nil {
		return nil
	}
	return s.gaps
}

func (s *Subscriber) wake() {
	select {
	case s.gaps <- struct{}{}:
	default: // a poll is on its way
	}
}

func (s *Subscriber) pollBegins() {
	if s == nil {
		return
	}
	for _, t := range s.topics {
		t.mu.Lock()
		if !t.since.IsZero() {
			t.polls++
		}
		t.mu.Unlock()
	}
}

// polled hears of what a poll has committed. The first poll since events became complete also
// finds what came before they did.
func (s *Subscriber) polled(files []File, sightings []cordon.Sighting) {
	if s == nil {
		return
	}
	now := s.Now()
	for i, f := range files {
		t := s.topics[f.Object]
		if t == nil || !sightings[i].New {
			continue
		}
		t.mu.Lock()
		if _, told := t.heard[f.ID]; !told && t.polls > 1 && len(t.waiting) < mostWaiting {
			t.waiting[f.ID] = found{now, f.Modstamp}
		}
		t.mu.Unlock()
	}
}

// pollEnds counts what events have not named in time.
func (s *Subscriber) pollEnds(ctx context.Context) error {
	if s == nil {
		return nil
	}
	for _, object := range s.Objects {
		t := s.topics[object]
		missed := t.overdue()
		if len(missed) == 0 {
			continue
		}
		s.Log.Warn("polling found files of which no event told; whether events are trusted is yours to decide", "tenant", s.Tenant, "object", object, "missed", len(missed))
		if err := t.commit(ctx, nil, nil, func(h *Heard) { h.Missed += int64(len(missed)) }); err != nil {
			return err
		}
		t.mu.Lock()
		for _, id := range missed {
			delete(t.waiting, id)
		}
		t.mu.Unlock()
	}
	return nil
}

// overdue returns the files whose events had their time: the subscription stands, and has
// told of what came later or has long been silent. While it catches up, none is overdue.
func (t *topic) overdue() (ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, grace := t.s.Now(), t.s.grace
	if t.since.IsZero() || now.Sub(t.since) <= grace {
		return nil
	}
	for id, f := range t.waiting {
		passed := f.stamp.Before(t.newest) || now.Sub(t.told) > grace
		if now.Sub(f.at) > grace && passed {
			ids = append(ids, id)
		}
	}
	return ids
}
