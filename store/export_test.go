package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
)

// MigrateTo brings the tables of a database up to one migration.
func MigrateTo(ctx context.Context, engine string, db *sql.DB, version int64) error {
	dialect, words := goose.DialectSQLite3, sqliteWords
	if engine == "postgres" {
		dialect, words = goose.DialectPostgres, postgresWords
	}
	p, err := migrator(dialect, engine, db, words)
	if err == nil {
		_, err = p.UpTo(ctx, version)
	}
	return err
}
