package kind

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
)

// extent is how far the structure of a file reaches.
type extent struct {
	followed bool  // the structure was followed to its end
	end      int64 // first byte that is not part of it
}

// follow walks the structure to its end. Errors wrap those of package chunk.
func follow(ctx context.Context, m *media.Media) (extent, error) {
	switch m.Type {
	case media.JPEG:
		return followJPEG(ctx, m)
	case media.PNG:
		return followPNG(ctx, m)
	case media.GIF:
		return followGIF(m)
	case media.WebP, media.WAV, media.AVI:
		return followRIFF(m)
	case media.HEIC, media.AVIF, media.CR3, media.MP4, media.MOV, media.M4A:
		return followBMFF(m)
	case media.TIFF, media.DNG:
		return followTIFF(m)
	case media.PDF:
		return followPDF(m)
	case media.ZIP, media.OOXML:
		return followZIP(m)
	}
	return extent{}, nil
}

// cut says of a file whose picture has begun that it is damaged, not that it is no such file.
func cut(err error) error {
	if errors.Is(err, chunk.ErrTruncated) || errors.Is(err, chunk.ErrLimit) {
		return err
	}
	return fmt.Errorf("%w: %w", chunk.ErrTruncated, err)
}

func followJPEG(ctx context.Context, m *media.Media) (extent, error) {
	frame, scan := false, false
	for p, err := range chunk.JPEG(m, m.Size()) {
		if ctx.Err() != nil {
			return extent{}, ctx.Err()
		}
		switch {
		case err != nil && scan:
			// The picture is there; what follows it is damaged or missing.
			return extent{}, cut(err)
		case err != nil:
			return extent{}, err
		case p.Name == "EOI" && !scan:
			return extent{}, fmt.Errorf("%w: a JPEG without a picture", chunk.ErrStructure)
		case p.Name == "EOI":
			return extent{true, p.End()}, nil
		case len(p.Name) > 3 && p.Name[:3] == "SOF":
			frame = true
		case p.Name == "SOS" && !frame:
			return extent{}, fmt.Errorf("%w: a scan without a frame", chunk.ErrStructure)
		case p.Name == "SOS":
			scan = true
		}
	}
	return extent{}, fmt.Errorf("%w: no end of image", chunk.ErrTruncated)
}

func followPNG(ctx context.Context, m *media.Media) (extent, error) {
	data := false
	first := true
	for p, err := range chunk.PNG(m, m.Size()) {
		if ctx.Err() != nil {
			return extent{}, ctx.Err()
		}
		switch {
		case err != nil && data:
			return extent{}, cut(err)
		case err != nil:
			return extent{}, err
		case first && p.Name != "IHDR":
			return extent{}, fmt.Errorf("%w: a PNG that begins with %q", chunk.ErrStructure, p.Name)
		}
		first = false
		// Only critical chunks: editors leave wrong sums behind in what decoders ignore.
		if p.Name[0]&0x20 == 0 {
			if err := checkCRC(m, p); err != nil {
				return extent{}, err
			}
		}
		switch p.Name {
		case "IDAT":
			data = true
		case "IEND":
			if !data {
				return extent{}, fmt.Errorf("%w: a PNG without a picture", chunk.ErrStructure)
			}
			return extent{true, p.End() + 4}, nil
		}
	}
	return extent{}, fmt.Errorf("%w: no IEND chunk", chunk.ErrTruncated)
}

func checkCRC(m *media.Media, p chunk.Piece) error {
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.NewSectionReader(m, p.Start+4, p.Len+4)); err != nil {
		return err
	}
	var want [4]byte
	if _, err := m.ReadAt(want[:], p.End()); err != nil && err != io.EOF {
		return err
	}
	if sum.Sum32() != binary.BigEndian.Uint32(want[:]) {
		return fmt.Errorf("%w: chunk %s at byte %d is damaged", chunk.ErrTruncated, p.Name, p.Start)
	}
	return nil
}

func followGIF(m *media.Media) (extent, error) {
	image := false
	for p, err := range chunk.GIF(m, m.Size()) {
		switch {
		case err != nil && image:
			return extent{}, cut(err)
		case err != nil:
			return extent{}, err
		case p.Name == "image":
			image = true
		case p.Name == "trailer":
			return extent{true, p.End()}, nil
		}
	}
	return extent{}, fmt.Errorf("%w: no trailer", chunk.ErrTruncated)
}

func followRIFF(m *media.Media) (extent, error) {
	var end int64
	for p, err := range chunk.RIFF(m, m.Size()) {
		if err != nil {
			return extent{}, err
		}
		if p.Form != "" && p.Name != "LIST" {
			end = p.End() + p.Len&1
		}
	}
	return extent{true, min(end, m.Size())}, nil
}

func followBMFF(m *media.Media) (extent, error) {
	var end int64
	useful := false
	for p, err := range chunk.BMFF(m, m.Size()) {
		if err != nil {
			if useful && !errors.Is(err, chunk.ErrLimit) && !boxAt(m, end) {
				// What follows is no box; it is looked at as trailing data.
				return extent{true, end}, nil
			}
			return extent{}, err
		}
		switch p.Path {
		case "moov", "meta", "mdat", "moof":
			useful = true
		}
		if p.Path == p.Name {
			end = p.End()
		}
	}
	if !useful {
		return extent{}, fmt.Errorf("%w: no movie, picture or media data", chunk.ErrStructure)
	}
	return extent{true, end}, nil
}

// boxAt reports whether a box that belongs at the top of a file begins at off.
func boxAt(m *media.Media, off int64) bool {
	var b [8]byte
	if _, err := m.ReadAt(b[:], off); err != nil {
		return false
	}
	switch string(b[4:]) {
	case "ftyp", "moov", "mdat", "free", "skip", "wide", "uuid", "meta", "moof", "mfra", "sidx", "ssix", "styp", "pdin", "prft", "emsg", "udta", "idat", "pnot", "jumb":
		return true
	}
	return false
}

// followTIFF checks that the picture data of the first directory lies inside the file.
func followTIFF(m *media.Media) (extent, error) {
	const stripOffsets, stripCounts, tileOffsets, tileCounts = 273, 279, 324, 325
	ends := map[string]int64{}
	offsets, counts := map[string][]int64{}, map[string][]int64{}
	tags := 0
	for t, err := range chunk.TIFF(m, m.Size()) {
		if err != nil {
			if tags > 0 && !errors.Is(err, chunk.ErrLimit) {
				break // a later directory is damaged; readers show the first
			}
			return extent{}, err
		}
		tags++
		switch t.ID {
		case stripOffsets, tileOffsets:
			offsets[t.Dir] = numbers(m, t)
		case stripCounts, tileCounts:
			counts[t.Dir] = numbers(m, t)
		}
	}
	if tags == 0 {
		return extent{}, fmt.Errorf("%w: no tags", chunk.ErrStructure)
	}
	for dir, offs := range offsets {
		for i, off := range offs {
			if i < len(counts[dir]) {
				ends[dir] = max(ends[dir], off+counts[dir][i])
			}
		}
	}
	if end := ends["IFD0"]; end > m.Size() {
		return extent{}, fmt.Errorf("%w: picture data up to byte %d of %d", chunk.ErrTruncated, end, m.Size())
	}
	return extent{}, nil // tags may stand anywhere: where a TIFF ends cannot be told
}

func numbers(m *media.Media, t chunk.Tag) []int64 {
	b, err := t.Read(m, 256<<10)
	if err != nil || t.Count == 0 {
		return nil
	}
	n := int(t.Len / t.Count)
	var out []int64
	for ; len(b) >= n && (n == 2 || n == 4 || n == 8); b = b[n:] {
		var v int64
		switch n {
		case 2:
			v = int64(t.Order.Uint16(b))
		case 4:
			v = int64(t.Order.Uint32(b))
		case 8:
			v = int64(t.Order.Uint64(b) & (1<<62 - 1))
		}
		out = append(out, v)
	}
	return out
}

// followPDF looks for the mark at the end. Mail gateways append to PDF files, so it may be
// a little before.
func followPDF(m *media.Media) (extent, error) {
	tail, at, err := last(m, 64<<10)
	if err != nil {
		return extent{}, err
	}
	i := bytes.LastIndex(tail, []byte("%%EOF"))
	if i < 0 {
		return extent{}, fmt.Errorf("%w: no end mark in the last %d bytes", chunk.ErrTruncated, len(tail))
	}
	end := at + int64(i) + 5
	for end < m.Size() && (tail[end-at] == '\r' || tail[end-at] == '\n' || tail[end-at] == ' ' || tail[end-at] == 0) {
		end++
	}
	return extent{true, end}, nil
}

func followZIP(m *media.Media) (extent, error) {
	tail, at, err := last(m, 66<<10)
	if err != nil {
		return extent{}, err
	}
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 {
		return extent{}, fmt.Errorf("%w: no directory at the end of the archive", chunk.ErrTruncated)
	}
	return extent{true, min(at+int64(i)+22, m.Size())}, nil
}

// last returns the last n bytes and where they begin.
func last(m *media.Media, n int64) ([]byte, int64, error) {
	at := max(0, m.Size()-n)
	b := make([]byte, m.Size()-at)
	got, err := m.ReadAt(b, at)
	if err == io.EOF && got == len(b) {
		err = nil
	}
	return b[:got], at, err
}
