package inspect

import "github.com/cordonhq/cordon/media"

// Late is a Detector that has more to say of some content where nobody waits. It is asked again
// for that after the content was let through.
type Late interface {
	Detector
	// Late reports whether it has, of content of the type. It is asked beforehand, so that
	// content which nobody has to look at late costs nothing.
	Late(t media.Type) bool
}
