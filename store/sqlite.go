package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/accident"
)

// sqlite has one connection that writes, used by a goroutine that puts every write that
// waits into one transaction (so that 64 callers share one fsync), and a pool that reads.
type sqlite struct {
	w, r    *sql.DB
	path    string
	log     *slog.Logger
	inserts *river.Client[*sql.Tx]

	requests chan *request
	closing  chan struct{}
	stopped  chan struct{} // the writer has returned
	done     sync.WaitGroup
	scrubs   chan struct{}
	left     func() // says that this process works on the file no more
	still    bool   // opened to be read while nobody worked on the file

	prepared sync.Map // text → *sql.Stmt of r
	// Only the writer's goroutine touches these.
	stmts  map[string]*sql.Stmt
	unseen []string
	pulse  int64
}

func openSQLite(ctx context.Context, c Config) (*sqlite, error) {
	s := &sqlite{path: c.Path, log: c.Log, requests: make(chan *request, 1024), scrubs: make(chan struct{}, 1),
		closing: make(chan struct{}), stopped: make(chan struct{}), stmts: map[string]*sql.Stmt{}, pulse: -1}
	var err error
	how := []string{"mode=ro"}
	if c.ReadOnly {
		if how, err = s.toRead(c.Path); err != nil {
			return nil, fmt.Errorf("open %s to read: %w", c.Path, err)
		}
	}
	if s.r, err = sql.Open("sqlite", sqliteDSN(c.Path, how...)); err != nil {
		return nil, err
	}
	s.r.SetMaxOpenConns(c.MaxConns)
	s.r.SetMaxIdleConns(c.MaxConns)
	if c.ReadOnly {
		if err := s.r.PingContext(ctx); err != nil {
			s.r.Close()
			return nil, fmt.Errorf("open %s to read: %w", c.Path, err)
		}
		return s, nil
	}
	if err := s.openWriter(ctx); err != nil {
		s.r.Close()
		return nil, err
	}
	s.left = opened.enter(c.Path)
	s.done.Go(s.writer)
	s.done.Go(s.scrubber)
	s.scrub() // what an earlier process could not make disappear
	return s, nil
}

func (s *sqlite) openWriter(ctx context.Context) (err error) {
	// Names of actors are in clear: nobody else on the machine is to read the file. SQLite
	// gives the files beside it the same permissions.
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the store (its folder must exist and be writable): %w", err)
	}
	f.Close()
	if s.w, err = sql.Open("sqlite", sqliteDSN(s.path, "_txlock=immediate", "_pragma=journal_mode(WAL)",
		"_pragma=synchronous(FULL)", "_pragma=secure_delete(1)")); err != nil {
		return err
	}
	s.w.SetMaxOpenConns(1)
	if err = s.w.PingContext(ctx); err == nil {
		s.inserts, err = river.NewClient(riversqlite.New(s.w), &river.Config{Logger: quiet(s.log)})
	}
	if err != nil {
		s.w.Close()
		return fmt.Errorf("open %s: %w", s.path, err)
	}
	return nil
}

func sqliteDSN(path string, params ...string) string {
	params = append(params, "_pragma=busy_timeout(10000)", "_pragma=foreign_keys(1)")
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join(params, "&")
}

func (s *sqlite) close() error {
	close(s.closing)
	s.done.Wait()
	if s.w == nil {
		if s.left != nil {
			defer s.left()
		}
		return s.r.Close()
	}
	s.truncateLog(leastWait)
	defer s.left()
	return errors.Join(s.r.Close(), s.w.Close())
}

var (
	unnest = regexp.MustCompile(`unnest\((\$\d+)::text\[\]\) WITH ORDINALITY AS (\w+)\(v, ord\)`)
	texted sync.Map // PostgreSQL text → SQLite text
)

// sqliteText translates the constructs that engine describes.
func sqliteText(text string) string {
	if t, ok := texted.Load(text); ok {
		return t.(string)
	}
	t := unnest.ReplaceAllString(text, "(SELECT value AS v, key + 1 AS ord FROM json_each($1)) AS $2")
	t = strings.ReplaceAll(t, "now_ns()", "(CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000000)")
	t = strings.ReplaceAll(t, "::json ->>", " ->>")
	t = strings.ReplaceAll(t, " FOR UPDATE", "") // there is one writer
	texted.Store(text, t)
	return t
}

// sqliteArgs passes lists as JSON.
func sqliteArgs(args []any) []any {
	for i, a := range args {
		if list, ok := a.([]string); ok {
			b, _ := json.Marshal(list) // strings always encode
			args[i] = string(b)
		}
	}
	return args
}

// sqliteErr names errors.
func sqliteErr(err error) error {
	var e *driver.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Errorf("%w (%w)", errDuplicate, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk is full: %w", err)
	}
	return err
}

func (s *sqlite) read(ctx context.Context, _ login, _ cordon.TenantID, each func(scan) error, text string, args ...any) error {
	stmt, ok := s.prepared.Load(text)
	if !ok {
		st, err := s.r.PrepareContext(ctx, sqliteText(text))
		if err != nil {
			return err
		}
		if stmt, ok = s.prepared.LoadOrStore(text, st); ok {
			st.Close()
		}
	}
	rows, err := stmt.(*sql.Stmt).QueryContext(ctx, sqliteArgs(args)...)
	if err != nil {
		return sqliteErr(err)
	}
	return eachRow(rows, each)
}

func eachRow(rows *sql.Rows, each func(scan) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return sqliteErr(rows.Err())
}

// request is one write that waits for the writer.
type request struct {
	ctx  context.Context
	f    func(txn) error
	took atomic.Bool // by the writer, or by a caller who no longer waits
	err  error
	done chan struct{}
}

var errClosed = errors.New("the store is closed")

// errReadOnly is the answer of a store opened to be read.
var errReadOnly = fmt.Errorf("%w: the store was opened to be read", cordon.ErrForbidden)

func (s *sqlite) write(ctx context.Context, _ login, _ cordon.TenantID, f func(txn) error) error {
	if s.w == nil {
		return errReadOnly
	}
	r := &request{ctx: ctx, f: f, done: make(chan struct{})}
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return errClosed
	}
	select {
	case <-r.done:
	case <-s.stopped:
		if r.took.CompareAndSwap(false, true) {
			return errClosed // it came just after the last group
		}
		<-r.done
	case <-ctx.Done():
		if r.took.CompareAndSwap(false, true) {
			return ctx.Err() // nobody has begun, and now nobody will
		}
		<-r.done // under way: the caller learns what became of it
	}
	return r.err
}

// maxGroup bounds how long the first of a group waits for the last.
const maxGroup = 256

func (s *sqlite) writer() {
	defer close(s.stopped)
	for {
		var group []*request
		select {
		case r := <-s.requests:
			group = append(group, r)
		case <-s.closing:
			return
		}
	gather:
		for len(group) < maxGroup {
			select {
			case r := <-s.requests:
				group = append(group, r)
			default:
				break gather
			}
		}
		s.commitGroup(group)
	}
}

// commitGroup runs each request inside a savepoint, so that one which fails takes nobody
// along, and answers all of them after the one COMMIT.
func (s *sqlite) commitGroup(group []*request) {
	var live []*request
	defer func() {
		for _, r := range live {
			close(r.done)
		}
	}()
	for _, r := range group {
		if r.took.CompareAndSwap(false, true) {
			live = append(live, r)
		} else {
			close(r.done)
		}
	}
	if len(live) == 0 {
		return
	}
	outcome := s.commitLive(live)
	for _, r := range live {
		if outcome != nil {
			r.err = outcome
		}
	}
}

func (s *sqlite) commitLive(live []*request) error {
	s.prepareUnseen()
	ctx := context.Background()
	if s.pulse < 0 {
		if err := s.w.QueryRow("SELECT n FROM writer_pulse").Scan(&s.pulse); err != nil {
			return fmt.Errorf("read the store (run the migrations first): %w", err)
		}
	}
	stx, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer stx.Rollback() // does nothing after a commit
	t := &sqliteTx{s: s, tx: stx, open: map[string]*sql.Stmt{}}
	for _, r := range live {
		before := len(t.jobs)
		if _, err := t.exec("SAVEPOINT one"); err != nil {
			return err
		}
		if r.err = r.f(t); r.err == nil {
			r.err = accident.At(r.ctx, accident.BeforeCommit)
		}
		if r.err != nil {
			t.jobs = t.jobs[:before]
			if _, err := t.exec("ROLLBACK TO one"); err != nil {
				return err
			}
		}
		if _, err := t.exec("RELEASE one"); err != nil {
			return err
		}
	}
	if len(t.jobs) > 0 {
		if _, err := s.inserts.InsertManyFastTx(ctx, stx, riverParams(t.jobs)); err != nil {
			return fmt.Errorf("enqueue: %w", err)
		}
	}
	if _, err := t.exec("UPDATE writer_pulse SET n = $1", s.pulse+1); err != nil {
		return err
	}
	err = stx.Commit()
	for _, r := range live {
		if lost := accident.At(r.ctx, accident.AfterCommit); lost != nil {
			err = lost
		}
	}
	if err != nil {
		return s.settle(sqliteErr(err))
	}
	s.pulse++
	return nil
}

// settle finds out whether the transaction whose COMMIT failed is there after all.
func (s *sqlite) settle(lost error) error {
	s.w.Exec("ROLLBACK") // fails unless the connection is still inside
	var n int64
	if err := s.w.QueryRow("SELECT n FROM writer_pulse").Scan(&n); err != nil {
		s.pulse = -1
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, lost)
	}
	happened := n == s.pulse+1
	s.pulse = n
	if happened {
		return nil
	}
	return fmt.Errorf("nothing was stored: %w", lost)
}

// prepareUnseen prepares the statements that the last group met for the first time. It
// happens between transactions, because there is only one connection.
func (s *sqlite) prepareUnseen() {
	for _, text := range s.unseen {
		if s.stmts[text] == nil {
			if st, err := s.w.Prepare(sqliteText(text)); err == nil {
				s.stmts[text] = st
			}
		}
	}
	s.unseen = s.unseen[:0]
}

type sqliteTx struct {
	s    *sqlite
	tx   *sql.Tx
	open map[string]*sql.Stmt
	jobs []job
}

func (t *sqliteTx) stmt(text string) *sql.Stmt {
	if st := t.open[text]; st != nil {
		return st
	}
	st := t.s.stmts[text]
	if st == nil {
		t.s.unseen = append(t.s.unseen, text)
		return nil
	}
	st = t.tx.Stmt(st)
	t.open[text] = st
	return st
}

func (t *sqliteTx) exec(text string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	if st := t.stmt(text); st != nil {
		res, err = st.Exec(sqliteArgs(args)...)
	} else {
		res, err = t.tx.Exec(sqliteText(text), sqliteArgs(args)...)
	}
	if err != nil {
		return 0, sqliteErr(err)
	}
	return res.RowsAffected()
}

func (t *sqliteTx) send(want int64, otherwise error, text string, args ...any) error {
	n, err := t.exec(text, args...)
	if err != nil {
		return err
	}
	return errRows(n, want, otherwise)
}

func (t *sqliteTx) query(each func(scan) error, text string, args ...any) error {
	var rows *sql.Rows
	var err error
	if st := t.stmt(text); st != nil {
		rows, err = st.Query(sqliteArgs(args)...)
	} else {
		rows, err = t.tx.Query(sqliteText(text), sqliteArgs(args)...)
	}
	if err != nil {
		return sqliteErr(err)
	}
	return eachRow(rows, each)
}

func (t *sqliteTx) ask(each func(scan) error, text string, args ...any) error {
	return t.query(each, text, args...)
}

func (t *sqliteTx) enqueue(j job) { t.jobs = append(t.jobs, j) }

// ready asks for the version of the tables.
func (s *sqlite) ready(ctx context.Context) error {
	var have int64
	err := s.r.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&have)
	if err = away(sqliteErr(err)); cordon.Unavailable(err) {
		return fmt.Errorf("the records cannot be read (look at the disk that holds %s): %w", s.path, err)
	}
	if err != nil || have < newestMigration("sqlite") {
		return fmt.Errorf("the tables in %s are older than this program (at %s): run the migrations first",
			s.path, strconv.FormatInt(have, 10))
	}
	return nil
}

func (s *sqlite) hasTable(ctx context.Context, name string) (there bool, err error) {
	err = s.r.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)", name).Scan(&there)
	return there, away(sqliteErr(err))
}

// sqliteWords are what migrations say in its own way.
var sqliteWords = map[string]string{"serial": "integer PRIMARY KEY AUTOINCREMENT",
	"first 26 hex digits of value": "lower(hex(substr(value, 1, 13)))"}

func (s *sqlite) migrate(ctx context.Context) error {
	if s.w == nil {
		return errReadOnly
	}
	if err := runMigrations(ctx, goose.DialectSQLite3, "sqlite", s.w, sqliteWords); err != nil {
		return err
	}
	m, err := rivermigrate.New(riversqlite.New(s.w), &rivermigrate.Config{Logger: quiet(s.log)})
	if err != nil {
		return err
	}
	if _, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	// One process works on the file, so whoever held a lease has ended.
	_, err = s.w.ExecContext(ctx, `DELETE FROM leases`)
	return err
}

func (s *sqlite) work(_ context.Context, c jobConfig) (jobs, error) {
	return startJobs(func(rc *river.Config) (*river.Client[*sql.Tx], error) {
		return river.NewClient(riversqlite.New(s.w), rc)
	}, c)
}

// jobTime is the text that River's driver writes. What the database's own clock wrote has no
// fractions and compares with it.
func (s *sqlite) jobTime(t time.Time) any { return t.UTC().Format("2006-01-02 15:04:05.000") }
