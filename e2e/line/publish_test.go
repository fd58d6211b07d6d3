package line_test

import (
	"path/filepath"
	"testing"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/ledger"
)

// TestLedgerIsPublishedAsTiles: after a clean stop the folder of tiles holds every entry,
// and verifies with nothing but the verifier key.
func TestLedgerIsPublishedAsTiles(t *testing.T) {
	w := newWorld(t)
	if _, err := w.UploadJSON("id", "id.jpg", e2e.Media.Generated.Bytes); err != nil {
		t.Fatal(err)
	}
	w.Restart()
	s, err := ledger.LoadSigner(app.LedgerKey(filepath.Join(w.Dir, "keys"), "clinic"))
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(w.Dir, "data")
	tiles, err := app.Verification{Path: app.TilesFolder(data, "clinic"), VKeys: []string{s.VKey()}}.Run(t.Context())
	if err != nil || len(tiles) != 1 {
		t.Fatalf("verify the tiles: %v %+v", err, tiles)
	}
	records, err := app.Verification{Path: data, VKeys: []string{s.VKey()}}.Run(t.Context())
	if err != nil || len(records) != 1 {
		t.Fatalf("verify the records: %v %+v", err, records)
	}
	if tiles[0].Entries < 3 || tiles[0].Entries > records[0].Entries {
		t.Errorf("%d entries in the tiles, %d in the records", tiles[0].Entries, records[0].Entries)
	}
}
