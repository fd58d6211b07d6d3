package mediatest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Table compares a part of docs/detection.md with what it should be, or writes it.
func Table(t testing.TB, part, want string, update bool) {
	t.Helper()
	TableIn(t, "detection.md", part, want, update)
}

// TableIn does so for another page of docs. The part begins with "<!-- PART:" and ends at the
// next "<!-- end".
func TableIn(t testing.TB, page, part, want string, update bool) {
	t.Helper()
	path := filepath.Join(Root(t), "docs", page)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mark := "<!-- " + part + ":"
	before, rest, ok1 := strings.Cut(string(old), mark)
	head, rest, ok2 := strings.Cut(rest, "\n")
	_, after, ok3 := strings.Cut(rest, "<!-- end")
	if !ok1 || !ok2 || !ok3 {
		t.Fatalf("docs/%s has no place for %q", page, part)
	}
	now := before + mark + head + "\n" + want + "<!-- end" + after
	switch {
	case now == string(old):
	case update:
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/%s: %s is not what comes out now; run this test with -update", page, part)
	}
}
