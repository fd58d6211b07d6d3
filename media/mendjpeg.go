package media

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"io"
)

// mendJPEG keeps of a JPEG what its picture is made of: frame, tables and scans. Markers that
// mean nothing are left out, a height that stands behind the first scan (DNL) is put into the
// frame, and a scan that ends early, or that cannot be read any further, is filled up with zeros,
// as viewers do.
func mendJPEG(_ *Media, b []byte) (mended, error) {
	clean, err := cleanJPEG(b)
	if err != nil {
		return mended{}, err
	}
	conf, err := jpeg.DecodeConfig(bytes.NewReader(clean))
	if err != nil {
		return mended{}, err
	}
	return mended{conf, 0, func(ctx context.Context) (image.Image, error) { return decodeCutJPEG(ctx, clean, conf) }}, nil
}

// decodeCutJPEG decodes, and where it meets something that is no picture cuts the scan and fills
// it up.
func decodeCutJPEG(ctx context.Context, clean []byte, conf image.Config) (image.Image, error) {
	blocks := int64((conf.Width+15)/16) * int64((conf.Height+15)/16) * 4 * 3
	body := clean[:len(clean)-2] // without the end of image
	var why error
	cut := int64(len(body))
	for range 4 {
		src := &slow{r: io.MultiReader(bytes.NewReader(body[:cut]), io.LimitReader(zeros{}, min(blocks*32, 64<<20)), bytes.NewReader(clean[len(clean)-2:])), ctx: ctx}
		img, err := jpeg.Decode(src)
		if err == nil || ctx.Err() != nil {
			return img, errors.Join(err, ctx.Err())
		}
		if why == nil {
			why = err
		}
		// The decoder was no further than a few bytes ahead of what it met.
		next := min(src.n, cut) - 2*slowly
		if next >= cut || next < scanStart(clean) {
			break
		}
		cut = next
		if body[cut-1] == 0xFF { // not between a byte and what belongs to it
			cut--
		}
	}
	return nil, why
}

// slowly is how many bytes a slow reader gives at a time, so that its count says where a decoder
// is.
const slowly = 32

type slow struct {
	r   io.Reader
	n   int64
	ctx context.Context
}

func (s *slow) Read(p []byte) (int, error) {
	if s.n&0xFFFFF < slowly {
		if err := s.ctx.Err(); err != nil {
			return 0, err
		}
	}
	n, err := s.r.Read(p[:min(len(p), slowly)])
	s.n += int64(n)
	return n, err
}

// scanStart is the offset of the first entropy-coded byte.
func scanStart(clean []byte) int64 {
	for at := 2; at+4 <= len(clean) && clean[at] == 0xFF; {
		n := 2 + int(binary.BigEndian.Uint16(clean[at+2:]))
		if clean[at+1] == 0xDA {
			return int64(at + n)
		}
		at += n
	}
	return int64(len(clean))
}

// cleanJPEG returns the picture without all that is none of it.
func cleanJPEG(b []byte) ([]byte, error) {
	out := bufio.NewWriter(nil)
	var buf bytes.Buffer
	buf.Grow(len(b))
	out.Reset(&buf)
	out.WriteString("\xFF\xD8")
	frame, scan, height := -1, false, -1 // where SOF stands in the input, if it is to be changed
	var sofAt int
	written := 2
	put := func(p []byte) { written += len(p); out.Write(p) }
	for at := 2; at+1 < len(b); {
		if b[at] != 0xFF || b[at+1] == 0 || b[at+1] == 0xFF {
			at++
			continue
		}
		c := b[at+1]
		if c == 0xD9 && scan {
			break
		}
		n := segment(b, at)
		switch {
		case c >= 0xC0 && c <= 0xCF && c != 0xC4 && c != 0xC8 && c != 0xCC && n > 9:
			if frame >= 0 { // of a second picture
				at += n
				continue
			}
			frame, sofAt = at, written
			put(b[at : at+n])
		case (c == 0xC4 || c == 0xDB || c == 0xDD || c == 0xE0 || c == 0xEE) && n > 0:
			put(b[at : at+n])
		case c == 0xDC && n == 6 && height < 0:
			height = int(binary.BigEndian.Uint16(b[at+4:]))
		case c == 0xDA && n > 0 && frame >= 0:
			put(b[at : at+n])
			at += n
			end := scanEnd(b, at)
			for at < end {
				i := bytes.IndexByte(b[at:end], 0xFF)
				if i < 0 || at+i+1 >= end {
					put(b[at:end])
					break
				}
				put(b[at : at+i])
				at += i
				if next := b[at+1]; next == 0 || next >= 0xD0 && next <= 0xD7 {
					put(b[at : at+2])
					at += 2
				} else if next == 0xFF {
					at++
				} else {
					at += 2 // a marker that means nothing here
				}
			}
			at, scan = end, true
			continue
		}
		at += max(n, 2)
	}
	if !scan {
		return nil, errNothingThere
	}
	out.WriteString("\xFF\xD9")
	out.Flush()
	clean := buf.Bytes()
	if height > 0 && binary.BigEndian.Uint16(clean[sofAt+5:]) == 0 {
		binary.BigEndian.PutUint16(clean[sofAt+5:], uint16(height))
	}
	return clean, nil
}

// segment is the length of the segment at a marker, marker included; 0 if the marker stands alone
// or what follows cannot be its length.
func segment(b []byte, at int) int {
	c := b[at+1]
	if c == 0x01 || c >= 0xD0 && c <= 0xD9 || at+4 > len(b) {
		return 0
	}
	n := 2 + int(binary.BigEndian.Uint16(b[at+2:]))
	if n < 4 || at+n > len(b) {
		return 0
	}
	if c < 0xC0 || c >= 0xF0 && c != 0xFE {
		// Of no meaning. It is a segment only if another follows where it says that it ends.
		if at+n+1 >= len(b) || b[at+n] != 0xFF || b[at+n+1] < 0xC0 || b[at+n+1] == 0xFF {
			return 0
		}
	}
	return n
}

// scanEnd is where entropy-coded data ends: at the end of the image, or at a segment that is
// followed by another.
func scanEnd(b []byte, at int) int {
	for at+1 < len(b) {
		i := bytes.IndexByte(b[at:], 0xFF)
		if i < 0 || at+i+1 >= len(b) {
			return len(b)
		}
		at += i
		c := b[at+1]
		switch {
		case c == 0 || c >= 0xD0 && c <= 0xD7:
			at += 2
			continue
		case c == 0xFF:
			at++
			continue
		case c == 0xD9:
			return at
		case c == 0xC4 || c == 0xDA || c == 0xDB || c == 0xDC || c == 0xDD || c >= 0xE0 && c <= 0xEF || c == 0xFE:
			if n := segment(b, at); n > 0 && (c == 0xDA || at+n+1 < len(b) && b[at+n] == 0xFF && b[at+n+1] >= 0xC0 && b[at+n+1] != 0xFF) {
				return at
			}
		}
		at += 2
	}
	return len(b)
}
