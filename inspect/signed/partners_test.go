package signed

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/markup"
	"github.com/cordonhq/cordon/media/mediatest"
)

var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// authority issues certificates.
type authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: today.AddDate(-5, 0, 0), NotAfter: today.AddDate(5, 0, 0), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte(name)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t, key, cert}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// partner has a key and a certificate of an authority.
type partner struct {
	*signer
	key *ecdsa.PrivateKey
}

func (a *authority) partner(serial int64, until time.Time) *partner {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprint("partner ", serial)},
		NotBefore: until.AddDate(-2, 0, 0), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &partner{&signer{key: key, cert: der, hash: crypto.SHA256}, key}
}

func (a *authority) crl(serials ...int64) []byte {
	a.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(3), ThisUpdate: today.AddDate(0, 0, -1), NextUpdate: today.AddDate(0, 0, 6)}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: today.AddDate(0, -1, 0)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

// pdf, clinical, resource and token are the four kinds of documents, signed by a partner.
func (p *partner) pdf(t testing.TB, text string) []byte {
	return (&writer{t: t}).revision(1, letterObjects(text)...).sign(10, "ETSI.CAdES.detached", "", p.detached(t)).out
}

const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"

func clinical(text string) string {
	return `<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"><id root="1.2.3"/><legalAuthenticator><time value="20261121"/>SIGNATURE</legalAuthenticator><component><nonXMLBody><text>` + text + `</text></nonXMLBody></component></ClinicalDocument>`
}

// signXML puts a signature in the place of the mark. reference is what it is of, from the
// document in which out is left out.
func (p *partner) signXML(t testing.TB, document, uri, transforms string, covered []byte, wrap func(string) string) []byte {
	t.Helper()
	sum := sha256.Sum256(covered)
	info := `<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod Algorithm="` + exclusive + `"></ds:CanonicalizationMethod>` +
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"></ds:SignatureMethod><ds:Reference URI="` + uri + `"><ds:Transforms>` + transforms +
		`<ds:Transform Algorithm="` + exclusive + `"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>` +
		base64.StdEncoding.EncodeToString(sum[:]) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	digest := sha256.Sum256([]byte(info))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	value := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	sig := `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + info + `<ds:SignatureValue>` + base64.StdEncoding.EncodeToString(value) + `</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` +
		base64.StdEncoding.EncodeToString(p.cert) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>`
	return []byte(strings.Replace(document, "SIGNATURE", wrap(sig), 1))
}

func canonicalXML(t testing.TB, document string) []byte {
	t.Helper()
	doc, err := markup.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := (markup.Form{Exclusive: true}).Write(&b, doc, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const enveloped = `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>`

func plainly(s string) string { return s }

func (p *partner) clinical(t testing.TB, text string) []byte {
	doc := clinical(text)
	return p.signXML(t, doc, "", enveloped, canonicalXML(t, strings.Replace(doc, "SIGNATURE", "", 1)), plainly)
}

// jws is detached where the payload is not to be in it.
func (p *partner) jws(t testing.TB, payload []byte, detached bool, header map[jose.HeaderKey]any) string {
	t.Helper()
	opts := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{}}
	if header == nil {
		header = map[jose.HeaderKey]any{"x5c": []string{base64.StdEncoding.EncodeToString(p.cert)}}
	}
	for k, v := range header {
		opts.ExtraHeaders[k] = v
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	out, err := sig.CompactSerialize()
	if detached {
		out, err = sig.DetachedCompactSerialize()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (p *partner) token(t testing.TB, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return []byte(p.jws(t, []byte(`{"outcome":"no-sign","content":"`+hex.EncodeToString(sum[:])+`"}`), false, nil))
}

func (p *partner) resource(t testing.TB, text string) []byte {
	unsigned := `{"entry":[{"resource":{"code":"` + text + `","resourceType":"Observation","valueQuantity":{"value":5.4}}}],"resourceType":"Bundle","type":"document"}`
	data := base64.StdEncoding.EncodeToString([]byte(p.jws(t, []byte(unsigned), true, nil)))
	return []byte("{\n \"resourceType\": \"Bundle\",\n \"id\": \"a\", \"meta\": {\"versionId\": \"2\"},\n \"type\": \"document\", \"signature\": {\"when\": \"2026-11-21T10:00:00Z\", \"who\": {}, \"sigFormat\": \"application/jose\", \"data\": \"" + data +
		"\"},\n \"entry\": [{\"resource\": {\"resourceType\": \"Observation\", \"code\": \"" + text + "\", \"valueQuantity\": {\"value\": 5.4}}}]}")
}

func judged(t testing.TB, list *Partners, b []byte) []cordon.Label {
	t.Helper()
	s, err := New(Config{Partners: list, Now: func() time.Time { return today }})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Inspect(t.Context(), mediatest.OpenBytes(t, b))
	if err != nil {
		t.Fatal(err)
	}
	var out []cordon.Label
	for _, f := range found {
		out = append(out, f.Label)
	}
	return out
}

func partnersOf(anchors []byte) *Partners {
	return &Partners{Name: "referring practices", Version: "7", Date: "2026-11-21", Anchors: anchors}
}

// Expired signer, revoked signer, altered byte, wrong trust list: four different results, for each
// kind of document.
func TestFourDifferentResults(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	valid, old := ours.partner(10, today.AddDate(1, 0, 0)), ours.partner(11, today.AddDate(0, -1, 0))
	list, other := partnersOf(ours.pem()), partnersOf(theirs.pem())
	withCRL := partnersOf(ours.pem())
	withCRL.CRLs = [][]byte{ours.crl(10)}
	denying := partnersOf(ours.pem())
	sum := sha256.Sum256(valid.cert)
	denying.Denied = []string{hex.EncodeToString(sum[:])}
	foreignCRL := partnersOf(ours.pem())
	foreignCRL.CRLs = [][]byte{theirs.crl(10)} // another authority revokes nothing of ours

	kinds := map[string]func(*partner) []byte{
		"PDF": func(p *partner) []byte { return p.pdf(t, "Glucose 5.4") }, "clinical document": func(p *partner) []byte { return p.clinical(t, "Glucose 5.4") },
		"FHIR": func(p *partner) []byte { return p.resource(t, "Glucose 5.4") }, "JWS": func(p *partner) []byte { return p.token(t, "Glucose 5.4") },
	}
	for kind, make := range kinds {
		for _, c := range []struct {
			what string
			list *Partners
			file []byte
			want cordon.Label
		}{
			{"a partner", list, make(valid), cordon.LabelSignerTrusted},
			{"no list", nil, make(valid), cordon.LabelSignatureIntact},
			{"expired signer", list, make(old), cordon.LabelSignerExpired},
			{"revoked signer", withCRL, make(valid), cordon.LabelSignerRevoked},
			{"denied signer", denying, make(valid), cordon.LabelSignerRevoked},
			{"a list of another authority", foreignCRL, make(valid), cordon.LabelSignerTrusted},
			{"wrong trust list", other, make(valid), cordon.LabelSignerUntrusted},
			{"expired signer and wrong trust list", other, make(old), cordon.LabelSignerUntrusted},
			{"altered byte", list, altered(kind, make(valid)), cordon.LabelSignatureBroken},
			{"altered byte, revoked signer", withCRL, altered(kind, make(valid)), cordon.LabelSignatureBroken},
		} {
			if got := judged(t, c.list, c.file); !slices.Equal(got, []cordon.Label{c.want}) {
				t.Errorf("%s, %s: %v, want %s", kind, c.what, got, c.want)
			}
		}
	}
}

func altered(kind string, b []byte) []byte {
	if kind == "JWS" { // a letter of the payload
		at := bytes.IndexByte(b, '.') + 9
		b[at]++
		return b
	}
	return bytes.Replace(b, []byte("5.4"), []byte("9.4"), 1)
}

// What a finding rests on can be told later: the list by name, version, date and digest.
func TestListInTheEvidence(t *testing.T) {
	ours := newAuthority(t, "ours")
	s, err := New(Config{Partners: partnersOf(ours.pem()), Now: func() time.Time { return today }})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Inspect(t.Context(), mediatest.OpenBytes(t, ours.partner(5, today.AddDate(1, 0, 0)).clinical(t, "x")))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(found[0].Detail)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"name":"referring practices"`, `"version":"7"`, `"date":"2026-11-21"`, `"sha256":"`, `"valid_until":"2027-11-21"`, `"covers":"the whole document"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
	one, _ := partnersOf(ours.pem()).read(nil)
	more := partnersOf(ours.pem())
	more.Denied = []string{strings.Repeat("ab", 32)}
	two, _ := more.read(nil)
	if one.SHA256 == two.SHA256 || len(one.SHA256) != 64 {
		t.Errorf("the digest %s does not follow the list", one.SHA256)
	}
}

// Keys of single partners: by name, with an end, and revoked.
func TestPartnerKeys(t *testing.T) {
	ours := newAuthority(t, "ours")
	p, q := ours.partner(1, today.AddDate(1, 0, 0)), ours.partner(2, today.AddDate(1, 0, 0))
	set := func(key any, more string) [][]byte {
		b, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: "lab-1", Use: "sig"})
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{[]byte(`{"keys":[` + strings.TrimSuffix(string(b), "}") + more + `}]}`)}
	}
	listed := func(keys [][]byte) *Partners {
		l := partnersOf(nil)
		l.Keys = keys
		return l
	}
	named := []byte(p.jws(t, []byte(`{"sha256":"x"}`), false, map[jose.HeaderKey]any{"kid": "lab-1"}))
	for what, c := range map[string]struct {
		list *Partners
		b    []byte
		want cordon.Label
	}{
		"listed":                {listed(set(p.key.Public(), "")), named, cordon.LabelSignerTrusted},
		"past its end":          {listed(set(p.key.Public(), `,"exp":1600000000`)), named, cordon.LabelSignerExpired},
		"not yet at its end":    {listed(set(p.key.Public(), `,"exp":1900000000`)), named, cordon.LabelSignerTrusted},
		"revoked":               {listed(set(p.key.Public(), `,"revoked":{"revoked_at":1700000000,"reason":"compromised"}`)), named, cordon.LabelSignerRevoked},
		"another key, its name": {listed(set(q.key.Public(), "")), named, cordon.LabelSignatureBroken},
		"a name of nobody":      {listed(set(p.key.Public(), "")), []byte(p.jws(t, []byte("{}"), false, map[jose.HeaderKey]any{"kid": "other"})), cordon.LabelSignatureUnread},
		"no name":               {listed(set(p.key.Public(), "")), []byte(p.jws(t, []byte("{}"), false, map[jose.HeaderKey]any{"typ": "x"})), cordon.LabelSignerTrusted},
		"a key of its own":      {listed(set(q.key.Public(), "")), []byte(p.jws(t, []byte("{}"), false, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: p.key.Public()}})), cordon.LabelSignerUntrusted},
		"no list, its own key":  {nil, []byte(p.jws(t, []byte("{}"), false, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: p.key.Public()}})), cordon.LabelSignatureIntact},
	} {
		if got := judged(t, c.list, c.b); !slices.Equal(got, []cordon.Label{c.want}) {
			t.Errorf("%s: %v, want %s", what, got, c.want)
		}
	}
}

func TestListsThatAreNone(t *testing.T) {
	ours := newAuthority(t, "ours")
	private, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: ours.key}}})
	for what, p := range map[string]Partners{
		"no name": {Version: "1", Date: "2026-01-01"}, "no version": {Name: "a", Date: "2026-01-01"}, "no date": {Name: "a", Version: "1"},
		"anchors":     {Name: "a", Version: "1", Date: "2026-01-01", Anchors: []byte("-----BEGIN CERTIFICATE-----\nx")},
		"keys":        {Name: "a", Version: "1", Date: "2026-01-01", Keys: [][]byte{[]byte(`{}`)}},
		"private key": {Name: "a", Version: "1", Date: "2026-01-01", Keys: [][]byte{private}},
		"denied":      {Name: "a", Version: "1", Date: "2026-01-01", Denied: []string{"abc"}},
		"crl":         {Name: "a", Version: "1", Date: "2026-01-01", CRLs: [][]byte{[]byte("x")}},
	} {
		if _, err := New(Config{Partners: &p}); err == nil {
			t.Errorf("%s: the list was taken", what)
		}
	}
}

// A revocation that comes with a PDF signature counts.
func TestStapledRevocation(t *testing.T) {
	ours := newAuthority(t, "ours")
	p := ours.partner(10, today.AddDate(1, 0, 0))
	p.crls = [][]byte{ours.crl(10)}
	if got := judged(t, partnersOf(ours.pem()), p.pdf(t, "x")); !slices.Equal(got, []cordon.Label{cordon.LabelSignerRevoked}) {
		t.Errorf("%v", got)
	}
}

// Signatures that another program made (xmlsec1 1.2.37), in three canonical forms.
func TestXMLSignaturesOfAnotherProgram(t *testing.T) {
	files, err := filepath.Glob("testdata/xmlsec1/*.xml")
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		only(t, b, cordon.LabelSignatureIntact)
		only(t, bytes.Replace(b, []byte("5.4"), []byte("9.4"), 1), cordon.LabelSignatureBroken)
		only(t, bytes.Replace(b, []byte("Lab  report"), []byte("Lab report"), 1), cordon.LabelSignatureBroken)
		only(t, bytes.Replace(b, []byte("<ds:SignatureValue>"), []byte("<ds:SignatureValue>AAAA"), 1), cordon.LabelSignatureBroken)
		// What is written otherwise and reads the same is the same.
		only(t, bytes.Replace(b, []byte(`classCode="DOCCLIN"`), []byte("\n  classCode='DOCCLIN' "), 1), cordon.LabelSignatureIntact)
		// A reference to the whole document leaves comments out, whatever the form says.
		only(t, bytes.Replace(b, []byte("<!-- inside -->"), nil, 1), cordon.LabelSignatureIntact)
	}
}
