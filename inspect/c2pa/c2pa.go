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
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
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
	// Denied are PEM certificates of signers or authorities whose signatures count as
	// revoked, whatever else vouches for them.
	Denied []byte
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Limits bound what one file may cost.
	Limits Limits
}

// Validator validates manifests. It is safe for concurrent use.
type Validator struct {
	signers, tsa anchors
	allowed      map[[32]byte]bool
	denied       map[[32]byte]bool
	now          func() time.Time
	limits       Limits
	trustSHA256  string
	tsaSHA256    string
	allowSHA256  string
}

// New returns a validator, or an error that names the list and the certificate that cannot
// be read.
func New(c Config) (*Validator, error) {
	v := &Validator{now: c.Now, limits: c.Limits.withDefaults(),
		trustSHA256: digestHex(c.Anchors), tsaSHA256: digestHex(c.TSAAnchors), allowSHA256: digestHex(c.Allowed)}
	if v.now == nil {
		v.now = time.Now
	}
	var err error
	if v.signers, err = readAnchors(c.Anchors); err != nil {
		return nil, fmt.Errorf("trust anchors: %w", err)
	}
	if v.tsa, err = readAnchors(c.TSAAnchors); err != nil {
		return nil, fmt.Errorf("time-stamp anchors: %w", err)
	}
	if v.allowed, err = readDigests(c.Allowed); err != nil {
		return nil, fmt.Errorf("allowed signers: %w", err)
	}
	if v.denied, err = readDigests(c.Denied); err != nil {
		return nil, fmt.Errorf("denied signers: %w", err)
	}
	return v, nil
}

// Name is the detector's name in findings.
func (v *Validator) Name() string { return "c2pa" }

// Version changes whenever the same file could get another answer.
func (v *Validator) Version() string { return "1.3" }

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
	run := &run{v: v, f: f, b: b, container: container, now: now, seen: map[*manifest]bool{}}
	if run.where, err = container.locate(f); err != nil {
		return nil, fmt.Errorf("look for a manifest: %w", err)
	}
	p := &Provenance{State: None, SourceTypes: []string{}, SoftwareAgents: []string{}, Manifests: []Manifest{},
		EvaluatedAt: now, TrustListSHA256: v.trustSHA256, TSAListSHA256: v.tsaSHA256, AllowListSHA256: v.allowSHA256,
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
	p.Elsewhere, p.SoftBindings = merge([]string{}, run.elsewhere), merge([]string{}, run.soft)
	if p.Statuses = run.list; p.Statuses == nil {
		p.Statuses = []Status{}
	}
	return p, nil
}

func digestHex(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// eachCertificate calls visit for each certificate of a PEM list. Text between blocks is
// common in published lists and ignored.
func eachCertificate(list []byte, visit func(*pem.Block) error) error {
	for n := 1; ; n++ {
		var block *pem.Block
		if block, list = pem.Decode(list); block == nil {
			if n == 1 && len(bytes.TrimSpace(list)) > 0 {
				return errors.New("there is no PEM certificate in the list")
			}
			return nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if err := visit(block); err != nil {
			return fmt.Errorf("certificate %d of the list: %w", n, err)
		}
	}
}

func readAnchors(list []byte) (anchors, error) {
	out := anchors{pool: x509.NewCertPool()}
	err := eachCertificate(list, func(b *pem.Block) error {
		c, err := parseCertificate(b.Bytes)
		if err != nil {
			return err
		}
		out.pool.AddCert(c)
		out.count++
		return nil
	})
	return out, err
}

func readDigests(list []byte) (map[[32]byte]bool, error) {
	out := map[[32]byte]bool{}
	err := eachCertificate(list, func(b *pem.Block) error {
		out[sha256.Sum256(b.Bytes)] = true
		return nil
	})
	return out, err
}
