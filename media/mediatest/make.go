package mediatest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/cordonhq/cordon/media"
)

// OpenBytes opens bytes in memory until the test ends.
func OpenBytes(t testing.TB, b []byte) *media.Media {
	t.Helper()
	m, err := media.Open(bytes.NewReader(b), int64(len(b)), media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// Picture is a test pattern: red grows to the right, green downwards, so that every
// corner differs from every other.
func Picture(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(255 * x / max(w-1, 1)), uint8(255 * y / max(h-1, 1)), 64, 255})
		}
	}
	return img
}

// JPEG encodes the test pattern.
func JPEG(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, Picture(w, h), &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// PNG encodes the test pattern.
func PNG(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, Picture(w, h)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// GIF encodes the test pattern.
func GIF(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, Picture(w, h), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Segment puts a segment behind the start of a JPEG.
func Segment(file []byte, marker byte, payload []byte) []byte {
	out := append([]byte{}, file[:2]...)
	out = append(out, 0xFF, marker)
	out = binary.BigEndian.AppendUint16(out, uint16(len(payload)+2))
	out = append(out, payload...)
	return append(out, file[2:]...)
}

// PNGChunk is a chunk of a PNG file with its sum.
func PNGChunk(name string, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
	b = append(append(b, name...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// Chunk puts a chunk behind the header of a PNG.
func Chunk(file []byte, name string, payload []byte) []byte {
	const ihdr = 8 + 12 + 13
	out := append([]byte{}, file[:ihdr]...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(payload)))
	body := append([]byte(name), payload...)
	out = append(out, body...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
	return append(out, file[ihdr:]...)
}

// Text puts a text chunk into a PNG.
func Text(file []byte, key, value string) []byte {
	return Chunk(file, "tEXt", []byte(key+"\x00"+value))
}

// Deflate packs bytes as zTXt and iTXt chunks hold them.
func Deflate(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// Tag is one ASCII or numeric entry for EXIF.
type Tag struct {
	ID    uint16
	Type  uint16 // 2: ASCII, 3: short, 7: undefined, 1: byte
	Value []byte
}

// Ascii is a text tag.
func Ascii(id uint16, s string) Tag { return Tag{id, 2, append([]byte(s), 0)} }

// Short is a number.
func Short(id, v uint16) Tag { return Tag{id, 3, binary.LittleEndian.AppendUint16(nil, v)} }

// TIFF builds a little-endian TIFF structure whose tags stand in IFD0, and sub in its Exif
// directory.
func TIFF(tags []Tag, sub ...Tag) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	if len(sub) > 0 {
		tags = append(append([]Tag{}, tags...), Tag{34665, 4, make([]byte, 4)})
	}
	b, at := directory(b, tags)
	if len(sub) > 0 {
		// The pointer is the last entry of the first directory.
		binary.LittleEndian.PutUint32(b[at+8:], uint32(len(b)))
		b, _ = directory(b, sub)
	}
	return b
}

// directory appends one directory and returns where its last entry is.
func directory(b []byte, tags []Tag) ([]byte, int) {
	size := map[uint16]int{1: 1, 2: 1, 3: 2, 4: 4, 7: 1, 129: 1}
	start := len(b)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(tags)))
	data := start + 2 + 12*len(tags) + 4
	var values []byte
	for _, t := range tags {
		b = binary.LittleEndian.AppendUint16(b, t.ID)
		b = binary.LittleEndian.AppendUint16(b, t.Type)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Value)/size[t.Type]))
		if len(t.Value) <= 4 {
			b = append(b, append(append([]byte{}, t.Value...), 0, 0, 0, 0)[:4]...)
			continue
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(data+len(values)))
		values = append(values, t.Value...)
	}
	last := len(b) - 12
	b = append(b, 0, 0, 0, 0)
	return append(b, values...), last
}

// EXIF puts a TIFF structure into a JPEG.
func EXIF(file, tiff []byte) []byte {
	return Segment(file, 0xE1, append([]byte("Exif\x00\x00"), tiff...))
}

// XMP wraps properties in a packet; they may use the usual prefixes.
func XMP(properties string) string {
	return `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"` +
		` xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#">` +
		properties + `</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
}

// Box is one ISO base media box.
func Box(name string, payload ...[]byte) []byte {
	body := bytes.Join(payload, nil)
	out := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(out, name...), body...)
}

// RIFF wraps chunks in a RIFF file of the given form.
func RIFF(form string, chunks ...[]byte) []byte {
	body := append([]byte(form), bytes.Join(chunks, nil)...)
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)))
	return append(out, body...)
}

// RIFFChunk is one chunk, padded to an even length.
func RIFFChunk(name string, payload []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(payload)))
	out = append(out, payload...)
	if len(payload)%2 == 1 {
		out = append(out, 0)
	}
	return out
}
