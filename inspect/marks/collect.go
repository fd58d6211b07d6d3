package marks

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/cordonhq/cordon/declared"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
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
	media.CR3:  readBMFF,

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
	media.SVG:      readMarkup,
	media.HTML:     readMarkup,

	media.OOXML: readProperties,
	media.ZIP:   readProperties,
	media.DICOM: readDICOM,
	media.PSD:   readPSD,
	media.AIFF:  readAIFF,
	media.AAC:   readMP3, // its tags are those of MP3
}

// beside are types of which the statements are read, and little else: that none was found is not
// that such a file was tested.
var beside = []media.Type{media.HTML, media.OOXML, media.ZIP, media.DICOM, media.PSD, media.AIFF, media.AAC}

// Fields returns what the file says of itself, and which bound was met, if any. Damage ends
// the reading of what is damaged, never the rest. The second result is false for types
// whose metadata is not read.
func Fields(ctx context.Context, m *media.Media) (all []declared.Field, over string, covered bool, err error) {
	read, ok := readers[m.Type]
	if !ok {
		return nil, "", false, nil
	}
	f := fields{ctx: ctx, left: int(m.Room(maxBlocks)), room: int(m.Room(1))}
	read(&f, m)
	if err := errors.Join(f.err, ctx.Err()); err != nil {
		return nil, "", true, err
	}
	return f.all, f.over, true, nil
}

func readJPEG(f *fields, m *media.Media) {
	ext := extended{}
	for p, err := range chunk.JPEG(m, m.Size()) {
		// Segments may stand between scans and behind the last as well.
		if f.ended(err) {
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
			ext.add(f, b[len(xmpExtHeader):], p.Off+int64(len(xmpExtHeader)))
		case bytes.HasPrefix(b, []byte("Photoshop 3.0\x00")):
			readResources(f, b[14:])
		}
	}
	ext.read(f, m)
}

func readGIF(f *fields, m *media.Media) {
	for p, err := range chunk.GIF(m, m.Size()) {
		if f.ended(err) {
			break
		}
		switch {
		case p.Name == "comment":
			if b, ok := f.piece(m, p); ok {
				f.add("comment", "GIF comment", string(joinBlocks(b)))
			}
		case p.Form == "XMP DataXMP":
			// The packet is stored whole: its bytes serve as block lengths, and a trailer of
			// 258 bytes lets readers that do not know it find the end.
			if b, ok := f.packet(m, p); ok {
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
		if f.ended(err) {
			break
		}
		where := strings.TrimPrefix(p.Path, "RIFF/")
		switch {
		case where == "EXIF":
			if b, ok := f.piece(m, p); ok {
				readEXIF(f, bytes.TrimPrefix(b, []byte("Exif\x00\x00")))
			}
		case where == "XMP " || where == "_PMX":
			if b, ok := f.packet(m, p); ok {
				readXMP(f, b)
			}
		case where == "id3 " || where == "ID3 ":
			if b, ok := f.piece(m, p); ok {
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
