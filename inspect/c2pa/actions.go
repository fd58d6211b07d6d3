package c2pa

import (
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// action is one entry of a c2pa.actions assertion.
type action struct {
	Action     string          `cbor:"action"`
	SourceType string          `cbor:"digitalSourceType"`
	Parameters cbor.RawMessage `cbor:"parameters"`
}

// parameters are those that rules speak of; version 1 has one ingredient, version 2 several.
type parameters struct {
	ingredients []hashedURI
	given       bool
	redacted    string
}

func (a action) parameters() parameters {
	var raw struct {
		One      cbor.RawMessage `cbor:"ingredient"`
		Many     cbor.RawMessage `cbor:"ingredients"`
		Redacted cbor.RawMessage `cbor:"redacted"`
	}
	var out parameters
	if len(a.Parameters) == 0 || decode(a.Parameters, &raw) != nil {
		return out
	}
	out.given = raw.One != nil || raw.Many != nil
	var one hashedURI
	if raw.One != nil && decode(raw.One, &one) == nil {
		out.ingredients = append(out.ingredients, one)
	}
	var many []hashedURI
	if raw.Many != nil && decode(raw.Many, &many) == nil {
		out.ingredients = append(out.ingredients, many...)
	}
	if raw.Redacted != nil && decode(raw.Redacted, &out.redacted) != nil {
		out.redacted = ""
	}
	return out
}

// allowedInUpdate are the actions that an update manifest may record (C2PA 2.2, 11.2.3).
var allowedInUpdate = []string{"c2pa.edited.metadata", "c2pa.opened", "c2pa.published", "c2pa.redacted"}

// verifyActions holds the actions of a claim against the rules. Claims of version 1 were
// written before most of them and are only asked for what was asked then.
func (r *run) verifyActions(m *manifest, fail func(code, part, note string)) {
	all := m.named("c2pa.actions")
	if m.claim.version == 1 {
		if len(all) > 1 {
			fail(codeActionMalformed, "", "more than one actions assertion")
		}
		return
	}
	begins := false
	for i, a := range r.inClaimOrder(m, all) {
		part := "c2pa.assertions/" + a.label
		var body struct {
			Actions []action `cbor:"actions"`
		}
		if err := decode(a.box.content("cbor"), &body); err != nil {
			fail(codeActionMalformed, part, err.Error())
			continue
		}
		if len(body.Actions) == 0 {
			fail(codeActionMalformed, part, "no actions")
		}
		for j, act := range body.Actions {
			begin := act.Action == "c2pa.created" || act.Action == "c2pa.opened"
			switch {
			case act.Action == "":
				fail(codeActionMalformed, part, "an action without a name")
			case begin && i == 0 && j == 0:
				begins = true
				if act.Action == "c2pa.created" && act.SourceType == "" {
					fail(codeActionMalformed, part, "c2pa.created without a digitalSourceType")
				}
			case begin:
				fail(codeActionMalformed, part, act.Action+" must come first")
			}
			if m.update && !slices.Contains(allowedInUpdate, act.Action) {
				fail(codeUpdateInvalid, "", "an update manifest cannot record "+act.Action)
			}
			r.verifyAction(m, act, part, fail)
		}
	}
	if !begins && !m.update {
		fail(codeActionMalformed, "", "the first action is neither c2pa.created nor c2pa.opened")
	}
}

// verifyAction checks that an action names the ingredients or the redaction it is about.
func (r *run) verifyAction(m *manifest, act action, part string, fail func(code, part, note string)) {
	p := act.parameters()
	relation, must := "", true
	switch act.Action {
	case "c2pa.opened":
		relation = "parentOf"
	case "c2pa.placed", "c2pa.removed":
		relation = "componentOf"
	case "c2pa.transcoded", "c2pa.repackaged":
		relation, must = "parentOf", false
	case "c2pa.redacted":
		label, path, _ := splitURI(p.redacted)
		from := r.store.byLabel[label]
		if p.redacted == "" || from == nil || from.claim == nil {
			fail(codeActionRedaction, part, "names nothing that was redacted")
		} else if !slices.ContainsFunc(from.claim.references(), func(u hashedURI) bool { return strings.HasSuffix(u.URL, path) }) &&
			!strings.Contains(path, "c2pa.databoxes") {
			fail(codeNotRedacted, part, p.redacted)
		}
		return
	default:
		return
	}
	if !p.given {
		if must {
			fail(codeActionIngredient, part, act.Action+" names no ingredient")
		}
		return
	}
	for _, ing := range r.ingredientsOf(m) {
		if ing.Relationship == relation && slices.ContainsFunc(p.ingredients, func(u hashedURI) bool {
			label, foreign, ok := m.assertionIn(u.URL)
			return ok && !foreign && label == ing.label
		}) {
			return
		}
	}
	fail(codeActionIngredient, part, act.Action+" names no ingredient that is "+relation)
}

// inClaimOrder sorts assertions as the claim lists them: created before gathered.
func (r *run) inClaimOrder(m *manifest, list []*assertion) []*assertion {
	var out []*assertion
	for _, ref := range m.claim.references() {
		label, _, _ := m.assertionIn(ref.URL)
		for _, a := range list {
			if a.label == label && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}
