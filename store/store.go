// Package store keeps the records: items, what was found of them, the ledger's entries,
// and what is owed elsewhere.
//
// When Commit returns nil, the change, its entries and its effects survive losing power,
// all of them; when it returns an error, none of them exists (ErrOutcomeUnknown is the one
// exception, and says so). Every query names its tenant. One hand-written SQL text runs on
// SQLite, for one machine, and on PostgreSQL, for any number of nodes.
package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/rowmac"
)

// Config says where the records are. Exactly one of Path and URL is set.
type Config struct {
	// Path is the SQLite file. Its folder must exist. One process works on it at a time.
	Path string
	// ReadOnly opens an existing SQLite file to be read beside the process that works on
	// it.
	ReadOnly bool
	// URL is the PostgreSQL login of the gateway: a member of AppRole that owns nothing.
	URL string
	// OwnerURL is the login that migrates and owns the tables. Empty: URL (development).
	OwnerURL string
	// WorkerURL is the login that carries effects out, a member of WorkerRole. Empty: URL.
	WorkerURL string
	// SequencerURL is the login that places entries in the log, a member of
	// SequencerRole. Empty: URL.
	SequencerURL string
	// AppRole, WorkerRole and SequencerRole are the PostgreSQL roles that Migrate grants
	// rights to. It creates them without login where they are missing and it may.
	// Defaults: cordon_app, cordon_worker, cordon_sequencer.
	AppRole, WorkerRole, SequencerRole string
	// MaxConns is the most connections that one PostgreSQL login opens, or that read from
	// SQLite. Default: 16.
	MaxConns int
	// Log is told what goes wrong in the background. Default: slog.Default().
	Log *slog.Logger
}

// ErrOutcomeUnknown means that the answer to a commit was lost and nobody could be asked
// whether it happened. Reading the item again tells.
var ErrOutcomeUnknown = errors.New("the database did not say whether it was stored")

// DB is an open store. It is safe for concurrent use.
type DB struct {
	engine
	log  *slog.Logger
	boot string // tells this run of this process from every other, as a holder of leases
	uses uses   // of routes, not yet written

	marks  *marks
	frozen atomic.Pointer[error] // why nothing is committed any more

	mu        sync.Mutex
	committed []func(cordon.TenantID)

	stop context.CancelFunc
	done sync.WaitGroup

	closeOnce sync.Once
	closeErr  error
}

// Open opens the store and checks that it answers. It creates an empty SQLite file where
// there is none; call Migrate before anything else.
func Open(ctx context.Context, c Config) (*DB, error) {
	if (c.Path == "") == (c.URL == "") {
		return nil, fmt.Errorf("%w: the store needs either a SQLite path or a PostgreSQL URL", cordon.ErrInvalid)
	}
	if c.ReadOnly && c.Path == "" {
		return nil, fmt.Errorf("%w: only a SQLite file can be opened read-only; on PostgreSQL use a login that may only read", cordon.ErrInvalid)
	}
	if c.MaxConns == 0 {
		c.MaxConns = 16
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	db := &DB{log: c.Log, boot: rand.Text(), marks: &marks{log: c.Log,
		count: map[string]int64{}, said: map[string]bool{}}}
	var err error
	if c.Path != "" {
		db.engine, err = openSQLite(ctx, c)
	} else {
		db.engine, err = openPostgres(ctx, c)
	}
	if err != nil {
		return nil, away(err)
	}
	db.engine = named{db.engine}
	ctx, db.stop = context.WithCancel(context.Background())
	if !c.ReadOnly {
		db.done.Go(func() { db.every(ctx, time.Second, db.flushUses) })
	}
	return db, nil
}

// Authenticate has rows that anything acts on marked as they are written, and checked as they are
// read. Call it before anything else uses the store. Without it nothing is marked or checked, and a
// store with keys refuses what this one wrote: that is for tools that only read. unmarked takes rows
// without a mark for good, until those of an earlier release are sealed.
func (db *DB) Authenticate(keys *rowmac.Keys, unmarked bool) {
	db.marks.keys, db.marks.unmarked = keys, unmarked
}

// Close writes what is still in memory and closes the store. Stop runners first.
//
// Closing again does nothing and returns what the first one did.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		db.stop()
		db.done.Wait()
		db.flushUses(context.Background())
		db.closeErr = db.engine.close()
	})
	return db.closeErr
}

// Committed registers f to be called, with the tenant, after each commit of this process.
// It must return at once. The sequencer is woken this way; commits of other nodes are
// found by asking Pending.
func (db *DB) Committed(f func(cordon.TenantID)) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.committed = append(db.committed, f)
}

func (db *DB) tellCommitted(tenant cordon.TenantID) {
	db.mu.Lock()
	fs := db.committed
	db.mu.Unlock()
	for _, f := range fs {
		f(tenant)
	}
}

// Ready reports what keeps the store from being used as it should be: it does not answer or
// takes no writes (cordon.ErrUnavailable), its tables are older than this program, or the
// gateway's PostgreSQL login could read past row security. It writes, and waits until that is
// durable, in the way that every upload does.
func (db *DB) Ready(ctx context.Context) error {
	if err := db.engine.ready(ctx); err != nil {
		return err
	}
	return db.beat(ctx)
}

// every calls f each interval until ctx is done.
func (db *DB) every(ctx context.Context, interval time.Duration, f func(context.Context)) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f(ctx)
		}
	}
}
