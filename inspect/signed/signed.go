// Package signed checks the signatures of documents, and what became of a PDF document after it
// was signed: PDF signatures, XML signatures of clinical documents (CDA) and others, signatures
// of FHIR resources, and signatures for the web (JWS).
//
// A signature of a PDF file covers the bytes up to some revision of it. Whoever has the file
// can append another revision that shows something else on the signed pages, and the signature
// still holds for what it covers. So two things are asked of each signature: does it hold for
// its bytes (ISO 32000-2, 12.8; CMS, RFC 5652; PAdES, ETSI EN 319 142-1), and do the pages
// still show what they showed then. Further signatures, time stamps, fields that were filled in
// and notes leave the pages as they were.
//
// XML and JSON are signed in a canonical form, and a signature may be of a part only. What is not
// covered is said: a signature that was moved to another document covers nothing that is read.
//
// Who signed is asked where there is a list of partners. A signature that holds says nothing of
// what the document claims.
package signed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/pdf"
)

// Config of the detector. The zero value works, and asks of nobody who signed.
type Config struct {
	// Partners are those whose signatures count. Default: nobody is asked after.
	Partners *Partners
	// Now tells the time at which certificates are judged. Default: time.Now.
	Now func() time.Time
}

// Signed implements inspect.Detector.
type Signed struct {
	partners *partners
}

// New returns the detector. It fails if the list of partners cannot be read.
func New(conf Config) (*Signed, error) {
	s := &Signed{}
	if conf.Partners != nil {
		var err error
		if s.partners, err = conf.Partners.read(conf.Now); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Name implements inspect.Detector.
func (*Signed) Name() string { return "signed" }

// Version implements inspect.Detector.
func (*Signed) Version() string { return "3" }

// Inspect implements inspect.Detector.
func (s *Signed) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	switch m.Type {
	case media.PDF:
	case media.CDA, media.FHIRJSON, media.FHIRXML, media.JOSE, media.XML:
		all, err := s.text(ctx, m)
		if err != nil && !errors.Is(err, errUnread) {
			return nil, err
		}
		return proofs(all, err), nil
	default:
		return []cordon.Finding{{Status: cordon.StatusNotApplicable, Class: cordon.Deterministic, Label: cordon.LabelNotCovered,
			Sentence: "Signatures are looked for in documents: PDF, clinical documents, FHIR, XML and JWS."}}, nil
	}
	d := &document{File: pdf.NewFile(ctx, m, m.Size()), partners: s.partners}
	signatures, err := d.inspect(func() error {
		file, err := m.PDF(ctx)
		if file != nil {
			d.File = file
		}
		return err
	})
	if err != nil && !errors.Is(err, errUnread) {
		return nil, err
	}
	return d.findings(signatures, err), nil
}

// inspect checks all signatures, each for itself and then for what came after it.
func (d *document) inspect(scan func() error) ([]signature, error) {
	// A signature has this key as it is, or no reader that fills in its numbers would find it.
	// Most documents have none, and are not read any further.
	if at, _, err := d.Find(0, "/ByteRange"); err != nil || at < 0 {
		return nil, err
	}
	if err := scan(); err != nil {
		return nil, err
	}
	all, err := d.signatures()
	if err != nil {
		return nil, err
	}
	for i := range all {
		s := &all[i]
		if s.State != "intact" || s.Whole {
			continue
		}
		if err := d.since(s); errors.Is(err, errUnread) {
			s.State, s.Why = "unread", "what was added after it "+err.Error()
		} else if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// since looks at what came after a signature that holds.
func (d *document) since(s *signature) error {
	var err error
	was, is := d.view(d.View(s.end)), d.view(d.Now())
	if s.Added, err = d.addedSince(was, is); err != nil || s.Added == nil {
		return err
	}
	pages, what, err := d.changed(was, is)
	if err != nil {
		return err
	}
	s.Changed = pages
	switch {
	case len(pages) > 0:
		s.State, s.Why = "changed", "pages show something else than when they were signed"
	case what != "":
		s.State, s.Why = "changed", "other layers of the pages are shown than when they were signed"
	case s.Permits == 1 && s.Added.refilled:
		s.State, s.Why = "changed", "the signature permits no changes, and fields or notes were changed after it"
	}
	return nil
}

// findings says the strongest thing of each kind, with all signatures as evidence.
func (d *document) findings(all []signature, err error) (out []cordon.Finding) {
	if all == nil {
		all = []signature{}
	}
	say := func(status cordon.FindingStatus, label cordon.Label, sentence string) {
		detail := map[string]any{"signatures": all, "revisions": append([]int64{}, d.Revisions...)}
		if err != nil {
			detail["error"] = err.Error()
		}
		out = append(out, cordon.Finding{Status: status, Class: cordon.Deterministic, Label: label, Sentence: sentence, Detail: detail})
	}
	first := func(state string) *signature {
		if i := slices.IndexFunc(all, func(s signature) bool { return s.State == state }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	if s := first("changed"); s != nil {
		where := s.Why
		if len(s.Changed) > 0 {
			p := s.Changed[0]
			where = fmt.Sprintf("page %d (object %d) was %s", p.Page, p.Object, p.How)
			if n := len(s.Changed) - 1; n > 0 {
				where += fmt.Sprintf(", and %d more", n)
			}
		}
		say(cordon.StatusFound, cordon.LabelSignedThenChanged, fmt.Sprintf(
			"The document shows something else than when it was signed: %s, in bytes %d to %d, behind the signature in object %d.",
			where, s.Added.From, s.Added.To, s.Object))
	}
	if s := first("broken"); s != nil {
		say(cordon.StatusFound, cordon.LabelSignatureBroken, fmt.Sprintf(
			"A signature of the document, in object %d, %s.", s.Object, s.Why))
	}
	if s := first("unread"); s != nil || err != nil {
		sentence := "Whether the document is signed, and what was added since, cannot be checked."
		if s != nil {
			sentence = fmt.Sprintf("A signature of the document, in object %d, is there; %s.", s.Object, strings.Replace(s.Why, errUnread.Error(), "it "+errUnread.Error(), 1))
		}
		say(cordon.StatusFound, cordon.LabelSignatureUnread, sentence)
	}
	if s := first("resaved"); s != nil {
		say(cordon.StatusFound, cordon.LabelSignatureUnread, fmt.Sprintf("Its issuer certified the form and permits that it be filled in. "+
			"Another program has written it anew since, so that the signature, in object %d, cannot be checked. That is how many programs save a form.", s.Object))
	}
	who := &told{detail: map[string]any{"signatures": all, "revisions": append([]int64{}, d.Revisions...)}}
	var standings []*standing
	for _, s := range all {
		if s.State == "intact" {
			standings = append(standings, s.Signer)
		}
	}
	if who.signers(standings); len(out)+len(who.out) > 0 {
		return append(out, who.out...)
	}
	rights := slices.DeleteFunc(slices.Clone(all), func(s signature) bool { return s.State != "usage-rights" })
	if len(all) > 0 && len(rights) == len(all) {
		say(cordon.StatusNone, cordon.LabelNotSigned, "The document carries no signature that anybody made: what is there lets a reader fill it in and save it.")
		return out
	}
	if len(all) == 0 {
		say(cordon.StatusNone, cordon.LabelNotSigned, "The document carries no signature, as most do not.")
		return out
	}
	sentence := fmt.Sprintf("The document carries %d signatures or time stamps, which hold. Who signed was not checked.", len(all)-len(rights))
	if len(all)-len(rights) == 1 {
		sentence = "The document carries a signature, which holds. Who signed was not checked."
	}
	if slices.ContainsFunc(all, func(s signature) bool { return s.Added != nil }) {
		sentence += " What was added after it leaves the pages as they were."
	}
	say(cordon.StatusFound, cordon.LabelSignatureIntact, sentence)
	return out
}
