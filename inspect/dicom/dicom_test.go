package dicom_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/dicom"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

var update = flag.Bool("update", false, "rewrite the table of clinical images in docs/detection.md")

// el is one element, explicit and little endian, with a length of two bytes.
func el(tag uint32, vr, value string) string {
	if len(value)%2 == 1 {
		value += " "
	}
	b := binary.LittleEndian.AppendUint16(nil, uint16(tag>>16))
	b = append(binary.LittleEndian.AppendUint16(b, uint16(tag)), vr...)
	if vr == "OB" || vr == "SQ" {
		b = binary.LittleEndian.AppendUint32(append(b, 0, 0), uint32(len(value)))
	} else {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	}
	return string(b) + value
}

func item(content string) string {
	return "\xFE\xFF\x00\xE0" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(content)))) + content
}

func u16(n uint16) string { return string(binary.LittleEndian.AppendUint16(nil, n)) }

const (
	ct = "1.2.840.10008.5.1.4.1.1.2"
	sc = "1.2.840.10008.5.1.4.1.1.7"
)

// image is a file of four grey pixels with the elements given.
func image(class, instance string, elements ...string) []byte {
	head := make([]byte, 128)
	return []byte(string(head) + "DICM" + el(0x00020002, "UI", class) + el(0x00020003, "UI", instance) + el(0x00020010, "UI", "1.2.840.10008.1.2.1\x00") +
		strings.Join(elements, ""))
}

const pixels = "\x01\x02\x03\x04"

// grey are the elements that describe four pixels.
var grey = el(0x00280002, "US", u16(1)) + el(0x00280004, "CS", "MONOCHROME2") + el(0x00280010, "US", u16(2)) + el(0x00280011, "US", u16(2)) + el(0x00280100, "US", u16(8))

func look(t testing.TB, b []byte) []cordon.Finding {
	t.Helper()
	m := mediatest.OpenBytes(t, b)
	if m.Type != media.DICOM {
		t.Fatalf("it is taken for %s", m.Type)
	}
	found, err := dicom.New(dicom.Config{}).Inspect(t.Context(), m)
	if err != nil || len(found) == 0 {
		t.Fatalf("%v, %v", found, err)
	}
	return found
}

func TestOrigin(t *testing.T) {
	ids := el(0x00080018, "UI", "1.2.3.4")
	kind := func(s string) string { return el(0x00080008, "CS", s) }
	class := func(s string) string { return el(0x00080016, "UI", s) }
	for name, c := range map[string]struct {
		set   string
		label cordon.Label
		kind  string
		says  string
	}{
		"acquisition":            {kind(`ORIGINAL\PRIMARY\AXIAL`) + class(ct), cordon.LabelClinicalAcquisition, "acquisition", "proves nothing"},
		"derived":                {kind(`DERIVED\PRIMARY\MPR`) + class(ct), cordon.LabelClinicalDerived, "derived", "from other data"},
		"after the examination":  {kind(`ORIGINAL\SECONDARY`) + class(ct), cordon.LabelClinicalDerived, "secondary", "after the examination"},
		"secondary capture":      {kind(`ORIGINAL\PRIMARY`) + class(sc), cordon.LabelClinicalDerived, "secondary-capture", "copy of a screen"},
		"one of several frames":  {class(sc + ".4"), cordon.LabelClinicalDerived, "secondary-capture", "copy of a screen"},
		"not of that class":      {class(sc + "7.1"), cordon.LabelClinicalUnstated, "unstated", "does not say"},
		"workstation":            {class(ct) + el(0x00080064, "CS", "WSD"), cordon.LabelClinicalDerived, "secondary-capture", "copy of a screen"},
		"computed":               {class(ct) + el(0x00080064, "CS", "SYN"), cordon.LabelClinicalDerived, "secondary-capture", "computed"},
		"nothing said":           {class(ct), cordon.LabelClinicalUnstated, "unstated", "does not say"},
		"only how it was done":   {class(ct) + el(0x00082111, "ST", "Subtracted"), cordon.LabelClinicalDerived, "derived", "from other data"},
		"original, compressed":   {kind(`ORIGINAL\PRIMARY`) + class(ct) + el(0x00082111, "ST", "Lossy"), cordon.LabelClinicalAcquisition, "acquisition", ""},
		"burned-in text":         {kind(`ORIGINAL\PRIMARY`) + class(ct) + el(0x00280301, "CS", "YES"), cordon.LabelClinicalAcquisition, "acquisition", "burned into"},
		"drawings":               {kind(`ORIGINAL\PRIMARY`) + class(ct) + el(0x60000010, "US", u16(2)), cordon.LabelClinicalAcquisition, "acquisition", "over the picture"},
		"another's words":        {kind(`Mrs Test\`) + class("1.2.3.ada") + el(0x00080060, "CS", "Ada"), cordon.LabelClinicalUnstated, "unstated", ""},
		"not made by a computer": {kind(`ORIGINAL\PRIMARY`) + el(0x0008001C, "CS", "NO"), cordon.LabelClinicalAcquisition, "acquisition", ""},
	} {
		found := look(t, image(ct, "1.2.3.4", c.set, ids))
		f := found[0]
		if f.Label != c.label || f.Detail["kind"] != c.kind || !strings.Contains(f.Sentence, c.says) || f.Class != cordon.Context || f.Status != cordon.StatusFound {
			t.Errorf("%s: %+v", name, f)
		}
		for _, f := range found[1:] {
			if f.Class != cordon.Context || f.Label != cordon.LabelClinicalOdd {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if b, _ := json.Marshal(found); bytes.Contains(b, []byte("Mrs")) || bytes.Contains(bytes.ToLower(b), []byte("ada")) || bytes.Contains(b, []byte("Lossy")) {
			t.Errorf("%s: a stranger's words: %s", name, b)
		}
	}
}

// That data was made artificially is said in so many words, and is evidence.
func TestSyntheticData(t *testing.T) {
	found := look(t, image(ct, "1.2.3.4", el(0x00080008, "CS", `ORIGINAL\PRIMARY`), el(0x0008001C, "CS", "YES")))
	if len(found) != 2 || found[1].Label != cordon.LabelSyntheticTag || found[1].Class != cordon.Deterministic || found[1].Status != cordon.StatusFound {
		t.Errorf("%+v", found)
	}
}

func TestOddities(t *testing.T) {
	ada := el(0x00100010, "PN", "Test^Ada^^") + el(0x00100020, "LO", "17") + el(0x00100030, "DA", "19700101")
	in := func(sequence uint32, content string) string { return el(sequence, "SQ", item(content)) }
	fine := []string{el(0x00080016, "UI", ct+"\x00"), el(0x00080018, "UI", "1.2.3.4"), ada, grey}
	for name, c := range map[string]struct {
		file []byte
		want []string
	}{
		"nothing":          {image(ct, "1.2.3.4", append(fine, el(0x7FE00010, "OB", pixels))...), nil},
		"class":            {image(sc, "1.2.3.4", fine...), []string{"class"}},
		"instance":         {image(ct, "1.2.3.5", fine...), []string{"instance"}},
		"no header values": {image("", "", fine...), nil},
		"the same patient": {image(ct, "1.2.3.4", fine[0], fine[1], in(0x00081120, el(0x00100010, "PN", "TEST^ADA")+el(0x00100020, "LO", "17 ")), ada), nil},
		"another name":     {image(ct, "1.2.3.4", fine[0], fine[1], in(0x00081120, el(0x00100010, "PN", "TEST^EVE")), ada), []string{"patient-name"}},
		"another number":   {image(ct, "1.2.3.4", fine[0], fine[1], in(0x00081120, el(0x00100020, "LO", "18")), ada), []string{"patient-id"}},
		"another birthday": {image(ct, "1.2.3.4", fine[0], fine[1], in(0x00081120, el(0x00100030, "DA", "19700102")), ada), []string{"patient-birth-date"}},
		"other numbers":    {image(ct, "1.2.3.4", fine[0], fine[1], ada, in(0x00101002, el(0x00100020, "LO", "18"))), nil},
		"what it was":      {image(ct, "1.2.3.4", fine[0], fine[1], ada, in(0x04000561, in(0x04000550, el(0x00100010, "PN", "Before")))), nil},
		"order":            {image(ct, "1.2.3.4", fine[1], fine[0]), []string{"order"}},
		"too few pixels":   {image(ct, "1.2.3.4", append(fine, el(0x7FE00010, "OB", pixels[:2]))...), []string{"pixel-length"}},
		"too many pixels":  {image(ct, "1.2.3.4", append(fine, el(0x7FE00010, "OB", pixels+pixels))...), []string{"pixel-length"}},
		"frames":           {image(ct, "1.2.3.4", fine[0], fine[1], ada, el(0x00280008, "IS", "2"), grey, el(0x7FE00010, "OB", pixels+pixels)), []string{"order"}},
		"absurd frames":    {image(ct, "1.2.3.4", fine[0], fine[1], ada, el(0x00280002, "US", u16(9)), el(0x00280008, "IS", "9223372036854775807"), el(0x00280010, "US", u16(9)), el(0x00280011, "US", u16(9)), el(0x00280100, "US", u16(8)), el(0x7FE00010, "OB", pixels)), nil},
		"cut":              {image(ct, "1.2.3.4", append(fine, el(0x7FE00010, "OB", pixels)[:14])...), []string{"incomplete", "pixel-length"}},
	} {
		var got []string
		found := look(t, c.file)
		for _, f := range found {
			if f.Label == cordon.LabelClinicalOdd {
				got, _ = f.Detail["odd"].([]string)
				if f.Class != cordon.Context || !strings.Contains(f.Sentence, "common") {
					t.Errorf("%s: %+v", name, f)
				}
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
		if b, _ := json.Marshal(found); bytes.Contains(bytes.ToUpper(b), []byte("TEST^")) || bytes.Contains(b, []byte("1970")) {
			t.Errorf("%s: a personal value: %s", name, b)
		}
	}
}

func TestOtherFiles(t *testing.T) {
	found, err := dicom.New(dicom.Config{}).Inspect(t.Context(), mediatest.OpenBytes(t, mediatest.JPEG(t, 4, 4)))
	if err != nil || len(found) != 1 || found[0].Status != cordon.StatusNotApplicable {
		t.Errorf("%v, %v", found, err)
	}
}

// docs/detection.md shows what is said of every clinical image of the corpus. None of it holds.
func TestTableInDocs(t *testing.T) {
	paths, _ := filepath.Glob(filepath.Join(mediatest.Corpus(t, "dicom"), "*.dcm"))
	if len(paths) < 50 {
		t.Fatalf("%d files", len(paths))
	}
	var b strings.Builder
	b.WriteString("| File | Says of itself | Encoded as | Not in agreement |\n|---|---|---|---|\n")
	for _, path := range paths {
		found, err := dicom.New(dicom.Config{}).Inspect(t.Context(), mediatest.Open(t, path))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		odd := "-"
		for _, f := range found {
			if f.Class != cordon.Context {
				t.Errorf("%s: %+v", path, f)
			}
			if codes, ok := f.Detail["odd"].([]string); ok {
				odd = strings.Join(codes, ", ")
				t.Logf("%s: %s", filepath.Base(path), f.Sentence)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", filepath.Base(path), found[0].Detail["kind"], found[0].Detail["transfer_syntax"], odd)
	}
	mediatest.Table(t, "clinical images", b.String(), *update)
}
