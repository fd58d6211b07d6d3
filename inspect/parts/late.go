package parts

import "github.com/cordonhq/cordon/media"

// Late implements inspect.Late: where nobody waits more pixels, frames and key frames are decoded,
// and each file inside is looked at as one of its own would be. All detectors look again, because
// none of them has seen what was beyond the limits in front.
func (p *Parts) Late(t media.Type) bool { return opener(t) != nil }
