package c2pa

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/crypto/ocsp"

	writer "github.com/cordonhq/cordon/samples/manifest"
)

// madeFiles are files for every rule that is checked, kept and broken, by name. All are signed
// under b's authority; those whose name starts with "tsa" also need the one of clock.
func (b *signerBench) madeFiles(clock *writer.Authority) map[string][]byte {
	b.t.Helper()
	out := map[string][]byte{}
	put := func(name string, file []byte) {
		if out[name] != nil {
			b.t.Fatalf("two made files are called %q", name)
		}
		out[name] = file
	}
	for name, f := range merkleForms() {
		if !strings.HasPrefix(name, "two mdat") { // the reference takes trees in an order of chance
			put("film: "+name, b.film(f))
		}
	}
	for name, f := range brokenMerkle() {
		put("film broken: "+name, b.film(f))
	}
	for _, c := range b.brokenRules() {
		put("rule: "+c.name, b.sign(smallPNG(b.t), c.m))
	}
	b.madeClaims(put)
	b.madeIngredients(put)
	b.madeSignatures(put)
	b.madeStamps(put, clock)
	b.madeStatements(put)
	return out
}

// madeClaims differ in what the claim says and how it refers to assertions.
func (b *signerBench) madeClaims(put func(string, []byte)) {
	note := func(a writer.Assertion) writer.Manifest {
		a.Label, a.CBOR = "org.example.note", "a note"
		return writer.Manifest{Label: "urn:c2pa:claims", Assertions: []writer.Assertion{created(writer.Capture), a}}
	}
	for name, m := range map[string]writer.Manifest{
		"relative reference":               note(writer.Assertion{}),
		"absolute reference":               note(writer.Assertion{URL: "self#jumbf=/c2pa/urn:c2pa:claims/c2pa.assertions/org.example.note"}),
		"reference from the assertions":    note(writer.Assertion{URL: "self#jumbf=org.example.note"}),
		"reference without self":           note(writer.Assertion{URL: "jumbf=c2pa.assertions/org.example.note"}),
		"reference as an address":          note(writer.Assertion{URL: "https://example.org/note"}),
		"reference that is empty":          note(writer.Assertion{URL: "self#jumbf="}),
		"reference with a slash":           note(writer.Assertion{URL: "self#jumbf=/c2pa.assertions/org.example.note"}),
		"reference of another instance":    note(writer.Assertion{URL: "self#jumbf=c2pa.assertions/org.example.note__1"}),
		"hash of SHA-384":                  note(writer.Assertion{Alg: "sha384"}),
		"hash of SHA-512":                  note(writer.Assertion{Alg: "sha512"}),
		"hash of MD5":                      note(writer.Assertion{Alg: "md5"}),
		"gathered":                         note(writer.Assertion{Gathered: true}),
		"label without urn":                {Label: "made-up", Assertions: []writer.Assertion{created(writer.Capture)}},
		"label of version 1":               {Version: 1, Label: "example:urn:uuid:9d1e7b1c-0000-4000-8000-000000000001", Assertions: []writer.Assertion{created(writer.Capture)}},
		"version 1":                        {Version: 1, Assertions: []writer.Assertion{created(writer.Capture)}},
		"version 1 without actions":        {Version: 1, Assertions: []writer.Assertion{{Label: "org.example.note", CBOR: "x"}}},
		"boxes hash":                       {Binding: writer.BoxesHash, Assertions: []writer.Assertion{created(writer.Capture)}},
		"compressed":                       {Compress: true, Assertions: []writer.Assertion{created(writer.Capture)}},
		"padding of zeros":                 {Pad: make([]byte, 64), Assertions: []writer.Assertion{created(writer.Capture)}},
		"repeated assertion in the claim":  {Assertions: []writer.Assertion{created(writer.Capture)}, Spoil: func(c map[string]any) { c["created_assertions"] = twice(c["created_assertions"]) }},
		"claim without instanceID":         {Assertions: []writer.Assertion{created(writer.Capture)}, Spoil: func(c map[string]any) { delete(c, "instanceID") }},
		"claim without a signature":        {Assertions: []writer.Assertion{created(writer.Capture)}, Spoil: func(c map[string]any) { delete(c, "signature") }},
		"claim with fields nobody knows":   {Assertions: []writer.Assertion{created(writer.Capture)}, Spoil: func(c map[string]any) { c["org.example"] = 1 }},
		"empty list of redactions":         {Assertions: []writer.Assertion{created(writer.Capture)}, Spoil: func(c map[string]any) { c["redacted_assertions"] = []string{} }},
		"signature named relatively":       {Assertions: []writer.Assertion{created(writer.Capture)}, Spoil: func(c map[string]any) { c["signature"] = "self#jumbf=c2pa.signature" }},
		"empty list of created assertions": {Assertions: []writer.Assertion{created(writer.Capture)}, Spoil: func(c map[string]any) { c["created_assertions"] = []any{} }},
	} {
		for kind, file := range map[string][]byte{"jpeg": smallJPEG(b.t), "png": smallPNG(b.t)} {
			put("claim: "+name+" in "+kind, b.sign(file, m))
		}
	}
}

func twice(list any) any {
	l := list.([]map[string]any)
	return append(slices.Clone(l), l[0])
}

// madeIngredients are edits, compositions, updates and redactions.
func (b *signerBench) madeIngredients(put func(string, []byte)) {
	note := writer.Assertion{Label: "org.example.note", CBOR: "a note"}
	first := b.sign(smallPNG(b.t), writer.Manifest{Label: "urn:c2pa:first", Assertions: []writer.Assertion{created(writer.Trained), note}})
	opened := func(version int) writer.Assertion {
		label := map[int]string{1: "c2pa.ingredient", 2: "c2pa.ingredient.v2", 3: "c2pa.ingredient.v3"}[version]
		return writer.Actions(writer.Action{Action: "c2pa.opened", Parameters: map[string]any{
			"ingredients": []map[string]any{{"url": "self#jumbf=c2pa.assertions/" + label, "hash": make([]byte, 32)}}}})
	}
	from := func(file []byte, version int) []writer.Ingredient {
		return []writer.Ingredient{{File: file, Title: "before", Relationship: "parentOf", Version: version}}
	}
	for version := 1; version <= 3; version++ {
		name := "ingredient of version " + string(rune('0'+version))
		m := writer.Manifest{Assertions: []writer.Assertion{opened(version)}, Ingredients: from(first, version)}
		put(name, b.sign(smallJPEG(b.t), m))
		m.Version = 1
		put(name+" in a claim of version 1", b.sign(smallJPEG(b.t), m))
	}
	edit := func(file []byte, m writer.Manifest) []byte {
		m.Assertions = append([]writer.Assertion{opened(3)}, m.Assertions...)
		m.Ingredients = append(from(file, 3), m.Ingredients...)
		return b.sign(smallJPEG(b.t), m)
	}
	chain := first
	for range 5 {
		chain = edit(chain, writer.Manifest{})
	}
	put("ingredients: edit of an edit", chain)
	put("ingredients: without a manifest", edit(smallPNG(b.t), writer.Manifest{}))
	put("ingredients: compressed", edit(b.sign(smallPNG(b.t), writer.Manifest{Compress: true, Assertions: []writer.Assertion{created(writer.Capture)}}), writer.Manifest{}))
	left, right := edit(first, writer.Manifest{Label: "urn:c2pa:left"}), edit(first, writer.Manifest{Label: "urn:c2pa:right"})
	put("ingredients: diamond", edit(left, writer.Manifest{Ingredients: []writer.Ingredient{{File: right, Title: "right", Relationship: "componentOf"}}}))
	put("ingredients: input", edit(first, writer.Manifest{Ingredients: []writer.Ingredient{{File: left, Title: "input", Relationship: "inputTo"}}}))
	changed := bytes.Clone(first)
	changed[bytes.Index(changed, []byte("a note"))] ^= 1
	put("ingredients: changed after it was taken", swapIn(edit(first, writer.Manifest{}), []byte("a note"), []byte("another")[:6]))
	put("ingredients: changed before it was taken", edit(changed, writer.Manifest{}))
	for relation, want := range map[string]string{"": "none", "relatedTo": "unknown"} {
		put("ingredients: relationship "+want, b.sign(smallPNG(b.t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)},
			Ingredients: []writer.Ingredient{{File: first, Title: "x", Relationship: relation}}}))
	}

	uri := "self#jumbf=/c2pa/urn:c2pa:first/c2pa.assertions/org.example.note"
	redacted := writer.Action{Action: "c2pa.redacted", Parameters: map[string]any{"redacted": uri, "reason": "c2pa.PII.present"}}
	acts := writer.Actions(writer.Opened(), redacted)
	again := writer.Manifest{Assertions: []writer.Assertion{acts}, Ingredients: from(first, 3), Redacted: []string{uri}}
	put("redaction: of a note", b.sign(smallPNG(b.t), again))
	put("redaction: without an action", b.sign(smallPNG(b.t), writer.Manifest{Assertions: []writer.Assertion{opened(3)}, Ingredients: from(first, 3), Redacted: []string{uri}}))
	put("redaction: an action alone", b.sign(smallPNG(b.t), writer.Manifest{Assertions: []writer.Assertion{acts}, Ingredients: from(first, 3)}))
	put("redaction: two edits later", edit(edit(b.sign(smallPNG(b.t), again), writer.Manifest{}), writer.Manifest{}))
	gone := again
	gone.Redacted = []string{"self#jumbf=/c2pa/urn:c2pa:first/c2pa.assertions/org.example.other"}
	put("redaction: of what is not there", b.sign(smallPNG(b.t), gone))
	kept := b.sign(smallPNG(b.t), writer.Manifest{Assertions: []writer.Assertion{acts}, Ingredients: from(first, 3),
		Spoil: func(c map[string]any) { c["redacted_assertions"] = []string{uri} }})
	put("redaction: and the note is still there", kept)
	missing := b.sign(smallPNG(b.t), writer.Manifest{Assertions: []writer.Assertion{opened(3)}, Ingredients: from(first, 3), Redacted: []string{uri},
		Spoil: func(c map[string]any) { delete(c, "redacted_assertions") }})
	put("redaction: not declared", missing)

	update := writer.Manifest{Update: true, Binding: writer.NoBinding, Ingredients: from(first, 3),
		Assertions: []writer.Assertion{writer.Actions(writer.Opened(), writer.Action{Action: "c2pa.edited.metadata"})}}
	updated := b.sign(first, update)
	put("update: of metadata", updated)
	update.Ingredients = from(updated, 3)
	put("update: of an update", b.sign(updated, update))
	update.Assertions, update.Ingredients = nil, from(first, 3)
	put("update: without actions", b.sign(first, update))
	update.Ingredients[0].Relationship = "componentOf"
	put("update: of a component", b.sign(first, update))
	update.Ingredients = from(first, 3)
	update.Assertions = []writer.Assertion{acts}
	update.Redacted = []string{uri}
	put("update: that redacts", b.sign(first, update))
	update.Redacted, update.Compress = nil, true
	update.Assertions = nil
	put("update: compressed", b.sign(first, update))
	put("update: the file changed", swapIn(updated, updated[len(updated)-40:len(updated)-30], make([]byte, 10)))
	film := b.film(merkleForm{smallMP4(4000), writer.BMFF{}})
	put("update: of a film", b.sign(film, writer.Manifest{Update: true, Binding: writer.NoBinding, Ingredients: from(film, 3)}))
}

// swapIn puts other bytes of the same length in place of the first that are like old.
func swapIn(file, old, other []byte) []byte {
	out := bytes.Clone(file)
	copy(out[bytes.Index(out, old):], other)
	return out
}

// madeSignatures differ in signer, chain and COSE structure.
func (b *signerBench) madeSignatures(put func(string, []byte)) {
	one := func(s *writer.Signer, m writer.Manifest) []byte {
		m.Assertions = append(m.Assertions, created(writer.Capture))
		out, err := s.Sign(smallPNG(b.t), m)
		if err != nil {
			b.t.Fatal(err)
		}
		return out
	}
	for name, alg := range map[string]writer.Algorithm{"ES256": writer.ES256, "ES384": writer.ES384, "ES512": writer.ES512,
		"PS256": writer.PS256, "PS384": writer.PS384, "PS512": writer.PS512, "EdDSA": writer.EdDSA} {
		put("signature: "+name, one(b.issue(writer.Profile{Name: name, Algorithm: alg}), writer.Manifest{}))
	}
	for _, c := range spoiledCertificates() {
		c.p.Name = c.name
		put("certificate: "+c.name, one(b.issue(c.p), writer.Manifest{}))
	}
	between, err := b.authority.Intermediate(writer.Profile{Name: "between"})
	if err != nil {
		b.t.Fatal(err)
	}
	below, err := between.Signer(writer.Profile{Name: "below"})
	if err != nil {
		b.t.Fatal(err)
	}
	put("chain: of two", one(below, writer.Manifest{}))
	move := func(p map[any]any, u map[string]any) { u["x5chain"] = p[33]; delete(p, 33) }
	put("chain: in the unprotected header", one(below, writer.Manifest{Headers: move}))
	put("chain: in the unprotected header of version 1", one(below, writer.Manifest{Version: 1, Headers: move}))
	put("chain: without the intermediate", one(below, writer.Manifest{Headers: func(p map[any]any, _ map[string]any) {
		if list, ok := p[33].([][]byte); ok {
			p[33] = list[0]
		}
	}}))
	put("chain: none", one(below, writer.Manifest{Headers: func(p map[any]any, _ map[string]any) { delete(p, 33) }}))
	put("chain: under a text label", one(below, writer.Manifest{Headers: func(p map[any]any, _ map[string]any) { p["x5chain"] = p[33]; delete(p, 33) }}))
	for name, change := range map[string]func(*x509.Certificate){
		"intermediate is no authority": func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, true },
		"intermediate limits names": func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.org"}, true
		},
		"intermediate permits no more below": func(c *x509.Certificate) { c.MaxPathLenZero = true },
		"intermediate signs nothing":         func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature },
		"intermediate has expired":           func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(-1, 0, 0) },
	} {
		a, err := b.authority.Intermediate(writer.Profile{Name: "between", Change: change})
		if err != nil {
			b.t.Fatal(err)
		}
		s, err := a.Signer(writer.Profile{Name: "below"})
		if err != nil {
			b.t.Fatal(err)
		}
		put("chain: "+name, one(s, writer.Manifest{}))
	}
	stranger, err := writer.NewAuthority("another root")
	if err != nil {
		b.t.Fatal(err)
	}
	unknown, err := stranger.Signer(writer.Profile{Name: "test signer"})
	if err != nil {
		b.t.Fatal(err)
	}
	put("chain: of a stranger with the same name", one(unknown, writer.Manifest{}))
	put("cose: another claim attached", one(b.signer, writer.Manifest{Attach: []byte{0xA0}}))
	put("cose: algorithm named wrongly", one(b.signer, writer.Manifest{Headers: func(p map[any]any, _ map[string]any) { p[1] = -35 }}))
	put("cose: algorithm unknown", one(b.signer, writer.Manifest{Headers: func(p map[any]any, _ map[string]any) { p[1] = -257 }}))
	put("cose: no algorithm", one(b.signer, writer.Manifest{Headers: func(p map[any]any, _ map[string]any) { delete(p, 1) }}))
	put("cose: critical header", one(b.signer, writer.Manifest{Headers: func(p map[any]any, _ map[string]any) { p[2], p["org.example"] = []any{"org.example"}, 1 }}))
	put("cose: header nobody knows", one(b.signer, writer.Manifest{Headers: func(_ map[any]any, u map[string]any) { u["org.example"] = 1 }}))

	now := time.Now()
	for name, c := range map[string]struct {
		by     *writer.Authority
		of     *writer.Signer
		status int
		at     time.Time
	}{
		"good":                   {b.authority, b.signer, ocsp.Good, now.Add(-time.Hour)},
		"revoked":                {b.authority, b.signer, ocsp.Revoked, now.Add(-time.Hour)},
		"unknown":                {b.authority, b.signer, ocsp.Unknown, now.Add(-time.Hour)},
		"good, long ago":         {b.authority, b.signer, ocsp.Good, now.AddDate(-1, 0, 0)},
		"good, in the future":    {b.authority, b.signer, ocsp.Good, now.AddDate(0, 0, 3)},
		"good, of another":       {b.authority, b.issue(writer.Profile{Name: "another"}), ocsp.Good, now.Add(-time.Hour)},
		"good, by a stranger":    {stranger, b.signer, ocsp.Good, now.Add(-time.Hour)},
		"revoked, by a stranger": {stranger, b.signer, ocsp.Revoked, now.Add(-time.Hour)},
	} {
		answer, err := c.by.Revocation(c.of, c.status, c.at)
		if err != nil {
			b.t.Fatal(err)
		}
		put("ocsp: "+name, one(b.signer, writer.Manifest{Headers: staple(answer)}))
	}
	put("ocsp: unreadable", one(b.signer, writer.Manifest{Headers: staple([]byte("no answer"))}))
}

// staple puts an OCSP response into the header of a signature.
func staple(answer []byte) func(map[any]any, map[string]any) {
	return func(_ map[any]any, u map[string]any) { u["rVals"] = map[string]any{"ocspVals": [][]byte{answer}} }
}

// madeStamps have time stamps.
func (b *signerBench) madeStamps(put func(string, []byte), clock *writer.Authority) {
	then := time.Now().AddDate(-2, 0, 0)
	expired := b.issue(writer.Profile{Name: "expired", NotBefore: then.AddDate(0, -1, 0), NotAfter: then.AddDate(0, 1, 0)})
	stranger, err := writer.NewAuthority("another clock")
	if err != nil {
		b.t.Fatal(err)
	}
	for name, c := range map[string]struct {
		by *writer.Authority
		at time.Time
	}{"in time": {clock, then}, "too early": {clock, then.AddDate(-1, 0, 0)}, "too late": {clock, then.AddDate(1, 0, 0)}, "by a stranger": {stranger, then}} {
		stamper, err := c.by.Stamper(c.at)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, version := range []int{1, 2} {
			for _, ofClaim := range []bool{false, true} {
				for who, s := range map[string]*writer.Signer{"expired": expired, "valid": b.signer} {
					file, err := s.Sign(smallPNG(b.t), writer.Manifest{Version: version, Stamp: stamper, StampClaim: ofClaim, Assertions: []writer.Assertion{created(writer.Capture)}})
					if err != nil {
						b.t.Fatal(err)
					}
					put("tsa: "+name+", claim "+string(rune('0'+version))+map[bool]string{false: ", sigTst2", true: ", sigTst"}[ofClaim]+", signer "+who, file)
				}
			}
		}
	}
}

// madeStatements have assertions of other kinds.
func (b *signerBench) madeStatements(put func(string, []byte)) {
	say := func(a ...writer.Assertion) []byte {
		return b.sign(smallPNG(b.t), writer.Manifest{Label: "urn:c2pa:statements", Assertions: append([]writer.Assertion{created(writer.Capture)}, a...)})
	}
	for name, a := range map[string]writer.Assertion{
		"soft binding":              {Label: "c2pa.soft-binding", CBOR: map[string]any{"alg": "org.example.mark", "blocks": []map[string]any{{"scope": map[string]any{}, "value": "AAAA"}}}},
		"external reference":        {Label: "c2pa.external-reference", CBOR: map[string]any{"location": map[string]any{"url": "https://example.org/x", "alg": "sha256", "hash": make([]byte, 32)}, "description": "x"}},
		"cloud data":                {Label: "c2pa.cloud-data", CBOR: map[string]any{"label": "c2pa.actions", "size": 10, "location": map[string]any{"url": "https://example.org/x", "alg": "sha256", "hash": make([]byte, 32)}, "content_type": "application/cbor"}},
		"cloud data without a hash": {Label: "c2pa.cloud-data", CBOR: map[string]any{"label": "c2pa.actions", "size": 10, "location": map[string]any{"url": "https://example.org/x"}, "content_type": "application/cbor"}},
		"cloud data of a binding":   {Label: "c2pa.cloud-data", CBOR: map[string]any{"label": "c2pa.hash.data", "size": 10, "location": map[string]any{"url": "https://example.org/x", "alg": "sha256", "hash": make([]byte, 32)}, "content_type": "application/cbor"}},
		"cloud data of nothing":     {Label: "c2pa.cloud-data", CBOR: map[string]any{"label": "org.example", "size": 0, "location": map[string]any{"url": "https://example.org/x", "alg": "sha256", "hash": make([]byte, 32)}, "content_type": "application/cbor"}},
		"asset reference":           {Label: "c2pa.asset-ref", CBOR: map[string]any{"references": []map[string]any{{"reference": map[string]any{"uri": "https://example.org/x"}}}}},
		"metadata":                  {Label: "c2pa.metadata", JSON: map[string]any{"@context": map[string]any{"Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"}, "Iptc4xmpExt:DigitalSourceType": writer.Trained}},
		"metadata of CAWG":          {Label: "cawg.metadata", JSON: map[string]any{"@context": map[string]any{"dc": "http://purl.org/dc/elements/1.1/"}, "dc:creator": []string{"x"}}},
		"training":                  {Label: "cawg.training-mining", CBOR: map[string]any{"entries": map[string]any{"cawg.ai_inference": map[string]any{"use": "notAllowed"}}}},
		"certificate status":        {Label: "c2pa.certificate-status", CBOR: map[string]any{"ocspVals": [][]byte{[]byte("x")}}},
		"a time stamp":              {Label: "c2pa.time-stamp", CBOR: map[string]any{"urn:c2pa:other": []byte("x")}},
		"unknown":                   {Label: "org.example.unknown", CBOR: map[string]any{"x": 1}},
		"invalid JSON":              {Label: "org.example.json", JSON: rawJSON("{not json")},
		"empty ingredient":          {Label: "c2pa.ingredient.v3", CBOR: map[string]any{}},
		"depth map":                 {Label: "c2pa.depthmap.GDepth", CBOR: map[string]any{"GDepth:Format": "x"}},
	} {
		put("statement: "+name, say(a))
	}
	for _, label := range []string{"c2pa.soft-binding", "c2pa.external-reference", "c2pa.asset-ref", "c2pa.metadata", "c2pa.certificate-status", "c2pa.time-stamp",
		"c2pa.thumbnail.claim", "cawg.identity", "stds.exif", "c2pa.asset-type", "c2pa.session-keys"} {
		put("statement: nonsense in "+label, say(writer.Assertion{Label: label, CBOR: map[string]any{"x": "y"}}))
	}
	put("statement: two instances", say(writer.Assertion{Label: "org.example.note", CBOR: 1}, writer.Assertion{Label: "org.example.note__1", CBOR: 2}))
	put("statement: twice the same label", say(writer.Assertion{Label: "org.example.note", CBOR: 1}, writer.Assertion{Label: "org.example.note", CBOR: 2}))
	b.madeIdentities(put)
}

// rawJSON is text that is written as it is.
type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(`"` + string(r) + `"`), nil }

type hashedRef struct {
	URL  string `cbor:"url"`
	Hash []byte `cbor:"hash"`
}

// madeIdentities have identity assertions with a certificate.
func (b *signerBench) madeIdentities(put func(string, []byte)) {
	holder := b.issue(writer.Profile{Name: "identity holder"})
	note := writer.Assertion{Label: "org.example.note", CBOR: "a note"}
	for _, name := range []string{"sound", "of another assertion", "another signer", "padding", "unknown kind", "without the binding"} {
		// The binding's hash is not known before the file is made: sign once to learn it.
		var refs []hashedRef
		file := smallPNG(b.t)
		m := writer.Manifest{Label: "urn:c2pa:identity", Assertions: []writer.Assertion{created(writer.Capture), note}}
		identity := func() writer.Assertion {
			kind := "cawg.x509.cose"
			if name == "unknown kind" {
				kind = "org.example.kind"
			}
			// The reference writes the payload anew before it checks, with the fields in this order.
			payload := cbor.RawMessage(encode(struct {
				Referenced []hashedRef `cbor:"referenced_assertions"`
				Type       string      `cbor:"sig_type"`
			}{refs, kind}))
			signed, err := holder.Message(payload)
			if err != nil {
				b.t.Fatal(err)
			}
			if name == "another signer" {
				signed[len(signed)-1] ^= 1
			}
			pad := make([]byte, 8)
			if name == "padding" {
				pad[3] = 1
			}
			return writer.Assertion{Label: "cawg.identity", CBOR: map[string]any{"signer_payload": payload, "signature": signed, "pad1": pad}}
		}
		m.Late = func(claimed []map[string]any) []writer.Assertion {
			refs = nil
			for _, ref := range claimed {
				if url := ref["url"].(string); strings.Contains(url, "c2pa.hash") && name != "without the binding" || strings.Contains(url, "note") {
					refs = append(refs, hashedRef{url, ref["hash"].([]byte)})
				}
			}
			if name == "of another assertion" && len(refs) > 0 {
				sum := sha256.Sum256([]byte("x"))
				refs[0].Hash = sum[:]
			}
			return []writer.Assertion{identity()}
		}
		put("identity: "+name, b.sign(file, m))
	}
}

func TestMadeFilesAreRead(t *testing.T) {
	b := newSignerBench(t)
	clock, err := writer.NewAuthority("time stamp root")
	if err != nil {
		t.Fatal(err)
	}
	states := map[State]int{}
	for name, file := range b.madeFiles(clock) {
		p := b.validate(file)
		states[p.State]++
		if p.State == None {
			t.Errorf("%s: no manifest was seen", name)
		}
	}
	if states[Trusted] < 40 || states[Invalid] < 60 {
		t.Errorf("%v", states)
	}
}
