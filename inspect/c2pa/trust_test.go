package c2pa

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/cordonhq/cordon"
	writer "github.com/cordonhq/cordon/samples/manifest"
)

// under validates a file under another configuration.
func under(t testing.TB, file []byte, c Config) *Provenance {
	t.Helper()
	v, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.Validate(t.Context(), bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// TestListsInForce has two versions of one list, of which only the second has the signer's
// authority. Which counts depends on the time of evaluation, and the result says which it was.
func TestListsInForce(t *testing.T) {
	b := newSignerBench(t)
	other, err := writer.NewAuthority("another root")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(24 * time.Hour)
	change := now.AddDate(0, 0, -10)
	old := List{Use: ForSigners, Name: "list", Version: "1", Date: change.AddDate(0, -6, 0), Until: change, PEM: other.PEM()}
	young := List{Use: ForSigners, Name: "list", Version: "2", Date: change, From: change, Source: "https://example.org/list", PEM: b.authority.PEM()}
	later := List{Use: ForSigners, Name: "list", Version: "3", From: now.AddDate(0, 1, 0), PEM: other.PEM()}
	file := b.sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)}})
	for at, want := range map[time.Time]struct {
		state    State
		versions string
		sum      string
		by       string
	}{
		change.AddDate(0, 0, -1):  {Valid, "1", digestHex(old.PEM), ""},
		change.Add(-time.Second):  {Valid, "1", digestHex(old.PEM), ""},
		change:                    {Trusted, "2", digestHex(young.PEM), digestHex(young.PEM)},
		now:                       {Trusted, "2", digestHex(young.PEM), digestHex(young.PEM)},
		now.AddDate(0, 1, 1):      {Trusted, "2 3", digestHex(slices.Concat(young.PEM, later.PEM)), digestHex(young.PEM)},
		change.AddDate(0, 0, -11): {Valid, "1", digestHex(old.PEM), ""},
	} {
		p := under(t, file, Config{Lists: []List{old, young, later}, Now: func() time.Time { return at }})
		var versions []string
		for _, l := range p.TrustLists {
			versions = append(versions, l.Version)
			if l.Name != "list" || l.Certificates != 1 || len(l.SHA256) != 64 {
				t.Errorf("%+v", l)
			}
		}
		if p.State != want.state || strings.Join(versions, " ") != want.versions || p.TrustListSHA256 != want.sum || p.TrustedBy != want.by || !p.EvaluatedAt.Equal(at) {
			t.Errorf("%s: %s under %v (%s) by %s", at, p.State, versions, p.TrustListSHA256, p.TrustedBy)
		}
	}
	for name, l := range map[string]List{
		"use":        {Use: "everything", PEM: b.authority.PEM()},
		"never":      {Use: ForSigners, From: now, Until: now, PEM: b.authority.PEM()},
		"no PEM":     {Use: ForSigners, PEM: []byte("nothing")},
		"broken PEM": {Use: ForSigners, PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1, 2, 3}})},
	} {
		if _, err := New(Config{Lists: []List{l}}); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	// Each list counts for its own use alone.
	for _, u := range []Use{ForTimeStamps, ForIdentities, ForAllowed} {
		if p := under(t, file, Config{Lists: []List{{Use: u, PEM: b.authority.PEM()}}}); p.State != Valid {
			t.Errorf("a list for %s made a signer %s", u, p.State)
		}
	}
}

func TestDenyList(t *testing.T) {
	b := newSignerBench(t)
	between, err := b.authority.Intermediate(writer.Profile{Name: "between"})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := between.Signer(writer.Profile{Name: "below"})
	if err != nil {
		t.Fatal(err)
	}
	clock, err := writer.NewAuthority("clock")
	if err != nil {
		t.Fatal(err)
	}
	then := time.Now().AddDate(0, -2, 0)
	stamper, err := clock.Stamper(then)
	if err != nil {
		t.Fatal(err)
	}
	made := func(stamp *writer.Stamper) []byte {
		file, err := signer.Sign(smallPNG(t), writer.Manifest{Stamp: stamp, Assertions: []writer.Assertion{created(writer.Capture)}})
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	plain, stamped := made(nil), made(stamper)
	certificate := func(list []byte) *x509.Certificate {
		block, _ := pem.Decode(list)
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	leaf, middle, root := certificate(signer.PEM()), certificate(between.PEM()), certificate(b.authority.PEM())
	sum := func(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
	month := then.AddDate(0, 1, 0).Format(time.DateOnly)
	earlier := then.AddDate(0, -1, 0).Format(time.DateOnly)
	for name, c := range map[string]struct {
		line   string
		file   []byte
		denied bool
	}{
		"certificate":                    {"certificate," + sum(leaf.Raw) + ",,,leaked", plain, true},
		"certificate in capitals":        {"certificate," + strings.ToUpper(sum(leaf.Raw)) + ",,,leaked", plain, true},
		"key":                            {"key," + sum(leaf.RawSubjectPublicKeyInfo) + ",,,leaked", plain, true},
		"serial number":                  {fmt.Sprintf("serial,%X,%q,,leaked", leaf.SerialNumber.Bytes(), leaf.Issuer.String()), plain, true},
		"serial number of another":       {fmt.Sprintf("serial,%X,%q,,leaked", leaf.SerialNumber.Bytes(), "CN=somebody else"), plain, false},
		"intermediate":                   {"certificate," + sum(middle.Raw) + ",,,left the programme", plain, true},
		"root":                           {"certificate," + sum(root.Raw) + ",,,left the programme", plain, true},
		"another":                        {"certificate," + sum([]byte("x")) + ",,,leaked", plain, false},
		"from then on, not stamped":      {"certificate," + sum(leaf.Raw) + ",," + earlier + ",leaked", plain, true},
		"from then on, stamped before":   {"certificate," + sum(leaf.Raw) + ",," + month + ",leaked", stamped, false},
		"from then on, stamped after":    {"certificate," + sum(leaf.Raw) + ",," + earlier + ",leaked", stamped, true},
		"root from then on, stamped":     {"certificate," + sum(root.Raw) + ",," + month + ",left", stamped, false},
		"always, stamped":                {"certificate," + sum(leaf.Raw) + ",,,leaked", stamped, true},
		"later, and nothing proves when": {"certificate," + sum(leaf.Raw) + ",," + month + ",leaked", plain, true},
	} {
		list, err := ReadDenyList([]byte("# ours\nkind,value,issuer,since,reason\n" + c.line + "\n"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p := under(t, c.file, Config{Anchors: b.authority.PEM(), TSAAnchors: clock.PEM(), DenyList: list})
		want, codes := Trusted, []string{}
		if c.denied {
			want, codes = Invalid, []string{codeDenied, codeUntrusted}
		}
		if p.State != want || !slices.Equal(p.Failure, codes) {
			t.Errorf("%s: %s %v", name, p.State, p.Failure)
		}
	}
	for _, bad := range []string{"x", "kind,value\n", "kind,value,issuer,since,reason\ncertificate,zz,,,x", "kind,value,issuer,since,reason\ncertificate,abcd,,,x",
		"kind,value,issuer,since,reason\nserial,abcd,,,x", "kind,value,issuer,since,reason\nname,abcd,,,x", "kind,value,issuer,since,reason\nserial,abcd,CN=x,,",
		"kind,value,issuer,since,reason\nserial,abcd,CN=x,yesterday,x", "kind,value,issuer,since,reason\nserial,,CN=x,,x"} {
		if list, err := ReadDenyList([]byte(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, list)
		}
	}
	if list, err := ReadDenyList(nil); err != nil || len(list) != 0 {
		t.Errorf("nothing: %v %v", list, err)
	}
	// A time stamp by an authority that is denied proves nothing.
	expired := b.issue(writer.Profile{Name: "expired", NotBefore: then.AddDate(0, -1, 0), NotAfter: then.AddDate(0, 1, 0)})
	file, err := expired.Sign(smallPNG(t), writer.Manifest{Stamp: stamper, Assertions: []writer.Assertion{created(writer.Capture)}})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Anchors: b.authority.PEM(), TSAAnchors: clock.PEM()}
	if p := under(t, file, c); p.State != Trusted {
		t.Errorf("stamped in time: %s %v", p.State, p.Failure)
	}
	c.DenyList = []Denial{{Kind: "certificate", Value: sum(certificate(clock.PEM()).Raw), Reason: "x"}}
	if p := under(t, file, c); p.State != Invalid || !slices.Contains(p.Failure, codeExpired) {
		t.Errorf("stamped by a denied authority: %s %v", p.State, p.Failure)
	}
}

// TestStapled has each answer about revocation that may travel with a signature.
func TestStapled(t *testing.T) {
	b := newSignerBench(t)
	stranger, err := writer.NewAuthority("another root")
	if err != nil {
		t.Fatal(err)
	}
	other := b.issue(writer.Profile{Name: "another"})
	now := time.Now()
	for name, c := range map[string]struct {
		by     *writer.Authority
		of     *writer.Signer
		status int
		at     time.Time
		state  State
		code   string // "": neither revoked nor good
	}{
		"good":                   {b.authority, b.signer, ocsp.Good, now.Add(-time.Hour), Trusted, codeNotRevoked},
		"revoked":                {b.authority, b.signer, ocsp.Revoked, now.Add(-time.Hour), Invalid, codeRevoked},
		"unknown":                {b.authority, b.signer, ocsp.Unknown, now.Add(-time.Hour), Trusted, ""},
		"good, long ago":         {b.authority, b.signer, ocsp.Good, now.AddDate(-1, 0, 0), Trusted, ""},
		"good, of another":       {b.authority, other, ocsp.Good, now.Add(-time.Hour), Trusted, ""},
		"good, by a stranger":    {stranger, b.signer, ocsp.Good, now.Add(-time.Hour), Trusted, ""},
		"revoked, by a stranger": {stranger, b.signer, ocsp.Revoked, now.Add(-time.Hour), Trusted, ""},
	} {
		answer, err := c.by.Revocation(c.of, c.status, c.at)
		if err != nil {
			t.Fatal(err)
		}
		p := b.validate(b.sign(smallPNG(t), writer.Manifest{Headers: staple(answer), Assertions: []writer.Assertion{created(writer.Capture)}}))
		all := slices.Concat(p.Success, p.Informational, p.Failure)
		good, revoked := slices.Contains(all, codeNotRevoked), slices.Contains(all, codeRevoked)
		if p.State != c.state || good != (c.code == codeNotRevoked) || revoked != (c.code == codeRevoked) {
			t.Errorf("%s: %s %v", name, p.State, all)
		}
	}
}

// TestFourResults wants an expired signer, a revoked signer, an altered byte and a wrong trust
// list to be told apart, by codes, and in words; and a denied signer as a fifth.
func TestFourResults(t *testing.T) {
	b := newSignerBench(t)
	now := time.Now()
	one := func(s *writer.Signer, m writer.Manifest) []byte {
		m.Assertions = []writer.Assertion{created(writer.Capture)}
		file, err := s.Sign(smallPNG(t), m)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	between, err := b.authority.Intermediate(writer.Profile{Name: "between"})
	if err != nil {
		t.Fatal(err)
	}
	below, err := between.Signer(writer.Profile{Name: "below"})
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := between.Revocation(below, ocsp.Revoked, now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	proper := one(b.signer, writer.Manifest{})
	altered := bytes.Clone(proper)
	altered[len(altered)-20] ^= 1
	stranger, err := writer.NewAuthority("another root")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for name, c := range map[string]struct {
		file   []byte
		config Config
		state  State
		code   string
		label  cordon.Label
	}{
		"proper":           {proper, Config{Anchors: b.authority.PEM()}, Trusted, "", cordon.LabelManifestTrusted},
		"expired signer":   {one(b.issue(writer.Profile{NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(-1, 0, 0)}), writer.Manifest{}), Config{Anchors: b.authority.PEM()}, Invalid, codeExpired, cordon.LabelManifestBroken},
		"revoked signer":   {one(below, writer.Manifest{Headers: staple(revoked)}), Config{Anchors: b.authority.PEM()}, Invalid, codeRevoked, cordon.LabelManifestBroken},
		"altered byte":     {altered, Config{Anchors: b.authority.PEM()}, Invalid, codeDataMismatch, cordon.LabelManifestBroken},
		"wrong trust list": {proper, Config{Anchors: stranger.PEM()}, Valid, codeUntrusted, cordon.LabelManifestUntrusted},
		"denied signer":    {proper, Config{Anchors: b.authority.PEM(), Denied: b.signer.PEM()}, Invalid, codeDenied, cordon.LabelManifestBroken},
	} {
		p := under(t, c.file, c.config)
		v, err := New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		f := v.Findings(p)
		if len(f) != 1 {
			t.Fatalf("%s: %+v", name, f)
		}
		if p.State != c.state || f[0].Label != c.label || c.code != "" && !slices.Contains(p.Failure, c.code) {
			t.Errorf("%s: %s %v %s", name, p.State, p.Failure, f[0].Label)
		}
		words := f[0].Sentence
		if other := seen[words]; other != "" {
			t.Errorf("%s and %s have the same sentence: %s", name, other, words)
		}
		seen[words] = name
		codes := fmt.Sprint(p.State, p.Failure)
		if other := seen[codes]; other != "" {
			t.Errorf("%s and %s have the same codes: %s", name, other, codes)
		}
		seen[codes] = name
	}
}

// TestIdentities has an identity assertion whose holder's authority is on a list for identities,
// or is not, or is denied. It never makes the signer of the claim trusted.
func TestIdentities(t *testing.T) {
	b := newSignerBench(t)
	files := map[string][]byte{}
	b.madeIdentities(func(name string, file []byte) { files[name] = file })
	identities := []List{{Use: ForIdentities, Name: "identities", PEM: b.authority.PEM()}}
	const trusted = "cawg.x509.credential.trusted"
	for name, c := range map[string]struct {
		file   string
		config Config
		state  State
		known  bool
	}{
		"on the list":       {"identity: sound", Config{Anchors: b.authority.PEM(), Lists: identities}, Trusted, true},
		"no list":           {"identity: sound", Config{Anchors: b.authority.PEM()}, Valid, false},
		"signer unknown":    {"identity: sound", Config{Lists: identities}, Valid, true},
		"list is over":      {"identity: sound", Config{Anchors: b.authority.PEM(), Lists: []List{{Use: ForIdentities, Until: day("2020-01-01"), PEM: b.authority.PEM()}}}, Valid, false},
		"changed signature": {"identity: another signer", Config{Anchors: b.authority.PEM(), Lists: identities}, Valid, true},
		"without binding":   {"identity: without the binding", Config{Anchors: b.authority.PEM(), Lists: identities}, Valid, true},
	} {
		p := under(t, files[c.file], c.config)
		if p.State != c.state || slices.Contains(p.Success, trusted) != c.known {
			t.Errorf("%s: %s %v %v", name, p.State, p.Success, p.Failure)
		}
	}
}
