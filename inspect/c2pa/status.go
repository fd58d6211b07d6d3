package c2pa

import (
	"slices"
	"strings"
)

// Status codes as C2PA 2.2, 15.2 names them, and those that the reference validator adds
// for CAWG identity assertions.
const (
	codeSignatureValidated = "claimSignature.validated"
	codeInsideValidity     = "claimSignature.insideValidity"
	codeSignatureMissing   = "claimSignature.missing"
	codeSignatureMismatch  = "claimSignature.mismatch"

	codeTrusted    = "signingCredential.trusted"
	codeUntrusted  = "signingCredential.untrusted"
	codeInvalid    = "signingCredential.invalid"
	codeExpired    = "signingCredential.expired"
	codeRevoked    = "signingCredential.ocsp.revoked"
	codeNotRevoked = "signingCredential.ocsp.notRevoked"
	codeNoOCSP     = "signingCredential.ocsp.skipped"

	codeStampValidated = "timeStamp.validated"
	codeStampTrusted   = "timeStamp.trusted"
	codeStampUntrusted = "timeStamp.untrusted"
	codeStampMismatch  = "timeStamp.mismatch"
	codeStampMalformed = "timeStamp.malformed"
	codeStampOutside   = "timeStamp.outsideValidity"

	codeURIMatch           = "assertion.hashedURI.match"
	codeURIMismatch        = "assertion.hashedURI.mismatch"
	codeAssertionMissing   = "assertion.missing"
	codeAssertionCBOR      = "assertion.cbor.invalid"
	codeAssertionJSON      = "assertion.json.invalid"
	codeUndeclared         = "assertion.undeclared"
	codeOutsideManifest    = "assertion.outsideManifest"
	codeSelfRedacted       = "assertion.selfRedacted"
	codeNotRedacted        = "assertion.notRedacted"
	codeHashRedacted       = "assertion.hardBinding.redacted"
	codeActionRedacted     = "assertion.action.redacted"
	codeActionMalformed    = "assertion.action.malformed"
	codeActionIngredient   = "assertion.action.ingredientMismatch"
	codeActionRedaction    = "assertion.action.redactionMismatch"
	codeIngredientBad      = "assertion.ingredient.malformed"
	codeDataMatch          = "assertion.dataHash.match"
	codeDataMismatch       = "assertion.dataHash.mismatch"
	codeDataMalformed      = "assertion.dataHash.malformed"
	codeExtraExclusions    = "assertion.dataHash.additionalExclusionsPresent"
	codeBoxesMatch         = "assertion.boxesHash.match"
	codeBoxesMismatch      = "assertion.boxesHash.mismatch"
	codeBoxesMalformed     = "assertion.boxesHash.malformed"
	codeBMFFMatch          = "assertion.bmffHash.match"
	codeBMFFMismatch       = "assertion.bmffHash.mismatch"
	codeBMFFMalformed      = "assertion.bmffHash.malformed"
	codeBMFFExtra          = "assertion.bmffHash.additionalExclusionsPresent"
	codeHardMissing        = "claim.hardBindings.missing"
	codeHardMultiple       = "assertion.multipleHardBindings"
	codeClaimMissing       = "claim.missing"
	codeClaimMultiple      = "claim.multiple"
	codeClaimCBOR          = "claim.cbor.invalid"
	codeClaimMalformed     = "claim.malformed"
	codeMultipleParents    = "manifest.multipleParents"
	codeUpdateInvalid      = "manifest.update.invalid"
	codeUpdateParents      = "manifest.update.wrongParents"
	codeCompressedInvalid  = "manifest.compressed.invalid"
	codeIngredientMissing  = "ingredient.manifest.missing"
	codeIngredientOK       = "ingredient.manifest.validated"
	codeIngredientMismatch = "ingredient.manifest.mismatch"
	codeIngredientClaim    = "ingredient.claimSignature.validated"
	codeIngredientClaimBad = "ingredient.claimSignature.mismatch"
	codeRequired           = "assertion.required.missing"
	codeCloudMalformed     = "assertion.cloud-data.malformed"
	codeCloudBinding       = "assertion.cloud-data.hardBinding"
	codeExternalMalformed  = "assertion.external-reference.malformed"
	codeAlgorithm          = "algorithm.unsupported"
	codeGeneral            = "general.error"                   // a limit, or a store that cannot be read at all
	codeDenied             = "cordon.signingCredential.denied" // ours: on the operator's deny list
	codeUnread             = "cordon.asset.unread"             // ours: no store was found in what could be read of the file
)

type kind string

const (
	success       kind = "success"
	informational kind = "informational"
	failure       kind = "failure"
)

// Status is one thing that validation found, about one part of the store.
type Status struct {
	Code string `json:"code"`
	Kind string `json:"kind"` // success, informational or failure
	URI  string `json:"uri"`  // JUMBF URI of the part
	// Ingredient says that it is about a manifest of an ingredient, not the active one.
	Ingredient bool `json:"ingredient"`
	// Recorded says that the signer of an enclosing manifest already declared this failure
	// of an ingredient; then it does not count against the active manifest.
	Recorded bool   `json:"recorded"`
	Note     string `json:"note"` // what exactly, for a person; may be empty
}

// report collects statuses.
type report struct{ list []Status }

func (r *report) add(k kind, code, uri string, ingredient bool, note string) {
	r.list = append(r.list, Status{Code: code, Kind: string(k), URI: uri, Ingredient: ingredient, Note: note})
}

// codes returns the distinct codes of a kind, sorted, never nil. What a signer recorded of an
// ingredient is left out.
func (r *report) codes(k kind, ingredient bool) []string {
	out := []string{}
	for _, s := range r.list {
		if s.Kind == string(k) && s.Ingredient == ingredient && !s.Recorded && !slices.Contains(out, s.Code) {
			out = append(out, s.Code)
		}
	}
	slices.Sort(out)
	return out
}

// tolerated failures leave a manifest valid, though never trusted: nobody here knows the
// signer, of the manifest or of an identity assertion in it. What an identity aggregation
// credential gets wrong does count, as it does for the reference validator.
func tolerated(code string) bool {
	return code == codeUntrusted || strings.HasPrefix(code, "cawg.x509.") || strings.HasPrefix(code, "cawg.identity.")
}

// state sums up the statuses as the reference validator does.
func (r *report) state() State {
	trusted, clean := false, true
	for _, s := range r.list {
		if s.Kind == string(success) && s.Code == codeTrusted && !s.Ingredient {
			trusted = true
		}
		if s.Kind != string(failure) || s.Recorded {
			continue
		}
		if !tolerated(s.Code) {
			return Invalid
		}
		clean = false
	}
	if trusted && clean {
		return Trusted
	}
	return Valid
}
