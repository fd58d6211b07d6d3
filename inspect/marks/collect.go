package marks

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
	"github.com/cordonhq/cordon/media/pdf"
)

// readers has one entry a type whose metadata is read; other types are not applicable.
var readers = map[media.Type]func(*fields, *media.Media){
	media.JPEG: readJPEG,
	media.PNG:  readPNG,
	media.GIF:  readGIF,
	media.WebP: readRIFF,
	media.WAV:  readRIFF,
	media.AVI:  readRIFF,
	media.TIFF: readTIFF,
	media.DNG:  readTIFF,
	media.HEIC: readBMFF,
	media.AVIF: readBMFF,

	media.JPEG2000: readBMFF,
	media.JPEGXL:   readBMFF,

	media.MP4:  readBMFF,
	media.MOV:  readBMFF,
	media.M4A:  readBMFF,
	media.MP3:  readMP3,
	media.FLAC: readFLAC,
	media.Ogg:  readOgg,

	media.Matroska: readMatroska,
	media.PDF:      readPDF,
	media.SVG:      readSVG,
}

// Fields returns what the file says of itself, and which bound was met, if any. Damage ends
// the reading of what is damaged, never the rest. The second result is false for types
// whose metadata is not read.
func Fields(ctx context.Context, m *media.Media) (all []Field, over string, covered bool, err error) {
	read, ok := readers[m.Type]
	if !ok {
		return nil, "", false, nil
	}
	f := fields{ctx: ctx, left: maxBlocks}
	read(&f, m)
	if m.Type == media.PDF {
		if err := readPDFStreams(ctx, &f, m); err != nil {
			return nil, "", true, err
		}
	}
	return f.all, f.over, true, ctx.Err()
}

func readJPEG(f *fields, m *media.Media) {
	ext := extended{}
	for p, err := range chunk.JPEG(m, m.Size()) {
		// Segments may stand between scans and behind the last as well.
		if err != nil || f.stopped() {
			break
		}
		switch p.Name {
		case "COM", "APP1", "APP13":
		default:
			continue
		}
		b, err := p.Read(m, p.Len) // at most 64 KiB
		if err != nil {
			break
		}
		switch {
		case p.Name == "COM":
			f.add("comment", "COM", string(b))
		case bytes.HasPrefix(b, []byte("Exif\x00")) && len(b) > 6:
			readEXIF(f, b[6:])
		case bytes.HasPrefix(b, []byte(xmpHeader)):
			readXMP(f, b[len(xmpHeader):])
		case bytes.HasPrefix(b, []byte(xmpExtHeader)):
			ext.add(f, b[len(xmpExtHeader):])
		case bytes.HasPrefix(b, []byte("Photoshop 3.0\x00")):
			readResources(f, b[14:])
		}
	}
	ext.read(f)
}

func readGIF(f *fields, m *media.Media) {
	for p, err := range chunk.GIF(m, m.Size()) {
		if err != nil || f.stopped() {
			break
		}
		switch {
		case p.Name == "comment":
			if b, err := p.Read(m, maxBlock); err == nil {
				f.add("comment", "GIF comment", string(joinBlocks(b)))
			}
		case p.Form == "XMP DataXMP":
			// The packet is stored whole: its bytes serve as block lengths, and a trailer of
			// 258 bytes lets readers that do not know it find the end.
			if b, err := p.Read(m, maxBlock); err == nil {
				readXMP(f, b)
			}
		}
	}
}

// joinBlocks takes the length bytes out of GIF data sub-blocks.
func joinBlocks(b []byte) []byte {
	var out []byte
	for len(b) > 1 && b[0] != 0 {
		n := min(int(b[0]), len(b)-1)
		out = append(out, b[1:1+n]...)
		b = b[1+n:]
	}
	return out
}

func readTIFF(f *fields, m *media.Media) { readDirectories(f, m, m.Size()) }

func readRIFF(f *fields, m *media.Media) {
	for p, err := range chunk.RIFF(m, m.Size()) {
		if err != nil || f.stopped() {
			break
		}
		where := strings.TrimPrefix(p.Path, "RIFF/")
		switch {
		case where == "EXIF":
			if b, err := p.Read(m, maxBlock); err == nil {
				readEXIF(f, bytes.TrimPrefix(b, []byte("Exif\x00\x00")))
			}
		case where == "XMP " || where == "_PMX":
			if b, err := p.Read(m, maxBlock); err == nil {
				readXMP(f, b)
			}
		case where == "id3 " || where == "ID3 ":
			if b, err := p.Read(m, maxBlock); err == nil {
				readID3(f, b)
			}
		case where == "bext":
			if b, err := p.Read(m, 602+64<<10); err == nil {
				readBroadcast(f, b)
			}
		case strings.HasPrefix(where, "LIST/") && p.Name[0] == 'I' && p.Len < 64<<10:
			if b, err := p.Read(m, p.Len); err == nil {
				f.add("tag", p.Name, string(b))
			}
		}
	}
}

func readSVG(f *fields, m *media.Media) {
	b, err := head(m, maxBlock)
	if err == nil {
		findXMP(f, b)
	}
}

// readPDF reads the name of the producing program and an XMP packet where they lie open.
func readPDF(f *fields, m *media.Media) {
	b, err := head(m, 1<<20)
	if err != nil {
		return
	}
	if m.Size() > int64(len(b)) {
		tail := make([]byte, min(1<<20, m.Size()-int64(len(b))))
		n, _ := m.ReadAt(tail, m.Size()-int64(len(tail)))
		b = append(b, tail[:n]...)
	}
	findXMP(f, b)
	for _, key := range []string{"Producer", "Creator"} {
		for _, v := range pdfStrings(b, "/"+key) {
			f.add("pdf", key, v)
		}
	}
}

// maxPackets bounds the XMP packets of one document that are unpacked: each revision has one.
const maxPackets = 16

// readPDFStreams reads XMP packets that are packed, those of earlier revisions too, and what
// objects in streams say of the producing program.
func readPDFStreams(ctx context.Context, f *fields, m *media.Media) error {
	d, err := m.PDF(ctx)
	if err != nil && !errors.Is(err, pdf.ErrUnread) && !errors.Is(err, pdf.ErrDamaged) {
		return err
	}
	packets := 0
	for _, o := range d.Objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		if o.Packed != nil {
			for _, key := range []string{"Producer", "Creator"} {
				for _, v := range pdfStrings(o.Packed, "/"+key) {
					f.add("pdf", key, v)
				}
			}
			continue
		}
		if o.Stream == 0 || packets == maxPackets {
			continue
		}
		dict, err := d.Dict(o, "Filter", "F", "DecodeParms", "DP", "Type")
		if err != nil || dict["Type"] != pdf.Name("Metadata") || dict["Filter"] == nil {
			continue
		}
		packets++
		switch b, _, err := d.Decoded(o, dict, maxBlock); {
		case errors.Is(err, cordon.ErrTooLarge):
			f.limit("an XMP packet that unpacks to more than %d MiB", maxBlock>>20)
		case len(b) > 0:
			readXMP(f, b)
		}
	}
	return ctx.Err()
}

// pdfStrings returns the literal strings that follow a name.
func pdfStrings(b []byte, name string) []string {
	var out []string
	for len(out) < 4 {
		i := bytes.Index(b, []byte(name))
		if i < 0 {
			break
		}
		b = bytes.TrimLeft(b[i+len(name):], " \t\r\n")
		if len(b) == 0 || b[0] != '(' {
			continue
		}
		end := 1
		for depth := 1; end < len(b) && end < 1024 && depth > 0; end++ {
			switch b[end] {
			case '\\':
				end++
			case '(':
				depth++
			case ')':
				depth--
			}
		}
		s := string(b[1:max(1, min(end, len(b))-1)])
		if strings.HasPrefix(s, "\xFE\xFF") {
			s = utf16Text([]byte(s[2:]), true)
		}
		out = append(out, s)
	}
	return out
}

func head(m *media.Media, n int64) ([]byte, error) {
	b := make([]byte, min(n, m.Size()))
	got, err := m.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return b[:got], err
}
