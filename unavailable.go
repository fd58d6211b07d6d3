package cordon

import (
	"context"
	"errors"
	"slices"
	"syscall"
)

// exhausted are the system's own words for "not now": no room, no descriptors, a disk that
// takes no writes. None of them says anything about the request that met it.
var exhausted = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, // no room
	syscall.EROFS, syscall.EIO, syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, // the disk is not what it was
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS, syscall.EAGAIN, // no descriptors, no memory
}

// NoDescriptors reports whether an error means that the process, or the machine, has as many files
// and connections open as it may.
func NoDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// Unavailable reports whether an error means that Cordon can not do its work at this moment, and
// that the same request may be sent again: too much to do, no room, no descriptors, no database,
// or no time. Every door answers it with 503 and Retry-After. The store names what is its
// engines' own with ErrUnavailable.
func Unavailable(err error) bool {
	if errors.Is(err, ErrBusy) || errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	return slices.ContainsFunc(exhausted, func(e error) bool { return errors.Is(err, e) })
}
