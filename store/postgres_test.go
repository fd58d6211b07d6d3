package store_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

func productionConfig(d pgcluster.Database) store.Config {
	return store.Config{URL: d.App, OwnerURL: d.Owner, WorkerURL: d.Worker, SequencerURL: d.Sequencer}
}

func openPostgres(t testing.TB) (*store.DB, pgcluster.Database) {
	t.Helper()
	d := pgcluster.Start(t)
	return openConfig(t, productionConfig(d)), d
}

func openConfig(t testing.TB, c store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	db.Authenticate(storetest.Marks(), false)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.DB {
		db, _ := openPostgres(t)
		return db
	})
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(t.Context()) })
	return c
}

func TestPostgresLoginsAreHeld(t *testing.T) {
	db, d := openPostgres(t)
	if err := db.Ready(t.Context()); err != nil {
		t.Fatalf("a production set-up is not ready: %v", err)
	}
	it := storetest.NewItem("acme")
	c := storetest.Receive(it)
	c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectShred, it.Ref)}
	if err := db.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}

	app := connect(t, d.App)
	count := func(c *pgx.Conn, tenant, table string) (n int) {
		t.Helper()
		tx, err := c.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(t.Context())
		if _, err := tx.Exec(t.Context(), `SELECT set_config('cordon.tenant', $1, true)`, tenant); err != nil {
			t.Fatal(err)
		}
		if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, table := range []string{"items", "entries", "unsequenced", "effects"} {
		for tenant, want := range map[string]int{"acme": 1, "other": 0, "": 0} {
			if got := count(app, tenant, table); got != want {
				t.Errorf("the gateway as tenant %q sees %d rows of %s, want %d", tenant, got, table, want)
			}
		}
	}
	worker, sequencer, owner := connect(t, d.Worker), connect(t, d.Sequencer), connect(t, d.Owner)
	if got := count(worker, "", "effects"); got != 1 {
		t.Errorf("the worker sees %d effects, want 1", got)
	}
	if got := count(sequencer, "", "entries"); got != 1 {
		t.Errorf("the sequencer sees %d entries, want 1", got)
	}
	if got := count(owner, "acme", "entries"); got != 0 {
		t.Errorf("the owner sees %d entries past forced row security, want 0", got)
	}

	const named = `SET cordon.tenant = 'acme'; `
	for _, c := range []struct {
		conn *pgx.Conn
		who  string
		sql  string
	}{
		{app, "gateway", `UPDATE entries SET body = ''`},
		{app, "gateway", `DELETE FROM entries`},
		{app, "gateway", `TRUNCATE entries`},
		{app, "gateway", `DELETE FROM unsequenced`},
		{app, "gateway", `INSERT INTO leaves (tenant, idx, seq) VALUES ('acme', 0, 1)`},
		{app, "gateway", `UPDATE ledger_heads SET size = 0`},
		{app, "gateway", `DELETE FROM checkpoints`},
		{app, "gateway", `DELETE FROM items`},
		{app, "gateway", `UPDATE effects SET payload = ''`},
		{app, "gateway", `SELECT args FROM river_job`},
		{app, "gateway", `SELECT * FROM holders`},
		{app, "gateway", `ALTER TABLE entries DISABLE ROW LEVEL SECURITY`},
		{app, "gateway", `INSERT INTO actors (tenant, id, kind, name, created_at) VALUES ('other', 'a', 'person', 'x', 0)`},
		{app, "gateway", `DELETE FROM leases`},
		{app, "gateway", `INSERT INTO leases (tenant, name, holder, until) VALUES ('other', 'poll', 'x', 0)`},
		{worker, "worker", `SELECT * FROM leases`},
		{worker, "worker", `SELECT * FROM entries`},
		{worker, "worker", `UPDATE items SET state = 'kept'`},
		{worker, "worker", `SELECT * FROM actors`},
		{worker, "worker", `SELECT * FROM sessions`},
		{sequencer, "sequencer", `UPDATE entries SET body = ''`},
		{sequencer, "sequencer", `DELETE FROM entries`},
		{sequencer, "sequencer", `UPDATE leaves SET idx = 7`},
		{sequencer, "sequencer", `DELETE FROM checkpoints`},
		{sequencer, "sequencer", `SELECT * FROM items`},
	} {
		_, err := c.conn.Exec(t.Context(), named+c.sql, pgx.QueryExecModeSimpleProtocol)
		if err == nil || !strings.Contains(err.Error(), "42501") { // insufficient_privilege
			t.Errorf("%s: %s: %v, want it refused", c.who, c.sql, err)
		}
	}
}

// Of two nodes one has a lease, and the other gets it when the first lets go or stops renewing.
func TestPostgresLeaseOfTwoNodes(t *testing.T) {
	one, d := openPostgres(t)
	two := openConfig(t, productionConfig(d))
	held := func(db *store.DB, ttl time.Duration) bool {
		t.Helper()
		held, err := db.Lease(t.Context(), "acme", "poll", ttl)
		if err != nil {
			t.Fatal(err)
		}
		return held
	}
	for i := range 3 {
		if !held(one, time.Hour) || held(two, time.Hour) || !held(one, time.Hour) {
			t.Fatalf("turn %d: not one has the lease", i)
		}
		if i == 1 {
			held(one, time.Millisecond) // and never again: it died
			time.Sleep(5 * time.Millisecond)
		} else {
			held(one, 0)
		}
		if !held(two, time.Hour) {
			t.Fatalf("turn %d: nobody can take over", i)
		}
		one, two = two, one
	}
}

// A single login works for development, and is reported.
func TestPostgresOneLogin(t *testing.T) {
	for name, pick := range map[string]func(pgcluster.Database) string{
		"superuser": func(d pgcluster.Database) string { return d.Admin },
		"owner":     func(d pgcluster.Database) string { return d.Owner },
	} {
		t.Run(name, func(t *testing.T) {
			db := openConfig(t, store.Config{URL: pick(pgcluster.Start(t))})
			it := storetest.NewItem("acme")
			if err := db.Commit(t.Context(), storetest.Receive(it)); err != nil {
				t.Fatal(err)
			}
			if tenants, err := db.Tenants(t.Context()); err != nil || len(tenants) != 1 {
				t.Fatalf("tenants are %v, %v", tenants, err)
			}
			if err := db.Ready(t.Context()); err == nil {
				t.Fatal("a login that reads past row security is called ready")
			}
		})
	}
}

// wire is a TCP address that leads to the cluster until it is cut.
type wire struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	cut   bool
}

// lay leads connections to the socket in dir.
func lay(t *testing.T, dir string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l}
	t.Cleanup(w.sever)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL.5432"))
			if err != nil {
				in.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, in, out)
			cut := w.cut
			w.mu.Unlock()
			if cut {
				w.sever()
			}
			go io.Copy(in, out)
			go io.Copy(out, in)
		}
	}()
	return w
}

func (w *wire) sever() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	w.Close()
	for _, c := range w.conns {
		c.Close()
	}
}

// A database that is away is said to be away, by readiness and by every statement.
func TestPostgresAway(t *testing.T) {
	d := pgcluster.Start(t)
	openConfig(t, productionConfig(d)) // migrates
	u, err := url.Parse(d.App)
	if err != nil {
		t.Fatal(err)
	}
	w := lay(t, u.Query().Get("host"))
	q := u.Query()
	q.Set("host", "127.0.0.1")
	q.Set("port", strconv.Itoa(w.Addr().(*net.TCPAddr).Port))
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	c := productionConfig(d)
	c.URL = u.String()
	db, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err != nil {
		t.Fatalf("before: %v", err)
	}
	w.sever()
	for range 2 { // on the old connections, and on new ones
		err := db.Ready(t.Context())
		if !errors.Is(err, cordon.ErrUnavailable) || strings.Contains(err.Error(), "older") || !strings.Contains(err.Error(), "PostgreSQL does not answer") {
			t.Errorf("ready: %v", err)
		}
		if err := db.Commit(t.Context(), storetest.Receive(storetest.NewItem("acme"))); !cordon.Unavailable(err) {
			t.Errorf("commit: %v", err)
		}
		if _, err := db.Item(t.Context(), "acme", "item_x"); !cordon.Unavailable(err) {
			t.Errorf("read: %v", err)
		}
	}
	if _, err := store.Open(t.Context(), c); !cordon.Unavailable(err) {
		t.Errorf("open: %v", err)
	}
}
