package cordon

import "slices"

// Look says how far a check looked at what it is for. It stands beside what was found, because
// that nothing was found says something only where somebody looked.
type Look string

// Looks. The zero value is what a finding of an earlier release has; StatusLook says what it meant.
const (
	Looked       Look = "looked"  // at all of it
	LookedSample Look = "sample"  // at the sample that is stated: so many pixels, frames, pictures
	LookNothing  Look = "nothing" // there is nothing of its kind in such content, by nature

	// The rest is there and was not looked at. None of these is neutral.
	LookDamaged      Look = "damaged"       // it cannot be decoded
	LookEncrypted    Look = "encrypted"     // it takes a key
	LookUnopened     Look = "unopened"      // it is packed in a way that is not undone here
	LookBeyondLimits Look = "beyond-limits" // it is more than one file may cost
	LookNoDecoder    Look = "no-decoder"    // nothing here decodes it
	LookFailed       Look = "failed"        // the check did not finish
)

var looks = []Look{Looked, LookedSample, LookNothing, LookDamaged, LookEncrypted, LookUnopened, LookBeyondLimits, LookNoDecoder, LookFailed}

// Looks returns every look in the order of the reference.
func Looks() []Look { return slices.Clone(looks) }

// Valid reports whether the look is on the list.
func (l Look) Valid() bool { return slices.Contains(looks, l) }

// StatusLook is how far was looked where a finding does not say it itself.
func (f Finding) StatusLook() Look {
	switch {
	case f.Look != "":
		return f.Look
	case f.Status == StatusNotApplicable:
		return LookNothing
	case f.Status == StatusFailed && f.Label == LabelLimit:
		return LookBeyondLimits
	case f.Status == StatusFailed:
		return LookFailed
	}
	return Looked
}

// Further reports whether a look that may cost more could show what this one did not: what was
// beyond its limits, or was not opened.
func (f Finding) Further() bool {
	switch f.StatusLook() {
	case LookUnopened, LookEncrypted, LookBeyondLimits:
		return true
	}
	return f.Label == LabelLimit || f.Label == LabelPartsUnread
}
