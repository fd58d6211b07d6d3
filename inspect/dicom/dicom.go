// Package dicom reports what a clinical image says of its own origin, and whether it agrees
// with itself.
//
// A DICOM file says whether a device acquired it, whether it is a copy of a screen, a film or a
// document, and whether software worked it out from other images. None of it is evidence: it is
// context for a reviewer, and so is a file that contradicts itself, as authentic ones do every
// day. The one exception is an explicit statement that the data was made artificially.
//
// No name, number, date or description of a patient leaves the file: findings say at most that
// two of them differ.
package dicom

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/dicom"
)

// Config of the detector. The zero value works.
type Config struct{}

// Detector implements inspect.Detector.
type Detector struct{}

// New returns the detector.
func New(Config) *Detector { return &Detector{} }

// Name implements inspect.Detector.
func (*Detector) Name() string { return "dicom" }

// Version implements inspect.Detector.
func (*Detector) Version() string { return "1" }

// Inspect implements inspect.Detector.
func (*Detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	if m.Type != media.DICOM {
		return []cordon.Finding{{Status: cordon.StatusNotApplicable, Class: cordon.Context, Label: cordon.LabelNotCovered,
			Sentence: "This is no clinical image in DICOM format."}}, nil
	}
	var r record
	f, err := dicom.Open(ctx, m, m.Size(), dicom.Limits{}, r.see)
	if err != nil && !errors.Is(err, dicom.ErrTruncated) && !errors.Is(err, dicom.ErrStructure) && !errors.Is(err, dicom.ErrLimit) {
		return nil, err
	}
	r.file, r.ended = f, err
	out := []cordon.Finding{r.origin()}
	if strings.EqualFold(f.Text(syntheticData), "YES") {
		out = append(out, cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelSyntheticTag,
			Sentence: "The file says of itself that some or all of its data was made artificially (Synthetic Data: YES).",
			Detail:   map[string]any{"tag": syntheticData.String(), "says": "YES"}})
	}
	if odd := r.oddities(); len(odd) > 0 {
		codes, words := make([]string, len(odd)), make([]string, len(odd))
		for i, o := range odd {
			codes[i], words[i] = o.code, o.says
		}
		out = append(out, cordon.Finding{Status: cordon.StatusFound, Class: cordon.Context, Label: cordon.LabelClinicalOdd,
			Sentence: "The file does not agree with itself everywhere, which is common and says nothing of its content: " + strings.Join(words, "; ") + ".",
			Detail:   map[string]any{"odd": codes}})
	}
	return out, nil
}

// Tags that are looked at.
const (
	metaClass        dicom.Tag = 0x00020002
	metaInstance     dicom.Tag = 0x00020003
	imageType        dicom.Tag = 0x00080008
	sopClass         dicom.Tag = 0x00080016
	sopInstance      dicom.Tag = 0x00080018
	syntheticData    dicom.Tag = 0x0008001C
	modality         dicom.Tag = 0x00080060
	conversionType   dicom.Tag = 0x00080064
	derivation       dicom.Tag = 0x00082111
	derivationCodes  dicom.Tag = 0x00089215
	otherPatientIDs  dicom.Tag = 0x00101002
	burnedIn         dicom.Tag = 0x00280301
	lossyCompression dicom.Tag = 0x00282110
	originalValues   dicom.Tag = 0x04000550 // what an element was before it was changed
	overlayFirst               = 0x6000
	overlayLast                = 0x601E
)

// identity are the elements that must say the same wherever they are.
var identity = []struct {
	tag  dicom.Tag
	code string
	says string
}{
	{0x00100010, "patient-name", "the name of the patient"},
	{0x00100020, "patient-id", "the number of the patient"},
	{0x00100030, "patient-birth-date", "the patient's date of birth"},
}

// record is what was seen of one file.
type record struct {
	file    *dicom.File
	ended   error
	private int
	overlay map[uint16]bool
	nested  []dicom.Element // of identity, in items
}

// nestedMost bounds how many elements in items are compared.
const nestedMost = 1000

func (r *record) see(e dicom.Element) {
	g := e.Tag.Group()
	switch {
	case e.Tag.Private():
		r.private++
	case e.Depth == 0 && g >= overlayFirst && g <= overlayLast:
		if r.overlay == nil {
			r.overlay = map[uint16]bool{}
		}
		r.overlay[g] = true
	case e.Depth > 0 && g == 0x0010 && e.In != otherPatientIDs && e.In != originalValues && len(r.nested) < nestedMost:
		for _, i := range identity {
			if i.tag == e.Tag {
				r.nested = append(r.nested, e)
			}
		}
	}
}

// conversions are the standard's words for how a secondary capture came about.
var conversions = map[string]string{
	"DV": "digitized video", "DI": "digital interface", "DF": "digitized film", "WSD": "workstation",
	"SD": "scanned document", "SI": "scanned image", "DRW": "drawing", "SYN": "synthetic image",
}

// modalities that are shown as they stand. Others may be anybody's text.
var modalities = strings.Fields("AR AU BI CR CT DG DOC DX ECG EPS ES GM IO IVUS KO LS MG MR NM OAM OCT OP OPM OPT OPV OT PR PT PX REG RF RG " +
	"RTDOSE RTIMAGE RTPLAN RTRECORD RTSTRUCT RWV SEG SM SMR SR TG US VA XA XC")

const (
	standardRoot     = "1.2.840.10008."
	secondaryCapture = standardRoot + "5.1.4.1.1.7"
)

// origin says what the file says of where it comes from.
func (r *record) origin() cordon.Finding {
	f := r.file
	values := append(strings.Split(strings.ToUpper(f.Text(imageType)), `\`), "")
	made, when := known(values[0], "ORIGINAL", "DERIVED"), known(values[1], "PRIMARY", "SECONDARY")
	class := f.Text(sopClass)
	how := strings.ToUpper(f.Text(conversionType))
	described := has(f, derivation) || has(f, derivationCodes)

	var label cordon.Label
	var kind, sentence string
	switch {
	case class == secondaryCapture, strings.HasPrefix(class, secondaryCapture+"."), conversions[how] != "":
		label, kind = cordon.LabelClinicalDerived, "secondary-capture"
		sentence = "The file says that its picture is a secondary capture, such as a copy of a screen, a film or a document, and no acquisition."
	case made == "DERIVED", made == "" && described:
		label, kind = cordon.LabelClinicalDerived, "derived"
		sentence = "The file says that software worked its content out from other data, as clinical systems commonly do."
	case when == "SECONDARY":
		label, kind = cordon.LabelClinicalDerived, "secondary"
		sentence = "The file says that its content was made after the examination."
	case made == "ORIGINAL":
		label, kind = cordon.LabelClinicalAcquisition, "acquisition"
		sentence = "The file says that its content is as a device acquired it. That is its own word, and proves nothing."
	default:
		label, kind = cordon.LabelClinicalUnstated, "unstated"
		sentence = "The file does not say whether a device acquired its content or software made it."
	}
	if how == "SYN" {
		sentence += " It calls its picture computed (conversion type SYN)."
	}
	annotated := known(strings.ToUpper(f.Text(burnedIn)), "YES", "NO")
	if annotated == "YES" {
		sentence += " It says that text is burned into the picture."
	}
	if len(r.overlay) > 0 {
		sentence += " It has drawings or text to be shown over the picture."
	}
	if !strings.HasPrefix(class, standardRoot) || strings.Trim(class, ".0123456789") != "" {
		class = ""
	}
	detail := map[string]any{
		"kind": kind, "image_type": made, "examination": when, "sop_class": clip(class), "modality": known(f.Text(modality), modalities...),
		"conversion": conversions[how], "derivation_described": described,
		"preamble": f.Preamble, "transfer_syntax": f.Syntax.Name, "lossy_compressed": f.Text(lossyCompression) == "01",
		"burned_in_annotation": annotated, "overlays": len(r.overlay), "private_elements": r.private, "frames_stated": f.Stated(),
	}
	return cordon.Finding{Status: cordon.StatusFound, Class: cordon.Context, Label: label, Sentence: sentence, Detail: detail}
}

// known returns a value if it is one of those expected, else "": what a stranger writes
// where a code should be is not repeated.
func known(value string, expected ...string) string {
	if slices.Contains(expected, value) {
		return value
	}
	return ""
}

func clip(s string) string { return s[:min(len(s), 64)] }

func has(f *dicom.File, t dicom.Tag) bool {
	e, ok := f.Element(t)
	return ok && e.Length != 0
}

// oddity is one thing in which a file does not agree with itself or with the standard.
type oddity struct{ code, says string }

func (r *record) oddities() (out []oddity) {
	f := r.file
	odd := func(code, format string, args ...any) { out = append(out, oddity{code, fmt.Sprintf(format, args...)}) }
	switch {
	case errors.Is(r.ended, dicom.ErrLimit):
		odd("limit", "it has more elements than are followed")
	case r.ended != nil:
		odd("incomplete", "it ends early, or breaks the rules of the encoding")
	}
	differs := func(a, b dicom.Tag) bool { return has(f, a) && has(f, b) && f.Text(a) != f.Text(b) }
	if differs(metaClass, sopClass) {
		odd("class", "header and content name different kinds of object")
	}
	if differs(metaInstance, sopInstance) {
		odd("instance", "header and content name different objects")
	}
	for _, i := range identity {
		if r.differs(i.tag) {
			odd(i.code, "%s is not the same everywhere", i.says)
		}
	}
	if f.Misdeclared {
		odd("transfer-syntax", "it is encoded otherwise than it says")
	}
	if f.Unordered > 0 {
		odd("order", "elements are not in order")
	}
	if !errors.Is(r.ended, dicom.ErrLimit) {
		r.pixels(odd)
	}
	return out
}

// differs reports whether an element of an item says something else than that of the file.
func (r *record) differs(t dicom.Tag) bool {
	if !has(r.file, t) {
		return false
	}
	want := person(r.file.Text(t))
	return slices.ContainsFunc(r.nested, func(e dicom.Element) bool {
		got := person(r.file.TextOf(e))
		return e.Tag == t && got != "" && got != want
	})
}

// person makes values comparable: empty parts at the end of a name and case say nothing.
func person(s string) string {
	group, _, _ := strings.Cut(s, "=") // the same name in another script follows
	return strings.ToUpper(strings.TrimRight(group, "^ "))
}

// video are the transfer syntaxes that keep all frames in one stream: MPEG-2, H.264, H.265.
const video = standardRoot + "1.2.4.10"

// pixels compares what the file says of its pixels with those that are there.
func (r *record) pixels(odd func(code, format string, args ...any)) {
	f := r.file
	e, ok := f.Element(dicom.PixelData)
	switch {
	case !ok:
	case f.Encapsulated():
		if strings.HasPrefix(f.Syntax.UID, video) {
			return
		}
		n := int64(0)
		for range f.Frames() {
			n++
		}
		if n != f.Stated() {
			odd("frames", "it has %d frames and says %d", n, f.Stated())
		}
	case e.Length < 0:
	default:
		want := f.FrameSize()
		if most := int64(1) << 40; want <= 0 || want > most || f.Stated() > most/want {
			return // it does not say, or nothing that can be true
		}
		want *= f.Stated()
		if want += want % 2; e.Length != want {
			odd("pixel-length", "its pixel data has %d bytes and should have %d", e.Length, want)
		}
	}
}
