package dicom_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/dicom"
	"github.com/cordonhq/cordon/media/mediatest"
)

// Every file that equipment or a library wrote is read to its end.
func TestCorpus(t *testing.T) {
	paths, _ := filepath.Glob(filepath.Join(mediatest.Corpus(t, "dicom"), "*.dcm"))
	if len(paths) == 0 {
		t.Fatal("no files")
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all := 0
		f, err := dicom.Open(t.Context(), bytes.NewReader(b), int64(len(b)), dicom.Limits{}, func(dicom.Element) { all++ })
		n := 0
		for range f.Frames() {
			n++
		}
		name := filepath.Base(path)
		t.Logf("%-50s %5d elements, %3d frames of %d, %s, unordered %d, misdeclared %v", name, all, n, f.Stated(), f.Syntax.Name, f.Unordered, f.Misdeclared)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if f.Syntax.Name == "" && f.Syntax.UID != "" {
			t.Errorf("%s: transfer syntax %s", name, f.Syntax.UID)
		}
		if _, has := f.Element(dicom.PixelData); has && n != int(f.Stated()) && !strings.Contains(name, "badVR") {
			t.Errorf("%s: %d frames of %d", name, n, f.Stated())
		}
	}
}
