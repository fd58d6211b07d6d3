package marks

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"io"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
)

func readPNG(f *fields, m *media.Media) {
	for p, err := range chunk.PNGThrough(m, m.Size()) {
		if f.ended(err) {
			break
		}
		switch p.Name {
		case "tEXt", "zTXt", "iTXt", "eXIf", "comf": // the last is ComfyUI's, in animations; it is like tEXt
		default:
			continue
		}
		b, ok := f.chunk(m, p)
		if !ok {
			continue
		}
		if p.Name == "eXIf" {
			readEXIF(f, bytes.TrimPrefix(b, []byte("Exif\x00\x00")))
			continue
		}
		if key, text, ok := pngText(f, p.Name, b); ok {
			addPNGText(f, key, text)
		}
	}
}

// chunk returns a chunk of text without what no rule reads, and other chunks as they are.
func (f *fields) chunk(m io.ReaderAt, p chunk.Piece) ([]byte, bool) {
	if p.Len <= f.block() || p.Name != "tEXt" && p.Name != "iTXt" {
		return f.piece(m, p)
	}
	if b, err := p.Read(m, 128); err == nil && bytes.HasPrefix(b, []byte("Raw profile")) || p.Name == "iTXt" && packed(b) {
		return f.piece(m, p)
	}
	return f.packet(m, p)
}

// packed reports whether the text of an iTXt chunk is.
func packed(b []byte) bool {
	i := bytes.IndexByte(b, 0)
	return i >= 0 && i+1 < len(b) && b[i+1] == 1
}

// pngText splits a text chunk into keyword and text. https://www.w3.org/TR/png-3/#11textinfo
func pngText(f *fields, kind string, b []byte) (key, text string, ok bool) {
	k, rest, ok := bytes.Cut(b, []byte{0})
	if !ok {
		return "", "", false
	}
	switch kind {
	case "zTXt":
		if len(rest) < 1 || rest[0] != 0 {
			return "", "", false
		}
		rest = inflate(f, rest[1:])
	case "iTXt":
		if len(rest) < 2 {
			return "", "", false
		}
		packed := rest[0] == 1
		_, rest, ok = bytes.Cut(rest[2:], []byte{0}) // language
		if ok {
			_, rest, ok = bytes.Cut(rest, []byte{0}) // translated keyword
		}
		if !ok {
			return "", "", false
		}
		if packed {
			rest = inflate(f, rest)
		}
	}
	return string(k), string(rest), true
}

// inflate unpacks a block, without what no rule reads, and of all chunks what a file may have
// unpacked. What was unpacked before damage counts.
func inflate(f *fields, b []byte) []byte {
	if !f.take(0) {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	defer z.Close()
	plain := &io.LimitedReader{R: z, N: maxRun + f.block()*maxSqueezed}
	most := min(f.block(), int64(f.left))
	out, _ := io.ReadAll(io.LimitReader(squeeze(f.ctx, plain), most+1))
	f.take(len(out))
	if int64(len(out)) > most || plain.N <= 0 {
		f.limit("a text chunk that unpacks to more than %d MiB", f.block()>>20)
		out = out[:min(int64(len(out)), most)]
	}
	return out
}

// maxSqueezed is how many times what is kept of a packed block may be unpacked to find it.
const maxSqueezed = 8

func addPNGText(f *fields, key, text string) {
	switch {
	case key == "XML:com.adobe.xmp":
		readXMP(f, []byte(text))
	case strings.HasPrefix(key, "Raw profile type "):
		// ImageMagick keeps the blocks of other formats as hexadecimal text.
		b := rawProfile(text)
		switch strings.ToLower(strings.TrimPrefix(key, "Raw profile type ")) {
		case "exif", "app1":
			if rest, ok := bytes.CutPrefix(b, []byte(xmpHeader)); ok {
				readXMP(f, rest)
			} else {
				readEXIF(f, bytes.TrimPrefix(b, []byte("Exif\x00\x00")))
			}
		case "xmp":
			readXMP(f, b)
		case "iptc", "8bim":
			readResources(f, b)
		}
	default:
		f.add("png text", key, text)
	}
}

// rawProfile decodes "\nname\n   length\nhex…".
func rawProfile(s string) []byte {
	parts := strings.SplitN(strings.TrimLeft(s, "\n"), "\n", 3)
	if len(parts) != 3 {
		return nil
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(parts[2]), ""))
	if err != nil {
		return nil
	}
	return b
}
