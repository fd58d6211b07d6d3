package marks_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/marks"
	"github.com/cordonhq/cordon/media/mediatest"
)

// says returns the labels that the detector finds, and the sentence of the first.
func says(t testing.TB, path string) (labels []cordon.Label, sentence string) {
	t.Helper()
	found, err := marks.New(marks.Config{}).Inspect(context.Background(), mediatest.Open(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, f := range found {
		labels = append(labels, f.Label)
	}
	return labels, found[0].Sentence
}

func generated(labels []cordon.Label) bool {
	return slices.Contains(labels, cordon.LabelGeneratorMark) || slices.Contains(labels, cordon.LabelSyntheticTag) || slices.Contains(labels, cordon.LabelCompositeTag)
}

// Every file of the corpus that a generator wrote is told by its marks, unless its only mark
// is a content credential; no camera's file is; no edited file is.
func TestCorpus(t *testing.T) {
	dir, files := mediatest.Index(t, "generator-metadata")
	seen := map[string]int{}
	for _, e := range files {
		labels, sentence := says(t, filepath.Join(dir, e.File))
		seen[e.Label]++
		onlyC2PA := len(e.Markers) > 0 && !slices.ContainsFunc(e.Markers, func(m string) bool { return !strings.HasPrefix(m, "c2pa:") })
		t.Logf("%-10s %-60s %v %s", e.Label, e.File, labels, sentence)
		switch {
		case e.Label == "synthetic" && onlyC2PA:
			if !generated(labels) {
				t.Logf("%-10s %-60s only a content credential: belongs to c2pa", "", e.File)
			}
		case e.Label == "synthetic" && !generated(labels):
			t.Errorf("%s: %v, want a generator; markers %v", e.File, labels, e.Markers)
		case e.Label != "synthetic" && generated(labels):
			t.Errorf("%s: %v, but it is %s: %s", e.File, labels, e.Label, sentence)
		case e.Label == "camera" && !slices.Contains(labels, cordon.LabelCameraMark):
			t.Errorf("%s: %v, want camera-mark", e.File, labels)
		case e.Label == "edited" && !slices.Contains(labels, cordon.LabelEditorMark):
			t.Errorf("%s: %v, want editor-mark", e.File, labels)
		}
	}
	if seen["synthetic"] == 0 || seen["camera"] == 0 || seen["edited"] == 0 {
		t.Fatalf("the corpus lacks a kind: %v", seen)
	}
}

// Files that are about other things must not be taken for generated.
func TestOtherCorpora(t *testing.T) {
	for _, set := range []string{"c2pa/none", "pdq", "dicom", "watermark"} {
		dir := mediatest.Corpus(t, set)
		paths, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if labels, sentence := says(t, path); generated(labels) {
				t.Errorf("%s: %v %s", path, labels, sentence)
			}
		}
	}
}

// Of signed files, only those are marked whose credential declares a model, too.
func TestSignedFiles(t *testing.T) {
	dir, files := mediatest.Index(t, "c2pa")
	for _, e := range files {
		labels, sentence := says(t, filepath.Join(dir, e.File))
		if !generated(labels) {
			continue
		}
		t.Logf("%s: %v %s", e.File, labels, sentence)
		if !slices.ContainsFunc(e.SourceTypes, func(s string) bool { return strings.Contains(strings.ToLower(s), "algorithmicmedia") }) {
			t.Errorf("%s: %v %s, but its credential declares %v", e.File, labels, sentence, e.SourceTypes)
		}
	}
}
