package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/cordonhq/cordon"
)

// migrateLock keeps nodes that start together from migrating together.
const migrateLock = 0x636f72646f6e // "cordon"

func (p *postgres) migrate(ctx context.Context) error {
	pc, err := pgxpool.ParseConfig(p.c.OwnerURL)
	if err != nil {
		return fmt.Errorf("%w: the owner's PostgreSQL URL cannot be read", cordon.ErrInvalid)
	}
	pc.MaxConns = 3
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return err
	}
	defer pool.Close()
	lock, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer lock.Release()
	if _, err := lock.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(migrateLock)); err != nil {
		return err
	}
	defer lock.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(migrateLock))

	for _, role := range []string{p.c.AppRole, p.c.WorkerRole, p.c.SequencerRole} {
		if err := ensureRole(ctx, lock.Conn(), role); err != nil {
			return err
		}
	}
	// Files hold many statements each, which only the simple protocol takes.
	simple := pc.ConnConfig.Copy()
	simple.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	db := stdlib.OpenDB(*simple)
	defer db.Close()
	if err := runMigrations(ctx, goose.DialectPostgres, "postgres", db, postgresWords); err != nil {
		return err
	}
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: quiet(p.log)})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	grants, err := migrationText("migrations/postgres/grants.sql", map[string]string{
		"app":       pgx.Identifier{p.c.AppRole}.Sanitize(),
		"worker":    pgx.Identifier{p.c.WorkerRole}.Sanitize(),
		"sequencer": pgx.Identifier{p.c.SequencerRole}.Sanitize(),
	})
	if err != nil {
		return err
	}
	if err := grant(ctx, lock.Conn(), grants); err != nil {
		return fmt.Errorf("grant rights: %w", err)
	}
	if p.c.OwnerURL == p.c.URL {
		return p.joinRoles(ctx, lock.Conn())
	}
	return nil
}

// postgresWords are what migrations say in its own way.
var postgresWords = map[string]string{"serial": "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
	"first 26 hex digits of value": "encode(substr(value, 1, 13), 'hex')"}

// grant runs the text of rights once for each of its versions and each set of tables: it locks every table, and a
// node that starts must not get into the way of those that work.
func grant(ctx context.Context, c *pgx.Conn, text string) error {
	if _, err := c.Exec(ctx, `CREATE TABLE IF NOT EXISTS granted (digest text NOT NULL)`); err != nil {
		return err
	}
	var tables string // a new version of the queue brings tables of its own
	if err := c.QueryRow(ctx, `
		SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
		WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace`).Scan(&tables); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(text + tables))
	digest := hex.EncodeToString(sum[:])
	var done bool
	if err := c.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM granted WHERE digest = $1)`, digest).Scan(&done); err != nil || done {
		return err
	}
	const deadlock = "40P01"
	for attempt := 1; ; attempt++ {
		_, err := c.Exec(ctx, "BEGIN;"+text+";DELETE FROM granted;INSERT INTO granted VALUES ('"+digest+"');COMMIT", pgx.QueryExecModeSimpleProtocol)
		if err == nil {
			return nil
		}
		c.Exec(context.WithoutCancel(ctx), "ROLLBACK")
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != deadlock || attempt == 5 {
			return err
		}
	}
}

// ensureRole creates a role without login where it is missing.
func ensureRole(ctx context.Context, c *pgx.Conn, role string) error {
	var there bool
	if err := c.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)`, role).Scan(&there); err != nil || there {
		return err
	}
	name := pgx.Identifier{role}.Sanitize()
	_, err := c.Exec(ctx, "CREATE ROLE "+name+" NOLOGIN")
	var e *pgconn.PgError
	if errors.As(err, &e) && (e.Code == "42710" || e.Code == "23505") {
		return nil // another database of the cluster was quicker
	}
	if err != nil {
		return fmt.Errorf("create role %s (or have an administrator run: CREATE ROLE %s NOLOGIN): %w", role, name, err)
	}
	return nil
}

// joinRoles lets a single login do everything: a development set-up, which ready reports.
func (p *postgres) joinRoles(ctx context.Context, c *pgx.Conn) error {
	for _, role := range []string{p.c.AppRole, p.c.WorkerRole, p.c.SequencerRole} {
		var member bool
		if err := c.QueryRow(ctx, `SELECT pg_has_role(current_user, $1, 'USAGE')`, role).Scan(&member); err != nil {
			return err
		}
		if !member {
			if _, err := c.Exec(ctx, "GRANT "+pgx.Identifier{role}.Sanitize()+" TO CURRENT_USER"); err != nil {
				return fmt.Errorf("let the one login act as %s (or configure an owner login): %w", role, err)
			}
		}
	}
	return nil
}

// ready checks the age of the tables and that the gateway's login is held by row security
// and by the grants on the ledger.
func (p *postgres) ready(ctx context.Context) error {
	app := p.pools[asApp]
	var have int64
	err := app.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&have)
	if err = away(err); cordon.Unavailable(err) {
		return fmt.Errorf("PostgreSQL does not answer (look whether it runs and takes connections): %w", err)
	}
	if err != nil || have < newestMigration("postgres") {
		return fmt.Errorf("the tables are older than this program (at %d), or the login has no rights on them: run the migrations first", have)
	}
	var user string
	var super, bypass, owns, rewrites, others bool
	err = app.QueryRow(ctx, `
		SELECT current_user, r.rolsuper, r.rolbypassrls,
			EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = 'entries'::regclass AND pg_has_role(r.oid, c.relowner, 'USAGE')),
			has_table_privilege(r.oid, 'entries', 'UPDATE') OR has_table_privilege(r.oid, 'entries', 'DELETE'),
			EXISTS (SELECT 1 FROM pg_roles o WHERE o.rolname = ANY($1) AND pg_has_role(r.oid, o.oid, 'USAGE'))
		FROM pg_roles r WHERE r.rolname = current_user`, []string{p.c.WorkerRole, p.c.SequencerRole}).
		Scan(&user, &super, &bypass, &owns, &rewrites, &others)
	if err != nil {
		return fmt.Errorf("look at the rights of the gateway's login: %w", err)
	}
	for _, bad := range []struct {
		is   bool
		what string
	}{
		{super, "is a superuser"},
		{bypass, "bypasses row security"},
		{owns, "owns the tables"},
		{rewrites, "may change or delete ledger entries"},
		{others, "acts as the worker or the sequencer too"},
	} {
		if bad.is {
			return fmt.Errorf("%w: the gateway's PostgreSQL login %q %s; give it a login that is only a member of %s, and set the owner's, worker's and sequencer's logins apart",
				cordon.ErrForbidden, user, bad.what, p.c.AppRole)
		}
	}
	for as, what := range map[login]string{asWorker: "worker", asSequencer: "sequencer"} {
		if err := p.pools[as].Ping(ctx); err != nil {
			return fmt.Errorf("the %s's PostgreSQL login: %w", what, err)
		}
	}
	return nil
}
