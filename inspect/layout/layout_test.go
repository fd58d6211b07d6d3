package layout

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// report writes a lab report, revision by revision.
type report struct {
	out  []byte
	prev int
	size int
}

func (w *report) revision(objects ...string) *report {
	if len(w.out) == 0 {
		w.out = []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	}
	var table strings.Builder
	table.WriteString("xref\n0 1\n0000000000 65535 f \n")
	for _, o := range objects {
		var number int
		_, _ = fmt.Sscanf(o, "%d", &number)
		w.size = max(w.size, number+1)
		fmt.Fprintf(&table, "%d 1\n%010d 00000 n \n", number, len(w.out))
		w.out = append(w.out, o+"\n"...)
	}
	at := len(w.out)
	prev := ""
	if w.prev > 0 {
		prev = fmt.Sprintf(" /Prev %d", w.prev)
	}
	w.out = append(w.out, fmt.Sprintf("%strailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n", table.String(), w.size, prev, at)...)
	w.prev = at
	return w
}

func stream(number int, dict, content string) string {
	return fmt.Sprintf("%d 0 obj\n<< %s /Length %d >>\nstream\n%s\nendstream\nendobj", number, dict, len(content), content)
}

func deflated(number int, content string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write([]byte(content))
	_ = z.Close()
	return stream(number, "/Filter /FlateDecode", b.String())
}

// results are the lines of a lab report: what, how much, in what, and what is usual.
var results = [][4]string{
	{"Glucose", "5.4", "mmol/l", "3.9 - 5.6"}, {"Sodium", "140", "mmol/l", "135 - 145"}, {"Potassium", "4.1", "mmol/l", "3.5 - 5.1"}, {"Creatinine", "78", "umol/l", "59 - 104"},
	{"Urea", "5.2", "mmol/l", "2.8 - 8.1"}, {"Albumin", "43", "g/l", "35 - 52"}, {"Calcium", "2.31", "mmol/l", "2.20 - 2.55"}, {"ALT", "27", "U/l", "10 - 50"},
	{"AST", "24", "U/l", "10 - 50"}, {"GGT", "31", "U/l", "8 - 61"}, {"Haemoglobin", "145", "g/l", "135 - 175"}, {"Leucocytes", "6.8", "G/l", "3.9 - 10.2"},
}

// lines draws the results, each cell by itself. cell may draw one in another way.
func lines(cell func(row, column int, x, y float64, text string) string) string {
	var b strings.Builder
	b.WriteString("q 0.9 0.9 0.9 rg 50 690 500 20 re f Q\n") // the head of the table has a ground
	b.WriteString("BT /F2 11 Tf 60 696 Td (Test) Tj ET BT /F2 11 Tf 220 696 Td (Result) Tj ET\n")
	for row, r := range results {
		y := 670 - 18*float64(row)
		for column, text := range r {
			x := []float64{60, 220, 290, 380}[column]
			out := ""
			if cell != nil {
				out = cell(row, column, x, y, text)
			}
			if out == "" {
				out = fmt.Sprintf("BT /F1 10 Tf %g %g Td (%s) Tj ET\n", x, y, text)
			}
			b.WriteString(out)
		}
	}
	b.WriteString("BT /F1 8 Tf 300 40 Td (Page 1 of 1) Tj ET\n")
	return b.String()
}

func objects(content string, more ...string) []string {
	return append([]string{
		"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj",
		"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>\nendobj",
		"3 0 obj\n<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R /F2 6 0 R /F3 7 0 R /F4 8 0 R >> /XObject << /Im1 9 0 R >> >> >>\nendobj",
		deflated(4, content),
		"5 0 obj\n<< /Type /Font /Subtype /TrueType /BaseFont /ABCDEF+Arial >>\nendobj",
		"6 0 obj\n<< /Type /Font /Subtype /TrueType /BaseFont /BCDEFG+Arial-BoldMT >>\nendobj",
		"7 0 obj\n<< /Type /Font /Subtype /TrueType /BaseFont /QWERTY+Arial >>\nendobj",
		"8 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>\nendobj",
		stream(9, "/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8", "\xff"),
	}, more...)
}

func look1(t testing.TB, b []byte) cordon.Finding {
	t.Helper()
	found, err := New().Inspect(t.Context(), mediatest.OpenBytes(t, b))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

func hints(f cordon.Finding) []Hint { return f.Detail["hints"].([]Hint) }

// A lab report with one digit altered, in the ways in which that is done: the aid points at the
// page, the object and the place.
func TestAlteredLabReport(t *testing.T) {
	plain := (&report{}).revision(objects(lines(nil))...)
	if f := look1(t, plain.out); f.Label != cordon.LabelDocumentPlain {
		t.Fatalf("the report as it was made: %+v", f)
	}
	glucose := func(instead string) func(int, int, float64, float64, string) string {
		return func(row, column int, x, y float64, text string) string {
			if row == 0 && column == 1 {
				return instead
			}
			return ""
		}
	}
	const at = "220 670"
	later := (&report{}).revision(objects(lines(nil))...).revision(deflated(4, lines(glucose("BT /F1 10 Tf "+at+" Td (9.4) Tj ET\n"))))
	appended := (&report{}).revision(objects(lines(nil))...).revision(
		"3 0 obj\n<< /Type /Page /Parent 2 0 R /Contents [4 0 R 12 0 R] /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>\nendobj",
		deflated(12, "q 1 g 218 667 20 12 re f Q BT /F1 10 Tf "+at+" Td (9.4) Tj ET"))
	for what, c := range map[string]struct {
		file   []byte
		kind   string
		object int64
	}{
		"another stream in a later revision":   {later.out, "text-changed-later", 4},
		"a stream added in a later revision":   {appended.out, "text-over-text", 12},
		"a white patch and text over it":       {(&report{}).revision(objects(lines(nil) + "q 1 1 1 rg 218 667 20 12 re f Q BT /F1 10 Tf " + at + " Td (9.4) Tj ET")...).out, "text-over-text", 4},
		"a picture over it":                    {(&report{}).revision(objects(lines(nil) + "q 20 0 0 12 218 667 cm /Im1 Do Q")...).out, "picture-over-text", 9},
		"a note over it":                       {(&report{}).revision(append(objects(lines(nil)), "3 0 obj\n<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [13 0 R] /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>\nendobj", "13 0 obj\n<< /Type /Annot /Subtype /FreeText /Rect [218 667 238 680] /Contents (9.4) >>\nendobj")...).out, "note-over-text", 13},
		"set anew, one digit in another copy":  {(&report{}).revision(objects(lines(glucose("BT /F3 10 Tf " + at + " Td (9) Tj /F1 10 Tf 5.56 0 Td (.4) Tj ET\n")))...).out, "number-spliced", 4},
		"set anew, in another font":            {(&report{}).revision(objects(lines(glucose("BT /F4 10 Tf " + at + " Td (9) Tj /F1 10 Tf 5.3 0 Td (.4) Tj ET\n")))...).out, "number-spliced", 4},
		"set anew, the number in another copy": {(&report{}).revision(objects(lines(glucose("BT /F3 10 Tf " + at + " Td (9.4) Tj ET\n")))...).out, "number-other-subset", 4},
		"set anew, the number in another font": {(&report{}).revision(objects(lines(glucose("BT /F4 10 Tf " + at + " Td (9.4) Tj ET\n")))...).out, "number-other-font", 4},
		"set anew, a little smaller":           {(&report{}).revision(objects(lines(glucose("BT /F1 9.7 Tf " + at + " Td (9.4) Tj ET\n")))...).out, "number-other-size", 4},
		"in a form":                            {(&report{}).revision(append(objects(lines(glucose("q 1 0 0 1 0 0 cm /Fm1 Do Q "))), "3 0 obj\n<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R /F2 6 0 R >> /XObject << /Fm1 14 0 R >> >> >>\nendobj", stream(14, "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 7 0 R >> >>", "BT /F1 10 Tf "+at+" Td (9.4) Tj ET"))...).out, "number-other-subset", 14},
	} {
		f := look1(t, c.file)
		all := []Hint{}
		if f.Label == cordon.LabelDocumentPatched {
			all = hints(f)
		}
		i := slices.IndexFunc(all, func(h Hint) bool { return h.Kind == c.kind })
		if i < 0 {
			t.Errorf("%s: %v", what, all)
			continue
		}
		h := all[i]
		if h.Page != 1 || h.Object != c.object || h.Rect[0] < 210 || h.Rect[0] > 225 || h.Rect[1] < 660 || h.Rect[3] > 690 {
			t.Errorf("%s: it points at %+v", what, h)
		}
		if s := fmt.Sprint(f.Sentence, f.Detail); strings.Contains(s, "9.4") || strings.Contains(s, "5.4") {
			t.Errorf("%s: the text is quoted: %s", what, s)
		}
		if !strings.Contains(f.Sentence, "Page 1, object") {
			t.Errorf("%s: %s", what, f.Sentence)
		}
	}
}

// What programs do every day is no hint.
func TestOrdinaryDocuments(t *testing.T) {
	bold := func(row, column int, x, y float64, text string) string {
		if row == 3 && column == 1 {
			return fmt.Sprintf("BT /F2 10 Tf %g %g Td (%s) Tj ET\n", x, y, text)
		}
		return ""
	}
	zebra := ""
	for i := range 6 {
		zebra += fmt.Sprintf("q 0.95 g 50 %d 500 18 re f Q\n", 664-36*i)
	}
	superscript := "BT /F1 10 Tf 60 300 Td (10) Tj /F1 6 Tf 4 Ts (9) Tj 0 Ts /F1 10 Tf (/l) Tj ET\n"
	for what, b := range map[string][]byte{
		"an abnormal result in bold":   (&report{}).revision(objects(lines(bold))...).out,
		"a striped table":              (&report{}).revision(objects(zebra + lines(nil))...).out,
		"a power":                      (&report{}).revision(objects(lines(nil) + superscript)...).out,
		"a number of the page":         (&report{}).revision(objects(lines(nil) + "BT /F4 9 Tf 290 20 Td (1) Tj ET")...).out,
		"text that is seen through":    (&report{}).revision(objects(lines(nil) + "/G1 gs q 0 0 1 rg 100 400 300 40 re f Q")...).out,
		"a scan over its text":         (&report{}).revision(objects(lines(nil) + "q 595 0 0 842 0 0 cm /Im1 Do Q")...).out,
		"a scan in strips":             (&report{}).revision(objects(lines(nil) + "q 595 0 0 280 0 0 cm /Im1 Do Q q 595 0 0 280 0 280 cm /Im1 Do Q q 595 0 0 282 0 560 cm /Im1 Do Q")...).out,
		"a hidden layer of text":       (&report{}).revision(objects("q 595 0 0 842 0 0 cm /Im1 Do Q BT 3 Tr ET " + lines(nil))...).out,
		"kerned":                       (&report{}).revision(objects(lines(nil) + "BT /F1 10 Tf 60 250 Td [(1) 20 (4) -10 (0)] TJ ET")...).out,
		"a field that was filled in":   (&report{}).revision(objects(lines(nil))...).revision("20 0 obj\n<< /Type /Annot /Subtype /Widget /FT /Tx /V (x) /Rect [0 0 9 9] >>\nendobj").out,
		"the same page written again":  (&report{}).revision(objects(lines(nil))...).revision(stream(4, "", lines(nil))).out,
		"a note beside the text":       (&report{}).revision(append(objects(lines(nil)), "3 0 obj\n<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [13 0 R] /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>\nendobj", "13 0 obj\n<< /Type /Annot /Subtype /FreeText /Rect [400 100 500 120] >>\nendobj")...).out,
		"a document that has no pages": []byte("%PDF-1.4\n1 0 obj <</Type /Catalog>>\nendobj\n%%EOF"),
	} {
		if f := look1(t, b); f.Label != cordon.LabelDocumentPlain {
			t.Errorf("%s: %+v", what, f)
		}
	}
}

func TestNotCovered(t *testing.T) {
	if f := look1(t, []byte("text")); f.Status != cordon.StatusNotApplicable {
		t.Errorf("%+v", f)
	}
}

// Documents that nobody altered and that are tested with: none of them has a hint.
func TestCorpusDocuments(t *testing.T) {
	n := 0
	for _, set := range []string{"c2pa/none", "c2pa/real"} {
		files, err := filepath.Glob(filepath.Join(mediatest.Corpus(t, set), "*.pdf"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			found, err := New().Inspect(t.Context(), mediatest.Open(t, name))
			if err != nil {
				t.Fatal(err)
			}
			n++
			if found[0].Label != cordon.LabelDocumentPlain {
				t.Errorf("%s: %s %+v", name, found[0].Sentence, found[0].Detail)
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d documents", n)
	}
}

func FuzzLayout(f *testing.F) {
	f.Add((&report{}).revision(objects(lines(nil))...).revision(deflated(4, "BT /F1 9 Tf 1 2 Td [(a) 3 <41>] TJ ET q 1 0 0 1 2 3 cm 1 2 3 4 re f Q")).out)
	f.Add((&report{}).revision(append(objects("BI /W 1 /H 1 ID x EI /Fm1 Do /G1 gs 1 2 (x) \" (y) ' T*"), stream(14, "/Subtype /Form /Matrix [1 0 0 1 0 0]", "/Fm1 Do"),
		"5 0 obj\n<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+A /ToUnicode 15 0 R /DescendantFonts [<< /DW 500 /W [1 [2 3] 4 5 6] >>] >>\nendobj",
		stream(15, "", "1 beginbfchar <01> <0041> endbfchar 1 beginbfrange <0001> <0003> [<0041> <0042>] <05> <09> <0030> endbfrange"))...).out)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{})
		if err != nil {
			return
		}
		defer m.Close()
		found, err := New().Inspect(t.Context(), m)
		if err != nil || len(found) != 1 || found[0].Sentence == "" {
			t.Fatalf("%v, %v", found, err)
		}
	})
}
