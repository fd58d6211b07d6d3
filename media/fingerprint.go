package media

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon/media/pdq"
)

// Fingerprint is a perceptual hash and how much it rests on.
type Fingerprint struct {
	PDQ     pdq.Hash
	Quality int // 0 to 100; below pdq.MinQuality the hash says nothing
}

type fingerprint struct {
	lock  chan struct{}
	known bool
	print Fingerprint
}

// Fingerprint returns the perceptual hash of the picture as it is stored, computed at most
// once. Errors are those of Pixels.
func (m *Media) Fingerprint(ctx context.Context) (Fingerprint, error) {
	f := &m.fingerprint
	select {
	case f.lock <- struct{}{}:
		defer func() { <-f.lock }()
	case <-ctx.Done():
		return Fingerprint{}, ctx.Err()
	}
	if f.known {
		return f.print, nil
	}
	img, err := m.Pixels(ctx)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("fingerprint: %w", err)
	}
	f.print.PDQ, f.print.Quality = pdq.Of(img)
	f.known = true
	return f.print, nil
}

// Fingerprinted returns the perceptual hash if somebody has asked for it and it is there. It
// decodes nothing and waits for nobody.
func (m *Media) Fingerprinted() (print Fingerprint, ok bool) {
	f := &m.fingerprint
	select {
	case f.lock <- struct{}{}:
		defer func() { <-f.lock }()
		return f.print, f.known
	default:
		return print, false
	}
}
