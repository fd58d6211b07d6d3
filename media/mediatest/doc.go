package mediatest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Table compares the part of docs/detection.md that begins with "<!-- PART:" and ends at the
// next "<!-- end" with what it should be, or writes it.
func Table(t testing.TB, part, want string, update bool) {
	t.Helper()
	path := filepath.Join(Root(t), "docs", "detection.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mark := "<!-- " + part + ":"
	before, rest, ok1 := strings.Cut(string(old), mark)
	head, rest, ok2 := strings.Cut(rest, "\n")
	_, after, ok3 := strings.Cut(rest, "<!-- end")
	if !ok1 || !ok2 || !ok3 {
		t.Fatalf("docs/detection.md has no place for %q", part)
	}
	now := before + mark + head + "\n" + want + "<!-- end" + after
	switch {
	case now == string(old):
	case update:
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/detection.md: %s is not what comes out now; run this test with -update", part)
	}
}
