package signed

import (
	"bytes"
	"crypto"
	"fmt"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// certified is a form that its issuer certified, with so much permitted.
func certified(t testing.TB, permits int, fields ...string) *writer {
	s := newSigner(t, keys.rsa(), crypto.SHA256)
	w := (&writer{t: t}).revision(1, append(letterObjects("Pay 100"), fields...)...)
	return w.sign(10, "ETSI.CAdES.detached", fmt.Sprintf("/Reference [<< /TransformMethod /DocMDP /TransformParams << /P %d >> >>]", permits), s.detached(t))
}

const nameField = "20 0 obj\n<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /Rect [9 9 99 99] >>\nendobj"

// anew is the document as a program writes that does not keep what was there before: everything
// stands elsewhere.
func anew(b []byte) []byte {
	return bytes.Replace(b, []byte("%PDF-1.7\n"), []byte("%PDF-1.7\n% written by another program\n"), 1)
}

// TestFilledForms has what a patient's own program leaves of a form that its issuer certified. It
// is no forgery; what was changed in place still is.
func TestFilledForms(t *testing.T) {
	for permits := 2; permits <= 3; permits++ {
		form := certified(t, permits, nameField)
		only(t, form.out, cordon.LabelSignatureIntact)
		f := only(t, anew(form.out), cordon.LabelSignatureUnread)
		if !strings.Contains(f.Sentence, "Another program has written it anew") || signatures(f)[0].State != "resaved" {
			t.Errorf("P %d, written anew: %s", permits, f.Sentence)
		}
		filled := certified(t, permits, nameField).revision(1, strings.Replace(nameField, "/T (name)", "/T (name) /V (A. Patient)", 1))
		if f := only(t, filled.out, cordon.LabelSignatureIntact); !strings.Contains(f.Sentence, "leaves the pages as they were") {
			t.Errorf("P %d, filled in: %s", permits, f.Sentence)
		}
		inPlace := bytes.Replace(form.out, []byte("Pay 100"), []byte("Pay 900"), 1)
		only(t, inPlace, cordon.LabelSignatureBroken)
	}
	// What is no form to fill in, or permits nothing, is held to its signature.
	only(t, anew(certified(t, 2).out), cordon.LabelSignatureBroken)
	only(t, anew(certified(t, 1, nameField).out), cordon.LabelSignatureBroken)
	// A page that shows something else is changed, whatever is permitted.
	only(t, certified(t, 3, nameField).revision(1, stream(4, "", "BT /F1 12 Tf (Pay 900) Tj ET")).out, cordon.LabelSignedThenChanged)
}

// TestUsageRights has the signature that lets a reader save a form: it is nobody's statement,
// however it stands.
func TestUsageRights(t *testing.T) {
	s := newSigner(t, keys.rsa(), crypto.SHA256)
	for _, method := range []string{"UR3", "UR"} {
		rights := fmt.Sprintf("/Reference [<< /Type /SigRef /TransformMethod /%s /TransformParams << /Type /TransformParams /Document [/FullSave] >> >>]", method)
		w := letter(t).sign(10, "adbe.pkcs7.detached", rights, s.detached(t))
		broken := bytes.Replace(w.out, []byte("Pay 100"), []byte("Pay 900"), 1)
		for name, b := range map[string][]byte{"as it was": w.out, "filled in by another program": anew(w.out), "changed in place": broken} {
			if f := only(t, b, cordon.LabelNotSigned); signatures(f)[0].State != "usage-rights" || f.Status != cordon.StatusNone {
				t.Errorf("%s, %s: %+v", method, name, f)
			}
		}
		// Beside it a person's signature counts as ever.
		both := letter(t).sign(10, "adbe.pkcs7.detached", rights, s.detached(t)).sign(12, "ETSI.CAdES.detached", "", s.detached(t))
		only(t, both.out, cordon.LabelSignatureIntact)
		only(t, bytes.Replace(both.out, []byte("Pay 100"), []byte("Pay 900"), 1), cordon.LabelSignatureBroken)
	}
	// Named by the document's permissions alone.
	w := letter(t).signOnly(10, s.detached(t))
	w.revision(1, "1 0 obj\n<< /Type /Catalog /Pages 2 0 R /Perms << /UR3 10 0 R >> >>\nendobj")
	only(t, bytes.Replace(w.out, []byte("Pay 100"), []byte("Pay 900"), 1), cordon.LabelNotSigned)
}
