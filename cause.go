package cordon

import "errors"

// Cause is why something cannot be done, or could not for long: a short code for the ledger,
// the metrics and people. It is no free text, since that is where names slip in.
type Cause string

// Causes. Those of the CRM's own answers are made by OrgCause.
const (
	CauseNoRecord     Cause = "no-record"     // an update names no record
	CauseNotWritable  Cause = "not-writable"  // files of this object, or such a write, are not written
	CauseBytesMissing Cause = "bytes-missing" // the record is there and its bytes are not
	CauseBytesDamaged Cause = "bytes-damaged" // the bytes are not what was put there
	CauseDigest       Cause = "wrong-digest"  // the bytes are others than those that were received
	CauseKeyGone      Cause = "key-gone"      // the key of the bytes was destroyed
	CauseKeyDamaged   Cause = "key-damaged"   // the key of the bytes does not open
	CauseForged       Cause = "not-authentic" // the record was changed by something else than Cordon
	CauseRefused      Cause = "refused"       // the CRM or the receiver said no, and not why
	CauseUnreachable  Cause = "unreachable"   // the CRM or the receiver does not answer, or takes nothing just now
	CauseNotSet       Cause = "not-set-up"    // something is missing in the configuration
	CauseSilent       Cause = "silent"        // a check does not finish
	CauseTooMany      Cause = "too-many"      // more records fit a lost write than can be looked at
	CauseOther        Cause = "other"         // the log has it

	// CauseDuplicate is the CRM's own word for a value that another record has. Where the value is
	// Cordon's key, that record is what was to be written.
	CauseDuplicate Cause = "crm:DUPLICATE_VALUE"
)

// OrgCause is the cause of an answer of the CRM: its own code, where that is one.
func OrgCause(code string) Cause {
	if code == "" || len(code) > 64 {
		return CauseRefused
	}
	for i := range len(code) {
		if c := code[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return CauseRefused
		}
	}
	return Cause("crm:" + code)
}

// Failure is an error whose kind and cause are known.
type Failure struct {
	Kind  error // ErrPermanent or ErrTransient
	Cause Cause
	Text  string
}

// Permanent returns an error that trying again cannot mend. Wrap it with what happened.
func Permanent(cause Cause, text string) error { return &Failure{ErrPermanent, cause, text} }

func (f *Failure) Error() string { return f.Text }

// Unwrap returns the kind.
func (f *Failure) Unwrap() error { return f.Kind }

// FailureCause returns the cause.
func (f *Failure) FailureCause() Cause { return f.Cause }

// IsPermanent reports whether trying again cannot help. What nobody has classified may help.
func IsPermanent(err error) bool {
	switch {
	case errors.Is(err, ErrPermanent):
		return true
	case errors.Is(err, ErrTransient):
		return false
	}
	return errors.Is(err, ErrInvalid) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrShredded)
}

// CauseOf returns why something failed, by the first error in the chain that knows.
func CauseOf(err error) Cause {
	var known interface{ FailureCause() Cause }
	switch {
	case errors.As(err, &known):
		return known.FailureCause()
	case errors.Is(err, ErrShredded):
		return CauseKeyGone
	case errors.Is(err, ErrNotSent), errors.Is(err, ErrBusy):
		return CauseUnreachable
	case errors.Is(err, ErrRefusedUpstream):
		return CauseRefused
	}
	return CauseOther
}
