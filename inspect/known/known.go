// Package known looks a file up by its exact bytes in lists that its caller keeps: files
// that must not pass, and files that may.
//
// Only the SHA-256 leaves the package, to the look-up it was given. One changed bit makes
// another file; near copies are not this detector's matter.
package known

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// Lawful is the label of an entry on a list of files that may pass. Every other label,
// also an empty or unheard-of one, means a file that must not.
const Lawful = string(cordon.LabelKnownLawful)

// Lookup asks the lists of the tenant at hand for a digest. label is what the list says of
// the entry; found is false if no list has it.
type Lookup func(ctx context.Context, sum [sha256.Size]byte) (label string, found bool, err error)

// Detector implements inspect.Detector.
type Detector struct{ lookup Lookup }

// New returns a detector that asks lookup once a file.
func New(lookup Lookup) *Detector { return &Detector{lookup} }

// Name implements inspect.Detector.
func (*Detector) Name() string { return "known" }

// Version implements inspect.Detector.
func (*Detector) Version() string { return "1" }

// Inspect implements inspect.Detector. A list that cannot be asked is an error, and so a
// finding that the check failed: silence is never taken for "not known".
func (d *Detector) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	if d.lookup == nil {
		return nil, errors.New("no lists to look into; give known.New a look-up or leave the detector out")
	}
	sum, err := m.Digest(ctx)
	if err != nil {
		return nil, err
	}
	label, found, err := d.lookup(ctx, sum)
	if err != nil {
		return nil, fmt.Errorf("look up in the lists of known files: %w", err)
	}
	f := cordon.Finding{Class: cordon.Deterministic, Detail: map[string]any{}}
	switch {
	case !found:
		f.Status, f.Label, f.Sentence = cordon.StatusNone, cordon.LabelNotKnown, "The file is on no list of known files."
	case label == Lawful:
		f.Status, f.Label, f.Sentence = cordon.StatusFound, cordon.LabelKnownLawful, "The file is on a list of known files that may pass."
	default:
		f.Status, f.Label, f.Sentence = cordon.StatusFound, cordon.LabelKnownFile, "The file is on a list of known files that must not pass."
	}
	if found {
		f.Detail["list_label"] = label
	}
	return []cordon.Finding{f}, nil
}
