package media

import (
	"context"
	"errors"
	"image"
	"io"
	"time"
)

// Recordings decodes pictures of recordings, which this process does not decode itself.
// foreign.Decoder is one. Formats are named as types are.
type Recordings interface {
	// Ready returns why nothing can be decoded here, if so.
	Ready() error
	// Pictures gives key frames to each, in order: at most so many, spread over the recording,
	// the longer side scaled to side pixels if that is not 0. It stops at an error of each. An
	// error of the decoder may come after pictures.
	Pictures(ctx context.Context, r io.ReaderAt, size int64, format string, most, side int, each func(at time.Duration, picture *image.NRGBA) error) error
}

// ErrNoDecoder says that nobody here decodes pictures of recordings.
var ErrNoDecoder = errors.New("no decoder of recordings")

// Pictures has key frames of a recording decoded, as Recordings does.
func (m *Media) Pictures(ctx context.Context, most, side int, each func(at time.Duration, picture *image.NRGBA) error) error {
	if m.limits.Recordings == nil {
		return ErrNoDecoder
	}
	if err := m.limits.Recordings.Ready(); err != nil {
		return errors.Join(ErrNoDecoder, err)
	}
	return m.limits.Recordings.Pictures(ctx, m, m.size, string(m.Type), most, side, each)
}
