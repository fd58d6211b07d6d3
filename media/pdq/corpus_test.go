package pdq_test

import (
	"bytes"
	"encoding/json"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/pdq"
)

// TestReference compares with what the reference says of real pictures. PNG gives the same
// pixels everywhere, so the hash must be the same; decoders of JPEG round differently.
func TestReference(t *testing.T) {
	dir := mediatest.Corpus(t, "pdq")
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Items []struct {
			File, PDQ string
			Quality   int
		}
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, item := range index.Items {
		raw, err := os.ReadFile(filepath.Join(dir, item.File))
		if err != nil {
			t.Fatal(err)
		}
		m, format, err := image.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Errorf("%s: %v", item.File, err)
			continue
		}
		want, err := pdq.Parse(item.PDQ)
		if err != nil {
			t.Fatal(err)
		}
		got, quality := pdq.Of(m)
		off := got.Distance(want)
		allowed := 256 // a hash without detail says nothing
		switch {
		case format == "png":
			allowed = 0
		case item.Quality >= 80:
			allowed = 10 // the reference's own rule for other decoders
		}
		if off > allowed || quality != item.Quality {
			t.Errorf("%s: %s is %d bits off, quality %d instead of %d", item.File, got, off, quality, item.Quality)
		}
		if off == 0 {
			same++
		}
	}
	if same < len(index.Items)*3/4 {
		t.Errorf("only %d of %d hashes are those of the reference", same, len(index.Items))
	}
	t.Logf("%d of %d hashes are those of the reference, bit for bit", same, len(index.Items))
}
