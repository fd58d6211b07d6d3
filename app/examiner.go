package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/pdq"
)

// previewSide is the longest side of a preview in pixels.
const previewSide = 1024

// lanes are a tenant's detectors: in front of the CRM somebody waits for the verdict, beside
// it there is time for those that search. late has only what beside has more than inFront.
type lanes struct {
	inFront, beside *inspect.Inspector
	late            lateLane
	further         *inspect.Inspector // beside, with more time
}

// examiner opens content and runs the detectors of its tenant over it.
type examiner struct {
	inspectors map[cordon.TenantID]lanes
	limits     media.Limits
	skipPixels bool // where somebody waits
	latePixels *media.Budget
	furtherOne chan struct{} // holds what is looked at with more room than usual: one file at a time
	traffic    traffic
	queue      *inspect.Queue
}

var _ flow.Examiner = (*examiner)(nil)

func (e *examiner) Sniff(head []byte) string { return media.Sniff(head).MediaType() }

// Keep implements flow.Examiner.
func (e *examiner) Keep(tenant cordon.TenantID, caller string) (flow.Place, error) {
	p, err := e.queue.Keep(tenant, caller)
	if err != nil {
		return nil, err // and no nil inside of an interface
	}
	return p, nil
}

// Examine implements flow.Examiner.
func (e *examiner) Examine(ctx context.Context, c cordon.Content, hint flow.Hint) (flow.Look, []cordon.Finding, error) {
	place := hint.Place
	if place == nil && hint.Waited {
		var err error
		if place, err = e.Keep(hint.Tenant, ""); err != nil {
			return flow.Look{}, nil, err
		}
	} else if place == nil {
		place = e.queue.Beside()
	}
	defer place.Leave()
	since, err := place.Enter(ctx, hint.Patience)
	if err != nil {
		return flow.Look{}, nil, err
	}
	lim := e.limits
	if hint.Waited && e.skipPixels {
		lim.MaxPixels = 1
	}
	m, err := open(c, lim, hint)
	if err != nil {
		if cordon.Unavailable(err) {
			return flow.Look{}, nil, fmt.Errorf("open the stored bytes: %w", err)
		}
		return flow.Look{MediaType: "application/octet-stream", Modality: cordon.Other}, unopened(err), nil
	}
	defer m.Close()
	m.Admitted = since
	lane := e.inspectors[hint.Tenant].beside
	if hint.Waited {
		lane = e.inspectors[hint.Tenant].inFront
		e.traffic.waited.Add(1)
		defer e.traffic.waited.Add(-1)
	}
	found, err := lane.Begin(ctx, m)
	if err == nil && hint.Waited && place.Crowded() && slices.ContainsFunc(found, ranOut) {
		err = fmt.Errorf("%w: a check did not end in time beside all the others", cordon.ErrBusy)
	}
	if err != nil {
		return flow.Look{}, nil, err
	}
	if !hint.Waited && slices.ContainsFunc(found, cordon.Finding.Further) {
		place.Leave()
		if further, ok := e.again(ctx, c, hint); ok { // nobody waits, so it need not be late
			found = further
		}
	}
	look := flow.Look{MediaType: m.MediaType(), Modality: m.Modality()}
	if print, ok := m.Fingerprinted(); ok && print.Quality >= pdq.MinQuality {
		look.Print = &flow.Print{Hash: print.PDQ}
	}
	return look, found, nil
}

// ranOut reports whether a check did not end in time. Alone that says something of the file;
// beside many others it may say something of the machine, and no file is kept back for that.
func ranOut(f cordon.Finding) bool {
	return f.Status == cordon.StatusFailed && f.Label == cordon.LabelTimeout
}

func open(c cordon.Content, lim media.Limits, hint flow.Hint) (*media.Media, error) {
	m, err := media.Open(c, c.Size(), lim)
	if err != nil {
		return nil, err
	}
	m.Declared = media.Declared{Name: hint.Name, MediaType: hint.DeclaredType}
	m.SetDigest(hint.SHA256)
	m.Uploaded = hint.Uploaded
	return m, nil
}

// unopened says that stored bytes could not be opened.
func unopened(err error) []cordon.Finding {
	return []cordon.Finding{{
		Detector: "media", Version: "1", Status: cordon.StatusFailed, Class: cordon.Deterministic, Label: cordon.LabelUnreadable,
		Sentence: "The stored bytes could not be opened.", Detail: map[string]any{"error": err.Error()},
	}}
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
