package media

import (
	"io"
	"strings"

	"github.com/cordonhq/cordon/media/chunk"
)

const tagOrientation = 274

// Orientation returns the EXIF orientation, 1 to 8; 1 is upright, and what is said of
// files that say nothing.
func (m *Media) Orientation() int {
	r, size, ok := m.EXIF()
	if !ok {
		return 1
	}
	for t, err := range chunk.TIFF(r, size) {
		if err != nil || t.Dir != "IFD0" {
			break
		}
		if t.ID == tagOrientation {
			if v, ok := t.Uint(r); ok && v >= 1 && v <= 8 {
				return int(v)
			}
			break
		}
	}
	return 1
}

// EXIF returns the TIFF structure with the file's EXIF data, for types that have one at a
// fixed place: JPEG, PNG, WebP, and TIFF itself. In HEIC the picture is stored upright and
// its EXIF says nothing about turning.
func (m *Media) EXIF() (r io.ReaderAt, size int64, ok bool) {
	switch m.Type {
	case TIFF, DNG:
		return m, m.size, true
	case JPEG:
		for p, err := range chunk.JPEG(m, m.size) {
			if err != nil || p.Name == "SOS" {
				break
			}
			if p.Name == "APP1" && m.begins(p, "Exif\x00") && p.Len > 14 {
				return m.part(p, 6)
			}
		}
	case PNG:
		for p, err := range chunk.PNG(m, m.size) {
			if err != nil {
				break
			}
			if p.Name == "eXIf" {
				return m.part(p, 0)
			}
		}
	case WebP:
		for p, err := range chunk.RIFF(m, m.size) {
			if err != nil {
				break
			}
			if p.Name == "EXIF" && strings.Count(p.Path, "/") == 1 {
				// Some writers put the JPEG header before the structure.
				if m.begins(p, "Exif\x00\x00") {
					return m.part(p, 6)
				}
				return m.part(p, 0)
			}
		}
	}
	return nil, 0, false
}

func (m *Media) begins(p chunk.Piece, prefix string) bool {
	b, err := p.Read(m, int64(len(prefix)))
	return err == nil && string(b) == prefix
}

func (m *Media) part(p chunk.Piece, skip int64) (io.ReaderAt, int64, bool) {
	n := p.Len - skip
	if n < 8 {
		return nil, 0, false
	}
	return io.NewSectionReader(m, p.Off+skip, n), n, true
}
