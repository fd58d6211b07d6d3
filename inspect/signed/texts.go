package signed

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/markup"
)

const (
	nsSDTC = "urn:hl7-org:sdtc"
	nsCDA  = "urn:hl7-org:v3"
	nsFHIR = "http://hl7.org/fhir"

	maxText = 64 << 20 // bytes of a document of text that may be signed
	maxXML  = 100      // signatures of one
)

// text checks the signatures of clinical documents, FHIR resources, other XML, and of signatures
// for the web.
func (s *Signed) text(ctx context.Context, m *media.Media) ([]proof, error) {
	if m.Size() > maxText {
		if m.Type == media.XML {
			return nil, nil
		}
		return nil, fmt.Errorf("%w: it has more than %d MiB", errUnread, maxText>>20)
	}
	b := make([]byte, m.Size())
	if n, err := m.ReadAt(b, 0); n < len(b) {
		return nil, fmt.Errorf("read the document: %w", errors.Join(err, io.ErrUnexpectedEOF))
	}
	switch m.Type {
	case media.JOSE:
		return s.joseFile(b)
	case media.FHIRJSON:
		return s.fhirJSON(ctx, b)
	}
	b, err := markup.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnread, err)
	}
	if !bytes.Contains(b, []byte(nsDSig)) && !bytes.Contains(b, []byte("signatureText")) && (m.Type != media.FHIRXML || !bytes.Contains(b, []byte("signature"))) {
		return nil, nil
	}
	doc, err := markup.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnread, err)
	}
	x := &xmlSignatures{Signed: s, ctx: ctx}
	return x.all(doc)
}

// all checks the signatures in a document of XML.
func (x *xmlSignatures) all(doc *markup.Node) (out []proof, err error) {
	doc.All(func(n *markup.Node) bool {
		if len(out) == maxXML {
			err = fmt.Errorf("%w: it has more than %d signatures", errUnread, maxXML)
			return false
		}
		p := proof{Form: "xml-signature", Where: fmt.Sprintf("byte %d", n.From)}
		switch {
		case n.Name.Is(nsDSig, "Signature"):
			err = p.judge(x.check(&p, n, doc, nil))
		case n.Name.Local == "signatureText" && (n.Name.Space == nsSDTC || n.Name.Space == nsCDA):
			content := strings.Join(strings.Fields(n.Content()), "")
			if content == "" || n.Child(nsDSig, "Signature") != nil {
				return true // one in it is met by itself; or a thumbnail, or a reference
			}
			err = p.judge(x.apart(&p, content, &target{doc, withoutSigners(doc)}))
		case n.Name.Is(nsFHIR, "signature") && n.Child(nsFHIR, "data") != nil:
			err = p.judge(x.apart(&p, n.Child(nsFHIR, "data").Attr("value"), &target{doc, []func(*markup.Node) bool{
				func(e *markup.Node) bool { return e == n },
				func(e *markup.Node) bool {
					return e == n || e.Kind == markup.Element && e.Parent == doc.Root() && (e.Name.Is(nsFHIR, "id") || e.Name.Is(nsFHIR, "meta"))
				},
			}}))
		default:
			return true
		}
		out = append(out, p)
		return err == nil
	})
	return out, err
}

// withoutSigners are the ways in which a clinical document was written before its signature was
// put into it (HL7 Digital Signatures and Delegation of Rights): without the texts of
// signatures, or without those who authenticate it.
func withoutSigners(doc *markup.Node) []func(*markup.Node) bool {
	text := func(n *markup.Node) bool { return n.Kind == markup.Element && n.Name.Local == "signatureText" }
	return []func(*markup.Node) bool{text, func(n *markup.Node) bool {
		return text(n) || n.Kind == markup.Element && n.Parent == doc.Root() && (n.Name.Is(nsCDA, "legalAuthenticator") || n.Name.Is(nsCDA, "authenticator"))
	}}
}

// apart checks a signature that is kept, in base64, apart from what it is of.
func (x *xmlSignatures) apart(p *proof, content string, of *target) error {
	b, err := base64.StdEncoding.DecodeString(content)
	if err != nil {
		return fmt.Errorf("%w: it is no base64", errUnread)
	}
	if trimmed := bytes.TrimSpace(b); bytes.HasPrefix(trimmed, []byte("ey")) {
		p.Form = "jws"
		return x.jwsOverXML(p, string(trimmed), of)
	}
	if b, err = markup.Decode(b); err != nil {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	doc, err := markup.Parse(b)
	if err != nil || doc.Root() == nil {
		return fmt.Errorf("%w: it is not in a form that is known", errUnread)
	}
	var sig *markup.Node
	doc.All(func(n *markup.Node) bool {
		if n.Name.Is(nsDSig, "Signature") {
			sig = n
		}
		return sig == nil
	})
	if sig == nil {
		return fmt.Errorf("%w: it is not in a form that is known", errUnread)
	}
	return x.check(p, sig, doc, of)
}

// jwsOverXML checks a detached JWS over the canonical form of a resource in XML.
func (x *xmlSignatures) jwsOverXML(p *proof, compact string, of *target) error {
	var ways [][]byte
	for _, form := range []markup.Form{{Version11: true}, {Exclusive: true}} {
		for _, leave := range of.leaves {
			var out bytes.Buffer
			if err := x.write(&out, form, of.doc, leave); err != nil {
				return err
			}
			ways = append(ways, out.Bytes())
		}
	}
	return x.overResource(p, compact, ways)
}

// overResource checks a JWS over one of the ways in which a resource is written: detached, or with
// one of them in it.
func (s *Signed) overResource(p *proof, compact string, ways [][]byte) error {
	content, err := s.jws(p, compact, ways)
	if err != nil {
		return err
	}
	for _, way := range ways {
		if bytes.Equal(content, way) {
			p.Covers = "the whole document"
			return nil
		}
	}
	return fmt.Errorf("%w: what was signed is not this resource", errBroken)
}
