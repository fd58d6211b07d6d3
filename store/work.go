package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// WorkConfig says how effects are carried out.
type WorkConfig struct {
	// Handle carries one effect out and commits the outcome itself, with Change.Done. If
	// it returns an error, or nil while the effect is still owed, it is called again later,
	// for ever, unless the error wraps cordon.ErrPermanent: the effect is then set aside
	// for a person. It may be called for an effect whose outside part has happened already
	// (before a crash), so that part must be repeatable or be settled first. Its context
	// ends when the lease is lost or the runner is stopped the hard way.
	Handle func(context.Context, cordon.Effect) error
	// Workers is how many effects are carried out at once. Default: 8.
	Workers int
	// Slow is how many slow effects (cordon.EffectKind.Slow) are carried out at once, besides.
	// Default: 1.
	Slow int
	// Node names this process among those that run now; two must never share a name. What
	// an earlier process of the same name left behind is taken over at once.
	// Default: the host's name.
	Node string
	// Lease is how long an effect stays with a process that has stopped answering.
	// Default: 30 s.
	Lease time.Duration
	// Sweep is how often the store looks for effects that no job points at, and eight times as
	// long how often it looks whether the queue has lost a job. Default: 15 s.
	Sweep time.Duration
	// FirstRetry and LastRetry bound the waits between attempts, which double.
	// Defaults: 1 s and 10 min.
	FirstRetry, LastRetry time.Duration
}

// Runner carries effects out until it is stopped.
type Runner struct {
	db     *DB
	c      WorkConfig
	holder string
	jobs   jobs
	log    *slog.Logger
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// Work starts carrying effects out. Several nodes may do so at once: an effect is with one
// of them at a time, and never again once it is done.
func (db *DB) Work(ctx context.Context, c WorkConfig) (*Runner, error) {
	if c.Handle == nil {
		return nil, fmt.Errorf("%w: Work needs something that handles effects", cordon.ErrInvalid)
	}
	if c.Node == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("this host has no name, give the node one: %w", err)
		}
		c.Node = host
	}
	setDefault(&c.Workers, 8)
	setDefault(&c.Slow, 1)
	setDefault(&c.Lease, 30*time.Second)
	setDefault(&c.Sweep, 15*time.Second)
	setDefault(&c.FirstRetry, time.Second)
	setDefault(&c.LastRetry, 10*time.Minute)
	r := &Runner{db: db, c: c, holder: c.Node + "/" + rand.Text(), log: db.log.With("node", c.Node)}
	if err := r.takeOver(ctx); err != nil {
		return nil, fmt.Errorf("take over what %s left behind: %w", c.Node, err)
	}
	if err := errors.Join(r.sweep(ctx), r.sweepLost(ctx)); err != nil {
		return nil, fmt.Errorf("look for what is owed: %w", err)
	}
	var err error
	r.jobs, err = db.engine.work(ctx, jobConfig{id: r.holder, workers: c.Workers, slow: c.Slow, log: db.log, look: r.look})
	if err != nil {
		return nil, fmt.Errorf("start the queue: %w", err)
	}
	ctx, r.stop = context.WithCancel(context.Background())
	r.done.Go(func() {
		sweeps := 0
		db.every(ctx, c.Sweep, func(ctx context.Context) {
			err := r.sweep(ctx)
			if sweeps++; err == nil && sweeps%lostEvery == 0 {
				err = r.sweepLost(ctx)
			}
			if err != nil && ctx.Err() == nil {
				r.log.Warn("looking for owed effects failed, it will be tried again", "err", err)
			}
		})
	})
	return r, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Stop takes nothing new on and waits for what is running. When ctx ends first, the
// running handlers' contexts end and their effects are given back; a handler that does not
// heed its context for one lease more is an error, and its effect is taken over when the
// node starts again.
func (r *Runner) Stop(ctx context.Context) error {
	r.stop()
	r.done.Wait()
	err := r.jobs.Stop(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.c.Lease)
	defer cancel()
	if err != nil {
		if err = r.jobs.StopAndCancel(ctx); err != nil {
			return fmt.Errorf("a handler of effects does not heed its context: %w", err)
		}
	}
	if _, err := r.db.exec(ctx, asWorker, "", `DELETE FROM holders WHERE holder = $1`, r.holder); err != nil {
		return fmt.Errorf("sign %s off: %w", r.holder, err)
	}
	return nil
}

// takeOver registers this boot of the node and ends the leases of its earlier ones, which
// are dead: a node runs once. Other nodes' leases end by themselves.
func (r *Runner) takeOver(ctx context.Context) error {
	return r.db.write(ctx, asWorker, "", func(tx txn) error {
		if err := tx.send(-1, nil, `
			UPDATE effects SET holder = '', lease_until = 0, code = 'lost'
			WHERE state = 'owed' AND holder IN (SELECT holder FROM holders WHERE node = $1)`, r.c.Node); err != nil {
			return err
		}
		if err := tx.send(-1, nil, `DELETE FROM holders WHERE node = $1 OR seen_at < now_ns() - CAST($2 AS bigint)`,
			r.c.Node, (24 * time.Hour).Nanoseconds()); err != nil {
			return err
		}
		return tx.send(1, nil, `INSERT INTO holders (holder, node, started_at, seen_at) VALUES ($1, $2, now_ns(), now_ns())`,
			r.holder, r.c.Node)
	})
}

// look is what a job asks for.
func (r *Runner) look(ctx context.Context, j job) error {
	line, err := r.db.claim(ctx, j.Tenant, j.Effect, r.holder, r.c.Lease)
	if errors.Is(err, cordon.ErrConflict) {
		return nil // done, or in other hands; the sweeper knows if it is neither
	}
	if errors.Is(err, cordon.ErrForged) {
		return nil // set aside, and said
	}
	if err != nil {
		return err
	}
	e := line.Effect
	err = r.handle(ctx, e)

	// What follows must be written even when the job's context has ended.
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.c.Lease)
	defer cancel()
	now, readErr := r.db.Effect(out, j.Tenant, j.Effect)
	switch {
	case readErr != nil:
		return readErr
	case now.State == EffectDone:
		if err != nil {
			r.log.Warn("an effect is done and its handler reports an error", "effect", e.ID, "kind", e.Kind, "err", err)
		}
		return nil
	case now.Holder != r.holder:
		return nil // the lease was lost; whoever has it goes on
	case errors.Is(err, cordon.ErrPermanent):
		r.log.Error("an effect is set aside for a person", "effect", e.ID, "kind", e.Kind, "of", e.Of, "err", err)
		return r.db.setAside(out, line, r.holder)
	case ctx.Err() != nil:
		return r.db.GiveBack(out, j.Tenant, j.Effect, r.holder)
	}
	code := "failed"
	var p *panicked
	switch {
	case err == nil:
		code = "not-done"
	case errors.As(err, &p):
		code = "panicked"
		r.log.Error("a handler of effects panicked", "effect", e.ID, "kind", e.Kind, "panic", p.value, "stack", string(p.stack))
	}
	wait := r.wait(e.Attempts)
	r.log.Info("an effect will be tried again", "effect", e.ID, "kind", e.Kind, "attempt", e.Attempts, "code", code, "in", wait, "err", err)
	return r.db.RetryEffect(out, j.Tenant, j.Effect, r.holder, time.Now().Add(wait), code)
}

// wait doubles with every attempt up to the longest, and is spread over its second half so
// that effects which failed together do not come back together.
func (r *Runner) wait(attempt int) time.Duration {
	w := r.c.FirstRetry
	for i := 1; i < attempt && w < r.c.LastRetry; i++ {
		w *= 2
	}
	w = min(w, r.c.LastRetry)
	return w/2 + mrand.N(w/2+1)
}

type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// handle calls the handler and keeps the lease alive meanwhile. Its context ends before
// the lease does if the lease cannot be renewed.
func (r *Runner) handle(ctx context.Context, e cordon.Effect) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { r.keep(ctx, cancel, e) })
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
		cancel(nil)
		renewing.Wait()
	}()
	return r.c.Handle(ctx, e)
}

var errLeaseLost = errors.New("the lease on the effect was lost")

func (r *Runner) keep(ctx context.Context, cancel context.CancelCauseFunc, e cordon.Effect) {
	t := time.NewTicker(r.c.Lease / 4)
	defer t.Stop()
	end := time.Now().Add(r.c.Lease * 3 / 4)
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		asked := time.Now()
		tctx, done := context.WithDeadline(ctx, end)
		err := r.db.renewEffect(tctx, e.Of.Tenant, e.ID, r.holder, r.c.Lease)
		done()
		switch {
		case err == nil:
			end = asked.Add(r.c.Lease * 3 / 4)
		case errors.Is(err, cordon.ErrConflict):
			// Done by the handler's own commit, or lost.
			if now, err := r.db.Effect(ctx, e.Of.Tenant, e.ID); err == nil && now.State == EffectDone {
				return
			}
			cancel(errLeaseLost)
			return
		case time.Now().After(end):
			cancel(errLeaseLost)
			return
		}
	}
}
