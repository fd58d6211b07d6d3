package marks

import (
	"errors"
	"slices"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/dicom"
)

// clinicalNames are the elements whose names say what they are for; the others go by their number.
// https://dicom.nema.org/medical/dicom/current/output/chtml/part06/chapter_6.html
var clinicalNames = map[dicom.Tag]string{
	0x00080070: "Manufacturer", 0x00081090: "Model", 0x00181020: "SoftwareVersions", 0x00204000: "ImageComments", 0x00082111: "DerivationDescription",
	0x0008103E: "SeriesDescription", 0x00181016: "SecondaryCaptureDeviceManufacturer", 0x00181018: "Model", 0x00181019: "SoftwareVersions",
	0x00184000: "AcquisitionComments", 0x00420010: "DocumentTitle", 0x0070_0081: "Description", 0x00081030: "StudyDescription",
}

// texts are the representations of text. Names of persons are not among them.
var texts = []string{"LO", "LT", "SH", "ST", "UC", "UT"}

// maxClinical bounds the texts of one file, and how long each may be.
const (
	maxClinical     = 512
	maxClinicalText = 64 << 10
)

// readDICOM reads the texts of a clinical image that say how it was made, those that makers add
// included, and none about the patient.
func readDICOM(f *fields, m *media.Media) {
	var found []dicom.Element
	d, err := dicom.Open(f.ctx, m, m.Size(), dicom.Limits{}, func(e dicom.Element) {
		g := e.Tag.Group()
		vr := e.VR
		if vr == "" && clinicalNames[e.Tag] != "" {
			vr = "LO"
		}
		if e.Depth > 1 || e.Length <= 0 || g == 0x0010 || g == 0x0038 || g == 0x0040 || !slices.Contains(texts, vr) || len(found) >= f.room*maxClinical {
			return
		}
		found = append(found, e)
	})
	if err != nil && !errors.Is(err, dicom.ErrTruncated) && !errors.Is(err, dicom.ErrStructure) && !errors.Is(err, dicom.ErrLimit) {
		f.err = err
		return
	}
	for _, e := range found {
		name := clinicalNames[e.Tag]
		if name == "" {
			name = e.Tag.String()
		}
		f.add("dicom", name, string(d.Value(e, maxClinicalText)))
	}
}
