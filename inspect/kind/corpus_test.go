package kind_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/kind"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// No file that a camera, an editor, a signer or a generator made is taken for a polyglot or
// for another kind of thing. Truncation is listed: the corpus has files cut on purpose.
func TestCorpus(t *testing.T) {
	for _, set := range []string{"generator-metadata", "c2pa", "pdq", "dicom", "watermark"} {
		dir := mediatest.Corpus(t, set)
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			m := mediatest.Open(t, path)
			m.Declared = media.Declared{Name: d.Name()}
			found, err := kind.New(kind.Config{}).Inspect(context.Background(), m)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return nil
			}
			rel, _ := filepath.Rel(filepath.Dir(dir), path)
			for _, f := range found {
				if f.Status == cordon.StatusFound {
					t.Logf("%-14s %-70s %s %v", f.Label, rel, f.Sentence, f.Detail)
				}
				cut := strings.Contains(rel, "-trunc") || strings.Contains(rel, "-append")
				switch f.Label {
				case cordon.LabelPolyglot, cordon.LabelTypeMismatch:
					t.Errorf("%s: %s: %s %v", rel, f.Label, f.Sentence, f.Detail)
				case cordon.LabelTruncated:
					if strings.Contains(rel, "generator-metadata/edited") || strings.Contains(rel, "generator-metadata/synthetic") {
						t.Errorf("%s: %s %v", rel, f.Label, f.Detail)
					}
				case cordon.LabelUnreadable:
					if !cut && !strings.HasPrefix(rel, "c2pa/") {
						t.Errorf("%s: %s %v", rel, f.Label, f.Detail)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
