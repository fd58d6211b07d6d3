package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// Lease makes this process the one that does for the tenant what the name says, for ttl from
// now by the database's clock, unless another is. Asking again renews; a ttl of 0 gives the
// lease up. What a process that died held is free once its ttl has passed.
//
// A lease keeps two processes from doing the same work, and does not make it impossible: one
// that was stopped for longer than its ttl may still commit what it had begun. So the work
// itself must bear that. What a poller or a backfill commits does: a second item of the same
// content is refused by the look-up value that only one can have, and every place a reader
// ever commits has everything before it on record, so that the worst a late one does is to
// move it back, which costs reading again. Whoever commits something that a late writer could
// spoil needs a fence, as Lead has for the log.
func (db *DB) Lease(ctx context.Context, tenant cordon.TenantID, name string, ttl time.Duration) (held bool, err error) {
	return db.lease(ctx, tenant, name, db.boot, ttl)
}

func (db *DB) lease(ctx context.Context, tenant cordon.TenantID, name, holder string, ttl time.Duration) (bool, error) {
	n, err := db.exec(ctx, asApp, tenant, `
		INSERT INTO leases (tenant, name, holder, until) VALUES ($1, $2, $3, now_ns() + CAST($4 AS bigint))
		ON CONFLICT (tenant, name) DO UPDATE SET holder = excluded.holder, until = excluded.until
		WHERE leases.holder = excluded.holder OR leases.until <= now_ns()`,
		tenant, name, holder, ttl.Nanoseconds())
	if err != nil {
		if tenant == "" {
			return false, fmt.Errorf("take the lease %q: %w", name, err)
		}
		return false, fmt.Errorf("take the lease %q of %s: %w", name, tenant, err)
	}
	return n == 1, nil
}

// Hold does work under a lease: it renews the lease three times a ttl while work runs, and
// gives it up afterwards. It returns false without doing anything while another process has
// the lease, or this one: in one process, too, one works at a time. The context of work ends
// when ctx does, or when the lease is lost or could not be renewed within ttl.
func (db *DB) Hold(ctx context.Context, tenant cordon.TenantID, name string, ttl time.Duration, work func(context.Context) error) (held bool, err error) {
	holder := rand.Text() // not even this process has it twice
	asked := time.Now()
	if held, err := db.lease(ctx, tenant, name, holder, ttl); !held || err != nil {
		return false, err
	}
	inner, cancel := context.WithCancel(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		defer cancel()
		db.renew(inner, tenant, name, holder, asked, ttl)
	}()
	defer func() {
		cancel()
		<-renewed
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer stop()
		if _, e := db.exec(end, asApp, tenant, `UPDATE leases SET until = 0 WHERE tenant = $1 AND name = $2 AND holder = $3`,
			tenant, name, holder); e != nil {
			db.log.Warn("a lease could not be given up and ends by itself", "tenant", tenant, "lease", name, "err", e)
		}
	}()
	return true, work(inner)
}

// Leased returns until when somebody has a lease; the zero time if nobody ever had.
func (db *DB) Leased(ctx context.Context, tenant cordon.TenantID, name string) (time.Time, error) {
	var until int64
	err := db.one(ctx, asApp, tenant, []any{&until}, `SELECT until FROM leases WHERE tenant = $1 AND name = $2`, tenant, name)
	if errors.Is(err, cordon.ErrNotFound) {
		return time.Time{}, nil
	}
	return at(until), err
}

// renew renews a lease until ctx ends, and returns when it is lost. It goes by the time at
// which it asked, which is before that of the answer, so that it never believes in a lease
// that another may have.
func (db *DB) renew(ctx context.Context, tenant cordon.TenantID, name, holder string, asked time.Time, ttl time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(ttl / 3):
		}
		now := time.Now()
		try, stop := context.WithDeadline(ctx, asked.Add(ttl))
		held, err := db.lease(try, tenant, name, holder, ttl)
		stop()
		switch {
		case err == nil && held:
			asked = now
		case err == nil:
			db.log.Warn("another process has taken over", "tenant", tenant, "lease", name)
			return
		case time.Since(asked) >= ttl:
			if ctx.Err() == nil {
				db.log.Warn("a lease could not be renewed in time; the work stops", "tenant", tenant, "lease", name, "err", err)
			}
			return
		}
	}
}
