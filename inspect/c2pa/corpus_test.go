package c2pa

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// corpus finds the folder of real files with known answers. It is not part of the
// repository.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("CORDON_CORPUS")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		for !exists(filepath.Join(root, "go.mod")) {
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "corpus")
	}
	if dir = filepath.Join(dir, "c2pa"); !exists(filepath.Join(dir, "index.json")) {
		t.Skipf("no corpus at %s (set CORDON_CORPUS)", dir)
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

type corpusIndex struct {
	EvaluatedAt time.Time    `json:"evaluated_at"`
	Files       []corpusFile `json:"files"`
}

type corpusFile struct {
	File      string `json:"file"`
	MediaType string `json:"media_type"`
	RemoteURL string `json:"remote_manifest_url"`
	Expected  struct {
		Verdict  string                     `json:"verdict"`
		Profiles map[string]corpusExpection `json:"profiles"`
	} `json:"expected"`
	Generator   string   `json:"claim_generator"`
	Algorithm   string   `json:"signature_alg"`
	SourceTypes []string `json:"digital_source_type_all"`
}

type corpusExpection struct {
	State         string   `json:"state"`
	Success       []string `json:"success"`
	Informational []string `json:"informational"`
	Failure       []string `json:"failure"`
	Ingredient    []string `json:"ingredient_failure"`
}

// state is what we must say: an unreadable manifest is invalid, an address alone is remote.
func (f corpusFile) state(profile string) State {
	if s := f.Expected.Profiles[profile].State; s != "" {
		return State(strings.ToLower(s))
	}
	return State(f.Expected.Verdict)
}

func readIndex(t testing.TB) (string, corpusIndex) {
	dir := corpus(t)
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index corpusIndex
	if err := json.Unmarshal(b, &index); err != nil {
		t.Fatal(err)
	}
	return dir, index
}

// profile builds the validator that a trust profile of the corpus describes.
func profile(t testing.TB, dir, name string, at time.Time) *Validator {
	t.Helper()
	read := func(file string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "trust", file))
		if err != nil {
			t.Fatal(err)
		}
		return append(b, '\n')
	}
	c := Config{Anchors: read("official-C2PA-TRUST-LIST.pem"), TSAAnchors: read("official-C2PA-TSA-TRUST-LIST.pem"),
		Now: func() time.Time { return at }}
	switch name {
	case "interim":
		c.Anchors = append(c.Anchors, read("interim-anchors.pem")...)
		c.Allowed = read("interim-allowed.pem")
	case "test":
		c.Anchors = append(c.Anchors, read("test-test_cert_root_bundle.pem")...)
	}
	v, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCorpusDraft(t *testing.T) {
	dir, index := readIndex(t)
	for _, name := range []string{"official", "interim", "test"} {
		v := profile(t, dir, name, index.EvaluatedAt)
		n, same, codes, info, types := 0, 0, 0, 0, 0
		for _, f := range index.Files {
			b, err := os.ReadFile(filepath.Join(dir, f.File))
			if err != nil {
				t.Fatal(err)
			}
			p, err := v.Validate(context.Background(), bytes.NewReader(b), int64(len(b)))
			if err == ErrContainer {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", f.File, err)
				continue
			}
			n++
			want := f.Expected.Profiles[name]
			if p.State == f.state(name) {
				same++
			} else {
				t.Errorf("%s %s: state %s, want %s; failure %v / %v want %v / %v", name, f.File, p.State, f.state(name), p.Failure, p.IngredientFailure, want.Failure, want.Ingredient)
			}
			if want.State == "" {
				continue
			}
			if slices.Equal(p.Failure, want.Failure) {
				codes++
			} else {
				t.Logf("%s %s: failure %v want %v", name, f.File, p.Failure, want.Failure)
			}
			if slices.Equal(p.Informational, want.Informational) {
				info++
			} else {
				t.Logf("%s %s: informational %v want %v", name, f.File, p.Informational, want.Informational)
			}
			if name == "test" && want.Success != nil && !slices.Equal(p.Success, want.Success) {
				t.Logf("%s %s: success %v want %v", name, f.File, p.Success, want.Success)
			}
			if name == "test" && !slices.Equal(p.IngredientFailure, want.Ingredient) && len(p.IngredientFailure)+len(want.Ingredient) > 0 {
				t.Logf("%s %s: ingredient %v want %v", name, f.File, p.IngredientFailure, want.Ingredient)
			}
			a, b2 := slices.Sorted(slices.Values(p.SourceTypes)), slices.Sorted(slices.Values(f.SourceTypes))
			if slices.Equal(a, b2) {
				types++
			} else if name == "official" {
				t.Logf("%s: types %v want %v", f.File, a, b2)
			}
		}
		t.Logf("%s: %d of %d states, %d codes, %d informational, %d types", name, same, n, codes, info, types)
	}
}
