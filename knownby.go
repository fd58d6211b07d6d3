package cordon

import (
	"fmt"
	"slices"
	"time"
)

// KnownBy is who changes the lists of known files. Decides says that they may decide about
// items: nobody else lets pass through a list what would be held without it.
type KnownBy struct {
	Actor   Actor
	Decides bool
}

// KnownReason is why something is on a list, as a code: what the ledger says of it.
type KnownReason string

// Reasons. Most name a lawful use of what a machine made or changed.
const (
	KnownUnstated      KnownReason = "unstated"
	KnownSpeechDevice  KnownReason = "speech-device"       // the voice of somebody who cannot speak
	KnownNoiseRemoved  KnownReason = "noise-removed"       // noise or a background taken away
	KnownReconstructed KnownReason = "reconstructed-scan"  // a scan that a machine computed
	KnownTranslated    KnownReason = "machine-translation" // a letter that a machine translated
	KnownDictated      KnownReason = "dictated-summary"    // a text that a machine wrote down or summed up
	KnownOwnMaterial   KnownReason = "own-material"        // the organisation made it: a logo, a form, an avatar
	KnownConsented     KnownReason = "consented"           // whoever it shows has agreed to it
	KnownTest          KnownReason = "test-material"
	KnownMistake       KnownReason = "mistake" // what a list said of it was wrong
	KnownOther         KnownReason = "other"   // the note says more
)

// KnownReasons returns every reason.
func KnownReasons() []KnownReason {
	return []KnownReason{KnownUnstated, KnownSpeechDevice, KnownNoiseRemoved, KnownReconstructed, KnownTranslated, KnownDictated,
		KnownOwnMaterial, KnownConsented, KnownTest, KnownMistake, KnownOther}
}

// Valid reports whether there is such a reason.
func (r KnownReason) Valid() bool { return slices.Contains(KnownReasons(), r) }

// Excuses reports whether what is on the list may pass where it would be held without it, or
// counts for less.
func (l KnownList) Excuses() bool { return l == KnownLawful || l == KnownOrdinary }

// MayKnow reports whether who acts may change an entry from how it was to how it is to be; the
// zero Known is none. Whoever does not decide about items can make the lists stricter, and
// nothing that they do lets something pass.
func (by KnownBy) MayKnow(was, now Known) error {
	loosens := now.List.Excuses() || was.List == KnownBlocked && (now.List != KnownBlocked || endsSooner(now.Expires, was.Expires))
	if !loosens || by.Decides {
		return nil
	}
	return fmt.Errorf("%w: that lets a file pass which would be held, so it takes somebody who may decide about items, such as a reviewer", ErrForbidden)
}

func endsSooner(a, b time.Time) bool { return !a.IsZero() && (b.IsZero() || a.Before(b)) }
