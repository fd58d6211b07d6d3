package signed

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cordonhq/cordon"
)

// proof is one signature of a document that is no PDF, as it stands in the evidence.
type proof struct {
	Form        string    `json:"form"`             // xml-signature or jws
	Where       string    `json:"where"`            // the element, member or byte it is at
	State       string    `json:"state"`            // intact, broken or unread; partial: intact, but of a part only
	Why         string    `json:"why,omitempty"`    //
	Covers      string    `json:"covers,omitempty"` // what of the document it is of
	Certificate string    `json:"certificate_sha256,omitempty"`
	KeyID       string    `json:"key_id,omitempty"`
	SignedAt    string    `json:"signed_at,omitempty"` // as it says itself
	About       string    `json:"about_sha256,omitempty"`
	Signer      *standing `json:"signer,omitempty"` // nil where there is no list of partners
}

// judge notes how a check ended.
func (p *proof) judge(err error) error {
	switch {
	case err == nil && p.State == "":
		p.State = "intact"
	case err == nil:
	case errors.Is(err, errBroken):
		p.State, p.Why = "broken", err.Error()
	case errors.Is(err, errUnread):
		p.State, p.Why = "unread", err.Error()
	default:
		return err
	}
	if p.State != "intact" && p.State != "partial" {
		p.Signer = nil // whoever it names did not sign this
	}
	return nil
}

// told makes findings of what the checks of any kind of document came to.
type told struct {
	out    []cordon.Finding
	detail map[string]any
}

func (s *told) found(status cordon.FindingStatus, label cordon.Label, format string, args ...any) {
	s.out = append(s.out, cordon.Finding{Status: status, Class: cordon.Deterministic, Label: label,
		Sentence: fmt.Sprintf(format, args...), Detail: s.detail})
}

// signers says the worst of what the list says of those whose signatures hold.
func (s *told) signers(all []*standing) (said bool) {
	for _, c := range []struct {
		state, sentence string
		label           cordon.Label
	}{
		{revoked, "A signature of the document holds, and its signer is revoked: %s (list %s, version %s of %s).", cordon.LabelSignerRevoked},
		{expired, "A signature of the document holds, and its signer is no longer valid: %s (list %s, version %s of %s).", cordon.LabelSignerExpired},
		{untrusted, "A signature of the document holds, and its signer is not among the partners: %s (list %s, version %s of %s).", cordon.LabelSignerUntrusted},
	} {
		if i := slices.IndexFunc(all, func(st *standing) bool { return st != nil && st.State == c.state }); i >= 0 {
			l := all[i].List
			s.found(cordon.StatusFound, c.label, c.sentence, all[i].Why, l.Name, l.Version, l.Date)
			return true
		}
	}
	if i := slices.IndexFunc(all, func(st *standing) bool { return st != nil }); i >= 0 {
		l := all[i].List
		s.found(cordon.StatusFound, cordon.LabelSignerTrusted, "The document is signed by a partner (list %s, version %s of %s), and the signature holds. It says nothing of what the document claims.", l.Name, l.Version, l.Date)
		return true
	}
	return false
}

// proofs says the strongest thing of each kind, with all signatures as evidence.
func proofs(all []proof, err error) []cordon.Finding {
	if all == nil {
		all = []proof{}
	}
	s := &told{detail: map[string]any{"signatures": all}}
	if err != nil {
		s.detail["error"] = err.Error()
	}
	first := func(states ...string) *proof {
		if i := slices.IndexFunc(all, func(p proof) bool { return slices.Contains(states, p.State) }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	if p := first("broken"); p != nil {
		s.found(cordon.StatusFound, cordon.LabelSignatureBroken, "A signature of the document, at %s, %s.", p.Where, p.Why)
	}
	switch p := first("unread", "partial"); {
	case p != nil:
		s.found(cordon.StatusFound, cordon.LabelSignatureUnread, "A signature of the document is there, at %s; it %s.", p.Where, p.Why)
	case err != nil:
		s.found(cordon.StatusFound, cordon.LabelSignatureUnread, "Whether the document is signed cannot be checked.")
	}
	var standings []*standing
	for _, p := range all {
		if p.State == "intact" {
			standings = append(standings, p.Signer)
		}
	}
	if s.signers(standings); len(s.out) > 0 {
		return s.out
	}
	if len(all) == 0 {
		s.found(cordon.StatusNone, cordon.LabelNotSigned, "The document carries no signature, as most do not.")
	} else {
		s.found(cordon.StatusFound, cordon.LabelSignatureIntact, "The document is signed, and what is signed is as it was (signatures: %d). Who signed was not checked: there is no list of partners.", len(all))
	}
	return s.out
}
