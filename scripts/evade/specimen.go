package main

import (
	"bytes"
	"embed"
	"image/gif"
	"image/jpeg"
	"image/png"

	"github.com/cordonhq/cordon/media/mediatest"
)

// format is a family of files that are dressed in the same ways.
type format string

const (
	formatJPEG format = "jpeg"
	formatPNG  format = "png"
	formatGIF  format = "gif"
	formatWebP format = "webp"
	formatBMFF format = "bmff"
	formatPDF  format = "pdf"
	formatZIP  format = "zip"
)

// specimen is a file with a mark of which nobody has tried to make a secret.
type specimen struct {
	name   string // as a file is called
	format format
	file   []byte
	// mark are the bytes that make the mark, where they stand in the file as they are.
	mark []byte
}

// The recordings and coded pictures were made with ffmpeg and libheif from a test pattern, and
// exiftool put the tag into them.
//
//go:embed testdata/marked.*
var made embed.FS

const (
	sourceType = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
	settings   = "a lighthouse\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 41, Size: 64x48, Model hash: 1a2b3c4d"
)

func markedXMP() []byte {
	return []byte(mediatest.XMP("<Iptc4xmpExt:DigitalSourceType>" + sourceType + "</Iptc4xmpExt:DigitalSourceType>"))
}

func bareJPEG(w, h int) []byte {
	var b bytes.Buffer
	must(jpeg.Encode(&b, mediatest.Picture(w, h), &jpeg.Options{Quality: 90}))
	return b.Bytes()
}

func barePNG(w, h int) []byte {
	var b bytes.Buffer
	must(png.Encode(&b, mediatest.Picture(w, h)))
	return b.Bytes()
}

func markedPNG() []byte { return mediatest.Text(barePNG(64, 48), "parameters", settings) }

func markedJPEG() []byte {
	return mediatest.Segment(bareJPEG(64, 48), 0xE1, append([]byte("http://ns.adobe.com/xap/1.0/\x00"), markedXMP()...))
}

// specimens are the marked files that the tool makes by itself.
func specimens() []specimen {
	xmp := markedXMP()
	exif := mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(305, "Stable Diffusion XL")})
	var g bytes.Buffer
	must(gif.Encode(&g, mediatest.Picture(32, 24), nil))
	out := []specimen{
		{"xmp.jpg", formatJPEG, markedJPEG(), xmp},
		{"exif.jpg", formatJPEG, mediatest.EXIF(bareJPEG(64, 48), exif), exif},
		{"text.png", formatPNG, markedPNG(), []byte(settings)},
		{"xmp.png", formatPNG, mediatest.Chunk(barePNG(64, 48), "iTXt", append([]byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"), xmp...)), xmp},
		{"comment.gif", formatGIF, gifWith(g.Bytes(), xmp), xmp},
	}
	for _, s := range []specimen{{name: "marked.webp", format: formatWebP}, {name: "marked.avif", format: formatBMFF},
		{name: "marked.heic", format: formatBMFF}, {name: "marked.mp4", format: formatBMFF}} {
		b, err := made.ReadFile("testdata/" + s.name)
		must(err)
		s.file, s.mark = b, []byte(sourceType)
		out = append(out, s)
	}
	return out
}

// gifWith puts XMP behind the header of a GIF, as Adobe wrote down.
func gifWith(file, xmp []byte) []byte {
	head := 13
	if file[10]&0x80 != 0 {
		head += 3 << (file[10]&7 + 1)
	}
	out := append(bytes.Clone(file[:head]), "\x21\xFF\x0BXMP DataXMP"...)
	out = append(append(out, xmp...), 1)
	for i := 255; i >= 0; i-- {
		out = append(out, byte(i))
	}
	out = append(out, 0)
	out[3+1] = '9' // GIF89a, which has extensions
	return append(out, file[head:]...)
}

func must(err error) {
	if err != nil {
		panic(err) // of encoding to memory and of files that are built in
	}
}
