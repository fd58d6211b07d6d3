package media

import (
	"errors"
	"strings"

	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/chunk"
)

// mostSmall is the most that an element without a name here has if it is one setting, in bytes.
const mostSmall = 256

// surveyMatroska claims the elements of a recording. What has no name here and is more than a
// setting is nobody's, and so is what fills.
func surveyMatroska(s *survey) error {
	for p, err := range chunk.EBML(s.m, s.m.size) {
		switch {
		case s.ctx.Err() != nil:
			return s.ctx.Err()
		case errors.Is(err, chunk.ErrLimit):
			s.more = true
			s.also(1, s.m.size-1)
			return nil
		case err != nil:
			return nil
		}
		switch p.Name {
		case "Segment", "Info", "Tracks", "TrackEntry", "Video", "Audio", "Cluster", "BlockGroup", "Tags", "Tag", "SimpleTag", "EBML":
			s.claim(p.Start, p.Off-p.Start, anatomy.Read, "element")
		case "SimpleBlock", "Block", "AF", "75A1", "A4": // the last three: encrypted blocks, additions, the state of a codec
			s.claim(p.Start, p.End()-p.Start, anatomy.Opaque, "pictures and sounds")
		case "Void":
			s.claim(p.Start, p.Off-p.Start, anatomy.Read, "element")
			s.gap(p.Off, p.End())
		default:
			// Elements that have a name here have one that is no number.
			if named := strings.ContainsFunc(p.Name, func(r rune) bool { return r >= 'G' }); named || p.Len <= mostSmall || strings.HasPrefix(p.Path, "Segment/Tracks/") {
				s.metadata(p.Start, p.End()-p.Start, "element")
			} else {
				s.claim(p.Start, p.Off-p.Start, anatomy.Read, "element")
			}
		}
	}
	return nil
}
