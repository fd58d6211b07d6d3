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
	// ErrUnavailable: something that Cordon stands on is away or full. What asked may come again.
	ErrUnavailable = errors.New("not available at this moment")
	// ErrTooSlow: the sender of a body did not keep to the least rate, or paused for too long.
	ErrTooSlow = errors.New("sent too slowly")
	// ErrPermanent: trying again cannot help. An effect that fails with it is set aside
	// for a person instead of being retried.
	ErrPermanent = errors.New("trying again will not help")
)
