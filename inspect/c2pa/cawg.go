package c2pa

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// identity is a cawg.identity assertion: somebody other than the signer of the claim stands
// for some of its assertions. https://cawg.io/identity/1.1/
type identity struct {
	Payload   cbor.RawMessage `cbor:"signer_payload"`
	Signature []byte          `cbor:"signature"`
	Pad1      []byte          `cbor:"pad1"`
	Pad2      []byte          `cbor:"pad2"`
}

type signerPayload struct {
	Referenced []hashedURI `cbor:"referenced_assertions"`
	Type       string      `cbor:"sig_type"`
}

// verifyIdentities checks the identity assertions of the active manifest. Nobody is trusted
// to name persons here, so a sound assertion is reported as untrusted, and an issuer that
// would have to be looked up over the network as unavailable.
func (r *run) verifyIdentities(m *manifest) error {
	for _, a := range m.named("cawg.identity") {
		uri := m.uri("c2pa.assertions/" + a.label)
		say := func(k kind, code, note string) { r.add(k, code, uri, false, note) }
		var id identity
		var p signerPayload
		if err := decode(a.box.content("cbor"), &id); err != nil {
			say(failure, "cawg.identity.cbor.invalid", err.Error())
			continue
		}
		if len(id.Payload) == 0 || len(id.Signature) == 0 {
			say(failure, codeRequired, "identity assertion without payload or signature")
			continue
		}
		if err := decode(id.Payload, &p); err != nil {
			say(failure, "cawg.identity.cbor.invalid", err.Error())
			continue
		}
		if len(bytes.Trim(id.Pad1, "\x00")) > 0 || len(bytes.Trim(id.Pad2, "\x00")) > 0 {
			say(failure, "cawg.identity.pad.invalid", "")
		}
		r.verifyReferenced(m, p, say)
		var err error
		switch p.Type {
		case "cawg.x509.cose":
			err = r.verifyX509Identity(id, say)
		case "cawg.identity_claims_aggregation":
			err = r.verifyAggregation(m, id, p, say)
		default:
			say(failure, "cawg.identity.sig_type.unknown", clip(p.Type))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// verifyReferenced wants every assertion that an identity stands for to be one of the
// claim's, once, and the hard binding to be among them.
func (r *run) verifyReferenced(m *manifest, p signerPayload, say func(kind, string, string)) {
	seen, bound := map[string]bool{}, false
	for _, ref := range p.Referenced {
		label, _, _ := m.assertionIn(ref.URL)
		if !slices.ContainsFunc(m.claim.references(), func(c hashedURI) bool {
			l, _, ok := m.assertionIn(c.URL)
			return ok && l == label && bytes.Equal(c.Hash, ref.Hash)
		}) {
			say(failure, "cawg.identity.assertion.mismatch", clip(ref.URL))
		}
		if seen[label] {
			say(failure, "cawg.identity.assertion.duplicate", clip(ref.URL))
		}
		seen[label] = true
		bound = bound || strings.HasPrefix(label, "c2pa.hash.")
	}
	if !bound {
		say(failure, "cawg.identity.hard_binding_missing", "")
	}
}

func (r *run) verifyX509Identity(id identity, say func(kind, string, string)) error {
	sig, err := parseSign1(id.Signature)
	if err != nil {
		say(failure, "cawg.x509.cose.invalid", err.Error())
		return nil
	}
	chain, err := parseChain(sig.chain(true))
	if err != nil {
		say(failure, "cawg.x509.credential.untrusted", "its certificate cannot be read")
		say(failure, "cawg.x509.credential.invalid", err.Error())
		return nil
	}
	by, _, err := r.chains(ForIdentities, chain, r.now, false)
	switch denied := r.denied(chain, r.now, false); {
	case err != nil && !errors.Is(err, errDenied):
		return err
	case by != nil && denied == nil:
		say(success, "cawg.x509.credential.trusted", "")
	default:
		say(failure, "cawg.x509.credential.untrusted", "no list of identity issuers in force leads to "+subject(chain[0]))
	}
	if err := sig.verify(r.b, chain[0].PublicKey, id.Payload); err != nil {
		if alive := r.b.alive(); alive != nil {
			return alive
		}
		say(failure, "cawg.x509.signature.mismatch", err.Error())
		return nil
	}
	say(success, "cawg.x509.signature.validated", "")
	return nil
}

// aggregation is the verifiable credential of an identity claims aggregator.
type aggregation struct {
	Issuer     string          `json:"issuer"`
	ValidFrom  string          `json:"validFrom"`
	ValidUntil string          `json:"validUntil"`
	Subject    json.RawMessage `json:"credentialSubject"`
}

func (r *run) verifyAggregation(m *manifest, id identity, p signerPayload, say func(kind, string, string)) error {
	sig, err := parseSign1(id.Signature)
	if err != nil {
		say(failure, "cawg.ica.invalid_cose_sign1", err.Error())
		return nil
	}
	if alg, ok := sig.algorithm(); !ok || alg != -8 {
		say(failure, "cawg.ica.invalid_alg", "")
		return nil
	}
	if t, _ := header(sig.protected, labelContentType, "content type").(string); t != "application/vc" {
		say(failure, "cawg.ica.invalid_content_type", "")
	}
	var vc aggregation
	if !sig.attached || json.Unmarshal(sig.payload, &vc) != nil || vc.Issuer == "" {
		say(failure, "cawg.ica.invalid_verifiable_credential", "")
		return nil
	}
	did, _, _ := strings.Cut(vc.Issuer, "#")
	switch method, rest := didMethod(did); method {
	case "jwk":
		key := ed25519JWK(rest)
		if key == nil {
			say(failure, "cawg.ica.invalid_did_document", "")
			break
		}
		if err := sig.verify(r.b, key, sig.payload); err != nil {
			if alive := r.b.alive(); alive != nil {
				return alive
			}
			say(failure, "cawg.ica.signature_mismatch", err.Error())
			break
		}
		say(informational, "cawg.ica.untrusted_issuer", "")
	case "web":
		say(failure, "cawg.ica.did_unavailable", "issuers are not looked up over the network")
	default:
		say(failure, "cawg.ica.invalid_issuer", "")
	}
	r.verifyDates(vc, say)
	if !sameAssertions(m, vc.Subject, p) {
		say(failure, "cawg.ica.signer_payload.mismatch", "")
	}
	return nil
}

// verifyDates checks that the credential is in force.
func (r *run) verifyDates(vc aggregation, say func(kind, string, string)) {
	from, err := time.Parse(time.RFC3339, vc.ValidFrom)
	switch {
	case vc.ValidFrom == "":
		say(failure, "cawg.ica.valid_from.missing", "")
	case err != nil || from.After(r.now):
		say(failure, "cawg.ica.valid_from.invalid", "")
	}
	if until, err := time.Parse(time.RFC3339, vc.ValidUntil); vc.ValidUntil != "" && (err != nil || until.Before(r.now)) {
		say(failure, "cawg.ica.valid_until.invalid", "")
	}
}

// sameAssertions reports whether the credential is about the same assertions as the signer
// payload next to it. Hashes are base64 in the one and bytes in the other.
func sameAssertions(m *manifest, subject json.RawMessage, p signerPayload) bool {
	var s struct {
		Asset struct {
			Referenced []struct {
				URL  string   `json:"url"`
				Hash textHash `json:"hash"`
			} `json:"referenced_assertions"`
			Type string `json:"sig_type"`
		} `json:"c2paAsset"`
	}
	if json.Unmarshal(subject, &s) != nil || s.Asset.Type != p.Type || len(s.Asset.Referenced) != len(p.Referenced) {
		return false
	}
	for i, ref := range s.Asset.Referenced {
		if !bytes.Equal(ref.Hash, p.Referenced[i].Hash) || ref.URL != p.Referenced[i].URL {
			return false
		}
	}
	return true
}

// textHash is a hash in base64. Some issuers write the base64 text as a list of its bytes.
type textHash []byte

func (h *textHash) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		var list []uint16
		if err := json.Unmarshal(b, &list); err != nil {
			return err
		}
		for _, c := range list {
			text += string(rune(c))
		}
	}
	digest, err := base64.StdEncoding.DecodeString(text)
	*h = digest
	return err
}

// didMethod splits did:method:rest.
func didMethod(did string) (method, rest string) {
	did, ok := strings.CutPrefix(did, "did:")
	if !ok {
		return "", ""
	}
	method, rest, _ = strings.Cut(did, ":")
	return method, rest
}

// ed25519JWK reads the key that a did:jwk is made of, nil unless it is an Ed25519 key.
func ed25519JWK(encoded string) ed25519.PublicKey {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return nil
	}
	var k struct {
		Kty string `json:"kty"`
		Crv string `json:"crv"`
		X   string `json:"x"`
	}
	if json.Unmarshal(b, &k) != nil || k.Kty != "OKP" || k.Crv != "Ed25519" {
		return nil
	}
	x, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(k.X, "="))
	if err != nil || len(x) != ed25519.PublicKeySize {
		return nil
	}
	return x
}
