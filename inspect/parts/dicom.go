package parts

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/dicom"
)

// dicom goes through the frames of a clinical image, and the document of a clinical document. Streams (JPEG and its relatives) are files
// as they are; colours and greys that are kept plain or as run lengths become PNG files. Long recordings
// are an everyday matter, so frames beyond the limits are counted and said, and hold nothing.
func (w *walk) dicom(m *media.Media, at string, depth int) error {
	f, broken := dicom.Open(w.ctx, m, m.Size(), dicom.Limits{}, nil)
	if broken != nil && !errors.Is(broken, dicom.ErrTruncated) && !errors.Is(broken, dicom.ErrStructure) && !errors.Is(broken, dicom.ErrLimit) {
		return broken
	}
	if broken != nil {
		broken = fmt.Errorf("%w: the clinical image: %w", errUnread, broken)
	}
	if err := w.encapsulated(m, f, join(at, "document"), depth); err != nil {
		return err
	}
	e, has := f.Element(dicom.PixelData)
	switch {
	case !has || e.Length == 0:
		return broken
	case !f.Coded() && !f.Coloured() && !f.Grey():
		w.passed += f.Stated() // numbers of a palette, or of a measurement
		return broken
	}
	seen := int64(0)
	for fr := range f.Frames() {
		if w.full() {
			w.passed += max(f.Stated()-seen, 1)
			break
		}
		seen++
		if err := w.frame(m, f, fr, join(at, fmt.Sprintf("frame %d", fr.Number)), depth); err != nil {
			return err
		}
	}
	return broken
}

// encapsulated has the file looked at that a clinical object is the envelope of, such as a
// report in PDF. Unlike a recording it is one file, so that its size is held to the limits.
func (w *walk) encapsulated(m *media.Media, f *dicom.File, at string, depth int) error {
	e, has := f.Element(dicom.Document)
	if !has || e.Length <= 0 {
		return nil
	}
	if e.Length > w.limits.One {
		return fmt.Errorf("%w: the document is larger than %d MiB", errLimit, w.limits.One>>20)
	}
	if err := errors.Join(w.entry(), w.spend(e.Length)); err != nil {
		return err
	}
	content := f.Value(e, e.Length)
	return w.visit(m, bytes.NewReader(content), int64(len(content)), at, depth)
}

// full reports whether there is no room for a further frame.
func (w *walk) full() bool { return w.frames >= w.limits.Files || w.framed >= w.limits.Expanded }

// frame has one frame looked at, if it is within the limits.
func (w *walk) frame(m *media.Media, f *dicom.File, fr dicom.Frame, at string, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	width, height := f.Size()
	area := int64(width) * int64(height)
	if fr.Size > min(w.limits.One, w.limits.Expanded-w.framed) || !f.Coded() && (area > w.pixels || 4*area > w.limits.One) {
		w.passed++
		return nil
	}
	content, err := w.asFile(f, fr)
	if err != nil {
		w.unread = append(w.unread, fmt.Sprintf("%s: %v", at, err))
		return nil
	}
	if w.framed += int64(len(content)); w.framed > w.limits.Expanded {
		w.passed++
		return nil
	}
	part, err := m.OpenPart(bytes.NewReader(content), int64(len(content)), w.pixels)
	if err != nil || !wanted(part.Type) {
		w.passed++ // a stream in a format that is none of a file
		return nil
	}
	if _, _, err := part.Dimensions(); err != nil {
		w.undecoded++
	}
	_ = part.Close()
	w.frames++ // before it is seen, so that it takes nobody's room
	// Viewers of clinical images show what they can; one frame that cannot be decoded is no
	// reason to keep an examination back.
	w.lenient++
	defer func() { w.lenient-- }()
	return w.keep(m, content, at, depth)
}

// asFile is a frame as a file.
func (w *walk) asFile(f *dicom.File, fr dicom.Frame) ([]byte, error) {
	if f.Coded() {
		return fr.Content()
	}
	pixels, err := picture(f, fr)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&out, pixels)
	return out.Bytes(), err
}

// picture shows a frame on a screen's eight bits.
func picture(f *dicom.File, fr dicom.Frame) (image.Image, error) {
	if f.Coloured() {
		return fr.Picture()
	}
	pixels, err := fr.GreyPicture()
	if fine, ok := pixels.(*image.Gray16); ok {
		return media.Spread(fine), err
	}
	return pixels, err
}
