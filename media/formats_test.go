package media_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/anatomy"
	"github.com/cordonhq/cordon/media/mediatest"
)

// dicomElement is an element of a data set with explicit representations.
func dicomElement(group, number uint16, vr string, value []byte) []byte {
	if len(value)%2 == 1 {
		value = append(value, 0)
	}
	b := binary.LittleEndian.AppendUint16(nil, group)
	b = append(binary.LittleEndian.AppendUint16(b, number), vr...)
	if vr == "OB" || vr == "OW" || vr == "UN" {
		b = binary.LittleEndian.AppendUint32(append(b, 0, 0), uint32(len(value)))
	} else {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	}
	return append(b, value...)
}

// clinical is a clinical image of 4 by 4 pixels, with what is given in its pixel data behind them and
// further elements.
func clinical(behindPixels []byte, more ...[]byte) []byte {
	number := func(n uint16) []byte { return binary.LittleEndian.AppendUint16(nil, n) }
	return slicesConcat(make([]byte, 128), []byte("DICM"), dicomElement(2, 0x10, "UI", []byte("1.2.840.10008.1.2.1\x00")),
		dicomElement(8, 0x60, "CS", []byte("OT")), bytes.Join(more, nil), dicomElement(0x28, 2, "US", number(1)), dicomElement(0x28, 4, "CS", []byte("MONOCHROME2 ")),
		dicomElement(0x28, 0x10, "US", number(4)), dicomElement(0x28, 0x11, "US", number(4)), dicomElement(0x28, 0x100, "US", number(8)),
		dicomElement(0x28, 0x101, "US", number(8)), dicomElement(0x7FE0, 0x10, "OB", append(make([]byte, 16), behindPixels...)))
}

func slicesConcat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// oggPages are pages of one packet of a header, and one of sound.
func oggPages(packet []byte) (out []byte) {
	page := func(granule uint64, number uint32, body []byte) {
		lacing := bytes.Repeat([]byte{255}, len(body)/255)
		lacing = append(lacing, byte(len(body)%255))
		h := append([]byte("OggS\x00\x00"), binary.LittleEndian.AppendUint64(nil, granule)...)
		h = binary.LittleEndian.AppendUint32(append(h, 1, 0, 0, 0), number)
		out = append(append(append(append(out, h...), 0, 0, 0, 0, byte(len(lacing))), lacing...), body...)
	}
	page(0, 0, []byte("\x01vorbis and so on, for 30 bytes"))
	n := uint32(1)
	for ; len(packet) > 300; packet, n = packet[300:], n+1 {
		page(0, n, packet[:300])
	}
	page(0, n, packet)
	page(500, n+1, make([]byte, 200))
	return out
}

func id3(flags byte, body []byte) []byte {
	n := len(body)
	return append([]byte{'I', 'D', '3', 3, 0, flags, byte(n >> 21 & 0x7F), byte(n >> 14 & 0x7F), byte(n >> 7 & 0x7F), byte(n & 0x7F)}, body...)
}

// mpegFrames are frames of MPEG sound of 128 kbit/s.
func mpegFrames(n int) []byte {
	frame := append([]byte{0xFF, 0xFB, 0x90, 0x00}, make([]byte, 413)...)
	return bytes.Repeat(frame, n)
}

func photoshop(resources, behind []byte) []byte {
	h := append([]byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x04\x00\x08\x00\x03"), 0, 0, 0, 0)
	h = append(binary.BigEndian.AppendUint32(h, uint32(len(resources))), resources...)
	return append(append(h, make([]byte, 4+2+48)...), behind...)
}

func ebml(id string, body ...[]byte) []byte {
	b := bytes.Join(body, nil)
	return append(append([]byte(id), 0x10|byte(len(b)>>24), byte(len(b)>>16), byte(len(b)>>8), byte(len(b))), b...)
}

// compound is an Office file of yesterday with one stream, whose sectors stand in reverse.
func compound(stream []byte) []byte {
	const sector = 512
	stream = append(bytes.Clone(stream), make([]byte, max(0, 4096-len(stream)))...)
	n := (len(stream) + sector - 1) / sector
	stream = append(stream, make([]byte, n*sector-len(stream))...)
	le := binary.LittleEndian
	h := make([]byte, sector)
	copy(h, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
	h[30], h[32] = 9, 6
	le.PutUint32(h[44:], 1)
	le.PutUint32(h[48:], 1) // the directory
	le.PutUint32(h[56:], 4096)
	le.PutUint32(h[60:], 0xFFFFFFFE)
	le.PutUint32(h[68:], 0xFFFFFFFE)
	for i := 76; i < sector; i += 4 {
		le.PutUint32(h[i:], 0xFFFFFFFF)
	}
	le.PutUint32(h[76:], 0)
	table, directory := bytes.Repeat([]byte{0xFF}, sector), make([]byte, sector)
	le.PutUint32(table[0:], 0xFFFFFFFD)
	le.PutUint32(table[4:], 0xFFFFFFFE)
	for i := range n { // the first sector of the stream is the last of the file
		next := uint32(2 + i - 1)
		if i == 0 {
			next = 0xFFFFFFFE
		}
		le.PutUint32(table[4*(2+i):], next)
	}
	entry := directory[128:]
	copy(entry, "D\x00a\x00t\x00a\x00")
	entry[66] = 2
	le.PutUint32(entry[116:], uint32(2+n-1))
	le.PutUint32(entry[120:], uint32(len(stream)))
	out := slicesConcat(h, table, directory)
	for i := range n {
		out = append(out, stream[(n-1-i)*sector:][:sector]...)
	}
	return out
}

// uuencoded is the picture as mails carried it once.
func uuencoded(b []byte) []byte {
	out := []byte("Subject: a picture\n\nbegin 644 a.png\n")
	for len(b) > 0 {
		line := append(bytes.Clone(b[:min(45, len(b))]), 0, 0)
		n := min(45, len(b))
		b = b[n:]
		out = append(out, byte(' '+n))
		for i := 0; i < n; i += 3 {
			for _, c := range []byte{line[i] >> 2, line[i]<<4&0x3F | line[i+1]>>4, line[i+1]<<2&0x3F | line[i+2]>>6, line[i+2] & 0x3F} {
				out = append(out, ' '+c)
			}
		}
		out = append(out, '\n')
	}
	return append(out, "`\nend\n"...)
}

func quoted(t testing.TB, b []byte) []byte {
	return encoded(t, func(out *bytes.Buffer) error {
		w := quotedprintable.NewWriter(out)
		w.Binary = true
		w.Write(b)
		return w.Close()
	})
}

// inFormats are files that hold a picture where programs or people may put it, by where that is.
func inFormats(t testing.TB, picture []byte) map[string][]byte {
	sound := mediatest.RIFFChunk("data", make([]byte, 400))
	format := mediatest.RIFFChunk("fmt ", []byte("\x01\x00\x01\x00\x40\x1F\x00\x00\x40\x1F\x00\x00\x01\x00\x08\x00"))
	wave := mediatest.RIFF("WAVE", format, sound)
	flacHead := append([]byte("fLaC\x00\x00\x00\x22"), make([]byte, 34)...)
	block := func(kind byte, b []byte) []byte {
		return append([]byte{kind, byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
	}
	comment := []byte("\x03vorbis....METADATA_BLOCK_PICTURE=" + base64.StdEncoding.EncodeToString(append([]byte("\x00\x00\x00\x03\x00\x00\x00\x09image/png12345678901234567"), picture...)))
	aiff := slicesConcat([]byte("FORM"), binary.BigEndian.AppendUint32(nil, uint32(4+8+len(picture)+len(picture)%2+8+40)), []byte("AIFF"),
		[]byte("JUNK"), binary.BigEndian.AppendUint32(nil, uint32(len(picture))), picture, make([]byte, len(picture)%2), []byte("SSND\x00\x00\x00\x28"), make([]byte, 40))
	segment := func(parts ...[]byte) []byte {
		return append(ebml("\x1A\x45\xDF\xA3", ebml("\x42\x82", []byte("matroska"))), ebml("\x18\x53\x80\x67", parts...)...)
	}
	codestream := slicesConcat([]byte("\xFF\x4F\xFF\x51\x00\x04\x00\x00"), []byte("\xFF\x90\x00\x0A\x00\x00\x00\x00\x00\x20\x00\x01\xFF\x93"), make([]byte, 18), []byte("\xFF\xD9"))
	pdf := "%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
	end := "trailer << /Root 1 0 R >>\nstartxref\n0\n%%EOF\n"
	var unsynchronised []byte
	for i, c := range picture {
		unsynchronised = append(unsynchronised, c)
		if c == 0xFF && i+1 < len(picture) && (picture[i+1] >= 0xE0 || picture[i+1] == 0) {
			unsynchronised = append(unsynchronised, 0)
		}
	}
	return map[string][]byte{
		"DICOM: a private element":          clinical(nil, dicomElement(9, 0x1001, "UN", picture)),
		"DICOM: behind the pixels":          clinical(picture),
		"DICOM: behind the data set":        append(clinical(nil), append([]byte("\xFF\xFF\x00\xE0....\x00\x00\x00\x00"), picture...)...),
		"WAVE: a chunk that fills":          mediatest.RIFF("WAVE", format, mediatest.RIFFChunk("JUNK", picture), sound),
		"WAVE: behind the end":              append(bytes.Clone(wave), picture...),
		"AVI: among the frames":             mediatest.RIFF("AVI ", mediatest.RIFFChunk("LIST", slicesConcat([]byte("movi"), mediatest.RIFFChunk("00dc", make([]byte, 50)), mediatest.RIFFChunk("JUNK", picture)))),
		"AIFF: a chunk that fills":          aiff,
		"Matroska: filling":                 segment(ebml("\xEC", picture)),
		"Matroska: an attachment":           segment(ebml("\x19\x41\xA4\x69", picture)),
		"Matroska: an element of its own":   segment(ebml("\x5A\x5A", picture)),
		"FLAC: a picture":                   slicesConcat(flacHead, block(0x86, picture), make([]byte, 100)),
		"FLAC: filling":                     slicesConcat(flacHead, block(0x81, picture), make([]byte, 100)),
		"FLAC: a comment":                   slicesConcat(flacHead, block(0x84, comment), make([]byte, 100)),
		"FLAC: behind the sound":            slicesConcat(flacHead, block(0x81, nil), make([]byte, 100), picture),
		"Ogg: a comment over many pages":    oggPages(comment),
		"Ogg: between pages":                slicesConcat(oggPages(nil), picture, oggPages(nil)),
		"MP3: a tag":                        append(id3(0, append([]byte("APIC....\x00image/png\x00\x03\x00"), picture...)), mpegFrames(4)...),
		"MP3: a tag, unsynchronised":        append(id3(0x80, append([]byte("APIC....\x00image/png\x00\x03\x00"), unsynchronised...)), mpegFrames(4)...),
		"MP3: between frames":               slicesConcat(mpegFrames(4), picture, mpegFrames(4)),
		"MP3: behind the sound":             slicesConcat(mpegFrames(4), picture),
		"Photoshop: a resource":             photoshop(picture, nil),
		"Photoshop: behind the end":         photoshop(nil, picture),
		"JPEG 2000: behind the end":         append(bytes.Clone(codestream), picture...),
		"JPEG 2000: behind the end, boxed":  slicesConcat(mediatest.Box("jP  ", []byte("\r\n\x87\n")), mediatest.Box("ftyp", []byte("jp2 \x00\x00\x00\x00")), mediatest.Box("jp2c", codestream, picture)),
		"MP4: media data without a sample":  slicesConcat(mediatest.Box("ftyp", []byte("isom\x00\x00\x00\x00")), mediatest.Box("mdat", make([]byte, 100), picture), mediatest.Box("moov")),
		"TIFF: between directories":         append(mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "Maker of cameras")}), append(make([]byte, 20), picture...)...),
		"Word: a stream in pieces":          compound(append(make([]byte, 100), picture...)),
		"mail: uuencoded":                   uuencoded(picture),
		"mail: quoted":                      append([]byte("Content-Transfer-Encoding: quoted-printable\n\n"), quoted(t, picture)...),
		"PDF: between objects":              []byte(pdf + string(picture) + "\n" + end),
		"PDF: behind the end":               []byte(pdf + end + string(picture)),
		"PDF: a stream, behind what it has": []byte(pdf + fmt.Sprintf("2 0 obj\n<< /Length %d >>\nstream\nBT ET ", 6+len(picture)) + string(picture) + "\nendstream\nendobj\n" + end),
		"PDF: a comment":                    []byte(pdf + "% " + strings.ReplaceAll(string(picture), "\n", "\n") + "\n" + end),
	}
}

// A picture that stands anywhere in a file of any format is a child of it.
func TestPicturesInEveryFormat(t *testing.T) {
	picture := mediatest.Text(mediatest.PNG(t, 24, 24), "parameters", "Steps: 20, Sampler: Euler")
	for name, b := range inFormats(t, picture) {
		m := mediatest.OpenBytes(t, b)
		a := lawful(t, m)
		found := false
		for _, content := range contents(m, a) {
			found = found || bytes.HasPrefix(content, picture)
		}
		if !found || m.Type == media.Unknown {
			t.Errorf("%s: not found in a %s: %d children, %+v", name, m.Type, len(a.Children), a.Ranges)
		}
	}
}

// Noise in the same places belongs to nothing, or is read, and is never a picture; what is whole has
// nothing that belongs to nothing.
func TestNoiseInEveryFormat(t *testing.T) {
	noise := mediatest.Deflate([]byte(strings.Repeat("what nobody knows ", 40)))
	for range 6 {
		noise = append(noise, noise[:min(len(noise), 400)]...)
	}
	nobodys := map[string]bool{"DICOM: behind the pixels": true, "WAVE: a chunk that fills": true, "WAVE: behind the end": true, "AVI: among the frames": true,
		"AIFF: a chunk that fills": true, "Matroska: filling": true, "Matroska: an element of its own": true, "FLAC: filling": true, "Ogg: between pages": true, "MP3: between frames": true,
		"MP3: behind the sound": true, "Photoshop: behind the end": true, "JPEG 2000: behind the end": true, "JPEG 2000: behind the end, boxed": true,
		"TIFF: between directories": true, "PDF: between objects": true, "PDF: behind the end": true}
	for name, b := range inFormats(t, noise) {
		a := lawful(t, mediatest.OpenBytes(t, b))
		if len(a.Children) > 0 {
			t.Errorf("%s: %+v", name, a.Children)
		}
		if nobodys[name] && a.Unknown < int64(len(noise))/2 {
			t.Errorf("%s: %d bytes of %d belong to nothing: %+v", name, a.Unknown, len(noise), a.Ranges)
		}
	}
	for name, b := range inFormats(t, nil) {
		if name == "PDF: a comment" || strings.HasPrefix(name, "DICOM: behind the data") {
			continue
		}
		if a := lawful(t, mediatest.OpenBytes(t, b)); a.Unknown > 24 {
			t.Errorf("%s, without: %d bytes belong to nothing: %+v", name, a.Unknown, anatomy.Sum(a.Ranges))
		}
	}
}

// FuzzFormats holds files of every format to the law that each byte has one state.
func FuzzFormats(f *testing.F) {
	picture := mediatest.PNG(f, 8, 8)
	for _, b := range inFormats(f, picture) {
		f.Add(b)
	}
	for _, b := range [][]byte{xzed(f, picture), zstded(f, picture), taped(f, "a.png", picture), gzipped(f, picture)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := mediatest.OpenBytes(t, b)
		for _, c := range lawful(t, m).Children {
			if c.Look == "" {
				r, n := c.Open(m)
				if part, err := m.OpenPart(r, n, 1000); err == nil {
					lawful(t, part)
					part.Close()
				}
			}
		}
	})
}
