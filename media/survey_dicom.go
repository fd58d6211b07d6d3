package media

import (
	"errors"
	"fmt"

	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/dicom"
)

// surveyDICOM claims the elements of a data set. Values are read by whoever knows them, makers of
// equipment put files of their own into theirs, and so all of them are searched but the pixels.
// What is behind the frames that a data set has in its pixel data is nobody's.
func surveyDICOM(s *survey) error {
	var elements []dicom.Element
	f, err := dicom.Open(s.ctx, s.m, s.m.size, dicom.Limits{}, func(e dicom.Element) {
		if e.Depth == 0 {
			elements = append(elements, e)
		}
	})
	if err != nil && !errors.Is(err, dicom.ErrTruncated) && !errors.Is(err, dicom.ErrStructure) && !errors.Is(err, dicom.ErrLimit) {
		return err
	}
	end := int64(0)
	if f.Preamble {
		if end = 132; !s.gap(0, 128) {
			s.metadata(0, 128, "preamble") // it is for whoever else is to read the file, and holds anything
		}
		s.claim(128, 4, anatomy.Read, "mark")
	}
	for _, e := range elements {
		if f.Deflated() && e.Tag.Group() != 2 {
			break
		}
		s.metadata(end, e.Offset-end, "elements")
		switch end = e.Offset; {
		case e.Tag == dicom.PixelData && e.Length < 0:
			for p := range f.Pieces() {
				s.claim(end, p.Offset-end, anatomy.Read, "header of a fragment")
				s.claim(p.Offset, p.Length, anatomy.Opaque, "pixels")
				end = p.Offset + p.Length
			}
		case e.Tag == dicom.PixelData:
			// How much belongs to frames is known only if their number is.
			n := e.Length
			if size := f.FrameSize() * f.Stated(); size > 0 && size < n && f.Counted() {
				n = size + size&1 // values are even
			}
			s.claim(end, min(n, e.Length), anatomy.Opaque, "pixels")
			if !f.Counted() {
				s.also(end, e.Length)
			}
			end += e.Length
		case e.Length >= 0:
			s.metadata(end, e.Length, "elements")
			end += e.Length
		}
	}
	switch {
	case f.Deflated():
		s.claim(end, s.m.size-end, anatomy.Opaque, "deflated data set")
		for _, e := range elements {
			if e.Tag.Group() != 2 && e.Tag != dicom.PixelData && e.Length >= smallest {
				s.within(fmt.Sprintf("element %s", e.Tag), f.Value(e, maxChild))
			}
		}
	case err == nil: // what is left is the rest of a sequence of open length, and marks of ends
		s.metadata(end, s.m.size-end, "elements")
	case errors.Is(err, dicom.ErrLimit):
		s.beyond(end, s.m.size)
		s.also(end, s.m.size-end)
	}
	return nil
}
