package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime/debug"
	"sync"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/chunk"
)

type codec struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	// cost is the memory in bytes a pixel that decoding takes at its worst.
	cost int64
}

var codecs = map[Type]codec{
	JPEG: {jpeg.DecodeConfig, jpeg.Decode, 4},
	PNG:  {png.DecodeConfig, png.Decode, 8},
	GIF:  {gif.DecodeConfig, gif.Decode, 2},
	WebP: {webp.DecodeConfig, webp.Decode, 8},
	BMP:  {bmp.DecodeConfig, bmp.Decode, 4},
	TIFF: {tiff.DecodeConfig, tiff.Decode, 12},
}

// progressiveCost replaces the cost of a JPEG that comes in several scans: the decoder
// keeps every coefficient as 32 bits until the last.
const progressiveCost = 16

// noDecoder says why a picture of the type is not decoded in this process.
var noDecoder = map[Type]string{
	HEIC:     "HEIC is decoded by a foreign decoder only",
	AVIF:     "AVIF is decoded by a foreign decoder only",
	CR3:      "a raw file has what a sensor saw; the pictures to be shown are files inside of it, which are looked at",
	DNG:      "raw files of cameras are not decoded in this release",
	JPEGXL:   "JPEG XL is not decoded in this release",
	JPEG2000: "JPEG 2000 is decoded by a foreign decoder only",
	SVG:      "SVG is a drawing program, not a picture, and is not run",
	PDF:      "pages of PDF files are not drawn in this release",
	DICOM:    "a DICOM file has frames, which are looked at one by one, and no preview in this release",
	PSD:      "Photoshop files are not decoded in this release",
	ICO:      "icons are not decoded",
	Empty:    "the file is empty",
}

type pixels struct {
	lock chan struct{} // held while decoding, so that the picture is decoded once

	mu     sync.Mutex
	done   bool
	img    image.Image
	err    error
	taken  int64
	budget *Budget
	freed  bool
}

// free gives memory back; a decoder that finishes later gives back its own.
func (p *pixels) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freed = true
	p.img = nil
	if p.taken > 0 && p.done {
		p.budget.give(p.taken)
		p.taken = 0
	}
}

// Dimensions returns width and height in pixels from the header, before orientation.
func (m *Media) Dimensions() (w, h int, err error) {
	conf, err := m.header()
	return conf.Width, conf.Height, err
}

// header reads what a picture says of itself; on an error it is zero.
func (m *Media) header() (image.Config, error) {
	if m.Foreign() {
		w, h, err := m.foreignDimensions()
		return image.Config{Width: w, Height: h}, err
	}
	c, ok := codecs[m.Type]
	if !ok {
		return image.Config{}, &notSeen{m.Type.blind(), errors.New(m.whyNot())}
	}
	conf, err := safely(func() (image.Config, error) {
		return c.config(bufio.NewReader(m.Reader(context.Background())))
	})
	if err != nil {
		if m.Type == TIFF && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)) {
			err = errors.Join(errNothingThere, err)
		}
		return image.Config{}, damaged(fmt.Errorf("its header cannot be read: %w", err))
	}
	if conf.Width <= 0 || conf.Height <= 0 {
		return image.Config{}, damaged(fmt.Errorf("%d by %d pixels", conf.Width, conf.Height))
	}
	return conf, nil
}

// A picture that becomes larger than this in memory may be at most so many times its file.
// Photographs grow by less than a hundred, drawings and scanned pages by a few hundred; nothing
// but one colour grows by a thousand, and that is all a small file can be that wants to be dear.
const (
	freePixels   = 64 << 20 // bytes
	maxExpansion = 800
)

// depth is how many bytes of memory a pixel takes once it is decoded.
func depth(m color.Model) int64 {
	switch m {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.YCbCrModel:
		return 3
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := m.(color.Palette); ok {
		return 1
	}
	return 4
}

// blind says what it comes to that pictures of the type are not decoded here: pixels are there
// and nobody sees them, or there are none in the file itself, whatever is inside of it.
func (t Type) blind() cordon.Look {
	switch t {
	case HEIC, AVIF, DNG, JPEGXL, JPEG2000, PSD:
		return cordon.LookNoDecoder
	}
	return cordon.LookNothing
}

func (m *Media) whyNot() string {
	if why := noDecoder[m.Type]; why != "" {
		return why
	}
	return "files of type " + string(m.Type) + " have none"
}

// Pixels returns the decoded picture as it is stored, the first one of an animation. It is
// decoded once and shared: do not draw on it. It is gone after Close.
// Errors are ErrNoPixels, cordon.ErrTooLarge, or ctx's if memory was not free in time;
// after the last, asking again is worth while.
func (m *Media) Pixels(ctx context.Context) (image.Image, error) {
	p := &m.pixels
	select {
	case p.lock <- struct{}{}:
		defer func() { <-p.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	done, img, err, freed := p.done, p.img, p.err, p.freed
	p.mu.Unlock()
	switch {
	case freed:
		return nil, ErrClosed
	case done:
		return img, err
	}
	img, taken, err := m.decode(ctx)
	if ctx.Err() != nil && err != nil {
		return nil, err // not the file's fault: the next caller may have more time
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.img, p.err, p.taken, p.budget = true, img, err, taken, m.limits.Budget
	if p.freed {
		p.img = nil
		if taken > 0 {
			m.limits.Budget.give(taken)
			p.taken = 0
		}
		return nil, ErrClosed
	}
	return img, err
}

// decode returns the picture and the bytes taken for it, which are zero if it failed.
func (m *Media) decode(ctx context.Context) (image.Image, int64, error) {
	conf, err := m.header()
	if err != nil {
		if _, mendable := menders[m.Type]; mendable && !m.Foreign() {
			return m.repaired(ctx, errors.Unwrap(err)) // without saying twice that there is no picture
		}
		return nil, 0, err
	}
	if err := m.affordable(conf); err != nil && !(m.Foreign() && errors.Is(err, errExpands)) {
		return nil, 0, err
	}
	w, h := conf.Width, conf.Height
	n := int64(w) * int64(h)
	if m.Foreign() {
		return m.decodeForeign(ctx, w, h)
	}
	c := codecs[m.Type]
	cost := c.cost
	if m.Type == JPEG && m.progressive() {
		cost = progressiveCost
	}
	need := n*cost + 1<<20
	if err := m.limits.Budget.take(ctx, need); err != nil {
		return nil, 0, err
	}
	img, err := safely(func() (image.Image, error) {
		return c.decode(bufio.NewReaderSize(m.Reader(ctx), 64<<10))
	})
	if err == nil && (img.Bounds().Dx() < 1 || img.Bounds().Dy() < 1) {
		err = errors.New("an empty picture")
	}
	if err != nil {
		m.limits.Budget.give(need)
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		return m.repaired(ctx, fmt.Errorf("it cannot be decoded: %w", err))
	}
	return img, need, nil
}

// repaired decodes a picture that the decoder failed at: mended, as viewers do it, or else by
// means of the foreign decoder.
func (m *Media) repaired(ctx context.Context, why error) (image.Image, int64, error) {
	img, taken, err := m.decodeMended(ctx, why)
	if err == nil || ctx.Err() != nil || errors.Is(err, cordon.ErrTooLarge) {
		return img, taken, err
	}
	if s := m.limits.Stills; s != nil && s.Decodes(string(m.Type)) && s.Ready() == nil {
		if w, h, err := s.Dimensions(m, m.size, string(m.Type)); err == nil && m.affordable(image.Config{Width: w, Height: h}) == nil {
			if img, taken, err := m.decodeForeign(ctx, w, h); err == nil || !errors.Is(err, ErrNoPixels) {
				return img, taken, err
			}
		}
	}
	return nil, 0, damaged(err)
}

// progressive reports whether a JPEG has a frame header of the progressive kind.
func (m *Media) progressive() bool {
	for p, err := range chunk.JPEG(m, m.size) {
		if err != nil || p.Name == "SOS" {
			return false
		}
		if p.Name == "SOF2" {
			return true
		}
	}
	return false
}

// safely turns a decoder's panic into an error: none is known, and one must not end the process.
func safely[T any](f func() (T, error)) (out T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoder panic: %v\n%.2000s", r, debug.Stack())
		}
	}()
	return f()
}
