package store

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// A server that crashed gives the numbers of transactions again that it has forgotten. A commit
// whose answer was lost is then never taken for stored because somebody else's was.
func TestPostgresCrashForgetsTransactions(t *testing.T) {
	d := pgcluster.StartAlone(t)
	db, err := Open(t.Context(), Config{URL: d.App, OwnerURL: d.Owner, WorkerURL: d.Worker, SequencerURL: d.Sequencer})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := openPostgres(t.Context(), Config{URL: d.App, WorkerURL: d.Worker, SequencerURL: d.Sequencer, MaxConns: 4, Log: db.log})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	lost, ctx := errors.New("the answer was lost"), t.Context()

	before := p.crashMark(ctx)
	if before == "" {
		t.Fatal("there is no mark")
	}
	if err := p.settle(ctx, begun(t, d.Admin, "COMMIT"), before, lost); err != nil {
		t.Errorf("without a crash, what was committed is %v", err)
	}
	if err := p.settle(ctx, begun(t, d.Admin, "ROLLBACK"), before, lost); err != lost {
		t.Errorf("without a crash, what was rolled back is %v", err)
	}
	if err := p.settle(ctx, begun(t, d.Admin, "COMMIT"), "", lost); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("without a mark from before, what was committed is %v", err)
	}

	// Nothing of a transaction that has only a number is on disk when the server dies.
	open := connectAdmin(t, d.Admin)
	var xid string
	var pid int
	if _, err := open.Exec(ctx, "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if err := open.QueryRow(ctx, `SELECT pg_current_xact_id()::text, pg_backend_pid()`).Scan(&xid, &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for { // its own connection goes, and so do all others
		if _, err := open.Exec(ctx, "SELECT 1"); err != nil {
			break
		}
	}
	for p.pools[asApp].Ping(ctx) != nil { // until the server is back
		time.Sleep(20 * time.Millisecond)
	}

	if err := p.settle(ctx, xid, before, lost); err != lost {
		t.Errorf("a number that the server has not come to again is %v, want lost", err)
	}
	admin := connectAdmin(t, d.Admin)
	for range 10_000 { // until somebody else has it
		if _, err := admin.Exec(ctx, `SELECT pg_current_xact_id()`); err != nil {
			t.Fatal(err)
		}
		var status *string
		if err := admin.QueryRow(ctx, `SELECT CASE WHEN pg_snapshot_xmax(pg_current_snapshot()) > $1::text::xid8 THEN pg_xact_status($1::text::xid8) END`, xid).Scan(&status); err != nil {
			t.Fatal(err)
		}
		if status != nil && *status == "committed" {
			break
		}
	}
	if err := p.settle(ctx, xid, before, lost); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("a number that somebody else has got is %v, want unknown", err)
	}
	after := p.crashMark(ctx)
	if after == "" || after == before {
		t.Errorf("after the crash the mark is %q, before it was %q", after, before)
	}
	if err := p.settle(ctx, begun(t, d.Admin, "COMMIT"), after, lost); err != nil {
		t.Errorf("what was committed after the crash is %v", err)
	}
}

// begun is the number of a transaction that has ended as said.
func begun(t *testing.T, url, end string) (xid string) {
	t.Helper()
	c := connectAdmin(t, url)
	if _, err := c.Exec(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if err := c.QueryRow(t.Context(), `SELECT pg_current_xact_id()::text`).Scan(&xid); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	return xid
}

func connectAdmin(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.WithoutCancel(t.Context())) })
	return c
}
