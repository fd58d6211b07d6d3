package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
)

// Overlap is how far a poll reads back behind what it has read.
//
// The org stamps a record when its transaction writes it and shows it when the transaction
// ends, and its servers' clocks differ: a record can turn up behind others that are younger.
// A transaction lasts ten minutes at most.
const Overlap = 15 * time.Minute

// Poller follows one org by SystemModstamp. One Poll runs at a time; use it from one
// goroutine.
type Poller struct {
	*looker
	overlap time.Duration
	since   time.Time
	fromNow bool
	// recent remembers versions that are on record, within the overlap, so that reading
	// back asks nobody. It may forget.
	recent map[string]recent

	status status

	learns    bool
	named     []string  // integrations, by id or user name
	given     []string  // integrations of the Config
	learnedAt time.Time // when the org was last asked for more

	unread      Unread
	places      Places
	known       Known
	linksListed bool        // the org lists links by time
	refusedAt   time.Time   // when it last did not
	fresh       []string    // documents seen in this poll
	events      *Subscriber // nil: nothing is told
}

type recent struct {
	version string
	at      time.Time
}

// PollConfig is a Config and what only a Poller needs.
type PollConfig struct {
	Config
	// Since is where the first poll starts, by the org's clock. Default: at the beginning.
	Since time.Time
	// FromNow starts the first poll at the newest record that the org has then, and commits
	// that at once, so that nothing which comes later is missed. The past is a Backfill's.
	FromNow bool
	// Overlap is how far each poll reads back. Default: 15 minutes.
	Overlap time.Duration
	// Places, if set, is told where files hang. Known, if set as well, lets the poller compare
	// that with the org for all documents on record, round after round.
	Places Places
	Known  Known
	// Learn lets the poller ask the org who its integrations are, twice a day, for two or three
	// calls. Named are further ones, by id or user name.
	Learn bool
	Named []string
	// Unread, if set, lists what could not be read, and it is asked for again.
	Unread Unread
	// Events is told what polling found, so that it knows what events missed, and has it poll
	// at once where events have a gap. Default: there are no events.
	Events *Subscriber
}

// NewPoller returns a Poller that goes on where the committed cursor stands.
func NewPoller(c PollConfig) *Poller {
	if c.Overlap <= 0 {
		c.Overlap = Overlap
	}
	return &Poller{looker: newLooker(c.Config.withDefaults(), "beside", cordon.ModeEvent), overlap: c.Overlap, since: c.Since, fromNow: c.FromNow,
		learns: c.Learn, named: c.Named, unread: c.Unread, places: c.Places, known: c.Known, linksListed: true, recent: map[string]recent{}, events: c.Events}
}

// standing is the one state of a cursor.
const standing cordon.State = "at"

// Poll reads what is new in each object, has it observed, and returns when there is nothing
// more. After an error the next Poll goes on behind what was committed.
func (p *Poller) Poll(ctx context.Context) (seen Seen, err error) {
	began, before := p.Now(), p.calls.Load()
	err = p.all(ctx, &seen)
	seen.Calls = p.calls.Load() - before
	p.status.polled(began, p.Now(), seen, err)
	return seen, err
}

func (p *Poller) all(ctx context.Context, seen *Seen) error {
	p.events.pollBegins()
	if p.learns {
		if err := p.learn(ctx); err != nil {
			return err
		}
	}
	for _, object := range p.Objects {
		if err := p.poll(ctx, object, seen); err != nil {
			return fmt.Errorf("poll %s: %w", object, err)
		}
	}
	if err := p.retryUnread(ctx, seen); err != nil {
		return fmt.Errorf("ask again for what could not be read: %w", err)
	}
	if err := p.pollLinks(ctx, seen); err != nil {
		return fmt.Errorf("poll where files hang: %w", err)
	}
	return p.events.pollEnds(ctx)
}

// Run polls until ctx ends.
func (p *Poller) Run(ctx context.Context, every time.Duration) {
	for {
		if seen, err := p.Poll(ctx); err != nil && ctx.Err() == nil {
			p.Log.Warn("polling was cut short and goes on later", "tenant", p.Tenant, "seen", seen, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-p.events.gap():
		case <-time.After(every):
		}
	}
}

func (p *Poller) poll(ctx context.Context, object string, seen *Seen) error {
	of := p.setting("poll-" + object)
	cursor, err := p.cursor(ctx, of, object)
	if err != nil {
		return err
	}
	from := place{}
	if !cursor.IsZero() {
		from.At = cursor.Add(-p.overlap)
	}
	p.forget(from.At)
	for {
		files, err := p.page(ctx, query{object: object, field: "SystemModstamp", bin: true}, from)
		if err != nil {
			return err
		}
		seen.Listed += len(files)
		if len(files) > 0 {
			p.status.saw(object, files[len(files)-1].Modstamp)
		}
		for batch := range slices.Chunk(files, p.Batch) {
			if cursor, err = p.observe(ctx, of, batch, cursor, seen); err != nil {
				return err
			}
		}
		if len(files) < p.Page {
			return nil
		}
		last := files[len(files)-1]
		from = place{At: last.Modstamp, ID: last.ID}
	}
}

// cursor returns the SystemModstamp up to which everything is on record.
func (p *Poller) cursor(ctx context.Context, of cordon.Ref, object string) (time.Time, error) {
	thing, err := p.Things.Thing(ctx, of)
	if errors.Is(err, cordon.ErrNotFound) && p.fromNow {
		return p.begin(ctx, of, object)
	}
	if errors.Is(err, cordon.ErrNotFound) {
		return p.since, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	var at place
	if err := json.Unmarshal(thing.Value, &at); err != nil {
		return time.Time{}, fmt.Errorf("read the cursor %s: %w", of, err)
	}
	return at.At, nil
}

// begin commits the newest SystemModstamp of the org as the place to start at.
func (p *Poller) begin(ctx context.Context, of cordon.Ref, object string) (at time.Time, err error) {
	err = p.retry(ctx, func() error {
		p.calls.Add(1)
		return p.Source.Query(ctx, "SELECT MAX(SystemModstamp) last FROM "+object, func(record json.RawMessage) error {
			var r struct{ Last *string }
			if err := json.Unmarshal(record, &r); err != nil || r.Last == nil {
				return err // an org without any: at the beginning
			}
			var err error
			at, err = time.Parse(stampLayout, *r.Last)
			return err
		})
	})
	if err != nil {
		return at, fmt.Errorf("ask for the newest %s: %w", object, err)
	}
	move, err := p.stand(of, standing, standing, place{At: at}, map[string]any{"lane": p.lane, "rows": 0})
	if err != nil {
		return at, err
	}
	return at, p.Line.Note(ctx, nil, move)
}

// observe has a batch observed and moves the cursor behind it, in one commit.
func (p *Poller) observe(ctx context.Context, of cordon.Ref, batch []File, cursor time.Time, seen *Seen) (time.Time, error) {
	next := p.behind(batch[len(batch)-1].Modstamp, cursor)
	fresh := slices.DeleteFunc(slices.Clone(batch), func(f File) bool {
		r, known := p.recent[f.ID]
		return known && r.version == f.stamped()
	})
	seen.Known += len(batch) - len(fresh)
	fresh, elsewhere := stored(fresh)
	seen.Elsewhere += elsewhere
	for range manyTries {
		sightings, err := p.look(ctx, fresh)
		if err != nil {
			return cursor, err
		}
		if !changed(sightings) && next.Equal(cursor) {
			p.remember(fresh)
			seen.count(fresh, sightings)
			return cursor, nil
		}
		move, err := p.stand(of, standing, standing, place{At: next}, map[string]any{"lane": p.lane, "rows": len(fresh)})
		if err != nil {
			return cursor, err
		}
		switch err := p.Line.Note(ctx, sightings, move); {
		case err == nil:
			p.remember(fresh)
			p.events.polled(fresh, sightings)
			seen.count(fresh, sightings)
			return next, nil
		case !errors.Is(err, cordon.ErrConflict):
			return cursor, err
		}
		// Somebody else observed one of them at the same time: look again.
	}
	return cursor, fmt.Errorf("%w: others keep observing the same files", cordon.ErrConflict)
}

// behind is where the cursor stands once everything up to a stamp is on record.
func (p *Poller) behind(stamp, cursor time.Time) time.Time {
	// A stamp ahead of time must not carry the cursor past what comes next. If this
	// machine's clock is behind, the cursor lags, and reading back costs more.
	if now := p.Now(); stamp.After(now) {
		stamp = now.UTC().Truncate(time.Millisecond)
	}
	if stamp.Before(cursor) {
		return cursor
	}
	return stamp
}

// stamped tells apart what a list says of a file from what it said before.
func (f File) stamped() string {
	return fmt.Sprint(f.version, f.Deleted, f.Modstamp.UnixNano())
}

// mostRecent bounds the memory of a Poller.
const mostRecent = 100_000

func (p *Poller) remember(files []File) {
	for _, f := range files {
		p.keep(f.ID, recent{f.stamped(), f.Modstamp})
		if f.DocumentID != "" && !f.Deleted && p.places != nil {
			p.fresh = append(p.fresh, f.DocumentID)
		}
	}
}

func (p *Poller) keep(id string, r recent) {
	if len(p.recent) >= mostRecent {
		clear(p.recent)
	}
	p.recent[id] = r
}

// forget drops what lies before the overlap.
func (p *Poller) forget(before time.Time) {
	for id, r := range p.recent {
		if r.at.Before(before) {
			delete(p.recent, id)
		}
	}
}
