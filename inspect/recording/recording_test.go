package recording_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/recording"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

var update = flag.Bool("update", false, "rewrite the table of recordings in docs/detection.md")

func look(t testing.TB, m *media.Media) []cordon.Finding {
	t.Helper()
	found, err := recording.New(recording.Config{}).Inspect(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Recordings made by ffmpeg and by hand: what was put together is found, with the time, and
// what is ordinary is left alone. The counts stand in docs/detection.md.
func TestMade(t *testing.T) {
	type row struct{ made, found, other int }
	rows := map[string]*row{}
	for _, k := range kinds {
		rows[k.name] = &row{}
	}
	for _, r := range recordings(t) {
		found := look(t, mediatest.OpenBytes(t, r.file))
		n := rows[r.kind]
		n.made++
		right := slices.ContainsFunc(found, func(f cordon.Finding) bool { return f.Label == r.want })
		if right {
			n.found++
		} else {
			n.other++
		}
		if r.want == plain && !(right && len(found) == 1) {
			t.Errorf("%s (%s): %s", r.name, r.kind, said(found))
		}
		for _, f := range found {
			if f.Detail["segments"] == nil || f.Detail["tracks"] == nil || f.Sentence == "" {
				t.Errorf("%s: no evidence in %+v", r.name, f)
			}
		}
		t.Logf("%-28s %s", r.name, said(found))
	}
	var b strings.Builder
	b.WriteString("| Recordings | Made | Expected | As expected | Otherwise |\n|---|---|---|---|---|\n")
	for _, k := range kinds {
		n := rows[k.name]
		fmt.Fprintf(&b, "| %s | %d | `%s` | %d | %d |\n", k.name, n.made, k.want, n.found, n.other)
	}
	if !t.Failed() || *update {
		mediatest.Table(t, "recordings", b.String(), *update)
	}
}

func said(found []cordon.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s: %s %v", f.Label, f.Sentence, f.Detail["segments"]))
	}
	return strings.Join(out, " | ")
}

// No recording of the corpus that is whole is remarked.
func TestCorpus(t *testing.T) {
	dir := mediatest.Corpus(t, "c2pa")
	whole, cut := 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found := look(t, mediatest.Open(t, path))
		if found[0].Status == cordon.StatusNotApplicable {
			return nil
		}
		// Two were cut off on purpose by those who made them.
		if damaged := strings.Contains(path, "-trunc.") || strings.HasSuffix(path, "sample3.invalid.wav"); damaged {
			cut++
			if found[0].Label != inconsistent {
				t.Errorf("%s is cut off: %s", path, said(found))
			}
			return nil
		}
		whole++
		if len(found) != 1 || found[0].Label != plain {
			t.Errorf("%s: %s", path, said(found))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d whole recordings, %d cut off", whole, cut)
	if whole < 70 || cut < 7 {
		t.Errorf("%d whole recordings and %d that are cut off were read", whole, cut)
	}
}

// What is no recording is nothing for this detector.
func TestNotApplicable(t *testing.T) {
	found := look(t, mediatest.OpenBytes(t, mediatest.PNG(t, 8, 8)))
	if len(found) != 1 || found[0].Status != cordon.StatusNotApplicable || found[0].Label != cordon.LabelNotCovered {
		t.Errorf("%+v", found)
	}
}
