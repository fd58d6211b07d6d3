package parts

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/ascii85"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// marked finds the text "made by a model" anywhere in a file, and pixels where there are some.
type marked struct{}

func (marked) Name() string    { return "marked" }
func (marked) Version() string { return "7" }

func (marked) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	b, err := io.ReadAll(m.Reader(ctx))
	if err != nil {
		return nil, err
	}
	f := cordon.Finding{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks}
	switch {
	case bytes.Contains(b, []byte("crash")):
		panic("on purpose")
	case bytes.Contains(b, []byte("made by a model")):
		f.Status, f.Label, f.Sentence = cordon.StatusFound, cordon.LabelGeneratorMark, "A model made it."
	}
	if _, err := m.Pixels(ctx); err == nil {
		f.Detail = map[string]any{"pixels": true}
	}
	return []cordon.Finding{f}, nil
}

type file struct {
	name    string
	content []byte
}

func archive(t testing.TB, files ...file) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		w, err := z.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func document(t testing.TB, files ...file) []byte {
	return archive(t, append([]file{{"[Content_Types].xml", []byte("<Types/>")}, {"word/document.xml", []byte("<w:document/>")}}, files...)...)
}

// page is a PDF file with the objects, and no directory: none is needed to look inside.
func page(objects ...string) []byte {
	out := []byte("%PDF-1.7\n")
	for i, o := range objects {
		out = fmt.Appendf(out, "%d 0 obj\n%s\nendobj\n", i+3, o)
	}
	return append(out, "trailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"...)
}

func stream(dict string, content []byte) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(content), content)
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// runLengths packs nothing, in the form of run lengths.
func runLengths(b []byte) (out []byte) {
	for part := range slices.Chunk(b, 128) {
		out = append(append(out, byte(len(part)-1)), part...)
	}
	return append(out, 128)
}

func ascii(b []byte) []byte {
	var out bytes.Buffer
	w := ascii85.NewEncoder(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return append(out.Bytes(), "~>"...)
}

func look(t testing.TB, b []byte, lim Limits) []cordon.Finding {
	t.Helper()
	out, err := New([]Detector{marked{}}, lim).Inspect(t.Context(), mediatest.OpenBytes(t, b))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// paths are the places of what the detector found, and of what was looked at.
func paths(found []cordon.Finding) (marked, all []string) {
	for _, f := range found {
		if f.Detector == "marked" && f.Label == cordon.LabelGeneratorMark {
			marked = append(marked, f.Part)
		}
		if list, ok := f.Detail["parts"].([]seen); ok {
			for _, s := range list {
				all = append(all, s.Path)
			}
		}
	}
	return marked, all
}

func TestWhatIsInside(t *testing.T) {
	photo := mediatest.JPEG(t, 40, 30)
	made := mediatest.Text(mediatest.PNG(t, 40, 30), "Comment", "made by a model")
	madeJPEG := mediatest.Segment(photo, 0xFE, []byte("made by a model"))
	const dct = "/Subtype /Image /Width 40 /Height 30 /Filter /DCTDecode"
	for name, c := range map[string]struct {
		file        []byte
		marked, all []string
	}{
		"no container":      {photo, nil, nil},
		"document":          {document(t, file{"word/media/image1.png", made}, file{"word/media/image2.jpg", photo}), []string{"word/media/image1.png"}, []string{"word/media/image1.png", "word/media/image2.jpg"}},
		"only text":         {document(t), nil, nil},
		"nested":            {archive(t, file{"letters/a.docx", document(t, file{"word/media/image1.png", made})}), []string{"letters/a.docx", "letters/a.docx/word/media/image1.png"}, []string{"letters/a.docx", "letters/a.docx/word/media/image1.png"}},
		"wrong name":        {archive(t, file{"notes.txt", made}), []string{"notes.txt"}, []string{"notes.txt"}},
		"picture of a page": {page(stream(dct, madeJPEG)), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"two pictures":      {page(stream(dct, photo), stream(dct, madeJPEG)), []string{"object 4, picture"}, []string{"object 3, picture", "object 4, picture"}},
		"compressed again":  {page(stream("/Subtype /Image /Filter [/FlateDecode /DCTDecode]", deflated(madeJPEG))), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"as text":           {page(stream("/Subtype /Image /Filter [/ASCII85Decode /DCTDecode]", ascii(madeJPEG))), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"as digits":         {page(stream("/Subtype /Image /Filter [/AHx /DCT]", []byte(hex.EncodeToString(madeJPEG)+" >"))), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"wrong length":      {page("<< /Subtype /Image /Filter /DCTDecode /Length 7 >>\nstream\n" + string(madeJPEG) + "\nendstream"), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"length elsewhere":  {page("<< /Subtype /Image /Filter /DCTDecode /Length 9 0 R >>\nstream\n" + string(madeJPEG) + "\nendstream"), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"attachment":        {page(stream("/Type /EmbeddedFile /Filter /FlateDecode", deflated(archive(t, file{"x.png", made})))), []string{"object 3, attachment", "object 3, attachment/x.png"}, []string{"object 3, attachment", "object 3, attachment/x.png"}},
		"raw pixels":        {page(stream("/Subtype /Image /Width 40 /Height 30 /Filter /FlateDecode", deflated(make([]byte, 40*30*3)))), nil, []string{"object 3, picture"}},
		"grey pixels":       {page(stream("/Subtype /Image /Width 40 /Height 30 /Filter /FlateDecode", deflated(make([]byte, 40*30)))), nil, nil},
		"unsaid picture":    {page(stream("/Filter /FlateDecode", deflated(made))), []string{"object 3, stream"}, []string{"object 3, stream"}},
		"drawing of a page": {page(stream("/Filter /FlateDecode", deflated([]byte("q 1 0 0 1 0 0 cm BT (hello) Tj ET Q\n")))), nil, nil},
		"line before obj":   {bytes.ReplaceAll(page(stream("/Subtype /Image", made)), []byte(" 0 obj"), []byte(" 0\nobj")), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"comments in it":    {bytes.ReplaceAll(page(stream("/Subtype /Image", made)), []byte(" 0 obj"), []byte(" % endobj (100%)\r0%\n  obj")), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"much space in it":  {bytes.ReplaceAll(page(stream("/Subtype /Image", made)), []byte(" 0 obj"), []byte(" 0"+strings.Repeat(" ", 500)+"obj")), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"behind a sign":     {bytes.ReplaceAll(page("(100%)", stream("/Subtype /Image", made)), []byte("endobj\n"), []byte("endobj ")), []string{"object 4, picture"}, []string{"object 4, picture"}},
		"a folder of bytes": {bytes.ReplaceAll(archive(t, file{"mediaX", made}), []byte("mediaX"), []byte("media/")), []string{"media"}, []string{"media"}},
		"indirect filter":   {page(stream("/Subtype /Image /Filter 4 0 R", deflated(made)), "/FlateDecode"), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"run lengths":       {page(stream("/Subtype /Image /Filter /RunLengthDecode", runLengths(made))), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"long dictionary":   {page(stream("/Subtype /Image /Pad ("+strings.Repeat("x", 100_000)+")", made)), []string{"object 3, picture"}, []string{"object 3, picture"}},
		"behind the end":    {append(page("null"), made...), []string{fmt.Sprintf("png at byte %d", len(page("null")))}, []string{fmt.Sprintf("png at byte %d", len(page("null")))}},
		"form":              {page(stream("", []byte("<xdp:xdp><image>"+base64.StdEncoding.EncodeToString(made)+"</image></xdp:xdp>"))), []string{"object 3, stream/png 1 in the text"}, []string{"object 3, stream/png 1 in the text"}},
	} {
		found := look(t, c.file, Limits{})
		marked, all := paths(found)
		if !slices.Equal(marked, c.marked) || !slices.Equal(all, c.all) {
			t.Errorf("%s: found in %q of %q: %v", name, marked, all, found)
		}
		for _, f := range found {
			if f.Part != "" && (f.Detector != "marked" || f.Version != "7" || !strings.Contains(f.Sentence, f.Part)) {
				t.Errorf("%s: %v", name, f)
			}
			if f.Status == cordon.StatusFailed || f.Label == cordon.LabelPartsUnread || f.Label == cordon.LabelLimit {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
}

// TestWhatCannotBeOpened is never taken for empty.
func TestWhatCannotBeOpened(t *testing.T) {
	photo := mediatest.JPEG(t, 40, 30)
	locked := archive(t, file{"a.jpg", photo})
	for at := 0; ; { // the flag that says so, in both directories
		i := bytes.Index(locked[at:], []byte("PK\x01\x02"))
		j := bytes.Index(locked[at:], []byte("PK\x03\x04"))
		switch {
		case i == 0:
			locked[at+8] |= 1
		case j == 0:
			locked[at+6] |= 1
		}
		if at++; i < 0 && j < 0 {
			break
		}
	}
	damaged := archive(t, file{"a.jpg", bytes.Repeat(photo, 3)})
	copy(damaged[60:], bytes.Repeat([]byte{0xFF}, 40))
	for name, b := range map[string][]byte{
		"encrypted archive": locked,
		"damaged archive":   damaged,
		"archive in pieces": append([]byte("PK\x03\x04"), photo...),
		"encrypted PDF":     bytes.Replace(page(stream("/Subtype /Image /Filter /DCTDecode", photo)), []byte("/Root 1 0 R"), []byte("/Root 1 0 R /Encrypt 2 0 R"), 1),
		"damaged stream":    page(stream("/Subtype /Image /Filter /FlateDecode /Width 2 /Height 2", []byte("no such data"))),
		"one inside":        archive(t, file{"inner.zip", append([]byte("PK\x03\x04"), photo...)}),
	} {
		found := look(t, b, Limits{})
		if !slices.ContainsFunc(found, func(f cordon.Finding) bool {
			return f.Label == cordon.LabelPartsUnread && f.Status == cordon.StatusFound
		}) {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// TestBombs end at a limit, which is a finding, and cost little.
func TestBombs(t *testing.T) {
	photo := mediatest.JPEG(t, 40, 30)
	large := append(bytes.Clone(photo), make([]byte, 8<<20)...)
	deep := archive(t, file{"photo.jpg", photo})
	for range 6 {
		deep = archive(t, file{"in.zip", deep})
	}
	var many []file
	for i := range 300 {
		many = append(many, file{fmt.Sprint(i, ".jpg"), photo})
	}
	twice := []file{{"a.jpg", large}, {"b.jpg", large}}
	for name, c := range map[string]struct {
		file []byte
		lim  Limits
	}{
		"large":     {archive(t, file{"a.jpg", large}), Limits{One: 1 << 20}},
		"sum":       {archive(t, twice...), Limits{Expanded: 12 << 20}},
		"deep":      {deep, Limits{}},
		"many":      {archive(t, many...), Limits{Files: 100}},
		"entries":   {archive(t, many...), Limits{Entries: 100}},
		"PDF":       {page(stream("/Type /EmbeddedFile /Filter /FlateDecode", deflated(large))), Limits{One: 1 << 20}},
		"PDF twice": {page(stream("/Type /EmbeddedFile /Filter [/FlateDecode /FlateDecode]", deflated(deflated(large)))), Limits{One: 1 << 20}},
	} {
		found := look(t, c.file, c.lim)
		if !slices.ContainsFunc(found, func(f cordon.Finding) bool { return f.Label == cordon.LabelLimit && f.Status == cordon.StatusFound }) {
			t.Errorf("%s: %v", name, found)
		}
	}
	// A long document is no bomb.
	if found := look(t, page(append(slices.Repeat([]string{"<< /Type /Page >>"}, 25_000), stream("/Subtype /Image /Filter /DCTDecode", photo))...), Limits{}); len(found) != 1 || found[0].Label != cordon.LabelPartsSeen {
		t.Errorf("a long document: %v", found)
	}
	// Pixels beyond the allowance are not decoded, and nothing else changes.
	found := look(t, archive(t, file{"a.jpg", photo}, file{"b.jpg", photo}), Limits{Pixels: 1300})
	if _, all := paths(found); len(all) != 2 || len(found) != 1 {
		t.Errorf("few pixels: %v", found)
	}
}

func TestACrashInside(t *testing.T) {
	found := look(t, archive(t, file{"a.jpg", mediatest.Segment(mediatest.JPEG(t, 4, 4), 0xFE, []byte("crash"))}), Limits{})
	if found[0].Status != cordon.StatusFailed || found[0].Part != "a.jpg" || found[0].Label != cordon.LabelCrashed {
		t.Errorf("%v", found)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(nil, Limits{}).Inspect(ctx, mediatest.OpenBytes(t, document(t, file{"a.jpg", mediatest.JPEG(t, 4, 4)}))); !errors.Is(err, context.Canceled) {
		t.Errorf("a look that was cut short said %v", err)
	}
}

func FuzzParts(f *testing.F) {
	photo := mediatest.JPEG(f, 8, 8)
	f.Add(document(f, file{"word/media/a.jpg", photo}))
	f.Add(page(stream("/Subtype /Image /Filter /DCTDecode", photo), stream("/Subtype /Image /Width 2 /Height 2 /Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors 3 /Columns 2 >>", deflated(make([]byte, 14)))))
	f.Add(page(stream("/Type /EmbeddedFile /Filter [/A85 /Fl]", ascii(deflated(archive(f, file{"a.jpg", photo}))))))
	f.Add(clinical(baseline, 2, 8, 8, fragments(photo, photo), true))
	f.Add(clinical(plain, 2, 8, 8, make([]byte, 384), false))
	f.Add(clinicalDocument(`mediaType="image/jpeg" compression="ZL" representation="B64"`, wrapped(deflated(photo))))
	f.Add(structuredDocument(`<hl7:value representation="B64">` + wrapped(photo) + `<hl7:reference value="data:image/png;base64,AAAA"/></hl7:value>`))
	f.Add([]byte(`{"resourceType":"Bundle","entry":[{"a":[1,true,{"contentType":"x","hash":"AA","data":"aGVsbG8="}]}]}`))
	f.Add([]byte(`<Binary xmlns="http://hl7.org/fhir"><contentType value="a"/><data value="aGVsbG8="/></Binary>`))
	f.Add([]byte("eyJhbGciOiJFUzI1NiJ9.aGVsbG8.c2ln"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{MaxPixels: 1e6})
		if err != nil {
			return
		}
		defer m.Close()
		found, err := New([]Detector{marked{}}, Limits{One: 1 << 20, Expanded: 4 << 20, Pixels: 1e6}).Inspect(t.Context(), m)
		if err != nil || len(found) == 0 {
			t.Fatalf("%v, %v", found, err)
		}
	})
}
