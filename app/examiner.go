package app

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/media"
)

// previewSide is the longest side of a preview in pixels.
const previewSide = 1024

// lanes are a tenant's detectors: in front of the CRM somebody waits for the verdict, beside
// it there is time for those that search.
type lanes struct{ inFront, beside *inspect.Inspector }

// examiner opens content and runs the detectors of its tenant over it.
type examiner struct {
	inspectors map[cordon.TenantID]lanes
	limits     media.Limits
	skipPixels bool // where somebody waits
}

var _ flow.Examiner = (*examiner)(nil)

func (e *examiner) Sniff(head []byte) string { return media.Sniff(head).MediaType() }

func (e *examiner) Examine(ctx context.Context, c cordon.Content, hint flow.Hint) (flow.Look, []cordon.Finding) {
	lim := e.limits
	if hint.Waited && e.skipPixels {
		lim.MaxPixels = 1
	}
	m, err := media.Open(c, c.Size(), lim)
	if err != nil {
		return flow.Look{MediaType: "application/octet-stream", Modality: cordon.Other}, []cordon.Finding{{
			Detector: "media", Version: "1", Status: cordon.StatusFailed, Class: cordon.Deterministic, Label: cordon.LabelUnreadable,
			Sentence: "The stored bytes could not be opened.", Detail: map[string]any{"error": err.Error()},
		}}
	}
	defer m.Close()
	m.Declared = media.Declared{Name: hint.Name, MediaType: hint.DeclaredType}
	m.SetDigest(hint.SHA256)
	m.Uploaded = hint.Uploaded
	lane := e.inspectors[hint.Tenant].inFront
	if !hint.Waited {
		lane = e.inspectors[hint.Tenant].beside
	}
	return flow.Look{MediaType: m.MediaType(), Modality: m.Modality()}, lane.Inspect(ctx, m)
}

func (e *examiner) Preview(ctx context.Context, c cordon.Content) ([]byte, string, error) {
	m, err := media.Open(c, c.Size(), e.limits)
	if err != nil {
		return nil, "", fmt.Errorf("open the item for its preview: %w", err)
	}
	defer m.Close()
	p, err := m.Preview(ctx, previewSide)
	if err != nil {
		return nil, "", err
	}
	return p.Data, p.MediaType, nil
}
