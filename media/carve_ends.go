package media

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/cordonhq/cordon/media/chunk"
)

// smallest is the shortest file, in bytes, that is taken for one.
const smallest = 32

func toTheEnd(_ io.ReaderAt, size int64) int64 {
	if size < smallest {
		return 0
	}
	return size
}

func endOfPNG(r io.ReaderAt, size int64) int64 {
	var b [33]byte
	if n, _ := r.ReadAt(b[:], 0); n < len(b) || string(b[12:16]) != "IHDR" || binary.BigEndian.Uint32(b[16:]) == 0 || binary.BigEndian.Uint32(b[20:]) == 0 {
		return 0
	}
	end := size
	for p, err := range chunk.PNG(r, size) {
		if err != nil {
			break
		}
		if p.Name == "IEND" {
			end = p.End() + 4
		}
	}
	return end
}

func endOfJPEG(r io.ReaderAt, size int64) int64 {
	frame, end := false, size
	for p, err := range chunk.JPEG(r, size) {
		if err != nil {
			break
		}
		if len(p.Name) > 3 && p.Name[:3] == "SOF" {
			b, err := p.Read(r, 6)
			if err != nil || len(b) < 6 || b[0] < 2 || b[0] > 16 || binary.BigEndian.Uint16(b[3:]) == 0 || b[5] == 0 || b[5] > 4 {
				return 0
			}
			frame = true
		}
		if p.Name == "EOI" {
			end = p.End()
		}
		if p.Name == "SOS" && !frame {
			return 0
		}
	}
	if !frame {
		return 0
	}
	return end
}

func endOfGIF(r io.ReaderAt, size int64) int64 {
	var b [13]byte
	if n, _ := r.ReadAt(b[:], 0); n < len(b) || b[5] != 'a' || b[4] != '7' && b[4] != '9' || binary.LittleEndian.Uint16(b[6:]) == 0 || binary.LittleEndian.Uint16(b[8:]) == 0 {
		return 0
	}
	picture, end := false, size
	for p, err := range chunk.GIF(r, size) {
		if err != nil {
			break
		}
		picture = picture || p.Name == "image"
		if p.Name == "trailer" {
			end = p.End()
		}
	}
	if !picture {
		return 0
	}
	return end
}

func endOfRIFF(r io.ReaderAt, size int64) int64 {
	var b [16]byte
	if n, _ := r.ReadAt(b[:], 0); n < len(b) || string(b[:4]) != "RIFF" || string(b[12:15]) != "VP8" {
		return 0
	}
	return min(8+int64(binary.LittleEndian.Uint32(b[4:])), size)
}

// endOfBMFF goes from box to box.
func endOfBMFF(r io.ReaderAt, size int64) int64 {
	var b [12]byte
	if n, _ := r.ReadAt(b[:], 0); n < len(b) {
		return 0
	}
	for _, c := range b[8:12] {
		if c < ' ' || c > '~' {
			return 0
		}
	}
	if n := binary.BigEndian.Uint32(b[:]); n < 12 || n > 4096 || n%4 != 0 {
		return 0
	}
	end, boxes := int64(0), 0
	for p, err := range chunk.BMFF(r, size) {
		if err != nil {
			break
		}
		if p.Path == p.Name && chunkName(p.Name) {
			end = p.End()
			boxes++
		}
	}
	if boxes < 2 {
		return 0
	}
	return end
}

// endOfTIFF asks for a directory with a width, a height and picture data: the Exif block of a
// photograph begins like a TIFF file and is none.
func endOfTIFF(r io.ReaderAt, size int64) int64 {
	var has [3]bool
	for t, err := range chunk.TIFF(r, size) {
		if err != nil || t.Dir != "IFD0" {
			break
		}
		has[0] = has[0] || t.ID == 256
		has[1] = has[1] || t.ID == 257
		has[2] = has[2] || t.ID == 273 || t.ID == 324
	}
	if has != [3]bool{true, true, true} {
		return 0
	}
	return size
}

func endOfPDF(r io.ReaderAt, size int64) int64 {
	b := make([]byte, min(size, 4096))
	n, _ := r.ReadAt(b, 0)
	if b = b[:n]; n < smallest || b[5] < '1' || b[5] > '2' || b[6] != '.' || !bytes.Contains(b, []byte("obj")) {
		return 0
	}
	return size
}

// endOfZIP asks for the end of a directory somewhere behind the first entry.
func endOfZIP(r io.ReaderAt, size int64) int64 {
	var b [30]byte
	if n, _ := r.ReadAt(b[:], 0); n < len(b) || !entryHeader(b[:]) {
		return 0
	}
	window := make([]byte, min(32<<10, size))
	for at := int64(30); at+22 <= size && at < maxChild; {
		n, _ := r.ReadAt(window[:min(int64(len(window)), size-at)], at)
		if i := bytes.Index(window[:n], []byte("PK\x05\x06")); i >= 0 && i+22 <= n {
			return min(at+int64(i)+22+int64(binary.LittleEndian.Uint16(window[i+20:])), size)
		}
		if n < 22 {
			break
		}
		at += int64(n) - 21
		if at+21 == size {
			break
		}
	}
	return 0
}

// entryHeader reports whether the local header of an entry makes sense.
func entryHeader(b []byte) bool {
	method, name := binary.LittleEndian.Uint16(b[8:]), binary.LittleEndian.Uint16(b[26:])
	return binary.LittleEndian.Uint16(b[4:])&0xFF <= 63 && (method <= 20 || method >= 90 && method <= 99) && name > 0 && name <= 1024
}
