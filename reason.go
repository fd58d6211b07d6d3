package cordon

import "slices"

// Reason is a code from a closed list, shown to people and kept in the ledger.
type Reason string

// Reason codes of this release. docs/reason-codes.md is written from Reasons.
const (
	ReasonGeneratorDeclared  Reason = "generator-declared"
	ReasonCompositeDeclared  Reason = "composite-declared"
	ReasonGeneratorMark      Reason = "generator-mark"
	ReasonSyntheticTag       Reason = "synthetic-tag"
	ReasonCompositeTag       Reason = "composite-tag"
	ReasonPossibleTag        Reason = "possible-tag"
	ReasonGeneratorWatermark Reason = "generator-watermark"
	ReasonOwnWatermark       Reason = "own-watermark"
	ReasonManifestBroken     Reason = "manifest-broken"
	ReasonManifestUntrusted  Reason = "manifest-untrusted"
	ReasonManifestRemote     Reason = "manifest-remote"
	ReasonManifestPartial    Reason = "manifest-partial"
	ReasonKnownFile          Reason = "known-file"
	ReasonKnownNear          Reason = "known-near"
	ReasonKnownWatched       Reason = "known-watched"
	ReasonKnownLawful        Reason = "known-lawful"
	ReasonSeenForOthers      Reason = "seen-for-others"
	ReasonBurst              Reason = "burst"
	ReasonTypeMismatch       Reason = "type-mismatch"
	ReasonPolyglot           Reason = "polyglot"
	ReasonTruncated          Reason = "truncated"
	ReasonUnreadable         Reason = "unreadable"
	ReasonPartsUnread        Reason = "parts-unread"
	ReasonSignedThenChanged  Reason = "signed-then-changed"
	ReasonSignatureBroken    Reason = "signature-broken"
	ReasonSignatureUnread    Reason = "signature-unread"
	ReasonSignerRevoked      Reason = "signer-revoked"
	ReasonSignerExpired      Reason = "signer-expired"
	ReasonSignerUntrusted    Reason = "signer-untrusted"
	ReasonDocumentPatched    Reason = "document-patched"
	ReasonMRZInconsistent    Reason = "mrz-inconsistent"
	ReasonRecordingSpliced   Reason = "recording-spliced"
	ReasonRecordingEdited    Reason = "recording-edited"
	ReasonRecordingOdd       Reason = "recording-inconsistent"
	ReasonLimit              Reason = "limit"
	ReasonNotLookedAt        Reason = "not-looked-at"
	ReasonBytesUnknown       Reason = "bytes-unknown"
	ReasonDetectorSilent     Reason = "detector-silent"
	ReasonPassedUnscanned    Reason = "passed-unscanned"
	ReasonNotCovered         Reason = "not-covered"
	ReasonRouteUnknown       Reason = "route-unknown"
	ReasonTargetNotPermitted Reason = "target-not-permitted"
	ReasonCannotDeliver      Reason = "cannot-deliver"
	ReasonGone               Reason = "gone"
	ReasonNotReadable        Reason = "not-readable"
	ReasonShadow             Reason = "shadow"
)

var reasons = []struct {
	code Reason
	text string
}{
	{ReasonGeneratorDeclared, "A content credential in the file says that a trained model made it."},
	{ReasonCompositeDeclared, "A content credential in the file says that parts of it were made by a trained model."},
	{ReasonGeneratorMark, "The file carries metadata that image or video generators write."},
	{ReasonSyntheticTag, "The file's metadata says that a trained model made it."},
	{ReasonCompositeTag, "The file's metadata says that parts of it were made by a trained model."},
	{ReasonPossibleTag, "The file's metadata says that a trained model may have been at work, or improved what it did not make."},
	{ReasonGeneratorWatermark, "The picture carries an invisible mark that an image generator puts into what it makes."},
	{ReasonOwnWatermark, "The picture carries an invisible mark of your own organisation."},
	{ReasonManifestBroken, "The file carries a content credential that does not match it or cannot be read."},
	{ReasonManifestUntrusted, "The content credential is intact, but its signer is not on the trust list in use."},
	{ReasonManifestRemote, "The file names an address where its content credential is kept. Cordon does not fetch it."},
	{ReasonManifestPartial, "The content credential holds for what it binds, and its signer left a part of the file out."},
	{ReasonKnownFile, "The file is on a list of known files that must not pass."},
	{ReasonKnownNear, "The file looks or sounds like one on a list of known files that must not pass."},
	{ReasonKnownWatched, "The file, or one that looks or sounds like it, is on a list of known files to be watched."},
	{ReasonKnownLawful, "The file is on a list of known files that may pass."},
	{ReasonSeenForOthers, "The same file, or one that looks like it, came for other records as well."},
	{ReasonBurst, "Many files that look the same came within a short time."},
	{ReasonTypeMismatch, "The file is of another type than its name or sender says."},
	{ReasonPolyglot, "The file can be read as two different types at once."},
	{ReasonTruncated, "The file ends before its own structure says it should."},
	{ReasonUnreadable, "The file's structure cannot be read as the type it claims to be."},
	{ReasonPartsUnread, "Something inside of the file cannot be opened: it is encrypted, or damaged."},
	{ReasonSignedThenChanged, "The document shows something else than when it was signed."},
	{ReasonSignatureBroken, "A signature of the document does not hold for what it was signed over."},
	{ReasonSignatureUnread, "A signature of the document, or what was added after it, cannot be checked."},
	{ReasonSignerRevoked, "The document is signed with a certificate or key that has been revoked."},
	{ReasonSignerExpired, "The document is signed with a certificate or key that is no longer valid."},
	{ReasonSignerUntrusted, "The document is signed, and its signer is not on the list of partners."},
	{ReasonDocumentPatched, "Something in the document is drawn otherwise than what is around it. Programs do that for innocent reasons, too."},
	{ReasonMRZInconsistent, "Check digits of a machine-readable zone in the text do not fit. A mistake in typing or reading does that as well."},
	{ReasonRecordingSpliced, "The structure of the recording says that parts of other making follow one another. Joining files does that, and so do some recorders."},
	{ReasonRecordingEdited, "The structure of the recording says that it was edited after it was recorded. That is common and says nothing of what it shows."},
	{ReasonRecordingOdd, "The structure of the recording does not agree with itself, as where a file was cut off or damaged."},
	{ReasonLimit, "The file exceeds a limit of size, depth or expansion, so not all of it was examined."},
	{ReasonNotLookedAt, "Something of the file is of a kind that nothing on this machine decodes, so nobody looked at what it shows."},
	{ReasonBytesUnknown, "Much of the file belongs to nothing that Cordon reads in files of its kind."},
	{ReasonDetectorSilent, "A check did not finish, and the policy keeps such files back."},
	{ReasonPassedUnscanned, "A check did not finish, and the route lets such files pass to be examined again."},
	{ReasonNotCovered, "No check of this release examines this kind of file."},
	{ReasonRouteUnknown, "The file came by a way in that nobody has declared."},
	{ReasonTargetNotPermitted, "The uploader may no longer edit the record the file belongs to."},
	{ReasonCannotDeliver, "It was released and cannot be delivered; the history says why. Decide again, or keep it out."},
	{ReasonGone, "The CRM had deleted the file before it could be examined."},
	{ReasonNotReadable, "The CRM did not let Cordon read the file, or not to its end."},
	{ReasonShadow, "The route only records what would have happened."},
}

// Text says in one sentence what the code means to a reviewer, or "" for an unknown code.
func (r Reason) Text() string {
	for _, known := range reasons {
		if known.code == r {
			return known.text
		}
	}
	return ""
}

// Valid reports whether the code is on the list.
func (r Reason) Valid() bool { return r.Text() != "" }

// Reasons returns every code in the order of the reference.
func Reasons() []Reason {
	out := make([]Reason, len(reasons))
	for i, r := range reasons {
		out[i] = r.code
	}
	return slices.Clip(out)
}
