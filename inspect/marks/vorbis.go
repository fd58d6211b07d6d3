package marks

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
)

// readFLAC reads the comment blocks, also behind an ID3 tag.
func readFLAC(f *fields, m *media.Media) {
	at := readTag(f, m)
	var head [4]byte
	if n, _ := m.ReadAt(head[:], at); n < len(head) || string(head[:]) != "fLaC" {
		return
	}
	at += 4
	for range 256 {
		if n, _ := m.ReadAt(head[:], at); n < len(head) || f.stopped() {
			return
		}
		p := chunk.Piece{Name: "comments", Off: at + 4, Len: int64(head[1])<<16 | int64(head[2])<<8 | int64(head[3])}
		if head[0]&0x7F == 4 {
			if b, ok := f.piece(m, p); ok {
				readComments(f, b)
			}
		}
		if head[0]&0x80 != 0 {
			return
		}
		at = p.End()
	}
}

// readOgg joins the pages at the start and reads the comment header of the first stream
// that has one: Vorbis, Opus, or FLAC in Ogg.
func readOgg(f *fields, m *media.Media) {
	b, err := head(m, f.block())
	if err != nil {
		return
	}
	var body []byte
	for n := 0; n < 512 && len(b) >= 27 && string(b[:4]) == "OggS"; n++ {
		segments := int(b[26])
		if len(b) < 27+segments {
			break
		}
		size := 0
		for _, s := range b[27 : 27+segments] {
			size += int(s)
		}
		b = b[27+segments:]
		if size > len(b) {
			size = len(b)
		}
		body = append(body, b[:size]...)
		b = b[size:]
	}
	for _, mark := range []string{"\x03vorbis", "OpusTags"} {
		if i := bytes.Index(body, []byte(mark)); i >= 0 {
			readComments(f, body[i+len(mark):])
			return
		}
	}
}

// readComments reads a Vorbis comment block. https://xiph.org/vorbis/doc/v-comment.html
func readComments(f *fields, b []byte) {
	vendor, b, ok := lengthed(b)
	if !ok || len(b) < 4 {
		return
	}
	f.add("tag", "vendor", vendor)
	count := binary.LittleEndian.Uint32(b)
	b = b[4:]
	for n := uint32(0); n < min(count, 1024); n++ {
		var pair string
		if pair, b, ok = lengthed(b); !ok {
			return
		}
		if key, value, ok := strings.Cut(pair, "="); ok && !strings.EqualFold(key, "METADATA_BLOCK_PICTURE") {
			f.add("tag", strings.ToUpper(key), value)
		}
	}
}

func lengthed(b []byte) (string, []byte, bool) {
	if len(b) < 4 {
		return "", nil, false
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n > int64(len(b)-4) {
		return "", nil, false
	}
	return string(b[4 : 4+n]), b[4+n:], true
}
