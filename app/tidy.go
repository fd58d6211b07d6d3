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

// tidier sees to what nothing needs any more. Bytes without a record are set aside and stay for
// 30 days: an upload may have ended between storing and recording them, and then their key died
// with the process, but the record may also be missing because these are not the records that
// the bytes belong to. Intake keys that wrap nothing are destroyed.
type tidier struct {
	db    *store.DB
	blobs *blob.Files
	ring  *keyring.Ring
	log   *slog.Logger
	after time.Duration // how old bytes without an item must be; 0: any age, before serving begins
	slots int           // how many uploads may be between their bytes and their record at once
	force bool          // set aside however many there are
}

// intakeLife is how old an intake key must be to go.
const intakeLife = 48 * time.Hour

// sweep goes once over everything.
func (t tidier) sweep(ctx context.Context) error {
	asideErr := errors.Join(t.setAside(ctx), t.takeBack(ctx))
	keys, keysErr := t.ring.RetireIntake(ctx, time.Now().Add(-intakeLife))
	if keys > 0 {
		t.log.Info("intake keys that wrap nothing were destroyed", "keys", keys)
	}
	return errors.Join(asideErr, keysErr)
}

// strays are bytes without a record.
type strays struct {
	refs []cordon.BlobRef
	// old are so many of them that lay there for more than an hour when the newest file came:
	// no upload was in flight for as long.
	old int
	all int // files that there are, those with a record included
}

// mostOldStrays is how many old strays are set aside without asking. One may be left by each
// upload that could not be deleted when it was refused.
const mostOldStrays = 16

// belong reports whether there are more strays than crashes leave.
func (s strays) belong(slots int) error {
	if len(s.refs) <= slots && s.old <= mostOldStrays {
		return nil
	}
	return fmt.Errorf("%w: %d of %d files of bytes have no record, %d of them for more than an hour; a crash leaves at most one for each upload in flight, here %d, and %d older ones may have been left behind",
		cordon.ErrApart, len(s.refs), s.all, s.old, slots, mostOldStrays)
}

// strays looks for bytes without a record.
func (t tidier) strays(ctx context.Context) (s strays, err error) {
	before := time.Now().Add(-t.after)
	const batch = 500
	var newest time.Time
	times := map[cordon.BlobRef]time.Time{}
	var refs []cordon.BlobRef
	flush := func() error {
		stray, err := t.db.StrayBlobs(ctx, refs)
		if err != nil {
			return fmt.Errorf("look for bytes without a record: %w", err)
		}
		refs = refs[:0]
		s.refs = append(s.refs, stray...)
		return nil
	}
	for info, err := range t.blobs.List(ctx) {
		if err != nil {
			return s, err
		}
		s.all++
		if info.ModTime.After(newest) {
			newest = info.ModTime
		}
		if info.ModTime.After(before) {
			continue
		}
		times[info.Ref] = info.ModTime
		if refs = append(refs, info.Ref); len(refs) == batch {
			if err := flush(); err != nil {
				return s, err
			}
		}
	}
	if err := flush(); err != nil {
		return s, err
	}
	for _, ref := range s.refs {
		if newest.Sub(times[ref]) > time.Hour {
			s.old++
		}
	}
	return s, nil
}

// setAside moves bytes without a record aside, unless there are too many to be what crashes leave.
func (t tidier) setAside(ctx context.Context) error {
	s, err := t.strays(ctx)
	if err != nil || len(s.refs) == 0 {
		return err
	}
	if err := s.belong(t.slots); err != nil && !t.force {
		return fmt.Errorf("bytes without a record stay where they are: %w", err)
	}
	for i, ref := range s.refs {
		if err := t.blobs.SetAside(ctx, ref, time.Now()); err != nil {
			return fmt.Errorf("%d of %d files without a record are set aside: %w", i, len(s.refs), err)
		}
	}
	t.log.Warn("bytes without a record were set aside; they are kept for 30 days", "files", len(s.refs))
	return nil
}

// takeBack moves back what has a record after all, and destroys what had none for 30 days.
func (t tidier) takeBack(ctx context.Context) error {
	aside, err := t.blobs.ListAside(ctx)
	if err != nil || len(aside) == 0 {
		return err
	}
	refs := make([]cordon.BlobRef, len(aside))
	for i, a := range aside {
		refs[i] = a.Ref
	}
	unneeded, err := t.db.StrayBlobs(ctx, refs)
	if err != nil {
		return fmt.Errorf("look whether what was set aside has a record: %w", err)
	}
	stray := make(map[cordon.BlobRef]bool, len(unneeded))
	for _, ref := range unneeded {
		stray[ref] = true
	}
	back, gone := 0, 0
	for _, a := range aside {
		switch {
		case !stray[a.Ref]:
			err = t.blobs.TakeBack(ctx, a.Ref)
			back++
		case a.Expired(time.Now()):
			err = t.blobs.DropAside(ctx, a.Ref)
			gone++
		}
		if err != nil && !errors.Is(err, cordon.ErrNotFound) { // else it was opened meanwhile
			return err
		}
	}
	if back > 0 {
		t.log.Warn("bytes that had been set aside have a record and were taken back", "files", back)
	}
	if gone > 0 {
		t.log.Warn("bytes that had no record for 30 days were destroyed", "files", gone)
	}
	return nil
}

// aside reports what is set aside, as something to be looked at.
func (t tidier) aside(ctx context.Context) error {
	aside, err := t.blobs.ListAside(ctx)
	if err != nil || len(aside) == 0 {
		return err
	}
	return fmt.Errorf("%d files without a record are set aside, the first since %s; a few are what a crash leaves, many are not: docs/operations.md says what to do",
		len(aside), aside[0].Day.Format(time.DateOnly))
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
