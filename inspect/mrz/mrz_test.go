package mrz

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// The specimens of ICAO Doc 9303, of the state of Utopia.
var specimens = map[string][]string{
	"TD3":   {"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"},
	"TD2":   {"I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"},
	"TD1":   {"I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"},
	"MRV-A": {"V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"},
	"MRV-B": {"V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"},
}

func look(t testing.TB, b []byte) cordon.Finding {
	t.Helper()
	m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	found, err := New().Inspect(context.Background(), m)
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v", found, err)
	}
	return found[0]
}

func text(lines []string) []byte {
	return []byte("Scan of a document\r\n\r\n" + strings.Join(lines, "\r\n") + "\r\nend\r\n")
}

func TestSpecimens(t *testing.T) {
	for name, lines := range specimens {
		t.Run(name, func(t *testing.T) {
			f := look(t, text(lines))
			z := f.Detail["zones"].([]zone)
			if f.Label != cordon.LabelMRZConsistent || len(z) != 1 || z[0].Format != name || z[0].Line != 3 {
				t.Fatalf("found %s: %+v", f.Label, z)
			}
			// Each digit of the date of birth counts, and is not told.
			at := strings.Index(strings.Join(lines, "\r\n"), "0812")
			if name[0] == 'M' {
				at = strings.Index(strings.Join(lines, "\r\n"), "0907")
			}
			wrong := []byte(strings.Join(lines, "\r\n"))
			wrong[at] = '5'
			f = look(t, text([]string{string(wrong)}))
			z = f.Detail["zones"].([]zone)
			want := []string{"date of birth", "all fields together"}
			if name[0] == 'M' {
				want = want[:1]
			}
			if f.Label != cordon.LabelMRZInconsistent || !slices.Equal(z[0].Wrong, want) {
				t.Errorf("found %s: %+v", f.Label, z)
			}
			said := fmt.Sprint(f.Sentence, f.Detail)
			if !strings.Contains(f.Sentence, "line 3") || strings.Contains(said, "ERIKSSON") || strings.Contains(said, "7408") {
				t.Errorf("it says %s", said)
			}
		})
	}
}

func TestNoZone(t *testing.T) {
	for name, lines := range map[string][]string{
		"text":                 {"a plain letter"},
		"capitals":             {strings.Repeat("P<ABCDEFGHI", 4), strings.Repeat("ABCDEFGH<<1", 4)},
		"fillers":              {strings.Repeat("<", 44), strings.Repeat("<", 44)},
		"one line":             specimens["TD3"][:1],
		"French identity card": {"IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<0"},
	} {
		if f := look(t, text(lines)); f.Label != cordon.LabelNoMRZ || f.Status != cordon.StatusNone {
			t.Errorf("%s: found %s", name, f.Label)
		}
	}
	if f := look(t, []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")); f.Status != cordon.StatusNotApplicable {
		t.Errorf("a picture: %s", f.Status)
	}
}

// A number too long for its place has its check digit elsewhere (Doc 9303, part 5, 4.2.2).
func TestLongNumber(t *testing.T) {
	first := "I<UTOD23145890<7349<<<<<<<<<<<"
	second := "7408122F1204159UTO<<<<<<<<<<<"
	digit := checkDigit(first[5:30] + second[0:7] + second[8:15] + second[18:29])
	f := look(t, text([]string{first, fmt.Sprintf("%s%d", second, digit), specimens["TD1"][2]}))
	if f.Label != cordon.LabelMRZConsistent {
		t.Errorf("found %s: %v", f.Label, f.Detail)
	}
}

func TestTextOfPDF(t *testing.T) {
	wrong := strings.Replace(specimens["TD3"][1], "740812", "740813", 1)
	content := fmt.Sprintf("BT /F1 10 Tf 10 20 Td (%s) Tj 0 -12 Td [(%s) -3 <%x>] TJ ET", specimens["TD3"][0], wrong[:20], wrong[20:])
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{content, packed.String()} {
		b := fmt.Sprintf("%%PDF-1.7\n4 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n%%%%EOF\n", len(stream), stream)
		if f := look(t, []byte(b)); f.Label != cordon.LabelMRZInconsistent || !strings.Contains(f.Sentence, "date of birth") {
			t.Errorf("found %s: %s", f.Label, f.Sentence)
		}
	}
}

func FuzzInspect(f *testing.F) {
	for _, lines := range specimens {
		f.Add(text(lines))
		f.Add([]byte(fmt.Sprintf("%%PDF-1.7\n4 0 obj\n<< >>\nstream\nBT (%s) Tj T* (%s) Tj\nendstream\n", lines[0], lines[1])))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if found := look(t, b); !found.Label.Valid() || found.Sentence == "" {
			t.Errorf("a finding that says nothing: %+v", found)
		}
	})
}
