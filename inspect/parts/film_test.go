package parts

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// screening is a decoder that gives out pictures of one colour each, one a second.
type screening struct {
	ready error
	err   error
	reds  []uint8
	side  int
	hangs bool // after the last one
}

func (s *screening) Ready() error { return s.ready }

func (s *screening) Pictures(ctx context.Context, _ io.ReaderAt, _ int64, _ string, most, side int, each func(time.Duration, *image.NRGBA) error) error {
	s.side = side
	for i, red := range s.reds[:min(most, len(s.reds))] {
		if err := ctx.Err(); err != nil {
			return err
		}
		picture := image.NewNRGBA(image.Rect(0, 0, 64, 48))
		for y := range 48 {
			for x := range 64 {
				picture.Set(x, y, color.NRGBA{red, 0, 0, 255})
			}
		}
		if err := each(time.Duration(i)*time.Second, picture); err != nil {
			return err
		}
	}
	if s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.err
}

// reds finds pictures by their colour.
type reds struct{}

func (reds) Name() string    { return "reds" }
func (reds) Version() string { return "1" }
func (reds) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	p, err := m.Pixels(ctx)
	if err != nil {
		return nil, err
	}
	switch r, _, _, _ := p.At(3, 3).RGBA(); r >> 8 {
	case 200:
		return []cordon.Finding{{Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelKnownFile, Sentence: "It is red.", Detail: map[string]any{"red": 200}}}, nil
	case 66:
		panic("a colour that no check can stand")
	}
	return []cordon.Finding{{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNotKnown, Sentence: "It is not."}}, nil
}

// movie is a film of 64 by 48 pixels as far as its header goes.
func movie(width, height uint16) []byte {
	entry := make([]byte, 78)
	entry[24], entry[25], entry[26], entry[27] = byte(width>>8), byte(width), byte(height>>8), byte(height)
	zero := make([]byte, 20)
	return bytes.Join([][]byte{mediatest.Box("ftyp", []byte("isom")), mediatest.Box("moov", mediatest.Box("trak", mediatest.Box("mdia",
		mediatest.Box("hdlr", zero[:8], []byte("vide"), zero[:12]), mediatest.Box("minf", mediatest.Box("stbl", mediatest.Box("stsd", zero[:4], []byte{0, 0, 0, 1}, mediatest.Box("avc1", entry)))))))}, nil)
}

func TestFilms(t *testing.T) {
	const red = 200
	large := movie(60_000, 60_000)
	for name, c := range map[string]struct {
		file   []byte
		shows  *screening
		lim    Limits
		parts  []string // of what was found
		label  cordon.Label
		status cordon.FindingStatus
		says   string
	}{
		"ranges":                 {movie(64, 48), &screening{reds: []uint8{0, red, red, red, 0, red, 0}}, Limits{KeyFrames: 9}, []string{"from 0:01 to 0:03 and at 0:05"}, cordon.LabelPartsSeen, cordon.StatusNone, "looked at: 7."},
		"nothing":                {movie(64, 48), &screening{reds: []uint8{0, 1, 2}}, Limits{}, nil, cordon.LabelPartsSeen, cordon.StatusNone, "looked at: 3."},
		"a few where one waits":  {movie(64, 48), &screening{reds: []uint8{red, red, red, red, red, red}}, Limits{}, []string{"from 0:00 to 0:03"}, cordon.LabelPartsSeen, cordon.StatusNone, "looked at: 4."},
		"pixels":                 {movie(64, 48), &screening{reds: []uint8{red, red, red, red}}, Limits{Pixels: 2 * 64 * 48}, []string{"from 0:00 to 0:01"}, cordon.LabelPartsSeen, cordon.StatusNone, "looked at: 2."},
		"breaks off":             {movie(64, 48), &screening{reds: []uint8{red, 0}, err: errors.New("damaged")}, Limits{}, []string{"at 0:00"}, cordon.LabelPartsSeen, cordon.StatusNone, "looked at: 2."},
		"cannot be decoded":      {movie(64, 48), &screening{err: errors.New("damaged")}, Limits{}, nil, cordon.LabelPartsUnread, cordon.StatusFound, "cannot be opened"},
		"a check that crashes":   {movie(64, 48), &screening{reds: []uint8{66, 66}}, Limits{}, []string{"from 0:00 to 0:01"}, cordon.LabelPartsSeen, cordon.StatusNone, "looked at: 2."},
		"no decoder":             {movie(64, 48), &screening{ready: errors.New("ffmpeg is not installed")}, Limits{}, nil, cordon.LabelNotCovered, cordon.StatusNotApplicable, "were not looked at: there is no decoder"},
		"not asked for":          {movie(64, 48), &screening{}, Limits{KeyFrames: -1}, nil, cordon.LabelNotCovered, cordon.StatusNotApplicable, "were not looked at: it is not asked for"},
		"too large for that":     {movie(64, 48), &screening{err: cordon.ErrTooLarge}, Limits{}, nil, cordon.LabelNotCovered, cordon.StatusNotApplicable, "were not looked at: the file is too large"},
		"larger than all pixels": {large, &screening{reds: []uint8{red}}, Limits{}, []string{"at 0:00"}, cordon.LabelPartsSeen, cordon.StatusNone, "looked at: 1."},
		"sound alone":            {movie(0, 0), &screening{}, Limits{}, nil, cordon.LabelPartsSeen, cordon.StatusNone, "no pictures"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := media.Open(bytes.NewReader(c.file), int64(len(c.file)), media.Limits{Recordings: c.shows})
			if err != nil {
				t.Fatal(err)
			}
			found, err := New([]Detector{reds{}}, c.lim).Inspect(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			var at []string
			for _, f := range found[:len(found)-1] {
				at = append(at, f.Part)
				if !strings.Contains(f.Sentence, f.Part+": ") || f.Detector != "reds" || f.Detail["segments"] == nil {
					t.Errorf("%+v", f)
				}
			}
			of := last(found)
			if !slices.Equal(at, c.parts) || of.Label != c.label || of.Status != c.status || !strings.Contains(of.Sentence, c.says) {
				t.Errorf("%q; %s %s: %s", at, of.Status, of.Label, of.Sentence)
			}
			if scaled := name == "larger than all pixels"; scaled != (c.shows.side > 0) {
				t.Errorf("scaled to %d", c.shows.side)
			}
		})
	}
}

// Time that runs out while pictures are decoded costs those that were not decoded, not the answer.
func TestFilmsInTime(t *testing.T) {
	m, err := media.Open(bytes.NewReader(movie(64, 48)), int64(len(movie(64, 48))), media.Limits{Recordings: &screening{reds: []uint8{200, 200}, hangs: true}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	found, err := New([]Detector{reds{}}, Limits{}).Inspect(ctx, m)
	if err != nil || len(found) != 2 || last(found).Label != cordon.LabelPartsSeen || last(found).Detail["frames_looked_at"] != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}

// Films inside of other files are looked at too, and the place says where.
func TestFilmsInside(t *testing.T) {
	packed := archive(t, file{"clips/a.mp4", movie(64, 48)})
	m, err := media.Open(bytes.NewReader(packed), int64(len(packed)), media.Limits{Recordings: &screening{reds: []uint8{0, 200}}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := New([]Detector{reds{}}, Limits{}).Inspect(t.Context(), m)
	if err != nil || !slices.ContainsFunc(found, func(f cordon.Finding) bool {
		return f.Part == "clips/a.mp4/at 0:01" && strings.Contains(f.Sentence, "Inside, clips/a.mp4, at 0:01: ")
	}) {
		t.Errorf("%+v, %v", found, err)
	}
}
