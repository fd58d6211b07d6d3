package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every script can be cleaned up after, and can be told from the others.
func TestScripts(t *testing.T) {
	var names []string
	for _, s := range Scripts() {
		if slices.Contains(names, s.Name) || s.Covers == "" || len(s.Steps) == 0 {
			t.Errorf("%s: its name is taken, or it does not say what it covers", s.Name)
		}
		names = append(names, s.Name)
		for _, object := range s.Objects() {
			if with, is := goesWith[object]; is {
				object = with
			}
			if object == bulkJob {
				continue
			}
			if !slices.ContainsFunc(named, func(n struct{ object, field string }) bool { return n.object == object }) || prefixOf[object] == "" {
				t.Errorf("%s makes %s, which nobody knows how to remove", s.Name, object)
			}
		}
		var steps []string
		for _, step := range s.Steps {
			if slices.Contains(steps, step.Name) {
				t.Errorf("%s has two steps %q", s.Name, step.Name)
			}
			steps = append(steps, step.Name)
			creates := step.Body != "" && (step.Method == "" || step.Method == "POST") && !strings.HasPrefix(step.Path, "/services/Soap")
			if creates && len(step.Makes) == 0 && step.Want["status"] == "201" {
				t.Errorf("%s, %s creates something that is not noted", s.Name, step.Name)
			}
			// What has no marker in it cannot be found again.
			if len(step.Makes) > 0 && step.Want["status"] == "201" && !strings.Contains(step.Body, "{marker}") && step.Makes[0].Object != "ContentDocumentLink" {
				t.Errorf("%s, %s makes something without the marker", s.Name, step.Name)
			}
		}
	}
}

// The README says when the simulator last met a real org: the newest report that is kept, or
// never.
func TestReadmeSaysWhenItLastMetAnOrg(t *testing.T) {
	root := filepath.Join("..", "..")
	reports, err := filepath.Glob(filepath.Join(root, "docs", "conformance", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	last := "never"
	for _, r := range reports {
		if name := strings.TrimSuffix(filepath.Base(r), ".md"); regexp.MustCompile(`^\d{4}-\d\d-\d\d$`).MatchString(name) {
			last = name
		}
	}
	for _, doc := range []string{"README.md", "docs/conformance/README.md"} {
		text, err := os.ReadFile(filepath.Join(root, doc))
		if err != nil {
			t.Fatal(err)
		}
		if want := "The simulator has last met a real org: " + last; !strings.Contains(string(text), want) {
			t.Errorf("%s does not say %q", doc, want)
		}
	}
}
