package media

import "io"

// OpenPart opens content that was taken out of m, within the limits of m, except that its
// picture is decoded only if it has at most so many pixels.
func (m *Media) OpenPart(r io.ReaderAt, size, pixels int64) (*Media, error) {
	lim := m.limits
	lim.whole = max(lim.whole, lim.MaxPixels)
	lim.MaxPixels = max(1, min(lim.MaxPixels, pixels)) // zero would be the default
	part, err := Open(r, size, lim)
	if err == nil {
		part.Admitted, part.Uploaded = m.Admitted, m.Uploaded
	}
	return part, err
}
