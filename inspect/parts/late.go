package parts

import (
	"slices"

	"github.com/cordonhq/cordon/media"
)

// late is a detector that has more to say where nobody waits. inspect.Late is one.
type late interface{ Late(t media.Type) bool }

// Late implements inspect.Late: what is inside may be looked at late as a file of its own would.
func (p *Parts) Late(t media.Type) bool {
	return opener(t) != nil && slices.ContainsFunc(p.detectors, isLate) || Films(t) && p.limits.KeyFrames > 0
}

// isLate reports whether a detector looks late at any file that can be inside of others.
func isLate(d Detector) bool {
	l, ok := d.(late)
	return ok && slices.ContainsFunc(media.Types(), func(t media.Type) bool { return wanted(t) && l.Late(t) })
}

// OnlyLate returns a detector that has what is inside looked at by those who look late, and by
// nobody else. Of recordings more pictures are looked at late, by all.
func (p *Parts) OnlyLate() *Parts {
	return &Parts{slices.DeleteFunc(slices.Clone(p.detectors), func(d Detector) bool { return !isLate(d) }), p.frames, p.limits}
}
