package media

import (
	"errors"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/cordonhq/cordon"
)

// ErrNoPixels says that there is no picture to be had, and the text around it says why. What it
// means that there is none is told by LookOf: a text has no pixels by nature, and a photograph
// that nobody could decode has some that nobody saw.
var ErrNoPixels = errors.New("no picture")

// notSeen is why there are no pixels, and how far that is from having looked.
type notSeen struct {
	look cordon.Look
	err  error
}

func (e *notSeen) Error() string        { return ErrNoPixels.Error() + ": " + e.err.Error() }
func (e *notSeen) Unwrap() error        { return e.err }
func (e *notSeen) Is(target error) bool { return target == ErrNoPixels }

// LookOf says how far was looked by whoever asked for pixels and got the error, nil included.
func LookOf(err error) cordon.Look {
	var unseen *notSeen
	switch {
	case err == nil:
		return cordon.Looked
	case errors.Is(err, errBeyondSample):
		return cordon.LookedSample
	case errors.As(err, &unseen):
		return unseen.look
	case errors.Is(err, cordon.ErrTooLarge):
		return cordon.LookBeyondLimits
	}
	return cordon.LookFailed
}

// errBeyondSample says of a picture inside of a file that it is within the limits and not within
// what is left of the pixels that are looked at of the whole file.
var errBeyondSample = errors.New("more pixels than are looked at of one file")

// errNothingThere says that a file ends before its picture begins. Nobody is shown anything of it,
// so there is nothing that was not seen.
var errNothingThere = errors.New("it ends before its picture begins")

// damaged says of an error of a decoder whether the picture is at fault, or the decoder.
func damaged(err error) *notSeen {
	look := cordon.LookDamaged
	var j jpeg.UnsupportedError
	var p png.UnsupportedError
	var t tiff.UnsupportedError
	switch {
	case errors.As(err, &j), errors.As(err, &p), errors.As(err, &t), errors.Is(err, bmp.ErrUnsupported):
		look = cordon.LookNoDecoder
	case errors.Is(err, errNothingThere):
		look = cordon.LookUnopened
	}
	return &notSeen{look, err}
}
