package dicom

import (
	"encoding/binary"
	"fmt"
	"image"
)

const (
	highBit        Tag = 0x00280102
	representation Tag = 0x00280103
)

// Grey reports whether frames have one sample of up to 16 bits a pixel, kept plain or as run
// lengths, that GreyPicture can show. Numbers of a palette and floating-point maps are not.
func (f *File) Grey() bool {
	allocated, stored := f.small(bitsAllocated), f.small(bitsStored)
	if f.small(samplesPerPixel) != 1 || allocated != 8 && allocated != 16 || stored < 1 || stored > allocated || f.Coded() {
		return false
	}
	kind := f.Text(photometric)
	return kind == "MONOCHROME1" || kind == "MONOCHROME2"
}

// GreyPicture makes a picture of a frame of a file that is Grey: as image.Gray where samples
// have eight bits, else as image.Gray16 with its samples as they are, signed ones shifted to
// where the smallest is 0. It is as it is stored: no window, and MONOCHROME1 not turned over.
// The caller has looked at the size of the picture, which takes two bytes a pixel, and the
// frame as much again.
func (fr Frame) GreyPicture() (image.Image, error) {
	f := fr.file
	w, h := f.Size()
	if w < 1 || h < 1 {
		return nil, fmt.Errorf("%w: %d by %d pixels", ErrStructure, w, h)
	}
	b, err := fr.Content()
	if err != nil {
		return nil, err
	}
	n, wide := w*h, f.small(bitsAllocated) == 16
	switch {
	case f.wrapped && wide: // the upper bytes first, then the lower
		planes, err := unpackBits(b, 2, n)
		if err != nil {
			return nil, err
		}
		b = make([]byte, 2*n)
		for i := range n {
			b[2*i], b[2*i+1] = planes[n+i], planes[i]
		}
	case f.wrapped:
		if b, err = unpackBits(b, 1, n); err != nil {
			return nil, err
		}
	case f.big && (wide || f.root[PixelData].VR == "OW"):
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
	if int64(len(b)) < f.FrameSize() {
		return nil, fmt.Errorf("%w: frame %d has %d bytes", ErrTruncated, fr.Number, len(b))
	}
	stored := uint(f.small(bitsStored))
	signed := f.small(representation) == 1
	shift := uint(0)
	if high, ok := f.Number(highBit); ok && high >= int64(stored)-1 && high < f.small(bitsAllocated) {
		shift = uint(high) + 1 - stored // samples may lie above others that are no part of the picture
	}
	sample := func(v uint16) uint16 {
		v = v >> shift & uint16(1<<stored-1)
		if signed {
			v ^= 1 << (stored - 1)
		}
		return v
	}
	if !wide {
		m := image.NewGray(image.Rect(0, 0, w, h))
		for i := range n {
			m.Pix[i] = uint8(sample(uint16(b[i])) << (8 - stored))
		}
		return m, nil
	}
	m := image.NewGray16(image.Rect(0, 0, w, h))
	for i := range n {
		binary.BigEndian.PutUint16(m.Pix[2*i:], sample(binary.LittleEndian.Uint16(b[2*i:])))
	}
	return m, nil
}
