package scan_test

import (
	"context"
	"errors"
	"image"
	"io"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/scan"
)

// absent is a foreign decoder that is not installed.
type absent struct{}

var errAbsent = errors.New("not installed")

func (absent) Ready() error          { return errAbsent }
func (absent) Decodes(f string) bool { return f == "jp2" }
func (absent) Dimensions(io.ReaderAt, int64, string) (int, int, error) {
	return 0, 0, errAbsent
}
func (absent) Still(context.Context, io.ReaderAt, int64, string, int64) (image.Image, error) {
	return nil, errAbsent
}

// Where no decoder is, a scan says so: of files that need one, and once on stderr.
func TestLacking(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.jpg", mediatest.JPEG(t, 8, 8))
	write(t, dir, "b.jp2", []byte("\x00\x00\x00\x0CjP  \r\n\x87\n\x00\x00\x00\x14ftypjp2 \x00\x00\x00\x00jp2 "))
	write(t, dir, "c.wav", []byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"))
	asked := 0
	conf := scan.Config{Paths: []string{dir}, JSON: true, Workers: 1, Limits: media.Limits{Stills: absent{}},
		Lacking: func() ([]string, string) { asked++; return []string{"ffmpeg"}, "install ffmpeg" }}
	_, out, errs := run(t, conf)
	want := map[string]int{"a.jpg": 0, "b.jp2": 1, "c.wav": 1}
	for _, l := range lines(t, out) {
		if list, ok := l["lacking"].([]any); !ok || len(list) != want[paths([]map[string]any{l})[0]] {
			t.Errorf("%s: %v", l["path"], l["lacking"])
		}
	}
	if strings.Count(errs, "2 files were not looked into as far as they could be: install ffmpeg") != 1 {
		t.Errorf("stderr says %q", errs)
	}
	asked = 0
	conf.Paths = []string{dir + "/a.jpg"}
	if _, _, errs := run(t, conf); asked != 0 || errs != "" {
		t.Errorf("asked %d times for a photo; stderr says %q", asked, errs)
	}
	conf.Paths, conf.Lacking = []string{dir}, func() ([]string, string) { return nil, "" }
	if _, _, errs := run(t, conf); errs != "" {
		t.Errorf("nothing is lacking, and stderr says %q", errs)
	}
}
