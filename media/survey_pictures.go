package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/chunk"
)

// framesLooked is how many pictures of an animation are looked at beside the first, and pages of a
// TIFF: the sample that is taken of them.
const framesLooked = 8

// sampled reports whether the nth of a sequence belongs to the sample of it: the first ones, and
// from there on those whose number has one bit, so that the sample spreads over any length.
func sampled(n int) bool { return n < framesLooked || n&(n-1) == 0 }

func surveyJPEG(s *survey) error {
	end, scan := int64(0), false
	for p, err := range chunk.JPEG(s.m, s.m.size) {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if err != nil && scan {
			s.claim(end, s.m.size-end, anatomy.Damaged, "scan")
			s.also(end, s.m.size-end)
			return nil
		}
		if err != nil {
			break
		}
		scan = scan || p.Name == "ECS"
		if p.Start > end {
			s.gap(end, p.Start)
		}
		end = p.End()
		switch {
		case p.Name == "ECS":
			s.claim(p.Start, p.Len, anatomy.Opaque, "scan")
			s.also(p.Start, p.Len) // decoders stop where the picture is there, and what follows may be anything
		case p.Name == "COM" || strings.HasPrefix(p.Name, "APP"):
			s.metadata(p.Start, end-p.Start, p.Name)
		case strings.HasPrefix(p.Name, "0x"):
			s.claim(p.Start, p.Off-p.Start, anatomy.Read, p.Name)
		default:
			s.claim(p.Start, end-p.Start, anatomy.Read, p.Name)
		}
	}
	s.trailer(end)
	return nil
}

// gap claims what lies between pieces if it is nothing, and reports whether it is.
func (s *survey) gap(from, to int64) bool {
	nothing := s.m.plain(anatomy.Range{Off: from, End: to})
	if nothing {
		s.claim(from, to-from, anatomy.Padding, "filling")
	}
	return nothing
}

// trailers are what cameras and telephones put behind pictures, by how it ends. Files in them are
// found by what they begin with.
var trailers = []string{"SEFT", "AXS!", "QDIOBS", "MotionPhoto_Data"}

// trailer claims what is known behind the end of a picture.
func (s *survey) trailer(end int64) {
	n := s.m.size - end
	if n <= 0 {
		return
	}
	tail := make([]byte, min(n, 64))
	if got, _ := s.m.ReadAt(tail, s.m.size-int64(len(tail))); got < len(tail) {
		return
	}
	head := make([]byte, min(n, 64))
	if got, _ := s.m.ReadAt(head, end); got < len(head) {
		return
	}
	known := bytes.HasPrefix(head, []byte("CANON OPTIONAL DATA")) || bytes.Contains(tail, []byte("CANON OPTIONAL DATA"))
	for _, t := range trailers {
		known = known || bytes.HasSuffix(tail, []byte(t)) || bytes.Contains(head, []byte(t))
	}
	if known {
		s.metadata(end, n, "trailer of a camera")
	}
}

// pngKnown are chunks that are no surprise: those of the specification and its extensions.
const pngKnown = " IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCv mDCV cLLi cLLI tEXt zTXt iTXt bKGD hIST pHYs sPLT eXIf tIME " +
	"acTL fcTL fdAT oFFs pCAL sCAL gIFg gIFx gIFt sTER dSIG caBX vpAg zxIf CgBI iDOT orNT meTa prVW mkBF mkBS mkBT mkTS pcLb cmOD tXMP cpIp comf "

func surveyPNG(s *survey) error {
	var p pngParts
	var frame *apngFrame
	frames, seen, end := 0, map[string]int{}, int64(len(pngSignature))
	s.claim(0, end, anatomy.Read, "signature")
	flush := func() {
		if frame != nil && len(frame.data) > 0 && sampled(frames) {
			s.carried(fmt.Sprintf("picture %d of the animation", frames+1), frame.file(p), true)
		}
		if frame != nil {
			frames++
		}
		frame = nil
	}
	for at := end; ; {
		var head [8]byte
		if n, _ := s.m.ReadAt(head[:], at); n < len(head) || !chunkName(string(head[4:])) || s.ctx.Err() != nil {
			break
		}
		c := chunk.Piece{Name: string(head[4:]), Start: at, Off: at + 8, Len: int64(binary.BigEndian.Uint32(head[:]))}
		if c.End() > s.m.size {
			if seen["IEND"] == 0 && c.Name == "IDAT" {
				s.claim(at, s.m.size-at, anatomy.Damaged, c.Name)
			}
			break
		}
		at = c.End() + 4
		n := min(at, s.m.size) - c.Start
		known := strings.Contains(pngKnown, " "+c.Name+" ")
		switch {
		case c.Name == "IDAT":
			s.claim(c.Start, n, anatomy.Opaque, c.Name)
		case c.Name == "fdAT":
			s.claim(c.Start, n, anatomy.Opaque, c.Name)
			if frame != nil && c.Len > 4 && frame.length+c.Len < maxChild {
				if b, err := c.Read(s.m, c.Len); err == nil && sampled(frames) {
					frame.data, frame.length = append(frame.data, b[4:]), frame.length+c.Len
				}
			}
		case c.Name == "iCCP" || c.Name == "PLTE":
			s.claim(c.Start, n, anatomy.Read, c.Name)
		case known:
			s.metadata(c.Start, n, c.Name)
		case c.Name[0]&0x20 != 0:
			s.claim(c.Start, 8, anatomy.Read, "head of a chunk")
		}
		switch c.Name {
		case "IHDR", "PLTE", "tRNS":
			b, _ := c.Read(s.m, 1024)
			switch {
			case c.Name == "IHDR" && p.header == nil && len(b) >= 13:
				p.header = b[:13]
			case c.Name == "PLTE" && p.palette == nil:
				p.palette = b
			case c.Name == "tRNS" && p.alpha == nil:
				p.alpha = b
			}
		case "fcTL":
			flush()
			if b, err := c.Read(s.m, 26); err == nil && len(b) >= 12 && p.header != nil && seen["IDAT"] > 0 {
				frame = &apngFrame{size: b[4:12]}
			}
		}
		seen[c.Name]++
		if seen["IHDR"] == 2 && c.Name == "IHDR" { // a second picture in the same file
			s.second(c.Start)
		}
	}
	flush()
	return s.ctx.Err()
}

// second adds the picture that begins with a header of its own, without a signature.
func (s *survey) second(at int64) {
	if n := s.m.size - at; n <= s.most() {
		b := make([]byte, n)
		if got, _ := s.m.ReadAt(b, at); int64(got) == n {
			s.carried(fmt.Sprintf("second picture at byte %d", at), append([]byte(pngSignature), b...), true)
		}
	}
}

// apngFrame is one picture of an animation.
type apngFrame struct {
	size   []byte // width and height
	data   [][]byte
	length int64
}

func (f *apngFrame) file(p pngParts) []byte {
	out := pngStart(p, f.size)
	for _, b := range f.data {
		out = append(out, pngChunk("IDAT", b)...)
	}
	return append(out, pngChunk("IEND", nil)...)
}

func surveyGIF(s *survey) error {
	var head [13 + 768]byte
	n, _ := s.m.ReadAt(head[:], 0)
	if n < 13 {
		return nil
	}
	_, first := gifColours(head[:n], 13, head[10])
	end, pictures := int64(min(first, n)), 0
	s.claim(0, end, anatomy.Read, "header")
	for p, err := range chunk.GIF(s.m, s.m.size) {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if err != nil {
			break
		}
		end = p.End()
		switch p.Name {
		case "image":
			s.claim(p.Start, end-p.Start, anatomy.Opaque, "picture")
			if pictures++; pictures > 1 && sampled(pictures-2) && end-p.Start < maxChild {
				if b, err := (chunk.Piece{Off: p.Start, Len: end - p.Start}).Read(s.m, maxChild); err == nil {
					s.carried(fmt.Sprintf("picture %d of the animation", pictures), gifFrame(head[:min(first, n)], b), true)
				}
			}
		case "trailer", "control":
			s.claim(p.Start, end-p.Start, anatomy.Read, p.Name)
		default:
			s.metadata(p.Start, end-p.Start, p.Name)
			if p.Form == "XMP DataXMP" {
				continue
			}
			if b, err := p.Read(s.m, maxChild); err == nil && len(b) > 256 {
				var joined bytes.Buffer
				gifBlocks(b, 0, &joined)
				s.within(fmt.Sprintf("block %s at byte %d", p.Name, p.Start), joined.Bytes())
			}
		}
	}
	s.trailer(end)
	return nil
}

// within looks for files in bytes that had to be put together.
func (s *survey) within(name string, b []byte) {
	c := carver{s.ctx, bytes.NewReader(b), s.m.limits.allowed, nil}
	_, err := c.carve(0, int64(len(b)), func(o opening) bool {
		return s.carried(fmt.Sprintf("%s in %s", o.is, name), b[o.off:o.end], false)
	})
	s.more = s.more || errors.Is(err, errSpent)
}

// gifFrame is a file of one picture, as large as that picture.
func gifFrame(head, picture []byte) []byte {
	out := append(bytes.Clone(head), picture...)
	if len(picture) > 9 {
		copy(out[6:10], picture[5:9])                          // its width and height
		copy(out[len(head)+1:len(head)+5], []byte{0, 0, 0, 0}) // from the upper left
	}
	return append(out, 0x3B)
}

func surveyWebP(s *survey) error {
	end, frames := int64(0), 0
	for p, err := range chunk.RIFF(s.m, s.m.size) {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if err != nil {
			break
		}
		if p.Form != "" {
			s.claim(p.Start, p.Off-p.Start, anatomy.Read, "header")
			end = max(end, p.End())
			continue
		}
		n := p.End() + p.Len&1 - p.Start
		switch p.Name {
		case "VP8 ", "VP8L", "ALPH":
			s.claim(p.Start, n, anatomy.Opaque, p.Name)
		case "ANMF":
			s.claim(p.Start, n, anatomy.Opaque, p.Name)
			if sampled(frames) && p.Len > 24 && p.Len < maxChild {
				if b, err := p.Read(s.m, p.Len); err == nil {
					s.carried(fmt.Sprintf("picture %d of the animation", frames+1), webpFrame(b), true)
				}
			}
			frames++
		case "VP8X", "ANIM", "ICCP", "EXIF", "XMP ", "C2PA":
			s.metadata(p.Start, n, p.Name)
		}
	}
	s.trailer(end)
	return nil
}

// webpFrame is a file of the picture in an ANMF chunk.
func webpFrame(b []byte) []byte {
	body := b[16:]
	if string(body[:4]) == "ALPH" { // what is transparent is stored apart, and takes the long header
		x := append([]byte("VP8X\x0A\x00\x00\x00\x10\x00\x00\x00"), b[6:12]...)
		body = append(x, body...)
	}
	out := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(4+len(body)))...)
	return append(append(out, "WEBP"...), body...)
}

func surveyBMP(s *survey) error {
	b := s.m.head
	if len(b) < 26 {
		return nil
	}
	start, info := int64(binary.LittleEndian.Uint32(b[10:])), int64(binary.LittleEndian.Uint32(b[14:]))
	head := min(14+info, s.m.size)
	s.claim(0, head, anatomy.Read, "header")
	conf, err := s.m.header()
	if err != nil || start < head {
		s.claim(head, s.m.size-head, anatomy.Opaque, "pixels") // coded in a way that has no fixed length
		return nil
	}
	bits := int64(binary.LittleEndian.Uint16(b[28:]))
	if bits <= 8 {
		s.claim(head, min(start-head, 4<<bits), anatomy.Read, "palette")
	}
	s.claim(start, (int64(conf.Width)*bits+31)/32*4*int64(conf.Height), anatomy.Opaque, "pixels")
	return nil
}

// surveyICO opens every picture of an icon: a PNG file, or a bitmap without its file header.
func surveyICO(s *survey) error {
	var head [6]byte
	if n, _ := s.m.ReadAt(head[:], 0); n < 6 {
		return nil
	}
	count := int64(binary.LittleEndian.Uint16(head[4:]))
	s.claim(0, 6+16*count, anatomy.Read, "directory")
	for i := range min(count, 256) {
		var e [16]byte
		if n, _ := s.m.ReadAt(e[:], 6+16*i); n < len(e) {
			break
		}
		n, off := int64(binary.LittleEndian.Uint32(e[8:])), int64(binary.LittleEndian.Uint32(e[12:]))
		if n = min(n, s.m.size-off); off < 6 || n < 40 {
			continue
		}
		name := fmt.Sprintf("picture %d of the icon", i+1)
		b := make([]byte, min(n, maxChild))
		if got, _ := s.m.ReadAt(b, off); got < len(b) {
			continue
		}
		if t := Sniff(b[:min(len(b), sniffLen)]); t == PNG || t == JPEG {
			s.child(Child{Name: name, Off: off, Len: n, Certain: true})
			continue
		}
		s.claim(off, n, anatomy.Opaque, "picture")
		s.carried(name, iconBitmap(b), true)
	}
	return nil
}

// iconBitmap gives a bitmap its file header, and the height of the picture without its mask.
func iconBitmap(b []byte) []byte {
	b = bytes.Clone(b)
	info := binary.LittleEndian.Uint32(b)
	height := binary.LittleEndian.Uint32(b[8:]) / 2
	binary.LittleEndian.PutUint32(b[8:], height)
	bits := binary.LittleEndian.Uint16(b[14:])
	colours := uint32(0)
	if bits <= 8 {
		if colours = binary.LittleEndian.Uint32(b[32:]); colours == 0 {
			colours = 1 << bits
		}
	}
	out := append([]byte("BM"), binary.LittleEndian.AppendUint32(nil, uint32(14+len(b)))...)
	out = append(out, 0, 0, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, 14+info+4*colours)
	return append(out, b...)
}
