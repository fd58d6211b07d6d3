package media_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/foreign"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/sandbox"
)

// stills decodes JPEG 2000 to what it is told, or fails.
type stills struct {
	ready, err error
	img        image.Image
	calls      int
}

func (s *stills) Ready() error             { return s.ready }
func (*stills) Decodes(format string) bool { return format == "jp2" || format == "jpeg" }
func (*stills) Dimensions(io.ReaderAt, int64, string) (int, int, error) {
	return 4, 2, nil
}
func (s *stills) Still(_ context.Context, _ io.ReaderAt, _ int64, _ string, pixels int64) (image.Image, error) {
	s.calls++
	return s.img, s.err
}

var jp2 = []byte("\x00\x00\x00\x0CjP  \r\n\x87\n\x00\x00\x00\x14ftypjp2 \x00\x00\x00\x00jp2 ")

// What a foreign decoder cannot decode has no pixels; one that comes to harm is a failure.
func TestStills(t *testing.T) {
	grey := image.NewGray16(image.Rect(0, 0, 4, 2))
	for i, v := range []uint16{100, 200, 150, 100, 100, 100, 100, 175} {
		grey.Pix[2*i], grey.Pix[2*i+1] = byte(v>>8), byte(v)
	}
	died := &sandbox.KilledError{Program: "ffmpeg", Limit: sandbox.LimitTime}
	for name, c := range map[string]struct {
		s    *stills
		want error
	}{
		"grey":        {&stills{img: grey}, nil},
		"nobody":      {nil, media.ErrNoPixels},
		"absent":      {&stills{ready: sandbox.ErrAbsent}, media.ErrNoPixels},
		"bad bytes":   {&stills{err: fmt.Errorf("%w: no picture", cordon.ErrInvalid)}, media.ErrNoPixels},
		"other size":  {&stills{img: image.NewGray(image.Rect(0, 0, 5, 2))}, media.ErrNoPixels},
		"too large":   {&stills{err: cordon.ErrTooLarge}, cordon.ErrTooLarge},
		"it was shot": {&stills{err: died}, died},
	} {
		lim := media.Limits{}
		if c.s != nil {
			lim.Stills = c.s
		}
		m, err := media.Open(bytes.NewReader(jp2), int64(len(jp2)), lim)
		if err != nil {
			t.Fatal(err)
		}
		if m.Foreign() != (c.s != nil) {
			t.Errorf("%s: foreign is %v", name, m.Foreign())
		}
		for range 2 {
			img, err := m.Pixels(t.Context())
			if !errors.Is(err, c.want) || c.want == died && errors.Is(err, media.ErrNoPixels) {
				t.Errorf("%s: %v", name, err)
			}
			if c.want != nil {
				continue
			}
			// From the darkest sample to the brightest.
			if g, ok := img.(*image.Gray); !ok || !bytes.Equal(g.Pix, []byte{0, 255, 128, 0, 0, 0, 0, 191}) {
				t.Errorf("%s: %T %v", name, img, img)
			}
		}
		if c.s != nil && c.s.calls > 1 {
			t.Errorf("%s: decoded %d times", name, c.s.calls)
		}
		m.Close()
	}
}

// Ordinary photos never start a process.
func TestPhotosAreDecodedHere(t *testing.T) {
	s := &stills{}
	photo := mediatest.JPEG(t, 40, 30)
	m, err := media.Open(bytes.NewReader(photo), int64(len(photo)), media.Limits{Stills: s})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Pixels(t.Context()); err != nil || m.Foreign() || s.calls > 0 {
		t.Errorf("%v, foreign %v, %d calls", err, m.Foreign(), s.calls)
	}
	for name, frame := range map[string]string{"lossless": "\xC3\x00\x0B\x08", "JPEG-LS": "\xF7\x00\x0B\x08", "12 bits": "\xC1\x00\x0B\x0C"} {
		odd := []byte("\xFF\xD8\xFF" + frame + "\x00\x02\x00\x04\x01\x01\x11\x00\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00\x00\xFF\xD9")
		m, err := media.Open(bytes.NewReader(odd), int64(len(odd)), media.Limits{Stills: s})
		if err != nil || m.Type != media.JPEG || !m.Foreign() {
			t.Errorf("%s: %v", name, err)
		}
		m.Close()
	}
}

// A photo of a telephone is shown to the reviewer, and has a fingerprint.
func TestHEICPreview(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	b, err := os.ReadFile(filepath.Join(mediatest.Corpus(t, "c2pa"), "generated", "g1-ai-es256.heif"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{Stills: foreign.New(sandbox.Open(sandbox.Config{}))})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := m.Preview(t.Context(), 300)
	if err != nil || max(p.Width, p.Height) != 300 {
		t.Fatalf("%d by %d, %v", p.Width, p.Height, err)
	}
	if f, err := m.Fingerprint(t.Context()); err != nil || f.Quality < 50 {
		t.Errorf("%+v, %v", f, err)
	}
	// A file that is cut off has none, and does no harm.
	cutOff, err := media.Open(bytes.NewReader(b[:len(b)/2]), int64(len(b)/2), media.Limits{Stills: foreign.New(sandbox.Open(sandbox.Config{}))})
	if err != nil {
		t.Fatal(err)
	}
	defer cutOff.Close()
	if _, err := cutOff.Pixels(t.Context()); !errors.Is(err, media.ErrNoPixels) {
		t.Errorf("%v", err)
	}
}

func TestSpread(t *testing.T) {
	flat := image.NewGray16(image.Rect(0, 0, 3, 3))
	for i := range flat.Pix {
		flat.Pix[i] = 7
	}
	if g := media.Spread(flat); !bytes.Equal(g.Pix, make([]byte, 9)) {
		t.Errorf("%v", g.Pix)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, media.Spread(image.NewGray16(image.Rect(0, 0, 0, 0)))); err == nil || !strings.Contains(err.Error(), "size") {
		t.Errorf("%v", err)
	}
}
