package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cordonhq/cordon"
)

// away marks as cordon.ErrUnavailable what says that the database is away, full or out of
// breath, and leaves what it says of the statement as it is. Doors answer the first with
// "come again" and the second with a fault.
func away(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || cordon.Unavailable(err) || !isAway(err) {
		return err
	}
	return fmt.Errorf("%w: %w", cordon.ErrUnavailable, err)
}

func isAway(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, errClosed) {
		return true
	}
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return sqliteAway(e.Code())
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgAway(e.Code)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	_, network := errors.AsType[net.Error](err)
	return network || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// sqliteAway goes by the primary code, of which the extended ones are kinds.
// https://www.sqlite.org/rescode.html
func sqliteAway(code int) bool {
	switch code & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}

// pgAway goes by class where the whole class says so.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func pgAway(code string) bool {
	for _, class := range []string{
		"08",  // connection exception
		"53",  // insufficient resources: disk full, out of memory, too many connections
		"57P", // shut down, crashed, starting, database dropped
		"58",  // the server's own disk
	} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	switch code {
	case "25006", // read-only: a standby, or a server that was told to
		"40001", "40P01", // lost to others five times
		"55P03", // a lock that was not had in time
		"57014": // a statement that took longer than it may
		return true
	}
	return false
}

// named is an engine whose errors say whether the database is away.
type named struct{ engine }

func (n named) read(ctx context.Context, as login, tenant cordon.TenantID, each func(scan) error, sql string, args ...any) error {
	return away(n.engine.read(ctx, as, tenant, each, sql, args...))
}

func (n named) write(ctx context.Context, as login, tenant cordon.TenantID, f func(txn) error) error {
	return away(n.engine.write(ctx, as, tenant, f))
}

func (n named) ready(ctx context.Context) error { return away(n.engine.ready(ctx)) }

// beat writes a row of its own and waits until it is durable.
func (db *DB) beat(ctx context.Context) error {
	if _, err := db.lease(ctx, "", "ready", db.boot, 0); err != nil && !errors.Is(err, errReadOnly) {
		return fmt.Errorf("the database takes no writes: %w", err)
	}
	return nil
}
