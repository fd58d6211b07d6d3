package events

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// BackfillConfig is a Config and what only a Backfill needs.
type BackfillConfig struct {
	Config
	// Name tells the backfills of one tenant apart; see CheckName. Required.
	Name string
	// Ceiling is the part of the daily calls, used by everybody, at which it stops so that
	// others can work. Default: 0.8.
	Ceiling float64
}

// Backfill goes through what an org holds, oldest first, as a Plan says. Its methods are safe
// for concurrent use.
type Backfill struct {
	*looker
	of      cordon.Ref // the plan
	at      cordon.Ref // how far it has come
	ceiling float64

	running sync.Mutex // one Run at a time
}

// NewBackfill returns a Backfill that goes on where the committed one stands.
func NewBackfill(c BackfillConfig) *Backfill {
	if c.Ceiling <= 0 {
		c.Ceiling = 0.8
	}
	b := &Backfill{looker: newLooker(c.Config.withDefaults(), "backfill", cordon.ModeBackfill), ceiling: c.Ceiling}
	b.of = cordon.Ref{Tenant: c.Tenant, Kind: cordon.KindBackfill, ID: cordon.ID(c.Name)}
	b.at = b.setting("backfill-" + c.Name)
	return b
}

// Errors that end a Run early. Everything committed so far stands.
var (
	// ErrStopped means that somebody has ended the backfill.
	ErrStopped = errors.New("the backfill was stopped")
	// ErrNight means that it is day, and the plan allows no calls then.
	ErrNight = errors.New("the backfill waits for its window")
	// ErrElsewhere means that another process runs the same backfill.
	ErrElsewhere = errors.New("another process runs this backfill")
)

// Progress returns how far the backfill has come; cordon.ErrNotFound if none was started.
func (b *Backfill) Progress(ctx context.Context) (p Progress, err error) {
	thing, plan, err := b.plan(ctx)
	if p.State, p.Plan = thing.State, plan; err != nil {
		return p, err
	}
	thing, err = b.Things.Thing(ctx, b.at)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(thing.Value, &p); err != nil {
		return p, fmt.Errorf("read how far %s has come: %w", b.of, err)
	}
	return p, nil
}

// standing is the change that says how far it has come. Each names the one before, so that
// of two processes that run the same backfill only one goes on.
func (b *Backfill) standing(p *Progress) (cordon.Change, error) {
	p.At = b.Now().UTC()
	from, facts := batchState(p.Batches), map[string]any{"lane": b.lane, "state": string(p.State), "files": p.Taken}
	if p.Batches == 0 {
		from = ""
	}
	p.Batches++
	if p.Waiting != nil {
		facts["waits"] = string(p.Waiting.Why)
	}
	return b.stand(b.at, from, batchState(p.Batches), p, facts)
}

func batchState(n int64) cordon.State { return cordon.State("batch-" + strconv.FormatInt(n, 10)) }

// save commits how far it has come with what was seen, if the backfill still is in the state
// from. It moves the backfill to the state of p.
func (b *Backfill) save(ctx context.Context, from cordon.State, p *Progress, sightings []cordon.Sighting) error {
	next := *p
	stand, err := b.standing(&next)
	if err != nil {
		return err
	}
	guard := cordon.Change{Of: b.of, From: from, To: p.State, Entries: []cordon.Entry{
		cordon.NewEntry(cordon.EntrySetting, b.of, b.Now().UTC(), cordon.Cordon, map[string]any{"lane": b.lane, "state": string(p.State)})}}
	if err := b.Line.Note(ctx, sightings, guard, stand); err != nil {
		return err
	}
	*p = next
	return nil
}

// Run carries the backfill out from where it stands, until it is done. It ends early with
// ErrPaused, ErrStopped, ErrBudget, ErrNight or ErrElsewhere, when ctx ends, or when the org
// is away; unless it was stopped, Run again goes on.
func (b *Backfill) Run(ctx context.Context) (Progress, error) {
	b.running.Lock()
	defer b.running.Unlock()
	p, err := b.Progress(ctx)
	if err != nil {
		return p, err
	}
	if err := turned(p.State); err != nil || p.State == Done {
		return p, err
	}
	p.resumed(b.Now())
	spent := p.Calls
	if err = b.run(ctx, &p); err != nil && !errors.Is(err, ErrElsewhere) {
		err = errors.Join(err, b.leave(ctx, &p, err, p.Calls != spent))
	}
	return p, err
}

// turned is the error that a person's turn of the state means to a run.
func turned(s cordon.State) error {
	switch s {
	case Paused:
		return ErrPaused
	case Stopped:
		return ErrStopped
	}
	return nil
}

func (b *Backfill) run(ctx context.Context, p *Progress) error {
	for fresh := false; ; fresh = true {
		object, more := p.Estimate.object(p.Object)
		if !more {
			break
		}
		files, err := b.next(ctx, p, object, fresh)
		if err != nil {
			return err
		}
		end := len(files) < b.Page
		for batch := range slices.Chunk(files, b.Batch) {
			if err := b.batch(ctx, p, batch); err != nil {
				return err
			}
		}
		p.Lists++
		if end {
			p.Object, p.Place = p.Object+1, place{}
		}
	}
	for len(p.Later) > 0 {
		if err := b.again(ctx, p); err != nil {
			return err
		}
	}
	p.State, p.Ahead, p.Ended = Done, 0, b.Now().UTC()
	p.goesOn(b.Now())
	err := b.save(ctx, Running, p, nil)
	if err != nil {
		p.State = Running
		return b.because(ctx, p, err)
	}
	return nil
}

// ready reads the plan again, since people may have changed it, and reports what forbids to
// go on with so many calls. With fresh the org has told lately how many calls are used.
func (b *Backfill) ready(ctx context.Context, p *Progress, calls int64, fresh bool) error {
	thing, plan, err := b.plan(ctx)
	state := thing.State
	if err != nil {
		return err
	}
	p.State, p.Plan = state, plan
	if err := turned(state); err != nil {
		return err
	}
	rate, err := plan.rate(b.Now())
	if err != nil {
		return err
	}
	b.pace.set(rate, plan.Workers)
	if err := b.afford(*p, calls, fresh); err != nil || p.Ahead > 0 {
		return err
	}
	// From here on this process may make calls that it does not live to book.
	begun := *p
	begun.Ahead = int64(b.Batch) + 1
	if err := b.save(ctx, Running, &begun, nil); err != nil {
		return b.because(ctx, p, err)
	}
	*p = begun
	return nil
}

// next lists the files behind the place.
func (b *Backfill) next(ctx context.Context, p *Progress, object ObjectEstimate, fresh bool) ([]File, error) {
	if err := b.ready(ctx, p, 1, fresh); err != nil {
		return nil, err
	}
	where := p.Filter.where(object.Object)
	if !object.Last.IsZero() {
		where = append(where, "CreatedDate <= "+object.Last.UTC().Format(soqlLayout))
	}
	return b.list(ctx, p, query{object: object.Object, field: "CreatedDate", where: where}, p.Place)
}

// list is page, booked.
func (b *Backfill) list(ctx context.Context, p *Progress, q query, from place) ([]File, error) {
	before, began := b.calls.Load(), time.Now()
	files, err := b.page(ctx, q, from)
	p.spend(b.Now(), b.calls.Load()-before)
	p.Worked += time.Since(began)
	return files, err
}

// batch has files looked at and commits them with how far that is.
func (b *Backfill) batch(ctx context.Context, p *Progress, batch []File) error {
	next := *p
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
	if err := b.ready(ctx, p, int64(len(take)), true); err != nil {
		return err
	}
	next.State, next.Plan = p.State, p.Plan
	return b.commit(ctx, b.looker, p, next, take, func(done *Progress, s []cordon.Sighting, took time.Duration) {
		done.add(take, s)
		done.timed(len(take), took)
	})
}

// commit has files looked at and commits what done makes of next. On an error p has only the
// calls that were made.
func (b *Backfill) commit(ctx context.Context, l *looker, p *Progress, next Progress, take []File, book func(*Progress, []cordon.Sighting, time.Duration)) error {
	began, at := time.Now(), b.Now()
	for range manyTries {
		before := b.calls.Load()
		sightings, err := l.look(ctx, take)
		spent := b.calls.Load() - before
		p.spend(b.Now(), spent)
		next.spend(b.Now(), spent)
		if err != nil {
			return err
		}
		done := next
		done.goesOn(at)
		book(&done, sightings, time.Since(began))
		done.Ahead = int64(b.Batch) + 1
		err = b.save(ctx, Running, &done, sightings)
		if errors.Is(err, cordon.ErrConflict) {
			// It was paused or stopped meanwhile: what was read counts all the same.
			if err = b.because(ctx, p, err); errors.Is(err, ErrPaused) || errors.Is(err, ErrStopped) {
				done.State, done.Ahead = p.State, 0
				if late := b.save(ctx, p.State, &done, sightings); late == nil {
					*p = done
				}
				return err
			}
		}
		switch {
		case err == nil:
			*p = done
			return nil
		case !errors.Is(err, cordon.ErrConflict):
			return err
		}
		// Somebody else observed one of the files.
	}
	return fmt.Errorf("%w: others keep observing the same files", cordon.ErrConflict)
}

// because finds out why a commit met a conflict: ErrPaused, ErrStopped, ErrElsewhere, or the
// conflict itself.
func (b *Backfill) because(ctx context.Context, p *Progress, err error) error {
	if !errors.Is(err, cordon.ErrConflict) {
		return err
	}
	now, err2 := b.Progress(ctx)
	switch {
	case err2 != nil:
		return err2
	case now.Batches != p.Batches:
		return ErrElsewhere
	}
	p.State, p.Plan = now.State, now.Plan
	if turn := turned(now.State); turn != nil {
		return turn
	}
	return err
}

// leave commits why a run has ended and what it had spent since its last batch. Where that
// cannot be, the next process finds Ahead and books that.
func (b *Backfill) leave(ctx context.Context, p *Progress, why error, spent bool) error {
	now := b.Now()
	var reason Why
	var until time.Time
	var wait waitError
	switch {
	case errors.Is(why, ErrPaused), errors.Is(why, ErrStopped):
		p.goesOn(p.Turned) // it is counted as a pause from there
	case errors.Is(why, ErrNight):
		reason = WaitNight
	case errors.Is(why, ErrBudget):
		reason = WaitBudget
	case ctx.Err() != nil:
		reason = WaitDown
	default:
		reason = WaitAway
	}
	if errors.As(why, &wait) {
		until = wait.until
	}
	ended := turned(p.State) != nil && p.Ahead == 0
	same := p.Waiting != nil && p.Waiting.Why == reason && p.Waiting.Until.Equal(until) && p.Ahead == 0
	if !spent && (ended || same) {
		return nil
	}
	if reason != "" {
		p.waits(reason, now, until.UTC())
	}
	p.Ahead = 0
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := b.save(ctx, p.State, p, nil)
	if errors.Is(err, cordon.ErrConflict) {
		return nil // somebody turned it; Ahead tells the rest
	}
	return err
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

// afford reports ErrBudget if the next calls would go beyond Cordon's share of the day, or
// leave others too little. Until the org has said how many calls a day has, all is allowed;
// and what it said long ago stops nobody from asking once.
func (b *Backfill) afford(p Progress, calls int64, fresh bool) error {
	u, now := b.Source.Usage(), b.Now()
	p.day(now)
	if u.Limit <= 0 { // not said to this process, but perhaps when it was estimated
		u.Limit = p.Estimate.DailyCalls
	}
	if u.Limit <= 0 {
		return nil
	}
	if float64(p.DayCalls+calls) > p.Share*float64(u.Limit) {
		tomorrow := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		return waitError{fmt.Errorf("%w: %d of %d a day by this backfill today", ErrBudget, p.DayCalls, u.Limit), tomorrow}
	}
	if fresh && float64(u.Used+calls) > b.ceiling*float64(u.Limit) {
		return fmt.Errorf("%w: %d of %d used by all", ErrBudget, u.Used, u.Limit)
	}
	return nil
}
