package media

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/chunk"
)

// foreignCost is the memory in bytes a pixel that a picture from a foreign decoder takes here:
// what came over, and the picture itself, both of up to eight bytes.
const foreignCost = 20

// Foreign reports whether the pixels take a foreign decoder, which is dear: a process is
// started for the picture.
func (m *Media) Foreign() bool {
	s := m.limits.Stills
	if s == nil || !s.Decodes(string(m.Type)) {
		return false
	}
	if _, here := codecs[m.Type]; !here {
		return true
	}
	return m.Type == JPEG && m.oddJPEG()
}

// oddJPEG reports whether a JPEG is of a kind that is not decoded in this process: lossless,
// JPEG-LS, or of more than eight bits a sample. Clinical images are.
func (m *Media) oddJPEG() bool {
	for p, err := range chunk.JPEG(m, m.size) {
		if err != nil {
			return false
		}
		switch p.Name {
		case "SOF0", "SOF1", "SOF2":
			b, err := p.Read(m, 1)
			return err == nil && len(b) == 1 && b[0] > 8
		case "SOS":
			return false
		}
		if (len(p.Name) > 3 && p.Name[:3] == "SOF") || p.Name == "0xF7" {
			return true
		}
	}
	return false
}

func (m *Media) foreignDimensions() (w, h int, err error) {
	s := m.limits.Stills
	if err := s.Ready(); err != nil {
		return 0, 0, &notSeen{cordon.LookNoDecoder, fmt.Errorf("a foreign decoder is needed: %w", err)}
	}
	if w, h, err = s.Dimensions(m, m.size, string(m.Type)); err != nil {
		return 0, 0, damaged(err)
	}
	return w, h, nil
}

// decodeForeign has somebody else decode the picture. What it takes in memory is taken from
// the budget before.
func (m *Media) decodeForeign(ctx context.Context, w, h int) (image.Image, int64, error) {
	need := int64(w)*int64(h)*foreignCost + 1<<20
	if err := m.limits.Budget.take(ctx, need); err != nil {
		return nil, 0, err
	}
	img, err := m.limits.Stills.Still(ctx, m.branded(), m.size, string(m.Type), m.limits.MaxPixels)
	if err == nil && (img.Bounds().Dx() != w || img.Bounds().Dy() != h) {
		err = fmt.Errorf("%w: a picture of another size", cordon.ErrInvalid)
	}
	if err != nil {
		m.limits.Budget.give(need)
		if errors.Is(err, cordon.ErrInvalid) {
			err = damaged(fmt.Errorf("it cannot be decoded: %w", err))
		}
		return nil, 0, err
	}
	if g, ok := img.(*image.Gray16); ok {
		img = Spread(g)
	}
	return img, need, nil
}

// branded is an AVIF file whose first brand is its own, which is the only one that some decoders
// know: it may stand among the compatible ones.
func (m *Media) branded() io.ReaderAt {
	if m.Type != AVIF || len(m.head) < 12 || string(m.head[4:8]) != "ftyp" || string(m.head[8:10]) == "av" {
		return m
	}
	return rebranded{m}
}

type rebranded struct{ *Media }

func (r rebranded) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.Media.ReadAt(p, off)
	for i := range p[:n] {
		if at := off + int64(i); at >= 8 && at < 12 {
			p[i] = "avif"[at-8]
		}
	}
	return n, err
}

// Spread shows a grey picture of more than eight bits as one of eight, from its darkest to its
// brightest sample: clinical images use 10 or 12 bits of 16 and would look black.
func Spread(g *image.Gray16) *image.Gray {
	out := image.NewGray(g.Rect)
	w, h := g.Rect.Dx(), g.Rect.Dy()
	low, high := uint32(0xFFFF), uint32(0)
	for y := range h {
		row := g.Pix[y*g.Stride : y*g.Stride+2*w]
		for x := 0; x < len(row); x += 2 {
			v := uint32(row[x])<<8 | uint32(row[x+1])
			low, high = min(low, v), max(high, v)
		}
	}
	span := max(high-min(low, high), 1)
	for y := range h {
		row := g.Pix[y*g.Stride : y*g.Stride+2*w]
		for x := range w {
			v := uint32(row[2*x])<<8 | uint32(row[2*x+1])
			out.Pix[y*out.Stride+x] = uint8(((v-low)*255 + span/2) / span)
		}
	}
	return out
}
