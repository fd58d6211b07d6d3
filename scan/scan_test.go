package scan_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/kind"
	"github.com/cordonhq/cordon/inspect/marks"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/scan"
)

func inspector() scan.Inspector {
	return inspect.New([]inspect.Detector{kind.New(kind.Config{}), marks.New(marks.Config{})}, inspect.Config{})
}

var at = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func run(t testing.TB, conf scan.Config) (exit int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	conf.Out, conf.Err, conf.At = &o, &e, at
	if conf.Inspector == nil {
		conf.Inspector = inspector()
	}
	exit = scan.Run(context.Background(), conf)
	return exit, o.String(), e.String()
}

func write(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// lines decodes the output into plain maps, as somebody else's program would.
func lines(t testing.TB, out string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for text := range strings.Lines(out) {
		var l map[string]any
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		all = append(all, l)
	}
	return all
}

func paths(all []map[string]any) []string {
	var out []string
	for _, l := range all {
		out = append(out, filepath.Base(l["path"].(string)))
	}
	return out
}

// A folder of everything: a line for each, in order, and nothing is null that is an array.
func TestJSON(t *testing.T) {
	dir := t.TempDir()
	photo := mediatest.EXIF(mediatest.JPEG(t, 32, 32), mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "Canon"), mediatest.Ascii(272, "EOS")}))
	write(t, dir, "a-photo.jpg", photo)
	write(t, dir, "b-generated.png", mediatest.Text(mediatest.PNG(t, 8, 8), "parameters", "a hill\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 8x8"))
	write(t, dir, "c/letter.txt", []byte("hello\n"))
	write(t, dir, ".hidden.png", mediatest.PNG(t, 4, 4))
	write(t, dir, "d-empty", nil)

	exit, out, errs := run(t, scan.Config{Paths: []string{dir}, JSON: true})
	if exit != scan.ExitHold || errs != "" {
		t.Errorf("exit %d, stderr %q", exit, errs)
	}
	all := lines(t, out)
	if got, want := paths(all), []string{".hidden.png", "a-photo.jpg", "b-generated.png", "letter.txt", "d-empty"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for _, l := range all {
		for _, key := range []string{"schema", "path", "sha256", "size", "media_type", "modality", "error", "outcome", "action", "reasons", "provenance", "fingerprints", "parts", "findings", "looked"} {
			if _, ok := l[key]; !ok {
				t.Errorf("%s: no %q", l["path"], key)
			}
		}
		for _, key := range []string{"reasons", "parts", "findings"} {
			if _, ok := l[key].([]any); !ok {
				t.Errorf("%s: %s is %v", l["path"], key, l[key])
			}
		}
		p := l["provenance"].(map[string]any)
		for _, key := range []string{"success", "informational", "failure", "source_types"} {
			if _, ok := p[key].([]any); !ok {
				t.Errorf("%s: provenance %s is %v", l["path"], key, p[key])
			}
		}
		if p["state"] != "none" || p["evaluated_at"] != "2026-07-01T12:00:00Z" {
			t.Errorf("%s: provenance %v", l["path"], p)
		}
		fp := l["fingerprints"].(map[string]any)
		hash, ok := fp["pdq"].(string)
		if picture := l["modality"] == "image"; len(fp) != 3 || fp["chromaprint"] != nil || ok != picture || picture && len(hash) != 64 || (fp["pdq_quality"] != nil) != picture {
			t.Errorf("%s: fingerprints %v", l["path"], fp)
		}
		for _, f := range l["findings"].([]any) {
			f := f.(map[string]any)
			for _, key := range []string{"detector", "version", "status", "class", "label", "score", "calibrated", "detail", "took_ms"} {
				if _, ok := f[key]; !ok {
					t.Errorf("%s: finding without %q: %v", l["path"], key, f)
				}
			}
			if _, ok := f["detail"].(map[string]any); !ok {
				t.Errorf("%s: detail %v", l["path"], f["detail"])
			}
		}
	}
	sum := sha256.Sum256(photo)
	if l := all[1]; l["sha256"] != hex.EncodeToString(sum[:]) || l["size"] != float64(len(photo)) || l["media_type"] != "image/jpeg" || l["modality"] != "image" ||
		l["error"] != nil || l["outcome"] != "no-sign" || l["action"] != "pass" {
		t.Errorf("the photograph: %v", l)
	}
	if l := all[2]; l["outcome"] != "synthetic" || l["action"] != "hold" || fmt.Sprint(l["reasons"]) != "[generator-mark]" {
		t.Errorf("the generated picture: %v", l)
	}
	if l := all[3]; l["outcome"] != "not-tested" || l["action"] != "pass" || l["media_type"] != "text/plain" {
		t.Errorf("the letter: %v", l)
	}
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	clean := write(t, dir, "clean.jpg", mediatest.JPEG(t, 8, 8))
	held := write(t, dir, "held.jpg", []byte("%PDF-1.4\n%%EOF"))
	missing := filepath.Join(dir, "missing.jpg")
	for _, test := range []struct {
		paths []string
		want  int
		lines int
	}{
		{[]string{clean}, scan.ExitClean, 1},
		{[]string{clean, held}, scan.ExitHold, 2},
		{[]string{held, missing}, scan.ExitUnreadable, 2},
		{[]string{missing}, scan.ExitUnreadable, 1},
		{nil, scan.ExitUnreadable, 0},
		{[]string{t.TempDir()}, scan.ExitClean, 0},
	} {
		exit, out, _ := run(t, scan.Config{Paths: test.paths, JSON: true})
		if exit != test.want || len(lines(t, out)) != test.lines {
			t.Errorf("%v: exit %d, want %d\n%s", test.paths, exit, test.want, out)
		}
	}
}

// What cannot be read has a line that says so, and holds.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	_, out, _ := run(t, scan.Config{Paths: []string{filepath.Join(dir, "missing")}, JSON: true})
	l := lines(t, out)[0]
	if l["error"] == nil || l["sha256"] != nil || l["outcome"] != "cannot-tell" || l["action"] != "hold" || fmt.Sprint(l["reasons"]) != "[detector-silent]" {
		t.Errorf("got %v", l)
	}
	if strings.Contains(fmt.Sprint(l["error"]), dir) {
		t.Errorf("the error repeats the path: %v", l["error"])
	}

	deep := dir
	for range 5 {
		deep = filepath.Join(deep, "x")
	}
	write(t, deep, "a.txt", []byte("a"))
	exit, out, _ := run(t, scan.Config{Paths: []string{dir}, JSON: true, MaxDepth: 3})
	if l := lines(t, out); exit != scan.ExitUnreadable || len(l) != 1 || !strings.Contains(fmt.Sprint(l[0]["error"]), "nested") {
		t.Errorf("exit %d: %s", exit, out)
	}

	big := write(t, dir, "big.txt", []byte("more than nine bytes"))
	exit, out, _ = run(t, scan.Config{Paths: []string{big}, JSON: true, Limits: media.Limits{MaxBytes: 9}})
	if l := lines(t, out); exit != scan.ExitUnreadable || !strings.Contains(fmt.Sprint(l[0]["error"]), "too large") {
		t.Errorf("exit %d: %s", exit, out)
	}
}

// Links inside a folder are left alone, also those that lead out or round in circles.
func TestLinks(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	secret := write(t, outside, "secret.txt", []byte("not asked for"))
	write(t, dir, "a.txt", []byte("a"))
	for name, to := range map[string]string{"out": outside, "file": secret, "round": dir, "broken": filepath.Join(dir, "nothing")} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	exit, out, _ := run(t, scan.Config{Paths: []string{dir}, JSON: true})
	if got := paths(lines(t, out)); exit != scan.ExitClean || !slices.Equal(got, []string{"a.txt"}) {
		t.Errorf("exit %d, %v", exit, got)
	}
	// A link that was named is what was asked for.
	_, out, _ = run(t, scan.Config{Paths: []string{filepath.Join(dir, "file")}, JSON: true})
	if l := lines(t, out); len(l) != 1 || l[0]["error"] != nil {
		t.Errorf("a named link: %s", out)
	}
}

// Many workers, one order.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for n := range 200 {
		name := fmt.Sprintf("%03d.txt", n)
		write(t, dir, name, bytes.Repeat([]byte("x\n"), n%7*1000))
		want = append(want, name)
	}
	_, out, _ := run(t, scan.Config{Paths: []string{dir}, JSON: true, Workers: 16})
	if got := paths(lines(t, out)); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestTable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "odd\x1b[31mname.txt", []byte("a"))
	write(t, dir, "wrong.jpg", []byte("%PDF-1.4\n%%EOF"))
	exit, out, _ := run(t, scan.Config{Paths: []string{dir, filepath.Join(dir, "missing")}})
	if exit != scan.ExitUnreadable {
		t.Errorf("exit %d", exit)
	}
	if strings.Contains(out, "\x1b") {
		t.Errorf("a file name reached the terminal as it is, or colours without being asked for: %q", out)
	}
	for _, want := range []string{"not tested for this kind", "cannot tell", "hold", cordon.ReasonNotCovered.Text(), "could not be read", "3 files: 1 to hold, 0 to watch, 1 pass, 1 could not be read"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	_, out, _ = run(t, scan.Config{Paths: []string{dir}, Color: true})
	if !strings.Contains(out, "\x1b[1mhold") {
		t.Errorf("no colour in %q", out)
	}
}

// Output that cannot be written ends the scan with an error, not in silence.
func TestBrokenPipe(t *testing.T) {
	dir := t.TempDir()
	for n := range 50 {
		write(t, dir, fmt.Sprintf("%d.txt", n), []byte("x"))
	}
	var errs bytes.Buffer
	exit := scan.Run(context.Background(), scan.Config{Paths: []string{dir}, JSON: true, Inspector: inspector(), Out: broken{}, Err: &errs})
	if exit != scan.ExitUnreadable || !strings.Contains(errs.String(), "pipe is gone") {
		t.Errorf("exit %d: %s", exit, errs.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe is gone") }

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	exit := scan.Run(ctx, scan.Config{Paths: []string{t.TempDir()}, Inspector: inspector(), Out: &out, Err: &errs})
	if exit != scan.ExitUnreadable || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit %d: %s", exit, errs.String())
	}
}

// A detector's provenance is passed on as it is; evidence that is no JSON does not break a line.
func TestProvenance(t *testing.T) {
	path := write(t, t.TempDir(), "a.jpg", mediatest.JPEG(t, 8, 8))
	i := stub{
		{Detector: "c2pa", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelManifestBroken,
			Detail: map[string]any{"provenance": map[string]any{"state": "invalid", "failure": []string{"x"}}}},
		{Detector: "odd", Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks, Detail: map[string]any{"f": func() {}}},
	}
	exit, out, _ := run(t, scan.Config{Paths: []string{path}, JSON: true, Inspector: i})
	l := lines(t, out)[0]
	if p := l["provenance"].(map[string]any); p["state"] != "invalid" || exit != scan.ExitHold || l["outcome"] != "altered" {
		t.Errorf("exit %d: %s", exit, out)
	}
}

type stub []cordon.Finding

func (s stub) Inspect(context.Context, *media.Media) []cordon.Finding { return s }

// Every file of the corpus has a line; nothing that a camera made is held; nothing panics.
func TestCorpus(t *testing.T) {
	dir, files := mediatest.Index(t, "generator-metadata")
	_, out, errs := run(t, scan.Config{Paths: []string{dir}, JSON: true})
	if errs != "" {
		t.Errorf("stderr: %s", errs)
	}
	action := map[string]string{}
	for _, l := range lines(t, out) {
		rel, _ := filepath.Rel(dir, l["path"].(string))
		action[rel] = l["action"].(string)
		if l["error"] != nil {
			t.Errorf("%s: %v", rel, l["error"])
		}
	}
	for _, e := range files {
		onlyC2PA := !slices.ContainsFunc(e.Markers, func(m string) bool { return !strings.HasPrefix(m, "c2pa:") })
		switch got := action[e.File]; {
		case got == "":
			t.Errorf("%s has no line", e.File)
		case e.Label != "synthetic" && got == "hold":
			t.Errorf("%s is %s and held", e.File, e.Label)
		case e.Label == "synthetic" && got != "hold" && !onlyC2PA:
			t.Errorf("%s is synthetic and %s", e.File, got)
		}
	}
	// The rest of the corpus is there to be survived.
	for _, set := range []string{"c2pa", "dicom", "pdq", "salesforce", "controls"} {
		_, out, _ := run(t, scan.Config{Paths: []string{mediatest.Corpus(t, set)}, JSON: true})
		n := 0
		for _, l := range lines(t, out) {
			n++
			if l["error"] != nil {
				t.Errorf("%s: %v", l["path"], l["error"])
			}
			for _, f := range l["findings"].([]any) {
				if f := f.(map[string]any); f["status"] == "failed" {
					t.Errorf("%s: %v", l["path"], f)
				}
			}
		}
		t.Logf("%s: %d files", set, n)
	}
}
