package cordon

import "errors"

// Kinds of errors. Packages wrap them with what happened and what to do next; the
// console and the API each turn kinds into pages and status codes in one table.
var (
	ErrNotFound  = errors.New("not found")
	ErrConflict  = errors.New("someone else changed it first")
	ErrForbidden = errors.New("not permitted")
	ErrInvalid   = errors.New("not valid")
	ErrTooLarge  = errors.New("too large")
	ErrBusy      = errors.New("too busy") // try again later; nothing was stored
	ErrShredded  = errors.New("the bytes are gone")
	// ErrApart: records, bytes, keys and published ledger are not those of one installation.
	ErrApart = errors.New("parts of the data do not belong together")
	// ErrForged: a record was changed, deleted or put back by something else than Cordon. Nothing acts
	// on it, and trying again cannot help: somebody has to find out who wrote to the database.
	ErrForged = Permanent(CauseForged, "the record does not check out: something else than Cordon wrote to the database")
	// ErrKeyReused: an Idempotency-Key names one request, and this is another.
	ErrKeyReused = errors.New("this Idempotency-Key was used for another request")
	// ErrNamedTwice: the caller's own name for something stands for something else already.
	ErrNamedTwice = errors.New("that name is taken")
	// ErrUnavailable: something that Cordon stands on is away or full. What asked may come again.
	ErrUnavailable = errors.New("not available at this moment")
	// ErrTooSlow: the sender of a body did not keep to the least rate, or paused for too long.
	ErrTooSlow = errors.New("sent too slowly")
	// ErrPermanent: trying again cannot help. An effect that fails with it ends where people see
	// it, with its cause, instead of being retried.
	ErrPermanent = errors.New("trying again will not help")
	// ErrTransient: the same may succeed later, and nothing of it has happened or is known to.
	ErrTransient = errors.New("trying again may help")
)

// ErrNotNow is the other kind of conflict: nobody came in between, and yet what was asked for does
// not fit how things stand. It counts as ErrConflict wherever only that matters.
var ErrNotNow error = notNow("not possible as things stand")

type notNow string

func (n notNow) Error() string { return string(n) }

// Is makes it a conflict.
func (n notNow) Is(target error) bool { return target == ErrConflict }
