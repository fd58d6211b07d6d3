package store

import (
	"context"
	"log/slog"
	"math/rand/v2"
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

// quiet keeps River's own news to warnings.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(atLeastWarn{log.Handler()}) }

type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func (h atLeastWarn) WithAttrs(a []slog.Attr) slog.Handler {
	return atLeastWarn{h.Handler.WithAttrs(a)}
}
func (h atLeastWarn) WithGroup(n string) slog.Handler { return atLeastWarn{h.Handler.WithGroup(n)} }
