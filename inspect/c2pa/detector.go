package c2pa

import (
	"context"
	"errors"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
)

// Inspect validates the manifests of m and says what they mean for a decision.
func (v *Validator) Inspect(ctx context.Context, m *media.Media) ([]cordon.Finding, error) {
	p, err := v.Validate(ctx, m, m.Size())
	// Converters leave the first bytes of a TIFF file in the preamble of a DICOM file, which may
	// be anything. That it leads nowhere is no sign of a file that was cut off.
	stray := err == nil && m.Type == media.DICOM && p.State == Invalid && len(p.SourceTypes) == 0 && slices.Contains(p.Informational, codeUnread)
	if errors.Is(err, ErrContainer) || stray {
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
