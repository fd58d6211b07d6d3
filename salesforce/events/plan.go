package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/cordonhq/cordon"
)

// States of a backfill. Done and Stopped are the end.
const (
	Running cordon.State = "running"
	Paused  cordon.State = "paused"
	Stopped cordon.State = "stopped"
	Done    cordon.State = "done"
)

// Ended reports whether a backfill in the state never goes on.
func Ended(s cordon.State) bool { return s == Done || s == Stopped }

// Plan is what people have said of a backfill: what it goes through, and how fast. Only they
// write it; how far it has come is a Progress, which only the process writes that runs it.
type Plan struct {
	Filter Filter `json:"filter"`
	// Share is the part of the org's daily API calls that the backfill may use. Default: 0.2.
	Share float64 `json:"share"`
	// Workers is the number of files read at a time, 1 to 64. Default: 4.
	Workers int `json:"workers"`
	// Rate is how many API calls a second it makes at most. Default: 0, as many as it can.
	Rate float64 `json:"rate,omitempty"`
	// Night, if set, is when it goes at its full pace.
	Night *Night `json:"night,omitempty"`

	Estimate Estimate  `json:"estimate"` // made by Start
	Started  time.Time `json:"started"`
	Turned   time.Time `json:"turned"` // when its state was last changed by a person
	Pauses   Waited    `json:"pauses"` // by people, without one that has not ended
}

const mostWorkers = 64

func (p *Plan) check() error {
	if p.Share == 0 {
		p.Share = 0.2
	}
	if p.Workers == 0 {
		p.Workers = 4
	}
	switch {
	case p.Share < 0 || p.Share > 1:
		return fmt.Errorf("%w: a share of %g of the org's daily API calls; it is more than 0 and at most 1", cordon.ErrInvalid, p.Share)
	case p.Workers < 0 || p.Workers > mostWorkers:
		return fmt.Errorf("%w: %d files at a time; between 1 and %d are possible", cordon.ErrInvalid, p.Workers, mostWorkers)
	case p.Rate < 0:
		return fmt.Errorf("%w: a rate of %g API calls a second", cordon.ErrInvalid, p.Rate)
	}
	if p.Night != nil {
		if err := p.Night.check(); err != nil {
			return err
		}
	}
	return p.Filter.check()
}

var backfillName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// CheckName reports whether a backfill may have the name. It is part of the ledger and of
// addresses, so it is short and names nobody.
func CheckName(name string) error {
	if !backfillName.MatchString(name) {
		return fmt.Errorf("%w: %.60q is no name for a backfill: up to 40 small letters, digits and '-', such as \"2026-first-half\"", cordon.ErrInvalid, name)
	}
	return nil
}

// Estimate says what a backfill would meet and cost. It reads counts and no file.
func (b *Backfill) Estimate(ctx context.Context, p Plan) (Estimate, error) {
	if err := p.check(); err != nil {
		return Estimate{}, err
	}
	return b.estimate(ctx, p)
}

// Start records a backfill, from its beginning; Run carries it out. A name is given once:
// that another had it is cordon.ErrConflict.
func (b *Backfill) Start(ctx context.Context, plan Plan, by cordon.Actor) (Progress, error) {
	if err := errors.Join(CheckName(string(b.of.ID)), plan.check()); err != nil {
		return Progress{}, err
	}
	if _, err := b.Things.Thing(ctx, b.of); err == nil {
		return Progress{}, fmt.Errorf("%w: there is a backfill %s already; give the new one another name", cordon.ErrNotNow, b.of.ID)
	} else if !errors.Is(err, cordon.ErrNotFound) {
		return Progress{}, err
	}
	before := b.calls.Load()
	estimate, err := b.estimate(ctx, plan)
	if err != nil {
		return Progress{}, err
	}
	now := b.Now().UTC()
	plan.Estimate, plan.Started, plan.Turned, plan.Pauses = estimate, now, now, Waited{}
	p := Progress{State: Running, Plan: plan, At: now}
	p.spend(now, b.calls.Load()-before)
	move, err := b.act("start", cordon.Thing{}, Running, &plan, by)
	if err != nil {
		return p, err
	}
	stand, err := b.standing(&p)
	if err != nil {
		return p, err
	}
	return p, b.Line.Note(ctx, nil, move, stand)
}

// Pause makes Run end after its batch, here and in any other process.
func (b *Backfill) Pause(ctx context.Context, by cordon.Actor) error {
	return b.turn(ctx, "pause", by, Paused, Running)
}

// Resume lets Run go on. That it was not paused is cordon.ErrConflict.
func (b *Backfill) Resume(ctx context.Context, by cordon.Actor) error {
	return b.turn(ctx, "resume", by, Running, Paused)
}

// Stop ends the backfill for good. What it has looked at stays on record.
func (b *Backfill) Stop(ctx context.Context, by cordon.Actor) error {
	return b.turn(ctx, "stop", by, Stopped, Running, Paused)
}

// Pace says how fast a backfill goes.
type Pace struct {
	Share, Rate float64
	Workers     int
	Night       *Night
}

// SetPace changes how fast the backfill goes, from its next batch on, or at once where Heed is called.
func (b *Backfill) SetPace(ctx context.Context, pace Pace, by cordon.Actor) error {
	return b.insist(func() error { return b.setPace(ctx, pace, by) })
}

// Heed has a Run of the same value follow the pace that people have set since, also in the midst of a
// batch: at a slow one a batch takes hours.
func (b *Backfill) Heed(ctx context.Context) error {
	_, plan, err := b.plan(ctx)
	if err != nil {
		return err
	}
	rate, err := plan.rate(b.Now())
	if err != nil {
		return nil // it is day or the calls are used up: what Run does after the batch is its own affair
	}
	b.pace.set(rate, plan.Workers)
	return nil
}

// insist does what a person wants of a backfill, however often its batches come in between: each of
// them is a version of its own. That somebody else has turned it meanwhile is found by do, which
// reads it anew.
func (b *Backfill) insist(do func() error) (err error) {
	for range manyTries {
		if err = do(); !errors.Is(err, cordon.ErrConflict) || errors.Is(err, cordon.ErrNotNow) {
			return err
		}
	}
	return err
}

func (b *Backfill) setPace(ctx context.Context, pace Pace, by cordon.Actor) error {
	thing, plan, err := b.plan(ctx)
	state := thing.State
	if err != nil {
		return err
	}
	if Ended(state) {
		return fmt.Errorf("%w: the backfill is %s", cordon.ErrNotNow, state)
	}
	plan.Share, plan.Rate, plan.Workers, plan.Night = pace.Share, pace.Rate, pace.Workers, pace.Night
	if err := plan.check(); err != nil {
		return err
	}
	move, err := b.act("pace", thing, state, &plan, by)
	if err != nil {
		return err
	}
	return b.Line.Note(ctx, nil, move)
}

// turn moves the state and leaves how far it has come as it is.
func (b *Backfill) turn(ctx context.Context, act string, by cordon.Actor, to cordon.State, from ...cordon.State) error {
	return b.insist(func() error { return b.turnOnce(ctx, act, by, to, from) })
}

func (b *Backfill) turnOnce(ctx context.Context, act string, by cordon.Actor, to cordon.State, from []cordon.State) error {
	thing, plan, err := b.plan(ctx)
	state := thing.State
	if err != nil {
		return err
	}
	for _, f := range from {
		if f != state {
			continue
		}
		now := b.Now().UTC()
		if state == Paused {
			plan.Pauses.add(now.Sub(plan.Turned))
		}
		plan.Turned = now
		move, err := b.act(act, thing, to, &plan, by)
		if err != nil {
			return err
		}
		return b.Line.Note(ctx, nil, move)
	}
	return fmt.Errorf("%w: the backfill %s is %s", cordon.ErrNotNow, b.of.ID, state)
}

// act is the change by which a person moves a backfill.
func (b *Backfill) act(act string, was cordon.Thing, to cordon.State, plan *Plan, by cordon.Actor) (cordon.Change, error) {
	value, err := json.Marshal(plan)
	return cordon.Change{Of: b.of, From: was.State, To: to, Value: value, Version: was.Version, Entries: []cordon.Entry{
		cordon.NewEntry(cordon.EntrySetting, b.of, b.Now().UTC(), by, map[string]any{"setting": "backfill", "act": act})}}, err
}

// plan reads where the backfill stands and what people have said of it.
func (b *Backfill) plan(ctx context.Context) (cordon.Thing, Plan, error) {
	thing, err := b.Things.Thing(ctx, b.of)
	if err != nil {
		return thing, Plan{}, err
	}
	p, err := ReadPlan(thing)
	return thing, p, err
}

// ReadPlan reads the plan out of a thing of cordon.KindBackfill.
func ReadPlan(thing cordon.Thing) (p Plan, err error) {
	if err := json.Unmarshal(thing.Value, &p); err != nil {
		return p, fmt.Errorf("read the plan of %s: %w", thing.Ref, err)
	}
	return p, nil
}
