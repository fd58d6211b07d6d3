package foreign

import (
	"context"
	"image"
	"io"
	"time"
)

// Pictures gives key frames of a recording to each, as KeyFrames does; it is what package
// media asks for.
func (d *Decoder) Pictures(ctx context.Context, r io.ReaderAt, size int64, format string, most, side int, each func(at time.Duration, picture *image.NRGBA) error) error {
	return d.KeyFrames(ctx, Recording{From: r, Size: size, Format: Format(format)}, KeyFrames{Most: most, Side: side},
		func(f Frame) error { return each(f.At, f.Image) })
}
