package dicom_test

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/cordonhq/cordon/media/dicom"
	"github.com/cordonhq/cordon/media/mediatest"
)

// One image in several encodings is one picture.
func TestGreyPicturesOfTheCorpus(t *testing.T) {
	dir := mediatest.Corpus(t, "dicom")
	for _, family := range [][]string{
		{"pydicom__MR_small.dcm", "pydicom__MR_small_RLE.dcm", "pydicom__MR_small_bigendian.dcm", "pydicom__MR_small_expb.dcm", "pydicom__MR_small_implicit.dcm", "pydicom__MR_small_padded.dcm"},
		{"pydicom-data__emri_small.dcm", "pydicom-data__emri_small_RLE.dcm", "pydicom-data__emri_small_big_endian.dcm"},
	} {
		var want []byte
		for _, name := range family {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			f, err := dicom.Open(t.Context(), bytes.NewReader(b), int64(len(b)), dicom.Limits{}, nil)
			if err != nil || !f.Grey() {
				t.Errorf("%s: grey %v, %v", name, f.Grey(), err)
				continue
			}
			var got []byte
			for fr := range f.Frames() {
				img, err := fr.GreyPicture()
				if err != nil {
					t.Errorf("%s: %v", name, err)
					break
				}
				got = append(got, img.(*image.Gray16).Pix...)
			}
			if want == nil {
				want = got
			}
			if len(got) == 0 || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes of samples are not those of %s", name, len(got), family[0])
			}
		}
	}
}
