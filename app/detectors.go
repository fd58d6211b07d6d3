package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/c2pa"
	"github.com/cordonhq/cordon/inspect/kind"
	"github.com/cordonhq/cordon/inspect/known"
	"github.com/cordonhq/cordon/inspect/marks"
)

// Trust is whom the provenance detector believes, and when.
type Trust struct {
	Anchors    []byte // PEM
	TSAAnchors []byte // PEM
	Now        func() time.Time
}

// detectors is the list of what looks at every item: one folder and one line each.
func detectors(trust Trust, look known.Lookup) ([]inspect.Detector, error) {
	provenance, err := c2pa.New(c2pa.Config{Anchors: trust.Anchors, TSAAnchors: trust.TSAAnchors, Now: trust.Now})
	if err != nil {
		return nil, fmt.Errorf("content credentials: %w", err)
	}
	return []inspect.Detector{
		provenance,
		marks.New(marks.Config{}),
		known.New(look),
		kind.New(kind.Config{}),
	}, nil
}

// nobody is the list of known files of a scan: it knows none.
func nobody(context.Context, [sha256.Size]byte) (string, bool, error) { return "", false, nil }
