package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// Status is what a Poller has done since it was made.
type Status struct {
	// Began is when the last poll began, and Complete when the last began that came to its end:
	// everything that the org showed then is on record. Zero: never. By this machine's clock.
	Began, Complete time.Time
	Took            time.Duration // of the last complete poll
	Polls, Failures int64         // polls that came to their end, and others
	// Newest is the newest SystemModstamp that each list has shown, by the org's clock.
	Newest map[string]time.Time
	Seen   Seen // all polls together
}

// Status may be asked for at any time, also while a poll runs.
func (p *Poller) Status() Status {
	p.status.mu.Lock()
	defer p.status.mu.Unlock()
	s := p.status.Status
	s.Newest = maps.Clone(s.Newest)
	return s
}

type status struct {
	mu sync.Mutex
	Status
}

func (s *status) saw(object string, stamp time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Newest == nil {
		s.Newest = map[string]time.Time{}
	}
	if stamp.After(s.Newest[object]) {
		s.Newest[object] = stamp
	}
}

func (s *status) polled(began, ended time.Time, seen Seen, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Began = began
	if s.Seen.add(seen); err != nil {
		s.Failures++
		return
	}
	s.Polls++
	s.Complete, s.Took = began, ended.Sub(began)
}

func (s *Seen) add(t Seen) {
	s.Listed += t.Listed
	s.Observed += t.Observed
	s.WouldHold += t.WouldHold
	s.Known += t.Known
	s.Gone += t.Gone
	s.Retried += t.Retried
	s.Read += t.Read
	s.NotReadable += t.NotReadable
	s.Linked += t.Linked
	s.Elsewhere += t.Elsewhere
	s.Bytes += t.Bytes
	s.Calls += t.Calls
}

// ReadTo returns the org's time up to which polling has put files on record, of the list that is
// farthest; the zero time before the first poll.
func ReadTo(ctx context.Context, things Things, tenant cordon.TenantID) (to time.Time, err error) {
	c := Config{Tenant: tenant}.withDefaults()
	for _, object := range c.Objects {
		thing, err := things.Thing(ctx, c.setting("poll-"+object))
		if errors.Is(err, cordon.ErrNotFound) {
			continue
		}
		if err != nil {
			return to, err
		}
		var at place
		if err := json.Unmarshal(thing.Value, &at); err != nil {
			return to, fmt.Errorf("read the cursor of %s: %w", object, err)
		}
		if at.At.After(to) {
			to = at.At
		}
	}
	return to, nil
}
