package store

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/accident"
)

// postgres has a pool for each login. Every statement runs in a transaction that names its
// tenant first, which is what row security goes by.
type postgres struct {
	c       Config
	pools   [3]*pgxpool.Pool // by login; the same one where the configuration gives one login
	inserts *river.Client[pgx.Tx]
	log     *slog.Logger
	// mark is the row of crash_mark as it was last seen; nil before that.
	mark atomic.Pointer[string]
}

func openPostgres(ctx context.Context, c Config) (*postgres, error) {
	for _, d := range []struct {
		v   *string
		def string
	}{
		{&c.OwnerURL, c.URL}, {&c.WorkerURL, c.URL}, {&c.SequencerURL, c.URL},
		{&c.AppRole, "cordon_app"}, {&c.WorkerRole, "cordon_worker"}, {&c.SequencerRole, "cordon_sequencer"},
	} {
		setDefault(d.v, d.def)
	}
	p := &postgres{c: c, log: c.Log}
	open := map[string]*pgxpool.Pool{}
	for i, url := range []string{asApp: c.URL, asWorker: c.WorkerURL, asSequencer: c.SequencerURL} {
		if open[url] == nil {
			pool, err := openPool(ctx, url, int32(c.MaxConns))
			if err != nil {
				p.close()
				return nil, err
			}
			open[url] = pool
		}
		p.pools[i] = open[url]
	}
	var err error
	p.inserts, err = river.NewClient(riverpgxv5.New(p.pools[asApp]), &river.Config{Logger: quiet(c.Log)})
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func openPool(ctx context.Context, url string, conns int32) (*pgxpool.Pool, error) {
	pc, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w: a PostgreSQL URL of the configuration cannot be read", cordon.ErrInvalid) // its text may hold a password
	}
	pc.MaxConns = conns
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && (strings.HasPrefix(e.Code, "28") || e.Code == "3D000" || e.Code == "42501") {
			return nil, fmt.Errorf("the PostgreSQL server at %s does not let the login %s in; check its password, its rights and the name of the database: %w",
				pc.ConnConfig.Host, pc.ConnConfig.User, err)
		}
		return nil, fmt.Errorf("the PostgreSQL server at %s gives the login %s no connection; see that it runs and can be reached from here: %w",
			pc.ConnConfig.Host, pc.ConnConfig.User, err)
	}
	return pool, nil
}

// overtaken is never so: the server keeps readers and writers apart.
func (p *postgres) overtaken() bool { return false }

func (p *postgres) close() error {
	closed := map[*pgxpool.Pool]bool{nil: true}
	for _, pool := range p.pools {
		if !closed[pool] {
			pool.Close()
			closed[pool] = true
		}
	}
	return nil
}

// pgText spells the database's clock.
func pgText(text string) string {
	return strings.ReplaceAll(text, "now_ns()", "CAST(extract(epoch FROM clock_timestamp()) * 1000000000 AS bigint)")
}

// pgErr names errors.
func pgErr(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == "23505" { // unique_violation
		return fmt.Errorf("%w (%w)", errDuplicate, err)
	}
	return err
}

// worthRetrying reports whether the transaction lost to another and may win next time.
func worthRetrying(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01") // serialization_failure, deadlock_detected
}

const nameTenant = `SELECT set_config('cordon.tenant', $1, true)`

// read sends the tenant and the query together: without a BEGIN they are one transaction.
func (p *postgres) read(ctx context.Context, as login, tenant cordon.TenantID, each func(scan) error, text string, args ...any) error {
	b := &pgx.Batch{}
	b.Queue(nameTenant, tenant)
	b.Queue(pgText(text), args...)
	res := p.pools[as].SendBatch(ctx, b)
	defer res.Close()
	if _, err := res.Exec(); err != nil {
		return err
	}
	rows, err := res.Query()
	if err != nil {
		return err
	}
	return eachPgRow(rows, each)
}

func eachPgRow(rows pgx.Rows, each func(scan) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return pgErr(rows.Err())
}

// maxTries bounds how often a transaction is tried that keeps losing to others.
const maxTries = 8

func (p *postgres) write(ctx context.Context, as login, tenant cordon.TenantID, f func(txn) error) error {
	for try := 1; ; try++ {
		err := p.writeOnce(ctx, as, tenant, f)
		if err == nil || try == maxTries || !worthRetrying(err) {
			return pgErr(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err() // the last try came to nothing
		case <-time.After(rand.N(5 * time.Millisecond << try)): // not in step with the one it lost to
		}
	}
}

func (p *postgres) writeOnce(ctx context.Context, as login, tenant cordon.TenantID, f func(txn) error) error {
	mark := p.crashMark(ctx)
	ptx, err := p.pools[as].Begin(ctx)
	if err != nil {
		return err
	}
	detached := context.WithoutCancel(ctx)
	defer func() {
		rctx, cancel := context.WithTimeout(detached, 5*time.Second)
		defer cancel()
		ptx.Rollback(rctx) // does nothing after a commit
	}()
	var xid string
	t := &pgTx{ctx: ctx, tx: ptx}
	t.batch.Queue(`SELECT set_config('cordon.tenant', $1, true), pg_current_xact_id()::text`, tenant).
		QueryRow(func(row pgx.Row) error { return row.Scan(nil, &xid) })
	if err := f(t); err != nil {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	if len(t.jobs) > 0 {
		if _, err := p.inserts.InsertManyFastTx(ctx, ptx, riverParams(t.jobs)); err != nil {
			return fmt.Errorf("enqueue: %w", err)
		}
	}
	if err := accident.At(ctx, accident.BeforeCommit); err != nil {
		return err
	}
	// From here on the caller may leave, but the transaction has an outcome to report.
	cctx, cancel := context.WithTimeout(detached, 30*time.Second)
	defer cancel()
	err = ptx.Commit(cctx)
	if err == nil {
		err = accident.At(ctx, accident.AfterCommit)
	}
	if err == nil {
		return nil
	}
	var said *pgconn.PgError
	if errors.As(err, &said) || errors.Is(err, pgx.ErrTxCommitRollback) {
		return err // the server itself says that it did not happen
	}
	return p.settle(cctx, xid, mark, err)
}

// crashMark returns the mark that is known to stand, or "" if none is. It was seen before whatever
// begins now: should the server have crashed since, the mark is another by then.
func (p *postgres) crashMark(ctx context.Context) string {
	if known := p.mark.Load(); known != nil {
		return *known
	}
	return p.remark(ctx)
}

// remark looks at the mark anew, and makes one where a crash took it away.
func (p *postgres) remark(ctx context.Context) string {
	var id string
	_, err := p.pools[asApp].Exec(ctx, `INSERT INTO crash_mark (one, id) VALUES (1, $1) ON CONFLICT DO NOTHING`, crand.Text())
	if err == nil {
		err = p.pools[asApp].QueryRow(ctx, `SELECT id FROM crash_mark`).Scan(&id)
	}
	if err != nil {
		return "" // the tables are older, or the database is away: no outcome is believed without it
	}
	p.mark.Store(&id)
	return id
}

// settle asks what became of a transaction whose COMMIT was not answered. mark is that from
// before it began.
//
// A crash forgets transactions of which nothing had reached the disk, and the server then gives
// their numbers again. So a number that it has not come to yet was lost; one that did not happen
// was not this either, since what is durable keeps its number; and one that happened is this one
// only where there was no crash.
// https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
func (p *postgres) settle(ctx context.Context, xid, mark string, lost error) error {
	for {
		var status, stands *string
		err := p.pools[asApp].QueryRow(ctx, `SELECT pg_xact_status($1::text::xid8), (SELECT id FROM crash_mark)`, xid).Scan(&status, &stands)
		var said *pgconn.PgError
		switch {
		case errors.As(err, &said) && said.Code == "22023": // invalid_parameter_value: "is in the future"
			p.remark(ctx)
			return lost
		case err == nil && status != nil && *status == "committed" && stands != nil && mark != "" && *stands == mark:
			return nil
		case err == nil && status != nil && *status == "aborted":
			return lost
		case err == nil && (status == nil || *status == "committed"):
			p.remark(ctx)
			return fmt.Errorf("%w: %w", ErrOutcomeUnknown, lost)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrOutcomeUnknown, lost)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// pgTx sends what can wait in one round trip.
type pgTx struct {
	ctx   context.Context
	tx    pgx.Tx
	batch pgx.Batch
	jobs  []job
}

func (t *pgTx) send(want int64, otherwise error, text string, args ...any) error {
	t.batch.Queue(pgText(text), args...).Exec(func(tag pgconn.CommandTag) error {
		return errRows(tag.RowsAffected(), want, otherwise)
	})
	return nil
}

func (t *pgTx) flush() error {
	if t.batch.Len() == 0 {
		return nil
	}
	b := t.batch
	t.batch = pgx.Batch{}
	return t.tx.SendBatch(t.ctx, &b).Close()
}

func (t *pgTx) exec(text string, args ...any) (n int64, err error) {
	t.batch.Queue(pgText(text), args...).Exec(func(tag pgconn.CommandTag) error {
		n = tag.RowsAffected()
		return nil
	})
	err = t.flush()
	return n, err
}

func (t *pgTx) query(each func(scan) error, text string, args ...any) error {
	t.ask(each, text, args...)
	return t.flush()
}

func (t *pgTx) ask(each func(scan) error, text string, args ...any) error {
	t.batch.Queue(pgText(text), args...).Query(func(rows pgx.Rows) error { return eachPgRow(rows, each) })
	return nil
}

func (t *pgTx) enqueue(j job) { t.jobs = append(t.jobs, j) }

func (p *postgres) hasTable(ctx context.Context, name string) (there bool, err error) {
	err = p.pools[asApp].QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&there)
	return there, err
}

func (p *postgres) work(_ context.Context, c jobConfig) (jobs, error) {
	return startJobs(func(rc *river.Config) (*river.Client[pgx.Tx], error) {
		return river.NewClient(riverpgxv5.New(p.pools[asWorker]), rc)
	}, c)
}

func (p *postgres) jobTime(t time.Time) any { return t }

// scrub has nothing to do: PostgreSQL's vacuum reuses the space, and what is deleted for
// good is deleted by destroying its key.
func (p *postgres) scrub() {}

func (p *postgres) logSize() (int64, bool) { return 0, false }
