package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
	_ "time/tzdata" // a night has a time zone, also where the machine knows none

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/store"
)

// backfills runs what people have started, also after a restart, and answers for it. What is
// to run is in the records, so any node may take it up; a lease sees that one does.
type backfills struct {
	db      *store.DB
	flow    *flow.Flow
	clients map[cordon.TenantID]*salesforce.Client
	costs   []CostConfig
	// integrations names the users whose files count as coming by the API. It asks the org.
	integrations func(context.Context, cordon.TenantID) []string
	log          *slog.Logger

	wake chan struct{}
	mu   sync.Mutex
	runs map[cordon.Ref]chan struct{} // those of this process; a word on the channel wakes one that waits
	done sync.WaitGroup
	// tune, in tests, changes how a backfill works.
	tune func(*events.BackfillConfig)
}

func (a *App) newBackfills(tune func(*events.BackfillConfig)) *backfills {
	return &backfills{db: a.db, flow: a.flow, clients: a.clients, costs: a.conf.Inspect.Costs, integrations: a.integrations, tune: tune, log: a.log,
		wake: make(chan struct{}, 1), runs: map[cordon.Ref]chan struct{}{}}
}

// lookForBackfills is how often a node looks for backfills that it should run: of another node's starting,
// or left behind by one that died.
const lookForBackfills = 15 * time.Second

// mostBackfills is how many of a tenant are looked at, the last that changed.
const mostBackfills = 1000

// How long a backfill waits for an org that does not answer, and for calls that others use.
const (
	awayFirst = 15 * time.Second
	awayMost  = 15 * time.Minute
)

// run runs the backfills until ctx ends, and returns when all of them have.
func (s *backfills) run(ctx context.Context) {
	defer s.done.Wait()
	for ctx.Err() == nil {
		for tenant := range s.clients {
			if err := s.take(ctx, tenant); err != nil && ctx.Err() == nil {
				s.log.Warn("the records did not say which backfills are to run; asked again", "tenant", tenant, "err", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-time.After(lookForBackfills):
		}
	}
}

// take begins what is to run and does not in this process.
func (s *backfills) take(ctx context.Context, tenant cordon.TenantID) error {
	things, err := s.db.Things(ctx, tenant, cordon.KindBackfill, "", mostBackfills)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range things {
		if t.State != events.Running || s.runs[t.Ref] != nil {
			continue
		}
		again := make(chan struct{}, 1)
		s.runs[t.Ref] = again
		s.done.Go(func() {
			// One node at a time: the others find the lease taken and look again later.
			held, err := s.db.Hold(ctx, tenant, "backfill-"+string(t.ID), leaseTime, func(ctx context.Context) error {
				s.carry(ctx, t.Ref, again)
				return nil
			})
			if err != nil && ctx.Err() == nil {
				s.log.Warn("the records did not say which node is to run a backfill; asked again", "backfill", t.Ref, "err", err)
			}
			s.mu.Lock()
			delete(s.runs, t.Ref)
			s.mu.Unlock()
			if held { // it may have been resumed meanwhile
				s.turned(t.Ref)
			}
		})
	}
	return nil
}

// carry runs one backfill until it is done, turned by a person, or ctx ends. It waits for
// whatever there is to wait for.
func (s *backfills) carry(ctx context.Context, of cordon.Ref, again <-chan struct{}) {
	b := s.backfill(of.Tenant, string(of.ID), s.integrations(ctx, of.Tenant)...)
	wait := awayFirst
	for {
		heard := s.heed(ctx, b, again)
		p, err := b.Run(ctx)
		told := heard()
		switch {
		case err == nil, errors.Is(err, events.ErrPaused), errors.Is(err, events.ErrStopped), errors.Is(err, events.ErrElsewhere):
			s.log.Info("a backfill has come to its end, or to a pause", "backfill", of, "state", p.State, "files", p.Taken, "calls", p.Calls)
			return
		case ctx.Err() != nil:
			return
		case errors.Is(err, events.ErrNight), errors.Is(err, events.ErrBudget):
			wait = awayMost
			if w := p.Waiting; w != nil && !w.Until.IsZero() {
				wait = max(time.Second, min(wait, time.Until(w.Until)))
			}
		default:
			s.log.Warn("a backfill was cut short and goes on later", "backfill", of, "in", wait, "err", err)
		}
		if told { // perhaps of what it stopped for
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-time.After(wait):
		}
		wait = min(2*wait, awayMost)
	}
}

// heed has a backfill that runs follow what people say of its pace, here and on other nodes, until
// heard is called, which reports whether somebody here said something.
func (s *backfills) heed(ctx context.Context, b *events.Backfill, again <-chan struct{}) (heard func() bool) {
	ctx, stop := context.WithCancel(ctx)
	told := make(chan bool)
	go func() {
		said := false
		defer func() { told <- said }()
		for {
			select {
			case <-ctx.Done():
				return
			case <-again:
				said = true
			case <-time.After(lookForBackfills):
			}
			if err := b.Heed(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("the records did not say how fast a backfill is to go; asked again", "err", err)
			}
		}
	}()
	return func() bool {
		stop()
		return <-told
	}
}

// turned wakes whoever should know that a person did something.
func (s *backfills) turned(of cordon.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range []chan struct{}{s.wake, s.runs[of]} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// backfill returns the named backfill of a tenant. It keeps nothing that is not in the records.
func (s *backfills) backfill(tenant cordon.TenantID, name string, integrations ...string) *events.Backfill {
	c := events.BackfillConfig{Name: name, Config: events.Config{
		Tenant: tenant, Source: s.clients[tenant], Line: s.flow, Things: s.db, Log: s.log, Integrations: integrations}}
	if s.tune != nil {
		s.tune(&c)
	}
	return events.NewBackfill(c)
}

// EstimateBackfill says what a backfill would meet and cost. It reads no file.
func (s *backfills) EstimateBackfill(ctx context.Context, tenant cordon.TenantID, plan desk.BackfillPlan) (desk.BackfillEstimate, error) {
	e, err := s.backfill(tenant, "").Estimate(ctx, planOf(plan))
	return s.estimate(e), orgAway(err)
}

// StartBackfill starts one; without a name it is called for the day. Of a tenant, one is
// under way at a time.
func (s *backfills) StartBackfill(ctx context.Context, tenant cordon.TenantID, name string, plan desk.BackfillPlan, by cordon.Actor) (desk.Backfill, error) {
	things, err := s.db.Things(ctx, tenant, cordon.KindBackfill, "", mostBackfills)
	if err != nil {
		return desk.Backfill{}, err
	}
	names := map[string]bool{}
	for _, t := range things {
		if !events.Ended(t.State) {
			return desk.Backfill{}, fmt.Errorf("%w: the backfill %s is %s; let it end, or stop it first", cordon.ErrNotNow, t.ID, t.State)
		}
		names[string(t.ID)] = true
	}
	if name == "" {
		today := time.Now().UTC().Format(time.DateOnly)
		name = today
		for n := 2; names[name]; n++ {
			name = fmt.Sprintf("%s-%d", today, n)
		}
	}
	b := s.backfill(tenant, name)
	if _, err := b.Start(ctx, planOf(plan), by); err != nil {
		return desk.Backfill{}, orgAway(err)
	}
	s.turned(cordon.Ref{Tenant: tenant, Kind: cordon.KindBackfill, ID: cordon.ID(name)})
	return s.Backfill(ctx, tenant, name)
}

// orgAway calls an org that does not answer busy: whoever asked may ask again.
func orgAway(err error) error {
	if err == nil || errors.Is(err, cordon.ErrInvalid) || errors.Is(err, cordon.ErrConflict) {
		return err
	}
	return fmt.Errorf("%w: the org did not say what it holds: %w", cordon.ErrBusy, err)
}

// TurnBackfill pauses, resumes or stops a backfill.
func (s *backfills) TurnBackfill(ctx context.Context, tenant cordon.TenantID, name, act string, by cordon.Actor) (desk.Backfill, error) {
	b := s.backfill(tenant, name)
	turns := map[string]func(context.Context, cordon.Actor) error{"pause": b.Pause, "resume": b.Resume, "stop": b.Stop}
	turn := turns[act]
	if turn == nil {
		return desk.Backfill{}, fmt.Errorf("%w: %q is none of pause, resume and stop", cordon.ErrInvalid, act)
	}
	if err := turn(ctx, by); err != nil {
		return desk.Backfill{}, err
	}
	s.turned(cordon.Ref{Tenant: tenant, Kind: cordon.KindBackfill, ID: cordon.ID(name)})
	return s.Backfill(ctx, tenant, name)
}

// PaceBackfill changes how fast a backfill goes.
func (s *backfills) PaceBackfill(ctx context.Context, tenant cordon.TenantID, name string, pace desk.BackfillPace, by cordon.Actor) (desk.Backfill, error) {
	p := planOf(desk.BackfillPlan{BackfillPace: pace})
	if err := s.backfill(tenant, name).SetPace(ctx, events.Pace{Share: p.Share, Rate: p.Rate, Workers: p.Workers, Night: p.Night}, by); err != nil {
		return desk.Backfill{}, err
	}
	s.turned(cordon.Ref{Tenant: tenant, Kind: cordon.KindBackfill, ID: cordon.ID(name)})
	return s.Backfill(ctx, tenant, name)
}

// Backfill returns one backfill; cordon.ErrNotFound if nobody ever started it.
func (s *backfills) Backfill(ctx context.Context, tenant cordon.TenantID, name string) (desk.Backfill, error) {
	p, err := s.backfill(tenant, name).Progress(ctx)
	if err != nil {
		return desk.Backfill{}, err
	}
	return s.view(name, p, time.Now()), nil
}

// Backfills lists all backfills of a tenant, the newest first.
func (s *backfills) Backfills(ctx context.Context, tenant cordon.TenantID) ([]desk.Backfill, error) {
	things, err := s.db.Things(ctx, tenant, cordon.KindBackfill, "", mostBackfills)
	if err != nil {
		return nil, err
	}
	out := []desk.Backfill{}
	for _, t := range things {
		b, err := s.Backfill(ctx, tenant, string(t.ID))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	newestFirst(out)
	return out, nil
}
