package store

import (
	"context"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
)

const (
	// sweepBatch bounds one transaction of the sweeper.
	sweepBatch = 1000
	// lostEvery is how many sweeps there are to one look for jobs that the queue has lost.
	lostEvery = 8
	// lostMost is how many of those one look finds.
	lostMost = 50_000
)

// sweep shows that this boot lives, and enqueues a job for every effect that is owed, due and
// with nobody, and whose job has been taken up: a process died with it, or its job came when
// somebody else was at it. It walks an index that has these alone, however many effects wait.
func (r *Runner) sweep(ctx context.Context) error {
	for {
		var found []job
		err := r.db.write(ctx, asWorker, "", func(tx txn) error {
			found = nil
			if err := tx.send(-1, nil, `UPDATE holders SET seen_at = now_ns() WHERE holder = $1`, r.holder); err != nil {
				return err
			}
			err := tx.query(func(row scan) error {
				var j job
				var kind cordon.EffectKind
				err := row(&j.Tenant, &j.Effect, &kind)
				j.slow = kind.Slow()
				found = append(found, j)
				return err
			}, `
				UPDATE effects SET job = 1 WHERE state = 'owed' AND job = 0 AND (tenant, id) IN (
					SELECT tenant, id FROM effects
					WHERE state = 'owed' AND job = 0 AND not_before <= now_ns() AND lease_until <= now_ns()
					ORDER BY not_before, id LIMIT $1)
				RETURNING tenant, id, kind`, sweepBatch)
			for _, j := range found {
				tx.enqueue(j)
			}
			return err
		})
		if err != nil || len(found) < sweepBatch {
			return err
		}
	}
}

// sweepLost enqueues a job for every effect that is owed, due and with nobody, and that no job
// waits for, although one was made: the queue gave it up, or a process died after it had taken
// the job and before it took the effect. One job too many does no harm.
func (r *Runner) sweepLost(ctx context.Context) error {
	for {
		lost, err := r.db.lostJobs(ctx, lostMost)
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(lost, sweepBatch) {
			if err := r.db.write(ctx, asWorker, "", func(tx txn) error {
				for _, j := range batch {
					tx.enqueue(j)
				}
				return nil
			}); err != nil {
				return err
			}
		}
		if len(lost) < lostMost {
			return nil
		}
	}
}

// lostJobs returns up to limit jobs for what is owed, due and with nobody while no job waits for
// it, longest due first.
//
// Effects and jobs are read once each, along an index, and subtracted as sets, so that no planner
// can turn it into a comparison of each with each. Jobs that come later than in a minute do not
// count: they were made for a time that no longer holds.
func (db *DB) lostJobs(ctx context.Context, limit int) ([]job, error) {
	var lost []job
	err := db.read(ctx, asWorker, "", func(row scan) error {
		var j job
		var kind cordon.EffectKind
		err := row(&j.Tenant, &j.Effect, &kind)
		j.slow = kind.Slow()
		lost = append(lost, j)
		return err
	}, `
		SELECT e.tenant, e.id, e.kind FROM (
			SELECT tenant, id FROM effects
			WHERE state = 'owed' AND job = 1 AND not_before <= now_ns() AND lease_until <= now_ns()
			EXCEPT
			SELECT args ->> 'tenant', args ->> 'effect' FROM river_job
			WHERE state IN ('available', 'pending', 'retryable', 'scheduled') AND queue IN ($1, $2) AND priority = 1
				AND scheduled_at <= $3
		) lost CROSS JOIN effects e
		WHERE e.tenant = lost.tenant AND e.id = lost.id ORDER BY e.not_before, e.id LIMIT $4`,
		jobQueue, slowQueue, db.engine.jobTime(time.Now().Add(time.Minute)), limit)
	return lost, err
}
