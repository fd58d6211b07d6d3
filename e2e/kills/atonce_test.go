package kills_test

import (
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// The same upload sent many times at once is one hold, on either engine, and all get its receipt.
func TestTheSameUploadAtOnce(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { atOnce(t, app.DatabaseConfig{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		db := pgcluster.Start(t)
		atOnce(t, app.DatabaseConfig{URL: db.App, OwnerURL: db.Owner, WorkerURL: db.Worker, SequencerURL: db.Sequencer})
	})
}

func atOnce(t *testing.T, db app.DatabaseConfig) {
	v := &victim{e2e.NewVictim(t, db, 5*time.Second)}
	v.Start()
	defer v.End()
	const n = 12
	said := make([]said, n)
	var clients sync.WaitGroup
	for i := range n {
		clients.Go(func() { said[i] = v.uploadOnce("the same", true) })
	}
	clients.Wait()
	for _, s := range said {
		if s.receipt == "" || s.receipt != said[0].receipt || s.created != "" {
			t.Errorf("told %+v, the first %+v; want one receipt", s, said[0])
		}
	}
	if held := v.Items("held"); len(held) != 1 {
		t.Errorf("%d holds, want one", len(held))
	}
}
