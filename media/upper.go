package media

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"

	"github.com/cordonhq/cordon"
)

// upperPixels is how many pixels of a picture that is too large are decoded: its upper rows.
const upperPixels = 12_000_000

// Upper decodes the upper rows of a picture of which Pixels has said that it is too large, where
// the format permits that: a PNG whose rows stand one after the other. What is found there is
// found; that nothing is says nothing of the rest. release gives the memory back.
func (m *Media) Upper(ctx context.Context) (img image.Image, release func(), err error) {
	if m.Type != PNG || m.closed.Load() {
		return nil, nil, fmt.Errorf("%w: its upper rows cannot be decoded alone", ErrNoPixels)
	}
	if m.limits.MaxPixels < m.limits.whole {
		return nil, nil, fmt.Errorf("%w: %w", cordon.ErrTooLarge, errBeyondSample)
	}
	b := make([]byte, min(m.size, maxMended))
	if n, err := m.ReadAt(b, 0); n < len(b) {
		return nil, nil, unexpected(err)
	}
	parts, err := partsOfPNG(b)
	if err != nil {
		return nil, nil, err
	}
	width := binary.BigEndian.Uint32(parts.header)
	if parts.header[12] != 0 || width == 0 || int64(width) > upperPixels {
		return nil, nil, fmt.Errorf("%w: its upper rows cannot be decoded alone", ErrNoPixels)
	}
	rows := min(uint32(upperPixels/int64(width)), binary.BigEndian.Uint32(parts.header[4:]))
	parts.header = bytes.Clone(parts.header)
	binary.BigEndian.PutUint32(parts.header[4:], rows)
	raw := rawPNG(parts.header)
	need := int64(width)*int64(rows)*codecs[PNG].cost + 2*raw + int64(len(b))
	if err := m.limits.Budget.take(ctx, need); err != nil {
		return nil, nil, err
	}
	img, err = safely(func() (image.Image, error) {
		flat := make([]byte, raw)
		in := flate.NewReader(&ctxReader{ctx, io.MultiReader(skipFirst(parts.data, 2)...)})
		if n, err := io.ReadFull(in, flat); n < 2 {
			return nil, errors.Join(ctx.Err(), err)
		}
		plainFilters(flat, parts.header)
		return png.Decode(io.MultiReader(bytes.NewReader(pngStart(parts, nil)), storedIDAT(flat), bytes.NewReader(pngChunk("IEND", nil))))
	})
	if err != nil {
		m.limits.Budget.give(need)
		return nil, nil, err
	}
	return img, func() { m.limits.Budget.give(need) }, nil
}
