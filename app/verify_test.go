package app

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// To find nothing is not to have verified anything: a login that row security keeps from
// every row must not look like a ledger without fault.
func TestVerifyingNothingIsNoSuccess(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		verifyNothing(t, store.Config{Path: filepath.Join(dir, "cordon.db")}, Verification{Path: dir})
	})
	t.Run("postgres", func(t *testing.T) {
		d := pgcluster.Start(t)
		verifyNothing(t, store.Config{URL: d.App, OwnerURL: d.Owner, WorkerURL: d.Worker, SequencerURL: d.Sequencer}, Verification{DatabaseURL: d.App})
	})
}

func verifyNothing(t *testing.T, conf store.Config, v Verification) {
	db, err := store.Open(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Migrate(t.Context()), db.Close()); err != nil {
		t.Fatal(err)
	}
	if reports, err := v.Run(t.Context()); !errors.Is(err, cordon.ErrNotFound) || len(reports) != 0 {
		t.Errorf("%d reports, %v; want ErrNotFound", len(reports), err)
	}
}
