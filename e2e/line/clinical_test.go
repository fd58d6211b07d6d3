package line_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/scan"
)

// Clinical images pass, however odd they are: all detectors together find nothing to hold in
// any file of the corpus, and none of them fails.
func TestClinicalImagesPass(t *testing.T) {
	dir := mediatest.Corpus(t, "dicom")
	files, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	// One that says of itself that it was made artificially is held among them.
	made, err := os.ReadFile(filepath.Join(dir, "pydicom__MR_small.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(made, []byte("\x08\x00\x20\x00DA"))
	made = append(made[:at:at], append([]byte("\x08\x00\x1C\x00CS\x04\x00YES "), made[at:]...)...)
	declared := filepath.Join(t.TempDir(), "declared.dcm")
	if err := os.WriteFile(declared, made, 0o666); err != nil {
		t.Fatal(err)
	}

	inspector, policy, err := app.Look{}.Open()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	scan.Run(t.Context(), scan.Config{Paths: append(files, declared), JSON: true, Inspector: inspector, Policy: policy, Out: &out, Err: &errs})
	seen := 0
	for line := range strings.Lines(out.String()) {
		var l struct {
			Path, Action string
			Findings     []struct{ Detector, Status, Label, Part string }
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		seen++
		want := "pass"
		if l.Path == declared {
			want = "hold"
		}
		if l.Action != want {
			t.Errorf("%s: %s: %+v", filepath.Base(l.Path), l.Action, l.Findings)
		}
		for _, f := range l.Findings {
			if f.Status == "failed" {
				t.Errorf("%s: %+v", filepath.Base(l.Path), f)
			}
		}
	}
	if seen != len(files)+1 {
		t.Errorf("%d lines for %d files: %s", seen, len(files)+1, errs.String())
	}
}
