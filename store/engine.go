package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
)

// login says in whose name a statement runs. SQLite has one; on PostgreSQL they are
// separate logins with separate rights.
type login int

const (
	asApp       login = iota // the gateway: one tenant at a time
	asWorker                 // carries effects out, for all tenants
	asSequencer              // places entries in the log, for all tenants
)

// scan copies the columns of the current row.
type scan func(dest ...any) error

// engine is what differs between SQLite and PostgreSQL.
//
// Statements are written once, in the dialect of PostgreSQL, with a few constructs that the
// engines translate: `now_ns()`, the database's clock in nanoseconds, and, on SQLite,
// `unnest($1::text[]) WITH ORDINALITY AS x(v, ord)` with a []string, `::json ->>` and
// `FOR UPDATE`.
type engine interface {
	// read runs one query and calls each once a row.
	read(ctx context.Context, as login, tenant cordon.TenantID, each func(scan) error, sql string, args ...any) error
	// write runs f in a transaction that is durable when write returns nil, and without
	// any effect when it returns an error other than ErrOutcomeUnknown. f may run more
	// than once and must not wait for anything but its transaction.
	write(ctx context.Context, as login, tenant cordon.TenantID, f func(txn) error) error
	migrate(ctx context.Context) error
	ready(ctx context.Context) error
	// hasTable reports whether there is a table with the name; it may be asked before migrate.
	hasTable(ctx context.Context, name string) (bool, error)
	work(ctx context.Context, c jobConfig) (jobs, error)
	// jobTime is a time as the queue's tables hold it.
	jobTime(time.Time) any
	// scrub makes deleted rows disappear from the file, where that takes more than deleting.
	scrub()
	// logSize is the size of the log that commits go to first, where it is a file of its own.
	logSize() (bytes int64, has bool)
	// overtaken reports whether somebody writes where nobody did when it was opened to be read.
	overtaken() bool
	close() error
}

// txn is a transaction inside write.
type txn interface {
	// exec runs a statement and returns how many rows it touched.
	exec(sql string, args ...any) (int64, error)
	// send runs a statement that must touch want rows (any number if negative), else the
	// transaction fails with otherwise. The engine may put it off until the next exec,
	// query or the end, and the failure with it.
	send(want int64, otherwise error, sql string, args ...any) error
	query(each func(scan) error, sql string, args ...any) error
	// ask is a query that the engine may put off until the next exec, query or the end, and its
	// failure with it.
	ask(each func(scan) error, sql string, args ...any) error
	// enqueue adds a job to the transaction.
	enqueue(job)
}

// job asks that an effect be looked at.
type job struct {
	Tenant cordon.TenantID `json:"tenant"`
	Effect cordon.ID       `json:"effect"`
	at     time.Time
	slow   bool
}

// Kind is the name of the one kind of job there is.
func (job) Kind() string { return "effect" }

// one reads a single row, or returns cordon.ErrNotFound.
func (db *DB) one(ctx context.Context, as login, tenant cordon.TenantID, dest []any, sql string, args ...any) error {
	found := false
	err := db.read(ctx, as, tenant, func(row scan) error {
		found = true
		return row(dest...)
	}, sql, args...)
	if err == nil && !found {
		return cordon.ErrNotFound
	}
	return err
}

// exec runs one statement in a transaction of its own.
func (db *DB) exec(ctx context.Context, as login, tenant cordon.TenantID, sql string, args ...any) (n int64, err error) {
	err = db.write(ctx, as, tenant, func(tx txn) error {
		n, err = tx.exec(sql, args...)
		return err
	})
	return n, err
}

// errDuplicate is what engines turn a violated unique key into.
var errDuplicate = fmt.Errorf("%w: it exists already", cordon.ErrConflict)

// errRows is the failure of a send whose statement touched the wrong number of rows.
func errRows(got, want int64, otherwise error) error {
	if want < 0 || got == want {
		return nil
	}
	if otherwise == nil {
		return fmt.Errorf("store: a statement touched %d rows instead of %d", got, want)
	}
	return otherwise
}

// ns is how times are stored.
func ns(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// at is the inverse of ns.
func at(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// orNull stores no bytes as NULL, so that partial indexes can tell.
func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// texts turns identifiers into what unnest takes. The result is never nil.
func texts[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}

// notStored wraps the reason why nothing was written, keeping the kinds that callers know.
func notStored(err error) error {
	if errors.Is(err, cordon.ErrConflict) || errors.Is(err, cordon.ErrNotFound) || errors.Is(err, cordon.ErrInvalid) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("nothing was stored: %w", err)
}
