package c2pa

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"testing"
	"time"

	writer "github.com/cordonhq/cordon/samples/manifest"
)

// brokenRule is a manifest that breaks one rule, and the code of that.
type brokenRule struct {
	name string
	m    writer.Manifest
	code string
}

// brokenRules has one broken rule in each manifest.
func (b *signerBench) brokenRules() []brokenRule {
	file := smallPNG(b.t)
	ok := created(writer.Capture)
	with := func(m writer.Manifest) writer.Manifest {
		m.Assertions = append([]writer.Assertion{ok}, m.Assertions...)
		return m
	}
	parent := b.sign(file, with(writer.Manifest{Title: "parent"}))
	parentOf := []writer.Ingredient{{File: parent, Title: "parent", Relationship: "parentOf"}}
	return []brokenRule{
		{"no hard binding", with(writer.Manifest{Binding: writer.NoBinding}), codeHardMissing},
		{"two hard bindings", with(writer.Manifest{Assertions: []writer.Assertion{{Label: "c2pa.hash.boxes", CBOR: map[string]any{}}}}), codeHardMultiple},
		{"no actions", writer.Manifest{}, codeActionMalformed},
		{"actions without a beginning", writer.Manifest{Assertions: []writer.Assertion{writer.Actions(writer.Action{Action: "c2pa.edited"})}}, codeActionMalformed},
		{"created after something else", writer.Manifest{Assertions: []writer.Assertion{writer.Actions(
			writer.Action{Action: "c2pa.created"}, writer.Action{Action: "c2pa.created"})}}, codeActionMalformed},
		{"empty actions", writer.Manifest{Assertions: []writer.Assertion{writer.Actions()}}, codeActionMalformed},
		{"opened without an ingredient", writer.Manifest{Assertions: []writer.Assertion{writer.Actions(writer.Action{Action: "c2pa.opened"})}}, codeActionIngredient},
		{"opened names an ingredient that is not there", writer.Manifest{Assertions: []writer.Assertion{writer.Actions(writer.Opened())}}, codeActionIngredient},
		{"placed names a parent", writer.Manifest{Ingredients: parentOf, Assertions: []writer.Assertion{writer.Actions(writer.Action{Action: "c2pa.created"},
			writer.Action{Action: "c2pa.placed", Parameters: writer.Opened().Parameters})}}, codeActionIngredient},
		{"redaction of nothing", with(writer.Manifest{Assertions: []writer.Assertion{{Label: "c2pa.actions.v2__1", CBOR: map[string]any{
			"actions": []writer.Action{{Action: "c2pa.redacted"}}}}}}), codeActionRedaction},
		{"unlisted assertion", with(writer.Manifest{Assertions: []writer.Assertion{{Label: "org.example", CBOR: "x", Unlisted: true}}}), codeUndeclared},
		{"listed assertion that is not there", with(writer.Manifest{Spoil: func(c map[string]any) {
			c["created_assertions"] = append(c["created_assertions"].([]map[string]any), map[string]any{"url": "self#jumbf=c2pa.assertions/gone", "hash": make([]byte, 32)})
		}}), codeAssertionMissing},
		{"assertion of another manifest", with(writer.Manifest{Spoil: func(c map[string]any) {
			c["created_assertions"] = append(c["created_assertions"].([]map[string]any), map[string]any{"url": "self#jumbf=/c2pa/urn:c2pa:other/c2pa.assertions/x", "hash": make([]byte, 32)})
		}}), codeOutsideManifest},
		{"wrong assertion hash", with(writer.Manifest{Spoil: func(c map[string]any) {
			c["created_assertions"].([]map[string]any)[0]["hash"] = make([]byte, 32)
		}}), codeURIMismatch},
		{"unknown hash algorithm", with(writer.Manifest{Spoil: func(c map[string]any) { c["alg"] = "md5" }}), codeAlgorithm},
		{"no hash algorithm", with(writer.Manifest{Spoil: func(c map[string]any) { delete(c, "alg") }}), codeAlgorithm},
		{"exclusion beyond the store", with(writer.Manifest{Exclude: [][2]int64{{0, 8}}}), codeDataMismatch},
		{"self-redaction", with(writer.Manifest{Label: "urn:c2pa:self", Redacted: []string{"self#jumbf=/c2pa/urn:c2pa:self/c2pa.assertions/org.example"}}), codeSelfRedacted},
		{"redacted actions", with(writer.Manifest{Redacted: []string{"self#jumbf=/c2pa/urn:c2pa:other/c2pa.assertions/c2pa.actions.v2"}}), codeActionRedacted},
		{"redacted hash", with(writer.Manifest{Redacted: []string{"self#jumbf=/c2pa/urn:c2pa:other/c2pa.assertions/c2pa.hash.data"}}), codeHashRedacted},
		{"padding with content", with(writer.Manifest{Pad: []byte("hidden")}), codeSignatureMismatch},
		{"signature named elsewhere", with(writer.Manifest{Spoil: func(c map[string]any) { c["signature"] = "self#jumbf=/c2pa/urn:c2pa:other/c2pa.signature" }}), codeSignatureMissing},
		{"claim without a generator", with(writer.Manifest{Spoil: func(c map[string]any) { delete(c, "claim_generator_info") }}), codeClaimMalformed},
		{"two parents", writer.Manifest{Ingredients: append(parentOf, parentOf...), Assertions: []writer.Assertion{writer.Actions(writer.Opened())}}, codeMultipleParents},
		{"update manifest without a parent", with(writer.Manifest{Update: true, Binding: writer.NoBinding}), codeUpdateParents},
		{"update manifest that binds", writer.Manifest{Update: true, Ingredients: parentOf}, codeUpdateInvalid},
		{"update manifest that edits", writer.Manifest{Update: true, Binding: writer.NoBinding, Ingredients: parentOf,
			Assertions: []writer.Assertion{writer.Actions(writer.Opened(), writer.Action{Action: "c2pa.cropped"})}}, codeUpdateInvalid},
		{"ingredient that cannot be read", with(writer.Manifest{Assertions: []writer.Assertion{{Label: "c2pa.ingredient.v3", CBOR: []string{"no"}}}}), codeIngredientBad},
		{"ingredient whose manifest is missing", with(writer.Manifest{Assertions: []writer.Assertion{{Label: "c2pa.ingredient.v3", CBOR: map[string]any{
			"relationship": "componentOf", "activeManifest": map[string]any{"url": "self#jumbf=/c2pa/urn:c2pa:gone", "hash": make([]byte, 32)}}}}}), codeIngredientMissing},
		{"manifest that is its own ingredient", with(writer.Manifest{Label: "urn:c2pa:loop", Assertions: []writer.Assertion{{Label: "c2pa.ingredient.v3", CBOR: map[string]any{
			"relationship": "componentOf", "activeManifest": map[string]any{"url": "self#jumbf=/c2pa/urn:c2pa:loop", "hash": make([]byte, 32)}}}}}), codeIngredientBad},
	}
}

// TestBrokenRules has them signed by a signer who is trusted.
func TestBrokenRules(t *testing.T) {
	b := newSignerBench(t)
	for _, c := range b.brokenRules() {
		p := b.validate(b.sign(smallPNG(t), c.m))
		if p.State != Invalid || !slices.Contains(p.Failure, c.code) {
			t.Errorf("%s: %s %v, want %s", c.name, p.State, p.Failure, c.code)
		}
	}
}

type spoiledCertificate struct {
	name  string
	p     writer.Profile
	state State
	codes []string
}

// spoiledCertificates have one thing wrong with each signer.
func spoiledCertificates() []spoiledCertificate {
	year := 365 * 24 * time.Hour
	now := time.Now()
	return []spoiledCertificate{
		{"expired", writer.Profile{NotBefore: now.Add(-2 * year), NotAfter: now.Add(-year)}, Invalid, []string{codeExpired, codeUntrusted}},
		{"not yet valid", writer.Profile{NotBefore: now.Add(year), NotAfter: now.Add(2 * year)}, Invalid, []string{codeExpired, codeUntrusted}},
		{"for servers", writer.Profile{Change: func(c *x509.Certificate) {
			c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}}, Invalid, []string{codeInvalid, codeUntrusted}},
		{"for time stamps", writer.Profile{Change: func(c *x509.Certificate) {
			c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}
		}}, Invalid, []string{codeInvalid}},
		{"for anything", writer.Profile{Change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }}, Invalid, []string{codeInvalid}},
		{"without a purpose", writer.Profile{Change: func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil }}, Invalid, []string{codeInvalid, codeUntrusted}},
		{"authority", writer.Profile{Change: func(c *x509.Certificate) { c.IsCA = true }}, Invalid, []string{codeInvalid}},
		{"no signatures", writer.Profile{Change: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }}, Invalid, []string{codeInvalid}},
		{"signs certificates", writer.Profile{Change: func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }}, Invalid, []string{codeInvalid}},
		{"unknown critical extension", writer.Profile{Change: func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}})
		}}, Invalid, []string{codeInvalid, codeUntrusted}},
	}
}

func TestCertificates(t *testing.T) {
	b := newSignerBench(t)
	for _, c := range spoiledCertificates() {
		c.p.Name = c.name
		b.signer = b.issue(c.p)
		p := b.validate(b.sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Trained)}}))
		if p.State != c.state || !slices.Equal(p.Failure, c.codes) {
			t.Errorf("%s: %s %v, want %s %v", c.name, p.State, p.Failure, c.state, c.codes)
		}
		if !slices.Equal(p.SourceTypes, []string{writer.Trained}) {
			t.Errorf("%s: source types %v: the declaration is lost", c.name, p.SourceTypes)
		}
	}
}
