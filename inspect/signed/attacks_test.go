package signed

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// Signatures that were moved to something they are not of: none of them makes a document signed.
func TestSignatureWrapping(t *testing.T) {
	ours := newAuthority(t, "ours")
	p, list := ours.partner(1, today.AddDate(1, 0, 0)), partnersOf(ours.pem())

	// A signature of one element of a document: the component with the identifier.
	const part = `<component xmlns="urn:hl7-org:v3" ID="c1"><nonXMLBody><text>Glucose 5.4</text></nonXMLBody></component>`
	document := func(body, elsewhere string) string {
		return `<ClinicalDocument xmlns="urn:hl7-org:v3"><legalAuthenticator>SIGNATURE</legalAuthenticator>` + body + elsewhere + `</ClinicalDocument>`
	}
	evil := `<component ID="c2"><nonXMLBody><text>Glucose 9.4</text></nonXMLBody></component>`
	same := `<component ID="c1"><nonXMLBody><text>Glucose 9.4</text></nonXMLBody></component>`
	covered := canonicalXML(t, part)
	sign := func(doc string) []byte { return p.signXML(t, doc, "#c1", "", covered, plainly) }
	whole := p.clinical(t, "Glucose 5.4")
	signature := string(whole[bytes.Index(whole, []byte("<ds:Signature")) : bytes.Index(whole, []byte("</ds:Signature>"))+len("</ds:Signature>")])

	for what, c := range map[string]struct {
		b    []byte
		want cordon.Label
	}{
		"a part only":                  {sign(document(part, "")), cordon.LabelSignatureUnread},
		"the part kept, another shown": {sign(document(evil, `<wrapper xmlns="">`+part+`</wrapper>`)), cordon.LabelSignatureUnread},
		"one identifier twice":         {sign(document(same, `<wrapper xmlns="">`+part+`</wrapper>`)), cordon.LabelSignatureBroken},
		"the identifier in other letters": {sign(document(strings.Replace(same, "ID=", "Id=", 1), `<wrapper xmlns="">`+part+`</wrapper>`)),
			cordon.LabelSignatureBroken},
		"the part changed":                {sign(document(strings.Replace(part, "5.4", "9.4", 1), "")), cordon.LabelSignatureBroken},
		"the part gone":                   {sign(document(evil, "")), cordon.LabelSignatureBroken},
		"the signature on another":        {[]byte(strings.Replace(clinical("Glucose 9.4"), "SIGNATURE", signature, 1)), cordon.LabelSignatureBroken},
		"the whole inside another":        {[]byte(`<ClinicalDocument xmlns="urn:hl7-org:v3"><title>9.4</title>` + string(whole) + `</ClinicalDocument>`), cordon.LabelSignatureBroken},
		"the signed info twice":           {[]byte(strings.Replace(string(whole), "<ds:SignatureValue>", "<ds:SignedInfo></ds:SignedInfo><ds:SignatureValue>", 1)), cordon.LabelSignatureUnread},
		"an unknown transform":            {p.signXML(t, clinical("5.4"), "", `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"></ds:Transform>`, nil, plainly), cordon.LabelSignatureUnread},
		"of an address":                   {p.signXML(t, clinical("5.4"), "https://example.com/a.xml", "", nil, plainly), cordon.LabelSignatureUnread},
		"of nothing":                      {p.signXML(t, clinical("5.4"), "#s", "", nil, plainly), cordon.LabelSignatureBroken},
		"a document type behind the back": {[]byte(strings.Replace(string(whole), "<ClinicalDocument", "<!DOCTYPE ClinicalDocument [<!ATTLIST component ID ID #IMPLIED>]><ClinicalDocument", 1)), cordon.LabelSignatureUnread},
	} {
		if got := judged(t, list, c.b); !slices.Equal(got, []cordon.Label{c.want}) {
			t.Errorf("%s: %v, want %s", what, got, c.want)
		}
	}
	// The same signature as it was made holds.
	if got := judged(t, list, whole); !slices.Equal(got, []cordon.Label{cordon.LabelSignerTrusted}) {
		t.Errorf("as it was made: %v", got)
	}
}

// The ways in which clinical documents are signed.
func TestClinicalSignatures(t *testing.T) {
	ours := newAuthority(t, "ours")
	p, list := ours.partner(1, today.AddDate(1, 0, 0)), partnersOf(ours.pem())
	doc := clinical("Glucose 5.4")
	text := func(s string) string {
		return `<sdtc:signatureText mediaType="text/xml" representation="B64">` + base64.StdEncoding.EncodeToString([]byte(s)) + `</sdtc:signatureText>`
	}
	before, rest, _ := strings.Cut(doc, "<legalAuthenticator>")
	_, after, _ := strings.Cut(rest, "</legalAuthenticator>")
	withID := strings.Replace(doc, "<ClinicalDocument ", `<ClinicalDocument ID="doc" `, 1)
	xpath := `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>`
	for what, b := range map[string][]byte{
		"in the text of the authenticator":     p.signXML(t, doc, "", "", canonicalXML(t, strings.Replace(doc, "SIGNATURE", "", 1)), text),
		"before there was an authenticator":    p.signXML(t, doc, "urn:hl7-org:cda", "", canonicalXML(t, before+after), text),
		"of the root by its identifier":        p.signXML(t, withID, "#doc", enveloped, canonicalXML(t, strings.Replace(withID, "SIGNATURE", "", 1)), plainly),
		"without signatures, by an expression": p.signXML(t, doc, "", xpath, canonicalXML(t, strings.Replace(doc, "SIGNATURE", "", 1)), plainly),
	} {
		if got := judged(t, list, b); !slices.Equal(got, []cordon.Label{cordon.LabelSignerTrusted}) {
			t.Errorf("%s: %v", what, got)
		}
		if got := judged(t, list, bytes.Replace(b, []byte("5.4"), []byte("9.4"), 1)); !slices.Equal(got, []cordon.Label{cordon.LabelSignatureBroken}) {
			t.Errorf("%s, altered: %v", what, got)
		}
	}
	// Several signatures, each of everything but itself: the first does not hold any more when
	// the second is put in, and that is said.
	twice := strings.Replace(string(p.clinical(t, "5.4")), "<component>", "SIGNATURE<component>", 1)
	second := p.signXML(t, twice, "", enveloped, canonicalXML(t, strings.Replace(twice, "SIGNATURE", "", 1)), plainly)
	if got := judged(t, list, second); !slices.Equal(got, []cordon.Label{cordon.LabelSignatureBroken, cordon.LabelSignerTrusted}) {
		t.Errorf("two: %v", got)
	}
}

// What is said to be signed for the web, and is not by a key that only its signer has.
func TestJWSAttacks(t *testing.T) {
	ours := newAuthority(t, "ours")
	p, q, list := ours.partner(1, today.AddDate(1, 0, 0)), ours.partner(2, today.AddDate(1, 0, 0)), partnersOf(ours.pem())
	set, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "lab"}}})
	list.Keys = [][]byte{set}
	b64 := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	spki, _ := x509.MarshalPKIXPublicKey(p.key.Public())
	shared := b64(`{"alg":"HS256","kid":"lab"}`) + "." + b64(`{}`)
	mac := hmac.New(sha256.New, spki)
	mac.Write([]byte(shared))
	good := string(p.token(t, "x"))
	segments := strings.Split(good, ".")
	twoOf := func(a, b string) []byte {
		one, two := strings.Split(a, "."), strings.Split(b, ".")
		return []byte(`{"payload":"` + one[1] + `","signatures":[{"protected":"` + one[0] + `","signature":"` + one[2] + `"},{"protected":"` + two[0] + `","signature":"` + two[2] + `"}]}`)
	}
	for what, c := range map[string]struct {
		b    string
		want []cordon.Label
	}{
		"no algorithm":                   {b64(`{"alg":"none","typ":"JWT"}`) + "." + b64(`{}`) + ".", []cordon.Label{cordon.LabelSignatureBroken}},
		"no algorithm, a partner's name": {b64(`{"alg":"None","kid":"lab"}`) + "." + b64(`{}`) + "." + segments[2], []cordon.Label{cordon.LabelSignatureBroken}},
		"a public key as a shared one":   {shared + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), []cordon.Label{cordon.LabelSignatureUnread}},
		"a partner's name, another key":  {q.jws(t, []byte("{}"), false, map[jose.HeaderKey]any{"kid": "lab"}), []cordon.Label{cordon.LabelSignatureBroken}},
		"a partner's name, own certificate": {q.jws(t, []byte("{}"), false, map[jose.HeaderKey]any{"kid": "lab", "x5c": []string{base64.StdEncoding.EncodeToString(q.cert)}}),
			[]cordon.Label{cordon.LabelSignatureBroken}},
		"a partner's certificate, another key": {q.jws(t, []byte("{}"), false, map[jose.HeaderKey]any{"x5c": []string{base64.StdEncoding.EncodeToString(p.cert)}}),
			[]cordon.Label{cordon.LabelSignatureBroken}},
		"something that must be understood": {p.jws(t, []byte("{}"), false, map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1, "kid": "lab"}), []cordon.Label{cordon.LabelSignatureBroken}},
		"detached, and nothing beside it":   {segments[0] + ".." + segments[2], []cordon.Label{cordon.LabelSignatureUnread}},
		"two signers, one of them broken":   {string(twoOf(good, q.jws(t, []byte("other"), false, nil))), []cordon.Label{cordon.LabelSignatureBroken, cordon.LabelSignerTrusted}},
		"encrypted":                         {"eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn", []cordon.Label{cordon.LabelSignatureUnread}},
		"nothing that is protected":         {`{"payload":"e30","signatures":[{"header":{"alg":"ES256"},"signature":"AA"}]}`, []cordon.Label{cordon.LabelSignatureUnread}},
		"as it was made":                    {good + "\n", []cordon.Label{cordon.LabelSignerTrusted}},
		"as JSON": {`{"payload":"` + segments[1] + `","protected":"` + segments[0] + `","signature":"` + segments[2] + `"}`,
			[]cordon.Label{cordon.LabelSignerTrusted}},
	} {
		if got := judged(t, list, []byte(c.b)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}

// A verdict of another gateway names the file that it is about.
func TestWhatAStatementIsAbout(t *testing.T) {
	ours := newAuthority(t, "ours")
	s, _ := New(Config{Partners: partnersOf(ours.pem()), Now: func() time.Time { return today }})
	found, err := s.Inspect(t.Context(), mediatest.OpenBytes(t, ours.partner(1, today.AddDate(1, 0, 0)).token(t, "abc")))
	if err != nil {
		t.Fatal(err)
	}
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if p := found[0].Detail["signatures"].([]proof)[0]; p.About != abc {
		t.Errorf("about %q", p.About)
	}
}

// Resources: where the signature is, and what of them it leaves out.
func TestResources(t *testing.T) {
	ours := newAuthority(t, "ours")
	p, list := ours.partner(1, today.AddDate(1, 0, 0)), partnersOf(ours.pem())
	observation := `{"code":"5.40","id":"o1","resourceType":"Observation","value":1.50}`
	sig := func(content string, detached bool, more string) string {
		return `{"when":"2026-11-21T10:00:00Z","who":{},` + more + `"sigFormat":"application/jose","data":"` + base64.StdEncoding.EncodeToString([]byte(p.jws(t, []byte(content), detached, nil))) + `"}`
	}
	bundle := func(signature, target, observation string) string {
		return `{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource":` + observation + `},{"resource":{"resourceType":"Provenance","target":[{"reference":"` + target + `"}],"signature":[` + signature + `]}}]}`
	}
	xmlDoc := `<Bundle xmlns="http://hl7.org/fhir"><id value="a"/><type value="document"/>SIGNATURE<entry><x value="5.40"/></entry></Bundle>`
	inXML := func(s string) string {
		return `<signature><sigFormat value="application/signature+xml"/><data value="` + base64.StdEncoding.EncodeToString([]byte(s)) + `"/></signature>`
	}
	for what, c := range map[string]struct {
		b    string
		want cordon.Label
	}{
		"numbers as they are": {bundle(sig(observation, true, ""), "Observation/o1", observation), cordon.LabelSignerTrusted},
		"numbers by RFC 8785": {bundle(sig(strings.Replace(observation, "1.50", "1.5", 1), true, ""), "urn:uuid:1", observation), cordon.LabelSignerTrusted},
		"with the content":    {bundle(sig(observation, false, ""), "urn:uuid:1", observation), cordon.LabelSignerTrusted},
		"another content":     {bundle(sig(`{"resourceType":"Observation"}`, false, ""), "urn:uuid:1", observation), cordon.LabelSignatureBroken},
		"altered":             {bundle(sig(observation, true, ""), "urn:uuid:1", strings.Replace(observation, "5.40", "9.40", 1)), cordon.LabelSignatureBroken},
		"elsewhere":           {bundle(sig(observation, true, ""), "Observation/other", observation), cordon.LabelSignatureUnread},
		"narrative left out":  {`{"resourceType":"Bundle","text":{"div":"<p/>"},"type":"x","signature":` + sig(`{"resourceType":"Bundle","type":"x"}`, true, `"targetFormat":"application/fhir+json;canonicalization=http://hl7.org/fhir/canonicalization/json#data",`) + `}`, cordon.LabelSignerTrusted},
		"narrative put in":    {`{"resourceType":"Bundle","text":{"div":"<p/>"},"type":"x","signature":` + sig(`{"resourceType":"Bundle","type":"x"}`, true, "") + `}`, cordon.LabelSignatureBroken},
		"something beside it that reads like a signature": {strings.Replace(bundle(sig(observation, true, ""), "urn:uuid:1", observation), `"code":"5.40"`, `"code":"5.40","note":{"when":"2026-11-21T10:00:00Z","who":{},"sigFormat":"x","data":"aGVsbG8="}`, 1), cordon.LabelSignatureBroken},
		"no format":             {`{"resourceType":"Bundle","signature":{"when":"x","who":{},"data":"aGVsbG8="}}`, cordon.LabelSignatureUnread},
		"XML":                   {string(p.signXML(t, xmlDoc, "", "", canonicalXML(t, strings.Replace(xmlDoc, "SIGNATURE", "", 1)), inXML)), cordon.LabelSignerTrusted},
		"XML without its id":    {string(p.signXML(t, xmlDoc, "", "", canonicalXML(t, strings.Replace(strings.Replace(xmlDoc, "SIGNATURE", "", 1), `<id value="a"/>`, "", 1)), inXML)), cordon.LabelSignerTrusted},
		"XML, altered":          {strings.Replace(string(p.signXML(t, xmlDoc, "", "", canonicalXML(t, strings.Replace(xmlDoc, "SIGNATURE", "", 1)), inXML)), "5.40", "9.40", 1), cordon.LabelSignatureBroken},
		"not signed":            {bundle(`{}`, "x", observation), cordon.LabelNotSigned},
		"not signed at all":     {observation, cordon.LabelNotSigned},
		"damaged, maybe signed": {bundle(sig(observation, true, ""), "urn:uuid:1", observation)[:600], cordon.LabelSignatureUnread},
	} {
		if got := judged(t, list, []byte(c.b)); got[0] != c.want {
			t.Errorf("%s: %v, want %s", what, got, c.want)
		}
	}
}

// Whatever the bytes, there is an answer; and nothing that was not signed by a partner is said to be.
func FuzzSignatures(f *testing.F) {
	ours := newAuthority(f, "ours")
	p := ours.partner(1, today.AddDate(1, 0, 0))
	for _, b := range [][]byte{p.clinical(f, "a"), p.resource(f, "a"), p.token(f, "a"), []byte(clinical("a")), p.signXML(f, clinical("x"), "#c", "", nil, plainly),
		[]byte(`{"payload":"e30","signatures":[{"protected":"eyJhbGciOiJFUzI1NiJ9","signature":"AA"}]}`)} {
		f.Add(b)
	}
	for _, name := range []string{"exclusive-rsa", "inclusive-ecdsa"} {
		b, err := os.ReadFile("testdata/xmlsec1/" + name + ".xml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	s, err := New(Config{Partners: partnersOf(newAuthority(f, "nobody").pem()), Now: func() time.Time { return today }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{})
		if err != nil {
			return
		}
		defer m.Close()
		found, err := s.Inspect(t.Context(), m)
		if err != nil || len(found) == 0 {
			t.Fatalf("%v, %v", found, err)
		}
		for _, one := range found {
			if !one.Label.Valid() || one.Label == cordon.LabelSignerTrusted || one.Label == cordon.LabelSignatureIntact && len(found) > 0 {
				t.Fatalf("%+v", one)
			}
		}
	})
}
