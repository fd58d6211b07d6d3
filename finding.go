package cordon

import (
	"slices"
	"time"
)

// FindingStatus says how a detector's look at an item ended.
type FindingStatus string

// Statuses of findings. A detector that crashed or ran out of time reports StatusFailed.
const (
	StatusFound         FindingStatus = "found"
	StatusNone          FindingStatus = "none"
	StatusNotApplicable FindingStatus = "not-applicable"
	StatusFailed        FindingStatus = "failed"
)

// Class separates evidence that anyone can check again from scores and from context.
type Class string

// Classes of findings; they are never mixed.
const (
	Deterministic Class = "deterministic"
	Statistical   Class = "statistical"
	Context       Class = "context"
)

// Label is the short name of what a finding says. The list is closed; decide maps labels to
// reasons and docs/reason-codes.md explains them.
type Label string

// Labels.
const (
	// c2pa
	LabelGeneratorDeclared Label = "generator-declared" // a manifest in the store says trainedAlgorithmicMedia
	LabelCompositeDeclared Label = "composite-declared" // a manifest says compositeWithTrainedAlgorithmicMedia or compositeSynthetic
	LabelManifestBroken    Label = "manifest-broken"    // a manifest is there and does not validate
	LabelManifestUntrusted Label = "manifest-untrusted" // validates, signer not among the given anchors
	LabelManifestTrusted   Label = "manifest-trusted"   // validates, chain to a given anchor; says nothing about AI
	LabelManifestRemote    Label = "manifest-remote"    // only an address of a manifest; never fetched
	LabelManifestPartial   Label = "manifest-partial"   // holds for what it binds, and its signer left a part of the file out
	LabelManifestAbsent    Label = "manifest-absent"    // neutral
	// marks
	LabelGeneratorMark Label = "generator-mark" // metadata a generator writes
	LabelSyntheticTag  Label = "synthetic-tag"  // IPTC DigitalSourceType in XMP or IPTC, outside C2PA
	LabelCompositeTag  Label = "composite-tag"
	LabelPossibleTag   Label = "possible-tag"  // metadata says that a model may have been at work, or improved it
	LabelEditorMark    Label = "editor-mark"   // an editor saved it; neutral
	LabelCameraMark    Label = "camera-mark"   // a camera says it made it; proves nothing
	LabelOriginStated  Label = "origin-stated" // another source type, or an editing history, is stated; neutral
	LabelNoMarks       Label = "no-marks"
	// watermark
	LabelGeneratorWatermark Label = "generator-watermark" // the invisible mark of a generator
	LabelOwnWatermark       Label = "own-watermark"       // a mark of the tenant's own
	LabelNoWatermark        Label = "no-watermark"        // neutral
	// known
	LabelKnownFile     Label = "known-file" // on a list of files that must not pass
	LabelKnownNear     Label = "known-near" // looks or sounds like one on that list
	LabelKnownWatched  Label = "known-watched"
	LabelKnownLawful   Label = "known-lawful"
	LabelKnownOrdinary Label = "known-ordinary" // neutral; that others look like it says nothing
	LabelNotKnown      Label = "not-known"
	// alike, which is context
	LabelSeenBefore    Label = "seen-before"     // the same, or what looks like it, came before for the same record
	LabelSeenForOthers Label = "seen-for-others" // and for other records
	LabelBurst         Label = "burst"           // many of it within a short time
	LabelNotSeen       Label = "not-seen"
	// kind
	LabelTypeMismatch Label = "type-mismatch" // declared and actual type differ in kind
	LabelPolyglot     Label = "polyglot"      // valid as two types at once
	LabelTruncated    Label = "truncated"
	LabelUnreadable   Label = "unreadable" // claims a type whose structure cannot be read
	LabelKindFine     Label = "kind-fine"
	LabelNotCovered   Label = "not-covered" // no detector of this build looks at such content
	// parts
	LabelPartsSeen   Label = "parts-seen"   // what is inside of the file was looked at; neutral
	LabelPartsUnread Label = "parts-unread" // something inside of the file cannot be opened
	// dicom
	LabelClinicalAcquisition Label = "clinical-acquisition" // says that a device acquired it; neutral, proves nothing
	LabelClinicalDerived     Label = "clinical-derived"     // says that it is a secondary capture, or derived; neutral
	LabelClinicalUnstated    Label = "clinical-unstated"    // says neither; neutral
	LabelClinicalOdd         Label = "clinical-odd"         // does not agree with itself; neutral
	// signed
	LabelSignedThenChanged Label = "signed-then-changed" // pages show something else than when they were signed
	LabelSignatureBroken   Label = "signature-broken"    // a signature does not hold for the bytes it is of
	LabelSignatureUnread   Label = "signature-unread"    // a signature, or what came after it, cannot be checked
	LabelSignatureIntact   Label = "signature-intact"    // neutral; who signed is not asked
	LabelSignerRevoked     Label = "signer-revoked"      // a signature holds, and the list of partners says that its signer is revoked
	LabelSignerExpired     Label = "signer-expired"      // its signer's certificate or key is not valid any more
	LabelSignerUntrusted   Label = "signer-untrusted"    // its signer is not on the list of partners
	LabelSignerTrusted     Label = "signer-trusted"      // neutral; says nothing of what the document claims
	LabelNotSigned         Label = "not-signed"          // neutral
	// layout
	LabelDocumentPatched Label = "document-patched" // something was put over, between or beside what pages were drawn with; a hint
	LabelDocumentPlain   Label = "document-plain"   // neutral
	// mrz
	LabelMRZInconsistent Label = "mrz-inconsistent" // check digits of a machine-readable zone do not fit
	LabelMRZConsistent   Label = "mrz-consistent"   // neutral
	LabelNoMRZ           Label = "no-mrz"           // neutral
	// recording
	LabelRecordingSpliced      Label = "recording-spliced"      // its structure says that parts of other making follow one another
	LabelRecordingEdited       Label = "recording-edited"       // its structure says that it was edited after it was recorded
	LabelRecordingInconsistent Label = "recording-inconsistent" // its structure does not agree with itself
	LabelRecordingPlain        Label = "recording-plain"        // neutral
	// capture
	LabelCaptureTime        Label = "capture-time"         // says when it was made; neutral, anyone can write it
	LabelCaptureTimeOdd     Label = "capture-time-odd"     // says a time after it came, or long before; neutral
	LabelCaptureTimeUnknown Label = "capture-time-unknown" // says none; neutral
	// any detector
	LabelTimeout Label = "timeout"
	LabelCrashed Label = "crashed"
	LabelLimit   Label = "limit" // a limit of size, depth or expansion was met
	// of bytes that nobody looked at
	LabelNotLookedAt  Label = "not-looked-at" // something of the file is of a kind that nothing here decodes
	LabelBytesUnknown Label = "bytes-unknown" // much of the file belongs to nothing that is read
)

var labels = []Label{
	LabelGeneratorDeclared, LabelCompositeDeclared, LabelManifestBroken, LabelManifestUntrusted,
	LabelManifestTrusted, LabelManifestRemote, LabelManifestPartial, LabelManifestAbsent,
	LabelGeneratorMark, LabelSyntheticTag, LabelCompositeTag, LabelPossibleTag, LabelEditorMark, LabelCameraMark, LabelOriginStated, LabelNoMarks,
	LabelGeneratorWatermark, LabelOwnWatermark, LabelNoWatermark,
	LabelKnownFile, LabelKnownNear, LabelKnownWatched, LabelKnownLawful, LabelKnownOrdinary, LabelNotKnown,
	LabelSeenBefore, LabelSeenForOthers, LabelBurst, LabelNotSeen,
	LabelTypeMismatch, LabelPolyglot, LabelTruncated, LabelUnreadable, LabelKindFine, LabelNotCovered,
	LabelPartsSeen, LabelPartsUnread,
	LabelClinicalAcquisition, LabelClinicalDerived, LabelClinicalUnstated, LabelClinicalOdd,
	LabelSignedThenChanged, LabelSignatureBroken, LabelSignatureUnread, LabelSignatureIntact,
	LabelSignerRevoked, LabelSignerExpired, LabelSignerUntrusted, LabelSignerTrusted, LabelNotSigned,
	LabelDocumentPatched, LabelDocumentPlain,
	LabelMRZInconsistent, LabelMRZConsistent, LabelNoMRZ,
	LabelRecordingSpliced, LabelRecordingEdited, LabelRecordingInconsistent, LabelRecordingPlain,
	LabelCaptureTime, LabelCaptureTimeOdd, LabelCaptureTimeUnknown,
	LabelTimeout, LabelCrashed, LabelLimit,
	LabelNotLookedAt, LabelBytesUnknown,
}

// Labels returns every label in the order of the reference.
func Labels() []Label { return slices.Clone(labels) }

// Valid reports whether the label is on the list.
func (l Label) Valid() bool { return slices.Contains(labels, l) }

// Valid reports whether the status is one of the four.
func (s FindingStatus) Valid() bool {
	return s == StatusFound || s == StatusNone || s == StatusNotApplicable || s == StatusFailed
}

// Valid reports whether the class is one of the three.
func (c Class) Valid() bool { return c == Deterministic || c == Statistical || c == Context }

// Finding is what one detector says of an item.
type Finding struct {
	// Part is where in the file the finding is, for example "word/media/image1.png"; "" for
	// the file as a whole.
	Part       string         `json:"part"`
	Detector   string         `json:"detector"`
	Version    string         `json:"version"`
	Status     FindingStatus  `json:"status"`
	Class      Class          `json:"class"`
	Label      Label          `json:"label"`
	Sentence   string         `json:"sentence"` // for a reviewer, plain, accuses nobody
	Score      *float64       `json:"score"`    // nil unless statistical; not a probability unless Calibrated
	Calibrated bool           `json:"calibrated"`
	Detail     map[string]any `json:"detail"` // evidence that others can check; never nil in JSON output
	// Look is how far was looked; "" means what the status says, see StatusLook.
	Look Look `json:"look,omitempty"`
	// Late says that it was found when nobody waited any more: it joins what was found before,
	// and replaces only what the same detector said then.
	Late bool          `json:"late,omitempty"`
	Took time.Duration `json:"-"`
}
