// Package c2pa reads Content Credentials (C2PA manifests) and validates them, natively and
// offline: it never connects to anything that a file names.
//
// Validate answers two different questions. State says whether the manifest belongs to this
// file and whether its signer leads to an anchor that the operator gave. SourceTypes says
// what any manifest of the store declares, ingredients included, and stands even when the
// signature does not: whoever says that a model made a picture is taken at their word.
// "Trusted" never means "not made by a model", and "none" never means "clean".
//
// States and status codes are those of the reference validator (c2pa-rs), with stricter
// answers where a gateway needs them; the conformance test lists every difference.
//
// Specification: https://c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html
package c2pa

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Config says whom to trust. The zero value works and trusts nobody.
type Config struct {
	// Anchors are PEM certificates that signers' chains may end in.
	Anchors []byte
	// TSAAnchors are PEM certificates that chains of time-stamp authorities may end in.
	// They do not vouch for signers, nor do Anchors vouch for time stamps.
	TSAAnchors []byte
	// Allowed are PEM certificates of signers that are trusted without a chain.
	Allowed []byte
	// Denied are PEM certificates of signers or authorities whose signatures are not accepted,
	// whatever else vouches for them.
	Denied []byte
	// Lists are further trust lists, each with its own time in force.
	Lists []List
	// DenyList has further denials, by digest, key or serial number.
	DenyList []Denial
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Limits bound what one file may cost.
	Limits Limits
}

// Validator validates manifests. It is safe for concurrent use.
type Validator struct {
	lists  []*trustList
	forces sync.Map // what counts at a time, by which lists are in force
	deny   denies
	known  cache[wayKey, ways]
	now    func() time.Time
	limits Limits
}

// New returns a validator, or an error that names the list and the certificate that cannot
// be read.
func New(c Config) (*Validator, error) {
	v := &Validator{now: c.Now, limits: c.Limits.withDefaults(), known: cache[wayKey, ways]{most: 1024}}
	if v.now == nil {
		v.now = time.Now
	}
	always := []List{{Use: ForSigners, Name: "trust anchors", PEM: c.Anchors}, {Use: ForTimeStamps, Name: "time-stamp anchors", PEM: c.TSAAnchors},
		{Use: ForAllowed, Name: "allowed signers", PEM: c.Allowed}}
	for _, l := range append(always, c.Lists...) {
		if len(l.PEM) == 0 {
			continue
		}
		t, err := openList(l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		v.lists = append(v.lists, t)
	}
	denied, err := deniedAll(c.Denied)
	if err != nil {
		return nil, fmt.Errorf("denied signers: %w", err)
	}
	v.deny = newDenies(append(denied, c.DenyList...))
	return v, nil
}

// Name is the detector's name in findings.
func (v *Validator) Name() string { return "c2pa" }

// Version changes whenever the same file could get another answer.
func (v *Validator) Version() string { return "1.5" }

// Validate reads the manifest store of a file of size bytes and validates it. The container
// is decided from content.
//
// The error is ErrContainer when this release cannot look for manifests in such a file, the
// context's error when the caller gave up, or the reader's. Everything that is wrong with
// the file or its manifests, limits included, is in the answer: State is then Invalid.
func (v *Validator) Validate(ctx context.Context, r io.ReaderAt, size int64) (*Provenance, error) {
	b := &budget{ctx: ctx, until: time.Now().Add(v.limits.Time), signatures: v.limits.Signatures, inflated: v.limits.Inflated}
	f := &file{ReaderAt: r, size: size, limits: v.limits, budget: b}
	container, mediaType, err := locatorFor(f)
	if err != nil {
		return nil, err
	}
	now := v.now().UTC()
	run := &run{v: v, f: f, b: b, container: container, now: now, force: v.force(now), seen: map[*manifest]bool{}}
	if run.where, err = container.locate(f); err != nil {
		return nil, fmt.Errorf("look for a manifest: %w", err)
	}
	p := &Provenance{State: None, SourceTypes: []string{}, SoftwareAgents: []string{}, Manifests: []Manifest{},
		EvaluatedAt: now, TrustListSHA256: run.force.sums[ForSigners], TSAListSHA256: run.force.sums[ForTimeStamps],
		AllowListSHA256: run.force.sums[ForAllowed], TrustLists: slices.Clone(run.force.records),
		Container: mediaType, RemoteURL: run.where.remote, StoreBytes: run.where.at.length}
	switch {
	case len(run.where.stores) > 0 || run.where.broken != nil:
		if err := run.validate(p); err != nil {
			return nil, err
		}
	case run.where.remote != "":
		p.State = Remote
	}
	if run.where.cutOff && p.State == None {
		p.State = Invalid
		run.add(failure, codeGeneral, "", false, "the container ends inside its own structure")
	}
	if err := run.where.unread; err != nil {
		run.add(informational, codeUnread, "", false, err.Error())
	}
	p.Success, p.Informational, p.Failure = run.codes(success, false), run.codes(informational, false), run.codes(failure, false)
	p.IngredientFailure = run.codes(failure, true)
	p.Unbound = run.unbound
	p.Elsewhere, p.SoftBindings = merge([]string{}, run.elsewhere), merge([]string{}, run.soft)
	if p.Statuses = run.list; p.Statuses == nil {
		p.Statuses = []Status{}
	}
	return p, nil
}
