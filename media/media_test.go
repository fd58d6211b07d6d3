package media_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/pdq"
)

func TestSniff(t *testing.T) {
	zipped := func(names ...string) []byte {
		var b []byte
		for _, n := range names {
			b = append(b, "PK\x03\x04\x14\x00\x00\x00\x00\x00"...)
			b = append(b, make([]byte, 16)...)
			b = binary.LittleEndian.AppendUint16(b, uint16(len(n)))
			b = append(append(b, 0, 0), n...)
		}
		return b
	}
	frame := append([]byte{0xFF, 0xFB, 0x90, 0x00}, make([]byte, 413)...) // 128 kbit/s, 44.1 kHz: 417 bytes
	tests := []struct {
		what string
		b    []byte
		want media.Type
	}{
		{"JPEG", mediatest.JPEG(t, 4, 4), media.JPEG},
		{"PNG", mediatest.PNG(t, 4, 4), media.PNG},
		{"GIF", mediatest.GIF(t, 4, 4), media.GIF},
		{"WebP", mediatest.RIFF("WEBP"), media.WebP},
		{"WAVE", mediatest.RIFF("WAVE"), media.WAV},
		{"AVI", mediatest.RIFF("AVI "), media.AVI},
		{"other RIFF", mediatest.RIFF("ACON"), media.RIFF},
		{"TIFF", mediatest.TIFF([]mediatest.Tag{mediatest.Short(256, 1)}), media.TIFF},
		{"DNG", mediatest.TIFF([]mediatest.Tag{mediatest.Short(256, 1), {ID: 50706, Type: 1, Value: []byte{1, 4, 0, 0}}}), media.DNG},
		{"BMP", append([]byte("BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"), make([]byte, 40)...), media.BMP},
		{"text that begins with BM", []byte("BMW is a maker of cars and motorcycles."), media.Text},
		{"HEIC", mediatest.Box("ftyp", []byte("heic\x00\x00\x00\x00mif1")), media.HEIC},
		{"HEIC by another brand", mediatest.Box("ftyp", []byte("mif1\x00\x00\x00\x00mif1heic")), media.HEIC},
		{"AVIF by a brand of its own", mediatest.Box("ftyp", []byte("MA1B\x00\x00\x00\x00miafavif")), media.AVIF},
		{"HEIC by a brand of its own", mediatest.Box("ftyp", []byte("1pic\x00\x00\x00\x00mif1heic")), media.HEIC},
		{"a film that says mif1 too", mediatest.Box("ftyp", []byte("isom\x00\x00\x00\x00mif1mp42")), media.MP4},
		{"Canon's raw file", mediatest.Box("ftyp", []byte("crx \x00\x00\x00\x01crx isom")), media.CR3},
		{"AVIF by another brand", mediatest.Box("ftyp", []byte("mif1\x00\x00\x00\x00mif1avif")), media.AVIF},
		{"AVIF", mediatest.Box("ftyp", []byte("avif\x00\x00\x00\x00")), media.AVIF},
		{"MP4", mediatest.Box("ftyp", []byte("isom\x00\x00\x02\x00")), media.MP4},
		{"M4A", mediatest.Box("ftyp", []byte("M4A \x00\x00\x02\x00")), media.M4A},
		{"QuickTime", mediatest.Box("ftyp", []byte("qt  \x00\x00\x02\x00")), media.MOV},
		{"QuickTime without brand", mediatest.Box("moov", make([]byte, 8)), media.MOV},
		{"manifest store", mediatest.Box("jumb", mediatest.Box("jumd", []byte("c2pa\x00\x11\x00\x10"))), media.C2PA},
		{"FLAC", []byte("fLaC\x00\x00\x00\x22"), media.FLAC},
		{"FLAC behind ID3", append([]byte("ID3\x04\x00\x00\x00\x00\x00\x02ab"), "fLaC"...), media.FLAC},
		{"MP3 with ID3", append([]byte("ID3\x04\x00\x00\x00\x00\x00\x02ab"), frame...), media.MP3},
		{"MP3", slices.Concat(frame, frame), media.MP3},
		{"two bytes like MP3", append([]byte{0xFF, 0xFB, 0x90, 0x00}, make([]byte, 1000)...), media.Unknown},
		{"Ogg", []byte("OggS\x00\x02"), media.Ogg},
		{"PDF", []byte("%PDF-1.7\n"), media.PDF},
		{"PDF behind rubbish", []byte("\x00\x01rubbish\n%PDF-1.7\n"), media.PDF},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), media.SVG},
		{"SVG with everything before", []byte("\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<!-- by <html> -->\n<!DOCTYPE svg PUBLIC \"a\" \"b\" [<!ENTITY x \"y\">]>\n<svg:svg/>"), media.SVG},
		{"HTML", []byte("<!DOCTYPE html><html>"), media.HTML},
		{"HTML with an SVG inside", []byte("<html><body><svg/></body></html>"), media.HTML},
		{"XML", []byte("<?xml version=\"1.0\"?><Bundle/>"), media.XML},
		{"JSON", []byte(`{"a": 1}`), media.JSON},
		{"clinical document", []byte("<?xml version=\"1.0\"?>\n<?xml-stylesheet href=\"x.xsl\"?><!-- a --><ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>"), media.CDA},
		{"clinical document with a prefix", []byte(`<hl7:ClinicalDocument xmlns:hl7="urn:hl7-org:v3"/>`), media.CDA},
		{"clinical document of nobody", []byte(`<?xml version="1.0"?><ClinicalDocument/>`), media.XML},
		{"FHIR in JSON", []byte("{\n \"id\": \"a\",\n \"resourceType\" : \"Bundle\"}"), media.FHIRJSON},
		{"FHIR in XML", []byte(`<!-- a --><Bundle xmlns="http://hl7.org/fhir"/>`), media.FHIRXML},
		{"a page about FHIR", []byte(`<?xml version="1.0"?><page><a href="http://hl7.org/fhir"/></page>`), media.XML},
		{"JWS", []byte("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2ln"), media.JOSE},
		{"JWS in JSON", []byte(`{"payload":"eyJhIjoxfQ","signatures":[{"protected":"eyJhbGciOiJFUzI1NiJ9","signature":"c2ln"}]}`), media.JOSE},
		{"text that begins with ey", []byte("eyes are open. Both are. So."), media.Text},
		{"text", []byte("a,b\n1,2\n"), media.Text},
		{"Latin-1 text", []byte("M\xFCller,Stra\xDFe\n"), media.Text},
		{"UTF-16 text", []byte("\xFF\xFEa\x00,\x00"), media.Text},
		{"ZIP", zipped("a.txt"), media.ZIP},
		{"Word", zipped("[Content_Types].xml", "word/document.xml"), media.OOXML},
		{"old Word", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), media.OLE},
		{"RTF", []byte(`{\rtf1 a}`), media.RTF},
		{"DICOM", append(make([]byte, 128), "DICM\x02\x00\x00\x00UL\x04\x00"...), media.DICOM},
		{"DICOM without preamble", []byte("\x08\x00\x05\x00\x0A\x00\x00\x00ISO_IR 100"), media.DICOM},
		{"program", append([]byte("MZ\x90\x00"), make([]byte, 100)...), media.Executable},
		{"two letters MZ", []byte("MZ is a registration."), media.Text},
		{"script", []byte("#!/bin/sh\n"), media.Executable},
		{"Matroska", []byte("\x1A\x45\xDF\xA3\x01"), media.Matroska},
		{"gzip", []byte("\x1F\x8B\x08\x00"), media.Archive},
		{"nothing", nil, media.Empty},
		{"noise", []byte{1, 2, 3, 0, 200, 100}, media.Unknown},
	}
	for _, test := range tests {
		if got := media.Sniff(test.b); got != test.want {
			t.Errorf("%s: got %s, want %s", test.what, got, test.want)
		}
	}
}

// Types are complete: each has a media type and a modality, and its own names lead back to it.
func TestTypes(t *testing.T) {
	for _, typ := range media.Types() {
		if typ.MediaType() == "" || typ.Modality() == "" {
			t.Errorf("%s: media type %q, modality %q", typ, typ.MediaType(), typ.Modality())
		}
		for _, ext := range typ.Extensions() {
			if !slices.Contains(media.ByExtension("."+strings.ToUpper(ext)), typ) {
				t.Errorf("%s is not among the types of .%s", typ, ext)
			}
		}
		if mime := typ.MediaType(); mime != "application/octet-stream" && !slices.Contains(media.ByMediaType(mime+"; charset=x"), typ) {
			t.Errorf("%s is not among the types of %s", typ, mime)
		}
	}
}

// The corpus names its types; content must say the same.
func TestSniffCorpus(t *testing.T) {
	dir, files := mediatest.Index(t, "c2pa")
	for _, e := range files {
		m := mediatest.Open(t, filepath.Join(dir, e.File))
		if !slices.Contains(media.ByMediaType(e.MediaType), m.Type) {
			t.Errorf("%s: %s, the index says %s", e.File, m.Type, e.MediaType)
		}
	}
	paths, _ := filepath.Glob(filepath.Join(mediatest.Corpus(t, "dicom"), "*.dcm"))
	for _, path := range paths {
		if m := mediatest.Open(t, path); m.Type != media.DICOM {
			t.Errorf("%s: %s", path, m.Type)
		}
	}
}

func TestOpenLimits(t *testing.T) {
	if _, err := media.Open(bytes.NewReader(make([]byte, 10)), 10, media.Limits{MaxBytes: 9}); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("10 bytes, limit 9: %v", err)
	}
	if _, err := media.Open(bytes.NewReader(nil), -1, media.Limits{}); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("negative size: %v", err)
	}
	if _, err := media.Open(bytes.NewReader(make([]byte, 10)), 20, media.Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("fewer bytes than said: %v", err)
	}
}

// However a caller cuts its reads, it sees the file.
func TestReadAt(t *testing.T) {
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	m := mediatest.OpenBytes(t, b)
	for _, n := range []int{1, 7, 4096, 16384, 16385, 100_000, 300_000} {
		for off := 0; off < len(b); off += 12_345 {
			got := make([]byte, n)
			k, err := m.ReadAt(got, int64(off))
			want := b[off:min(off+n, len(b))]
			if !bytes.Equal(got[:k], want) || (len(want) < n) != (err == io.EOF) {
				t.Fatalf("%d bytes at %d: %d bytes, %v", n, off, k, err)
			}
		}
	}
	if _, err := m.ReadAt(make([]byte, 1), int64(len(b))); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	m.Close()
	if _, err := m.ReadAt(make([]byte, 1), 0); !errors.Is(err, media.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestDigest(t *testing.T) {
	b := mediatest.JPEG(t, 300, 300)
	got, err := mediatest.OpenBytes(t, b).Digest(context.Background())
	if err != nil || got != sha256.Sum256(b) {
		t.Errorf("got %x %v", got, err)
	}
	m := mediatest.OpenBytes(t, b)
	m.SetDigest([32]byte{7})
	if got, _ := m.Digest(context.Background()); got != [32]byte{7} {
		t.Errorf("the digest of intake was not taken: %x", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := mediatest.OpenBytes(t, b).Digest(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// counting counts how often the first byte of the file is read.
type counting struct {
	b     []byte
	first atomic.Int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 {
		c.first.Add(1)
	}
	return bytes.NewReader(c.b).ReadAt(p, off)
}

// Many detectors ask at once; the picture is decoded once and is the same for all.
func TestPixelsAreShared(t *testing.T) {
	c := &counting{b: mediatest.JPEG(t, 400, 300)}
	m, err := media.Open(c, int64(len(c.b)), media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var got [16]image.Image
	var wait sync.WaitGroup
	for i := range got {
		wait.Go(func() {
			img, err := m.Pixels(context.Background())
			if err != nil {
				t.Error(err)
			}
			got[i] = img
		})
	}
	wait.Wait()
	for _, img := range got {
		if img != got[0] {
			t.Error("two callers got two pictures")
		}
	}
	before := c.first.Load()
	m.Pixels(context.Background())
	if c.first.Load() != before {
		t.Error("asking again reads the file again")
	}
}

func TestFingerprint(t *testing.T) {
	m := mediatest.OpenBytes(t, mediatest.PNG(t, 300, 200))
	var wg sync.WaitGroup
	prints := make([]media.Fingerprint, 8)
	for i := range prints {
		wg.Go(func() {
			var err error
			if prints[i], err = m.Fingerprint(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	img, err := m.Pixels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want media.Fingerprint
	want.PDQ, want.Quality = pdq.Of(img)
	for _, p := range prints {
		if p != want {
			t.Errorf("%v instead of %v", p, want)
		}
	}
	if _, err := mediatest.OpenBytes(t, []byte("no picture")).Fingerprint(t.Context()); !errors.Is(err, media.ErrNoPixels) {
		t.Errorf("a text has a fingerprint: %v", err)
	}
}

func TestPixelLimits(t *testing.T) {
	b := mediatest.PNG(t, 200, 100)
	open := func(l media.Limits) *media.Media {
		m, err := media.Open(bytes.NewReader(b), int64(len(b)), l)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	if _, err := open(media.Limits{MaxPixels: 19_999}).Pixels(context.Background()); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("too many pixels: %v", err)
	}
	if _, err := open(media.Limits{Budget: media.NewBudget(1000)}).Pixels(context.Background()); !errors.Is(err, cordon.ErrTooLarge) {
		t.Errorf("more than the budget: %v", err)
	}
	// A header that promises a gigapixel costs a header.
	bomb := bytes.Clone(b)
	binary.BigEndian.PutUint32(bomb[16:], 60000)
	binary.BigEndian.PutUint32(bomb[20:], 60000)
	if _, err := mediatest.OpenBytes(t, bomb).Pixels(context.Background()); err == nil {
		t.Error("a bomb was decoded")
	}
	// One colour all over needs almost no file.
	m := mediatest.OpenBytes(t, blank(t, 6000, 4000))
	if _, err := m.Pixels(t.Context()); !errors.Is(err, cordon.ErrTooLarge) || !strings.Contains(err.Error(), "times its size") {
		t.Errorf("%d bytes that become 96 MB: %v", m.Size(), err)
	}
	if _, err := mediatest.OpenBytes(t, blank(t, 4000, 4000)).Pixels(t.Context()); err != nil {
		t.Errorf("a blank picture of usual size: %v", err)
	}
}

// blank is a PNG of one colour.
func blank(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, image.NewNRGBA(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Who finds the budget used up waits until another picture is closed, or its time is over,
// and the latter is not held against the file.
func TestBudget(t *testing.T) {
	b := mediatest.PNG(t, 200, 200) // about 1.4 MiB while decoding
	budget := media.NewBudget(2 << 20)
	open := func() *media.Media {
		m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{Budget: budget})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	first, second := open(), open()
	if _, err := first.Pixels(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := second.Pixels(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("no budget, no time: %v", err)
	}
	done := make(chan error)
	go func() {
		_, err := second.Pixels(context.Background())
		done <- err
	}()
	first.Close()
	if err := <-done; err != nil {
		t.Errorf("after the first was closed: %v", err)
	}
	second.Close()
	second.Close()
	third := open()
	if _, err := third.Pixels(context.Background()); err != nil {
		t.Errorf("the budget was not given back: %v", err)
	}
}

func TestPreview(t *testing.T) {
	secret := "GPS 48.1,11.5 secret"
	jpg := mediatest.EXIF(mediatest.JPEG(t, 2000, 500), mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(270, secret)}))
	jpg = append(jpg, secret...)
	m := mediatest.OpenBytes(t, jpg)
	p, err := m.Preview(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if p.MediaType != "image/jpeg" || p.Width != 1024 || p.Height != 256 || bytes.Contains(p.Data, []byte("secret")) || bytes.Contains(p.Data, []byte("Exif")) {
		t.Errorf("%s %dx%d, %d bytes", p.MediaType, p.Width, p.Height, len(p.Data))
	}
	if small, err := mediatest.OpenBytes(t, mediatest.JPEG(t, 30, 20)).Preview(context.Background(), 100); err != nil || small.Width != 30 || small.Height != 20 {
		t.Errorf("a small picture was enlarged: %dx%d %v", small.Width, small.Height, err)
	}
	glass := image.NewNRGBA(image.Rect(0, 0, 10, 10))
	var b bytes.Buffer
	png.Encode(&b, glass)
	if p, err := mediatest.OpenBytes(t, b.Bytes()).Preview(context.Background(), 0); err != nil || p.MediaType != "image/png" {
		t.Errorf("a transparent picture: %s %v", p.MediaType, err)
	}
}

// Each orientation brings the same corner to the upper left.
func TestPreviewIsUpright(t *testing.T) {
	// Where the upper left corner of the upright picture is stored, by orientation.
	corner := map[int]func(w, h int) (int, int){
		1: func(w, h int) (int, int) { return 0, 0 },
		2: func(w, h int) (int, int) { return w - 1, 0 },
		3: func(w, h int) (int, int) { return w - 1, h - 1 },
		4: func(w, h int) (int, int) { return 0, h - 1 },
		5: func(w, h int) (int, int) { return 0, 0 },
		6: func(w, h int) (int, int) { return 0, h - 1 },
		7: func(w, h int) (int, int) { return w - 1, h - 1 },
		8: func(w, h int) (int, int) { return w - 1, 0 },
	}
	for orientation, at := range corner {
		const w, h = 64, 32
		src := mediatest.Picture(w, h)
		var b bytes.Buffer
		png.Encode(&b, src)
		file := mediatest.Chunk(b.Bytes(), "eXIf", mediatest.TIFF([]mediatest.Tag{mediatest.Short(274, uint16(orientation))}))
		m := mediatest.OpenBytes(t, file)
		if got := m.Orientation(); got != orientation {
			t.Errorf("orientation %d read as %d", orientation, got)
		}
		p, err := m.Preview(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		wide, high := w, h
		if orientation >= 5 {
			wide, high = h, w
		}
		img, _, err := image.Decode(bytes.NewReader(p.Data))
		if err != nil || p.Width != wide || p.Height != high || img.Bounds().Dx() != wide {
			t.Fatalf("orientation %d: %dx%d %v", orientation, p.Width, p.Height, err)
		}
		x, y := at(w, h)
		want := src.RGBAAt(x, y)
		got := color.RGBAModel.Convert(img.At(0, 0)).(color.RGBA)
		if near := func(a, b uint8) bool { return max(a, b)-min(a, b) < 24 }; !near(got.R, want.R) || !near(got.G, want.G) {
			t.Errorf("orientation %d: upper left is %v, want %v", orientation, got, want)
		}
	}
}

func TestNoPreview(t *testing.T) {
	for what, b := range map[string][]byte{
		"HEIC":             mediatest.Box("ftyp", []byte("heic\x00\x00\x00\x00mif1")),
		"SVG":              []byte("<svg/>"),
		"text":             []byte("hello"),
		"nothing":          nil,
		"JPEG cut in head": mediatest.JPEG(t, 64, 64)[:200],
	} {
		if p, err := mediatest.OpenBytes(t, b).Preview(context.Background(), 0); !errors.Is(err, media.ErrNoPixels) || len(err.Error()) < 25 {
			t.Errorf("%s: %d bytes, %v", what, len(p.Data), err)
		}
	}
}

// Every picture of the corpus is previewed or refused with a reason.
func TestPreviewCorpus(t *testing.T) {
	if testing.Short() {
		t.Log("only the smaller part in short mode")
	}
	dir, files := mediatest.Index(t, "generator-metadata")
	shown := 0
	for _, e := range files {
		info, err := os.Stat(filepath.Join(dir, e.File))
		if err != nil {
			t.Fatal(err)
		}
		if testing.Short() && info.Size() > 100_000 {
			continue
		}
		p, err := mediatest.Open(t, filepath.Join(dir, e.File)).Preview(context.Background(), 64)
		switch {
		case err == nil && (len(p.Data) == 0 || max(p.Width, p.Height) > 64):
			t.Errorf("%s: %dx%d", e.File, p.Width, p.Height)
		case err == nil:
			shown++
		case !errors.Is(err, media.ErrNoPixels):
			t.Errorf("%s: %v", e.File, err)
		default:
			t.Logf("%s: %v", e.File, err)
		}
	}
	t.Logf("%d of %d previewed", shown, len(files))
}

func FuzzOpen(f *testing.F) {
	f.Add(mediatest.JPEG(f, 8, 8))
	f.Add(mediatest.PNG(f, 8, 8))
	f.Add(mediatest.GIF(f, 8, 8))
	f.Add(mediatest.EXIF(mediatest.JPEG(f, 8, 8), mediatest.TIFF([]mediatest.Tag{mediatest.Short(274, 6)})))
	f.Add(mediatest.TIFF([]mediatest.Tag{mediatest.Short(256, 1), mediatest.Short(257, 1), mediatest.Short(258, 8), mediatest.Short(273, 8), mediatest.Short(279, 1)}))
	f.Add(mediatest.RIFF("WEBP", mediatest.RIFFChunk("VP8L", []byte("\x2F\x00\x00\x00\x00"))))
	f.Add([]byte("%PDF-1.4"))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{MaxPixels: 1 << 16})
		if err != nil {
			t.Fatal(err) // odd content opens
		}
		defer m.Close()
		p, err := m.Preview(context.Background(), 32)
		if err == nil && (p.Width > 32 || p.Height > 32 || p.Width < 1 || p.Height < 1) {
			t.Errorf("preview of %d by %d", p.Width, p.Height)
		}
	})
}
