package parts

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/mediatest"
)

// clinicalDocument has a body that is no XML.
func clinicalDocument(attributes, body string) []byte {
	return []byte(fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <title>Lab report</title>
 <component><nonXMLBody><text %s>%s</text></nonXMLBody></component>
</ClinicalDocument>`, attributes, body))
}

// structuredDocument has multimedia in its entries.
func structuredDocument(value string) []byte {
	return []byte(`<hl7:ClinicalDocument xmlns:hl7="urn:hl7-org:v3"><hl7:component><hl7:structuredBody><hl7:component><hl7:section>
<hl7:text>Plain text, eA== and more<hl7:renderMultiMedia referencedObject="M1"/></hl7:text>
<hl7:entry><hl7:observationMedia ID="M1">` + value + `</hl7:observationMedia></hl7:entry></hl7:section></hl7:component></hl7:structuredBody></hl7:component></hl7:ClinicalDocument>`)
}

func wrapped(b []byte) string { // as many writers do, 76 letters a line
	s := base64.StdEncoding.EncodeToString(b)
	return "\n" + strings.Join(slices.Collect(func(yield func(string) bool) {
		for ; s != ""; s = s[min(76, len(s)):] {
			if !yield(s[:min(76, len(s))]) {
				return
			}
		}
	}), "\r\n") + "\n"
}

func TestWhatIsInClinicalDocuments(t *testing.T) {
	made := mediatest.Text(mediatest.PNG(t, 40, 30), "Comment", "made by a model")
	b64 := wrapped(made)
	var deflate, gz bytes.Buffer
	d, _ := flate.NewWriter(&deflate, 5)
	_, _ = d.Write(made)
	_ = d.Close()
	g := gzip.NewWriter(&gz)
	_, _ = g.Write(made)
	_ = g.Close()
	sum := sha1.Sum(made)
	check := base64.StdEncoding.EncodeToString(sum[:])
	oneLine := strings.ReplaceAll(base64.StdEncoding.EncodeToString(made), "\n", "")
	latin1 := bytes.Replace(clinicalDocument(`mediaType="image/png" representation="B64"`, b64), []byte(`encoding="UTF-8"`), []byte(`encoding="ISO-8859-1"`), 1)
	latin1 = bytes.Replace(latin1, []byte("Lab report"), []byte("Befund f\xFCr"), 1)
	for name, c := range map[string]struct {
		file []byte
		want string // the end of the place
	}{
		"body":                  {clinicalDocument(`mediaType="image/png" representation="B64"`, b64), "nonXMLBody at byte N"},
		"body, attributes only": {clinicalDocument(`mediaType="image/png"`, b64), "nonXMLBody at byte N"},
		"in CDATA":              {clinicalDocument(`mediaType="image/png" representation="B64"`, "<![CDATA["+b64+"]]>"), "nonXMLBody at byte N"},
		"declared as text":      {clinicalDocument(`mediaType="text/plain" representation="B64"`, b64), "nonXMLBody at byte N"},
		"deflate":               {clinicalDocument(`mediaType="image/png" compression="DF" representation="B64"`, wrapped(deflate.Bytes())), "nonXMLBody at byte N"},
		"zlib called deflate":   {clinicalDocument(`mediaType="image/png" compression="DF" representation="B64"`, wrapped(deflated(made))), "nonXMLBody at byte N"},
		"zlib":                  {clinicalDocument(`mediaType="image/png" compression="ZL" representation="B64"`, wrapped(deflated(made))), "nonXMLBody at byte N"},
		"gzip":                  {clinicalDocument(`mediaType="image/png" compression="GZ" representation="B64"`, wrapped(gz.Bytes())), "nonXMLBody at byte N"},
		"with its digest":       {clinicalDocument(`mediaType="image/png" representation="B64" integrityCheck="`+check+`"`, b64), "nonXMLBody at byte N"},
		"multimedia":            {structuredDocument(`<hl7:value mediaType="image/png" representation="B64">` + b64 + `</hl7:value>`), "observationMedia at byte N"},
		"a thumbnail":           {structuredDocument(`<hl7:value mediaType="image/png"><hl7:reference value="a.png"/><hl7:thumbnail representation="B64">` + b64 + `</hl7:thumbnail></hl7:value>`), "thumbnail at byte N"},
		"in an address":         {structuredDocument(`<hl7:value mediaType="image/png"><hl7:reference value="data:image/png;base64,` + oneLine + `"/></hl7:value>`), "observationMedia at byte N"},
		"Latin-1":               {latin1, "nonXMLBody at byte N"},
		"in an archive":         {archive(t, file{"DOC0001.XML", clinicalDocument(`mediaType="image/png" representation="B64"`, b64)}), "DOC0001.XML/nonXMLBody at byte N"},
	} {
		found := look(t, c.file, Limits{})
		marked := places(t, c.file, found)
		if len(marked) != 1 || marked[0] != c.want {
			t.Errorf("%s: found in %q, want %q: %v", name, marked, c.want, found)
		}
		for _, f := range found {
			if f.Label == cordon.LabelPartsUnread || f.Label == cordon.LabelLimit {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
}

// A picture in a document in an archive in a clinical document is found where it is.
func TestNestedInAClinicalDocument(t *testing.T) {
	made := mediatest.Text(mediatest.PNG(t, 40, 30), "Comment", "made by a model")
	found := look(t, clinicalDocument(`mediaType="application/zip" representation="B64"`, wrapped(archive(t, file{"a.docx", document(t, file{"word/media/a.png", made})}))), Limits{})
	if marked, _ := paths(found); len(marked) != 2 || marked[1] != "nonXMLBody at byte 186/a.docx/word/media/a.png" {
		t.Errorf("found in %q", marked)
	}
}

var byteOf = regexp.MustCompile(`at byte (\d+)$`)

// places are those of what was found; the byte that they name must be where something begins.
func places(t *testing.T, file []byte, found []cordon.Finding) []string {
	marked, _ := paths(found)
	for i, at := range marked {
		m := byteOf.FindStringSubmatch(at)
		if m == nil {
			continue
		}
		if n, _ := strconv.Atoi(m[1]); !strings.Contains(at, "/") && file[n] != '<' && file[n] != '"' && !bytes.Contains(file, []byte("ISO-8859-1")) {
			t.Errorf("%s: there is %q", at, file[n:n+10])
		}
		marked[i] = at[:len(at)-len(m[1])] + "N"
	}
	return marked
}

func TestWhatIsInFHIR(t *testing.T) {
	made := mediatest.Text(mediatest.PNG(t, 40, 30), "Comment", "made by a model")
	b64 := base64.StdEncoding.EncodeToString(made)
	reference := `{"resourceType":"DocumentReference","status":"current","content":[{"attachment":{"contentType":"image/png","data":"` + b64 + `","size":9}}]}`
	payload := base64.RawURLEncoding.EncodeToString(made)
	for name, c := range map[string]struct {
		file string
		want string
	}{
		"DocumentReference": {reference, "content[0].attachment.data at byte N"},
		"Bundle":            {`{"resourceType":"Bundle","entry":[{"x":1},{"resource":` + reference + `}]}`, "entry[1].resource.content[0].attachment.data at byte N"},
		"Binary":            {`{"resourceType":"Binary","contentType":"text/plain","data":"` + b64 + `"}`, ".data at byte N"},
		"escaped":           {`{"resourceType":"Binary","data":"` + strings.ReplaceAll(b64, "/", `\/`) + `"}`, ".data at byte N"},
		"lines":             {`{"resourceType":"Patient"}` + "\n" + `{"resourceType":"Binary","data":"` + b64 + `"}` + "\n", ".data at byte N"},
		"narrative":         {`{"resourceType":"Patient","text":{"div":"<div><img src=\"data:image/png;base64,` + b64 + `\"/></div>"}}`, "text.div"},
		"XML":               {`<Bundle xmlns="http://hl7.org/fhir"><entry><resource><Media><content><contentType value="image/png"/><data value="` + b64 + `"/></content></Media></resource></entry></Bundle>`, "Bundle.entry.resource.Media.content.data at byte N"},
		"JWS":               {"eyJhbGciOiJFUzI1NiJ9." + payload + ".c2ln", "payload"},
		"JWS in JSON":       {`{"payload":"` + payload + `","signatures":[{"protected":"eyJhbGciOiJFUzI1NiJ9","signature":"c2ln"}]}`, "payload"},
	} {
		found := look(t, []byte(c.file), Limits{})
		marked := places(t, []byte(c.file), found)
		if len(marked) != 1 || marked[0] != c.want {
			t.Errorf("%s: found in %q, want %q: %v", name, marked, c.want, found)
		}
		if slices.ContainsFunc(found, func(f cordon.Finding) bool { return f.Label == cordon.LabelPartsUnread }) {
			t.Errorf("%s: %v", name, found)
		}
	}
	// Numbers that are called data are none of ours.
	found := look(t, []byte(`{"resourceType":"Observation","valueSampledData":{"origin":{"value":0},"data":"1.5 2.5 E U"}}`), Limits{})
	if len(found) != 1 || found[0].Label != cordon.LabelPartsSeen {
		t.Errorf("sampled data: %v", found)
	}
}

// A document of text that cannot be read is said to be one.
func TestTextsThatCannotBeOpened(t *testing.T) {
	photo := mediatest.JPEG(t, 40, 30)
	b64 := wrapped(photo)
	for name, in := range map[string]string{
		"document type":       strings.Replace(string(clinicalDocument(`representation="B64"`, b64)), "<ClinicalDocument", "<!DOCTYPE ClinicalDocument [<!ENTITY a \"b\">]><ClinicalDocument", 1),
		"cut off":             string(clinicalDocument(`representation="B64"`, b64)[:300]),
		"no base64":           string(clinicalDocument(`mediaType="application/pdf" representation="B64"`, "!not base64!")),
		"unknown compression": string(clinicalDocument(`mediaType="application/pdf" representation="B64" compression="Z7"`, b64)),
		"damaged compression": string(clinicalDocument(`mediaType="application/pdf" representation="B64" compression="GZ"`, b64)),
		"another digest":      string(clinicalDocument(`mediaType="image/jpeg" representation="B64" integrityCheck="AAAAAAAAAAAAAAAAAAAAAAAAAAA="`, b64)),
		"FHIR cut off":        `{"resourceType":"Binary","data":"abc`,
		"FHIR without base64": `{"resourceType":"Binary","contentType":"image/png","data":"!!"}`,
		"FHIR, another hash":  `{"resourceType":"Media","content":{"contentType":"image/png","hash":"AAAA","data":"` + base64.StdEncoding.EncodeToString(photo) + `"}}`,
		"FHIR, a wrong word":  `{"resourceType":"Binary","x":nothing}`,
		"encrypted":           "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn",
	} {
		found := look(t, []byte(in), Limits{})
		if !slices.ContainsFunc(found, func(f cordon.Finding) bool { return f.Label == cordon.LabelPartsUnread }) {
			t.Errorf("%s: %v", name, found)
		}
	}
	for name, in := range map[string]string{
		"FHIR, deep":    `{"resourceType":"Media","a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		"XML, deep":     `<ClinicalDocument xmlns="urn:hl7-org:v3">` + strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000) + `</ClinicalDocument>`,
		"bomb":          string(clinicalDocument(`representation="B64" compression="ZL"`, wrapped(deflated(make([]byte, 2<<20))))),
		"bombs":         `{"resourceType":"Media","a":[` + strings.Repeat(`{"data":"aGVsbG8="},`, 25_000) + `1]}`,
		"large in FHIR": `{"resourceType":"Media","data":"` + strings.Repeat("AAAA", 500_000) + `"}`,
	} {
		found := look(t, []byte(in), Limits{One: 1 << 20})
		if !slices.ContainsFunc(found, func(f cordon.Finding) bool { return f.Label == cordon.LabelLimit }) {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// What a document refers to and does not have is counted, and never fetched.
func TestReferencesOutside(t *testing.T) {
	found := look(t, clinicalDocument(`mediaType="application/pdf"`, `<reference value="https://example.com/a.pdf"/>`), Limits{})
	if len(found) != 1 || found[0].Detail["outside"] != 1 || !strings.Contains(found[0].Sentence, "not in the file: 1") {
		t.Errorf("%v", found)
	}
}
