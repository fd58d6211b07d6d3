package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"

	"github.com/cordonhq/cordon"
)

// maxMended bounds the file, in bytes, that is mended: it is copied in memory. Photographs have
// twenty megabytes.
const maxMended = 64 << 20

// A picture of more than emptyPixels that has fewer than one byte for maxEmpty of them is nearly all
// missing, and not worth the time that filling it up takes.
const (
	emptyPixels = 1 << 20
	maxEmpty    = 2000
)

// menders make of a damaged picture one that this process decodes, as viewers do: wrong check
// sums, stray markers, a missing end, missing rows. What is missing becomes plain.
var menders = map[Type]func(m *Media, b []byte) (mended, error){
	JPEG: mendJPEG,
	PNG:  mendPNG,
	GIF:  mendGIF,
	BMP:  mendBMP,
}

// mended is a picture after it was mended: what stands in its header, and how it is decoded.
type mended struct {
	conf   image.Config
	extra  int64 // bytes of memory that decoding takes beside the picture
	decode func(context.Context) (image.Image, error)
}

// mend repairs the picture; it fails with why, the error of the decoder, if that cannot be done.
func (m *Media) mend(ctx context.Context, why error) (mended, error) {
	fix, ok := menders[m.Type]
	if !ok || m.size > maxMended {
		return mended{}, why
	}
	b, err := io.ReadAll(m.Reader(ctx))
	if ctx.Err() != nil {
		return mended{}, ctx.Err()
	}
	if err != nil {
		return mended{}, why
	}
	out, err := safely(func() (mended, error) { return fix(m, b) })
	if err != nil {
		return mended{}, fmt.Errorf("%w; nor could it be mended: %w", why, err)
	}
	w, h := int64(out.conf.Width), int64(out.conf.Height)
	if w < 1 || h < 1 || w*h > emptyPixels && w*h/maxEmpty > m.size {
		return mended{}, why
	}
	return out, nil
}

// decodeMended decodes what the decoder failed at, within the same limits.
func (m *Media) decodeMended(ctx context.Context, why error) (image.Image, int64, error) {
	fail := func(err error) (image.Image, int64, error) { return nil, 0, err }
	// Memory is taken twice one after the other and never while some is held, or two files could
	// wait for each other.
	copied := 2 * min(m.size, maxMended)
	if err := m.limits.Budget.take(ctx, copied); err != nil {
		return fail(err)
	}
	fixed, err := m.mend(ctx, why)
	m.limits.Budget.give(copied)
	if err != nil {
		return fail(err)
	}
	if err := m.affordable(fixed.conf); err != nil {
		return fail(err)
	}
	n := int64(fixed.conf.Width) * int64(fixed.conf.Height)
	cost := max(codecs[m.Type].cost, 4)
	if m.Type == JPEG {
		cost = progressiveCost
	}
	need := n*cost + 1<<20
	fixed.extra += copied
	if err := m.limits.Budget.take(ctx, need+fixed.extra); err != nil {
		return fail(err)
	}
	img, err := safely(func() (image.Image, error) { return fixed.decode(ctx) })
	m.limits.Budget.give(fixed.extra)
	if err == nil && (img.Bounds().Dx() < 1 || img.Bounds().Dy() < 1) {
		err = why
	}
	if err != nil {
		m.limits.Budget.give(need)
		if ctx.Err() != nil {
			return fail(ctx.Err())
		}
		return fail(fmt.Errorf("%w; nor when it was mended: %w", why, err))
	}
	return img, need, nil
}

var errExpands = errors.New("it would become more")

// affordable says of the header of a picture whether decoding it is within the limits.
func (m *Media) affordable(conf image.Config) error {
	w, h := conf.Width, conf.Height
	n := int64(w) * int64(h)
	switch {
	case n > m.limits.MaxPixels && n <= m.limits.whole:
		return fmt.Errorf("%w: %w: %d by %d pixels", cordon.ErrTooLarge, errBeyondSample, w, h)
	case n > m.limits.MaxPixels:
		return fmt.Errorf("%w: %d by %d pixels, the limit is %d million", cordon.ErrTooLarge, w, h, m.limits.MaxPixels/1e6)
	}
	if grown := n * depth(conf.ColorModel); grown > freePixels && grown/maxExpansion > m.size {
		return fmt.Errorf("%w: %d by %d pixels in %d bytes: %w than %d times its size", cordon.ErrTooLarge, w, h, m.size, errExpands, maxExpansion)
	}
	return nil
}

// mendBMP adds the rows that are missing.
func mendBMP(_ *Media, b []byte) (mended, error) {
	c := codecs[BMP]
	conf, err := c.config(bytes.NewReader(b))
	if err != nil {
		return mended{}, err
	}
	missing := int64(conf.Width)*int64(conf.Height)*4 + 4*int64(conf.Height)
	return mended{conf, 0, func(context.Context) (image.Image, error) {
		return c.decode(io.MultiReader(bytes.NewReader(b), io.LimitReader(zeros{}, missing)))
	}}, nil
}

// zeros are without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
