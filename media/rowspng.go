package media

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"hash"
	"hash/adler32"
	"image"
	"image/png"
	"io"
)

// rowsMemory is what it takes to put rows together anew, beside the picture: they are never there
// all at once.
const rowsMemory = 512 << 10

// decode decodes the picture from whatever rows can be unpacked. The others are black.
func (p pngParts) decode(ctx context.Context) (image.Image, error) {
	in := flate.NewReader(&ctxReader{ctx, io.MultiReader(skipFirst(p.data, 2)...)})
	var first [2]byte
	if _, err := io.ReadFull(in, first[:]); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errors.Join(errors.New("no row of it can be unpacked"), err)
	}
	rows := &pngRows{r: io.MultiReader(bytes.NewReader(first[:]), in)}
	rowsOfPNG(p.header, func(length, times int64) { rows.spans = append(rows.spans, [2]int64{length, times}) })
	img, err := png.Decode(io.MultiReader(bytes.NewReader(pngStart(p, nil)),
		&storedIDAT{rows: rows, left: rawPNG(p.header), sum: adler32.New()}, bytes.NewReader(pngChunk("IEND", nil))))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return img, err
}

// pngRows reads rows and goes on with black ones, without end, where they cannot be unpacked. Rows
// with a filter that there is not are as they are.
type pngRows struct {
	r     io.Reader // nil: it has ended
	spans [][2]int64
	left  int64 // bytes of the row at hand
}

func (p *pngRows) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) && p.r != nil {
		m, err := p.r.Read(b[n:])
		if n += m; err != nil {
			p.r = nil
		}
	}
	clear(b[n:])
	for at := int64(0); at < int64(len(b)); {
		if p.left == 0 {
			if len(p.spans) == 0 {
				break
			}
			p.left = p.spans[0][0]
			if p.spans[0][1]--; p.spans[0][1] == 0 {
				p.spans = p.spans[1:]
			}
			if b[at] > 4 {
				b[at] = 0
			}
		}
		step := min(p.left, int64(len(b))-at)
		at, p.left = at+step, p.left-step
	}
	return len(b), nil
}

// storedIDAT is image data with the rows as they are, in chunks with good sums, one at a time.
type storedIDAT struct {
	rows  io.Reader
	left  int64 // bytes of rows that are to come
	sum   hash.Hash32
	chunk []byte // what is left of the chunk at hand
	begun bool
	ended bool
}

func (s *storedIDAT) Read(b []byte) (int, error) {
	const most = 65535
	if len(s.chunk) == 0 {
		switch {
		case !s.begun:
			s.begun = true
			s.chunk = pngChunk("IDAT", []byte{0x78, 0x01})
		case s.left > 0:
			n := min(s.left, most)
			body := make([]byte, 5+n)
			if _, err := io.ReadFull(s.rows, body[5:]); err != nil {
				return 0, err
			}
			s.sum.Write(body[5:])
			if s.left -= n; s.left == 0 {
				body[0] = 1
			}
			binary.LittleEndian.PutUint16(body[1:], uint16(n))
			binary.LittleEndian.PutUint16(body[3:], ^uint16(n))
			s.chunk = pngChunk("IDAT", body)
		case !s.ended:
			s.ended = true
			s.chunk = pngChunk("IDAT", s.sum.Sum(nil))
		default:
			return 0, io.EOF
		}
	}
	n := copy(b, s.chunk)
	s.chunk = s.chunk[n:]
	return n, nil
}
