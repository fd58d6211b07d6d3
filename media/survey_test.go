package media_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image/gif"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/mediatest"
)

// lawful checks that every byte of a file has exactly one state, and that children lie inside.
func lawful(t testing.TB, m *media.Media) *media.Anatomy {
	t.Helper()
	a, err := m.Anatomy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := int64(0)
	for _, r := range a.Ranges {
		if r.Off != at || r.End <= r.Off || r.State == "" {
			t.Fatalf("%+v behind byte %d", r, at)
		}
		at = r.End
	}
	if at != m.Size() || len(a.Ranges) > anatomy.MaxRanges {
		t.Fatalf("%d ranges that end at %d of %d", len(a.Ranges), at, m.Size())
	}
	for _, c := range a.Children {
		if c.Content == nil && c.Look == "" && (c.Off <= 0 && c.Over == nil || c.Len <= 0 || c.Off+c.Len > m.Size()) {
			t.Fatalf("a child beyond the file: %+v", c)
		}
	}
	return a
}

// Every byte of every file has one state.
func TestEveryByteHasOneState(t *testing.T) {
	for _, set := range []string{"evasion", "field", "generator-metadata", "dicom", "pdq"} {
		dir := mediatest.Corpus(t, set)
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			lawful(t, mediatest.Open(t, path))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func gzipped(t testing.TB, b []byte) []byte {
	return encoded(t, func(out *bytes.Buffer) error {
		z := gzip.NewWriter(out)
		z.Write(b)
		return z.Close()
	})
}

// zipped has one entry, with what change does to it.
func zipped(t testing.TB, name string, content []byte, comment string) []byte {
	return encoded(t, func(out *bytes.Buffer) error {
		z := zip.NewWriter(out)
		w, err := z.Create(name)
		if err != nil {
			return err
		}
		w.Write(content)
		z.SetComment(comment)
		return z.Close()
	})
}

// icon has one picture.
func icon(picture []byte) []byte {
	b := []byte{0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 32, 0}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(picture)))
	return append(binary.LittleEndian.AppendUint32(b, 22), picture...)
}

// A picture that somebody may see is a child, wherever it is.
func TestPicturesInside(t *testing.T) {
	marked := mediatest.Text(mediatest.PNG(t, 24, 24), "parameters", "Steps: 20, Sampler: Euler")
	jpg := mediatest.Segment(mediatest.JPEG(t, 24, 24), 0xFE, []byte("Steps: 20, Sampler: Euler a, and so on"))
	host, gf, pn := mediatest.JPEG(t, 40, 40), mediatest.GIF(t, 20, 20), mediatest.PNG(t, 40, 40)
	b64 := base64.StdEncoding.EncodeToString(marked)
	folded := strings.Join(strings.SplitAfter(b64, b64[40:50]), "\r\n ")
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	z := zipped(t, "a.txt", []byte("hello"), "")
	directory := bytes.Index(z, []byte("PK\x01\x02"))
	unlisted := zipped(t, "hidden.png", marked, "")
	unlisted = unlisted[:bytes.Index(unlisted, []byte("PK\x01\x02"))]

	for name, c := range map[string]struct {
		b    []byte
		want []byte
	}{
		"behind JPEG":                {join(host, marked), marked},
		"behind JPEG, after filling": {join(host, make([]byte, 5000), marked, []byte("tail")), marked},
		"JPEG behind PNG":            {join(pn, jpg), jpg},
		"in the scan of a JPEG":      {join(host[:len(host)-2], marked, host[len(host)-2:]), marked},
		"in the data of a still":     {join(mediatest.Box("ftyp", []byte("avif\x00\x00\x00\x00")), mediatest.Box("mdat", []byte("some"), marked)), marked},
		"behind a word of a PDF":     {pdfOf("501", string(marked)+" endobj"), marked},
		"in a broken stream":         {pdfOf("<</Filter/FlateDecode/Length 9>>", "stream\n"+string(marked)+"\nendstream endobj"), marked},
		"behind PNG's end":           {join(pn, marked), marked},
		"behind GIF":                 {join(gf, marked), marked},
		"behind BMP":                 {join(bitmap(t), marked), marked},
		"in an APP segment":          {mediatest.Segment(host, 0xE6, marked), marked},
		"in a comment":               {mediatest.Segment(host, 0xFE, append([]byte("x"), marked...)), marked},
		"EXIF thumbnail":             {mediatest.EXIF(host, append(mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "Maker")}), jpg...)), jpg},
		"in a private chunk":         {mediatest.Chunk(pn, "prVt", marked), marked},
		"in an icon":                 {icon(marked), marked},
		"in the comment of a ZIP":    {zipped(t, "a.txt", []byte("hello"), "x"+string(marked)), marked},
		"between entries of a ZIP":   {join(z[:directory], marked, fixed(z[directory:], len(marked))), marked},
		"unlisted in a ZIP":          {join(unlisted, shifted(z, len(unlisted))), marked},
		"in a box of its own":        {join(mediatest.Box("ftyp", []byte("isom\x00\x00\x00\x00")), mediatest.Box("free", marked), mediatest.Box("moov")), marked},
		"in a tape archive":          {join(append([]byte("a.png"), make([]byte, 507)...), marked, make([]byte, 600)), marked},
		"gzip":                       {gzipped(t, marked), marked},
		"data in SVG":                {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><image href="data:image/png;base64,` + b64 + `"/></svg>`), marked},
		"data in HTML":               {[]byte("<!DOCTYPE html><img src='data:;base64, " + b64 + "'>"), marked},
		"percent signs in HTML":      {[]byte("<!DOCTYPE html><img src=\"data:image/png," + percent(marked) + "\">"), marked},
		"folded in a calendar":       {[]byte("BEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64:" + folded + "\r\nEND:VCALENDAR\r\n"), marked},
		"in JSON, escaped":           {[]byte(`{"file": "` + strings.ReplaceAll(base64.StdEncoding.EncodeToString(jpg), "/", `\/`) + `"}`), jpg},
		"in JSON, for addresses":     {[]byte(`{"file": "` + base64.URLEncoding.EncodeToString(jpg) + `"}`), jpg},
		"in RTF":                     {[]byte(`{\rtf1{\pict\pngblip ` + "\n" + hex.EncodeToString(marked) + "}}"), marked},
		"in an old Word file":        {join([]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), make([]byte, 504), marked, make([]byte, 300)), marked},
	} {
		t.Run(name, func(t *testing.T) {
			m := mediatest.OpenBytes(t, c.b)
			found := false
			a := lawful(t, m)
			for _, child := range a.Children {
				r, n := child.Open(m)
				b := make([]byte, n)
				if got, _ := r.ReadAt(b, 0); int64(got) == n && bytes.HasPrefix(b, c.want) {
					found = true
				}
			}
			if !found {
				t.Errorf("not found in a %s: %d children, %+v", m.Type, len(a.Children), a.Ranges)
			}
		})
	}
}

// pdfOf has one object, and a second that is whole.
func pdfOf(parts ...string) []byte {
	return []byte("%PDF-1.4\n1 0 obj\n" + strings.Join(parts, "") + "\n2 0 obj\n<</Type/Catalog>>\nendobj\ntrailer <</Root 2 0 R>>\n%%EOF\n")
}

func bitmap(t testing.TB) []byte {
	b := make([]byte, 54+4*4*4)
	copy(b, "BM")
	le := binary.LittleEndian
	le.PutUint32(b[10:], 54)
	le.PutUint32(b[14:], 40)
	le.PutUint32(b[18:], 4)
	le.PutUint32(b[22:], 4)
	le.PutUint16(b[26:], 1)
	le.PutUint16(b[28:], 32)
	return b
}

// fixed moves the directory that the end of an archive points to.
func fixed(tail []byte, by int) []byte {
	tail = bytes.Clone(tail)
	at := bytes.LastIndex(tail, []byte("PK\x05\x06")) + 16
	binary.LittleEndian.PutUint32(tail[at:], binary.LittleEndian.Uint32(tail[at:])+uint32(by))
	return tail
}

// shifted moves all of an archive.
func shifted(z []byte, by int) []byte {
	z = fixed(z, by)
	at := bytes.Index(z, []byte("PK\x01\x02")) + 42
	binary.LittleEndian.PutUint32(z[at:], binary.LittleEndian.Uint32(z[at:])+uint32(by))
	return z
}

func percent(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			s.WriteByte(c)
		} else {
			fmt.Fprintf(&s, "%%%02X", c)
		}
	}
	return s.String()
}

// Pictures of an animation behind the first are looked at too.
func TestPicturesOfAnimations(t *testing.T) {
	first, second := mediatest.GIF(t, 16, 16), mediatest.GIF(t, 16, 16)
	one, err := gif.DecodeAll(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	two, _ := gif.DecodeAll(bytes.NewReader(second))
	one.Image, one.Delay, one.Disposal = append(one.Image, two.Image...), append(one.Delay, 1), append(one.Disposal, 0)
	animated := encoded(t, func(b *bytes.Buffer) error { return gif.EncodeAll(b, one) })
	pn := mediatest.PNG(t, 16, 16)
	at, end := bytes.Index(pn, []byte("IDAT")), len(pn)-12
	control := append(append(make([]byte, 4), pn[16:24]...), make([]byte, 14)...)
	control[3] = 1
	apng := append(bytes.Clone(pn[:end]), mediatest.PNGChunk("fcTL", control)...)
	apng = append(apng, mediatest.PNGChunk("fdAT", append([]byte{0, 0, 0, 2}, pn[at+4:end-4]...))...)
	apng = append(apng, pn[end:]...)
	for name, b := range map[string][]byte{"GIF": animated, "APNG": apng} {
		m := mediatest.OpenBytes(t, b)
		a := lawful(t, m)
		if len(a.Children) != 1 {
			t.Fatalf("%s: %d children", name, len(a.Children))
		}
		child := mediatest.OpenBytes(t, a.Children[0].Content)
		want, err := m.Pixels(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := child.Pixels(t.Context()); err != nil || alike(want, got) < 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What cannot be unpacked here is said, and never left out.
func TestPackedAndNotOpened(t *testing.T) {
	for name, b := range map[string][]byte{
		"7z": []byte("7z\xBC\xAF\x27\x1C\x00\x04 and so on"), "xz": []byte("\xFD7zXZ\x00 and so on"), "broken gzip": []byte("\x1F\x8B\x08\x00 and so on, to no good"),
	} {
		a := lawful(t, mediatest.OpenBytes(t, b))
		if len(a.Children) != 1 || a.Children[0].Look != cordon.LookUnopened || a.Children[0].Why == "" {
			t.Errorf("%s: %+v", name, a.Children)
		}
	}
	word := append([]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), "....E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00...."...)
	if a := lawful(t, mediatest.OpenBytes(t, word)); len(a.Children) != 1 || a.Children[0].Look != cordon.LookEncrypted {
		t.Errorf("a document with a password: %+v", a.Children)
	}
	bomb := gzipped(t, make([]byte, 80<<20))
	if a := lawful(t, mediatest.OpenBytes(t, bomb)); len(a.Children) != 1 || a.Children[0].Look != cordon.LookBeyondLimits {
		t.Errorf("bomb: %+v", a.Children)
	}
}

// Words and noise are no files.
func TestNothingInside(t *testing.T) {
	host := mediatest.JPEG(t, 40, 40)
	for name, b := range map[string][]byte{
		"words":   mediatest.Segment(host, 0xFE, []byte("made from %PDF-1.4 files, GIF89a, PK\x03\x04, BM and ftyp, with \xFF\xD8\xFF and so on and on and on")),
		"zeros":   append(bytes.Clone(host), make([]byte, 100_000)...),
		"filling": append(bytes.Clone(host), bytes.Repeat([]byte{0xFF}, 100_000)...),
		"plain":   host,
	} {
		if a := lawful(t, mediatest.OpenBytes(t, b)); len(a.Children) != 0 || a.Unknown != 0 {
			t.Errorf("%s: %+v, %d unknown", name, a.Children, a.Unknown)
		}
	}
	noise := append(bytes.Clone(host), mediatest.Deflate([]byte(strings.Repeat("noise is what nobody knows", 3)))...)
	if a := lawful(t, mediatest.OpenBytes(t, noise)); a.Unknown == 0 {
		t.Error("noise behind a picture is not unknown")
	}
}

func FuzzAnatomy(f *testing.F) {
	png := mediatest.PNG(f, 8, 8)
	for _, b := range [][]byte{png, mediatest.JPEG(f, 8, 8), mediatest.GIF(f, 8, 8), bitmap(f), icon(png), zipped(f, "a.png", png, "x"), gzipped(f, png),
		[]byte("<svg><image href='data:image/png;base64," + base64.StdEncoding.EncodeToString(png) + "'/></svg>"),
		mediatest.RIFF("WEBP", mediatest.RIFFChunk("ANMF", make([]byte, 60))), mediatest.TIFF([]mediatest.Tag{mediatest.Short(256, 1)}),
		append(mediatest.Box("ftyp", []byte("isom\x00\x00\x00\x00")), mediatest.Box("free", png)...)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := mediatest.OpenBytes(t, b)
		for _, c := range lawful(t, m).Children {
			if c.Look == "" {
				r, n := c.Open(m)
				if part, err := m.OpenPart(r, n, 1000); err == nil {
					part.Close()
				}
			}
		}
	})
}
