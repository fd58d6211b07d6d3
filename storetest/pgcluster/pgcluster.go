// Package pgcluster gives tests a PostgreSQL cluster of their own, started from the
// binaries of the machine and gone with the process that started it.
package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Database is a fresh database with the logins of a production set-up.
type Database struct {
	Admin     string // a superuser, for tests that look behind the scenes
	Owner     string // owns the database and may create roles
	App       string // a member of cordon_app
	Worker    string // a member of cordon_worker
	Sequencer string // a member of cordon_sequencer
}

// Start returns a fresh database in the process's cluster, starting it at first use. It
// skips the test when the machine has no PostgreSQL.
func Start(t testing.TB) Database {
	t.Helper()
	c, err := shared()
	if errors.Is(err, errNoBinaries) {
		t.Skipf("skipped: %v", err)
	}
	if err != nil {
		t.Fatalf("PostgreSQL for the tests: %v", err)
	}
	d, err := c.database(t.Context())
	if err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	return d
}

// StartAlone is Start on a server that no other test uses, so that it can be crashed.
func StartAlone(t testing.TB) Database {
	t.Helper()
	c, err := start()
	if errors.Is(err, errNoBinaries) {
		t.Skipf("skipped: %v", err)
	}
	if err != nil {
		t.Fatalf("PostgreSQL for the test: %v", err)
	}
	t.Cleanup(func() { c.leash.Close() })
	d, err := c.database(t.Context())
	if err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	return d
}

var errNoBinaries = errors.New("no PostgreSQL here: initdb and postgres are neither in PATH nor in /usr/lib/postgresql/*/bin; install the postgresql package")

type cluster struct {
	socket string // folder
	last   atomic.Int64
	leash  io.Closer // its other end is the keeper's input; kept from the garbage collector
}

var shared = sync.OnceValues(start)

// binaries finds the folder of initdb and postgres, the newest version first.
func binaries() (string, error) {
	var dirs []string
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	packaged, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well formed
	slices.SortFunc(packaged, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range append(dirs, packaged...) {
		if runs(filepath.Join(dir, "initdb")) && runs(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", errNoBinaries
}

func version(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

func runs(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// unprivileged returns whom to run as: PostgreSQL refuses to be root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and neither the user postgres nor nobody exists")
}

// keeper runs the server until its own input ends, which it does when the test process
// ends, however that happens; then it stops the server and removes the folder.
const keeper = `
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=200 -c shared_buffers=64MB </dev/null &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$2"
`

func start() (*cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// A socket's path may have 107 bytes and every folder above must be open to the other
	// user, so this is not below the test's own temporary folder.
	dir, err := os.MkdirTemp("/tmp", "cordon-pg-")
	if err != nil {
		return nil, err
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, err
		}
	}
	attr := &syscall.SysProcAttr{Credential: as, Setpgid: true} // a ^C at the terminal is the tests' affair
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "admin", "-A", "trust",
		"-E", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	server := exec.Command("/bin/sh", "-c", keeper, "keeper", bin, dir)
	server.Dir, server.SysProcAttr, server.Stdout, server.Stderr = dir, attr, log, log
	leash, err := server.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	c := &cluster{socket: dir, leash: leash}
	if err := c.prepare(); err != nil {
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return c, nil
}

func (c *cluster) url(user, database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {c.socket}, "user": {user}}.Encode()
}

// prepare waits for the server and creates the roles and logins.
func (c *cluster) prepare() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var conn *pgx.Conn
	for {
		var err error
		if conn, err = pgx.Connect(ctx, c.url("admin", "postgres")); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
	defer conn.Close(ctx)
	_, err := conn.Exec(ctx, strings.Join([]string{
		"CREATE ROLE owner LOGIN CREATEROLE",
		"CREATE ROLE cordon_app NOLOGIN", "CREATE ROLE cordon_worker NOLOGIN", "CREATE ROLE cordon_sequencer NOLOGIN",
		"CREATE ROLE gateway LOGIN IN ROLE cordon_app",
		"CREATE ROLE worker LOGIN IN ROLE cordon_worker",
		"CREATE ROLE sequencer LOGIN IN ROLE cordon_sequencer",
	}, ";"), pgx.QueryExecModeSimpleProtocol)
	return err
}

func (c *cluster) database(ctx context.Context) (Database, error) {
	name := "test" + strconv.FormatInt(c.last.Add(1), 10)
	conn, err := pgx.Connect(ctx, c.url("admin", "postgres"))
	if err != nil {
		return Database{}, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" OWNER owner"); err != nil {
		return Database{}, err
	}
	mine, err := pgx.Connect(ctx, c.url("admin", name))
	if err != nil {
		return Database{}, err
	}
	defer mine.Close(ctx)
	if _, err := mine.Exec(ctx, "ALTER SCHEMA public OWNER TO owner"); err != nil {
		return Database{}, err
	}
	return Database{Admin: c.url("admin", name), Owner: c.url("owner", name), App: c.url("gateway", name),
		Worker: c.url("worker", name), Sequencer: c.url("sequencer", name)}, nil
}
