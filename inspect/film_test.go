package inspect_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/known"
	"github.com/cordonhq/cordon/inspect/parts"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/foreign"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/pdq"
	"github.com/cordonhq/cordon/media/sandbox"
)

var update = flag.Bool("update", false, "rewrite the table of marks in video in docs/detection.md")

// qualities are the rows of the table in docs/detection.md.
var qualities = []struct {
	name, codec, to string
	promised        bool // found in every video
}{
	{"H.264 without loss", "-c:v libx264rgb -preset ultrafast -qp 0", "mp4", true},
	{"H.264, CRF 6, 4:4:4", "-c:v libx264 -preset veryfast -crf 6 -pix_fmt yuv444p", "mp4", true},
	{"H.264, CRF 23, 4:2:0", "-c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p", "mov", false},
	{"H.264, CRF 23, 4:2:0, as if nothing stood still", "-c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p -x264-params mbtree=0", "mp4", false},
	{"VP8, 1 Mbit/s", "-c:v libvpx -b:v 1M -pix_fmt yuv420p", "webm", false},
	{"MPEG-4, quantiser 5", "-c:v mpeg4 -q:v 5 -pix_fmt yuv420p", "avi", false},
}

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
	film := func(picture, mark, codec, to string) []byte {
		line := "-loop 1 -framerate 2 -t 2 -i " + filepath.Join(corpus, picture+"__clean__png.png") +
			" -loop 1 -framerate 2 -t 3 -i " + filepath.Join(corpus, picture+"__"+mark+"__png.png") +
			" -loop 1 -framerate 2 -t 1 -i " + filepath.Join(corpus, picture+"__clean__png.png") +
			" -filter_complex [0:v][1:v][2:v]concat=n=3:v=1:a=0 -g 2 " + codec + " a." + to
		return mediatest.Read(t, mediatest.FFmpeg(t, dir, line))
	}
	look := func(b []byte, recordings media.Recordings) []cordon.Finding {
		m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{Recordings: recordings})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		d := parts.New([]parts.Detector{invisible}, parts.Limits{KeyFrames: 30, Pixels: 100e6})
		return inspect.New([]inspect.Detector{d}, inspect.Config{Budget: 10 * time.Minute}).Inspect(context.Background(), m)
	}
	marked := func(found []cordon.Finding) *cordon.Finding {
		for i, f := range found {
			if f.Label == cordon.LabelGeneratorWatermark {
				return &found[i]
			}
		}
		return nil
	}

	var table strings.Builder
	table.WriteString("| Coded as | Marks found | In the key frames that show it |\n|---|---|---|\n")
	for _, q := range qualities {
		found, of, frames, ofFrames := 0, 0, 0, 0
		for _, picture := range []string{"astronaut", "coffee"} {
			for _, mark := range []string{"sd2", "sdxl"} {
				of++
				ofFrames += 3
				f := marked(look(film(picture, mark, q.codec, q.to), decoder))
				if f == nil {
					continue
				}
				found++
				frames += f.Detail["frames"].(int)
				if f.Detail["frames"] == 3 && (f.Part != "from 0:02 to 0:04" || !strings.Contains(f.Sentence, "from 0:02 to 0:04") || f.Detail["frames_looked_at"] != 6) {
					t.Errorf("%s: %s, %s, %v", q.name, f.Part, f.Sentence, f.Detail)
				}
			}
		}
		if q.promised && (found < of || frames < ofFrames) {
			t.Errorf("%s: %d of %d marks, in %d of %d frames", q.name, found, of, frames, ofFrames)
		}
		fmt.Fprintf(&table, "| %s | %d of %d | %d of %d |\n", q.name, found, of, frames, ofFrames)
		if f := marked(look(film("astronaut", "clean", q.codec, q.to), decoder)); f != nil {
			t.Errorf("%s: a mark that nobody made: %+v", q.name, f)
		}
	}
	fmt.Fprintf(&table, "\nNone of %d videos without a mark had one found.\n", len(qualities))
	mediatest.Table(t, "films", table.String(), *update)

	// Without a decoder nobody says that the pictures were looked at.
	found := look(film("astronaut", "sd2", "-c:v libx264 -crf 6", "mp4"), nil)
	if len(found) != 1 || found[0].Label != cordon.LabelNotCovered || !strings.Contains(found[0].Sentence, "no decoder") {
		t.Errorf("without a decoder: %+v", found)
	}
}

// one is a list with one picture on it, which must not pass.
type one struct{ hash pdq.Hash }

func (one) Exact(context.Context, [sha256.Size]byte) (known.Entry, bool, error) {
	return known.Entry{}, false, nil
}

func (o one) Looks(_ context.Context, h pdq.Hash) ([]known.Match, error) {
	if d := h.Distance(o.hash); d <= pdq.Near {
		return []known.Match{{Entry: known.Entry{ID: "kn_1", List: cordon.KnownBlocked, Kind: cordon.KnownPDQ}, Distance: d}}, nil
	}
	return nil, nil
}

func (one) Sounds(context.Context, chromaprint.Print) ([]known.Match, error) { return nil, nil }

// A listed picture is recognised where a video shows it, as coarsely coded as videos are.
func TestKnownPicturesInRecordings(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("needs ffmpeg (Debian package ffmpeg)")
	}
	corpus := mediatest.Corpus(t, "watermark")
	decoder := foreign.New(sandbox.Open(sandbox.Config{}))
	if err := decoder.Ready(); err != nil {
		t.Fatal(err)
	}
	listed, other := filepath.Join(corpus, "astronaut__clean__png.png"), filepath.Join(corpus, "coffee__clean__png.png")
	print, err := mediatest.Open(t, listed).Fingerprint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	film := mediatest.Read(t, mediatest.FFmpeg(t, t.TempDir(), "-loop 1 -framerate 2 -t 2 -i "+other+" -loop 1 -framerate 2 -t 3 -i "+listed+
		" -filter_complex [0:v]scale=320:320,setsar=1[a];[1:v]scale=320:320,setsar=1[b];[a][b]concat=n=2:v=1:a=0 -g 2 -c:v libx264 -preset veryfast -crf 35 -pix_fmt yuv420p a.mp4"))
	m, err := media.Open(bytes.NewReader(film), int64(len(film)), media.Limits{Recordings: decoder})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	look := known.New(one{print.PDQ}, nil)
	found, err := parts.New([]parts.Detector{look}, parts.Limits{KeyFrames: 10}).Inspect(t.Context(), m)
	if err != nil || len(found) != 2 || found[0].Label != cordon.LabelKnownNear || found[0].Part != "from 0:02 to 0:04" || found[0].Detail["frames"] != 3 {
		t.Errorf("%+v, %v", found, err)
	}
}
