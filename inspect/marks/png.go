package marks

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
)

func readPNG(f *fields, m *media.Media) {
	for p := range chunk.PNGThrough(m, m.Size()) {
		if f.stopped() {
			break
		}
		switch p.Name {
		case "tEXt", "zTXt", "iTXt", "eXIf", "comf": // the last is ComfyUI's, in animations; it is like tEXt
		default:
			continue
		}
		b, err := p.Read(m, maxBlock)
		if err != nil {
			continue
		}
		if p.Len > maxBlock {
			f.limit("a %s chunk of %d bytes", p.Name, p.Len)
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

// inflate unpacks at most maxBlock bytes, and of all chunks what a file may have unpacked. What
// was unpacked before damage counts.
func inflate(f *fields, b []byte) []byte {
	if !f.take(0) {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	defer z.Close()
	out, err := io.ReadAll(io.LimitReader(z, int64(min(maxBlock, f.left))+1))
	f.take(len(out))
	if len(out) > maxBlock {
		f.limit("a text chunk that unpacks to more than %d MiB", maxBlock>>20)
		return out[:maxBlock]
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && len(out) == 0 {
		return nil
	}
	return out
}

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
