package cordon_test

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/cordonhq/cordon"

// layer says which packages of this module a package may import. Packages are folders from
// the root; "." is the root package, "x/*" any folder below x, "*" any package at all.
type layer struct {
	packages string // separated by spaces
	may      string // separated by spaces
	tests    string // what its tests may import as well, beyond testsMay
}

// layers is the order of the house: imports run from the doors and adapters towards the
// words, and never sideways. The first line that names a package applies to it; a package
// that no line names is refused until somebody has thought about where it belongs.
var layers = []layer{
	{".", "", ""},

	// The verifier is independent of what it verifies.
	{"cmd/cordon-verify", "", ""},

	// Tools of one folder that any package may use.
	{"internal/*", ".", ""},
	{"media", ". media/* internal/unpack", ""},
	{"media/mediatest", ". media media/*", ""},
	{"media/recording", ". media/chunk", ""}, // reads what chunk walks
	{"media/foreign", ". media/chromaprint media/chunk media/sandbox", "media/dicom"},
	{"media/*", ". internal/unpack", ""},

	// Stages.
	{"intake calibrate decide hold deliver review removal elevation matter", ".", ""},
	{"declared", ".", ""},                                                // the dictionary of what content says of itself
	{"inspect", ". media media/*", "inspect/*"},                          // its benchmark runs the real detectors
	{"inspect/*", ". media media/* internal/unpack declared", "inspect"}, // a check is tried under the budget it runs in

	// What is known of files, in memory and on the wire.
	{"likeness exchange", ". media/* internal/sheet", ""},

	// Adapters.
	{"salesforce", ".", ""},
	{"salesforce/events", ". salesforce", "flow store keyring salesforce/pubsub"}, // what was observed is read back from a real store
	{"salesforce/pubsub/eventbus", "", ""},
	// Both ends of one wire; the simulator's tests run the scripts that real orgs are tried with.
	{"salesforce/pubsub salesforce/sim", ". salesforce salesforce/pubsub/eventbus", "salesforce/conformance"},
	{"salesforce/inventory", ". salesforce desk", ""}, // it answers a question of the desk's
	{"salesforce/inline", ". salesforce internal/room", "internal/pace"},
	{"salesforce/*", ". salesforce", ""},
	{"store blob keyring ledger callback notify/*", ".", ""},

	// The only mover of items.
	{"flow", ". media media/pdq intake inspect calibrate decide hold deliver review removal elevation matter", ""},

	// Doors, and the plain structs that pass between them and whoever answers them.
	{"account desk", ".", ""},
	{"api", ". account desk exchange internal/room", ""},
	{"console", ". account desk internal/visible", ""},
	{"scan", ". media decide internal/visible", "inspect inspect/*"},
	{"doctor", ". salesforce salesforce/pubsub", ""},
	{"setup", ". salesforce", "app"}, // what it writes is read back
	{"report", ". desk internal/plot internal/visible", ""},
	{"coverage", ". desk", ""}, // answers a door from the org's lists and the ledger

	// Contract suites and fakes import what they are about.
	{"blobtest", ". blob", ""},
	{"storetest storetest/*", ". store storetest/*", ""},
	{"desk/desktest", ". account desk", ""},

	// Samples and programs that belong to no layer.
	{"samples samples/*", ". samples/*", ""},
	{"scripts/loadrun", "samples", ""},
	// What is tried is what looks at files in the gateway.
	{"scripts/evade", ". app decide inspect inspect/marks media media/*", ""},
	{"scripts/*", "", ""},

	// Wiring.
	{"app cmd/* e2e e2e/*", "*", ""},
	{"demo", ". account app salesforce/sim samples", ""},
}

// Tests of any package may use these as well, and their own package.
const testsMay = "samples samples/* blobtest storetest storetest/* desk desk/desktest media/mediatest salesforce/sim"

// Names that say nothing of what is inside.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc", "shared"}

func TestLayers(t *testing.T) {
	broken, files, err := checkLayers(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range broken {
		t.Error(b)
	}
	if files < 20 {
		t.Errorf("only %d files were read", files)
	}
}

// checkLayers reads the import lines of all Go files and returns what breaks the order,
// one "file:line: rule" each, and how many files it has read. The lines are read with
// go/parser and not taken from "go list", so that a violation shows even where nothing builds.
func checkLayers(fsys fs.FS) (broken []string, files int, err error) {
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == "." {
				return nil
			}
			if base := d.Name(); base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
				return fs.SkipDir
			}
			if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil {
				return fs.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		files++
		found, err := checkFile(fsys, name)
		broken = append(broken, found...)
		return err
	})
	return broken, files, err
}

func checkFile(fsys fs.FS, name string) (broken []string, err error) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	say := func(at token.Pos, format string, args ...any) {
		p := set.Position(at)
		broken = append(broken, fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...)))
	}
	folder, isTest := path.Dir(name), strings.HasSuffix(name, "_test.go")
	for _, n := range []string{strings.TrimSuffix(file.Name.Name, "_test"), path.Base(folder)} {
		if slices.Contains(emptyNames, n) {
			say(file.Name.Pos(), "a package called %s says nothing of what is inside; name it for its noun", n)
			break
		}
	}
	i := slices.IndexFunc(layers, func(l layer) bool { return names(l.packages, folder) })
	if i < 0 {
		say(file.Name.Pos(), "package %s has no place in the house; say in layers_test.go what it may import", folder)
		return broken, nil
	}
	may := layers[i].may
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		inside, ours := strings.CutPrefix(imported, module+"/")
		if imported == module {
			inside, ours = ".", true
		}
		switch {
		case !ours && folder == "." && !isTest && strings.Contains(before(imported, "/"), "."):
			say(spec.Pos(), "the root package imports the standard library only, not %s", imported)
		case !ours && folder == "cmd/cordon-verify" && strings.Contains(before(imported, "/"), ".") && !strings.HasPrefix(imported, "golang.org/x/mod/"):
			say(spec.Pos(), "cordon-verify imports the standard library and golang.org/x/mod only, not %s", imported)
		case !ours || may == "*" || names(may, inside):
		case inside != folder && names("internal/*", inside) && folder != "." && folder != "cmd/cordon-verify":
		case isTest && (inside == folder || names(testsMay, inside) || names(layers[i].tests, inside)):
		default:
			say(spec.Pos(), "%s may not import %s; it may import: %s", folder, inside, cmp.Or(may, "nothing of this module"))
		}
	}
	return broken, nil
}

// before returns the part of s before the first sep, or all of it.
func before(s, sep string) string {
	s, _, _ = strings.Cut(s, sep)
	return s
}

// names reports whether one of the patterns names the package.
func names(patterns, pkg string) bool {
	for _, p := range strings.Fields(patterns) {
		if parent, ok := strings.CutSuffix(p, "/*"); ok && strings.HasPrefix(pkg, parent+"/") || p == pkg || p == "*" {
			return true
		}
	}
	return false
}

// The checker is worth something only if it can fail.
func TestLayersAreChecked(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"item.go", `import "golang.org/x/mod/semver"`, "item.go:3: the root package imports the standard library only, not golang.org/x/mod/semver"},
		{"item.go", `import _ "` + module + `/flow"`, "item.go:3: . may not import flow; it may import: nothing of this module"},
		{"item.go", `import "encoding/json"`, ""},
		{"item_test.go", `import "golang.org/x/mod/semver"`, ""},
		{"blob/files.go", `import "` + module + `/keyring"`, "blob/files.go:3: blob may not import keyring; it may import: ."},
		{"blob/files.go", "// why\nimport (\n\t\"fmt\"\n\tk \"" + module + "/keyring\"\n)", "blob/files.go:6: blob may not import keyring; it may import: ."},
		{"blob/files.go", `import "` + module + `"`, ""},
		{"blob/files.go", `import "golang.org/x/crypto/hkdf"`, ""},
		{"blob/files_test.go", `import "` + module + `/blobtest"`, ""},
		{"blob/files_test.go", `import "` + module + `/keyring"`, "blob/files_test.go:3: blob may not import keyring; it may import: ."},
		{"blobtest/run.go", `import "` + module + `/store"`, "blobtest/run.go:3: blobtest may not import store; it may import: . blob"},
		{"store/db.go", `import "` + module + `/internal/accident"`, ""},
		{"inspect/c2pa/c2pa.go", `import "` + module + `/media/chunk"`, ""},
		{"inspect/c2pa/c2pa_test.go", `import "` + module + `/media/mediatest"`, ""},
		{"inspect/c2pa/c2pa.go", `import "` + module + `/inspect"`, "inspect/c2pa/c2pa.go:3: inspect/c2pa may not import inspect; it may import: . media media/* internal/unpack declared"},
		{"inspect/c2pa/c2pa.go", `import "` + module + `/inspect/marks"`, "inspect/c2pa/c2pa.go:3: inspect/c2pa may not import inspect/marks; it may import: . media media/* internal/unpack declared"},
		{"inspect/bench_test.go", `import "` + module + `/inspect/marks"`, ""},
		{"inspect/inspect.go", `import "` + module + `/inspect/marks"`, "inspect/inspect.go:3: inspect may not import inspect/marks; it may import: . media media/*"},
		{"scan/scan.go", `import "` + module + `/inspect"`, "scan/scan.go:3: scan may not import inspect; it may import: . media decide internal/visible"},
		{"scan/scan_test.go", `import "` + module + `/inspect"`, ""},
		{"demo/demo.go", `import "` + module + `/store"`, "demo/demo.go:3: demo may not import store; it may import: . account app salesforce/sim samples"},
		{"salesforce/inline/proxy.go", `import "` + module + `/salesforce"`, ""},
		{"salesforce/inline/proxy.go", `import "` + module + `/salesforce/sim"`, "salesforce/inline/proxy.go:3: salesforce/inline may not import salesforce/sim; it may import: . salesforce internal/room"},
		{"salesforce/inline/proxy_test.go", `import "` + module + `/salesforce/sim"`, ""},
		{"salesforce/client.go", `import "` + module + `/salesforce/inline"`, "salesforce/client.go:3: salesforce may not import salesforce/inline; it may import: ."},
		{"console/holds.go", `import "` + module + `/store"`, "console/holds.go:3: console may not import store; it may import: . account desk internal/visible"},
		{"flow/flow.go", `import "` + module + `/salesforce"`, "flow/flow.go:3: flow may not import salesforce; it may import: . media media/pdq intake inspect calibrate decide hold deliver review removal elevation matter"},
		{"decide/policy.go", `import "` + module + `/app"`, "decide/policy.go:3: decide may not import app; it may import: ."},
		{"cmd/cordon/main.go", `import "` + module + `/app"`, ""},
		{"cmd/cordon-verify/main.go", `import "` + module + `"`, "cmd/cordon-verify/main.go:3: cmd/cordon-verify may not import .; it may import: nothing of this module"},
		{"cmd/cordon-verify/main.go", `import "github.com/spf13/cobra"`, "cmd/cordon-verify/main.go:3: cordon-verify imports the standard library and golang.org/x/mod only, not github.com/spf13/cobra"},
		{"cmd/cordon-verify/main.go", `import "golang.org/x/mod/sumdb/note"`, ""},
		{"attic/attic.go", ``, "attic/attic.go:1: package attic has no place in the house; say in layers_test.go what it may import"},
		{"inspect/util/x.go", ``, "inspect/util/x.go:1: a package called util says nothing of what is inside; name it for its noun"},
		{"store/testdata/x.go", `import "` + module + `/flow"`, ""},
		{"node_modules/x/x.go", `import "` + module + `/flow"`, ""},
	} {
		pkg := path.Base(path.Dir(c.name))
		if pkg == "." {
			pkg = "cordon"
		}
		src := "package " + strings.ReplaceAll(pkg, "-", "") + "\n\n" + c.src + "\n"
		broken, _, err := checkLayers(fstest.MapFS{c.name: {Data: []byte(src)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(broken, "\n"); got != c.want {
			t.Errorf("%s with %s\n got: %s\nwant: %s", c.name, c.src, got, c.want)
		}
	}
	if _, _, err := checkLayers(fstest.MapFS{"blob/x.go": {Data: []byte("no Go at all")}}); err == nil {
		t.Error("a file that cannot be parsed is not reported")
	}
	fsys := fstest.MapFS{
		"tools/go.mod": {Data: []byte("module tools")},
		"tools/x.go":   {Data: []byte("package tools\nimport \"" + module + "/flow\"")},
	}
	if broken, files, err := checkLayers(fsys); err != nil || len(broken) != 0 || files != 0 {
		t.Errorf("another module is looked into: %d files, %q, %v", files, broken, err)
	}
}

// Whoever looks for a package finds it in docs/architecture.md.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	doc, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatal("no packages: ", err)
	}
	for _, source := range sources {
		if folder := filepath.Dir(source); !strings.Contains(string(doc), "`"+folder+"`") {
			t.Errorf("docs/architecture.md does not say what %s holds", folder)
		}
	}
}
