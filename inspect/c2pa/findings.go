package c2pa

import (
	"context"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/declared"
)

// Findings says what provenance means for an item. What a manifest declares and whether it
// holds are separate findings: a declared generator stands even when the signature does
// not, and a sound signature never takes it back. The order is: declarations, then state.
func (v *Validator) Findings(p *Provenance) []cordon.Finding {
	var out []cordon.Finding
	add := func(status cordon.FindingStatus, label cordon.Label, sentence string) {
		out = append(out, cordon.Finding{Detector: v.Name(), Version: v.Version(), Status: status,
			Class: cordon.Deterministic, Label: label, Sentence: sentence,
			Detail: map[string]any{"provenance": p}})
	}
	if t := p.declared(generated); t != "" {
		add(cordon.StatusFound, cordon.LabelGeneratorDeclared,
			"A content credential in the file says that a trained model made it ("+t+")."+p.standing())
	}
	if t := p.declared(composite); t != "" {
		add(cordon.StatusFound, cordon.LabelCompositeDeclared,
			"A content credential in the file says that parts of it were made by a trained model ("+t+")."+p.standing())
	}
	for _, w := range p.weighed() {
		add(cordon.StatusFound, w.label, w.sentence)
	}
	if p.State == Invalid && slices.Contains(p.Informational, codeUnread) && len(p.SourceTypes) == 0 {
		add(cordon.StatusFound, cordon.LabelTruncated,
			"The file ends early. If a content credential stood at its end, it is gone with it; there is no trace of one.")
		return out
	}
	switch p.State {
	case Invalid:
		if p.Unbound && p.only(codeDataMismatch) {
			add(cordon.StatusFound, cordon.LabelManifestPartial,
				"The content credential does not bind a part of the file: its signer left that out. What it binds is as it was signed.")
			break
		}
		add(cordon.StatusFound, cordon.LabelManifestBroken, p.broken()+" ("+strings.Join(p.reasons(), ", ")+").")
	case Valid:
		add(cordon.StatusFound, cordon.LabelManifestUntrusted,
			"The content credential is intact, but its signer ("+first(p.Signer, "unnamed")+") is not on the trust list in use.")
	case Trusted:
		add(cordon.StatusFound, cordon.LabelManifestTrusted,
			"The content credential is intact and signed by "+first(p.Signer, "a signer without a name")+
				", who is on the trust list in use. This says who vouches for the file, not how it was made.")
	case Remote:
		add(cordon.StatusFound, cordon.LabelManifestRemote,
			"The file names an address where its content credential is kept. Cordon does not fetch it.")
	default:
		sentence := "The file carries no content credential. Most files do not, and anyone can take one off."
		if slices.Contains(p.Informational, codeUnread) {
			sentence = "No content credential was found in what could be read of the file; parts of it could not be. Most files carry none."
		}
		add(cordon.StatusNone, cordon.LabelManifestAbsent, sentence)
	}
	return out
}

// declared returns the first declared source type of the kind, in short, or "".
func (p *Provenance) declared(k sourceKind) string {
	i := slices.IndexFunc(p.SourceTypes, func(t string) bool { return classify(t) == k })
	if i < 0 {
		return ""
	}
	t := strings.TrimRight(p.SourceTypes[i], "/#")
	return t[strings.LastIndexAny(t, "/#:")+1:]
}

// standing says what to make of a declaration when the manifest does not hold.
func (p *Provenance) standing() string {
	if p.State == Invalid {
		return " The credential itself does not hold, which does not take the statement back."
	}
	return ""
}

// broken says what is wrong where the failures that count are all of one sort.
func (p *Provenance) broken() string {
	switch {
	case p.only(codeDenied):
		return "The content credential fits the file, but your own list denies the certificate of its signer"
	case p.only(codeRevoked):
		return "The content credential fits the file, but the certificate of its signer was revoked"
	case p.only(codeExpired):
		return "The content credential fits the file, but the certificate of its signer is out of date, and no time stamp that can be relied on says that it was used in time"
	case p.only(codeDataMismatch, codeBoxesMismatch, codeBMFFMismatch):
		return "The file is not the one that its content credential was made for: it was changed since"
	}
	return "The file carries a content credential that does not match it or cannot be read"
}

// only reports whether nothing else is wrong than what the codes say.
func (p *Provenance) only(codes ...string) bool {
	return !slices.ContainsFunc(p.reasons(), func(c string) bool { return !slices.Contains(codes, c) })
}

// said is what a credential says in other words than a source type.
type said struct {
	label    cordon.Label
	sentence string
}

// weighed holds what manifests say beside source types against the dictionary: names of programs,
// properties of other standards, and assertions on the use of AI. What a source type says already
// is not said again.
func (p *Provenance) weighed() (out []said) {
	made, parts := p.declared(generated) != "", p.declared(composite) != ""
	names := map[declared.Strength][]string{}
	marks, _ := declared.Match(context.Background(), p.fields, 1)
	for _, m := range marks {
		names[m.Strength] = merge(names[m.Strength], []string{m.Generator})
	}
	list := func(s declared.Strength) string { return strings.Join(names[s][:min(len(names[s]), 3)], ", ") }
	if len(names[declared.Synthetic]) > 0 && !made {
		made = true
		out = append(out, said{cordon.LabelGeneratorDeclared,
			"A content credential in the file says that a trained model made it (" + list(declared.Synthetic) + ")." + p.standing()})
	}
	if len(names[declared.Composite]) > 0 && !made && !parts {
		parts = true
		out = append(out, said{cordon.LabelCompositeDeclared,
			"A content credential in the file says that parts of it were made by a trained model (" + list(declared.Composite) + ")." + p.standing()})
	}
	switch {
	case made || parts:
	case len(p.Disclosures) > 0:
		out = append(out, said{cordon.LabelPossibleTag,
			"A content credential in the file discloses that AI was used for it (" + strings.Join(p.Disclosures[:min(len(p.Disclosures), 3)], ", ") + ")." + p.standing()})
	case len(names[declared.Declares]) > 0:
		out = append(out, said{cordon.LabelPossibleTag,
			"A content credential in the file names a program that generates content (" + list(declared.Declares) + "), and does not say what that did." + p.standing()})
	case len(names[declared.Possible]) > 0:
		out = append(out, said{cordon.LabelPossibleTag,
			"A content credential in the file says that a trained model may have been at work (" + list(declared.Possible) + ")." + p.standing()})
	}
	return out
}

// reasons are the failures that count.
func (p *Provenance) reasons() []string {
	out := slices.DeleteFunc(slices.Concat(p.Failure, p.IngredientFailure), tolerated)
	slices.Sort(out)
	if out = slices.Compact(out); len(out) == 0 {
		return []string{codeGeneral}
	}
	return out
}
