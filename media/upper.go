package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"

	"github.com/cordonhq/cordon"
)

// upperPixels and upperBytes are how much of a picture that is too large is decoded: its upper rows.
const (
	upperPixels = 9_000_000
	upperBytes  = 4 * upperPixels
)

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
	conf, err := safely(func() (image.Config, error) { return png.DecodeConfig(bytes.NewReader(pngStart(parts, nil))) })
	if err != nil {
		return nil, nil, err
	}
	row := int64(width) * depth(conf.ColorModel)
	if row > upperBytes {
		return nil, nil, fmt.Errorf("%w: its upper rows cannot be decoded alone", ErrNoPixels)
	}
	rows := min(uint32(min(upperPixels/int64(width), upperBytes/row)), binary.BigEndian.Uint32(parts.header[4:]))
	parts.header = bytes.Clone(parts.header)
	binary.BigEndian.PutUint32(parts.header[4:], rows)
	need := int64(width)*int64(rows)*codecs[PNG].cost + rowsMemory + int64(len(b))
	if err := m.limits.Budget.take(ctx, need); err != nil {
		return nil, nil, err
	}
	img, err = safely(func() (image.Image, error) { return parts.decode(ctx) })
	if err != nil {
		m.limits.Budget.give(need)
		return nil, nil, err
	}
	return img, func() { m.limits.Budget.give(need) }, nil
}
