package store

import (
	"context"
	"database/sql"
	"log/slog"

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

// Sweep makes one pass of the sweeper, without anybody who carries effects out.
func (db *DB) Sweep(ctx context.Context) error { return sweeper(db).sweep(ctx) }

// SweepLost looks for jobs that the queue has lost.
func (db *DB) SweepLost(ctx context.Context) error { return sweeper(db).sweepLost(ctx) }

func sweeper(db *DB) *Runner { return &Runner{db: db, holder: "sweep", log: slog.Default()} }

// WaitingJobs counts the jobs that have not been taken up.
func (db *DB) WaitingJobs(ctx context.Context) (n int, err error) {
	err = db.one(ctx, asWorker, "", []any{&n}, `SELECT count(*) FROM river_job WHERE state IN ('available', 'scheduled')`)
	return n, err
}

// FinishJobs has every job and effect there is look as if it had been carried out.
func (db *DB) FinishJobs(ctx context.Context) error {
	return db.write(ctx, asWorker, "", func(tx txn) error {
		if _, err := tx.exec(`UPDATE river_job SET state = 'completed', finalized_at = CURRENT_TIMESTAMP`); err != nil {
			return err
		}
		_, err := tx.exec(`UPDATE effects SET state = 'done'`)
		return err
	})
}

// LoseJobs forgets every job.
func (db *DB) LoseJobs(ctx context.Context) error {
	_, err := db.exec(ctx, asWorker, "", `DELETE FROM river_job`)
	return err
}

// SQLiteTexts are the statements that SQLite was given so far, as they are written and as it reads
// them.
func SQLiteTexts() map[string]string {
	out := map[string]string{}
	texted.Range(func(k, v any) bool {
		out[k.(string)] = v.(string)
		return true
	})
	return out
}

// PostgresText is a statement as PostgreSQL reads it.
func PostgresText(text string) string { return pgText(text) }
