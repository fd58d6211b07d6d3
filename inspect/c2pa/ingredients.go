package c2pa

import (
	"bytes"
	"slices"
	"strings"
)

// ingredient is a c2pa.ingredient assertion of any version.
type ingredient struct {
	label        string
	Relationship string     `cbor:"relationship"`
	Title        string     `cbor:"dc:title"`
	V1           *hashedURI `cbor:"c2pa_manifest"`  // versions 1 and 2
	V3           *hashedURI `cbor:"activeManifest"` // version 3
	Signature    *hashedURI `cbor:"claimSignature"` // version 3

	Status  []recordedStatus `cbor:"validationStatus"`
	Results struct {
		Active      recordedCodes `cbor:"activeManifest"`
		Ingredients []struct {
			Deltas recordedCodes `cbor:"validationDeltas"`
		} `cbor:"ingredientDeltas"`
	} `cbor:"validationResults"`
}

type recordedCodes struct {
	Failure []recordedStatus `cbor:"failure"`
}

type recordedStatus struct {
	Code string `cbor:"code"`
	URL  string `cbor:"url"`
}

func (i *ingredient) manifest() *hashedURI {
	if i.V3 != nil {
		return i.V3
	}
	return i.V1
}

// recorded returns the failures that the signer declared for this ingredient, as code and
// absolute URI.
func (i *ingredient) recorded() [][2]string {
	label := ""
	if ref := i.manifest(); ref != nil {
		label, _, _ = splitURI(ref.URL)
	}
	list := slices.Concat(i.Status, i.Results.Active.Failure)
	for _, d := range i.Results.Ingredients {
		list = append(list, d.Deltas.Failure...)
	}
	var out [][2]string
	for _, s := range list {
		if l, path, ok := splitURI(s.URL); ok && l == "" && label != "" {
			s.URL = (&manifest{label: label}).uri(path)
		}
		out = append(out, [2]string{s.Code, s.URL})
	}
	return out
}

// relationships are those that an ingredient may have (C2PA 2.2, 18.15.2).
var relationships = []string{"parentOf", "componentOf", "inputTo"}

// ingredientsOf decodes the ingredient assertions of m; those that cannot be read are left
// out here and reported by verifyIngredients.
func (r *run) ingredientsOf(m *manifest) []*ingredient {
	if list, ok := r.ingredients[m]; ok {
		return list
	}
	list := []*ingredient{}
	for _, a := range m.named("c2pa.ingredient") {
		ing := &ingredient{label: a.label}
		if decode(a.box.content("cbor"), ing) == nil && slices.Contains(relationships, ing.Relationship) {
			list = append(list, ing)
		}
	}
	r.ingredients[m] = list
	return list
}

// parents returns the manifests of the parentOf ingredients of m, nil for one that is not
// in the store.
func (r *run) parents(m *manifest) []*manifest {
	var out []*manifest
	for _, ing := range r.ingredientsOf(m) {
		if ing.Relationship != "parentOf" {
			continue
		}
		var parent *manifest
		if ref := ing.manifest(); ref != nil {
			label, _, _ := splitURI(ref.URL)
			parent = r.store.byLabel[label]
		}
		out = append(out, parent)
	}
	return out
}

// verifyIngredients checks the references of m to the manifests it was made from, and those
// manifests.
func (r *run) verifyIngredients(m *manifest, path []*manifest, isIngredient bool) error {
	list := r.ingredientsOf(m)
	say := func(k kind, code, label, note string) {
		r.add(k, code, m.uri("c2pa.assertions/"+label), isIngredient, note)
	}
	for _, a := range m.named("c2pa.ingredient") {
		if !slices.ContainsFunc(list, func(i *ingredient) bool { return i.label == a.label }) {
			if _, redacted := r.gone[m.uri("c2pa.assertions/"+a.label)]; !redacted {
				say(failure, codeIngredientBad, a.label, "cannot be read")
			}
		}
	}
	switch parents := len(r.parents(m)); {
	case m.update && parents != 1:
		r.add(failure, codeUpdateParents, m.uri(""), isIngredient, "")
	case parents > 1:
		r.add(failure, codeMultipleParents, m.uri(""), isIngredient, "")
	}
	for _, ing := range list {
		ref := ing.manifest()
		if ref == nil {
			continue
		}
		label, rest, _ := splitURI(ref.URL)
		from := r.store.byLabel[label]
		switch {
		case from == nil || rest != "" && rest != "c2pa.claim": // early signers named the claim and meant the manifest
			say(failure, codeIngredientMissing, ing.label, ref.URL)
			continue
		case slices.Contains(path, from):
			say(failure, codeIngredientBad, ing.label, "the manifest is made from itself")
			continue
		}
		r.verifyReference(m, ing, from, say)
		if err := r.verify(from, path, true); err != nil {
			return err
		}
	}
	return nil
}

// verifyReference compares the hash in an ingredient assertion with the manifest it names.
// A manifest that something was redacted from no longer has the hash it had; then the
// signature of its claim stands for it.
func (r *run) verifyReference(m *manifest, ing *ingredient, from *manifest, say func(k kind, code, label, note string)) {
	ref := ing.manifest()
	alg := first(ref.Alg, m.claim.Alg)
	redacted := false
	for uri := range r.gone {
		redacted = redacted || strings.HasPrefix(uri, from.uri("")+"/")
	}
	digest := hashBytes(alg, from.box.payload)
	switch {
	case digest == nil:
		say(failure, codeAlgorithm, ing.label, "hash algorithm of the reference")
	case bytes.Equal(digest, ref.Hash):
		say(success, codeIngredientOK, ing.label, "")
	case m.claim.version == 1 && bytes.Equal(hashBytes(alg, from.claimRaw), ref.Hash):
		// Before 1.1 the reference was to the claim alone; its hash covers all the rest.
		say(success, codeIngredientOK, ing.label, "")
	case redacted && (ing.Signature == nil || r.signatureMatches(m, ing.Signature, from)):
		say(success, codeIngredientClaim, ing.label, "")
	case redacted:
		say(failure, codeIngredientClaimBad, ing.label, "")
	default:
		say(failure, codeIngredientMismatch, ing.label, "")
	}
}

func (r *run) signatureMatches(m *manifest, ref *hashedURI, from *manifest) bool {
	for _, c := range from.box.children {
		if c.superType() == typeSignature {
			return bytes.Equal(hashBytes(first(ref.Alg, m.claim.Alg), c.payload), ref.Hash)
		}
	}
	return false
}
