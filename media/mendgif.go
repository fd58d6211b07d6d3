package media

import (
	"bytes"
	"compress/lzw"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"io"
)

// mendGIF takes of the first picture of a GIF what can be unpacked.
func mendGIF(_ *Media, b []byte) (mended, error) {
	if len(b) < 13 {
		return mended{}, io.ErrUnexpectedEOF
	}
	palette, at := gifColours(b, 13, b[10])
	for at < len(b) {
		switch b[at] {
		case 0x21:
			at = gifBlocks(b, at+2, nil)
			continue
		case 0x2C:
		default:
			return mended{}, errors.New("no picture where one must be")
		}
		break
	}
	if at+11 > len(b) {
		return mended{}, io.ErrUnexpectedEOF
	}
	w, h := int(binary.LittleEndian.Uint16(b[at+5:])), int(binary.LittleEndian.Uint16(b[at+7:]))
	flags := b[at+9]
	own, next := gifColours(b, at+10, flags)
	if own != nil {
		palette = own
	}
	if palette == nil {
		return mended{}, errors.New("it has no colours")
	}
	if next >= len(b) || b[next] < 2 || b[next] > 8 {
		return mended{}, errors.New("its data cannot be unpacked")
	}
	conf := image.Config{ColorModel: palette, Width: w, Height: h}
	return mended{conf, int64(len(b)), func(context.Context) (image.Image, error) {
		var data bytes.Buffer
		gifBlocks(b, next+1, &data)
		r := lzw.NewReader(&data, lzw.LSB, int(b[next]))
		defer r.Close()
		flat := make([]byte, w*h)
		if n, err := io.ReadFull(r, flat); n == 0 {
			return nil, errors.Join(errors.New("none of it can be unpacked"), err)
		}
		for i, c := range flat {
			if int(c) >= len(palette) {
				flat[i] = 0
			}
		}
		img := image.NewPaletted(image.Rect(0, 0, w, h), palette)
		if flags&0x40 == 0 {
			copy(img.Pix, flat)
			return img, nil
		}
		for _, pass := range [4][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}} {
			for y := pass[0]; y < h; y += pass[1] {
				flat = flat[copy(img.Pix[y*img.Stride:][:w], flat):]
			}
		}
		return img, nil
	}}, nil
}

// gifColours reads the table of colours at an offset, if the flags say that there is one, and
// returns where to go on.
func gifColours(b []byte, at int, flags byte) (color.Palette, int) {
	if flags&0x80 == 0 {
		return nil, at
	}
	n := 2 << (flags & 7)
	var out color.Palette
	for ; n > 0 && at+3 <= len(b); n-- {
		out = append(out, color.RGBA{b[at], b[at+1], b[at+2], 0xFF})
		at += 3
	}
	return out, at
}

// gifBlocks joins data sub-blocks and returns where to go on.
func gifBlocks(b []byte, at int, into *bytes.Buffer) int {
	for at < len(b) && b[at] != 0 {
		end := min(at+1+int(b[at]), len(b))
		if into != nil {
			into.Write(b[at+1 : end])
		}
		at = end
	}
	return min(at+1, len(b))
}
