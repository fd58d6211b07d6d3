package marks

import (
	"bytes"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/cordonhq/cordon/media/chunk"
)

// exifNames are the tags whose text is read. Positions, serial numbers and names of owners
// are not on the list on purpose: no rule needs them.
var exifNames = map[uint16]string{
	11:    "ProcessingSoftware",
	269:   "DocumentName",
	270:   "ImageDescription",
	271:   "Make",
	272:   "Model",
	305:   "Software",
	315:   "Artist",
	316:   "HostComputer",
	33432: "Copyright",
	37500: "MakerNote",
	37510: "UserComment",
	40091: "XPTitle",
	40092: "XPComment",
	40093: "XPAuthor",
	40094: "XPKeywords",
	40095: "XPSubject",
	42043: "Software", // ImageEditingSoftware of Exif 3.0
}

const (
	tagXMP       = 700
	tagIPTC      = 33723
	tagResources = 34377
)

func readEXIF(f *fields, b []byte) {
	readDirectories(f, bytes.NewReader(b), int64(len(b)))
}

// readDirectories reads the tags of a TIFF structure, whether it is a whole file or a block.
func readDirectories(f *fields, r io.ReaderAt, size int64) {
	for t, err := range chunk.TIFF(r, size) {
		if f.ended(err) {
			return
		}
		as := chunk.Piece{Name: "tag " + strconv.Itoa(int(t.ID)), Off: t.Off, Len: t.Len}
		switch t.ID {
		case tagXMP:
			if b, ok := f.packet(r, as); ok {
				readXMP(f, b)
			}
			continue
		case tagIPTC:
			if b, ok := f.piece(r, as); ok {
				readIIM(f, b)
			}
			continue
		case tagResources:
			if b, ok := f.piece(r, as); ok {
				readResources(f, b)
			}
			continue
		}
		name, ok := exifNames[t.ID]
		if !ok || t.Type != 2 && t.Type != 7 && t.Type != 1 && t.Type != 129 {
			continue
		}
		if t.ID == 37500 && t.Len > maxNote {
			continue
		}
		b, ok := f.piece(r, as)
		if !ok {
			continue
		}
		if s := exifText(name, b, t.Order); s != "" {
			f.add("exif", name, s)
		}
	}
}

// maxNote is how long a note of a maker may be to be text.
const maxNote = 4096

// exifText reads a value as the text that its tag holds.
func exifText(name string, b []byte, order binary.ByteOrder) string {
	switch {
	case strings.HasPrefix(name, "XP"):
		return utf16Text(b, false)
	case name == "UserComment":
		return userComment(b, order)
	case name == "MakerNote":
		// Cameras keep binary there; only generators keep text.
		if len(b) > maxNote || bytes.IndexFunc(bytes.TrimRight(b, "\x00"), func(r rune) bool { return r < ' ' && r != '\n' || r == 0xFFFD }) >= 0 {
			return ""
		}
	}
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// userComment has eight bytes that name the encoding before the text. Some writers of
// UNICODE use the byte order of the file, some the other, some UTF-8 all the same.
func userComment(b []byte, order binary.ByteOrder) string {
	if len(b) < 8 {
		return ""
	}
	code, text := string(bytes.TrimRight(b[:8], "\x00 ")), b[8:]
	switch code {
	case "UNICODE":
		text = bytes.TrimLeft(text, "\x00 ")
		if len(text)%2 == 1 || len(text) != len(b)-8 {
			text = b[8:]
		}
		return utf16Text(text, guessBig(text, order == binary.BigEndian))
	case "ASCII", "JIS", "":
		return strings.TrimRight(string(text), "\x00")
	}
	// No encoding at all, only text.
	return strings.TrimRight(string(b), "\x00")
}

// guessBig tells the byte order of text that is mostly Latin: the zero bytes come first.
func guessBig(b []byte, otherwise bool) bool {
	first, second := 0, 0
	for i := 0; i+1 < len(b) && i < 512; i += 2 {
		if b[i] == 0 && b[i+1] != 0 {
			first++
		}
		if b[i+1] == 0 && b[i] != 0 {
			second++
		}
	}
	if first == second {
		return otherwise
	}
	return first > second
}

func utf16Text(b []byte, big bool) string {
	if len(b) >= 2 && (b[0] == 0xFE && b[1] == 0xFF || b[0] == 0xFF && b[1] == 0xFE) {
		big, b = b[0] == 0xFE, b[2:]
	}
	var order binary.ByteOrder = binary.LittleEndian
	if big {
		order = binary.BigEndian
	}
	u := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		c := order.Uint16(b)
		if c == 0 {
			break
		}
		u = append(u, c)
	}
	return string(utf16.Decode(u))
}
