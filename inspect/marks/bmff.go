package marks

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chunk"
)

// xmpUUID names the box that holds XMP in MP4 and older HEIF files.
const xmpUUID = "\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC"

// readBMFF reads the tags of MP4 and QuickTime files and the EXIF and XMP items of HEIF.
func readBMFF(f *fields, m *media.Media) {
	var keys []string // of QuickTime metadata, by number from 1
	var freeform string
	var items itemTable
	for p, err := range chunk.BMFF(m, m.Size()) {
		if err != nil || f.stopped() {
			break
		}
		dir, _, _ := strings.Cut(p.Path, "/ilst/")
		switch {
		case p.Name == "uuid" && p.Len > 16:
			if b, err := p.Read(m, maxBlock); err == nil && string(b[:16]) == xmpUUID {
				readXMP(f, b[16:])
			}
		case p.Path == "xml ": // of JPEG XL and JPEG 2000
			if b, err := p.Read(m, maxBlock); err == nil {
				readXMP(f, b)
			}
		case p.Path == "Exif" && p.Len > 4: // of JPEG XL, behind an offset
			if b, err := p.Read(m, maxBlock); err == nil {
				readEXIF(f, b[4:])
			}
		case p.Name == "XMP_" && strings.HasSuffix(p.Path, "udta/XMP_"):
			if b, err := p.Read(m, maxBlock); err == nil {
				readXMP(f, b)
			}
		case strings.HasSuffix(p.Path, "/meta/keys") || p.Path == "meta/keys":
			if b, err := p.Read(m, maxBlock); err == nil {
				keys = quickTimeKeys(b)
			}
		case strings.HasSuffix(p.Path, "/ilst/----/name"):
			if b, err := p.Read(m, 256); err == nil && len(b) > 4 {
				freeform = string(b[4:])
			}
		case p.Name == "data" && dir != p.Path && p.Len > 8:
			if b, err := p.Read(m, maxBlock); err == nil {
				addTag(f, tagName(p.Path, keys, freeform), b)
			}
		case strings.HasSuffix(p.Path, "udta/"+p.Name) && p.Name[0] == 0xA9 && p.Len > 4:
			// QuickTime's own: length, language, text.
			if b, err := p.Read(m, maxBlock); err == nil {
				n := min(int(binary.BigEndian.Uint16(b)), len(b)-4)
				f.add("tag", p.Name, string(b[4:4+n]))
			}
		case p.Path == "meta/iinf":
			if b, err := p.Read(m, maxBlock); err == nil {
				items.names(b)
			}
		case p.Path == "meta/idat":
			items.idat = p.Off
		case p.Path == "meta/iloc":
			if b, err := p.Read(m, maxBlock); err == nil {
				items.places(b)
			}
		}
	}
	items.read(f, m)
}

// tagName is the name of the item that a data box belongs to.
func tagName(path string, keys []string, freeform string) string {
	parts := strings.Split(path, "/")
	if len(parts) < 2 {
		return path
	}
	name := strings.Join(parts[len(parts)-2:len(parts)-1], "")
	if i := strings.LastIndex(path, "/ilst/"); i >= 0 {
		name = strings.TrimSuffix(path[i+len("/ilst/"):], "/data")
	}
	if name == "----" {
		return freeform
	}
	if len(name) == 4 && name[0] == 0 {
		if n := binary.BigEndian.Uint32([]byte(name)); n >= 1 && int64(n) <= int64(len(keys)) {
			return keys[n-1]
		}
	}
	return name
}

// addTag adds the value of a data box: type, locale, value. Only text is of use.
func addTag(f *fields, name string, b []byte) {
	switch binary.BigEndian.Uint32(b) {
	case 1:
		f.add("tag", name, string(b[8:]))
	case 2:
		f.add("tag", name, utf16Text(b[8:], true))
	}
}

func quickTimeKeys(b []byte) []string {
	if len(b) < 8 {
		return nil
	}
	b = b[8:]
	var keys []string
	for len(b) >= 8 && len(keys) < 1024 {
		n := int64(binary.BigEndian.Uint32(b))
		if n < 8 || n > int64(len(b)) {
			break
		}
		keys = append(keys, string(b[8:n]))
		b = b[n:]
	}
	return keys
}

// itemTable finds the metadata items of a HEIF file. ISO/IEC 14496-12, 8.11.
type itemTable struct {
	kind map[uint32]string // "Exif" or "xmp"
	at   map[uint32][2]int64

	inside []uint32 // of these, at counts from idat
	idat   int64
}

const maxItems = 4096

// names reads an iinf box: which item is what.
func (t *itemTable) names(b []byte) {
	t.kind = map[uint32]string{}
	skip := 6
	if len(b) > 0 && b[0] != 0 {
		skip = 8
	}
	if len(b) < skip {
		return
	}
	b = b[skip:]
	for n := 0; n < maxItems && len(b) >= 16; n++ {
		size := int64(binary.BigEndian.Uint32(b))
		if size < 16 || size > int64(len(b)) {
			return
		}
		e := b[8:size] // version, flags, id, protection, type
		b = b[size:]
		var id uint32
		switch {
		case e[0] == 2 && len(e) >= 12:
			id, e = uint32(binary.BigEndian.Uint16(e[4:])), e[8:]
		case e[0] == 3 && len(e) >= 14:
			id, e = binary.BigEndian.Uint32(e[4:]), e[10:]
		default:
			continue
		}
		switch kind := string(e[:4]); {
		case kind == "Exif":
			t.kind[id] = kind
		case kind == "mime" && bytes.Contains(e, []byte("rdf+xml")):
			t.kind[id] = "xmp"
		}
	}
}

// places reads an iloc box: where the first extent of each item is.
func (t *itemTable) places(b []byte) {
	t.at, t.inside = map[uint32][2]int64{}, nil
	if len(b) < 8 {
		return
	}
	version := b[0]
	offLen, lenLen, baseLen, indexLen := int(b[4]>>4), int(b[4]&15), int(b[5]>>4), int(b[5]&15)
	b = b[6:]
	short := func(n int) (v uint64, ok bool) {
		if n > 8 || n > len(b) {
			return 0, false
		}
		for _, c := range b[:n] {
			v = v<<8 | uint64(c)
		}
		b = b[n:]
		return v, true
	}
	idLen := 2
	if version == 2 {
		idLen = 4
	}
	count, _ := short(idLen)
	for range min(count, maxItems) {
		id, ok := short(idLen)
		method := uint64(0)
		if ok && version > 0 {
			method, ok = short(2)
		}
		if ok {
			_, ok = short(2) // data reference
		}
		var base, extents uint64
		if ok {
			base, ok = short(baseLen)
		}
		if ok {
			extents, ok = short(2)
		}
		for e := uint64(0); ok && e < min(extents, maxItems); e++ {
			var off, size uint64
			if version > 0 && indexLen > 0 {
				_, ok = short(indexLen)
			}
			if ok {
				off, ok = short(offLen)
			}
			if ok {
				size, ok = short(lenLen)
			}
			if ok && e == 0 && method&15 <= 1 && base < 1<<40 && off < 1<<40 && size < 1<<40 {
				t.at[uint32(id)] = [2]int64{int64(base + off), int64(size)}
				if method&15 == 1 { // counted from the data of the idat box
					t.inside = append(t.inside, uint32(id))
				}
			}
		}
		if !ok {
			return
		}
	}
}

func (t *itemTable) read(f *fields, m *media.Media) {
	for _, id := range slices.Sorted(maps.Keys(t.kind)) {
		kind := t.kind[id]
		at, ok := t.at[id]
		if slices.Contains(t.inside, id) {
			if t.idat == 0 {
				continue
			}
			at[0] += t.idat
		}
		if !ok || at[0]+at[1] > m.Size() || at[1] > maxBlock {
			continue
		}
		b := make([]byte, at[1])
		if n, _ := m.ReadAt(b, at[0]); int64(n) < at[1] {
			continue
		}
		if kind == "xmp" {
			readXMP(f, b)
			continue
		}
		// Four bytes say how far the TIFF header is from here.
		if len(b) > 12 {
			if skip := int64(binary.BigEndian.Uint32(b)) + 4; skip < int64(len(b)) {
				readEXIF(f, b[skip:])
			}
		}
	}
}
