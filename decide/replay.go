package decide

import (
	"slices"

	"github.com/cordonhq/cordon"
)

// Want says why what is on record does not suffice to decide on an item again: to do so it
// would have to be fetched and looked at.
type Want string

// What can be wanting.
const (
	WantNothing  Want = ""             // the verdict stands on what is on record
	WantBytes    Want = "never-read"   // the CRM had deleted it, or did not give it out
	WantVerdict  Want = "not-judged"   // nobody has looked at it yet
	WantErased   Want = "erased"       // it was erased, or turned away without being kept
	WantDetector Want = "check-absent" // a check that the policy rests on had not looked at it
)

// yields names the check that finds each kind of evidence. What any check may say (that it
// met a limit, for example) is of none, and neither is context: no fresh look would find what
// had come before.
var yields = map[cordon.Label]string{
	cordon.LabelGeneratorDeclared: "c2pa", cordon.LabelCompositeDeclared: "c2pa", cordon.LabelManifestBroken: "c2pa",
	cordon.LabelManifestUntrusted: "c2pa", cordon.LabelManifestTrusted: "c2pa", cordon.LabelManifestRemote: "c2pa", cordon.LabelManifestPartial: "c2pa", cordon.LabelManifestAbsent: "c2pa",
	cordon.LabelGeneratorMark: "marks", cordon.LabelSyntheticTag: "marks", cordon.LabelCompositeTag: "marks", cordon.LabelPossibleTag: "marks",
	cordon.LabelEditorMark: "marks", cordon.LabelCameraMark: "marks", cordon.LabelOriginStated: "marks", cordon.LabelNoMarks: "marks",
	cordon.LabelGeneratorWatermark: "watermark", cordon.LabelOwnWatermark: "watermark", cordon.LabelNoWatermark: "watermark",
	cordon.LabelSignedThenChanged: "signed", cordon.LabelSignatureBroken: "signed", cordon.LabelSignatureUnread: "signed",
	cordon.LabelSignatureIntact: "signed", cordon.LabelNotSigned: "signed",
	cordon.LabelSignerRevoked: "signed", cordon.LabelSignerExpired: "signed", cordon.LabelSignerUntrusted: "signed", cordon.LabelSignerTrusted: "signed",
	cordon.LabelDocumentPatched: "layout", cordon.LabelDocumentPlain: "layout",
	cordon.LabelMRZInconsistent: "mrz", cordon.LabelMRZConsistent: "mrz", cordon.LabelNoMRZ: "mrz",
	cordon.LabelRecordingSpliced: "recording", cordon.LabelRecordingEdited: "recording", cordon.LabelRecordingInconsistent: "recording", cordon.LabelRecordingPlain: "recording",
	cordon.LabelCaptureTime: "capture", cordon.LabelCaptureTimeOdd: "capture", cordon.LabelCaptureTimeUnknown: "capture",
	cordon.LabelPartsSeen: "parts", cordon.LabelPartsUnread: "parts",
	cordon.LabelClinicalAcquisition: "dicom", cordon.LabelClinicalDerived: "dicom", cordon.LabelClinicalUnstated: "dicom", cordon.LabelClinicalOdd: "dicom",
	cordon.LabelKnownFile: "known", cordon.LabelKnownNear: "known", cordon.LabelKnownWatched: "known", cordon.LabelKnownLawful: "known",
	cordon.LabelKnownOrdinary: "known", cordon.LabelNotKnown: "known",
	cordon.LabelTypeMismatch: "kind", cordon.LabelPolyglot: "kind", cordon.LabelTruncated: "kind", cordon.LabelUnreadable: "kind", cordon.LabelKindFine: "kind",
	cordon.LabelBytesUnknown: "kind",
}

// only are checks that have nothing to say but of some kinds of content: other items that came
// before there was such a check lack nothing for it.
var only = map[string][]cordon.Modality{"layout": {cordon.Document}, "signed": {cordon.Document}, "mrz": {cordon.Document, cordon.Other},
	"recording": {cordon.Video, cordon.Audio}}

// Replay decides again on an item that is on record, from everything that was ever found of
// it, in the order it was added. Under the policy that decided first it gives the verdict on
// record, except At. Where something is wanting there is no verdict, and detector names the
// check that is absent.
//
// Neither the sentences of the findings nor their details are looked at: these are sealed.
func (p *Policy) Replay(item cordon.Item, found []cordon.Finding) (v cordon.Verdict, want Want, detector string) {
	switch {
	case item.State == cordon.Erased:
		return v, WantErased, ""
	case item.Verdict == nil:
		return v, WantVerdict, ""
	case slices.Contains(item.Verdict.Reasons, cordon.ReasonGone), slices.Contains(item.Verdict.Reasons, cordon.ReasonNotReadable):
		return v, WantBytes, ""
	}
	found = cordon.Standing(found)
	if item.Verdict.Policy != p.version {
		if absent := p.absent(item, found); absent != "" {
			return v, WantDetector, absent
		}
	}
	v = p.Decide(item, found)
	// That the CRM had it already is no matter of policy: the verdict then says what would have
	// happened, whatever it is.
	if slices.Contains(item.Verdict.Reasons, cordon.ReasonShadow) && !slices.Contains(v.Reasons, cordon.ReasonShadow) {
		v.Reasons = append(v.Reasons, cordon.ReasonShadow)
		slices.Sort(v.Reasons)
	}
	return v, WantNothing, ""
}

// absent names a check that the policy rests on for such an item and that says nothing of it,
// not even that it failed. What it says of parts does not count.
func (p *Policy) absent(item cordon.Item, found []cordon.Finding) string {
	heard := func(name string) bool {
		return slices.ContainsFunc(found, func(f cordon.Finding) bool { return f.Detector == name && f.Part == "" })
	}
	evidence, _ := p.rules(item)
	out := ""
	for label, r := range evidence {
		name := yields[label]
		if of, some := only[name]; some && !slices.Contains(of, item.Modality) {
			continue
		}
		neutral := r.Action == cordon.Pass && r.Outcome == cordon.NoSign
		if name != "" && !neutral && (out == "" || name < out) && !heard(name) {
			out = name // the first by name, whatever the order of the map
		}
	}
	return out
}
