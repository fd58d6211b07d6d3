// Package mediatest finds and makes the files that tests of media and of detectors use.
package mediatest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/cordonhq/cordon/media"
)

// Corpus returns the folder of one set of the corpus, which is not part of the repository:
// CORDON_CORPUS, or ../shared/corpus beside the repository. A test is skipped, and says why, where it
// is absent.
func Corpus(t testing.TB, set string) string {
	t.Helper()
	root := os.Getenv("CORDON_CORPUS")
	if root == "" {
		root = filepath.Join(Root(t), "..", "shared", "corpus")
	}
	dir := filepath.Join(root, set)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("needs the corpus: set CORDON_CORPUS to a folder that has %q: %v", set, err)
	}
	return dir
}

// Root returns the folder of the module's go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}

// Entry is one file of a corpus index.
type Entry struct {
	File      string   `json:"file"`
	SHA256    string   `json:"sha256"`
	MediaType string   `json:"media_type"`
	Label     string   `json:"label"`
	Markers   []string `json:"markers"`
	Expected  struct {
		Verdict string `json:"verdict"`
	} `json:"expected"`
	SourceTypes []string `json:"digital_source_type_all"`
}

// Index reads the index of one set of the corpus.
func Index(t testing.TB, set string) (dir string, files []Entry) {
	t.Helper()
	dir = Corpus(t, set)
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Files []Entry `json:"files"`
	}
	if err := json.Unmarshal(b, &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Files) == 0 {
		t.Fatalf("the index of %s is empty", set)
	}
	return dir, index.Files
}

// Open opens a file until the test ends.
func Open(t testing.TB, path string) *media.Media {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := media.Open(f, info.Size(), media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// Models returns the folder of one set of models, which is not part of the repository:
// CORDON_MODELS, or ../shared/models beside the repository. A test is skipped, and says why,
// where it is absent.
func Models(t testing.TB, set string) string {
	t.Helper()
	root := os.Getenv("CORDON_MODELS")
	if root == "" {
		root = filepath.Join(Root(t), "..", "shared", "models")
	}
	dir := filepath.Join(root, set)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("needs the models: set CORDON_MODELS to a folder that has %q: %v", set, err)
	}
	return dir
}
