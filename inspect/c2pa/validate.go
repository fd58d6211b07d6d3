package c2pa

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// run is one validation of one file.
type run struct {
	report
	v         *Validator
	b         *budget
	f         *file
	container locator
	where     located
	now       time.Time
	force     *force // the trust lists that count now

	store       *store
	binding     *manifest            // whose hard binding must match the file
	stamps      map[string][]byte    // time-stamp tokens from c2pa.time-stamp assertions, by manifest label
	seen        map[*manifest]bool   // already verified: a diamond is walked once
	gone        map[string]string    // redacted assertion URI → label of the manifest that redacts it
	signed      map[*manifest]signer // what the signatures say
	ingredients map[*manifest][]*ingredient
	elsewhere   []string // addresses that assertions name
	soft        []string // algorithms of soft bindings
	unbound     bool     // the signer left out a part of the file, and the rest matches
}

// signer is what a manifest's signature says.
type signer struct {
	name      string
	algorithm string
	trustedBy string // SHA-256 of the list
	at        *time.Time
}

// validate fills p from what the container found. An error is the caller's (the context) or
// the reader's; what is wrong with the file becomes a status.
func (r *run) validate(p *Provenance) error {
	p.State = Invalid
	err := r.open()
	if r.store != nil {
		r.declarations(p)
	}
	for i, b := range r.where.stores {
		if r.store == nil || i > 0 { // breaking a store, or adding another, must not silence it
			if found := search(b); found != nil {
				p.SourceTypes, p.Searched = merge(p.SourceTypes, found), true
			}
		}
	}
	r.earlierDeclarations(p)
	if err == nil {
		err = r.verify(r.active(), nil, false)
		if s, ok := r.signed[r.active()]; ok {
			p.Signer, p.Algorithm, p.SignedAt, p.TrustedBy = s.name, s.algorithm, s.at, s.trustedBy
		}
	}
	switch {
	case err == nil:
		r.settle()
		p.State = r.state()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errRead):
		return err
	default:
		r.add(failure, codeGeneral, "", false, err.Error())
	}
	return nil
}

// errRead marks failures of the reader below, as opposed to what is wrong with the file.
var errRead = errors.New("cannot read the file")

func (r *run) active() *manifest { return r.store.manifests[len(r.store.manifests)-1] }

// open parses the store and prepares what all manifests share.
func (r *run) open() error {
	var st *store
	err := r.where.broken
	if len(r.where.stores) > 0 {
		var storeErr error
		if st, storeErr = readStore(r.where.stores[0], r.v.limits, r.b); storeErr != nil && err == nil {
			err = storeErr
		}
		r.store = st // even when its framing is broken, it declares something
	}
	if err != nil {
		return err
	}
	if len(r.where.stores) > 1 {
		return fmt.Errorf("%w: the file has more than one", errBox)
	}
	r.ingredients = map[*manifest][]*ingredient{}
	r.signed, r.stamps, r.gone = map[*manifest]signer{}, map[string][]byte{}, map[string]string{}
	for _, m := range st.manifests {
		for _, a := range m.named("c2pa.time-stamp") {
			var tokens map[string][]byte
			if decode(a.box.content("cbor"), &tokens) == nil {
				for label, token := range tokens {
					r.stamps[label] = token
				}
			}
		}
	}
	// Only manifests that the active one was made from, or itself, may redact, and only in
	// what they were made from: anyone can add a manifest that nothing refers to.
	for m := range r.made(r.active()) {
		if m.claim == nil {
			continue
		}
		from := r.made(m)
		for _, uri := range m.claim.Redacted {
			label, _, _ := splitURI(uri)
			if other := r.store.byLabel[label]; other != m && from[other] && !strings.Contains(uri, "c2pa.actions") && !strings.Contains(uri, "c2pa.hash.") {
				r.gone[uri] = m.label
			}
		}
	}
	// An update manifest binds nothing itself: the standard manifest it updates does.
	r.binding = r.active()
	for hops := 0; r.binding.update && hops < len(st.manifests); hops++ {
		parents := r.parents(r.binding)
		if len(parents) != 1 || parents[0] == nil {
			break
		}
		r.binding = parents[0]
	}
	return nil
}

// verify checks one manifest and then, through its ingredients, those it was made from.
// path holds the manifests on the way here.
func (r *run) verify(m *manifest, path []*manifest, ingredient bool) error {
	if err := r.b.alive(); err != nil {
		return err
	}
	if r.seen[m] {
		return nil
	}
	r.seen[m] = true
	fail := func(code, part, note string) { r.add(failure, code, m.uri(part), ingredient, note) }
	if m.problem != nil {
		if errors.Is(m.problem, errLimit) {
			return m.problem
		}
		fail(m.code, "", m.problem.Error())
		return nil
	}
	if m.claim.version > 1 && !strings.Contains(m.label, "urn:") {
		fail(codeClaimMalformed, "", "label of the manifest is not a URN")
	}
	if err := r.verifySignature(m, ingredient); err != nil {
		return err
	}
	r.verifyRedactions(m, fail)
	r.verifyAssertions(m, ingredient)
	if err := r.verifyBinding(m, ingredient); err != nil {
		return err
	}
	r.verifyActions(m, fail)
	r.verifyStatements(m, ingredient)
	if !ingredient {
		if err := r.verifyIdentities(m); err != nil {
			return err
		}
	}
	return r.verifyIngredients(m, append(path, m), ingredient)
}

// verifyRedactions refuses redactions that would hide what a manifest must keep.
func (r *run) verifyRedactions(m *manifest, fail func(code, part, note string)) {
	for _, uri := range m.claim.Redacted {
		label, path, _ := splitURI(uri)
		switch {
		case label == "" || label == m.label:
			fail(codeSelfRedacted, path, "")
		case strings.Contains(uri, "c2pa.actions"):
			fail(codeActionRedacted, path, "")
		case strings.Contains(uri, "c2pa.hash."):
			fail(codeHashRedacted, path, "")
		}
	}
}

// verifyAssertions compares every listed assertion with its box, and wants every box listed.
func (r *run) verifyAssertions(m *manifest, ingredient bool) {
	listed := map[string]bool{}
	for _, ref := range m.claim.references() {
		label, foreign, ok := m.assertionIn(ref.URL)
		uri := m.uri("c2pa.assertions/" + label)
		fail := func(code, note string) { r.add(failure, code, uri, ingredient, note) }
		switch {
		case !ok:
			uri = ref.URL
			fail(codeURIMismatch, "malformed reference")
			continue
		case foreign:
			fail(codeOutsideManifest, ref.URL)
			continue
		}
		again := listed[label]
		listed[label] = true
		a := m.assertion(label)
		if _, redacted := r.gone[uri]; redacted {
			if a != nil && !a.box.blank() {
				fail(codeNotRedacted, "it is still there")
			}
			continue
		}
		if a == nil {
			fail(codeAssertionMissing, "")
			continue
		}
		alg := first(ref.Alg, m.claim.Alg)
		switch digest := a.hash(alg); {
		case digest == nil:
			fail(codeAlgorithm, fmt.Sprintf("hash algorithm %.20q", alg))
		case !bytes.Equal(digest, ref.Hash):
			fail(codeURIMismatch, "")
		case !again:
			r.add(success, codeURIMatch, uri, ingredient, "")
		}
		if b := a.box.content("cbor"); b != nil {
			if err := strict.Wellformed(bytes.TrimRight(b, "\x00")); err != nil && strict.Wellformed(b) != nil {
				fail(codeAssertionCBOR, err.Error())
			}
		}
	}
	there := map[string]bool{}
	for _, a := range m.assertions {
		switch uri := m.uri("c2pa.assertions/" + a.label); {
		case !listed[a.label]:
			r.add(failure, codeUndeclared, uri, ingredient, "")
		case there[a.label]:
			r.add(failure, codeURIMismatch, uri, ingredient, "two assertions have the same label")
		}
		there[a.label] = true
	}
}

// made returns m and all manifests that it was made from, at any remove.
func (r *run) made(m *manifest) map[*manifest]bool {
	out := map[*manifest]bool{}
	for todo := []*manifest{m}; len(todo) > 0; todo = todo[1:] {
		if todo[0] == nil || out[todo[0]] {
			continue
		}
		out[todo[0]] = true
		for _, ing := range r.ingredientsOf(todo[0]) {
			if ref := ing.manifest(); ref != nil {
				label, _, _ := splitURI(ref.URL)
				todo = append(todo, r.store.byLabel[label])
			}
		}
	}
	return out
}

// settle marks failures of ingredients that the signer of an enclosing manifest has
// recorded: whoever took a broken ingredient and said so is not at fault. A manifest speaks
// for what it was made from and never for itself.
func (r *run) settle() {
	recorded := map[[2]string]bool{}
	for m := range r.made(r.active()) {
		from := r.made(m)
		for _, ing := range r.ingredientsOf(m) {
			for _, s := range ing.recorded() {
				label, _, _ := splitURI(s[1])
				if other := r.store.byLabel[label]; other != m && from[other] {
					recorded[s] = true
				}
			}
		}
	}
	for i, s := range r.list {
		if s.Ingredient && s.Kind == string(failure) && recorded[[2]string{s.Code, s.URI}] {
			r.list[i].Recorded = true
		}
	}
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
