package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// Feed tells of changes in the org as they happen. *pubsub.Client is one.
type Feed interface {
	// Topic asks whether Cordon may subscribe: cordon.ErrNotFound where the org has no such
	// topic, cordon.ErrForbidden where Cordon may not.
	Topic(ctx context.Context, name string) error
	// Follow calls each for every batch behind a replay id, or, without one, for what comes
	// from now on. What each has returned nil for is not told again. It returns when ctx ends
	// and with errors that waiting does not mend, among them salesforce.ErrReplayLost.
	Follow(ctx context.Context, topic string, from []byte, each func(context.Context, salesforce.ChangeBatch) error) error
}

// Subscriber has files looked at as soon as the org tells of them. It is an accelerator: an
// event is a hint, the record is asked for by its id and looked at as a poll would have it,
// and polling goes on, finds what events missed, and counts it.
//
// How far events were dealt with is committed together with what they led to.
type Subscriber struct {
	*looker
	feed   Feed
	grace  time.Duration
	again  time.Duration
	gaps   chan struct{}
	topics map[string]*topic // by object
	learns bool
	also   []string
	given  []string // Integrations as they were configured
}

// SubscribeConfig is a Config and what only a Subscriber needs.
type SubscribeConfig struct {
	Config
	Feed Feed
	// Grace is how long an event may take after polling has found its file, before it counts
	// as missed. Default: 2 min.
	Grace time.Duration
	// Again is how long until an org that does not offer events is asked again. Default: 1 h.
	Again time.Duration
	// Learn has it ask the org who its integrations are when it begins to listen. Named are
	// further ones, by id or user name.
	Learn bool
	Named []string
}

// NewSubscriber returns a Subscriber that goes on where the committed replay ids stand.
func NewSubscriber(c SubscribeConfig) *Subscriber {
	s := &Subscriber{looker: newLooker(c.Config.withDefaults(), "beside", cordon.ModeEvent), feed: c.Feed, grace: c.Grace, again: c.Again,
		learns: c.Learn, also: c.Named, given: c.Integrations,
		gaps: make(chan struct{}, 1), topics: map[string]*topic{}}
	if s.grace <= 0 {
		s.grace = 2 * time.Minute
	}
	if s.again <= 0 {
		s.again = time.Hour
	}
	for _, object := range s.Objects {
		s.topics[object] = &topic{s: s, object: object, of: s.setting("events-" + object), stands: Unknown,
			heard: map[string]time.Time{}, waiting: map[string]found{}}
	}
	return s
}

// Offered says whether an org tells of an object's changes.
type Offered string

// What an org offers.
const (
	Unknown      Offered = "unknown" // nobody has answered yet
	Live         Offered = "live"
	Broken       Offered = "broken"        // offered, and not connected at the moment
	NotOffered   Offered = "not-offered"   // not bought, or not selected in Change Data Capture
	NotPermitted Offered = "not-permitted" // Cordon's user may not see all of the object
)

// Heard says what came of events for one object since the first.
type Heard struct {
	Replay []byte `json:"replay,omitempty"` // place behind what was dealt with
	Events int64  `json:"events"`           // records that events named
	First  int64  `json:"first"`            // files that were looked at because of an event
	Missed int64  `json:"missed"`           // files that polling found and no event named in time
	Gaps   int64  `json:"gaps"`             // times that events were lost, and the org or the break said so
}

// ReadHeard returns what is on record of events for an object; zero if nobody ever subscribed.
func ReadHeard(ctx context.Context, things Things, tenant cordon.TenantID, object string) (Heard, error) {
	var h Heard
	thing, err := things.Thing(ctx, Config{Tenant: tenant}.setting("events-"+object))
	if errors.Is(err, cordon.ErrNotFound) {
		return h, nil
	}
	if err == nil {
		err = json.Unmarshal(thing.Value, &h)
	}
	return h, err
}

// Standing is how events stand for one object.
type Standing struct {
	Object  string
	Offered Offered
	Heard
}

// Standing returns how events stand, object by object.
func (s *Subscriber) Standing() (out []Standing) {
	for _, object := range s.Objects {
		t := s.topics[object]
		t.mu.Lock()
		out = append(out, Standing{object, t.stands, t.Heard})
		t.mu.Unlock()
	}
	return out
}

// topic follows one object.
type topic struct {
	s      *Subscriber
	object string
	of     cordon.Ref

	writing sync.Mutex // held while Heard is committed

	mu sync.Mutex // guards what follows
	Heard
	stands Offered
	since  time.Time // it has been live, zero if it is not
	kept   time.Time // the replay id was committed
	// polls counts those that began since events became complete: what the second finds came
	// after that, whatever the clocks say.
	polls   int
	newest  time.Time            // commit that events told of last, by the org's clock
	told    time.Time            // when they did
	heard   map[string]time.Time // ids that events named of late
	waiting map[string]found     // ids that polling found first
}

// Run follows what the org offers until ctx ends.
func (s *Subscriber) Run(ctx context.Context) {
	if s.learns {
		if ids, _, err := s.integrations(ctx, s.also); err == nil {
			s.Integrations = append(slices.Clone(s.given), ids...)
		} else if ctx.Err() == nil {
			s.Log.Warn("the org did not say who its integrations are; files of theirs that events bring count as made at its pages", "tenant", s.Tenant, "err", err)
		}
	}
	var wg sync.WaitGroup
	for _, object := range s.Objects {
		wg.Go(func() { s.topics[object].run(ctx) })
	}
	wg.Wait()
}

func (t *topic) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := t.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		wait := min(time.Minute, t.s.again)
		switch {
		case errors.Is(err, salesforce.ErrReplayLost):
			err, wait = t.lose(ctx), 0
		case errors.Is(err, cordon.ErrNotFound):
			err, wait = nil, t.s.again
			t.stand(NotOffered)
		case errors.Is(err, cordon.ErrForbidden):
			err, wait = nil, t.s.again
			t.stand(NotPermitted)
		}
		if err != nil {
			wait = max(wait, t.s.Backoff)
			t.stand(Broken)
			t.s.Log.Warn("events are not followed at the moment; polling goes on", "tenant", t.s.Tenant, "object", t.object, "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	t.stand(Unknown)
}

// stand notes a change of what the org offers, and says so once.
func (t *topic) stand(now Offered) {
	t.mu.Lock()
	was := t.stands
	t.stands = now
	if now != Live {
		t.since = time.Time{}
	} else if t.since.IsZero() {
		t.since = t.s.Now()
	}
	t.mu.Unlock()
	if was == now || was == Broken && now == Live {
		return
	}
	says := map[Offered]string{
		Live:         "the org tells of changes as they happen; polling goes on",
		NotOffered:   "the org does not tell of changes; polling alone finds them",
		NotPermitted: "Cordon's user may not be told of changes; polling alone finds them",
	}
	if says[now] == "" {
		return
	}
	t.s.Log.Info(says[now], "tenant", t.s.Tenant, "object", t.object)
}

func (t *topic) follow(ctx context.Context) error {
	name := "/data/" + t.object + "ChangeEvent"
	if err := t.s.feed.Topic(ctx, name); err != nil {
		return err
	}
	h, err := ReadHeard(ctx, t.s.Things, t.s.Tenant, t.object)
	if err != nil {
		return fmt.Errorf("read how far events were dealt with: %w", err)
	}
	t.mu.Lock()
	t.Heard, t.polls, t.kept = h, 0, t.s.Now()
	t.mu.Unlock()
	return t.s.feed.Follow(ctx, name, h.Replay, t.batch)
}

// lose starts again with what comes now, since the org no longer has what lies between.
func (t *topic) lose(ctx context.Context) error {
	t.s.Log.Warn("the org no longer has the events since the last one; a poll finds what they were about", "tenant", t.s.Tenant, "object", t.object)
	t.mu.Lock()
	t.polls = 0
	t.mu.Unlock()
	err := t.commit(ctx, nil, nil, func(h *Heard) { h.Replay, h.Gaps = nil, h.Gaps+1 })
	t.s.wake()
	return err
}

// quietly is how long a place behind no events of ours may stay uncommitted: well within the
// 72 hours for which the org has it.
const quietly = time.Hour

// batch deals with what one message told.
func (t *topic) batch(ctx context.Context, b salesforce.ChangeBatch) error {
	if b.Down {
		t.stand(Broken)
		return nil
	}
	t.stand(Live)
	gap, ids := b.Gap, []string(nil)
	for _, e := range b.Events {
		if e.Gap() {
			gap = true
		} else if strings.EqualFold(e.Entity, t.object) {
			ids = append(ids, e.Records...)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if gap {
		t.mu.Lock()
		t.polls = 0 // what a poll now finds was not missed in silence
		t.mu.Unlock()
	}
	files, err := t.s.named(ctx, t.object, ids)
	if err != nil {
		return err
	}
	t.mu.Lock()
	due := len(b.Events) > 0 || gap || !slices.Equal(b.Replay, t.Replay) && t.s.Now().Sub(t.kept) >= quietly
	for _, e := range b.Events {
		if e.At.After(t.newest) {
			t.newest = e.At
		}
		t.told = t.s.Now()
	}
	t.mu.Unlock()
	if !due {
		return nil
	}
	for ; len(files) > t.s.Batch; files = files[t.s.Batch:] {
		if err := t.commit(ctx, files[:t.s.Batch], nil, func(*Heard) {}); err != nil {
			return err
		}
	}
	err = t.commit(ctx, files, ids, func(h *Heard) {
		h.Replay = b.Replay
		if gap {
			h.Gaps++
		}
	})
	if err == nil && gap {
		t.s.wake()
	}
	return err
}

// commit has files observed, and what was heard edited, in one transaction. ids are what
// events have named by then.
func (t *topic) commit(ctx context.Context, files []File, ids []string, edit func(*Heard)) error {
	files, _ = stored(files)
	for range manyTries {
		sightings, err := t.s.look(ctx, files)
		if err != nil {
			return err
		}
		switch err := t.note(ctx, sightings, ids, edit); {
		case err == nil:
			return nil
		case !errors.Is(err, cordon.ErrConflict):
			return err
		}
		// A poll observed one of them at the same time: look again.
	}
	return fmt.Errorf("%w: others keep observing the same files", cordon.ErrConflict)
}

func (t *topic) note(ctx context.Context, sightings []cordon.Sighting, ids []string, edit func(*Heard)) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	h := t.Heard
	t.mu.Unlock()
	h.Events += int64(len(ids))
	for _, s := range sightings {
		if s.New {
			h.First++
		}
	}
	edit(&h)
	move, err := t.s.stand(t.of, standing, standing, h, map[string]any{"lane": "events", "rows": len(sightings)})
	if err != nil {
		return err
	}
	if err := t.s.Line.Note(ctx, sightings, move); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Heard, t.kept = h, t.s.Now()
	for id, at := range t.heard {
		if t.kept.Sub(at) > max(t.s.grace, time.Minute) {
			delete(t.heard, id)
		}
	}
	for _, id := range ids {
		t.heard[id] = t.kept
		delete(t.waiting, id)
	}
	return nil
}

// named returns what the org has of the records with the ids, the recycle bin included.
func (l lister) named(ctx context.Context, object string, ids []string) (files []File, err error) {
	for some := range slices.Chunk(ids, min(mostIDs, l.Page)) { // a list ends with its first page
		page, err := l.listed(ctx, object, "Id", some, true)
		if err != nil {
			return nil, fmt.Errorf("ask for what events named: %w", err)
		}
		files = append(files, page...)
	}
	return files, nil
}
