package parts

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/foreign"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/sandbox"
)

// clinical is a DICOM file of so many frames, with pixel data as given; open where it is in
// fragments.
func clinical(syntax string, frames, w, h int, pixels []byte, open bool) []byte {
	el := func(tag uint32, vr string, value string) string {
		if len(value)%2 == 1 {
			value += " "
		}
		b := binary.LittleEndian.AppendUint16(nil, uint16(tag>>16))
		b = append(binary.LittleEndian.AppendUint16(b, uint16(tag)), vr...)
		return string(binary.LittleEndian.AppendUint16(b, uint16(len(value)))) + value
	}
	u16 := func(n int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(n))) }
	length := uint32(len(pixels))
	if open {
		length = 0xFFFFFFFF
	}
	head := el(0x00020010, "UI", syntax)
	set := el(0x00280002, "US", u16(3)) + el(0x00280004, "CS", "RGB") + el(0x00280006, "US", u16(0)) + el(0x00280008, "IS", fmt.Sprint(frames)) +
		el(0x00280010, "US", u16(h)) + el(0x00280011, "US", u16(w)) + el(0x00280100, "US", u16(8)) + "\xE0\x7F\x10\x00OB\x00\x00"
	b := append(make([]byte, 128), "DICM"+head+set...)
	return append(binary.LittleEndian.AppendUint32(b, length), pixels...)
}

const (
	plain    = "1.2.840.10008.1.2.1\x00"
	baseline = "1.2.840.10008.1.2.4.50"
	jpegLS   = "1.2.840.10008.1.2.4.80"
)

// fragments encapsulates streams, with an empty table of offsets.
func fragments(streams ...[]byte) []byte {
	out := []byte("\xFE\xFF\x00\xE0\x00\x00\x00\x00")
	for _, s := range streams {
		if len(s)%2 == 1 {
			s = append(slices.Clone(s), 0)
		}
		out = append(binary.LittleEndian.AppendUint32(append(out, "\xFE\xFF\x00\xE0"...), uint32(len(s))), s...)
	}
	return append(out, "\xFE\xFF\xDD\xE0\x00\x00\x00\x00"...)
}

// last is what is said of the file as a whole.
func last(found []cordon.Finding) cordon.Finding { return found[len(found)-1] }

func TestFrames(t *testing.T) {
	photo := mediatest.JPEG(t, 40, 30)
	made := mediatest.Segment(photo, 0xFE, []byte("made by a model"))
	colours := make([]byte, 3*40*30*2)
	grey := clinical(plain, 2, 40, 30, colours, false)
	copy(grey[strings.Index(string(grey), "\x02\x00US\x02\x00\x03")+6:], "\x01\x00")
	future := []byte("\xFF\xD8\xFF\xF7\x00\x0B\x08\x00\x1E\x00\x28\x01\x01\x11\x00\xFF\xD9 made by a model")
	for name, c := range map[string]struct {
		file        []byte
		lim         Limits
		marked, all []string
		says        string
	}{
		"streams":               {clinical(baseline, 2, 40, 30, fragments(photo, made), true), Limits{}, []string{"frame 2"}, []string{"frame 1", "frame 2"}, "looked at: 2."},
		"more than it says":     {clinical(baseline, 1, 40, 30, fragments(photo, made), true), Limits{}, []string{"frame 2"}, []string{"frame 1", "frame 2"}, "looked at: 2."},
		"in an archive":         {archive(t, file{"a.dcm", clinical(baseline, 1, 40, 30, fragments(made), true)}), Limits{}, []string{"a.dcm", "a.dcm/frame 1"}, []string{"a.dcm", "a.dcm/frame 1"}, "looked at: 2."},
		"colours":               {clinical(plain, 2, 40, 30, colours, false), Limits{}, nil, []string{"frame 1", "frame 2"}, "looked at: 2."},
		"grey":                  {grey, Limits{}, nil, nil, "not looked at: 2"},
		"too many":              {clinical(plain, 2, 40, 30, colours, false), Limits{Files: 1}, nil, []string{"frame 1"}, "not looked at: 1"},
		"too large":             {clinical(plain, 2, 40, 30, colours, false), Limits{One: 3000}, nil, nil, "not looked at: 2"},
		"too large together":    {clinical(plain, 2, 40, 30, colours, false), Limits{Expanded: 6000}, nil, []string{"frame 1"}, "not looked at: 1"},
		"too many pixels":       {clinical(plain, 2, 40, 30, colours, false), Limits{Pixels: 1300}, nil, []string{"frame 1"}, "not looked at: 1"},
		"pixels not decoded":    {clinical(jpegLS, 1, 40, 30, fragments(future), true), Limits{}, []string{"frame 1"}, []string{"frame 1"}, "pixels are not decoded: 1"},
		"a stream of no format": {clinical(baseline, 1, 40, 30, fragments([]byte("\x00\x00\x01\xB3 video")), true), Limits{}, nil, nil, "not looked at: 1"},
	} {
		found := look(t, c.file, c.lim)
		marked, all := paths(found)
		if !slices.Equal(marked, c.marked) || !slices.Equal(all, c.all) {
			t.Errorf("%s: found in %q of %q: %v", name, marked, all, found)
		}
		if s := last(found); s.Label != cordon.LabelPartsSeen || !strings.Contains(s.Sentence, c.says) {
			t.Errorf("%s: %s: %s", name, s.Label, s.Sentence)
		}
	}
	// An examination in an archive has room for its frames and for its files.
	two := file{"a.dcm", clinical(baseline, 2, 40, 30, fragments(photo, photo), true)}
	if found := look(t, archive(t, two, two, two, file{"made.jpg", made}), Limits{Files: 4}); last(found).Label != cordon.LabelPartsSeen || !strings.Contains(last(found).Sentence, "looked at: 8. Frames that were not looked at: 2.") {
		t.Errorf("an examination: %v", found)
	}
	// A document in its envelope, with the padding that makes its length even.
	document := append(page(stream("/Subtype /Image /Filter /DCTDecode", made)), 0)
	envelope := append(make([]byte, 128), "DICM\x02\x00\x10\x00UI\x14\x00"+plain+"\x42\x00\x11\x00OB\x00\x00"...)
	envelope = append(binary.LittleEndian.AppendUint32(envelope, uint32(len(document))), document...)
	if marked, _ := paths(look(t, envelope, Limits{})); !slices.Equal(marked, []string{"document", "document/object 3, picture"}) {
		t.Errorf("a document: %q", marked)
	}
	if found := look(t, envelope, Limits{One: 1000}); last(found).Label != cordon.LabelLimit {
		t.Errorf("a large document: %v", found)
	}
	// What is broken is not taken for empty, and what can be read of it is looked at.
	whole := clinical(baseline, 2, 40, 30, fragments(made, photo), true)
	found := look(t, whole[:len(whole)-len(photo)], Limits{})
	if marked, _ := paths(found); !slices.Equal(marked, []string{"frame 1"}) || last(found).Label != cordon.LabelPartsUnread {
		t.Errorf("cut: %v", found)
	}
	if found := look(t, clinical("1.2.840.10008.1.2.5\x00", 1, 40, 30, fragments([]byte("no run lengths")), true), Limits{}); last(found).Label != cordon.LabelPartsUnread {
		t.Errorf("damaged run lengths: %v", found)
	}
}

// Every clinical image of the corpus is opened, and says how much of it was looked at. The
// figures stand in docs/detection.md.
func TestFramesOfTheCorpus(t *testing.T) {
	type figures struct{ frames, undecoded, unseen int }
	count := func(lim media.Limits) (sum figures) {
		files, _ := filepath.Glob(filepath.Join(mediatest.Corpus(t, "dicom"), "*.dcm"))
		for _, path := range files {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, err := media.Open(bytes.NewReader(b), int64(len(b)), lim)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			found, err := New([]Detector{pixels{}}, Limits{Coded: 100}).Inspect(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			_, all := paths(found)
			s := last(found)
			n, _ := s.Detail["not_looked_at"].(int64)
			u, _ := s.Detail["not_decoded"].(int)
			sum.frames, sum.undecoded, sum.unseen = sum.frames+len(all), sum.undecoded+u, sum.unseen+int(n)
			if len(found) != 1 || s.Label != cordon.LabelPartsSeen {
				t.Errorf("%s: %v", filepath.Base(path), found)
			}
			if u > 0 || n > 0 {
				t.Logf("%-52s %2d frames, %2d not looked at, %2d not decoded", filepath.Base(path), len(all), n, u)
			}
		}
		return sum
	}
	doc, err := os.ReadFile(filepath.Join(mediatest.Root(t), "docs", "detection.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(strings.Fields(string(doc)), " ")
	check := func(with string, got figures) {
		want := fmt.Sprintf("%s %d of the %d frames are looked at, %d of these without pixels.", with, got.frames, got.frames+got.unseen, got.undecoded)
		if !strings.Contains(said, want) {
			t.Errorf("docs/detection.md does not say: %s", want)
		}
	}
	check("Without it", count(media.Limits{}))
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	check("With ffmpeg", count(media.Limits{Stills: foreign.New(sandbox.Open(sandbox.Config{}))}))
}

// pixels decodes what it is given, so that a picture that says one thing in its header and
// another in its data is noticed.
type pixels struct{}

func (pixels) Name() string    { return "pixels" }
func (pixels) Version() string { return "1" }
func (pixels) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	if _, err := m.Pixels(ctx); err != nil && !errors.Is(err, media.ErrNoPixels) {
		return nil, err
	}
	return nil, nil
}

// So many pictures inside take a process each, and no more.
func TestCodedFrames(t *testing.T) {
	frame := []byte("\xFF\xD8\xFF\xF7\x00\x0B\x08\x00\x1E\x00\x28\x01\x01\x11\x00\xFF\xD9")
	b := clinical(jpegLS, 5, 40, 30, fragments(frame, frame, frame, frame, frame), true)
	s := &still{}
	m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{Stills: s})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	found, err := New([]Detector{pixels{}}, Limits{Coded: 3}).Inspect(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, f := range found {
		if f.Status == cordon.StatusFailed {
			failed++
		}
	}
	if s.calls != 3 || !strings.Contains(last(found).Sentence, "looked at: 5. Pictures whose pixels are not decoded: 2.") {
		t.Errorf("%d calls, %v", s.calls, found)
	}
	// A decoder that comes to harm is a check that failed, of that picture.
	s.calls, s.err = 0, &sandbox.KilledError{Program: "ffmpeg", Limit: sandbox.LimitFault, Detail: "segmentation fault"}
	again, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{Stills: s})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if found, err = New([]Detector{pixels{}}, Limits{Coded: 1}).Inspect(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if f := found[0]; f.Status != cordon.StatusFailed || f.Part != "frame 1" || f.Label != cordon.LabelCrashed {
		t.Errorf("%+v", found)
	}
}

type still struct {
	calls int
	err   error
}

func (*still) Ready() error                                            { return nil }
func (*still) Decodes(f string) bool                                   { return f == "jpeg" }
func (*still) Dimensions(io.ReaderAt, int64, string) (int, int, error) { return 40, 30, nil }
func (s *still) Still(context.Context, io.ReaderAt, int64, string, int64) (image.Image, error) {
	s.calls++
	return image.NewGray(image.Rect(0, 0, 40, 30)), s.err
}
