package inspect_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/parts"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/foreign"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/sandbox"
)

// A mark that a generator put into a picture is found in the pictures of a video that was made
// of it, and the finding says from when to when it shows.
func TestMarksInPicturesOfRecordings(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("needs ffmpeg (Debian package ffmpeg)")
	}
	corpus := mediatest.Corpus(t, "watermark")
	decoder := foreign.New(sandbox.Open(sandbox.Config{}))
	if err := decoder.Ready(); err != nil {
		t.Fatal(err)
	}
	invisible, err := watermark.New(watermark.Config{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// Two seconds without a mark, three with one, one without.
	film := func(marked, codec, name string) []byte {
		line := "-loop 1 -framerate 5 -t 2 -i " + filepath.Join(corpus, "astronaut__clean__png.png") +
			" -loop 1 -framerate 5 -t 3 -i " + filepath.Join(corpus, marked) +
			" -loop 1 -framerate 5 -t 1 -i " + filepath.Join(corpus, "coffee__clean__png.png") +
			" -filter_complex [0:v]scale=512:512,setsar=1[a];[1:v]scale=512:512,setsar=1[b];[2:v]scale=512:512,setsar=1[c];[a][b][c]concat=n=3:v=1:a=0 -g 5 " + codec + " " + name
		return mediatest.Read(t, mediatest.FFmpeg(t, dir, line))
	}
	look := func(b []byte, lim parts.Limits, recordings media.Recordings) []cordon.Finding {
		m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{Recordings: recordings})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		return inspect.New([]inspect.Detector{parts.New([]parts.Detector{invisible}, lim)}, inspect.Config{Budget: 10 * 60e9}).Inspect(context.Background(), m)
	}
	all := parts.Limits{KeyFrames: 30, Pixels: 100e6}
	for name, c := range map[string]struct {
		marked, codec string
		want          bool
	}{
		"lossless.mp4": {"astronaut__sd2__png.png", "-c:v libx264rgb -qp 0", true},
		"fine.mp4":     {"astronaut__sd2__png.png", "-c:v libx264 -crf 6 -pix_fmt yuv444p", true},
		"mark.mkv":     {"astronaut__sdxl__png.png", "-c:v libx264 -crf 8 -pix_fmt yuv420p", true},
		"clean.mp4":    {"astronaut__clean__png.png", "-c:v libx264 -crf 6 -pix_fmt yuv444p", false},
	} {
		found := look(film(c.marked, c.codec, name), all, decoder)
		var mark *cordon.Finding
		for i, f := range found {
			if f.Label == cordon.LabelGeneratorWatermark {
				mark = &found[i]
			}
		}
		if (mark != nil) != c.want {
			t.Errorf("%s: %+v", name, found)
			continue
		}
		if mark == nil {
			continue
		}
		if !strings.HasPrefix(mark.Part, "from 0:02 to 0:04") || !strings.Contains(mark.Sentence, "from 0:02 to 0:04") || mark.Detail["frames"] != 3 || mark.Detail["frames_looked_at"] != 6 {
			t.Errorf("%s: %s, %s, %v", name, mark.Part, mark.Sentence, mark.Detail)
		}
	}
	// Without a decoder nobody says that the pictures were looked at.
	found := look(film("astronaut__sd2__png.png", "-c:v libx264 -crf 6", "none.mp4"), all, nil)
	if len(found) != 1 || found[0].Label != cordon.LabelNotCovered || !strings.Contains(found[0].Sentence, "no decoder") {
		t.Errorf("without a decoder: %+v", found)
	}
}
