package watermark

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"io"

	"github.com/cordonhq/cordon"
)

// stealth are the signatures with which programs for image generation begin what they write into
// the lowest bits of pixels, column by column: the settings of the sampler, as text or packed.
var stealth = []struct {
	signature string
	colours   bool // in red, green and blue; else in alpha
	packed    bool
}{
	{"stealth_pnginfo", false, false},
	{"stealth_pngcomp", false, true},
	{"stealth_rgbinfo", true, false},
	{"stealth_rgbcomp", true, true},
}

// maxHidden bounds the settings, in bytes.
const maxHidden = 1 << 20

// lowBits reads settings from the lowest bits. They are gone after any lossy coding, and what is
// left of them in a copy without loss is whole.
func lowBits(img image.Image) (f cordon.Finding, found bool) {
	for _, s := range stealth {
		bits := bitsOf(img, s.colours)
		if bits == nil || string(bits(0, len(s.signature))) != s.signature {
			continue
		}
		at := len(s.signature)
		length := bits(at, 4)
		if len(length) < 4 {
			continue
		}
		n := int64(binary.BigEndian.Uint32(length)) / 8 // it counts bits
		text := bits(at+4, int(min(n, maxHidden)))
		if s.packed {
			if z, err := gzip.NewReader(bytes.NewReader(text)); err == nil {
				text, _ = io.ReadAll(io.LimitReader(z, maxHidden))
			}
		}
		return cordon.Finding{Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelGeneratorWatermark,
			Sentence: "The settings of an image generator stand in the lowest bits of the picture's pixels.",
			Detail:   map[string]any{"method": "stealth", "signature": s.signature, "bytes": len(text), "where": fmt.Sprintf("colours: %t", s.colours)}}, true
	}
	return f, false
}

// bitsOf returns what reads n bytes, from the byte at on, out of the lowest bits; nil where the
// picture has none of the kind.
func bitsOf(img image.Image, colours bool) func(at, n int) []byte {
	var pix []byte
	var stride int
	switch m := img.(type) {
	case *image.NRGBA:
		pix, stride = m.Pix, m.Stride
	case *image.RGBA:
		if !colours {
			return nil
		}
		pix, stride = m.Pix, m.Stride
	default:
		return nil
	}
	w, h, each := img.Bounds().Dx(), img.Bounds().Dy(), 1
	if colours {
		each = 3
	}
	bit := func(i int) byte {
		pixel, channel := i/each, i%each
		if !colours {
			channel = 3
		}
		return pix[pixel%h*stride+4*(pixel/h)+channel] & 1
	}
	return func(at, n int) []byte {
		n = min(n, w*h*each/8-at)
		out := make([]byte, max(n, 0))
		for i := range out {
			for j := range 8 {
				out[i] = out[i]<<1 | bit(8*(at+i)+j)
			}
		}
		return out
	}
}
