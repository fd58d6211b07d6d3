package app

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/decide"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// failing is content of which one read, or every one from there on, comes to grief.
type failing struct {
	b    []byte
	fail func() (n int, err error) // n: of the bytes asked for, -1 for half of them
	at   int                       // the read that fails; 0: none
	on   bool                      // and all that follow

	mu    sync.Mutex
	reads int
	met   bool
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	f.reads++
	fails := f.at > 0 && (f.reads == f.at || f.on && f.reads > f.at)
	f.met = f.met || fails
	f.mu.Unlock()
	if fails {
		if n, err := f.fail(); n == 0 || len(p) < 2 {
			return 0, err
		} else {
			half, _ := bytes.NewReader(f.b).ReadAt(p[:len(p)/2], off)
			return half, err
		}
	}
	return bytes.NewReader(f.b).ReadAt(p, off)
}

// TestNothingUnreadIsNeutral has every detector look at files of which the bytes cannot be had: in
// whatever way that goes wrong, and at whichever read, nobody is told that there was no sign.
func TestNothingUnreadIsNeutral(t *testing.T) {
	inspector, policy, err := Look{}.Open()
	if err != nil {
		t.Fatal(err)
	}
	zipped := func(names ...string) []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		for _, name := range names {
			if w, err := z.Create(name); err != nil {
				t.Fatal(err)
			} else if _, err := w.Write(mediatest.PNG(t, 9, 9)); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	far := make([]byte, 200<<10) // so that not all of it is read in one go
	files := map[string][]byte{
		"JPEG":      append(mediatest.Segment(mediatest.JPEG(t, 200, 200), 0xFE, far[:60000]), far...),
		"PNG":       mediatest.Text(mediatest.PNG(t, 200, 200), "Comment", strings.Repeat("A letter. ", 20<<10)),
		"WebP":      mediatest.RIFF("WEBP", mediatest.RIFFChunk("VP8X", make([]byte, 10)), mediatest.RIFFChunk("EXIF", far)),
		"TIFF":      mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(305, string(bytes.Repeat([]byte("x"), 200<<10)))}),
		"MP4":       bytes.Join([][]byte{mediatest.Box("ftyp", []byte("isom\x00\x00\x02\x00")), mediatest.Box("free", far), mediatest.Box("moov")}, nil),
		"WAV":       mediatest.RIFF("WAVE", mediatest.RIFFChunk("fmt ", []byte{1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x40, 0x1F, 0, 0, 1, 0, 8, 0}), mediatest.RIFFChunk("data", far)),
		"ZIP":       zipped("a.png", "b.png"),
		"Word":      zipped("[Content_Types].xml", "word/document.xml", "word/media/image1.png"),
		"PDF":       []byte("%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" + string(bytes.Repeat([]byte("% x\n"), 50<<10)) + "trailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"),
		"text":      bytes.Repeat([]byte("A letter. "), 20<<10),
		"drawing":   []byte(`<svg xmlns="http://www.w3.org/2000/svg">` + string(bytes.Repeat([]byte("<g/>\n"), 40<<10)) + `</svg>`),
		"DICOM":     append([]byte(string(make([]byte, 128))+"DICM\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00\x10\x00\x10\x00PN\x02\x00x \xE0\x7F\x10\x00OB\x00\x00\x00\x20\x03\x00"), far...),
		"FHIR":      []byte(`{"resourceType":"Bundle","entry":[` + string(bytes.Repeat([]byte(" "), 200<<10)) + `]}`),
		"not known": bytes.Repeat([]byte{7, 1, 9, 200}, 50<<10),
	}
	panics := errors.New("panics")
	ways := map[string]struct {
		n   int
		err error
	}{
		"an error of the disk":            {0, errors.New("input/output error")},
		"an error in the midst of a read": {-1, errors.New("input/output error")},
		"the end before the end":          {-1, io.EOF},
		"nothing, and the end":            {0, io.EOF},
		"an unexpected end":               {-1, io.ErrUnexpectedEOF},
		"less than was asked for":         {-1, nil},
		"cancelled":                       {0, context.Canceled},
		"a deadline of its own":           {0, context.DeadlineExceeded},
		"too large":                       {0, fmt.Errorf("%w: a limit of the store", cordon.ErrTooLarge)},
		"not found":                       {0, fmt.Errorf("%w: the bytes", cordon.ErrNotFound)},
		"busy":                            {0, cordon.ErrBusy},
		"closed":                          {0, media.ErrClosed},
		"a panic":                         {0, panics},
	}
	item := func(m *media.Media) cordon.Item {
		return cordon.Item{Route: "portal", Channel: cordon.ChannelPortal, Fail: cordon.FailHold, Modality: m.Modality()}
	}
	tried := 0
	for kind, b := range files {
		whole := &failing{b: b}
		m, err := media.Open(whole, int64(len(b)), media.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if v := policy.Decide(item(m), inspector.Inspect(t.Context(), m)); kind == "PNG" && v.Outcome != cordon.NoSign {
			t.Fatalf("%s as it is: %+v", kind, v)
		}
		_ = m.Close()
		for way, w := range ways {
			for at := 1; at <= whole.reads; at += max(1, whole.reads/3) {
				for _, on := range []bool{false, true} {
					r := &failing{b: b, at: at, on: on, fail: func() (int, error) {
						if w.err == panics {
							panic("the store came to grief")
						}
						return w.n, w.err
					}}
					m, err := opened(r, int64(len(b)))
					if err != nil {
						continue // which is refused at the door
					}
					v := policy.Decide(item(m), inspector.Inspect(t.Context(), m))
					_ = m.Close()
					if tried++; r.met && (v.Outcome == cordon.NoSign || v.Outcome == cordon.NotTested || v.Action == cordon.Pass) {
						t.Errorf("%s, %s at read %d of %d, on %v: %s, %s, %v", kind, way, at, whole.reads, on, v.Outcome, v.Action, v.Reasons)
					}
				}
			}
		}
	}
	t.Logf("%d files were looked at", tried)
	if tried < 300 {
		t.Errorf("only %d files were looked at", tried)
	}
}

// opened is media.Open, and an error where that panics.
func opened(r io.ReaderAt, size int64) (m *media.Media, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return media.Open(r, size, media.Limits{})
}

// TestNothingUndecodedIsNeutral has pictures whose pixels nobody could see: for want of a decoder,
// of memory, of time, or because they are beyond a limit.
func TestNothingUndecodedIsNeutral(t *testing.T) {
	ds, err := detectors(Trust{}, nobody, watermark.Config{})
	if err != nil {
		t.Fatal(err)
	}
	photo, coded := mediatest.PNG(t, 300, 300), mediatest.Box("ftyp", []byte("heic\x00\x00\x00\x00mif1heic"))
	small := media.NewBudget(2 << 20)
	taken, err := media.Open(bytes.NewReader(photo), int64(len(photo)), media.Limits{Budget: small})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := taken.Pixels(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		b   []byte
		lim media.Limits
		ctx context.Context
		of  inspect.Config
	}{
		"beyond a limit":            {photo, media.Limits{MaxPixels: 100}, t.Context(), inspect.Config{}},
		"more memory than there is": {photo, media.Limits{Budget: media.NewBudget(100)}, t.Context(), inspect.Config{}},
		"memory that others have":   {photo, media.Limits{Budget: small}, t.Context(), inspect.Config{Budget: 300 * time.Millisecond}},
		"no decoder":                {coded, media.Limits{}, t.Context(), inspect.Config{}},
		"nobody waits any more":     {photo, media.Limits{}, gone, inspect.Config{}},
		"no time left":              {photo, media.Limits{}, t.Context(), inspect.Config{Budget: 1}},
	} {
		m, err := media.Open(bytes.NewReader(c.b), int64(len(c.b)), c.lim)
		if err != nil {
			t.Fatal(err)
		}
		found := inspect.New(ds, c.of).Inspect(c.ctx, m)
		v := decide.Default().Decide(cordon.Item{Route: "portal", Channel: cordon.ChannelPortal, Fail: cordon.FailHold, Modality: cordon.Image}, found)
		if v.Outcome == cordon.NoSign || v.Outcome == cordon.NotTested || v.Action == cordon.Pass {
			t.Errorf("%s: %s, %s, %v", name, v.Outcome, v.Action, v.Reasons)
		}
		_ = m.Close()
	}
}
