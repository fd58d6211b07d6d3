package decide

import (
	"slices"

	"github.com/cordonhq/cordon"
)

// outcomes from strongest to weakest: the first that any evidence supports is concluded.
var outcomes = []cordon.Outcome{cordon.Synthetic, cordon.Altered, cordon.CannotTell, cordon.NotTested, cordon.NoSign}

// actions from mild to strict: the strictest that anything asks for is taken.
var actions = []cordon.Action{cordon.Pass, cordon.Watch, cordon.Hold, cordon.Page}

// structural labels say nothing about what the content shows: a file of which only these
// are known has not been tested.
var structural = []cordon.Label{
	cordon.LabelKindFine, cordon.LabelTypeMismatch, cordon.LabelPolyglot, cordon.LabelTruncated, cordon.LabelUnreadable,
	cordon.LabelNotKnown, cordon.LabelKnownFile, cordon.LabelKnownNear, cordon.LabelKnownWatched, cordon.LabelKnownLawful, cordon.LabelKnownOrdinary,
	cordon.LabelSeenBefore, cordon.LabelSeenForOthers, cordon.LabelBurst, cordon.LabelNotSeen, cordon.LabelNotCovered,
	cordon.LabelPartsSeen, cordon.LabelPartsUnread,
	cordon.LabelClinicalAcquisition, cordon.LabelClinicalDerived, cordon.LabelClinicalUnstated, cordon.LabelClinicalOdd,
	cordon.LabelSignatureIntact, cordon.LabelSignatureUnread, cordon.LabelNotSigned,
	cordon.LabelSignerRevoked, cordon.LabelSignerExpired, cordon.LabelSignerUntrusted, cordon.LabelSignerTrusted,
	cordon.LabelDocumentPatched, cordon.LabelDocumentPlain,
	cordon.LabelMRZInconsistent, cordon.LabelMRZConsistent, cordon.LabelNoMRZ,
	cordon.LabelRecordingSpliced, cordon.LabelRecordingEdited, cordon.LabelRecordingInconsistent, cordon.LabelRecordingPlain,
	cordon.LabelCaptureTime, cordon.LabelCaptureTimeOdd, cordon.LabelCaptureTimeUnknown,
	cordon.LabelNotLookedAt, cordon.LabelBytesUnknown,
}

// unseen is the label whose rule applies to what a check did not look at. It is the default
// table of the law that "no sign" is said only where every check that applies has looked;
// docs/policy.md shows it.
var unseen = map[cordon.Look]cordon.Label{
	cordon.LookDamaged:      cordon.LabelUnreadable,
	cordon.LookEncrypted:    cordon.LabelPartsUnread,
	cordon.LookUnopened:     cordon.LabelPartsUnread,
	cordon.LookBeyondLimits: cordon.LabelLimit,
	cordon.LookNoDecoder:    cordon.LabelNotLookedAt,
}

// Decide returns the verdict on an item, with At left zero.
//
// Evidence is what was found and is deterministic. Scores and context alone never hold:
// they can at most ask that an item be watched, until a threshold with a stated guarantee
// is in force. A check that failed means what the item's route says silence means; so does
// an item without a single finding.
func (p *Policy) Decide(item cordon.Item, found []cordon.Finding) cordon.Verdict {
	v := verdict{outcome: cordon.NoSign, action: cordon.Pass, reasons: []cordon.Reason{}}
	evidence, notCovered := p.rules(item)
	lawful := slices.ContainsFunc(found, func(f cordon.Finding) bool {
		return f.Label == cordon.LabelKnownLawful && f.Status == cordon.StatusFound && f.Class == cordon.Deterministic
	})

	tested, silent := false, len(found) == 0
	for _, f := range found {
		switch f.Status {
		case cordon.StatusFailed:
			if f.Label != cordon.LabelLimit {
				silent = true
				continue
			}
			// Waiting longer would not help: what is too large stays too large. It is weighed below.
		case cordon.StatusFound:
			rule, speaks := evidence[f.Label]
			switch {
			case f.Class != cordon.Deterministic:
				if speaks && rule.Action != cordon.Pass {
					v.weigh(Rule{cordon.NoSign, cordon.Watch, rule.Reason})
				}
			case f.Label == cordon.LabelKnownLawful:
				v.because(cordon.ReasonKnownLawful)
			case speaks && lawful && slices.Contains(p.says.KnownLawful, f.Label):
				v.weigh(Rule{rule.Outcome, cordon.Pass, rule.Reason})
			case speaks:
				v.weigh(rule)
			case !f.Label.Valid():
				// Evidence of a kind that this policy has never heard of is not nothing.
				v.weigh(Rule{cordon.CannotTell, cordon.Hold, cordon.ReasonDetectorSilent})
			}
		}
		switch look := f.StatusLook(); look {
		case cordon.Looked, cordon.LookedSample, cordon.LookNothing:
		case cordon.LookFailed:
			silent = true
		default:
			// What is not looked at is never nothing, and a word that this policy has never
			// heard of has no rule, so that a person looks.
			v.weigh(evidence[unseen[look]])
		}
		if (f.Status == cordon.StatusFound || f.Status == cordon.StatusNone) && !slices.Contains(structural, f.Label) {
			tested = true
		}
	}

	if unplaced(item) {
		v.act(cordon.Hold)
		v.because(cordon.ReasonRouteUnknown)
	}
	switch {
	case silent && item.Fail == cordon.FailPassAndRescan && !v.action.Holds():
		// Only what really passes is listed as passed unscanned: that list is scanned again.
		v.weigh(Rule{cordon.CannotTell, cordon.Pass, cordon.ReasonPassedUnscanned})
	case silent:
		// FailRefuse decides the same; that the caller is refused instead of the item being
		// kept is the door's part.
		v.weigh(Rule{cordon.CannotTell, cordon.Hold, cordon.ReasonDetectorSilent})
	case !tested:
		action := notCovered[item.Modality]
		if action == "" {
			action = notCovered[cordon.Other]
		}
		v.weigh(Rule{cordon.NotTested, action, cordon.ReasonNotCovered})
	}
	if item.Mode == cordon.ModeShadow {
		// The verdict says what would have happened; flow lets the item pass.
		v.because(cordon.ReasonShadow)
	}
	slices.Sort(v.reasons)
	return cordon.Verdict{Outcome: v.outcome, Action: v.action, Reasons: slices.Compact(v.reasons), Policy: p.version}
}

// unplaced reports whether nobody has declared the way the item came in by.
func unplaced(item cordon.Item) bool {
	return item.Route == "" || item.Route == cordon.UnknownRoute().Name || item.Channel == cordon.ChannelUnknown
}

// verdict gathers what each finding asks for.
type verdict struct {
	outcome cordon.Outcome
	action  cordon.Action
	reasons []cordon.Reason
}

func (v *verdict) weigh(r Rule) {
	if r.Outcome == "" || r.Action == "" {
		// A policy has a rule for everything it can meet; if not, a person looks.
		r = Rule{cordon.CannotTell, cordon.Hold, cordon.ReasonDetectorSilent}
	}
	if slices.Index(outcomes, r.Outcome) < slices.Index(outcomes, v.outcome) {
		v.outcome = r.Outcome
	}
	v.act(r.Action)
	v.because(r.Reason)
}

func (v *verdict) act(a cordon.Action) {
	if slices.Index(actions, a) > slices.Index(actions, v.action) {
		v.action = a
	}
}

func (v *verdict) because(r cordon.Reason) { v.reasons = append(v.reasons, r) }
