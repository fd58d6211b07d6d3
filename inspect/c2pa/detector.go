package c2pa

import (
	"context"
	"errors"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// Inspect validates the manifests of m and says what they mean for a decision.
func (v *Validator) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	p, err := v.Validate(ctx, m, m.Size())
	if errors.Is(err, ErrContainer) {
		return []cordon.Finding{{
			Detector: v.Name(), Version: v.Version(), Status: cordon.StatusNotApplicable, Class: cordon.Deterministic,
			Label:    cordon.LabelNotCovered,
			Sentence: "This release does not look for content credentials in this kind of file.",
			Detail:   map[string]any{"media_type": m.MediaType()},
		}}, nil
	}
	if err != nil {
		return nil, err
	}
	return v.Findings(p), nil
}
