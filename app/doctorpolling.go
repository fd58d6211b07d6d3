package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/doctor"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/store"
)

// examinePolling reads how far polling has come, beside the process that polls.
func (c Config) examinePolling(t TenantConfig) func(context.Context) (doctor.Polling, error) {
	return func(ctx context.Context) (p doctor.Polling, err error) {
		if p.Every = t.Poll; p.Every <= 0 {
			return p, nil
		}
		sc := store.Config{URL: c.Database.URL, Log: slog.New(slog.DiscardHandler)}
		if sc.URL == "" {
			sc.Path, sc.ReadOnly = filepath.Join(c.path(c.Data), "cordon.db"), true
			if _, err := os.Stat(sc.Path); errors.Is(err, fs.ErrNotExist) {
				return p, fmt.Errorf("%s: %w", sc.Path, cordon.ErrNotFound)
			}
		}
		db, err := store.Open(ctx, sc)
		if err != nil {
			return p, err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		if p.LeasedUntil, err = db.Leased(ctx, t.ID, "poll"); err != nil {
			return p, err
		}
		if p.Unread, err = db.CountUnread(ctx, t.ID); err != nil {
			return p, err
		}
		p.ReadTo, err = events.ReadTo(ctx, db, t.ID)
		return p, err
	}
}
