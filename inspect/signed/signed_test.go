package signed

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/pdf"
)

func look(t testing.TB, b []byte) []cordon.Finding {
	t.Helper()
	m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Inspect(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// only returns the one finding, which must have the label.
func only(t testing.TB, b []byte, want cordon.Label) cordon.Finding {
	t.Helper()
	found := look(t, b)
	if len(found) != 1 || found[0].Label != want {
		t.Fatalf("found %+v, want %s", found, want)
	}
	return found[0]
}

func signatures(f cordon.Finding) []signature { return f.Detail["signatures"].([]signature) }

func TestUnsigned(t *testing.T) {
	f := only(t, letter(t).out, cordon.LabelNotSigned)
	if f.Status != cordon.StatusNone {
		t.Errorf("the status is %s", f.Status)
	}
	if f := only(t, []byte("plain text"), cordon.LabelNotCovered); f.Status != cordon.StatusNotApplicable {
		t.Errorf("text is %s", f.Status)
	}
	// A field that waits for its signature is no signature.
	w := letter(t).sign(10, "adbe.pkcs7.detached", "", func([]byte) []byte { return nil })
	only(t, w.out, cordon.LabelNotSigned)
}

func TestFormatsAndAlgorithms(t *testing.T) {
	rsa256, rsa1 := newSigner(t, keys.rsa(), crypto.SHA256), newSigner(t, keys.rsa(), crypto.SHA1)
	pss := newSigner(t, keys.rsa(), crypto.SHA384)
	pss.pss = true
	bare := newSigner(t, keys.rsa(), crypto.SHA256)
	bare.bare = true
	byID := newSigner(t, keys.ec(), crypto.SHA256)
	byID.byID = true
	for name, c := range map[string]struct {
		format string
		make   func([]byte) []byte
	}{
		"RSA":            {"adbe.pkcs7.detached", rsa256.detached(t)},
		"RSA, SHA-1":     {"adbe.pkcs7.detached", rsa1.detached(t)},
		"RSASSA-PSS":     {"ETSI.CAdES.detached", pss.detached(t)},
		"no attributes":  {"adbe.pkcs7.detached", bare.detached(t)},
		"ECDSA":          {"ETSI.CAdES.detached", newSigner(t, keys.ec(), crypto.SHA256).detached(t)},
		"key identifier": {"ETSI.CAdES.detached", byID.detached(t)},
		"Ed25519":        {"ETSI.CAdES.detached", newSigner(t, keys.ed(), crypto.SHA512).detached(t)},
		"time stamp":     {"ETSI.RFC3161", rsa256.stamp(t)},
		"digest enclosed": {"adbe.pkcs7.sha1", func(b []byte) []byte {
			sum := hashOf(crypto.SHA1, b)
			return rsa256.signed(t, oidData, sum, hashOf(crypto.SHA256, sum))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := letter(t).sign(10, c.format, "", c.make)
			s := signatures(only(t, w.out, cordon.LabelSignatureIntact))
			if len(s) != 1 || s[0].Object != 10 || !s[0].Whole || s[0].Added != nil || len(s[0].Certificate) != 64 {
				t.Errorf("the evidence is %+v", s)
			}
			// Any covered byte counts: in the text of the page, and behind the value.
			for _, word := range []string{"Pay 100", "startxref"} {
				b := bytes.Clone(w.out)
				b[bytes.LastIndex(b, []byte(word))+4] ^= 1
				only(t, b, cordon.LabelSignatureBroken)
			}
		})
	}
}

func TestOfAnotherKey(t *testing.T) {
	a, b := newSigner(t, keys.ec(), crypto.SHA256), newSigner(t, keys.rsa(), crypto.SHA256)
	a.cert = newSigner(t, keys.ed(), crypto.SHA256).cert
	only(t, letter(t).sign(10, "ETSI.CAdES.detached", "", a.detached(t)).out, cordon.LabelSignatureBroken)
	b.cert = newSigner(t, keys.ec(), crypto.SHA256).cert
	f := only(t, letter(t).sign(10, "ETSI.CAdES.detached", "", b.detached(t)).out, cordon.LabelSignatureBroken)
	if !strings.Contains(f.Sentence, "object 10") {
		t.Errorf("it is not said where: %s", f.Sentence)
	}
}

func TestUnread(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	for name, b := range map[string][]byte{
		"format": letter(t).sign(10, "adbe.x509.rsa_sha1", "", s.detached(t)).out,
		"value":  letter(t).sign(10, "ETSI.CAdES.detached", "", func([]byte) []byte { return []byte("not a signature") }).out,
		"cut": func() []byte {
			b := letter(t).sign(10, "ETSI.CAdES.detached", "", s.detached(t)).out
			return b[:len(b)-20]
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			f := only(t, b, cordon.LabelSignatureUnread)
			if !strings.Contains(f.Sentence, "cannot be checked") {
				t.Errorf("the sentence is %q", f.Sentence)
			}
		})
	}
}

// What a byte range leaves out must be the signature's own value.
func TestRangeLeavesOut(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	w := letter(t)
	w.sign(10, "ETSI.CAdES.detached", "", func([]byte) []byte { return []byte("later") })
	at := bytes.LastIndex(w.out, []byte("/ByteRange ["))
	var from, to, rest int
	if _, err := fmt.Sscanf(string(w.out[at:]), "/ByteRange [0 %d %d %d]", &from, &to, &rest); err != nil {
		t.Fatal(err)
	}
	to += 4 // and " >>\n" with it
	copy(w.out[at:], fmt.Sprintf("/ByteRange [0 %010d %010d %010d]", from, to, rest-4))
	der := s.detached(t)(append(bytes.Clone(w.out[:from]), w.out[to:]...))
	copy(w.out[from+1:], fmt.Sprintf("%x", der))
	if f := only(t, w.out, cordon.LabelSignatureBroken); !strings.Contains(f.Sentence, "leaves out more") {
		t.Errorf("the sentence is %q", f.Sentence)
	}
}

func TestWhatIsAdded(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	page := "3 0 obj\n<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> /Annots [11 0 R %s] >>\nendobj"
	note := "30 0 obj\n<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (seen) >>\nendobj"
	value := "31 0 obj\n<< /FT /Tx /T (name) /V (N. N.) /Subtype /Widget /Rect [0 0 9 9] >>\nendobj"
	for name, c := range map[string]struct {
		objects []string
		root    int
		want    cordon.Label
	}{
		"white space":            {nil, 0, cordon.LabelSignatureIntact},
		"store of certificates":  {[]string{"1 0 obj\n<< /Type /Catalog /Pages 2 0 R /AcroForm << >> /DSS 20 0 R >>\nendobj", "20 0 obj\n<< /Type /DSS >>\nendobj"}, 1, cordon.LabelSignatureIntact},
		"a note":                 {[]string{fmt.Sprintf(page, "30 0 R"), note}, 1, cordon.LabelSignatureIntact},
		"a filled field":         {[]string{value}, 1, cordon.LabelSignatureIntact},
		"the page as it was":     {[]string{letterObjects("Pay 100")[3]}, 1, cordon.LabelSignatureIntact},
		"the page, renumbered":   {[]string{"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0.0 0.0 612.0 792.0]/Contents[24 0 R]/Resources 25 0 R>>\nendobj", stream(24, "", "BT /F1 12 Tf (Pay 100) Tj ET"), "25 0 obj\n<</Font<</F1 5 0 R/F2 5 0 R>>>>\nendobj"}, 1, cordon.LabelSignatureIntact},
		"another text":           {[]string{letterObjects("Pay 900")[3]}, 1, cordon.LabelSignedThenChanged},
		"another stream":         {[]string{strings.Replace(fmt.Sprintf(page, ""), "4 0 R", "[4 0 R 24 0 R]", 1), stream(24, "", "0 0 99 99 re f")}, 1, cordon.LabelSignedThenChanged},
		"another font":           {[]string{"5 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>\nendobj"}, 1, cordon.LabelSignedThenChanged},
		"another root":           {[]string{"40 0 obj\n<< /Type /Catalog /Pages 41 0 R >>\nendobj", "41 0 obj\n<< /Type /Pages /Kids [42 0 R] /Count 1 >>\nendobj", "42 0 obj\n<< /Type /Page /Parent 41 0 R >>\nendobj"}, 40, cordon.LabelSignedThenChanged},
		"another page":           {[]string{"2 0 obj\n<< /Type /Pages /Kids [3 0 R 42 0 R] /Count 2 /MediaBox [0 0 612 792] >>\nendobj", "42 0 obj\n<< /Type /Page /Parent 2 0 R >>\nendobj"}, 1, cordon.LabelSignedThenChanged},
		"another size":           {[]string{"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 612 300] >>\nendobj"}, 1, cordon.LabelSignedThenChanged},
		"no pages to be found":   {[]string{"2 0 obj\n<< /Type /Pages /Kids [2 0 R] /Count 1 >>\nendobj"}, 1, cordon.LabelSignatureUnread},
		"packed objects, opaque": {[]string{stream(50, "/Type /ObjStm /N 1 /First 5 /Filter /LZWDecode", "?")}, 1, cordon.LabelSignatureUnread},
		"packed, another text":   {[]string{stream(50, "/Type /ObjStm /N 1 /First 4", "3 0 << /Type /Page /Parent 2 0 R /Contents 24 0 R >>"), stream(24, "", "other")}, 1, cordon.LabelSignedThenChanged},
	} {
		t.Run(name, func(t *testing.T) {
			w := letter(t).sign(10, "ETSI.CAdES.detached", "", s.detached(t))
			end := int64(len(w.out))
			if c.root == 0 {
				w.out = append(w.out, " \r\n"...)
			} else {
				w.revision(c.root, c.objects...)
			}
			f := only(t, w.out, c.want)
			got := signatures(f)[0]
			if c.root > 0 && (got.Added == nil || got.Added.From != end || got.Added.To != int64(len(w.out))) {
				t.Errorf("it was added at %+v, not from %d on", got.Added, end)
			}
			if c.want == cordon.LabelSignedThenChanged && (len(got.Changed) == 0 || !strings.Contains(f.Sentence, fmt.Sprintf("bytes %d to %d", end, len(w.out)))) {
				t.Errorf("it is not said where: %s %+v", f.Sentence, got)
			}
			// Who signs the changed document makes it no better for who signed before.
			w.sign(60, "ETSI.CAdES.detached", "", s.detached(t))
			if c.want == cordon.LabelSignedThenChanged && name == "another text" {
				if two := signatures(only(t, w.out, c.want)); two[0].State != "changed" || two[1].State != "intact" {
					t.Errorf("with a further signature: %+v", two)
				}
			}
		})
	}
}

// A table can show an earlier revision again, or drop an object, or name one that looks like
// a part of a stream.
func TestTables(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	build := func() *writer {
		w := letter(t).revision(1, letterObjects("Pay 900")[3])
		return w.sign(10, "ETSI.CAdES.detached", "", s.detached(t))
	}
	update := func(w *writer, entry string) []byte {
		return append(w.out, fmt.Sprintf("xref\n4 1\n%s \ntrailer\n<< /Size 12 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n", entry, w.prev, len(w.out))...)
	}
	w := build()
	first, last := bytes.Index(w.out, []byte("4 0 obj")), bytes.LastIndex(w.out, []byte("\n4 0 obj"))+1
	if first == last {
		t.Fatal("there is only one")
	}
	only(t, update(w, fmt.Sprintf("%010d 00000 n", last)), cordon.LabelSignatureIntact)
	only(t, update(build(), fmt.Sprintf("%010d 00000 n", first)), cordon.LabelSignedThenChanged)
	only(t, update(build(), "0000000000 00001 f"), cordon.LabelSignedThenChanged)
	only(t, update(build(), "0000000003 00000 n"), cordon.LabelSignatureIntact) // there is no object

	w = build()
	w.out = append(w.out, stream(70, "", "\n"+letterObjects("Pay 700")[3])+"\n"...)
	only(t, update(w, fmt.Sprintf("%010d 00000 n", last)), cordon.LabelSignatureIntact)
	only(t, update(w, fmt.Sprintf("%010d 00000 n", bytes.LastIndex(w.out, []byte("\n4 0 obj"))+1)), cordon.LabelSignedThenChanged)

	// The same in a cross-reference stream.
	w = build()
	row := []byte{1, byte(first >> 8), byte(first), 0}
	w.out = append(w.out, stream(71, "/Type /XRef /Size 72 /Root 1 0 R /W [1 2 1] /Index [4 1]", string(row))+"\n"...)
	only(t, w.out, cordon.LabelSignedThenChanged)
}

// Which layers are shown is part of what a page shows.
func TestLayers(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	catalog := "1 0 obj\n<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [60 0 R] /D << /%s [60 0 R] >> >> >>\nendobj"
	group := "60 0 obj\n<< /Type /OCG /Name (amount) >>\nendobj"
	for state, want := range map[string]cordon.Label{"ON": cordon.LabelSignatureIntact, "OFF": cordon.LabelSignedThenChanged} {
		w := letter(t).revision(1, fmt.Sprintf(catalog, "ON"), group)
		w.signOnly(10, s.detached(t)).revision(1, fmt.Sprintf(catalog, state), group)
		only(t, w.out, want)
	}
}

// A linearised file has a table at its front, of objects behind it. In a file for old and new
// readers, objects that are called free in the table are in streams.
func TestLinearisedAndHybrid(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	front := "%%PDF-1.7\n9 0 obj\n<< /Linearized 1 >>\nendobj\nxref\n1 1\n%010d 00000 n \ntrailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%%%EOF\n"
	w := &writer{t: t}
	w.out = fmt.Appendf(nil, front, len(fmt.Sprintf(front, 0)))
	w.revision(1, letterObjects("Pay 100")...).sign(10, "ETSI.CAdES.detached", "", s.detached(t))
	w.revision(1, "30 0 obj\n<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] >>\nendobj")
	f := only(t, w.out, cordon.LabelSignatureIntact)
	if r := f.Detail["revisions"].([]int64); len(r) != 3 {
		t.Errorf("the revisions end at %v", r)
	}

	objects := letterObjects("Pay 100")
	pages := strings.Split(strings.TrimSuffix(objects[1], "\nendobj"), "obj\n")[1]
	objects[1] = stream(50, "/Type /ObjStm /N 1 /First 4", "2 0 "+pages)
	w = (&writer{t: t}).revision(1, objects...)
	w.out = fmt.Appendf(w.out, "xref\n2 1\n0000000000 00000 f \ntrailer\n<< /Root 1 0 R /XRefStm 1 >>\nstartxref\n1\n%%%%EOF\n")
	w.sign(10, "ETSI.CAdES.detached", "", s.detached(t))
	w.revision(1, "30 0 obj\n<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] >>\nendobj")
	only(t, w.out, cordon.LabelSignatureIntact)
	only(t, w.revision(1, letterObjects("Pay 900")[3]).out, cordon.LabelSignedThenChanged)
}

func TestSeveralSignatures(t *testing.T) {
	a, b := newSigner(t, keys.ec(), crypto.SHA256), newSigner(t, keys.rsa(), crypto.SHA256)
	w := letter(t).sign(10, "ETSI.CAdES.detached", "", a.detached(t)).sign(20, "adbe.pkcs7.detached", "", b.detached(t)).
		sign(30, "ETSI.RFC3161", "", b.stamp(t))
	f := only(t, w.out, cordon.LabelSignatureIntact)
	if s := signatures(f); len(s) != 3 || s[0].Whole || !s[2].Whole || s[0].Added.Signatures != 4 {
		t.Errorf("the evidence is %+v", s)
	}
	if r := f.Detail["revisions"].([]int64); len(r) != 4 || r[3] != int64(len(w.out))-1 {
		t.Errorf("the revisions end at %v of %d", r, len(w.out))
	}
}

// A signature that certifies says what may be changed.
func TestCertified(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	note := "30 0 obj\n<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (seen) >>\nendobj"
	for p, want := range map[int]cordon.Label{1: cordon.LabelSignedThenChanged, 2: cordon.LabelSignatureIntact, 3: cordon.LabelSignatureIntact} {
		w := letter(t).sign(10, "ETSI.CAdES.detached",
			fmt.Sprintf("/Reference [<< /TransformMethod /DocMDP /TransformParams << /P %d >> >>]", p), s.detached(t))
		w.revision(1, note)
		if got := signatures(only(t, w.out, want)); got[0].Permits != int64(p) {
			t.Errorf("it permits %d, want %d", got[0].Permits, p)
		}
	}
	w := letter(t).sign(10, "ETSI.CAdES.detached", "/Reference [<< /TransformMethod /DocMDP /TransformParams << /P 1 >> >>]", s.detached(t))
	w.sign(20, "ETSI.RFC3161", "", s.stamp(t))
	only(t, w.out, cordon.LabelSignatureIntact)
}

// A signed document inside of another, not compressed, is that one's own matter.
func TestAttachedDocument(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	inside := string(letter(t).sign(10, "ETSI.CAdES.detached", "", s.detached(t)).out)
	w := letter(t).revision(1, fmt.Sprintf("50 0 obj\n<< /Type /EmbeddedFile /Length 51 0 R >>\nstream\n%s\nendstream\nendobj", inside),
		fmt.Sprintf("51 0 obj\n%d\nendobj", len(inside)))
	only(t, w.out, cordon.LabelNotSigned)
}

// Some files have a few bytes before their header, from which offsets count.
func TestBytesBeforeHeader(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	w := letter(t).sign(10, "ETSI.CAdES.detached", "", s.detached(t))
	only(t, append([]byte("\r\n\r\n"), w.out...), cordon.LabelSignatureIntact)
}

// What has no end is given up at a limit, and that is said.
func TestLimits(t *testing.T) {
	s := newSigner(t, keys.ec(), crypto.SHA256)
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(make([]byte, pdf.MaxInflated+1)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string]string{
		"objects":       strings.Repeat("1 0 obj 1 ", pdf.MaxObjects+1),
		"object stream": stream(50, "/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", packed.String()),
		"entries":       "xref\n0 1000001\n" + strings.Repeat("0000000009 00000 f \n", pdf.MaxEntries+1),
	} {
		t.Run(name, func(t *testing.T) {
			w := letter(t).sign(10, "ETSI.CAdES.detached", "", s.detached(t))
			only(t, append(w.out, more...), cordon.LabelSignatureUnread)
		})
	}
}

// Of the documents that others signed none is held.
func TestCorpus(t *testing.T) {
	root := mediatest.Corpus(t, ".")
	seen := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".pdf") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		want := cordon.LabelNotSigned
		if strings.HasSuffix(path, "basic-signed.pdf") {
			want = cordon.LabelSignatureIntact
		}
		t.Logf("%s: %s", filepath.Base(path), only(t, b, want).Sentence)
		seen++
		return nil
	})
	if err != nil || seen < 3 {
		t.Errorf("%d files were looked at: %v", seen, err)
	}
}

func FuzzInspect(f *testing.F) {
	s := newSigner(f, keys.ec(), crypto.SHA256)
	w := letter(f).sign(10, "ETSI.CAdES.detached", "", s.detached(f))
	f.Add(bytes.Clone(w.out))
	f.Add(bytes.Clone(w.revision(1, letterObjects("Pay 900")[3]).out))
	f.Add(bytes.Clone(w.revision(1, stream(50, "/Type /ObjStm /N 1 /First 4", "3 0 << /Type /Page /Parent 2 0 R /Contents 24 0 R >>")).out))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, f := range look(t, b) {
			if !f.Label.Valid() || !f.Status.Valid() || f.Sentence == "" {
				t.Errorf("a finding that says nothing: %+v", f)
			}
		}
	})
}

func FuzzCMS(f *testing.F) {
	s := newSigner(f, keys.ec(), crypto.SHA256)
	f.Add(s.detached(f)([]byte("x")))
	f.Add(s.stamp(f)([]byte("x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readCMS(b)
		if err != nil {
			return
		}
		for _, format := range []string{"ETSI.CAdES.detached", "adbe.pkcs7.sha1", "ETSI.RFC3161"} {
			_ = c.over(format, func(h crypto.Hash) ([]byte, error) { return hashOf(h, []byte("x")), nil })
		}
	})
}
