package app

import (
	"context"
	"errors"

	"github.com/cordonhq/cordon/inspect/known"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/foreign"
	"github.com/cordonhq/cordon/media/sandbox"
)

// ears hear what recordings sound like, by fpcalc in the sandbox.
type ears struct{ decoder *foreign.Decoder }

var _ known.Listener = ears{}

// Listen implements known.Listener.
func (e ears) Listen(ctx context.Context, m *media.Media) (chromaprint.Print, error) {
	print, err := e.decoder.Sound(ctx, foreign.Recording{From: m, Size: m.Size(), Format: foreign.Format(m.Type)})
	if errors.Is(err, sandbox.ErrAbsent) || errors.Is(err, sandbox.ErrNotLocked) {
		return nil, errors.Join(known.ErrAbsent, err)
	}
	return print, err
}

// Listen implements known.Listener for the detectors of a tenant. It takes its time, so nobody
// waits for it who has no recording on a list.
func (k knownLists) Listen(ctx context.Context, m *media.Media) (chromaprint.Print, error) {
	if some, err := k.l.lists[k.tenant].HasSounds(ctx); err != nil {
		return nil, err
	} else if !some {
		return nil, known.ErrNothingListed
	}
	return k.l.ears.Listen(ctx, m)
}
