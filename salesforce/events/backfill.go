package events

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// BackfillConfig is a Config and what only a Backfill needs.
type BackfillConfig struct {
	Config
	// Name tells several backfills of one tenant apart. Default: backfill.
	Name string
	// Share is the part of the org's daily API calls that the backfill may use. Default: 0.2.
	Share float64
	// Ceiling is the part of the daily calls, used by everybody, at which it stops so that
	// others can work. Default: 0.8.
	Ceiling float64
}

// States of a backfill.
const (
	Running cordon.State = "running"
	Paused  cordon.State = "paused"
	Done    cordon.State = "done"
)

// Progress is how far a backfill has come. It is committed with every batch, so a new
// process goes on from it.
type Progress struct {
	State    cordon.State `json:"-"`
	Filter   Filter       `json:"filter"`
	Estimate Estimate     `json:"estimate"`
	Started  time.Time    `json:"started"`

	Listed      int   `json:"listed"` // files that match the filter and were passed
	Taken       int   `json:"taken"`  // of these, looked at or known already
	Observed    int   `json:"observed"`
	WouldHold   int   `json:"would_hold"` // of these, what the policy would have kept back
	Known       int   `json:"known"`
	Gone        int   `json:"gone"`
	NotReadable int   `json:"not_readable"`
	Elsewhere   int   `json:"elsewhere"`
	Bytes       int64 `json:"bytes"`
	Calls       int64 `json:"calls"`

	Object int   `json:"object"` // index in Estimate.Objects
	Place  place `json:"place"`

	Day      string `json:"day"`       // UTC date of DayCalls
	DayCalls int64  `json:"day_calls"` // API calls of this backfill on that day
}

// Pace is how fast a backfill goes in this process and how long it may still take. Rates
// are unknown (zero) until three batches are done.
type Pace struct {
	FilesPerSecond float64
	// Least and Most bound the time left, by the fastest and the slowest of late batches.
	Least, Most time.Duration
}

// Backfill goes through what an org holds, oldest first. Its methods are safe for concurrent
// use.
type Backfill struct {
	*looker
	of      cordon.Ref
	share   float64
	ceiling float64

	running sync.Mutex // one Run at a time
	mu      sync.Mutex
	late    []float64 // files per second of late batches
}

// NewBackfill returns a Backfill that goes on where the committed one stands.
func NewBackfill(c BackfillConfig) *Backfill {
	if c.Name == "" {
		c.Name = "backfill"
	}
	if c.Share <= 0 {
		c.Share = 0.2
	}
	if c.Ceiling <= 0 {
		c.Ceiling = 0.8
	}
	b := &Backfill{looker: newLooker(c.Config.withDefaults(), "backfill", cordon.ModeBackfill), share: c.Share, ceiling: c.Ceiling}
	b.of = b.setting(c.Name)
	return b
}

// Estimate says what a backfill would meet and cost. It reads counts and no file.
func (b *Backfill) Estimate(ctx context.Context, f Filter) (Estimate, error) {
	return b.estimate(ctx, f, b.share)
}

// Start records a backfill, from its beginning; Run carries it out. It is an error if one of
// the name is running or paused.
func (b *Backfill) Start(ctx context.Context, f Filter) (Progress, error) {
	was, err := b.Progress(ctx)
	switch {
	case errors.Is(err, cordon.ErrNotFound):
	case err != nil:
		return was, err
	case was.State != Done:
		return was, fmt.Errorf("%w: the backfill is %s; resume it, or give the new one another name", cordon.ErrConflict, was.State)
	}
	p := Progress{State: Running, Filter: f, Started: b.Now().UTC()}
	before := b.calls.Load()
	if p.Estimate, err = b.estimate(ctx, f, b.share); err != nil {
		return p, err
	}
	p.spend(b.Now(), b.calls.Load()-before)
	return p, b.save(ctx, was.State, Running, p, nil)
}

// Progress returns how far the backfill has come; cordon.ErrNotFound if none was started.
func (b *Backfill) Progress(ctx context.Context) (Progress, error) {
	thing, err := b.Things.Thing(ctx, b.of)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{State: thing.State}
	if err := json.Unmarshal(thing.Value, &p); err != nil {
		return p, fmt.Errorf("read how far %s has come: %w", b.of, err)
	}
	return p, nil
}

// Pause makes Run end after its batch, here and in any other process.
func (b *Backfill) Pause(ctx context.Context) error { return b.turn(ctx, Running, Paused) }

// Resume lets Run go on. That it was not paused is cordon.ErrConflict.
func (b *Backfill) Resume(ctx context.Context) error { return b.turn(ctx, Paused, Running) }

// turn moves the state and leaves how far it has come as it is.
func (b *Backfill) turn(ctx context.Context, from, to cordon.State) error {
	return b.Line.Note(ctx, nil, cordon.Change{Of: b.of, From: from, To: to, Entries: []cordon.Entry{
		cordon.NewEntry(cordon.EntrySetting, b.of, b.Now().UTC(), cordon.Cordon, map[string]any{"lane": b.lane, "state": string(to)})}})
}

func (b *Backfill) save(ctx context.Context, from, to cordon.State, p Progress, sightings []cordon.Sighting) error {
	move, err := b.stand(b.of, from, to, p, map[string]any{"lane": b.lane, "state": string(to), "files": p.Taken})
	if err != nil {
		return err
	}
	return b.Line.Note(ctx, sightings, move)
}

// Run carries the backfill out from where it stands, until it is done. It ends early with
// ErrPaused, ErrBudget, when ctx ends, or when the org is away; Run again goes on.
func (b *Backfill) Run(ctx context.Context) (Progress, error) {
	b.running.Lock()
	defer b.running.Unlock()
	p, err := b.Progress(ctx)
	if err != nil {
		return p, err
	}
	switch p.State {
	case Done:
		return p, nil
	case Paused:
		return p, ErrPaused
	}
	for {
		object, more := p.Estimate.object(p.Object)
		if !more {
			p.State = Done
			return p, b.save(ctx, Running, Done, p, nil)
		}
		files, err := b.next(ctx, &p, object)
		if err != nil {
			return p, err
		}
		end := len(files) < b.Page
		for batch := range slices.Chunk(files, b.Batch) {
			if p, err = b.batch(ctx, p, batch); err != nil {
				return p, err
			}
		}
		if end {
			p.Object, p.Place = p.Object+1, place{}
		}
	}
}

// next lists the files behind the place.
func (b *Backfill) next(ctx context.Context, p *Progress, object ObjectEstimate) ([]File, error) {
	if err := b.afford(*p, 1); err != nil {
		return nil, err
	}
	where := p.Filter.where(object.Object)
	if !object.Last.IsZero() {
		where = append(where, "CreatedDate <= "+object.Last.UTC().Format(soqlLayout))
	}
	before := b.calls.Load()
	files, err := b.page(ctx, query{object: object.Object, field: "CreatedDate", where: where}, p.Place)
	p.spend(b.Now(), b.calls.Load()-before)
	return files, err
}

// batch has files looked at and commits them with how far that is.
func (b *Backfill) batch(ctx context.Context, p Progress, batch []File) (Progress, error) {
	next := p
	var take []File
	for _, f := range batch {
		if next.takes(f) {
			take = append(take, f)
		}
		next.Listed++
	}
	last := batch[len(batch)-1]
	next.Place = place{At: last.Created, ID: last.ID}
	take, elsewhere := stored(take)
	next.Elsewhere += elsewhere
	if err := b.afford(next, int64(len(take))); err != nil {
		return p, err
	}
	began := time.Now()
	for range manyTries {
		before := b.calls.Load()
		sightings, err := b.look(ctx, take)
		spent := b.calls.Load() - before
		next.spend(b.Now(), spent)
		if err != nil {
			p.spend(b.Now(), spent)
			return p, err
		}
		done := next
		done.add(take, sightings)
		switch err := b.save(ctx, Running, Running, done, sightings); {
		case err == nil:
			b.timed(len(take), time.Since(began))
			return done, nil
		case !errors.Is(err, cordon.ErrConflict):
			return p, err
		}
		// It was paused meanwhile, or somebody else observed one of the files.
		if now, err := b.Progress(ctx); err != nil {
			return p, err
		} else if now.State != Running {
			return now, ErrPaused
		}
	}
	return p, fmt.Errorf("%w: others keep observing the same files", cordon.ErrConflict)
}

// takes decides whether the next listed file belongs to the sample. Each file is as likely
// as any other, and exactly as many are taken as were asked for (Knuth's Algorithm S, with
// numbers that depend on nothing but the seed and the file).
func (p *Progress) takes(f File) bool {
	want, left := p.Estimate.Take-p.Taken, p.Estimate.Files-p.Listed
	if p.Filter.Sample <= 0 || p.Filter.Sample >= p.Estimate.Files {
		p.Taken++
		return true
	}
	if want <= 0 {
		return false
	}
	if float64(max(1, left))*chance(p.Filter.Seed, f.ID) >= float64(want) {
		return false
	}
	p.Taken++
	return true
}

// chance is a number in [0, 1) for a file.
func chance(seed uint64, id string) float64 {
	h := sha256.New()
	binary.Write(h, binary.BigEndian, seed)
	h.Write([]byte(id))
	return float64(binary.BigEndian.Uint64(h.Sum(nil))>>11) / (1 << 53)
}

func (p *Progress) add(files []File, sightings []cordon.Sighting) {
	var s Seen
	s.count(files, sightings)
	p.Observed, p.Known, p.Gone, p.NotReadable = p.Observed+s.Observed, p.Known+s.Known, p.Gone+s.Gone, p.NotReadable+s.NotReadable
	p.WouldHold, p.Bytes = p.WouldHold+s.WouldHold, p.Bytes+s.Bytes
}

// spend books API calls.
func (p *Progress) spend(now time.Time, calls int64) {
	if day := now.UTC().Format(time.DateOnly); day != p.Day {
		p.Day, p.DayCalls = day, 0
	}
	p.Calls, p.DayCalls = p.Calls+calls, p.DayCalls+calls
}

// afford reports ErrBudget if the next calls would go beyond Cordon's share of the day, or
// leave others too little. Until the org has said how many calls a day has, all is allowed.
func (b *Backfill) afford(p Progress, calls int64) error {
	u := b.Source.Usage()
	if p.Day != b.Now().UTC().Format(time.DateOnly) {
		p.DayCalls = 0
	}
	if u.Limit > 0 && (float64(p.DayCalls+calls) > b.share*float64(u.Limit) || float64(u.Used+calls) > b.ceiling*float64(u.Limit)) {
		return fmt.Errorf("%w: %d of %d used by all, %d of them by this backfill today", ErrBudget, u.Used, u.Limit, p.DayCalls)
	}
	return nil
}

// lateBatches is how many batches a Pace looks at.
const lateBatches = 20

func (b *Backfill) timed(files int, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if files == 0 || took <= 0 {
		return
	}
	b.late = append(b.late, float64(files)/took.Seconds())
	b.late = b.late[max(0, len(b.late)-lateBatches):]
}

// Pace tells how fast it goes and what that means for what is left.
func (b *Backfill) Pace(p Progress) Pace {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.late) < 3 {
		return Pace{}
	}
	var sum float64
	for _, r := range b.late {
		sum += r
	}
	left := float64(max(0, p.Estimate.Take-p.Taken))
	after := func(rate float64) time.Duration { return time.Duration(left / rate * float64(time.Second)) }
	return Pace{FilesPerSecond: sum / float64(len(b.late)), Least: after(slices.Max(b.late)), Most: after(slices.Min(b.late))}
}
