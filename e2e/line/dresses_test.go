package line_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/scan"
)

// watchedYet are files that are watched, and named as not looked into, where the index asks for
// more: each for want of something that this release does not have, or this test does not.
var watchedYet = map[string]string{
	"30-control-camera-computational.jpg": "its signer is on no list that a scan has by itself",
	"55-real-avif-major-miaf.avif":        "takes the foreign decoder, which is not asked here",
}

// One marked picture in many dresses, and files from the field, get what their indexes say.
func TestDresses(t *testing.T) {
	for _, set := range []string{"evasion", "field"} {
		dir := mediatest.Corpus(t, set)
		text, err := os.ReadFile(filepath.Join(dir, "index.json"))
		if err != nil {
			t.Fatal(err)
		}
		var index struct {
			Files []struct{ File, Action, Why string }
		}
		if err := json.Unmarshal(text, &index); err != nil || len(index.Files) == 0 {
			t.Fatalf("%d files: %v", len(index.Files), err)
		}
		inspector, policy, err := app.Look{}.Open()
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, f := range index.Files {
			paths = append(paths, filepath.Join(dir, f.File))
		}
		var out bytes.Buffer
		scan.Run(t.Context(), scan.Config{Paths: paths, JSON: true, Inspector: inspector, Policy: policy, Out: &out, Err: io.Discard})
		lines := slices.Collect(strings.Lines(out.String()))
		if len(lines) != len(index.Files) {
			t.Fatalf("%d lines for %d files", len(lines), len(index.Files))
		}
		for i, f := range index.Files {
			var got struct {
				Action, Outcome string
				Reasons         []string
			}
			if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
				t.Fatal(err)
			}
			wants := strings.Split(f.Action, "|")
			ok := f.Action == "any" || slices.Contains(wants, got.Action) || slices.Contains(wants, "watch") && got.Action == "hold"
			if why := watchedYet[f.File]; why != "" {
				ok = got.Action == "watch" && len(got.Reasons) > 0
			}
			if !ok {
				t.Errorf("%s: %s, %s, %v; want %s (%s)", f.File, got.Outcome, got.Action, got.Reasons, f.Action, f.Why)
			}
		}
	}
}
