package media

import (
	"bytes"
	"context"
	"io"

	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/chunk"
)

// surveyOwned leaves a file to the one reader that goes through all of it.
func surveyOwned(s *survey) error {
	s.claim(0, s.m.size, anatomy.Opaque, string(s.m.Type))
	return nil
}

// surveyWhole searches a file whose structure nobody follows. That there is much in it which
// belongs to nothing is no surprise.
func surveyWhole(s *survey) error {
	s.quiet = true
	s.also(1, s.m.size-1)
	s.claim(0, s.m.size, anatomy.Opaque, string(s.m.Type))
	return nil
}

// surveyBoxes claims the boxes of an ISO base media file. Media data is opaque, and what else
// there is may hold covers and previews.
func surveyBoxes(s *survey) error {
	if bare := len(s.m.head) > 1 && s.m.head[0] == 0xFF; bare && s.m.Type == JPEG2000 {
		return s.codestream(0, s.m.size)
	} else if bare && s.m.Type == JPEGXL {
		s.claim(0, s.m.size, anatomy.Opaque, "codestream") // only decoding tells where it ends
		s.also(1, s.m.size-1)
		return nil
	}
	stills := s.filmOfStills()
	for p, err := range chunk.BMFF(s.m, s.m.size) {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if err != nil {
			break
		}
		if p.Path != p.Name {
			continue
		}
		n := p.End() - p.Start
		switch p.Name {
		case "jp2c":
			s.claim(p.Start, p.Off-p.Start, anatomy.Read, p.Name)
			if err := s.codestream(p.Off, p.End()); err != nil {
				return err
			}
		case "mdat", "jxlc", "jxlp", "idat":
			s.claim(p.Start, n, anatomy.Opaque, p.Name)
			if !stills { // samples need not fill it
				s.also(p.Off, p.Len)
			}
		case "free", "skip", "wide":
			s.claim(p.Start, p.Off-p.Start, anatomy.Read, p.Name)
			if s.m.plain(anatomy.Range{Off: p.Off, End: p.End()}) {
				s.claim(p.Off, p.Len, anatomy.Padding, p.Name)
			}
		default:
			s.metadata(p.Start, n, p.Name)
		}
	}
	return nil
}

// filmOfStills reports whether the pictures of a film are files as they stand in it, so that what
// begins like a file in there is one of them.
func (s *survey) filmOfStills() bool {
	for p, err := range chunk.BMFF(s.m, s.m.size) {
		if err != nil || s.ctx.Err() != nil {
			return false
		}
		if p.Name != "minf" || p.Len > 16<<20 {
			continue
		}
		b, _ := p.Read(s.m, 16<<20)
		i := bytes.Index(b, []byte("stsd"))
		if i < 0 || i+20 > len(b) {
			continue
		}
		switch string(b[i+16 : i+20]) { // behind version, count and length of the first description
		case "jpeg", "mjpa", "mjpb", "MJPG", "png ", "tiff", "gif ":
			return true
		}
	}
	return false
}

// readAll returns the file if it is not too large to have as a whole, else nil.
func (s *survey) readAll(ctx context.Context, most int64) ([]byte, error) {
	if s.m.size > most {
		return nil, nil
	}
	b, err := io.ReadAll(s.m.Reader(ctx))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return b, err
}
