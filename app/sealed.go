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
	"github.com/cordonhq/cordon/keyring"
	"github.com/cordonhq/cordon/store"
)

// sealedFile in the keys folder says that every row that anything acts on carries a mark. It is
// never taken back: from then on a row without one is somebody else's. It lies with the keys
// because who can write to the database must not be able to say otherwise.
const sealedFile = "records-sealed"

const sealedText = "The rows of this installation carry marks. A row without one was not written by Cordon.\n"

// authenticate has the store mark and check rows. Records that are empty are sealed from the start;
// those of an earlier release work on as they are until somebody seals them.
func authenticate(ctx context.Context, db *store.DB, ring *keyring.Ring, keysDir string, log *slog.Logger) error {
	keys, err := ring.RowKeys()
	if err != nil {
		return err
	}
	sealed, err := isSealed(keysDir)
	if err != nil {
		return err
	}
	if !sealed {
		empty, err := db.Empty(ctx)
		if err != nil {
			return fmt.Errorf("look whether the records are empty: %w", err)
		}
		if empty {
			err, sealed = noteSealed(keysDir), true
		}
		if err != nil {
			return err
		}
	}
	if !sealed {
		log.Warn("the records are of a release that did not mark rows: until \"cordon migrate --seal\" has run, with the gateway stopped, who can write to the database can decide in Cordon's name")
	}
	db.Authenticate(keys, !sealed)
	return nil
}

func isSealed(keysDir string) (bool, error) {
	_, err := os.Stat(filepath.Join(keysDir, sealedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether the records are sealed: %w", err)
	}
	return true, nil
}

// noteSealed writes the file, so that it survives losing power.
func noteSealed(keysDir string) error {
	path := filepath.Join(keysDir, sealedFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.WriteString(sealedText)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		var dir *os.File
		if dir, err = os.Open(keysDir); err == nil {
			err = errors.Join(dir.Sync(), dir.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("write %s, which says that the records are sealed (the keys folder must be writable when the records are new): %w", path, err)
	}
	return nil
}

// Seal marks the rows of an earlier release, with the gateway stopped. The ledger is verified
// first, and nothing may wait for its place in it: what is marked now counts as Cordon's.
func Seal(ctx context.Context, conf Config, log *slog.Logger) (rows int64, err error) {
	keysDir := conf.path(conf.Keys)
	if sealed, err := isSealed(keysDir); err != nil || sealed {
		if err == nil {
			err = fmt.Errorf("%w: the records are sealed already; a row without a mark was not written by Cordon", cordon.ErrNotNow)
		}
		return 0, err
	}
	lock, err := lockFolder(conf.path(conf.Data))
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	found, err := lookAtInstallation(ctx, conf)
	if err != nil {
		return 0, err
	}
	db, err := openStore(ctx, conf, func(db *store.DB) error { return found.checkRecordsID(ctx, db) }, log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if empty, err := db.Empty(ctx); err != nil {
		return 0, err
	} else if !empty {
		if _, err := (Verification{}).tenants(ctx, db, conf.path(conf.Data), keysDir); err != nil {
			return 0, fmt.Errorf("the ledger does not verify, so nothing is sealed: %w", err)
		}
	}
	ring, err := keyring.Open(masterKey(keysDir), db)
	if err != nil {
		return 0, err
	}
	keys, err := ring.RowKeys()
	if err != nil {
		return 0, err
	}
	db.Authenticate(keys, true)
	if rows, err = db.Seal(ctx); err != nil {
		return rows, err
	}
	return rows, noteSealed(keysDir)
}
