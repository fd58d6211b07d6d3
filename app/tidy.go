package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/blob"
	"github.com/cordonhq/cordon/keyring"
	"github.com/cordonhq/cordon/store"
)

// tidier destroys what nothing needs any more: bytes whose upload ended between storing and
// recording them (their key died with the process, so nobody could read them), and intake
// keys that wrap nothing.
type tidier struct {
	db    *store.DB
	blobs *blob.Files
	ring  *keyring.Ring
	log   *slog.Logger
	after time.Duration // how old bytes without an item must be; 0: any age, before serving begins
}

// intakeLife is how old an intake key must be to go.
const intakeLife = 48 * time.Hour

// sweep goes once over everything.
func (t tidier) sweep(ctx context.Context) error {
	n, err := t.strays(ctx)
	if n > 0 {
		t.log.Info("bytes that no item needs were deleted", "files", n)
	}
	keys, keysErr := t.ring.RetireIntake(ctx, time.Now().Add(-intakeLife))
	if keys > 0 {
		t.log.Info("intake keys that wrap nothing were destroyed", "keys", keys)
	}
	return errors.Join(err, keysErr)
}

func (t tidier) strays(ctx context.Context) (n int, err error) {
	before := time.Now().Add(-t.after)
	const batch = 500
	var refs []cordon.BlobRef
	flush := func() error {
		stray, err := t.db.StrayBlobs(ctx, refs)
		if err != nil {
			return fmt.Errorf("look for bytes that no item needs: %w", err)
		}
		refs = refs[:0]
		for _, ref := range stray {
			if err := t.blobs.Delete(ctx, ref); err != nil {
				return err
			}
			n++
		}
		return nil
	}
	for info, err := range t.blobs.List(ctx) {
		if err != nil {
			return n, err
		}
		if info.ModTime.After(before) {
			continue
		}
		if refs = append(refs, info.Ref); len(refs) == batch {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	return n, flush()
}

// run sweeps once a day until ctx ends.
func (t tidier) run(ctx context.Context) {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := t.sweep(ctx); err != nil {
				t.log.Warn("tidying up did not end; it is tried again tomorrow", "err", err)
			}
		}
	}
}
