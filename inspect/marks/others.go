package marks

import (
	"encoding/binary"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
)

// readPSD reads the resources of a Photoshop file.
// https://www.adobe.com/devnet-apps/photoshop/fileformatashtml/
func readPSD(f *fields, m *media.Media) {
	at := int64(26)
	var n [4]byte
	if got, _ := m.ReadAt(n[:], at); got < 4 { // colours
		return
	}
	at += 4 + int64(binary.BigEndian.Uint32(n[:]))
	if got, _ := m.ReadAt(n[:], at); got < 4 {
		return
	}
	if b, ok := f.piece(m, chunk.Piece{Name: "resources", Off: at + 4, Len: int64(binary.BigEndian.Uint32(n[:]))}); ok {
		readResources(f, b)
	}
}

// aiffNames are the texts of an AIFF file.
var aiffNames = map[string]string{"NAME": "TITLE", "AUTH": "author", "ANNO": "COMMENT", "(c) ": "copyright"}

// readAIFF reads the texts of an AIFF file, and its ID3 tag.
func readAIFF(f *fields, m *media.Media) {
	for at := int64(12); at+8 <= m.Size() && !f.stopped(); {
		var head [8]byte
		if n, _ := m.ReadAt(head[:], at); n < len(head) {
			return
		}
		p := chunk.Piece{Name: string(head[:4]), Start: at, Off: at + 8, Len: int64(binary.BigEndian.Uint32(head[4:]))}
		name := aiffNames[p.Name]
		if name != "" || p.Name == "ID3 " {
			b, ok := f.piece(m, p)
			switch {
			case !ok:
			case name == "":
				readID3(f, b)
			default:
				f.add("tag", name, string(b))
			}
		}
		at = p.End() + p.Len&1
	}
}
