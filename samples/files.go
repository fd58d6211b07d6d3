package samples

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"io"
	"slices"
)

// remark is the comment in every sample.
const remark = "Sample made by the Cordon project"

// withChunk puts a chunk after the header of a PNG file.
func withChunk(png []byte, name string, data []byte) []byte {
	const header = 8 + 25 // signature and IHDR
	return slices.Concat(png[:header], chunk(name, data), png[header:])
}

func comment(png []byte) []byte { return withChunk(png, "tEXt", []byte("Comment\x00"+remark)) }

func chunk(name string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, name...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// MinBig is the smallest size that BigPNG and BigJPEG make, in bytes.
const MinBig = 64 << 10

// BigPNG returns exactly n bytes that are a valid PNG file: a small picture, and chunks that
// decoders skip. It is made while it is read, so size costs no memory. n is at least MinBig.
func BigPNG(n int64) io.Reader {
	small, err := encodePNG(flat())
	if err != nil {
		panic(err) // encoding into memory does not fail
	}
	small = comment(small)
	end := len(small) - 12 // IEND
	return &big{head: small[:end], tail: small[end:], left: max(n, MinBig) - int64(len(small)), overhead: 12, most: 60 << 10,
		part: func(data []byte) []byte { return chunk("coRd", data) }}
}

// BigJPEG returns exactly n bytes that are a valid JPEG file: comment segments, then a small
// picture. n is at least MinBig.
func BigJPEG(n int64) io.Reader {
	small, err := encodeJPEG(flat(), 80)
	if err != nil {
		panic(err)
	}
	return &big{head: small[:2], tail: small[2:], left: max(n, MinBig) - int64(len(small)), overhead: 4, most: 60 << 10,
		part: func(data []byte) []byte {
			return append(binary.BigEndian.AppendUint16([]byte{0xFF, 0xFE}, uint16(2+len(data))), data...)
		}}
}

// flat is a picture that encodes to a few hundred bytes.
func flat() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for y := range 32 {
		for x := range 32 {
			m.Set(x, y, color.RGBA{uint8(x * 8), uint8(y * 8), 128, 255})
		}
	}
	return m
}

// big yields head, padding parts and tail.
type big struct {
	head, tail []byte
	left       int64 // padding still owed, in bytes
	overhead   int64 // of one part
	most       int64 // data of one part
	part       func(data []byte) []byte
	buffer     []byte
	state      uint64
	stage      int
}

func (b *big) Read(p []byte) (int, error) {
	for len(b.buffer) == 0 {
		switch {
		case b.stage == 0:
			b.buffer, b.stage = b.head, 1
		case b.left > 0:
			b.buffer = b.pad()
		case b.stage == 1:
			b.buffer, b.stage = b.tail, 2
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, b.buffer)
	b.buffer = b.buffer[n:]
	return n, nil
}

// pad returns the next part. The last but one leaves enough for the last.
func (b *big) pad() []byte {
	n := min(b.left-b.overhead, b.most)
	if rest := b.left - b.overhead - n; rest > 0 && rest < b.overhead {
		n -= b.overhead
	}
	data := make([]byte, n)
	for i := 0; i+8 <= len(data); i += 8 { // xorshift: incompressible enough, and cheap
		b.state = b.state*6364136223846793005 + 1442695040888963407
		binary.LittleEndian.PutUint64(data[i:], b.state^b.state>>33)
	}
	out := b.part(data)
	b.left -= int64(len(out))
	return out
}

// letterPDF is a PDF file of one page, with text in a standard font.
func letterPDF() []byte {
	var text bytes.Buffer
	text.WriteString("BT /F1 20 Tf 72 760 Td (Harbour Street Laboratory) Tj /F1 11 Tf 0 -28 Td")
	for _, s := range []string{"Patient: Sam Sample \\(not a person\\)", "Laboratory report", "Haemoglobin 13.4 g/dL, Leukocytes 6.1, Platelets 240",
		"All values lie within the reference range.", remark + ": about nobody, means nothing."} {
		fmt.Fprintf(&text, " (%s) Tj 0 -18 Td", s)
	}
	text.WriteString(" ET")
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>", "<< /Title (" + remark + ") /Producer (Cordon samples) >>"}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	offsets := []int{}
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}
