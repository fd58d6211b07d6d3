package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Installation returns the id of the installation that the records are of; "" where they have none,
// as those of earlier releases, or have no tables yet. It changes nothing, and may be called before
// Migrate.
func (db *DB) Installation(ctx context.Context) (id string, err error) {
	there, err := db.engine.hasTable(ctx, "installation")
	if err != nil || !there {
		return "", wrapInstallation(err)
	}
	err = db.one(ctx, asApp, "", []any{&id}, `SELECT id FROM installation`)
	if errors.Is(err, cordon.ErrNotFound) {
		return "", nil
	}
	return id, wrapInstallation(err)
}

func wrapInstallation(err error) error {
	if err != nil {
		return fmt.Errorf("ask which installation the records are of: %w", err)
	}
	return nil
}

// SetInstallation says which installation the records are of, once and for all. It is
// cordon.ErrConflict if they are of another.
func (db *DB) SetInstallation(ctx context.Context, id string) error {
	if _, err := db.exec(ctx, asApp, "", `INSERT INTO installation (one, id) VALUES (1, $1) ON CONFLICT DO NOTHING`, id); err != nil {
		return fmt.Errorf("say which installation the records are of: %w", err)
	}
	stands, err := db.Installation(ctx)
	if err == nil && stands != id {
		err = fmt.Errorf("%w: the records are of installation %s, not %s", cordon.ErrConflict, stands, id)
	}
	return err
}

// Freeze has every Commit from now on refused with an error, and everything else go on. It is for
// records that are older than what was made of them: nothing may be built on them.
func (db *DB) Freeze(why error) { db.frozen.Store(&why) }

func (db *DB) isFrozen() error {
	if why := db.frozen.Load(); why != nil {
		return *why
	}
	return nil
}
