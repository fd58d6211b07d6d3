package parts

import (
	"bytes"
	"context"
	"encoding/base64"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// eyes says of pixels how far it saw them, as the checks of pictures do.
type eyes struct{}

func (eyes) Name() string    { return "eyes" }
func (eyes) Version() string { return "1" }
func (eyes) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	_, err := m.Pixels(ctx)
	return []cordon.Finding{{Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoWatermark, Look: media.LookOf(err), Sentence: "Seen."}}, nil
}

// What a check did not see of a file inside reaches whoever decides, whatever holds the file.
func TestWhatWasNotSeenInsideIsSaid(t *testing.T) {
	png := mediatest.PNG(t, 64, 64)
	broken := append(bytes.Clone(png[:41]), bytes.Repeat([]byte{0xF7}, len(png)-41)...) // it begins, and cannot be unpacked
	locked := archive(t, file{"a.png", png})
	for _, header := range []string{"PK\x03\x04", "PK\x01\x02"} {
		at := bytes.Index(locked, []byte(header)) + map[string]int{"PK\x03\x04": 6, "PK\x01\x02": 8}[header]
		locked[at] |= 1
	}
	for name, c := range map[string]struct {
		file []byte
		want cordon.Look
	}{
		"whole":              {archive(t, file{"a.png", png}), cordon.Looked},
		"damaged in a ZIP":   {archive(t, file{"a.png", broken}), cordon.LookDamaged},
		"damaged in a PDF":   {page(stream("/Subtype /Image", broken)), cordon.LookDamaged},
		"encrypted":          {locked, cordon.LookEncrypted},
		"damaged, by chance": {append(mediatest.JPEG(t, 8, 8), broken...), cordon.LookUnopened},
		"damaged in a text":  {[]byte("<html><img src='data:image/png;base64," + base64.StdEncoding.EncodeToString(broken) + "'>"), cordon.LookUnopened},
		"packed as 7z":       {archive(t, file{"a.7z", []byte("7z\xBC\xAF\x27\x1C\x00\x04 and so on and on and on")}), cordon.LookUnopened},
		"no decoder":         {archive(t, file{"a.heic", mediatest.Box("ftyp", []byte("heic\x00\x00\x00\x00mif1heic"))}), cordon.LookNoDecoder},
		"text has no pixels": {archive(t, file{"a.rtf", []byte(`{\rtf1 hello}`)}), cordon.Looked},
	} {
		m, err := media.Open(bytes.NewReader(c.file), int64(len(c.file)), media.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		found, err := New([]Detector{eyes{}}, Limits{}).Inspect(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		got := cordon.Looked
		for _, f := range found {
			if l := f.StatusLook(); fellShort(l) {
				got = l
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s: %+v", name, got, c.want, found)
		}
		m.Close()
	}
}
