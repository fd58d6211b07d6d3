package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cordonhq/cordon"
)

func TestAwayPostgreSQL(t *testing.T) {
	refused := func() error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := l.Addr().(*net.TCPAddr)
		l.Close()
		_, err = pgconn.Connect(t.Context(), fmt.Sprintf("host=127.0.0.1 port=%d user=x dbname=x sslmode=disable", at.Port))
		return err
	}()
	pg := func(code string) error { return fmt.Errorf("begin: %w", &pgconn.PgError{Code: code}) }
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"nothing", nil, false},
		{"connection refused", refused, true},
		{"connection cut", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		{"connection closed in mid-answer", fmt.Errorf("receive: %w", io.ErrUnexpectedEOF), true},
		{"class 08", pg("08006"), true},
		{"disk full", pg("53100"), true},
		{"out of memory", pg("53200"), true},
		{"too many connections", pg("53300"), true},
		{"server shuts down", pg("57P01"), true},
		{"server crashed", pg("57P02"), true},
		{"server starts", pg("57P03"), true},
		{"server cannot read its disk", pg("58030"), true},
		{"standby", pg("25006"), true},
		{"statement took too long", pg("57014"), true},
		{"lock not had", pg("55P03"), true},
		{"deadlock", pg("40P01"), true},
		{"outcome unknown", fmt.Errorf("%w: lost", ErrOutcomeUnknown), true},
		{"store closed", errClosed, true},

		{"no such table", pg("42P01"), false},
		{"no right", pg("42501"), false},
		{"password wrong", pg("28P01"), false},
		{"unique key", pgErr(pg("23505")), false},
		{"sender left", fmt.Errorf("read: %w", context.Canceled), false},
		{"not there", cordon.ErrNotFound, false},
		{"damaged row", errors.New("scan"), false},
	} {
		if got := errors.Is(away(c.err), cordon.ErrUnavailable); got != c.want {
			t.Errorf("%s (%v): away is %v, want %v", c.name, c.err, got, c.want)
		}
	}
}

// The codes are SQLite's own numbers, extended ones included.
func TestAwaySQLite(t *testing.T) {
	for code, want := range map[int]bool{
		13:        true, // FULL
		10:        true, // IOERR
		10 | 3<<8: true, // IOERR_WRITE
		10 | 4<<8: true, // IOERR_FSYNC
		5:         true, // BUSY
		5 | 1<<8:  true, // BUSY_RECOVERY
		6:         true, // LOCKED
		8:         true, // READONLY
		8 | 4<<8:  true, // READONLY_DBMOVED
		14:        true, // CANTOPEN
		7:         true, // NOMEM
		1:         false,
		11:        false, // CORRUPT
		19:        false,
		19 | 8<<8: false, // CONSTRAINT_UNIQUE
		20:        false, // MISMATCH
		26:        false, // NOTADB
		21:        false, // MISUSE
	} {
		if got := sqliteAway(code); got != want {
			t.Errorf("code %d: away is %v, want %v", code, got, want)
		}
	}
}
