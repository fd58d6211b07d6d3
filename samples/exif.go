package samples

import (
	"encoding/binary"
	"slices"
	"time"
)

// camera is what the samples' camera writes. There is no such make.
type camera struct {
	maker, model, software, description string
	at                                  time.Time
}

// EXIF field types and the tags used here (CIPA DC-008).
const (
	exifASCII    = 2
	exifShort    = 3
	exifLong     = 4
	exifRational = 5
)

type exifField struct {
	tag, kind uint16
	data      []byte
}

func exifText(tag uint16, s string) exifField { return exifField{tag, exifASCII, append([]byte(s), 0)} }

func exifUint16(tag, v uint16) exifField {
	return exifField{tag, exifShort, binary.BigEndian.AppendUint16(nil, v)}
}

func exifRatio(tag uint16, a, b uint32) exifField {
	return exifField{tag, exifRational, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, a), b)}
}

// exif returns the content of an APP1 segment.
func (c camera) exif() []byte {
	when := c.at.Format("2006:01:02 15:04:05")
	sub := []exifField{exifRatio(0x829A, 1, 250), exifRatio(0x829D, 28, 10), exifUint16(0x8827, 200),
		exifText(0x9003, when), exifText(0x9004, when), exifRatio(0x920A, 35, 1), exifText(0xA434, "NL 35mm f/2.8")}
	main := []exifField{exifText(0x010E, c.description), exifText(0x010F, c.maker), exifText(0x0110, c.model),
		exifUint16(0x0112, 1), exifText(0x0131, c.software), exifText(0x0132, when)}
	// The pointer to the second directory is a field of the first, so the first is laid out
	// twice: its length does not depend on the value.
	pointer := exifField{0x8769, exifLong, make([]byte, 4)}
	first := exifDirectory(append(slices.Clone(main), pointer), 8)
	binary.BigEndian.PutUint32(pointer.data, uint32(8+len(first)))
	out := append([]byte("Exif\x00\x00MM\x00\x2A"), 0, 0, 0, 8)
	out = append(out, exifDirectory(append(main, pointer), 8)...)
	return append(out, exifDirectory(sub, 8+len(first))...)
}

// exifDirectory lays out one directory that starts at the offset; fields are sorted by tag.
func exifDirectory(fields []exifField, offset int) []byte {
	out := binary.BigEndian.AppendUint16(nil, uint16(len(fields)))
	var more []byte
	data := offset + 2 + 12*len(fields) + 4
	for _, f := range fields {
		size := map[uint16]int{exifASCII: 1, exifShort: 2, exifLong: 4, exifRational: 8}[f.kind]
		out = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(out, f.tag), f.kind)
		out = binary.BigEndian.AppendUint32(out, uint32(len(f.data)/size))
		if len(f.data) <= 4 {
			out = append(out, append(slices.Clone(f.data), 0, 0, 0, 0)[:4]...)
			continue
		}
		out = binary.BigEndian.AppendUint32(out, uint32(data+len(more)))
		more = append(more, f.data...)
		if len(more)%2 == 1 {
			more = append(more, 0)
		}
	}
	return append(append(out, 0, 0, 0, 0), more...)
}

// withSegment puts a marker segment right after the start of a JPEG file.
func withSegment(jpeg []byte, marker byte, content []byte) []byte {
	seg := binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(2+len(content)))
	return slices.Concat(jpeg[:2], seg, content, jpeg[2:])
}
