package media

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/chunk"
)

// riffKnown are chunks of sound and film that are no surprise, beside those of lists.
const riffKnown = " fmt  fact cue  plst list smpl inst bext iXML axml chna umid levl link cart PEAK DISP id3  ID3  acid strc afsp ds64 LIST " +
	"minf elm1 regn _PMX C2PA aXML ADM  MEXT qlty slnt labl note ltxt file avih strh strf strd strn vprp indx dmlh idx1 IDIT ISMP " +
	"COMM FVER MARK INST MIDI AESD APPL COMT NAME AUTH (c)  ANNO CHAN SAXL CUE5 PROP "

// surveyRIFF claims the chunks of sound and film. Chunks that fill may hold anything.
func surveyRIFF(s *survey) error {
	long := int64(-1) // the length of the data where four bytes do not hold it
	for p, err := range chunk.RIFF(s.m, s.m.size) {
		switch {
		case s.ctx.Err() != nil:
			return s.ctx.Err()
		case errors.Is(err, chunk.ErrLimit):
			s.beyond(p.Start, s.m.size)
			return nil
		case err != nil:
			return nil // what follows is nobody's
		}
		switch {
		case p.Form == "movi":
			s.claim(p.Start, p.Off-p.Start, anatomy.Read, "header")
			s.frames(p.Off, p.End())
			s.claim(p.End(), p.Len&1, anatomy.Padding, "filling")
		case p.Form != "" && (p.Name != "LIST" || strings.Contains(" INFO hdrl strl odml ", " "+p.Form+" ")):
			s.claim(p.Start, p.Off-p.Start, anatomy.Read, "header")
			s.claim(p.End(), p.Len&1, anatomy.Padding, "filling")
		case p.Name == "data" && p.Path == "RIFF/data" || strings.HasSuffix(p.Path, "64/data"):
			n := p.Len
			if long >= 0 && long < n {
				n = long
			}
			s.claim(p.Start, p.Off-p.Start+n, anatomy.Opaque, "sound")
			s.claim(p.Off+n, n&1, anatomy.Padding, "filling")
		case p.Name == "ds64":
			if b, err := p.Read(s.m, 16); err == nil && len(b) == 16 {
				long = int64(binary.LittleEndian.Uint64(b[8:]) & (1<<62 - 1))
			}
			s.claim(p.Start, p.End()-p.Start, anatomy.Read, p.Name)
		default:
			s.part(p, strings.Contains(p.Path, "/INFO/"))
		}
	}
	return nil
}

// part claims a chunk that is no sound: what is known is read and searched, of what is not the
// header is.
func (s *survey) part(p chunk.Piece, known bool) {
	switch {
	case known || strings.Contains(riffKnown, " "+p.Name+" "):
		s.metadata(p.Start, p.End()-p.Start, p.Name)
	default: // also what is called filling
		s.claim(p.Start, p.Off-p.Start, anatomy.Read, "header")
		s.gap(p.Off, p.End())
	}
	s.claim(p.End(), p.Len&1, anatomy.Padding, "filling")
}

// frames claims the chunks among which pictures and sounds of a film are.
func (s *survey) frames(from, to int64) {
	var h [12]byte
	for at := from; at+8 <= to && s.ctx.Err() == nil; {
		if n, _ := s.m.ReadAt(h[:min(12, to-at)], at); n < 8 {
			return
		}
		n, name := int64(binary.LittleEndian.Uint32(h[4:])), string(h[:4])
		end := at + 8 + n + n&1
		switch {
		case name == "LIST" && string(h[8:]) == "rec ": // groups of them, which are gone through like the rest
			s.claim(at, 12, anatomy.Read, "header")
			at += 12
			continue
		case at+8+n > to:
			return
		case frameNumber(name):
			s.claim(at, min(end, to)-at, anatomy.Opaque, "pictures and sounds")
		default:
			s.part(chunk.Piece{Name: name, Start: at, Off: at + 8, Len: n}, strings.HasPrefix(name, "ix"))
		}
		at = end
	}
}

// frameNumber reports whether a chunk is called like a frame: "00dc", "01wb".
func frameNumber(name string) bool {
	digit := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f' }
	return digit(name[0]) && digit(name[1]) && strings.Contains(" dc db wb pc tx sb iv ", " "+name[2:]+" ")
}

// surveyAIFF claims the chunks of a sound whose numbers have their big end first.
func surveyAIFF(s *survey) error {
	var h [8]byte
	if n, _ := s.m.ReadAt(h[:], 0); n < 8 {
		return nil
	}
	s.claim(0, 12, anatomy.Read, "header")
	end := min(8+int64(binary.BigEndian.Uint32(h[4:])), s.m.size)
	for at := int64(12); at+8 <= end; {
		if n, _ := s.m.ReadAt(h[:], at); n < 8 || s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		p := chunk.Piece{Name: string(h[:4]), Start: at, Off: at + 8, Len: int64(binary.BigEndian.Uint32(h[4:]))}
		if p.End() > end {
			if p.Name == "SSND" {
				s.claim(at, s.m.size-at, anatomy.Damaged, "sound")
			}
			return nil
		}
		if p.Name == "SSND" {
			s.claim(at, p.End()-at, anatomy.Opaque, "sound")
			s.claim(p.End(), p.Len&1, anatomy.Padding, "filling")
		} else {
			s.part(p, false)
		}
		at = p.End() + p.Len&1
	}
	return nil
}
