package store

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// River moves the jobs. It is a messenger and no more: a job lost, doubled or given up by it
// changes when an effect is looked at, never whether.

// The queues of effects.
const (
	jobQueue  = "effects"
	slowQueue = "effects-slow"
)

// riverParams is what River inserts.
func riverParams(list []job) []river.InsertManyParams {
	out := make([]river.InsertManyParams, len(list))
	for i, j := range list {
		opts := river.InsertOpts{Queue: jobQueue}
		if j.slow {
			opts.Queue = slowQueue
		}
		// River looks at what is scheduled every few seconds only; what is due almost now
		// may be claimed already.
		if time.Until(j.at) > early {
			opts.ScheduledAt = j.at
		}
		out[i] = river.InsertManyParams{Args: j, InsertOpts: &opts}
	}
	return out
}

// jobConfig is what an engine needs to work jobs.
type jobConfig struct {
	id      string
	workers int
	slow    int // workers of slow effects
	log     *slog.Logger
	// look handles one job. Its error only means that the job should come again.
	look func(context.Context, job) error
}

// jobs is a running River client.
type jobs interface {
	// Stop takes no new jobs and waits for the running ones.
	Stop(context.Context) error
	// StopAndCancel also cancels the running ones.
	StopAndCancel(context.Context) error
}

// startJobs starts a River client on either driver.
func startJobs[T any](newClient func(*river.Config) (*river.Client[T], error), c jobConfig) (jobs, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &jobWorker{look: c.look})
	client, err := newClient(&river.Config{
		ID:      c.id,
		Logger:  quiet(c.log),
		Queues:  map[string]river.QueueConfig{jobQueue: {MaxWorkers: c.workers}, slowQueue: {MaxWorkers: c.slow}},
		Workers: workers,
		// A handler may take as long as it needs: the lease says that it lives.
		JobTimeout: -1,
		// The effect's row is what is kept; finished jobs are of no use to anyone.
		CompletedJobRetentionPeriod: 5 * time.Minute,
		CancelledJobRetentionPeriod: 5 * time.Minute,
		DiscardedJobRetentionPeriod: time.Hour,
		RetryPolicy:                 retrySoon{},
	})
	if err != nil {
		return nil, err
	}
	// River's Start context ends the client when it ends; Stop is how ours is stopped.
	return client, client.Start(context.Background())
}

type jobWorker struct {
	river.WorkerDefaults[job]
	look func(context.Context, job) error
}

func (w *jobWorker) Work(ctx context.Context, j *river.Job[job]) error { return w.look(ctx, j.Args) }

// retrySoon is for jobs that failed because the database did not answer.
type retrySoon struct{}

func (retrySoon) NextRetry(j *rivertype.JobRow) time.Time {
	wait := min(time.Second<<min(j.Attempt, 6), time.Minute)
	return time.Now().Add(wait/2 + rand.N(wait/2))
}

// quiet keeps River's own news to what an operator should know, once a minute for each kind: while
// the database is away each of its loops fails several times a second, which the log says already
// in our own words. Nothing is lost by its errors, since the sweeper goes by what is owed.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(seldom{log.Handler(), &lastSaid{at: map[string]time.Time{}}})
}

type seldom struct {
	slog.Handler
	last *lastSaid
}

// lastSaid is when each message was last let through.
type lastSaid struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (l *lastSaid) again(message string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.at[message]; ok && now.Sub(last) < time.Minute {
		return true
	}
	if len(l.at) >= 100 { // messages are constants; if they were not, this bounds them
		clear(l.at)
	}
	l.at[message] = now
	return false
}

func (h seldom) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, slog.LevelWarn)
}

func (h seldom) Handle(ctx context.Context, r slog.Record) error {
	if h.last.again(r.Message, r.Time) {
		return nil
	}
	ours := slog.NewRecord(r.Time, slog.LevelWarn, "the job queue met trouble and tries again; what is owed stays on record", r.PC)
	ours.AddAttrs(slog.String("queue", r.Message))
	r.Attrs(func(a slog.Attr) bool { ours.AddAttrs(a); return true })
	return h.Handler.Handle(ctx, ours)
}

func (h seldom) WithAttrs(a []slog.Attr) slog.Handler { return seldom{h.Handler.WithAttrs(a), h.last} }
func (h seldom) WithGroup(n string) slog.Handler      { return seldom{h.Handler.WithGroup(n), h.last} }
