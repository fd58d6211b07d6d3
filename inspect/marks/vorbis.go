package marks

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/cordonhq/cordon/media"
)

// readFLAC finds the comment block, also behind an ID3 tag.
func readFLAC(f *fields, m *media.Media) {
	b, err := head(m, maxBlock)
	if err != nil {
		return
	}
	if len(b) > 10 && string(b[:3]) == "ID3" {
		readID3(f, b)
		b = b[min(10+synchsafe(b[6:]), len(b)):]
	}
	b, ok := bytes.CutPrefix(b, []byte("fLaC"))
	for n := 0; ok && n < 256 && len(b) >= 4; n++ {
		kind, size := b[0], int(b[1])<<16|int(b[2])<<8|int(b[3])
		b = b[4:]
		if size > len(b) {
			return
		}
		if kind&0x7F == 4 {
			readComments(f, b[:size])
		}
		if kind&0x80 != 0 {
			return
		}
		b = b[size:]
	}
}

// readOgg joins the pages at the start and reads the comment header of the first stream
// that has one: Vorbis, Opus, or FLAC in Ogg.
func readOgg(f *fields, m *media.Media) {
	b, err := head(m, 1<<20)
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
