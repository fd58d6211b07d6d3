package store_test

import (
	"bytes"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// TestKnownFilesSurviveTheUpgrade: what was on a list before entries were records of their own
// is found, has an identifier, and can be taken off.
func TestKnownFilesSurviveTheUpgrade(t *testing.T) {
	value := bytes.Repeat([]byte{0xa7}, 32)
	for engine, open := range map[string]func(t *testing.T) (*sql.DB, func() *store.DB){
		"sqlite": func(t *testing.T) (*sql.DB, func() *store.DB) {
			path := filepath.Join(t.TempDir(), "cordon.db")
			raw, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			return raw, func() *store.DB { return openConfig(t, store.Config{Path: path}) }
		},
		"postgres": func(t *testing.T) (*sql.DB, func() *store.DB) {
			c := productionConfig(pgcluster.Start(t))
			pc, err := pgx.ParseConfig(c.OwnerURL)
			if err != nil {
				t.Fatal(err)
			}
			pc.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
			return stdlib.OpenDB(*pc), func() *store.DB { return openConfig(t, c) }
		},
	} {
		t.Run(engine, func(t *testing.T) {
			raw, opened := open(t)
			if err := store.MigrateTo(t.Context(), engine, raw, 6); err != nil {
				t.Fatal(err)
			}
			if _, err := raw.ExecContext(t.Context(), "INSERT INTO known (tenant, value, list, at) VALUES ($1, $2, $3, $4)", "acme", value, "blocked", 17); err != nil {
				t.Fatal(err)
			}
			raw.Close()
			db := opened()
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			db.Authenticate(storetest.Marks(), true) // its rows have no marks until somebody seals them
			k, ok, err := db.Known(t.Context(), "acme", value)
			if err != nil || !ok || k.List != cordon.KnownBlocked || k.Kind != cordon.KnownSHA256 || k.At.UnixNano() != 17 || k.Sealed != nil {
				t.Fatalf("%+v %v %v", k, ok, err)
			}
			if _, err := cordon.ParseID(cordon.PrefixKnown, string(k.ID)); err != nil {
				t.Error(err)
			}
			of := cordon.Ref{Tenant: "acme", Kind: cordon.KindSetting, ID: cordon.KnownFiles}
			entry := cordon.NewEntry(cordon.EntrySetting, of, k.At.AddDate(60, 0, 0), cordon.Cordon, nil)
			if err := db.Commit(t.Context(), cordon.Change{Of: of, From: "set", To: "set", Known: []cordon.Known{{ID: k.ID, Remove: true}}, Entries: []cordon.Entry{entry}}); err != nil {
				t.Error(err)
			}
		})
	}
}
