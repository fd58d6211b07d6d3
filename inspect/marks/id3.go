package marks

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
)

// id3Names translates the frame names of version 2.2, and says which frames are read.
var id3Names = map[string]string{
	"TSS": "TSSE", "TEN": "TENC", "TT2": "TIT2", "TP1": "TPE1", "COM": "COMM", "TXX": "TXXX", "WAS": "WOAS", "TPB": "TPUB", "TCR": "TCOP",
	"TSSE": "TSSE", "TENC": "TENC", "TIT2": "TIT2", "TPE1": "TPE1", "COMM": "COMM", "TXXX": "TXXX", "WOAS": "WOAS", "TPUB": "TPUB", "TCOP": "TCOP", "PRIV": "PRIV",
	"USLT": "COMM", "ULT": "COMM", "WXXX": "TXXX", "WXX": "TXXX",
}

func readMP3(f *fields, m *media.Media) {
	readTag(f, m)
	readTail(f, m)
}

// readTag reads the ID3v2 tag that the file begins with, and returns how long it is. Of frames that
// are not read, as pictures are, no more is looked at than where they end.
func readTag(f *fields, m *media.Media) int64 {
	var head [10]byte
	if n, _ := m.ReadAt(head[:], 0); n < len(head) || string(head[:3]) != "ID3" {
		return 0
	}
	size := min(10+int64(synchsafe(head[6:])), m.Size())
	if size <= f.block() || head[5] != 0 || head[3] < 3 {
		if b, ok := f.piece(m, chunk.Piece{Name: "ID3", Len: size}); ok {
			readID3(f, b)
		}
		return size
	}
	for at, n := int64(10), 0; at+10 <= size && n < 1024 && !f.stopped(); n++ {
		var h [10]byte
		if got, _ := m.ReadAt(h[:], at); got < len(h) || h[0] == 0 {
			break
		}
		length := int64(binary.BigEndian.Uint32(h[4:]))
		if head[3] >= 4 {
			length = int64(synchsafe(h[4:]))
		}
		if length < 0 || length > size-at-10 {
			break
		}
		if name := frameName(string(h[:4])); name != "" {
			if b, ok := f.piece(m, chunk.Piece{Name: name, Off: at + 10, Len: length}); ok {
				frame(f, name, b)
			}
		}
		at += 10 + length
	}
	return size
}

// frameName is the name of a frame that is read, in its form of today, else "".
func frameName(name string) string {
	if as := id3Names[name]; as != "" {
		return as
	}
	if len(name) == 4 && name[0] == 'T' {
		return name
	}
	return ""
}

// readID3 reads the frames of an ID3v2 tag at the start of b. https://id3.org/id3v2.4.0-structure
func readID3(f *fields, b []byte) {
	if len(b) < 10 || string(b[:3]) != "ID3" {
		return
	}
	version, flags := b[3], b[5]
	end := min(10+synchsafe(b[6:]), len(b))
	b = b[10:end]
	if flags&0x80 != 0 && version < 4 {
		b = bytes.ReplaceAll(b, []byte{0xFF, 0}, []byte{0xFF})
	}
	if flags&0x40 != 0 && version >= 3 && len(b) >= 4 {
		skip := synchsafe(b)
		if version == 3 {
			skip = int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3]) + 4
		}
		if skip < 0 || skip > len(b) {
			return
		}
		b = b[skip:]
	}
	nameLen, headLen := 4, 10
	if version == 2 {
		nameLen, headLen = 3, 6
	}
	for n := 0; n < 1024 && len(b) > headLen && b[0] != 0; n++ {
		name := frameName(string(b[:nameLen]))
		var size int
		switch version {
		case 2:
			size = int(b[3])<<16 | int(b[4])<<8 | int(b[5])
		case 3:
			size = int(b[4])<<24 | int(b[5])<<16 | int(b[6])<<8 | int(b[7])
		default:
			size = synchsafe(b[4:])
		}
		b = b[headLen:]
		if size < 0 || size > len(b) {
			return
		}
		frame(f, name, b[:size])
		b = b[size:]
	}
}

func synchsafe(b []byte) int {
	return int(b[0]&0x7F)<<21 | int(b[1]&0x7F)<<14 | int(b[2]&0x7F)<<7 | int(b[3]&0x7F)
}

func frame(f *fields, name string, b []byte) {
	switch {
	case name == "" || len(b) < 2:
	case name == "PRIV":
		if rest, ok := bytes.CutPrefix(b, []byte("XMP\x00")); ok {
			readXMP(f, rest)
		}
	case name == "WOAS":
		f.add("tag", name, string(b))
	case name == "COMM":
		if len(b) > 4 {
			_, text := id3Pair(b[0], b[4:])
			f.add("tag", name, text)
		}
	case name == "TXXX":
		key, text := id3Pair(b[0], b[1:])
		f.add("tag", key, text)
	default:
		f.add("tag", name, id3Text(b[0], b[1:]))
	}
}

// id3Pair splits a description from its value.
func id3Pair(encoding byte, b []byte) (string, string) {
	if encoding == 1 || encoding == 2 {
		for i := 0; i+1 < len(b); i += 2 {
			if b[i] == 0 && b[i+1] == 0 {
				return id3Text(encoding, b[:i]), id3Text(encoding, b[i+2:])
			}
		}
		return "", id3Text(encoding, b)
	}
	key, value, ok := bytes.Cut(b, []byte{0})
	if !ok {
		return "", string(b)
	}
	return string(key), strings.TrimRight(string(value), "\x00")
}

func id3Text(encoding byte, b []byte) string {
	if encoding == 1 || encoding == 2 {
		return utf16Text(b, encoding == 2)
	}
	return strings.TrimRight(string(b), "\x00")
}
