package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

// Both engines run migrations/*.sql; what only one of them needs is in a folder of its
// name. Numbers run through both.
//
//go:embed migrations
var migrations embed.FS

// Migrate brings the tables up to this program, the queue's included, and is safe to call
// each time and from several nodes. On PostgreSQL it runs as the owner, and also creates
// the roles, grants and row-security policies.
func (db *DB) Migrate(ctx context.Context) error {
	if err := away(db.engine.migrate(ctx)); err != nil {
		return fmt.Errorf("migrate the store: %w", err)
	}
	return nil
}

// migrationFiles lists the embedded files of the engine by number.
func migrationFiles(engine string) map[int64]string {
	out := map[int64]string{}
	for _, pattern := range []string{"migrations/*.sql", "migrations/" + engine + "/*.sql"} {
		names, _ := fs.Glob(migrations, pattern) // the patterns are constant and well formed
		for _, name := range names {
			number, _, _ := strings.Cut(path.Base(name), "_")
			if n, err := strconv.ParseInt(number, 10, 64); err == nil {
				out[n] = name
			}
		}
	}
	return out
}

func newestMigration(engine string) (newest int64) {
	for n := range migrationFiles(engine) {
		newest = max(newest, n)
	}
	return newest
}

// runMigrations runs what has not been run yet, each file in a transaction. words replaces
// {{name}} in the text.
func runMigrations(ctx context.Context, dialect goose.Dialect, engine string, db *sql.DB, words map[string]string) error {
	p, err := migrator(dialect, engine, db, words)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func migrator(dialect goose.Dialect, engine string, db *sql.DB, words map[string]string) (*goose.Provider, error) {
	var list []*goose.Migration
	for n, name := range migrationFiles(engine) {
		text, err := migrationText(name, words)
		if err != nil {
			return nil, err
		}
		list = append(list, goose.NewGoMigration(n, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}}, nil))
	}
	return goose.NewProvider(dialect, db, nil, goose.WithGoMigrations(list...),
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

func migrationText(name string, words map[string]string) (string, error) {
	b, err := migrations.ReadFile(name)
	if err != nil {
		return "", err
	}
	text := string(b)
	for word, value := range words {
		text = strings.ReplaceAll(text, "{{"+word+"}}", value)
	}
	if i := strings.Index(text, "{{"); i >= 0 {
		return "", fmt.Errorf("%s: unknown word at %.20q", name, text[i:])
	}
	return text, nil
}
