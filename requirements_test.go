package cordon_test

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// requirementIDs returns the id of every row: two source documents, and what was derived.
func requirementIDs() (ids []string) {
	for _, s := range []struct {
		prefix string
		n      int
	}{{"S1", 36}, {"S2", 64}, {"D", 32}} {
		for i := range s.n {
			ids = append(ids, fmt.Sprintf("%s-%02d", s.prefix, i+1))
		}
	}
	return ids
}

func TestRequirements(t *testing.T) {
	doc, err := os.ReadFile("docs/requirements.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := testNames(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range checkRequirements(string(doc), requirementIDs(), tests) {
		t.Error("docs/requirements.md: ", wrong)
	}
}

// The requirements themselves are kept beside the corpus, where both are at hand.
func TestRequirementIDs(t *testing.T) {
	corpus := cmp.Or(os.Getenv("CORDON_CORPUS"), filepath.Join("..", "shared", "corpus"))
	b, err := os.ReadFile(filepath.Join(corpus, "..", "REQUIREMENTS.md"))
	want := requirementIDs()
	if errors.Is(err, fs.ErrNotExist) {
		if len(want) != 132 || want[0] != "S1-01" || want[131] != "D-32" {
			t.Errorf("%d ids from %s", len(want), want[0])
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range regexp.MustCompile(`(?m)^\| *((?:S1|S2|D)-\d+) *\|`).FindAllStringSubmatch(string(b), -1) {
		got = append(got, row[1])
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the requirements have the rows %v", got)
	}
}

var (
	requirementRow = regexp.MustCompile(`^\| *([A-Z][A-Z0-9]*-\d+) *\|[^|]*\| *([^|]*?) *\|$`)
	statusPattern  = regexp.MustCompile(`^(covered|partly \([^()]+\)): (.+)$`)
	testPattern    = regexp.MustCompile(`^([A-Z]\w*)(/\S+)? \(([\w./-]+)\)$`)
)

// checkRequirements returns what is wrong with the document. tests holds "Name (package)".
func checkRequirements(doc string, ids []string, tests map[string]bool) (wrong []string) {
	seen := map[string]bool{}
	for i, line := range strings.Split(doc, "\n") {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		row := requirementRow.FindStringSubmatch(line)
		if row == nil {
			if !strings.HasPrefix(line, "| Row |") && !strings.HasPrefix(line, "|---") {
				wrong = append(wrong, fmt.Sprintf("line %d is not of the form | row | what | status |", i+1))
			}
			continue
		}
		id, status := row[1], row[2]
		switch {
		case !slices.Contains(ids, id):
			wrong = append(wrong, fmt.Sprintf("line %d: there is no row %s in the requirements", i+1, id))
		case seen[id]:
			wrong = append(wrong, fmt.Sprintf("line %d: row %s is here twice", i+1, id))
		}
		seen[id] = true
		if status == "not yet" {
			continue
		}
		parts := statusPattern.FindStringSubmatch(status)
		if parts == nil {
			wrong = append(wrong, fmt.Sprintf("line %d: %q is none of \"covered: tests\", \"partly (what is missing): tests\", \"not yet\"", i+1, status))
			continue
		}
		wrong = append(wrong, checkNamed(parts[2], tests, i+1)...)
	}
	for _, id := range ids {
		if !seen[id] {
			wrong = append(wrong, fmt.Sprintf("row %s is missing", id))
		}
	}
	return wrong
}

// checkNamed returns what is wrong with a list of tests in a line of a document.
func checkNamed(list string, tests map[string]bool, line int) (wrong []string) {
	for _, named := range strings.Split(list, ", ") {
		m := testPattern.FindStringSubmatch(named)
		if m == nil {
			wrong = append(wrong, fmt.Sprintf("line %d: %q is not of the form TestName (package)", line, named))
		} else if !tests[m[1]+" ("+m[3]+")"] {
			wrong = append(wrong, fmt.Sprintf("line %d: there is no %s in package %s", line, m[1], m[3]))
		}
	}
	return wrong
}

// testNames returns "Name (package)" for every test, fuzz target, benchmark and example.
func testNames(fsys fs.FS) (map[string]bool, error) {
	out := map[string]bool{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); d.IsDir() && name != "." && (base == "testdata" || base == "node_modules" || base[0] == '.') {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			for _, prefix := range []string{"Test", "Fuzz", "Benchmark", "Example"} {
				if strings.HasPrefix(f.Name.Name, prefix) {
					out[f.Name.Name+" ("+path.Dir(name)+")"] = true
				}
			}
		}
		return nil
	})
	return out, err
}

// The check is worth something only if it can fail.
func TestRequirementsAreChecked(t *testing.T) {
	tests, err := testNames(fstest.MapFS{
		"flow/flow_test.go":       {Data: []byte("package flow\nfunc TestKill(t *testing.T) {}\nfunc helper() {}\nfunc (x) TestMethod() {}")},
		"root_test.go":            {Data: []byte("package cordon\nfunc FuzzID(f *testing.F) {}")},
		"flow/flow.go":            {Data: []byte("package flow\nfunc TestNot() {}")},
		"flow/testdata/x_test.go": {Data: []byte("package x\nfunc TestHidden() {}")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(tests) != 2 || !tests["TestKill (flow)"] || !tests["FuzzID (.)"] {
		t.Fatalf("tests found: %v", tests)
	}
	const missing = "row D-01 is missing"
	for _, c := range []struct{ line, want string }{
		{"| D-01 | x | not yet |", ""},
		{"| D-01 | x | covered: TestKill (flow) |", ""},
		{"| D-01 | x | covered: TestKill/before_commit (flow), FuzzID (.) |", ""},
		{"| D-01 | x | partly (no batches): TestKill (flow) |", ""},
		{"no row at all", missing},
		{"| D-01 | x | covered: TestGone (flow) |", "line 1: there is no TestGone in package flow"},
		{"| D-01 | x | covered: TestKill (store) |", "line 1: there is no TestKill in package store"},
		{"| D-01 | x | covered: TestKill |", `line 1: "TestKill" is not of the form TestName (package)`},
		{"| D-01 | x | covered |", `line 1: "covered" is none of "covered: tests", "partly (what is missing): tests", "not yet"`},
		{"| D-01 | x | partly: TestKill (flow) |", `line 1: "partly: TestKill (flow)" is none of "covered: tests", "partly (what is missing): tests", "not yet"`},
		{"| D-01 | x | mostly |", `line 1: "mostly" is none of "covered: tests", "partly (what is missing): tests", "not yet"`},
		{"| D-01 | x |", "line 1 is not of the form | row | what | status |; " + missing},
		{"| D-02 | x | not yet |", "line 1: there is no row D-02 in the requirements; " + missing},
		{"| D-01 | x | not yet |\n| D-01 | x | not yet |", "line 2: row D-01 is here twice"},
	} {
		if got := strings.Join(checkRequirements(c.line, []string{"D-01"}, tests), "; "); got != c.want {
			t.Errorf("%s\n got: %s\nwant: %s", c.line, got, c.want)
		}
	}
}
