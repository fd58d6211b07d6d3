package app

import (
	"github.com/cordonhq/cordon/inspect/parts"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/foreign"
)

var _ media.Recordings = (*foreign.Decoder)(nil)

// decodeWith gives the examiner its decoder of what this process does not decode. Where it
// cannot run, recordings are not kept for a late look at their pictures, which is all that is
// late about them.
func (e *examiner) decodeWith(d *foreign.Decoder) {
	e.limits.Stills, e.limits.Recordings = d, d
	if d.Ready() == nil {
		return
	}
	for _, lanes := range e.inspectors {
		for _, t := range media.Types() {
			if parts.Films(t) {
				delete(lanes.late, t)
			}
		}
	}
}
