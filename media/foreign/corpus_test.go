package foreign

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"testing"

	"github.com/cordonhq/cordon/media/dicom"
	"github.com/cordonhq/cordon/media/mediatest"
)

// Pictures of the wild that this process does not decode.
func TestHEIFOfTheCorpus(t *testing.T) {
	d := decoder(t)
	dir := mediatest.Corpus(t, "c2pa")
	for name, c := range map[string]struct {
		f    Format
		w, h int
	}{
		"real/trustnxt-icon-signed-v2-bmff.heic": {"heic", 1056, 1056},
		"generated/g1-ai-es256.heif":             {"heic", 1440, 960},
		"real/cards_trusted.avif":                {"avif", 1071, 1428},
		"none/b1.avif":                           {"avif", 320, 240},
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		img, err := d.Still(t.Context(), bytes.NewReader(b), int64(len(b)), c.f, 40e6)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s := img.Bounds().Size(); s != (image.Point{c.w, c.h}) {
			t.Errorf("%s: %v", name, s)
		}
		shades := map[color.Color]bool{}
		for y := range 50 {
			for x := range 50 {
				shades[img.At(x*img.Bounds().Dx()/50, y*img.Bounds().Dy()/50)] = true
			}
		}
		if len(shades) < 20 {
			t.Errorf("%s: %d colours", name, len(shades))
		}
	}
}

// The frames of clinical images that equipment coded without loss are, sample by sample, those
// of the same image kept plain.
func TestLosslessFramesOfTheCorpus(t *testing.T) {
	d := decoder(t)
	dir := mediatest.Corpus(t, "dicom")
	for coded, c := range map[string]struct {
		plain string
		f     Format
		sign  uint16 // signed samples come shifted to where they are unsigned
	}{
		"pydicom-data__emri_small_jpeg_2k_lossless.dcm": {"pydicom-data__emri_small.dcm", "jp2", 0},
		"pydicom-data__emri_small_jpeg_ls_lossless.dcm": {"pydicom-data__emri_small.dcm", "jpeg", 0},
		"pydicom__MR_small_jp2klossless.dcm":            {"pydicom__MR_small.dcm", "jp2", 1 << 15},
		"pydicom__MR_small_jpeg_ls_lossless.dcm":        {"pydicom__MR_small.dcm", "jpeg", 0},
	} {
		stream, plain := firstFrame(t, filepath.Join(dir, coded)), firstFrame(t, filepath.Join(dir, c.plain))
		img, err := d.Still(t.Context(), bytes.NewReader(stream), int64(len(stream)), c.f, 1e6)
		if err != nil {
			t.Errorf("%s: %v", coded, err)
			continue
		}
		got, ok := img.(*image.Gray16)
		if !ok || len(got.Pix) != len(plain) {
			t.Errorf("%s: %T of %v, and the plain frame has %d bytes", coded, img, img.Bounds(), len(plain))
			continue
		}
		wrong := 0
		for i := 0; i < len(plain); i += 2 {
			if have, want := binary.BigEndian.Uint16(got.Pix[i:]), binary.LittleEndian.Uint16(plain[i:]); have != want+c.sign {
				if wrong == 0 {
					t.Errorf("%s: sample %d is %d, not %d", coded, i/2, have, want)
				}
				wrong++
			}
		}
		if wrong > 0 {
			t.Errorf("%s: %d of %d samples differ", coded, wrong, len(plain)/2)
		}
	}
}

func firstFrame(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := dicom.Open(t.Context(), bytes.NewReader(b), int64(len(b)), dicom.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for fr := range f.Frames() {
		content, err := fr.Content()
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	t.Fatal("no frame in ", name)
	return nil
}
