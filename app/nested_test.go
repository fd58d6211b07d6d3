package app

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// A picture gets the same verdict wherever it is put, and whatever it is called.
func TestSameVerdictWhereverItIs(t *testing.T) {
	inspector, policy, err := Look{}.Open()
	if err != nil {
		t.Fatal(err)
	}
	verdict := func(b []byte, name string) cordon.Verdict {
		m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		m.Declared.Name = name
		item := cordon.Item{Route: "portal", Channel: cordon.ChannelPortal, Fail: cordon.FailHold, Modality: m.Modality()}
		return policy.Decide(item, inspector.Inspect(t.Context(), m))
	}
	zipped := func(name string, b []byte) []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(b)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	inPDF := func(b []byte) []byte {
		return fmt.Appendf(nil, "%%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n3 0 obj\n<< /Subtype /Image /Width 40 /Height 30 /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%%%EOF\n", len(b), b)
	}
	b64 := base64.StdEncoding.EncodeToString
	inCDA := func(b []byte) []byte {
		return []byte(`<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><component><nonXMLBody><text mediaType="application/pdf" representation="B64">` + b64(b) + `</text></nonXMLBody></component></ClinicalDocument>`)
	}
	inFHIR := func(b []byte) []byte {
		return []byte(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"DocumentReference","content":[{"attachment":{"contentType":"application/octet-stream","data":"` + b64(b) + `"}}]}}]}`)
	}
	for what, photo := range map[string][]byte{
		"made": mediatest.EXIF(mediatest.JPEG(t, 40, 30), mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(305, "Adobe Firefly 3")})),
		"not":  mediatest.JPEG(t, 40, 30),
	} {
		bare := verdict(photo, "photo.jpg")
		if (what == "made") != (bare.Outcome == cordon.Synthetic && bare.Action == cordon.Hold) {
			t.Fatalf("%s, bare: %+v", what, bare)
		}
		for where, f := range map[string]struct {
			b    []byte
			name string
		}{
			"PDF": {inPDF(photo), "letter.pdf"}, "PDF in ZIP": {zipped("a.pdf", inPDF(photo)), "letters.zip"}, "clinical document": {inCDA(photo), "report.xml"},
			"PDF in a clinical document in ZIP": {zipped("DOC0001.XML", inCDA(inPDF(photo))), "xdm.zip"}, "FHIR": {inFHIR(photo), "bundle.json"},
			"clinical document in FHIR": {inFHIR(inCDA(inPDF(photo))), "bundle.json"}, "called otherwise": {zipped("notes.txt", photo), "a.zip"},
		} {
			v := verdict(f.b, f.name)
			same := v.Outcome == bare.Outcome && v.Action == bare.Action && slices.Equal(v.Reasons, bare.Reasons)
			if what == "not" { // containers without pixels say that they were not tested themselves
				same = v.Action == bare.Action && v.Outcome != cordon.Synthetic
			}
			if !same {
				t.Errorf("%s, in %s: %+v, alone %+v", what, where, v, bare)
			}
		}
	}
}
