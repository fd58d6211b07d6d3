package watermark_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"image"
	"image/png"
	"path/filepath"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// hide writes settings into the lowest bits, as programs do.
func hide(signature string, text []byte, colours bool) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	for i := range m.Pix {
		m.Pix[i] = 0xFE
	}
	all := append([]byte(signature), binary.BigEndian.AppendUint32(nil, uint32(8*len(text)))...)
	all = append(all, text...)
	for i := range 8 * len(all) {
		pixel, channel := i, 3
		if colours {
			pixel, channel = i/3, i%3
		}
		m.Pix[pixel%48*m.Stride+4*(pixel/48)+channel] |= all[i/8] >> (7 - i%8) & 1
	}
	return m
}

func TestSettingsInTheLowestBits(t *testing.T) {
	d, err := watermark.New(watermark.Config{})
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(text)
	z.Close()
	label := func(b []byte) cordon.Label {
		found, err := d.Inspect(t.Context(), mediatest.OpenBytes(t, b))
		if err != nil || len(found) == 0 {
			t.Fatal(err)
		}
		return found[0].Label
	}
	for name, c := range map[string]struct {
		m    image.Image
		want cordon.Label
	}{
		"alpha":           {hide("stealth_pnginfo", text, false), cordon.LabelGeneratorWatermark},
		"alpha, packed":   {hide("stealth_pngcomp", packed.Bytes(), false), cordon.LabelGeneratorWatermark},
		"colours":         {hide("stealth_rgbinfo", text, true), cordon.LabelGeneratorWatermark},
		"colours, packed": {hide("stealth_rgbcomp", packed.Bytes(), true), cordon.LabelGeneratorWatermark},
		"another word":    {hide("stealth_nothing", text, false), cordon.LabelNoWatermark},
		"nothing":         {mediatest.Picture(64, 48), cordon.LabelNoWatermark},
		"one pixel":       {image.NewNRGBA(image.Rect(0, 0, 1, 1)), cordon.LabelNoWatermark},
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, c.m); err != nil {
			t.Fatal(err)
		}
		if got := label(b.Bytes()); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	m := mediatest.Open(t, filepath.Join(mediatest.Corpus(t, "field"), "01-stealth-alpha-gz-a1111.png"))
	if found, err := d.Inspect(t.Context(), m); err != nil || found[0].Label != cordon.LabelGeneratorWatermark {
		t.Errorf("%v, %v", found, err)
	}
}

// Of a picture that is too large the upper rows are looked at: what is found there counts, and the
// rest stays beyond the limits.
func TestUpperRowsOfWhatIsTooLarge(t *testing.T) {
	d, err := watermark.New(watermark.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		m    image.Image
		want []cordon.Label
	}{
		"marked": {hide("stealth_pnginfo", []byte("Steps: 20"), false), []cordon.Label{cordon.LabelNotCovered, cordon.LabelGeneratorWatermark}},
		"plain":  {mediatest.Picture(64, 48), []cordon.Label{cordon.LabelNotCovered}},
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, c.m); err != nil {
			t.Fatal(err)
		}
		budget := media.NewBudget(64 << 20)
		m, err := media.Open(bytes.NewReader(b.Bytes()), int64(b.Len()), media.Limits{MaxPixels: 1000, Budget: budget})
		if err != nil {
			t.Fatal(err)
		}
		found, err := d.Inspect(t.Context(), m)
		if err != nil || len(found) != len(c.want) || found[0].Look != cordon.LookBeyondLimits {
			t.Fatalf("%s: %v, %v", name, found, err)
		}
		for i, f := range found {
			if f.Label != c.want[i] {
				t.Errorf("%s: %s, want %s", name, f.Label, c.want[i])
			}
		}
		if _, release, err := m.Upper(t.Context()); err != nil {
			t.Error(err)
		} else {
			release()
		}
		m.Close()
	}
}
