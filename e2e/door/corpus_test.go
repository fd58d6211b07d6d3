package door_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/scan"
)

// declaring is what makes a file of the C2PA corpus one that declares a trained generator.
var declaring = []string{"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"}

type known struct {
	path string // below the corpus
	held bool
	why  string
}

// knownFiles reads the indexes: what declares a generator must be held, what a camera made
// and nobody broke must not. Files on which the two policies may differ are left out.
func knownFiles(t *testing.T) []known {
	t.Helper()
	var out []known
	var marks struct {
		Files []struct{ File, Label string }
	}
	readJSON(t, filepath.Join(mediatest.Corpus(t, "generator-metadata"), "index.json"), &marks)
	for _, f := range marks.Files {
		switch f.Label {
		case "synthetic", "camera":
			out = append(out, known{filepath.Join("generator-metadata", f.File), f.Label == "synthetic", "label " + f.Label})
		}
	}
	var c2pa struct {
		Files []struct {
			File     string
			Expected struct {
				Verdict     string
				SourceTypes []string `json:"digital_source_types"`
			}
			Manifest struct {
				SourceTypes []string `json:"digital_source_types"`
			}
		}
	}
	raw := readJSON(t, filepath.Join(mediatest.Corpus(t, "c2pa"), "index.json"), &c2pa)
	var loose struct{ Files []json.RawMessage }
	if err := json.Unmarshal(raw, &loose); err != nil {
		t.Fatal(err)
	}
	for i, f := range c2pa.Files {
		ext := strings.ToLower(filepath.Ext(f.File))
		if ext != ".jpg" && ext != ".jpeg" && ext != ".png" {
			continue
		}
		declares := slices.ContainsFunc(declaring, func(s string) bool { return bytes.Contains(loose.Files[i], []byte("/"+s+`"`)) })
		switch {
		case declares:
			out = append(out, known{filepath.Join("c2pa", f.File), true, "declares a generator"})
		case f.Expected.Verdict == "none":
			out = append(out, known{filepath.Join("c2pa", f.File), false, "no manifest"})
		}
	}
	if len(out) < 60 {
		t.Fatalf("only %d files with a known answer were found in the indexes", len(out))
	}
	return out
}

func readJSON(t *testing.T, path string, v any) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKnownFilesThroughTheGateway: files that declare a generator are held, camera files and
// files without a manifest reach the org unchanged.
func TestKnownFilesThroughTheGateway(t *testing.T) {
	files := knownFiles(t)
	w := newWorld(t)
	for i, f := range files {
		data, err := os.ReadFile(filepath.Join(mediatest.Corpus(t, "."), f.path))
		if err != nil {
			t.Fatal(err)
		}
		title := fmt.Sprintf("file-%d", i)
		upload := w.UploadMultipart
		if i%2 == 0 {
			upload = w.UploadJSON
		}
		a, err := upload(title, filepath.Base(f.path), data)
		if err != nil {
			t.Fatal(err)
		}
		held := a.Status == http.StatusBadRequest && a.Code() == "FIELD_CUSTOM_VALIDATION_EXCEPTION" && a.Receipt != ""
		passed := a.Status == http.StatusCreated
		if held != f.held || passed == f.held {
			var reasons any
			if a.Receipt != "" {
				if v := w.Item(a.Receipt).Verdict; v != nil {
					reasons = v.Reasons
				}
			}
			t.Errorf("%s (%s): status %d, reasons %v; want held %v", f.path, f.why, a.Status, reasons, f.held)
		}
		if n := len(w.Upstream(title)); f.held && n != 0 || !f.held && n != 1 {
			t.Errorf("%s: the org has %d copies", f.path, n)
		}
	}
	t.Logf("%d files", len(files))
}

// TestKnownFilesInAScan says the same of the files on disk.
func TestKnownFilesInAScan(t *testing.T) {
	files := knownFiles(t)
	want := map[string]known{}
	var paths []string
	for _, f := range files {
		p := filepath.Join(mediatest.Corpus(t, "."), f.path)
		want[p] = f
		paths = append(paths, p)
	}
	inspector, policy, err := app.Look{}.Open()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := scan.Run(t.Context(), scan.Config{Paths: paths, JSON: true, Inspector: inspector, Policy: policy, Out: &out, Err: io.Discard}); code != scan.ExitHold {
		t.Errorf("exit code %d, want %d", code, scan.ExitHold)
	}
	lines := 0
	for s := bufio.NewScanner(bytes.NewReader(out.Bytes())); s.Scan(); {
		var r struct {
			Schema  int
			Path    string
			Action  cordon.Action
			Outcome cordon.Outcome
			Reasons []cordon.Reason
		}
		if err := json.Unmarshal(s.Bytes(), &r); err != nil || r.Schema != 1 {
			t.Fatalf("%v: %s", err, s.Bytes())
		}
		lines++
		f, ok := want[r.Path]
		if !ok {
			t.Errorf("a line for %s, which nobody asked about", r.Path)
		}
		if r.Action.Holds() != f.held {
			t.Errorf("%s (%s): %s, %s, %v; want held %v", r.Path, f.why, r.Outcome, r.Action, r.Reasons, f.held)
		}
	}
	if lines != len(files) {
		t.Errorf("%d lines for %d files", lines, len(files))
	}
}

// TestCapturedRequests sends what real clients really sent through the gateway to the
// simulator, and wants each to meet its fate: inspected files and plain records arrive,
// what is not looked into and carries files is refused in the platform's words.
func TestCapturedRequests(t *testing.T) {
	dir := mediatest.Corpus(t, "salesforce/requests")
	fates := map[string]int{
		"go-salesforce-composite-wrapping-collections": 200,
		"go-salesforce-contentversion":                 201,
		"jsforce-attachment-base64":                    201,
		"jsforce-bulk1-job-xml":                        400,
		"jsforce-bulk2-create-job":                     400,
		"jsforce-composite":                            400,
		"jsforce-contentversion-base64":                201,
		"jsforce-oauth-password":                       200,
		"jsforce-richtext-data-uri":                    400,
		"jsforce-soap-login":                           200,
		"jsforce-sobject-collections":                  400,
		"jsforce-tree-nested-attachment":               400,
		"sfcli-contentversion-multipart":               201,
		"simple-salesforce-contentversion":             201,
	}
	w := newWorld(t)
	parent, err := w.Org.Create("demo@example.com", "Case", map[string]any{"Subject": "captured"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range fates {
		raw, err := os.ReadFile(filepath.Join(dir, name+".http"))
		if err != nil {
			t.Fatal(err)
		}
		before := len(w.Org.Files())
		a := w.replay(raw, parent)
		if a.Status != want {
			t.Errorf("%s: status %d %s, want %d", name, a.Status, a.Body, want)
		}
		stored := len(w.Org.Files()) - before
		if wantStored := map[bool]int{true: 1}[want == 201]; stored != wantStored {
			t.Errorf("%s: %d files reached the org, want %d", name, stored, wantStored)
		}
		if want == 201 && a.Receipt == "" {
			t.Errorf("%s: no receipt", name)
		}
		if want == 400 && a.Code() != "FIELD_CUSTOM_VALIDATION_EXCEPTION" && !bytes.Contains(a.Body, []byte("FIELD_CUSTOM_VALIDATION_EXCEPTION")) {
			t.Errorf("%s: not refused in the platform's words: %s", name, a.Body)
		}
	}
}

// replay sends a captured request with a token and a parent that exist here.
func (w *world) replay(raw []byte, parent string) e2e.Answer {
	w.T.Helper()
	raw = bytes.ReplaceAll(raw, []byte("500xx000000bZzZAAU"), []byte(parent))
	raw = bytes.ReplaceAll(raw, []byte("username=u%40example.com&password=pw&client_id=cid&client_secret=sec"),
		[]byte("username=demo%40example.com&password=demo&client_id=demo&client_secret=demo"))
	raw = bytes.ReplaceAll(raw, []byte("<username>u@example.com</username><password>pw</password>"),
		[]byte("<username>demo@example.com</username><password>demo</password>"))
	head, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok {
		head, body, ok = bytes.Cut(raw, []byte("\n\n"))
	}
	if !ok {
		w.T.Fatal("a captured request without a body")
	}
	lines := strings.Split(strings.ReplaceAll(string(head), "\r\n", "\n"), "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	target, _, _ := strings.Cut(rest, " ")
	req, err := http.NewRequest(method, w.Gateway+target, bytes.NewReader(body))
	if err != nil {
		w.T.Fatal(err)
	}
	for _, l := range lines[1:] {
		k, v, _ := strings.Cut(l, ": ")
		switch strings.ToLower(k) {
		case "host", "content-length", "connection":
		case "x-captured-transfer-encoding":
			req.ContentLength = -1 // chunked, as it came
		case "authorization":
			req.Header.Set(k, "Bearer "+w.Caller)
		case "x-sfdc-session":
			req.Header.Set(k, w.Caller)
		default:
			req.Header.Set(k, v)
		}
	}
	a, err := w.Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	return a
}
